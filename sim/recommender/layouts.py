"""The MovieLens layouts on disk: which file holds what, and where a line is wrong."""

import codecs
import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

Catalogue = dict[str, tuple[str, tuple[str, ...]]]
"""A movie's id -> its title and genres."""

# two bytes of GB 2312, the part of GB 18030 that nearly every Chinese text stays in
_CHINESE = re.compile(rb"[\xa1-\xf7][\xa1-\xfe]")

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


@dataclass(frozen=True, slots=True)
class _Layout:
    separator: str
    columns: tuple[int, int, int] | tuple[str, str, str]  # where pandas finds the three columns
    says: str
    options: dict[str, Any]
    empty: tuple[int, ...] = ()  # columns that must be empty


_AS_IS = {"header": None, "quoting": csv.QUOTE_NONE}
_TABS = _Layout(
    "\t", (0, 1, 2), "user, movie, rating and timestamp between tabs", {"sep": "\t", **_AS_IS}
)
# pandas' fast reader takes one character only: "1::2::3" split at ":" has every second field empty
_DAT = _Layout("::", (0, 2, 4), "user::movie::rating::timestamp", {"sep": ":", **_AS_IS}, (1, 3))
_CSV = _Layout(
    ",", ("userId", "movieId", "rating"), "the header userId,movieId,rating,timestamp", {}
)


def load(path: Path) -> tuple[pd.DataFrame, Catalogue]:
    """The columns user, movie and rating of the file at `path` (or in the folder), and the titles.

    Ids are integers where all of a file's ids are, else text. Errors as `read_ratings`.
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


def _columns(file: Path, layout: _Layout) -> pd.DataFrame:
    user, movie, rating = layout.columns
    wanted = [user, movie, rating]
    options = {**layout.options, "encoding": "utf-8-sig", "encoding_errors": "replace"}
    try:
        types: dict[Any, Any] = {user: np.int64, movie: np.int64, rating: np.float64}
        frame = pd.read_csv(file, dtype=types, usecols=[*wanted, *layout.empty], **options)
        if frame[list(layout.empty)].notna().any(axis=None):
            raise ValueError("not this layout")
    except (ValueError, OverflowError):
        _check_lines(file, layout)  # raises, unless the ids are just not integers
        types = {user: str, movie: str, rating: np.float64}
        frame = pd.read_csv(file, dtype=types, usecols=wanted, keep_default_na=False, **options)
    # written so that not-a-number fails too
    if not len(frame) or not (frame[rating].abs() < _HUGE).all():
        _check_lines(file, layout)
    return frame[wanted].set_axis(["user", "movie", "rating"], axis=1)


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


def decode(raw: bytes) -> tuple[str, str]:
    """The text in `raw`, and the encoding found: its byte-order mark's, else the first that fits.

    UTF-8; GB 18030 where nearly all other bytes come in the pairs that Chinese is written in
    (accents in Western text stand alone); else Windows-1252, and Latin-1 for what that leaves out.
    """
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16", errors="replace"), "utf-16"
    high = len(raw) - len(raw.translate(None, bytes(range(128, 256))))
    paired = 2 * sum(1 for _ in _CHINESE.finditer(raw)) if high else 0
    guesses = ["utf-8-sig", *(["gb18030"] if paired > 0.9 * high else []), "cp1252"]
    for encoding in guesses:
        try:
            return raw.decode(encoding), encoding.removesuffix("-sig")
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1"), "latin-1"


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
