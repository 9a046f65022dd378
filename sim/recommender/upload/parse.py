"""The columns of a table, by pandas' fast reader: which meaning quotation marks have is found."""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from io import BytesIO, StringIO
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from sim.recommender.upload.columns import ESSENTIAL, Role
from sim.recommender.upload.tables import Form, fields
from sim.recommender.upload.values import LARGEST, number

_INNER = "\x1f"  # "unit separator": for what pandas' fast reader cannot split
_CHUNK = 1 << 22


def parse(raw: bytes, first: int, form: Form) -> tuple[Form, dict[Role, Any]]:
    """The columns of `form` by their roles, from the place `first` in `raw` on, and the form found.

    Users, items and ratings are numbers where all of them are plain ones, else texts as all others.
    A row that is too short has "" in the end; an empty one has nothing else.

    Quotation marks are taken in CSV's way where each one that opens a field closes it within the
    row. Else whatever gives more ratings: CSV's way throughout, where a field may hold line breaks
    and a stray mark swallows rows; or that way within each row where it fits, and marks as they
    are where it does not.
    """
    if form.separator == "::" or raw.find(b'"', first) < 0:
        return form, _numbers(raw, first, form) or read_table(raw, first, form)
    whole, by_line = replace(form, quotes="table"), replace(form, quotes="line")
    if _closes_every_mark(raw, first, form.separator):
        return whole, _numbers(raw, first, whole) or read_table(raw, first, whole)
    single = read_table(raw, first, by_line)
    try:
        table = read_table(raw, first, whole)
    except ValueError:  # a mark is open to the end
        return by_line, single
    needed = [role for role in ESSENTIAL if role in table]
    good, good_single = (_n_good({r: f[r] for r in needed}) for f in (table, single))
    rows, lines = len(table[needed[0]]), len(single[needed[0]])
    if good != good_single:
        return (whole, table) if good > good_single else (by_line, single)
    if good == rows and good < 0.9 * lines:  # nothing is wrong but what tears rows apart
        return whole, table
    torn = any(table[role].str.contains("\n", regex=False).any() for role in needed)
    if rows < lines and not torn and not _swallows(raw, first, whole):
        return whole, table
    return by_line, single


def _swallows(raw: bytes, first: int, form: Form) -> bool:
    """Whether a row of several lines has one below its first that is a row in itself."""
    lines, begin = raw[first:].decode("utf-8", errors="replace").split("\n"), 0
    for end in last_lines(raw, first, form.separator):
        if form.width in (len(fields(line, form.separator)) for line in lines[begin + 1 : end + 1]):
            return True
        begin = end + 1
    return False


def _numbers(raw: bytes, first: int, form: Form) -> dict[Role, Any] | None:
    """The table where each row is a rating, and users and items are plain whole numbers; else None.

    Most files are such, and read four times as fast.
    """
    places = [form.columns[role] for role in ESSENTIAL if role in form.columns]
    if len(set(places)) < len(ESSENTIAL) or form.columns.get("title") in places:
        return None
    try:
        frame = read_table(
            raw, first, form, {"user": np.int64, "item": np.int64, "rating": np.float64}
        )
    except (ValueError, OverflowError):
        return None
    numeric = bool((frame["rating"].abs() <= LARGEST).all())
    negative = min(frame["user"].min(), frame["item"].min()) < 0
    return frame if numeric and not negative and not _has_leading_zeros(raw, first, form) else None


def _has_leading_zeros(raw: bytes, first: int, form: Form) -> bool:
    """Whether some field is a number such as 007 or +7, which would not come back as written."""
    if raw.find(b"+", first) >= 0:
        return True
    before = np.frombuffer(b'\n" :' + form.separator.encode(), np.uint8)
    if raw[first : first + 1] == b"0" and raw[first + 1 : first + 2].isdigit():
        return True
    for start in range(first, len(raw), _CHUNK):
        piece = np.frombuffer(raw, np.uint8, min(_CHUNK + 2, len(raw) - start), start)
        zeros = np.flatnonzero(piece[1:-1] == ord("0")) + 1
        digit = (piece[zeros + 1] >= ord("0")) & (piece[zeros + 1] <= ord("9"))
        if np.isin(piece[zeros[digit] - 1], before).any():
            return True
    return False


def read_table(
    raw: bytes, first: int, form: Form, types: Mapping[Role, type] = MappingProxyType({})
) -> dict[Role, Any]:
    """The columns of `form` by their roles, as texts but for those in `types`; see `parse`."""
    separator = r"\s+" if form.separator == " " else form.separator
    if form.quotes == "line":
        raw, first, separator = _split(raw[first:], form.separator), 0, _INNER
    elif form.separator == "::":
        raw, first, separator = raw[first:].replace(b"::", _INNER.encode()), 0, _INNER
    options: dict[str, Any] = {
        "sep": separator,
        "header": None,
        "names": range(max(form.columns.values()) + 1),
        "index_col": False,
        "usecols": sorted(set(form.columns.values())),
        "dtype": {place: types.get(role, str) for role, place in form.columns.items()},
        "na_filter": False,
        "skip_blank_lines": False,
        "skipinitialspace": True,
        "encoding": "utf-8",
        "encoding_errors": "replace",
        "quoting": csv.QUOTE_MINIMAL if form.quotes == "table" else csv.QUOTE_NONE,
    }
    file = BytesIO(raw)
    file.seek(first)
    with np.errstate(invalid="ignore"):  # of whole numbers beyond 64 bits
        try:
            frame = pd.read_csv(file, **options)
        except pd.errors.ParserError:  # perhaps as all rows are too short: with one that is not
            between = (_INNER if separator == _INNER else form.separator).encode()
            longest = between.join([b"0"] * len(options["names"]))
            padded = BytesIO(longest + b"\n" + raw[first:])
            frame = pd.read_csv(padded, **options).iloc[1:].reset_index(drop=True)
    return {role: frame[place] for role, place in form.columns.items()}


def _split(raw: bytes, separator: str) -> bytes:
    """`raw` with each row split by itself (see `tables.fields`), `_INNER` between the fields."""
    lines = raw.decode("utf-8", errors="replace").split("\n")
    return "\n".join(
        _INNER.join(fields(line, separator))
        if '"' in line or separator == " "
        else line.replace(separator, _INNER)
        for line in lines
    ).encode()


def _closes_every_mark(raw: bytes, first: int, separator: str) -> bool:
    """Whether each quotation mark that opens a field closes it in the same row."""
    edge = "[ \t]" if separator == " " else re.escape(separator)
    stray = rf'(?m)(?:^|{edge}) *"(?!(?:[^"\n]|"")*+" *(?:{edge}|$))'
    return re.compile(stray.encode()).search(raw, first) is None


def _n_good(frame: dict[Role, Any]) -> int:
    """The number of rows that have all that they need, the rating a number."""
    good: Any = np.logical_and.reduce([column != "" for column in frame.values()])
    if "rating" in frame:
        codes, texts = pd.factorize(frame["rating"])
        numeric = [number(text.strip(), ",") is not None for text in texts]
        good = good & np.array(numeric, bool)[codes]
    return int(good.sum())


def last_lines(raw: bytes, first: int, separator: str) -> Iterator[int]:
    """The line that each row ends in, where quotation marks have CSV's meaning."""
    text = StringIO(raw[first:].decode("utf-8", errors="replace"), newline="\n")
    reader = csv.reader(text, delimiter=separator, skipinitialspace=True)
    try:
        for _ in reader:
            yield reader.line_num - 1
    except csv.Error:
        return
