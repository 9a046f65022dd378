"""What a visitor typed or uploaded (file names, headers, ids, titles), as the text that it is.

Streamlit takes what it shows for Markdown, with HTML, pictures, icons, colours and formulas in it;
a spreadsheet takes a cell that begins with "=" for a formula.
"""

from __future__ import annotations

import re

import pandas as pd

MOST = 60
_JOIN = "\u2060"  # the word joiner: invisible, and no line breaks there
# ASCII's punctuation, each of which Markdown lets a backslash keep as it is
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
# What is put in the place of plain text only after that: icons and emoji, mail, arrows, addresses
_AFTERWARDS = re.compile(r"[:@](?=\S)|[-<>=~](?=[-<>=])|www(?=\.)", re.IGNORECASE)
# what a spreadsheet takes for the beginning of a formula
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def plain(text: object) -> str:
    """`text` for a place that takes Markdown, on one line: shown as it is, whatever is in it."""
    line = _AFTERWARDS.sub(rf"\g<0>{_JOIN}", " ".join(str(text).split()))
    return _PUNCTUATION.sub(r"\\\1", line)


def short(text: object, most: int = MOST) -> str:
    """`text` on one line, cut where it is longer than `most` characters."""
    line = " ".join(str(text).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def csv_safe(text: str) -> str:
    """`text` for a cell of a CSV file, made harmless where a spreadsheet would run it.

    A text whose first character is one that begins a formula gets an apostrophe before it, which
    spreadsheets show as text. For columns of text: a negative number would be changed as well.
    Source: OWASP, "CSV Injection".
    """
    return "'" + text if text.lstrip(" ").startswith(_FORMULA) else text


def csv_file(frame: pd.DataFrame) -> bytes:
    """The table as a CSV file that a spreadsheet opens: no text in it is a formula, UTF-8 is told.

    Numbers stay as they are, negative ones too.
    """
    safe = frame.rename(columns=csv_safe)
    for name in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[name].dtype):
            cells = [csv_safe(cell) if isinstance(cell, str) else cell for cell in safe[name]]
            safe[name] = pd.Series(cells, safe.index, object)
    return safe.to_csv(index=False).encode("utf-8-sig")
