"""Controls: what they write into a URL they read back, and what they refuse."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.controls import Choice, Control, Number, Seed, Strength, Switch

WHOLE = Number(key="n", label="n", default=3, low=0, high=25)
REAL = Number(key="x", label="x", default=0.5, low=-4.0, high=4.0, step=0.1)
STRENGTH = Strength(key="penalty", label="λ", low=-9, high=2)


def test_a_strength_has_a_true_zero_and_covers_its_decades() -> None:
    assert STRENGTH.options[0] == 0
    assert STRENGTH.options[1] == 1e-9
    assert STRENGTH.options[-1] == 1e2
    steps = [b / a for a, b in zip(STRENGTH.options[1:], STRENGTH.options[2:], strict=False)]
    assert all(1.9 < step < 2.6 for step in steps)


@pytest.mark.parametrize("value", STRENGTH.options)
def test_each_strength_survives_the_url(value: float) -> None:
    assert STRENGTH.parse(STRENGTH.format(value)) == value


def test_strengths_have_names_of_their_own() -> None:
    assert len({STRENGTH.format(value) for value in STRENGTH.options}) == len(STRENGTH.options)


@given(st.floats(1e-9, 1e2))
def test_a_strength_snaps_to_the_nearest_option(value: float) -> None:
    snapped = STRENGTH.parse(repr(value))
    best = min(abs(math.log(option / value)) for option in STRENGTH.options[1:])
    assert abs(math.log(snapped / value)) == pytest.approx(best, abs=1e-12)


@given(st.floats(1e-9, 1e2))
def test_a_strength_says_so_unless_it_is_an_option(value: float) -> None:
    snapped = STRENGTH.parse(repr(value))
    assert bool(STRENGTH.moved(repr(value))) == (not math.isclose(value, snapped, rel_tol=1e-9))
    assert STRENGTH.moved(repr(snapped)) == ""
    assert STRENGTH.moved(STRENGTH.format(snapped)) == ""


@given(st.integers(0, 25))
def test_whole_numbers_survive_the_url(value: int) -> None:
    assert WHOLE.parse(WHOLE.format(value)) == value


@given(st.floats(-4, 4).map(lambda x: round(x, 1)))
def test_numbers_survive_the_url(value: float) -> None:
    assert REAL.parse(REAL.format(value)) == value


@pytest.mark.parametrize(
    ("control", "text"),
    [
        (WHOLE, "26"),
        (WHOLE, "-1"),
        (WHOLE, "7.9"),
        (WHOLE, "1e1"),
        (WHOLE, ""),
        (REAL, "nan"),
        (REAL, "inf"),
        (REAL, "4.01"),
        (REAL, "x"),
        (STRENGTH, "-1e-3"),
        (STRENGTH, "101"),
        (STRENGTH, "nan"),
        (Seed(key="seed", label="seed"), "1000000"),
        (Switch(key="s", label="s"), "maybe"),
        (Choice(key="c", label="c", default="a", options=("a", "b")), "d"),
    ],
)
def test_what_cannot_be_used_is_refused(control: Control, text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (any will do: the sentence is the stage's)
        control.parse(text)
    assert control.expected()
