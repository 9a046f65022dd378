"""Values that say "not rated" are told from the ends of a scale, in both directions."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.recommender.upload import Choices, read_upload
from sim.recommender.upload.values import apart, decimal_comma, number


def found(counts: Mapping[float, int]) -> dict[float, bool]:
    values = np.array(sorted(counts), float)
    numbers = np.array([counts[value] for value in sorted(counts)])
    return {one.value: one.not_rated for one in apart(values, numbers)}


TO_TEN = {1: 3, 2: 12, 3: 14, 4: 39, 5: 61, 6: 73, 7: 57, 8: 21, 9: 19, 10: 2}
JESTER = {float(value): 1 for value in np.linspace(-9.5, 9.7, 300).round(2)}


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({-1: 130, **TO_TEN}, {-1: True}),  # MyAnimeList
        ({-1: 2, 0: 5, **TO_TEN}, {-1: True}),
        ({-1: 40, 0.5: 9, 2.5: 20, 4: 30, 4.5: 30, 5: 20}, {-1: True}),
        ({0: 292, **TO_TEN}, {0: True}),  # Book-Crossing
        ({0: 90, 1: 1, 2: 2, 3: 20, 4: 60, 5: 50}, {0: True}),
        ({-1: 50, 0: 292, **TO_TEN}, {-1: True, 0: True}),
        ({99: 800, **JESTER}, {99: True}),  # Jester's own files
        ({-99: 10, 1: 5, 2: 5, 3: 5, 4: 5, 5: 5}, {-99: True}),
        ({999: 10, -1: 10, **TO_TEN}, {999: True, -1: True}),
    ],
)
def test_not_rated(counts: Mapping[float, int], expected: dict[float, bool]) -> None:
    assert found(counts) == expected


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({50: 1, 1: 9, 2: 9, 3: 9, 4: 9, 5: 9}, {50: False}),  # a slip, perhaps
        ({-10: 3, **TO_TEN}, {-10: False}),
        ({-50: 3, **TO_TEN}, {-50: False}),
        ({0: 1, 90: 9, 92: 9, 95: 9, 100: 9}, {0: False}),
    ],
)
def test_apart_and_only_asked_about(
    counts: Mapping[float, int], expected: dict[float, bool]
) -> None:
    assert found(counts) == expected


@pytest.mark.parametrize(
    "counts",
    [
        {0: 8, **TO_TEN},  # MovieTweetings
        {0: 60, 1: 30, 2: 20, 3: 20, 4: 30, 5: 40, 6: 60, 7: 80, 8: 80, 9: 40, 10: 50},  # haters
        dict.fromkeys(range(11), 10),
        {0: 90, 1: 5, 2: 3, 3: 1, 4: 1},  # relevance, plays: fullest at zero
        {0: 500, 1: 200, 2: 90, 3: 40, 4: 20, 5: 10, 6: 5},
        {0: 100, 1: 10, 2: 30, 3: 60},
        {0: 5, 1: 5},
        {-1: 5, 1: 9},  # thumbs
        {-1: 30, 0: 50, 1: 20},
        {-2: 3, -1: 5, 0: 9, 1: 7, 2: 4},
        {-1: 5, 0: 5, 1: 9, 2: 9, 3: 1},
        JESTER,
        {0: 4, 0.5: 10, 1: 20, 2: 30, 3: 50, 5: 10},
        {0: 3, 50: 10, 60: 30, 80: 40, 100: 9},  # rarely used
        {0: 10, 5: 10, 10: 10},
        {1: 1, 4: 9, 4.5: 9, 5: 9},
        {1: 1, 3: 20, 4: 30, 5: 25},
        {1: 1, 2: 5, 3: 9, 4: 9, 8: 3},
        {1: 5, 99: 5},
    ],
)
def test_the_ends_of_a_scale_stay(counts: Mapping[float, int]) -> None:
    assert found(counts) == {}


@given(
    st.dictionaries(st.integers(1, 10).map(float), st.integers(1, 50), min_size=5),
    st.sampled_from([(-1.0, 1), (99.0, 1), (-99.0, 1)]),
)
def test_a_sentinel_is_told_whatever_the_ratings(
    counts: dict[float, int], sentinel: tuple[float, int]
) -> None:
    if max(counts) >= 4:
        assert found({**counts, sentinel[0]: sentinel[1]}).get(sentinel[0])
    assert not found(counts)


def table(values: list[str]) -> bytes:
    rows = [f"{i % 11},{i // 11},{value}" for i, value in enumerate(values)]
    return "\n".join(["user,item,rating", *rows]).encode()


RATED = [str(value) for value, n in TO_TEN.items() for _ in range(n)]


def test_what_is_not_rated_is_left_out_and_the_visitor_has_the_last_word() -> None:
    data = table([*["-1"] * 85, *RATED, *["0"] * 20])
    upload = read_upload(data, "my.csv")
    assert (upload.not_rated, upload.apart) == ((-1.0,), ((-1.0, 85),))
    (left,) = upload.left_out
    assert (left.reason, left.count, left.row, left.example) == ("not_rated", 85, 2, "0,0,-1")
    assert (upload.ratings.rating.min(), upload.rating_range[0]) == (0, -1)
    for chosen, lowest, n in (
        ((), -1, 406),
        ((-1.0, 0.0), 1, 301),
        ((0.0,), -1, 386),
        ((7.5,), -1, 406),
    ):
        other = read_upload(data, "my.csv", choices=Choices(not_rated=chosen))
        assert (other.ratings.rating.min(), len(other.ratings)) == (lowest, n)
        assert set(other.not_rated) == set(chosen) - {7.5}
        assert other.lines == 406
        assert (-1.0, 85) in other.apart, "still to be asked about"


def test_zeros_that_are_implicit_are_left_out_and_others_not() -> None:
    assert read_upload(table([*["0"] * 300, *RATED]), "my.csv").not_rated == (0.0,)
    rare = read_upload(table([*["0"] * 20, *RATED]), "my.csv")
    assert (rare.not_rated, rare.apart, rare.left_out) == ((), (), ())


@pytest.mark.parametrize(
    ("text", "decimal", "expected"),
    [
        ("3", ".", 3.0), ("-0.5", ".", -0.5), ("+1e2", ".", 100.0), (".5", ".", 0.5),
        ("3,5", ",", 3.5), ("3.5", ",", 3.5), ("3,5", ".", None), ("1.000,5", ",", None),
        ("", ".", None), ("1_0", ".", None), ("٣", ".", None), ("nan", ".", None),
        ("1e7", ".", None), ("0x10", ".", None), ("1 000", ".", None),
    ],
)  # fmt: skip
def test_numbers(text: str, decimal: str, expected: float | None) -> None:
    assert number(text, decimal) == expected
    assert decimal_comma(text) == (text == "3,5")
