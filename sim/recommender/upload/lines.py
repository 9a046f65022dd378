"""The rows below a table's header: what is in their columns, and the lines that they stand in."""

import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.recommender.upload.columns import Role
from sim.recommender.upload.errors import UploadError
from sim.recommender.upload.parse import last_lines, parse, read_table
from sim.recommender.upload.tables import Form

_LONGEST_ROW = 1 << 20
_FEW = 1000


@dataclass(frozen=True, eq=False)
class Lines:
    """Row i of a table has columns[role][i] in its columns, and stands in line(i)."""

    form: Form
    columns: dict[Role, Any]
    """All but the time, which is hardly ever needed (see `parse`)."""
    raw: bytes
    first: int
    """Where the rows begin in `raw`."""
    filled: NDArray[np.int64] | None
    """The lines that are kept of those in the file, where it has empty ones."""

    @cached_property
    def n(self) -> int:
        """The number of rows."""
        return len(next(iter(self.columns.values())))

    def take(self, role: Role) -> Any:
        """A column, which is not kept any longer."""
        _ = self.n
        return self.columns.pop(role)

    def times(self) -> Any:
        """The column of times, as numbers where all are numbers, else as texts."""
        form = replace(self.form, columns={"time": self.form.columns["time"]})
        try:
            return read_table(self.raw, self.first, form, {"time": np.float64})["time"]
        except ValueError:
            return read_table(self.raw, self.first, form)["time"]

    def number(self, row: int) -> int:
        """The number of a row, as a spreadsheet has it, the file's first row being 1."""
        inner = row if self.filled is None or self._last is not None else int(self.filled[row])
        return self.form.start + inner + 1

    def line(self, row: int) -> str:
        """The text of a row."""
        begin, end = row, row
        if self._last is not None:
            end = int(self._last[min(row, len(self._last) - 1)])
            begin = int(self._last[row - 1]) + 1 if row else 0
        start = int(self._ends[begin - 1]) + 1 if begin else self.first
        return self.raw[start : int(self._ends[end])].decode("utf-8", errors="replace")

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        """Where each line of `raw` ends."""
        return _line_ends(self.raw, self.first)

    @cached_property
    def _last(self) -> NDArray[np.int64] | None:
        """The last line of each row, where some rows have several."""
        if self.n == len(self._ends):
            return None
        return np.fromiter(last_lines(self.raw, self.first, self.form.separator), np.int64)


def read_lines(name: str, raw: bytes, form: Form, max_ratings: int) -> Lines:
    """Read the columns of `form`; rows without a single character are none.

    Raises UploadError for a table beyond the limits, and one without rows.
    """
    first = 0
    for _ in range(form.start):
        first = raw.find(b"\n", first) + 1
        if not first:
            raise UploadError("no_rows", file=name)
    if raw.count(b"\n", first) > 2 * max_ratings + _FEW:  # before an array is made of them
        raise UploadError("too_many_ratings", file=name, limit=max_ratings)
    lengths = np.diff(_line_ends(raw, first), prepend=first - 1) - 1
    if not lengths.any():
        raise UploadError("no_rows", file=name)
    if lengths.max() > _LONGEST_ROW:
        row = form.start + int(lengths.argmax()) + 1
        raise UploadError("too_long", file=name, row=row, limit=_LONGEST_ROW)
    if np.count_nonzero(lengths) > max_ratings:
        raise UploadError("too_many_ratings", file=name, limit=max_ratings)
    filled = None
    if not lengths.all():
        filled = np.flatnonzero(lengths)
        raw, first = re.sub(rb"\n{2,}", b"\n", raw[first:]).removeprefix(b"\n"), 0
    del lengths
    wanted: dict[Role, int] = {
        role: place for role, place in form.columns.items() if role != "time"
    }
    try:
        found, columns = parse(raw, first, replace(form, columns=wanted))
    except ValueError as error:  # of pandas' reader, for what none of the tries could read
        raise UploadError("unreadable", file=name) from error
    return Lines(replace(found, columns=form.columns), columns, raw, first, filled)


def _line_ends(raw: bytes, first: int) -> NDArray[np.int64]:
    ends = np.flatnonzero(np.frombuffer(raw, np.uint8, offset=first) == ord("\n")) + first
    return ends if raw.endswith(b"\n") or len(raw) == first else np.append(ends, len(raw))
