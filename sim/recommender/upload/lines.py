"""The rows below a table's header: what pandas reads in them, and the lines that they stand in."""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from io import BytesIO, StringIO
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.recommender.upload.columns import ESSENTIAL, Role
from sim.recommender.upload.errors import UploadError
from sim.recommender.upload.tables import Form, fields
from sim.recommender.upload.values import LARGEST, number

_INNER = "\x1f"  # "unit separator": for what pandas' fast reader cannot split
_LONGEST_ROW = 1 << 20
_CHUNK = 1 << 22


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Row i of a table has frame[role][i] in its columns, and stands in line(i)."""

    form: Form
    frame: dict[Role, Any]
    """All columns but the time, which is hardly ever needed."""
    raw: bytes
    ends: NDArray[np.int64]
    """Where each line of `raw` ends."""
    last: NDArray[np.int64] | None
    """The last line of each row, where some rows have several."""

    def __len__(self) -> int:
        return len(next(iter(self.frame.values())))

    @property
    def clean(self) -> bool:
        """Whether each row is a rating, and users, items and ratings are numbers already."""
        return "rating" in self.frame and self.frame["rating"].dtype == np.float64

    def times(self) -> Any:
        """The column of times, as numbers where all are numbers, else as texts."""
        form = replace(self.form, columns={"time": self.form.columns["time"]})
        try:
            return _table(self.raw, form, {"time": np.float64})["time"]
        except ValueError:
            return _table(self.raw, form)["time"]

    def line(self, row: int) -> str:
        """The text of a row."""
        first, last = row, row
        if self.last is not None:
            last = int(self.last[min(row, len(self.last) - 1)])
            first = int(self.last[row - 1]) + 1 if row else 0
        begin = int(self.ends[first - 1]) + 1 if first else 0
        return self.raw[begin : int(self.ends[last])].decode("utf-8", errors="replace")


def read_lines(name: str, raw: bytes, form: Form, max_ratings: int) -> Lines:
    """Read the columns of `form` as texts, one row for each of the table, empty ones included.

    Quotation marks are taken in CSV's way where each one that opens a field closes it within the
    row. Else whatever gives more ratings: CSV's way throughout, where a field may hold line breaks
    and a stray mark swallows rows; or that way within each row where it fits, and marks as they
    are where it does not. Raises UploadError for a table beyond the limits.
    """
    ends = np.flatnonzero(np.frombuffer(raw, np.uint8) == 10)
    first = int(ends[form.start - 1]) + 1 if 0 < form.start <= len(ends) else 0
    raw = raw[first:] if form.start else raw
    ends = ends[form.start :] - first
    if raw and not raw.endswith(b"\n"):
        ends = np.append(ends, len(raw))
    if (form.start and not first) or not raw.strip():
        raise UploadError("no_rows", file=name)
    lengths = np.diff(ends, prepend=-1) - 1
    if lengths.max() > _LONGEST_ROW:
        row = form.start + int(lengths.argmax()) + 1
        raise UploadError("too_long", file=name, row=row, limit=_LONGEST_ROW)
    if np.count_nonzero(lengths) > max_ratings:
        raise UploadError("too_many_ratings", file=name, limit=max_ratings)
    columns = form.columns
    form, frame = _read(
        raw, replace(form, columns={r: p for r, p in columns.items() if r != "time"})
    )
    form = replace(form, columns=columns)
    last = None
    if len(next(iter(frame.values()))) != len(ends):
        last = np.fromiter(_last_lines(raw, form.separator), np.int64)
    return Lines(form, frame, raw, ends, last)


def _last_lines(raw: bytes, separator: str) -> Iterator[int]:
    """The line that each row ends in, where quotation marks have CSV's meaning."""
    text = StringIO(raw.decode("utf-8", errors="replace"), newline="\n")
    reader = csv.reader(text, delimiter=separator, skipinitialspace=True)
    try:
        for _ in reader:
            yield reader.line_num - 1
    except csv.Error:
        return


def _read(raw: bytes, form: Form) -> tuple[Form, dict[Role, Any]]:
    """The columns of `form`, which may have to be read with another meaning of quotation marks."""
    if form.separator == "::" or b'"' not in raw:
        return form, _numbers(raw, form) or _table(raw, form)
    whole, by_line = replace(form, quotes="table"), replace(form, quotes="line")
    if _closes_every_mark(raw, form.separator):
        return whole, _numbers(raw, whole) or _table(raw, whole)
    single = _table(raw, by_line)
    try:
        table = _table(raw, whole)
    except ValueError:  # a mark is open to the end
        return by_line, single
    needed = [role for role in ESSENTIAL if role in table]
    good, good_single = (_n_good({r: f[r] for r in needed}) for f in (table, single))
    fewer = len(table[needed[0]]) < len(single[needed[0]])
    torn = any(table[role].str.contains("\n", regex=False).any() for role in needed)
    equal = good == good_single and fewer and not torn
    if good > good_single or (equal and not _swallows(raw, whole)):
        return whole, table
    return by_line, single


def _swallows(raw: bytes, form: Form) -> bool:
    """Whether a row of several lines has one below its first that is a row in itself."""
    lines, begin = raw.decode("utf-8", errors="replace").split("\n"), 0
    for end in _last_lines(raw, form.separator):
        if form.width in (len(fields(line, form.separator)) for line in lines[begin + 1 : end + 1]):
            return True
        begin = end + 1
    return False


def _numbers(raw: bytes, form: Form) -> dict[Role, Any] | None:
    """The table where each row is a rating, and users and items are plain whole numbers; else None.

    Most files are such, and read four times as fast.
    """
    places = [form.columns[role] for role in ESSENTIAL if role in form.columns]
    if len(set(places)) < len(ESSENTIAL) or form.columns.get("title") in places:
        return None
    try:
        frame = _table(raw, form, {"user": np.int64, "item": np.int64, "rating": np.float64})
    except (ValueError, OverflowError):
        return None
    numeric = bool((frame["rating"].abs() <= LARGEST).all())
    negative = min(frame["user"].min(), frame["item"].min()) < 0
    return frame if numeric and not negative and not _has_leading_zeros(raw, form) else None


def _has_leading_zeros(raw: bytes, form: Form) -> bool:
    """Whether some field is a number such as 007 or +7, which would not come back as written."""
    if b"+" in raw:
        return True
    before = np.frombuffer(b'\n" :' + form.separator.encode(), np.uint8)
    if raw[:1] == b"0" and raw[1:2].isdigit():
        return True
    for start in range(0, len(raw), _CHUNK):
        piece = np.frombuffer(raw, np.uint8, min(_CHUNK + 2, len(raw) - start), start)
        zeros = np.flatnonzero(piece[1:-1] == ord("0")) + 1
        digit = (piece[zeros + 1] >= ord("0")) & (piece[zeros + 1] <= ord("9"))
        if np.isin(piece[zeros[digit] - 1], before).any():
            return True
    return False


def _table(
    raw: bytes, form: Form, types: Mapping[Role, type] = MappingProxyType({})
) -> dict[Role, Any]:
    separator = r"\s+" if form.separator == " " else form.separator
    if form.quotes == "line":
        raw, separator = _split(raw, form.separator), _INNER
    elif form.separator == "::":
        raw, separator = raw.replace(b"::", _INNER.encode()), _INNER
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
    frame = pd.read_csv(BytesIO(raw), **options)
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


def _closes_every_mark(raw: bytes, separator: str) -> bool:
    """Whether each quotation mark that opens a field closes it in the same row."""
    edge = "[ \t]" if separator == " " else re.escape(separator)
    stray = rf'(?m)(?:^|{edge}) *"(?!(?:[^"\n]|"")*+" *(?:{edge}|$))'
    return re.search(stray.encode(), raw) is None


def _n_good(frame: dict[Role, Any]) -> int:
    """The number of rows that have all that they need, the rating a number."""
    good: Any = np.logical_and.reduce([column != "" for column in frame.values()])
    if "rating" in frame:
        codes, texts = pd.factorize(frame["rating"])
        numeric = [number(text.strip(), ",") is not None for text in texts]
        good = good & np.array(numeric, bool)[codes]
    return int(good.sum())
