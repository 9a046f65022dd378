"""The rows of a table: each one is read as a rating, or counted and named as left out."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.recommender.layouts import as_times, time_form
from sim.recommender.ratings import coded, latest
from sim.recommender.upload.columns import ESSENTIAL
from sim.recommender.upload.errors import UploadError
from sim.recommender.upload.lines import Lines, read_lines
from sim.recommender.upload.tables import Form, fields, shown
from sim.recommender.upload.values import LARGEST, apart, decimal_comma, number

LONGEST = 256  # characters of an id
_GOOD = 0
_REASONS = (
    *("", "few_columns", "no_id", "too_long", "no_rating", "not_a_number", "too_far"),
    "not_rated",
)
_CODE = {reason: code for code, reason in enumerate(_REASONS)}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Rows that are no ratings, of one kind: `reason` is a key of `errors.LEFT_OUT`."""

    reason: str
    count: int
    row: int
    """The first one's number, the file's first row being 1."""
    example: str
    """The first one, cut where it is long."""


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A column of texts: row i has texts[codes[i]]."""

    codes: NDArray[np.int64]
    texts: list[str]

    def take(self, rows: NDArray[np.int64]) -> "Column":
        """Some of the rows, and the texts that are in them."""
        used = np.flatnonzero(np.bincount(self.codes[rows], minlength=len(self.texts)))
        place = np.zeros(len(self.texts), np.int64)
        place[used] = np.arange(len(used))
        return Column(place[self.codes[rows]], [self.texts[code] for code in used])


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The ratings of a table in its order, one for each pair, and what was left out."""

    user: Column
    item: Column
    rating: NDArray[np.float64]
    title: Column | None
    genres: Column | None
    lines: int
    left_out: tuple[LeftOut, ...]
    not_rated: tuple[float, ...]
    apart: tuple[tuple[float, int], ...]
    without: frozenset[str]
    """The reasons in `left_out`, and "empty" where there are empty rows."""
    form: Form
    duplicates: int
    """Ratings left out because another one of their pair counts."""
    time_form: str
    """How the times are written that have decided which (see `layouts.time_form`); else ""."""


def read_rows(
    name: str, raw: bytes, form: Form, max_ratings: int, not_rated: tuple[float, ...] | None = None
) -> Rows:
    """Read the ratings in `raw` (UTF-8, with "\\n" alone between rows).

    `not_rated` are the values that say "not rated"; None leaves them to `values.apart`. Raises
    UploadError where the table is too large, or at least half of its rows are no ratings.
    """
    lines = read_lines(name, raw, form, max_ratings)
    user, item = Column(*coded(lines.take("user"))), Column(*coded(lines.take("item")))
    decimal, column = ".", lines.take("rating")
    if column.dtype == np.float64:  # they are numbers, and all rows are ratings
        values = column.to_numpy()
        reasons = np.zeros(lines.n, np.int8)
    else:
        rating = Column(*coded(column))
        decimal = "," if any(map(decimal_comma, rating.texts)) else "."
        parsed = [number(text, decimal) for text in rating.texts]
        values = np.array([np.nan if n is None else n for n in parsed])[rating.codes]
        reasons = _reasons(lines, user, item, rating, values)
    stand_apart = apart(*np.unique(values[reasons == _GOOD], return_counts=True))
    if not_rated is None:
        not_rated = tuple(one.value for one in stand_apart if one.not_rated)
    unrated = tuple(value for value in not_rated if (values == value).any())
    n_bad = int((reasons > _GOOD).sum())
    reasons[(reasons == _GOOD) & np.isin(values, unrated)] = _CODE["not_rated"]
    left = tuple(sorted(_left_out(lines, reasons), key=lambda one: -one.count))
    n_lines = int((reasons >= _GOOD).sum())
    if not n_lines:
        raise UploadError("no_rows", file=name)
    if 2 * n_bad >= n_lines:
        reason = next(one.reason for one in left if one.reason != "not_rated")
        raise _error(name, lines, reason, int(np.flatnonzero(reasons == _CODE[reason])[0]))
    kept = np.flatnonzero(reasons == _GOOD)
    kept, written = _latest(lines, user, item, kept)
    title, genres = (
        Column(*_as_written(lines.take(role))).take(kept) if role in lines.columns else None
        for role in ("title", "genres")
    )
    return Rows(
        user.take(kept),
        item.take(kept),
        values[kept],
        title,
        genres,
        n_lines,
        left,
        unrated,
        tuple((one.value, one.count) for one in stand_apart),
        frozenset({one.reason for one in left} | ({"empty"} if n_lines < lines.n else set())),
        replace(lines.form, decimal=decimal),
        int((reasons == _GOOD).sum()) - len(kept),
        written,
    )


def _latest(
    lines: Lines, user: Column, item: Column, rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], str]:
    """Of `rows` those that count (see `ratings.latest`), and the form of the times that decide."""
    pairs = user.codes[rows], item.codes[rows]
    kept = latest(*pairs)
    if len(kept) == len(rows) or "time" not in lines.form.columns:
        return rows[kept], ""
    times = lines.times()
    form = time_form(times)
    return rows[latest(*pairs, as_times(times, form)[rows])], form


def _as_written(series: Any) -> tuple[NDArray[np.int64], list[str]]:
    codes, texts = pd.factorize(series)
    return codes.astype(np.int64), texts.tolist()


def _reasons(
    lines: Lines, user: Column, item: Column, rating: Column, values: NDArray[np.float64]
) -> NDArray[np.int8]:
    """For each row 0 where it is a rating, -1 where it is empty, else what is wrong."""
    found = np.zeros(lines.n, np.int8)

    def mark(reason: str, where: NDArray[np.bool_]) -> None:
        found[(found == _GOOD) & where] = _CODE[reason]

    lengths = [np.array(list(map(len, column.texts)))[column.codes] for column in (user, item)]
    mark("no_id", (lengths[0] == 0) | (lengths[1] == 0))
    mark("too_long", (lengths[0] > LONGEST) | (lengths[1] > LONGEST))
    if "" in rating.texts:
        mark("no_rating", rating.codes == rating.texts.index(""))
    far = np.array([number(text, ",", math.inf) is not None for text in rating.texts], bool)
    mark("too_far", np.isnan(values) & far[rating.codes])
    mark("not_a_number", np.isnan(values))
    separator = lines.form.separator
    needed = max(lines.form.columns[role] for role in ESSENTIAL)
    for row in np.flatnonzero((found == _CODE["no_id"]) | (found == _CODE["no_rating"])):
        line = lines.line(int(row))
        if not line.strip():
            found[row] = -1
        elif (len(line.split()) - 1 if separator == " " else line.count(separator)) < needed:
            found[row] = _CODE["few_columns"]
    return found


def _left_out(lines: Lines, reasons: NDArray[np.int8]) -> Iterator[LeftOut]:
    for code, reason in enumerate(_REASONS):
        rows = np.flatnonzero(reasons == code)
        if reason and len(rows):
            first = int(rows[0])
            example = " ".join(lines.line(first).split())
            yield LeftOut(reason, len(rows), lines.number(first), shown(example))


def _error(name: str, lines: Lines, reason: str, row: int) -> UploadError:
    """What is wrong with a row."""
    values: dict[str, str | int] = {"file": name, "row": lines.number(row)}
    texts = fields(lines.line(row), lines.form.separator)
    if reason == "few_columns":
        needed = max(lines.form.columns[role] for role in ESSENTIAL) + 1
        values |= {"found": len(texts), "expected": needed}
    elif reason == "too_long":
        values |= {"limit": LONGEST}
    elif reason in ("not_a_number", "too_far"):
        place = lines.form.columns["rating"]
        values |= {"found": shown(repr(texts[place] if place < len(texts) else ""))}
    if reason == "too_far":
        values |= {"limit": f"{LARGEST:,.0f}"}
    return UploadError(reason, **values)
