"""The table of the points: what its editor's state means for the points, and for the link."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.overfitting import Sample, edit, noisy_sine
from tests.pages.conftest import Open, assert_well
from ui.points import Edits, read, table
from ui.points.edits import texts
from ui.points.table import Limits, translate

LIMITS = Limits((-1.0, 1.0), (-2.4, 2.4), 200)
BASE = Sample(np.array([0.1, 0.2, 0.3, 0.4]), np.array([1.0, 2.0, -1.0, -2.0]))
EDITED = Edits({3: (-0.5, 0.5)}, (1,), ((0.9, 0.0), (0.8, 0.1)))
"""Rows: points 0, 2 and 3, then the two that were added."""


def changes(
    edited: dict[int, dict[str, Any]] | None = None,
    added: list[dict[str, Any]] | None = None,
    deleted: list[int] | None = None,
) -> dict[str, Any]:
    """The state of Streamlit's data editor."""
    return {"edited_rows": edited or {}, "added_rows": added or [], "deleted_rows": deleted or []}


def test_the_table_holds_the_points_as_they_are() -> None:
    shown = table.frame(BASE, EDITED)
    assert shown["point"].tolist() == ["0", "2", "3", "+1", "+2"]
    assert shown["x"].tolist() == [0.1, 0.3, -0.5, 0.9, 0.8]
    assert shown["y"].tolist() == [1.0, -1.0, 0.5, 0.0, 0.1]


def test_nothing_changed_changes_nothing() -> None:
    assert translate(BASE, EDITED, changes(), LIMITS) == (EDITED, [])


def test_a_cell_moves_its_point_and_keeps_its_other_coordinate() -> None:
    after, complaints = translate(BASE, EDITED, changes({1: {"y": 2}, 4: {"x": -1.0}}), LIMITS)
    assert after == Edits({3: (-0.5, 0.5), 2: (0.3, 2)}, (1,), ((0.9, 0.0), (-1.0, 0.1)))
    assert complaints == []


def test_rows_come_and_go() -> None:
    state = changes(added=[{"x": 0.0, "y": 1.5}], deleted=[0, 2, 3])
    after, complaints = translate(BASE, EDITED, state, LIMITS)
    assert after == Edits({}, (1, 0, 3), ((0.8, 0.1), (0.0, 1.5)))
    assert complaints == []


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (changes({0: {"x": 1.5}}), "Point 0 stays where it was: x must be a number from -1 to 1."),
        (changes({1: {"y": -2.5}}), "Point 2 stays where it was: y must be a number from -2.4"),
        (changes({3: {"y": None}}), "Point +1 stays where it was: y must be a number"),
        (changes({0: {"x": float("nan")}}), "Point 0 stays"),
        (changes({0: {"x": "<b>"}}), "Point 0 stays"),
        (changes(added=[{}]), "A new row is no point yet: x must be a number from -1 to 1."),
        (changes(added=[{"x": 0.5}]), "A new row is no point yet: y must be a number"),
        (changes(added=[{"x": 0.5, "y": 9}]), "A new row is no point yet: y must be a number"),
        (changes(deleted=[0, 1, 2, 3]), "At least 2 points are left, whatever is deleted."),
    ],
)
def test_what_cannot_be_done_is_left_out_with_a_sentence(
    state: dict[str, Any], sentence: str
) -> None:
    after, (complaint,) = translate(BASE, EDITED, state, LIMITS)
    assert after == EDITED
    assert sentence in complaint
    assert "<b>" not in complaint


def test_a_bad_cell_does_not_hold_up_the_others() -> None:
    after, complaints = translate(BASE, Edits(), changes({0: {"x": 7}, 1: {"x": 0.5}}), LIMITS)
    assert after == Edits({1: (0.5, 2.0)})
    assert len(complaints) == 1


def test_no_more_points_than_a_link_holds() -> None:
    state = changes(added=[{"x": 0.0, "y": 0.0}] * 5)
    after, complaints = translate(BASE, EDITED, state, Limits((-1, 1), (-2, 2), 4))
    assert after.added == ((0.9, 0.0), (0.8, 0.1), (0.0, 0.0), (0.0, 0.0))
    assert complaints == ["At most 4 points can be added."]


@st.composite
def edited_tables(draw: st.DrawFn) -> tuple[Sample, Edits, dict[str, Any]]:
    """Points, edits of theirs and a state of the editor, all within the limits."""
    n = draw(st.integers(2, 8))
    place = st.tuples(*(st.integers(-1000, 1000).map(lambda k: k / 1000) for _ in "xy"))
    base = noisy_sine(n, 0.3, np.random.default_rng(draw(st.integers(0, 99))))
    removed = draw(st.sets(st.integers(0, n - 1), max_size=n - 2))
    moved = draw(st.dictionaries(st.integers(0, n - 1), place, max_size=3))
    edits = Edits(
        {i: at for i, at in moved.items() if i not in removed},
        tuple(sorted(removed)),
        tuple(draw(st.lists(place, max_size=3))),
    )
    rows = st.integers(0, n - len(removed) + len(edits.added) - 1)
    cells = st.dictionaries(st.sampled_from("xy"), st.integers(-1000, 1000).map(lambda k: k / 1000))
    added = [dict(zip("xy", at, strict=True)) for at in draw(st.lists(place, max_size=3))]
    state = changes(
        draw(st.dictionaries(rows, cells, max_size=3)), added, [*draw(st.sets(rows, max_size=3))]
    )
    return base, edits, state


@settings(deadline=None, derandomize=True, max_examples=150)
@given(edited_tables())
def test_the_points_are_then_what_the_table_shows(
    case: tuple[Sample, Edits, dict[str, Any]],
) -> None:
    """Also after a way through the link, which rounds to thousandths."""
    base, edits, state = case
    shown = table.frame(base, edits)[["x", "y"]].to_numpy().tolist()
    for row, cells in state["edited_rows"].items():
        shown[row] = [cells.get(axis, shown[row][k]) for k, axis in enumerate("xy")]
    kept = [place for row, place in enumerate(shown) if row not in state["deleted_rows"]]
    expected = kept + [[cells["x"], cells["y"]] for cells in state["added_rows"]]
    after, complaints = translate(base, edits, state, LIMITS)
    if len(expected) < 2:
        assert len(complaints) == 1
        return
    assert complaints == []
    n = base.x.size
    linked = read(texts(after), n)
    sample = edit(base, linked.moved, linked.removed, linked.added)
    np.testing.assert_allclose(np.stack(sample, axis=1), expected, rtol=0, atol=5.01e-4)


def test_good_points_in_a_link_stay_beside_bad_ones(open_screen: Open) -> None:
    bad = {"moved": "3:0.5:-1,4:9:9", "removed": "x,0", "added": "0:2,1"}
    screen = open_screen("overfitting", n_points="5", **bad)
    assert_well(screen)
    assert screen.warning[0].value.count("the lab leaves out") == 3
    kept = {name: screen.session_state[name] for name in bad}
    assert kept == {"moved": "3:0.5:-1", "removed": "0", "added": "0:2"}


def test_a_link_reaches_the_table(open_screen: Open) -> None:
    screen = open_screen("overfitting", n_points="5", moved="3:0.5:-1", removed="0", added="0:2")
    screen.session_state["tab"] = "The data"
    assert_well(screen.run())
    editor, everything = screen.dataframe
    assert editor.value["point"].tolist() == ["1", "2", "3", "4", "+1"]
    assert editor.value.iloc[2].tolist() == ["3", 0.5, -1.0]
    assert editor.value.iloc[4].tolist() == ["+1", 0.0, 2.0]
    assert (everything.value["set"] == "training").sum() == 5
