"""Reading and splitting ratings: three layouts, hard titles, and errors that name the row."""

import math
import subprocess
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from sim.recommender.ratings import (
    Ratings,
    as_written,
    movielens,
    rating_range,
    read_ratings,
    split,
)
from tests.waiting import LIMIT

ROOT = Path(__file__).resolve().parents[2]
# user, movie, rating; the ids are neither dense nor sorted
ROWS = [(7, 20, 4.0), (3, 5, 2.5), (7, 5, 5.0), (11, 300, 1.0)]
TITLES = {5: 'Good, the "Bad" and the Ugly, The (1966)', 20: "Léon: The Professional (1994)"}


def write_tabs(folder: Path) -> None:
    lines = [f"{u}\t{m}\t{r}\t88125\n" for u, m, r in ROWS]
    (folder / "u.data").write_text("".join(lines))
    flags = {5: [0] * 18 + [1], 20: [0, 1] + [0] * 14 + [1, 0, 0]}
    items = [
        "|".join([str(m), title, "01-Jan-1990", "", "http://x", *map(str, flags[m])])
        for m, title in TITLES.items()
    ]
    (folder / "u.item").write_text("\n".join(items) + "\n", encoding="latin-1")


def write_dat(folder: Path) -> None:
    (folder / "ratings.dat").write_text("".join(f"{u}::{m}::{r}::9\n" for u, m, r in ROWS))
    (folder / "movies.dat").write_text(
        f"5::{TITLES[5]}::Western\n20::{TITLES[20]}::Action|Thriller\n", encoding="latin-1"
    )


def write_csv(folder: Path) -> None:
    rows = "".join(f"{u},{m},{r},9\n" for u, m, r in ROWS)
    (folder / "ratings.csv").write_text("userId,movieId,rating,timestamp\n" + rows)
    quoted = '"' + TITLES[5].replace('"', '""') + '"'
    (folder / "movies.csv").write_text(
        f"movieId,title,genres\n5,{quoted},Western\n20,{TITLES[20]},Action|Thriller\n"
        "300,Nothing,(no genres listed)\n",
        encoding="utf-8",
    )


WRITERS = {"u.data": write_tabs, "ratings.dat": write_dat, "ratings.csv": write_csv}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("whole_folder", [True, False])
def test_reads_every_layout_alike(tmp_path: Path, name: str, whole_folder: bool) -> None:
    WRITERS[name](tmp_path)
    ratings = read_ratings(tmp_path if whole_folder else tmp_path / name)
    triples = [
        (int(ratings.user_ids[u]), int(ratings.movie_ids[m]), float(r))
        for u, m, r in zip(ratings.user, ratings.movie, ratings.rating, strict=True)
    ]
    assert triples == ROWS
    assert ratings.user_ids == ("3", "7", "11")  # by number, not by text
    assert ratings.movie_ids == ("5", "20", "300")
    assert ratings.titles[:2] == (TITLES[5], TITLES[20])
    assert ratings.genres == (("Western",), ("Action", "Thriller"), ())
    assert ratings.titles[2] == ("Nothing" if name == "ratings.csv" else "")
    assert (ratings.user.dtype, ratings.rating.dtype) == (np.int64, np.float32)


def test_reads_a_split_file_and_files_without_titles(tmp_path: Path) -> None:
    (tmp_path / "u1.base").write_text("1\t2\t3\t4\n2\t2\t5\t4\n")
    ratings = read_ratings(tmp_path / "u1.base")
    assert (len(ratings), ratings.n_users, ratings.n_movies) == (2, 2, 1)
    assert (ratings.titles, ratings.genres) == (("",), ((),))


def test_genre_names_beside_the_items_win(tmp_path: Path) -> None:
    write_tabs(tmp_path)
    names = [f"G{i}|{i}" for i in range(19)]
    (tmp_path / "u.genre").write_text("\n".join(names) + "\n\n")
    assert read_ratings(tmp_path).genres == (("G18",), ("G1", "G16"), ())


def test_ids_may_be_words(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating\nann,NA,4\nbob,x,3.5\nann,x,1\n")
    ratings = read_ratings(tmp_path)
    assert (ratings.user_ids, ratings.movie_ids) == (("ann", "bob"), ("NA", "x"))
    assert ratings.user.tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("u.data", "1\t2\t3\t9\n1\t2\tgood\t9\n", r"row 2: the rating 'good' is not a finite"),
        ("u.data", "1\t2\t3\t9\n1\t2\t\t9\n", r"row 2: the rating '' is not a finite"),
        ("u.data", "1\t2\t3\t9\n\n1\t2\tinf\t9\n", r"row 3: the rating 'inf' is not a finite"),
        ("u.data", "1\t2\t3\t9\n1\t2\n", r"row 2: there are 2 columns; expected user, movie"),
        ("u.data", "1\t\t3\t9\n", r"row 1: the user or the movie is missing"),
        ("u.data", "1,2,3,9\n", r"row 1: there are 1 columns; expected .* between tabs"),
        ("u.data", "", r"u.data has no ratings in it"),
        ("ratings.dat", "1::2::3::9\n1::2::nan::9\n", r"row 2: the rating 'nan' is not a finite"),
        ("ratings.dat", "1::2::3::9\n1:2:3:9\n", r"row 2: there are 1 columns; expected user::"),
        ("ratings.dat", "1:2:3:4:5:6\n", r"row 1: there are 1 columns; expected user::"),
        ("ratings.csv", "userId,movieId,rating\n1,2,3\n4,5,bad\n", r"row 3: the rating 'bad'"),
        ("ratings.csv", "userId,movieId,stars\n1,2,3\n", r"row 1: no column rating"),
        ("ratings.csv", "userId,movieId,rating\n", r"ratings.csv has no ratings in it"),
        ("ratings.csv", "", r"ratings.csv has no ratings in it"),
        ("ratings.csv", "userId,movieId,rating\n1,2,1e999\n", r"row 2: the rating '1e999'"),
        ("ratings.csv", "userId,movieId,rating\n1,2,1e40\n", r"row 2: the rating '1e40'"),
    ],
)
def test_errors_name_the_row(tmp_path: Path, name: str, text: str, says: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=says):
        read_ratings(tmp_path)


def test_errors_of_titles_name_the_row(tmp_path: Path) -> None:
    write_dat(tmp_path)
    (tmp_path / "movies.dat").write_text("5::A::B\nno title here\n")
    with pytest.raises(ValueError, match=r"movies.dat, row 2: there are 1 columns; expected id::"):
        read_ratings(tmp_path)


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"There are no ratings at .*; give a file"):
        read_ratings(tmp_path / "nowhere")


@given(n=st.integers(5, 60), share=st.floats(0.2, 0.8), seed=st.integers(0, 2**32 - 1))
def test_split_parts_every_rating_once(n: int, share: float, seed: int) -> None:
    index = np.arange(n)
    ids = tuple(map(str, index))
    everything = Ratings(index, index, index.astype(np.float32), ids, ((),) * n, ids, ids)
    train, valid = split(everything, share, seed)
    assert sorted([*train.user, *valid.user]) == list(range(n))
    assert len(valid) == round(n * share)
    assert (train.n_users, valid.n_movies) == (n, n)
    again, _ = split(everything, share, seed)
    assert np.array_equal(again.user, train.user)


def test_split_is_the_published_one() -> None:
    ratings = movielens()
    order = np.random.RandomState(3).permutation(len(ratings))
    _, valid = split(ratings, 0.2, seed=3)
    assert np.array_equal(valid.movie, ratings.movie[order[: len(valid)]])


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5, float("nan"), 1e-9])
def test_split_refuses_an_empty_part(share: float) -> None:
    with pytest.raises(ValueError, match=r"valid_share|NaN"):
        split(movielens(), share)


def test_bundled_ratings() -> None:
    ratings = movielens()
    assert (len(ratings), ratings.n_users, ratings.n_movies) == (100_004, 671, 9_066)
    assert set(np.unique(ratings.rating)) == {x / 2 for x in range(1, 11)}
    assert ratings.titles[ratings.movie_ids.index("1")] == "Toy Story"
    assert "Animation" in ratings.genres[ratings.movie_ids.index("1")]
    untitled = [i for i, title in enumerate(ratings.titles) if title.startswith("movie ")]
    assert np.isin(ratings.movie, untitled).sum() == 7
    assert all(ratings.titles[i] == f"movie {ratings.movie_ids[i]}" for i in untitled)
    assert movielens() is ratings


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.arange(1, 11) / 2, (0.0, 5.5)),  # MovieLens today
        ([1, 2, 3, 4, 5], (0.5, 5.5)),  # MovieLens 100K and 1M
        ([1, 4, 5], (0.5, 5.5)),
        (range(1, 11), (0.0, 11.0)),
        (range(11), (-1.0, 11.0)),
        ([0, 1], (-0.5, 1.5)),
        ([-10, 0, 10], (-15.0, 15.0)),
        (np.arange(0, 1.01, 0.1), (-0.1, 1.1)),  # not whole in binary
        (np.linspace(0, 100, 12_345), (-10.0, 110.0)),
        (np.arange(1, 11) / 10, (0.0, 1.1)),
        (np.arange(11, 110) / 10, (0.1, 11.9)),
        (np.arange(1, 6) / 1000, (0.0005, 0.0055)),
        ([-1, 1], (-2.0, 2.0)),
        (1e5 + np.arange(11) / 10, (99_999.9, 100_001.1)),
        (np.arange(4) / 3, (-1 / 6, 7 / 6)),
    ],
)
def test_rating_range_leaves_a_margin(values: ArrayLike, expected: tuple[float, float]) -> None:
    rating = np.random.default_rng(0).permutation(np.repeat(np.float32(values), 2))
    index = np.zeros(len(rating), int)
    ratings = Ratings(index, index, rating, ("",), ((),), ("a",), ("b",))
    # the step of a fine scale is a difference of float32 numbers
    assert rating_range(ratings) == pytest.approx(expected, abs=2e-3 * float(np.ptp(rating)))
    if len(rating) < 300:
        assert rating_range(ratings) == pytest.approx(expected, abs=1e-5)


@given(
    start=st.integers(-(10**5), 10**5),
    steps=st.lists(st.integers(1, 12), min_size=1, max_size=40),
    decimals=st.integers(-2, 4),
)
@settings_of_hypothesis(derandomize=True, max_examples=200, deadline=None)
def test_rating_range_is_exact_for_ratings_in_decimals(
    start: int, steps: list[int], decimals: int
) -> None:
    """What exact fractions give, for scales that begin and go on by whole units of 10^-decimals."""
    unit = Fraction(1, 10) ** decimals
    values = [(start + sum(steps[:i])) * unit for i in range(len(steps) + 1)]
    rating = np.array([float(value) for value in values], np.float32)
    assume(max(abs(value) for value in values) / unit < 10**6)  # float32 tells six digits apart
    index = np.zeros(len(rating), int)
    low, high = rating_range(Ratings(index, index, rating, ("",), ((),), ("a",), ("b",)))
    half = min(b - a for a, b in pairwise(values)) / 2
    margin = math.ceil((values[-1] - values[0]) / 10 / half) * half
    assert (low, high) == (float(values[0] - margin), float(values[-1] + margin))
    assert "-0" not in (f"{low:g}", f"{high:g}")


def test_ratings_as_they_were_written() -> None:
    written = np.array([[0.1, 3.7, -2.3], [0.0, 1e6, 12.345678]])
    found = as_written(written.astype(np.float32))
    assert found[:, :2].tolist() == written[:, :2].tolist()
    assert np.array_equal(found.astype(np.float32), written.astype(np.float32))
    assert as_written(np.float32(0.1)) == 0.1
    assert len(as_written([])) == 0


def test_rating_range_of_one_value_is_refused() -> None:
    with pytest.raises(ValueError, match="at least two different ones"):
        rating_range(movielens().take(np.array([0, 0])))


def test_ratings_are_checked_and_the_callers_arrays_left_alone() -> None:
    index, ones = np.array([0, 1]), np.ones(2, np.float32)
    ratings = Ratings(index, index, ones, ("", ""), ((), ()), ("a", "b"), ("c", "d"))
    index[0] = 0  # still writable
    with pytest.raises(ValueError, match="read-only"):
        ratings.user[0] = 1
    with pytest.raises(ValueError, match="A movie index is out of range"):
        Ratings(index, index, ones, ("",), ((),), ("a", "b"), ("c",))
    with pytest.raises(ValueError, match="in each row"):
        Ratings(index, index, ones[:1], ("", ""), ((), ()), ("a", "b"), ("c", "d"))


def test_the_web_process_gets_no_torch() -> None:
    code = (
        "import sys, sim.recommender, sim.compute\n"
        "import sim.recommender.ratings, sim.recommender.model, sim.recommender.records\n"
        "sim.recommender.movielens(); sim.compute.RemoteRun\n"
        "late = {'torch', 'distributed', 'dask'} & set(sys.modules)\n"
        "assert not late, late\n"
        "from sim.recommender import fit\n"
        "assert 'torch' in sys.modules and callable(fit)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=LIMIT)
