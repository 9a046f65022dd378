"""A visitor's own ratings: a file of bytes in, ratings ready to learn from out."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from sim.recommender.layouts import Catalogue, catalogue, decode, split_genres
from sim.recommender.ratings import Ratings, rating_range
from sim.recommender.upload.archives import packing, unpack
from sim.recommender.upload.errors import MESSAGES, UploadError
from sim.recommender.upload.tables import Form, find_form, read_columns

__all__ = ["MESSAGES", "Origin", "Upload", "UploadError", "csv_safe", "read_upload"]

MAX_BYTES = 200 << 20
MAX_RATINGS = 5_000_000
LEAST_RATINGS = 20
_LONGEST_TITLE = 300  # longer than any id that is let through
# what a spreadsheet takes for the beginning of a formula
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True, slots=True)
class Origin:
    """How ratings stand in a visitor's file: what it takes to read them again elsewhere."""

    name: str
    """The name of the file that was given."""
    packed: Literal["", "gz", "zip"]
    """How it is packed."""
    file: str
    """The name of the table, in the archive if there is one."""
    encoding: str
    """As in `Upload`."""
    form: Form
    """Separator, columns, header and decimal sign."""
    text_ids: bool
    """Whether users and items are named by texts; else by whole numbers."""


@dataclass(frozen=True, slots=True, eq=False)
class Upload:
    """What was read, and what there is to say about it."""

    ratings: Ratings
    rating_range: tuple[float, float]
    """The range for `Settings.rating_range` (see `ratings.rating_range`)."""
    file: str
    """The name of the file of ratings, in the archive if there was one."""
    encoding: str
    """The encoding found, as Python names it: utf-8, utf-16, gb18030, cp1252 or latin-1."""
    header: bool
    """Whether the columns were found by their names; else they are user, item, rating."""
    duplicates: int
    """Rows left out because a later row rates the same item by the same user."""
    untitled: int
    """Items without a title; their id stands in for it."""
    origin: Origin
    """How to read the same ratings from the file."""


def read_upload(
    data: bytes, name: str, *, max_bytes: int = MAX_BYTES, max_ratings: int = MAX_RATINGS
) -> Upload:
    """Read ratings from the bytes of a visitor's file called `name`; nothing is written anywhere.

    The file is CSV with columns for user, item and rating under any of their common names (title
    and genres may follow), separated by commas, semicolons or tabs; or MovieLens' ratings.csv,
    ratings.dat or u.data; or a .zip or .gz that holds one of these, with titles beside it. Of
    several ratings of an item by one user the last one counts. Titles are plain text: a page must
    not take them for HTML, and `csv_safe` is for those that leave again in a CSV file.

    Raises UploadError (a ValueError) with a sentence and its parts: a file beyond `max_bytes`
    (packed or unpacked) or `max_ratings`, one that is not such a table, naming its row, or one
    with too little to learn from.
    """
    files = unpack(data, name, max_bytes)
    file, raw = next(iter(files.items()))
    if not raw.strip():
        raise UploadError("empty", file=file)
    text, encoding = decode(raw)
    if "\0" in text:
        raise UploadError("not_text", file=file)
    utf8 = text.encode("utf-8", errors="replace")
    form = find_form(file, utf8)
    frame = read_columns(file, utf8, form, max_ratings)
    titles = _titles({key: value for key, value in files.items() if key != file})
    ratings, untitled = _number(frame, titles)
    last = _last_of_each(ratings)
    kept = ratings.take(last) if len(last) < len(ratings) else ratings
    _check_enough(file, kept)
    return Upload(
        kept,
        rating_range(kept),
        file,
        encoding,
        form.header,
        len(ratings) - len(kept),
        untitled,
        Origin(name, packing(data), file, encoding, form, frame["user"].dtype != np.int64),
    )


def csv_safe(text: str) -> str:
    """`text` for a cell of a CSV file, made harmless where a spreadsheet would run it.

    A text whose first character is one that begins a formula gets an apostrophe before it, which
    spreadsheets show as text. For columns of text: a negative number would be changed as well.
    Source: OWASP, "CSV Injection".
    """
    return "'" + text if text.lstrip(" ").startswith(_FORMULA) else text


def _titles(files: dict[str, bytes]) -> Catalogue:
    texts = {name: decode(raw)[0] for name, raw in files.items()}
    genres = texts.pop("u.genre", "")
    for name, text in texts.items():
        try:
            return catalogue(name, text, genres)
        except (ValueError, csv.Error) as error:
            raise UploadError("bad_titles", file=name) from error
    return {}


def _number(frame: pd.DataFrame, entries: Catalogue) -> tuple[Ratings, int]:
    """The rows as ratings, users and items numbered in the order of their ids; items untitled."""
    user, user_ids = pd.factorize(frame["user"], sort=True)
    item, item_ids = pd.factorize(frame["item"], sort=True)
    ids = _clean(item_ids.tolist())
    known = [entries.get(item_id, ("", ())) for item_id in ids]
    titles = _clean(title for title, _ in known)
    genres = tuple(names for _, names in known)
    if {"title", "genres"} & set(frame.columns):
        first = np.empty(len(ids), np.int64)
        first[item[::-1]] = np.arange(len(item))[::-1]  # the last one written is the first row
        if "title" in frame:
            titles = _clean(frame["title"].iloc[first].tolist())
        if "genres" in frame:
            genres = tuple(map(split_genres, _clean(frame["genres"].iloc[first].tolist())))
    ratings = Ratings(
        user.astype(np.int64),
        item.astype(np.int64),
        frame["rating"].to_numpy(np.float32),
        tuple(title or item_id for title, item_id in zip(titles, ids, strict=True)),
        genres,
        _clean(user_ids.tolist()),
        ids,
    )
    return ratings, titles.count("")


def _last_of_each(ratings: Ratings) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    pairs = pd.Series(ratings.user * ratings.n_movies + ratings.movie, copy=False)
    return np.flatnonzero(~pairs.duplicated(keep="last").to_numpy())


def _check_enough(file: str, ratings: Ratings) -> None:
    if len(ratings) < LEAST_RATINGS:
        counts = {"found": len(ratings), "expected": LEAST_RATINGS}
        raise UploadError("few_ratings", file=file, **counts)
    if ratings.n_users < 2:
        raise UploadError("one_user", file=file)
    if ratings.n_movies < 2:
        raise UploadError("one_item", file=file)
    if np.ptp(ratings.rating) == 0:
        raise UploadError("one_value", file=file, found=f"{ratings.rating[0]:g}")


def _clean(values: Iterable[object]) -> tuple[str, ...]:
    """Each as text on one line, without invisible characters, cut where longer than any title."""
    found = list(map(str, values))
    # nearly always there is nothing to do, and a million texts are told so at once
    if "".join(found).isprintable() and max(map(len, found), default=0) <= _LONGEST_TITLE:
        return tuple(found)
    shown = ("".join(c if c.isprintable() else " " for c in t[: 4 * _LONGEST_TITLE]) for t in found)
    plain = (" ".join(text.split()) for text in shown)
    most = _LONGEST_TITLE
    return tuple(text if len(text) <= most else text[: most - 1] + "…" for text in plain)
