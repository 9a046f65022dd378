"""The points in a table that can be edited: cells, rows at its end, rows marked and deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from sim.overfitting import Sample
from ui import controls
from ui.i18n import _
from ui.points.edits import FEWEST, EditControl, Edits, Point, read, texts

AXES = ("x", "y")


@dataclass(frozen=True)
class Limits:
    """How far the points may lie, and how many of them a hand may add."""

    x: Point
    y: Point
    most: int


@dataclass(frozen=True, eq=False)
class _Shown:
    """What the widget was given, and the points as they have been since it was last heard.

    While both agree with what is set, the changes came from the table itself: it keeps its data,
    and with them the place of the hand in it. Else it is made anew, under another number.
    """

    number: int
    base: Sample
    edits: Edits
    now: Edits


def show(
    key: str, base: Sample, values: dict[str, Any], edit_controls: Sequence[EditControl]
) -> None:
    """Show the points of `base` as `values` have them edited; `edit_controls` hear of changes."""
    by_key = {control.key: control for control in edit_controls}
    limits = Limits(by_key["added"].x_range, by_key["added"].y_range, by_key["added"].most)
    n = base.x.size
    shown = _shown(f"_{key}", base, read(values, n))
    name = f"{key}_{shown.number}"

    def take() -> None:
        edits, _complaints = translate(base, shown.edits, st.session_state[name], limits)
        for control, text in texts(edits).items():
            by_key[control].set(text)
        now = read({control: by_key[control].value() for control in by_key}, n)
        st.session_state[f"_{key}"] = replace(shown, now=now)
        controls.answer()

    st.data_editor(
        frame(base, shown.edits),
        key=name,
        num_rows="dynamic",
        hide_index=True,
        height=280,
        disabled=["point"],
        column_config={
            "point": st.column_config.TextColumn(_("point"), width="small"),
            **{axis: st.column_config.NumberColumn(axis, format="%.3f") for axis in AXES},
        },
        on_change=take,
    )
    for complaint in translate(base, shown.edits, st.session_state[name], limits)[1]:
        st.warning(complaint)


def frame(base: Sample, edits: Edits) -> pd.DataFrame:
    """The points as they are now, those that a hand has added at the end."""
    rows = _rows(base, edits)
    x, y = np.reshape([*rows.values()], (-1, 2)).T.round(3)
    return pd.DataFrame({"point": [_name(base, index) for index in rows], "x": x, "y": y})


def translate(
    base: Sample, edits: Edits, changes: Mapping[str, Any], limits: Limits
) -> tuple[Edits, list[str]]:
    """The edits after `changes`, the state of Streamlit's editor of `frame(base, edits)`.

    What cannot be done is left out, with a sentence each.
    """
    n, rows, complaints = base.x.size, _rows(base, edits), list[str]()
    indices = [*rows]
    gone = [indices[row] for row in changes["deleted_rows"]]
    moved, added = dict(edits.moved), dict(enumerate(edits.added, n))
    for row, cells in changes["edited_rows"].items():
        index = indices[int(row)]
        place = {axis: cells.get(axis, rows[index][k]) for k, axis in enumerate(AXES)}
        if index in gone:
            continue
        if wrong := _wrong(place, limits):
            name = _name(base, index)
            complaints.append(
                _("Point {name} stays where it was: {wrong}.").format(name=name, wrong=wrong)
            )
        else:
            (moved if index < n else added)[index] = (place["x"], place["y"])
    fresh = list[Point]()
    for place in changes["added_rows"]:
        if wrong := _wrong(place, limits):
            complaints.append(_("A new row is no point yet: {wrong}.").format(wrong=wrong))
        else:
            fresh.append((place["x"], place["y"]))
    if len(rows) - len(gone) + len(fresh) < FEWEST:
        complaints.append(_("At least {n} points are left, whatever is deleted.").format(n=FEWEST))
        gone = []
    after = [*(point for index, point in added.items() if index not in gone), *fresh]
    if len(after) > limits.most:
        complaints.append(_("At most {n} points can be added.").format(n=limits.most))
    return Edits(
        {index: place for index, place in moved.items() if index not in gone},
        (*edits.removed, *(index for index in gone if index < n)),
        tuple(after[: limits.most]),
    ), complaints


def _shown(key: str, base: Sample, edits: Edits) -> _Shown:
    """What the widget is given in this run."""
    last = st.session_state.get(key)
    if last is None or last.now != edits or not all(map(np.array_equal, last.base, base)):
        number = 0 if last is None else last.number + 1
        last = st.session_state[key] = _Shown(number, base, edits, edits)
    return last


def _rows(base: Sample, edits: Edits) -> dict[int, Point]:
    """The place of each point, by its index in the base; the added ones count on from there."""
    places = dict(enumerate(zip(base.x.tolist(), base.y.tolist(), strict=True))) | edits.moved
    kept = {index: places[index] for index in range(base.x.size) if index not in edits.removed}
    return kept | dict(enumerate(edits.added, base.x.size))


def _name(base: Sample, index: int) -> str:
    """Its index, as in the URL; +1, +2 for the added ones."""
    return str(index) if index < base.x.size else f"+{index - base.x.size + 1}"


def _wrong(place: Mapping[str, Any], limits: Limits) -> str | None:
    """What is wrong with a place, if anything is."""
    for axis in AXES:
        value, (low, high) = place.get(axis), getattr(limits, axis)
        if not (isinstance(value, int | float) and low <= value <= high):
            return _("{axis} must be a number from {low:g} to {high:g}").format(
                axis=axis, low=low, high=high
            )
    return None
