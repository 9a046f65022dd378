"""The MovieLens layouts on disk: which file holds what, and where a line is wrong."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.recommender.encodings import decode

Catalogue = dict[str, tuple[str, tuple[str, ...]]]
"""A movie's id -> its title and genres."""

_HUGE = 1e30  # far beyond any rating, and within float32

# u.genre of MovieLens 100K, for a u.item that comes without it
_GENRES = [
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
]


_DATES = (
    "ISO8601",
    *(
        f"{day}{time}"
        for day in ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y年%m月%d日")
        for time in ("", " %H:%M", " %H:%M:%S")
    ),
    *("%m %d, %Y", "%B %d, %Y", "%b %d, %Y", "%d %B %Y", "%d %b %Y"),
    "%Y-%m-%d %H:%M:%S UTC",
    "%a %b %d %H:%M:%S %z %Y",
)
"""The first one wins where several fit, as the day and the month may each come first."""


@dataclass(frozen=True, slots=True)
class _Layout:
    separator: str
    columns: tuple[int, int, int] | tuple[str, str, str]  # where pandas finds the three columns
    says: str
    options: dict[str, Any]
    time: int | str
    empty: tuple[int, ...] = ()  # columns that must be empty


_AS_IS = {"header": None, "quoting": csv.QUOTE_NONE}
_TABS = _Layout(
    "\t", (0, 1, 2), "user, movie, rating and timestamp between tabs", {"sep": "\t", **_AS_IS}, 3
)
# pandas' fast reader takes one character only: "1::2::3" split at ":" has every second field empty
_DAT = _Layout("::", (0, 2, 4), "user::movie::rating::timestamp", {"sep": ":", **_AS_IS}, 6, (1, 3))
_CSV = _Layout(
    ",",
    ("userId", "movieId", "rating"),
    "the header userId,movieId,rating,timestamp",
    {},
    "timestamp",
)


def load(path: Path) -> tuple[pd.DataFrame, Catalogue]:
    """The columns user, movie and rating of the file at `path` (or in the folder), and the titles.

    Ids are texts. Errors as `read_ratings`.
    """
    file = _find(path)
    if file.suffix == ".csv":
        return _columns(file, _CSV), _beside(file, "movies.csv")
    if file.suffix == ".dat":
        return _columns(file, _DAT), _beside(file, "movies.dat")
    return _columns(file, _TABS), _beside(file, "u.item")


def split_genres(text: str) -> tuple[str, ...]:
    """ "A|B" as ("A", "B")."""
    return () if text in ("", "(no genres listed)") else tuple(text.split("|"))


def _find(path: Path) -> Path:
    if path.is_file():
        return path
    for name in ("ratings.csv", "ratings.dat", "u.data"):
        if (path / name).is_file():
            return path / name
    raise FileNotFoundError(
        f"There are no ratings at {path}; give a file, or a folder that holds "
        "ratings.csv, ratings.dat or u.data."
    )


def load_times(path: Path) -> NDArray[np.float64] | None:
    """The timestamps of the ratings that `load` gives, as `as_times`; None where there are none."""
    file = _find(path)
    layout = {".csv": _CSV, ".dat": _DAT}.get(file.suffix, _TABS)
    with file.open(encoding="utf-8-sig", errors="replace") as lines:
        first = next(iter(lines), "").rstrip("\r\n").split(layout.separator)
    if not (layout.time in first if layout is _CSV else len(first) > 3):
        return None
    column = _read(file, layout, {layout.time: str})[layout.time]
    return as_times(column, time_form(column))


def time_form(column: "pd.Series[Any]") -> str:
    """How times are written: "number", or the one of `_DATES` that most of them have."""
    if pd.to_numeric(column, errors="coerce").notna().sum() >= 0.5 * len(column):
        return "number"
    dates = pd.Series(column.unique(), dtype=str).str.strip()
    some = dates.iloc[:: 1 + len(dates) // 1000]
    return max(_DATES, key=lambda form: _parsed(some, form).notna().sum())


def as_times(column: "pd.Series[Any]", form: str) -> NDArray[np.float64]:
    """Times written in `form` as numbers, later ones larger; not-a-number for what is neither."""
    if form == "number":
        numbers: NDArray[np.float64] = pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
        return numbers
    codes, texts = pd.factorize(column)
    dates = _parsed(pd.Series(texts, dtype=str).str.strip(), form)
    # in microseconds, which reach to the years that pandas' own difference has no room for
    since = dates.dt.tz_localize(None).to_numpy("datetime64[us]").astype(np.float64)
    found: NDArray[np.float64] = np.where(dates.isna(), np.nan, since)[codes]
    return found


def _parsed(texts: "pd.Series[Any]", form: str) -> "pd.Series[Any]":
    return pd.to_datetime(texts, format=form, errors="coerce", utc=True)


def _columns(file: Path, layout: _Layout) -> pd.DataFrame:
    user, movie, rating = layout.columns
    types: dict[int | str, Any] = {user: str, movie: str, rating: np.float64}
    types |= dict.fromkeys(layout.empty, str)
    try:
        frame = _read(file, layout, types)
    except (ValueError, OverflowError):
        _check_lines(file, layout)
        raise
    blank = any((frame[column].str.strip() == "").any() for column in (user, movie))
    spilt = any((frame[column] != "").any() for column in layout.empty)
    # written so that not-a-number fails too
    if blank or spilt or not len(frame) or not (frame[rating].abs() < _HUGE).all():
        _check_lines(file, layout)
    return frame[[user, movie, rating]].set_axis(["user", "movie", "rating"], axis=1)


def _read(file: Path, layout: _Layout, types: dict[Any, Any]) -> pd.DataFrame:
    options: dict[str, Any] = {**layout.options, "encoding": "utf-8-sig"}
    return pd.read_csv(
        file,
        dtype=types,
        usecols=list(types),
        keep_default_na=False,
        encoding_errors="replace",
        **options,
    )


def _check_lines(file: Path, layout: _Layout) -> None:
    """Raise ValueError for the first line that is not a rating. Slow, and so only after a fault."""
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        if layout is _CSV:
            rows: Iterator[list[str]] = iter(csv.reader(lines))
            places = _header(file.name, next(rows, []))
        else:
            rows, places = (line.split(layout.separator) for line in lines), [0, 1, 2]
        found = False
        for number, row in enumerate(rows, start=2 if layout is _CSV else 1):
            fields = [field.strip() for field in row]
            if not any(fields):
                continue
            found = True
            if len(fields) <= max(places):
                fault = f"there are {len(fields)} columns"
            elif not (fields[places[0]] and fields[places[1]]):
                fault = "the user or the movie is missing"
            elif not _is_finite(fields[places[2]]):
                fault = f"the rating {fields[places[2]]!r} is not a finite number"
            else:
                continue
            raise ValueError(f"{file.name}, row {number}: {fault}; expected {layout.says}.")
    if not found:
        raise ValueError(f"{file.name} has no ratings in it; expected {layout.says}.")


def _header(name: str, fields: list[str]) -> list[int]:
    for column in _CSV.columns:
        if fields and column not in fields:
            raise ValueError(f"{name}, row 1: no column {column}; expected {_CSV.says}.")
    return [fields.index(str(column)) for column in _CSV.columns] if fields else [0, 1, 2]


def _is_finite(text: str) -> bool:
    try:
        return abs(float(text)) < _HUGE and "_" not in text  # Python reads 1_0 as 10
    except ValueError:
        return False


def catalogue(name: str, text: str, genre_text: str = "") -> Catalogue:
    """The titles in `text`, a file called `name`: movies.csv, movies.dat, or u.item.

    `genre_text` is the u.genre that goes with a u.item. Raises ValueError, naming the row.
    """
    if name.endswith(".csv"):
        return _movies_csv(name, text)
    if name.endswith(".dat"):
        says = "id::title::genre|genre"
        return dict(_entries(name, text, "::", 3, says, lambda fields: split_genres(fields[-1])))
    names = [line.split("|")[0] for line in genre_text.splitlines() if line.strip()] or _GENRES

    def flagged(fields: list[str]) -> tuple[str, ...]:
        return tuple(name for name, flag in zip(names, fields[5:], strict=False) if flag == "1")

    return dict(_entries(name, text, "|", 5, "id|title|date|video date|url|genre flags", flagged))


def _beside(file: Path, name: str) -> Catalogue:
    titles = file.with_name(name)
    if not titles.is_file():
        return {}
    genres = file.with_name("u.genre")
    genre_text = decode(genres.read_bytes())[0] if genres.is_file() else ""
    return catalogue(name, decode(titles.read_bytes())[0], genre_text)


def _movies_csv(name: str, text: str) -> Catalogue:
    rows = csv.DictReader(StringIO(text))
    missing = {"movieId", "title"} - set(rows.fieldnames or ())
    if missing:
        raise ValueError(f"{name}: the column {min(missing)} is missing from its header.")
    return {
        row["movieId"]: (row["title"] or "", split_genres(row.get("genres") or "")) for row in rows
    }


def _entries(
    name: str,
    text: str,
    separator: str,
    least: int,
    says: str,
    genres: Callable[[list[str]], tuple[str, ...]],
) -> Iterator[tuple[str, tuple[str, tuple[str, ...]]]]:
    # not splitlines, which would cut a title at a rare separator such as U+2028 too
    for number, line in enumerate(StringIO(text, newline=None), start=1):
        fields = line.strip().split(separator)
        if len(fields) < least and line.strip():
            raise ValueError(
                f"{name}, row {number}: there are {len(fields)} columns; expected {says}."
            )
        if line.strip():
            yield fields[0], (fields[1], genres(fields))
