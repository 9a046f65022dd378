"""One table of ratings as text: how it is written, told from its beginning."""

import csv
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import StringIO
from typing import Literal

from sim.recommender.upload.columns import ESSENTIAL, Role, by_content, by_name, named
from sim.recommender.upload.errors import UploadError
from sim.recommender.upload.values import decimal_comma, number

HEAD = 1 << 18  # bytes at the beginning of a table that its form is told from
MOST_COLUMNS = 1000
_ROWS = 500
_SHOWN = 60  # characters of a visitor's text quoted in an error
_SEPARATORS = ("\t", ";", ",", "|", "::", " ")
_SAID = re.compile(r'"?sep=(.)"?$', re.IGNORECASE)  # Excel's own first line

Quotes = Literal["none", "table", "line"]


@dataclass(frozen=True, slots=True)
class Form:
    """How a table is written."""

    separator: str
    """One character, "::", or " " for any blanks."""
    columns: Mapping[Role, int]
    """Where each role is; some may be lacking."""
    start: int
    """The number of the first row of data, the first of the file being 0."""
    header: bool
    """Whether the row before it names the columns."""
    width: int
    """The number of columns of most rows."""
    decimal: str = "."
    """The decimal sign of the ratings; with ",", both are read."""
    quotes: Quotes = "none"
    """What quotation marks mean: nothing; in CSV's way; the same within each single row, where
    they fit, else nothing."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """The form of a table, with its columns' names and its first rows."""

    form: Form
    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def begin(name: str, raw: bytes, columns: Mapping[Role, int] | None = None) -> Beginning:
    """The form of the table whose first bytes are `raw` (UTF-8, with "\\n" alone between rows).

    `columns` are those that the visitor chose. Raises UploadError where there is no table at all.
    """
    lines = [(i, line) for i, line in enumerate(_head(raw)) if line.strip()]
    if not lines:
        raise UploadError("empty", file=name)
    separator = None
    if said := _SAID.match(lines[0][1].strip("\ufeff")):
        separator, lines = said[1], lines[1:]
    comment = ""
    while lines and lines[0][1].startswith(("#", "%")):
        comment, lines = lines[0][1].lstrip("#% "), lines[1:]
    if not lines:
        raise UploadError("no_rows", file=name)
    start = lines[0][0]
    texts = [line for _, line in lines[:_ROWS]]
    options = {s: _rows(texts, s) for s in _options(separator)}
    fit = {s: _fit(options[s], fields(comment, s)) for s in options}
    if any(found[0] >= 2 or found[1] for s, found in fit.items() if s != " "):
        fit.pop(" ", None)  # the blanks are those within fields
    best = max(fit, key=fit.__getitem__)
    rows = options[best]
    width = Counter(map(len, rows)).most_common(1)[0][0]
    if width < 2 and len(rows[0]) < 2:
        raise UploadError("not_a_table", file=name, row=start + 1)
    if max(width, len(rows[0])) > MOST_COLUMNS:
        raise UploadError("too_many_columns", file=name, limit=MOST_COLUMNS)
    header: list[str] | None = None
    if _names_columns(rows):
        header, rows, start = rows[0], rows[1:], start + 1
        if rows:
            width = Counter(map(len, rows)).most_common(1)[0][0]
    elif _essential(by_name(fields(comment, best))) >= 2:
        header = fields(comment, best)
    first = [row[0] for row in rows]
    row_names = len(set(first)) == len(first) > 1  # as R writes them, without a name above them
    shift = int(header is not None and len(header) == width - 1 and row_names)
    if header is not None:
        header = [""] * shift + header
    width = max(width, len(header or ()))
    found = by_content(rows, width) if header is None else by_name(header)
    wanted = named(columns) if columns is not None else found
    wanted = {role: place for role, place in wanted.items() if 0 <= place < width}
    place = wanted.get("rating", width)
    comma = any(decimal_comma(row[place]) for row in rows if place < len(row))
    form = Form(best, wanted, start, header is not None, width, "," if comma else ".")
    shown = [tuple((row + [""] * width)[:width]) for row in rows[:20]]
    header_names = (header or []) + [""] * width
    names = [header_names[i] or str(i + 1) for i in range(width)]
    return Beginning(form, tuple(names), tuple(shown))


def check_columns(name: str, begun: Beginning) -> None:
    """Raise UploadError where a column is lacking without which there are no ratings."""
    for role in ESSENTIAL:
        if role not in begun.form.columns:
            found = shown(begun.form.separator.join(begun.names))
            raise UploadError(
                f"no_{role}_column", file=name, row=begun.form.start or 1, found=found
            )


def fields(line: str, separator: str) -> list[str]:
    """The fields of one row: quotation marks in CSV's way where they fit, else as they are."""
    if separator == "::":
        return [field.strip() for field in line.split("::")]
    if separator == " ":
        line = " ".join(line.split())
    if '"' in line:
        try:
            reader = csv.reader([line], delimiter=separator, skipinitialspace=True, strict=True)
            return [field.strip() for field in next(reader, [])]
        except csv.Error:
            pass
    enclosed = line.startswith('"')  # a row of quoted fields with a stray mark within one of them
    return [field.strip('" ' if enclosed else None) for field in line.split(separator)]


def _rows(lines: list[str], separator: str) -> list[list[str]]:
    """The rows in `lines`: one each, or in CSV's way, where fields hold line breaks, if more alike.

    A row without an end, as the last one may be, is left out then.
    """
    single = [fields(line, separator) for line in lines]
    if len(separator) > 1 or separator == " " or not any('"' in line for line in lines):
        return single
    text = StringIO("\n".join(lines), newline="\n")
    reader = csv.reader(text, delimiter=separator, skipinitialspace=True, strict=True)
    whole: list[list[str]] = []
    with suppress(csv.Error):
        whole.extend([field.strip() for field in row] for row in reader)
    return whole if _alike(whole) > _alike(single) else single


def _alike(rows: list[list[str]]) -> float:
    """The share of rows that have as many fields as most of them."""
    return max(Counter(map(len, rows)).values()) / len(rows) if rows else 0.0


def shown(text: str) -> str:
    """`text`, cut where it is too long for a sentence."""
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _head(raw: bytes) -> list[str]:
    head = raw[:HEAD]
    if len(raw) > HEAD and b"\n" in head:
        head = head[: head.rindex(b"\n")]
    return head.decode("utf-8", errors="replace").split("\n")


def _options(said: str | None) -> tuple[str, ...]:
    return (said,) if said else _SEPARATORS


def _essential(roles: Mapping[Role, int]) -> int:
    return sum(role in roles for role in ESSENTIAL)


def _fit(rows: list[list[str]], comment: list[str]) -> tuple[float, ...]:
    """How well a separator fits: the roles that a header names, then how alike the rows are."""
    (width, count), *_ = Counter(map(len, rows)).most_common(1)
    roles = max(_essential(by_name(rows[0])), _essential(by_name(comment)))
    enough = count / len(rows) if width >= 3 else 0
    return roles, enough > 0.5, round(enough, 1), width if width < 3 else 3


def _names_columns(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row is a header: it names roles, or has words above a column of numbers."""
    first, rest = rows[0], rows[1:]
    roles = by_name(first)
    numeric = [number(cell) is not None or number(cell, ",") is not None for cell in first]
    if len(roles) >= 2 and not any(numeric[place] for place in roles.values()):
        return True
    if any(numeric) or not all(first) or len(set(first)) < len(first):
        return False
    below = [[row[i] for row in rest if i < len(row) and row[i]] for i in range(len(first))]
    return any(
        sum(number(cell, ",") is not None for cell in column) > 0.5 * len(column)
        for column in below
        if column
    )
