"""Points that a hand has moved, removed or added: as they stand in the URL, and as numbers.

moved=19:0.295:-1.15,3:0:0.5     point 19 to (0.295, -1.15), point 3 to (0, 0.5)
removed=2,7                      without points 2 and 7
added=0.1:0.5                    one more point at (0.1, 0.5)
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import streamlit as st

from ui.controls import Control
from ui.i18n import _

Point = tuple[float, float]
NAMES = ("moved", "removed", "added")
FEWEST = 2  # points that are left, whatever a link says
LONGEST = 4000  # characters: 200 moved points
_COORDINATE = r"-?\d{1,3}(?:\.\d{1,6})?"
_ENTRIES = {
    "moved": re.compile(rf"(\d{{1,3}}):({_COORDINATE}):({_COORDINATE})", re.ASCII),
    "removed": re.compile(r"(\d{1,3})", re.ASCII),
    "added": re.compile(rf"({_COORDINATE}):({_COORDINATE})", re.ASCII),
}


@dataclass(frozen=True)
class Edits:
    """What differs from the points as they were drawn; the indices count in those, from 0."""

    moved: dict[int, Point] = field(default_factory=dict)
    removed: tuple[int, ...] = ()
    added: tuple[Point, ...] = ()


def read(values: dict[str, Any], n: int) -> Edits:
    """The edits that `values` hold, as far as they concern `n` points.

    A point that is not drawn now keeps its edits for when it is. A removed point is not moved, and
    the last two points cannot be removed.
    """
    moved, removed, added = (_numbers(name, values[name]) for name in NAMES)
    last = max(0, n + len(added) - FEWEST)
    gone = [int(index) for (index,) in removed if index < n][:last]
    return Edits(
        {int(i): (x, y) for i, x, y in moved if i < n and i not in gone},
        tuple(gone),
        tuple((x, y) for x, y in added),
    )


def texts(edits: Edits) -> dict[str, str]:
    """The edits as they stand in the URL, by name; the inverse of `read`."""
    entries = {
        "moved": [(index, *place) for index, place in edits.moved.items()],
        "removed": [(index,) for index in edits.removed],
        "added": edits.added,
    }
    return {name: _joined(entries[name]) for name in NAMES}


@dataclass(frozen=True, kw_only=True)
class EditControl(Control):
    """One kind of edits: a text in the URL, without a widget; the figure's points are the widget.

    Its key is one of `NAMES`. Coordinates lie within `x_range` and `y_range`.
    """

    bound: ClassVar[bool] = False
    default: Any = ""
    label: str = ""
    x_range: Point
    y_range: Point
    most: int = 200

    def draw(self) -> None:
        self.restore()
        self.write()

    def set(self, text: str) -> None:
        """Take over what the figure says, in this run and in the URL; ValueError if it is bad."""
        st.session_state[self.key] = self.parse(text) if text else self.default
        self.write()

    def parse(self, text: str) -> str:
        entries = _numbers(self.key, text)
        if not 0 < len(entries) <= self.most:
            raise ValueError("how many")
        coordinates = [entry[-2:] for entry in entries] if self.key != "removed" else []
        for x, y in coordinates:
            if not (self.x_range[0] <= x <= self.x_range[1]):
                raise ValueError("x")
            if not (self.y_range[0] <= y <= self.y_range[1]):
                raise ValueError("y")
        if self.key != "added":
            indices = [entry[0] for entry in entries]
            if len(set(indices)) < len(indices) or max(indices) >= self.most:
                raise ValueError("index")
            entries.sort()
        return _joined(entries)

    def entries(self, text: str) -> list[str]:
        return text.split(",")

    def moved(self, text: str) -> str:
        if sorted(_numbers(self.key, text)) == sorted(_numbers(self.key, self.parse(text))):
            return ""
        return _("the places in `{key}` are rounded to three decimals").format(key=self.key)

    def format(self, value: Any) -> str:
        return str(value) or _("none")

    def expected(self) -> str:
        if self.key == "removed":
            return _("numbers of points, such as 2,7")
        if self.key == "added":
            return _("points inside the frame, such as 0.1:0.5")
        return _("points and their places inside the frame, such as 19:0.295:-1.15")


def _numbers(name: str, text: str) -> list[tuple[float, ...]]:
    """The numbers of each entry; ValueError unless `text` is well formed."""
    if len(text) > LONGEST:
        raise ValueError("too long")
    entries = []
    for part in text.split(",") if text else ():
        match = _ENTRIES[name].fullmatch(part)
        if match is None:
            raise ValueError(part)
        entries.append(tuple(map(float, match.groups())))
    return entries


def _joined(entries: Iterable[Iterable[float]]) -> str:
    return ",".join(":".join(map(_text, entry)) for entry in entries)


def _text(number: float) -> str:
    return f"{round(number, 3) + 0.0:.12g}"
