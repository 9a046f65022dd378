"""A visitor's own ratings: a file of bytes in, ratings ready to learn from out."""

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.recommender.encodings import plausible, to_utf8
from sim.recommender.layouts import Catalogue, split_genres
from sim.recommender.ratings import Ratings, as_written, numbered, plain_numbers, rating_range
from sim.recommender.upload.archives import base, members, packing, read_member, too_large
from sim.recommender.upload.columns import Role
from sim.recommender.upload.errors import LEFT_OUT, MESSAGES, UploadError
from sim.recommender.upload.records import Choices, Look, Origin, Upload
from sim.recommender.upload.rows import LeftOut, Rows, read_rows
from sim.recommender.upload.tables import HEAD, Beginning, begin, check_columns
from sim.recommender.upload.titles import titles_beside

__all__ = [
    "LEFT_OUT",
    "MESSAGES",
    "Choices",
    "LeftOut",
    "Look",
    "Origin",
    "Role",
    "Upload",
    "UploadError",
    "look",
    "read_upload",
]

_AS_FOUND = Choices()
MAX_BYTES = 200 << 20
MAX_RATINGS = 5_000_000
LEAST_RATINGS = 20
_LEAST_SPAN = 1e-4  # of the ratings' own size: they are kept to seven digits
_MOST_TABLES = 20  # that are looked into
_LONGEST_TITLE = 300  # longer than any id that is let through
_NO_TABLES = {  # the kinds of text that are none -> how they begin
    "html": re.compile(rb"\s*<(!doctype|\?xml|html|head|body|table|rss|feed)\b", re.IGNORECASE),
    "json": re.compile(rb"""\s*(\{\s*(["'][^"'\n]*["']\s*:|\})|\[\s*(["'{\[\]]|-?\d))"""),
}
_ENTITY = re.compile(r"&(#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]\w{1,30});")


def look(
    data: bytes,
    name: str,
    *,
    choices: Choices = _AS_FOUND,
    max_bytes: int = MAX_BYTES,
) -> Look:
    """What the beginning of a visitor's file called `name` shows, and how it would be read.

    Costs little, whatever the size of the file. Raises UploadError where there is no table at all.
    """
    tables = _tables(data, name, max_bytes)
    table = choices.table if choices.table in tables else tables[0]
    raw = read_member(data, name, table, max_bytes, HEAD)
    text = _text(base(table), raw, choices.encoding)
    return _look(tables, table, text, begin(base(table), text.utf8, choices.columns))


def read_upload(
    data: bytes,
    name: str,
    *,
    choices: Choices = _AS_FOUND,
    max_bytes: int = MAX_BYTES,
    max_ratings: int = MAX_RATINGS,
) -> Upload:
    """Read ratings from the bytes of a visitor's file called `name`; nothing is written anywhere.

    The file is a table with columns for user, item and rating (title, genres and time may follow)
    under any of their common names or, without a header, in this order; separated by commas,
    semicolons, tabs, bars, "::" or blanks; or a .zip or .gz that holds one, with titles in a table
    beside it. `choices` say where it is to be read otherwise than as found. Rows that are no
    ratings are left out and counted; of several ratings of an item by one user the latest counts.
    Titles are a stranger's text: a page must not take them for HTML or Markdown, nor may they leave
    again in a CSV file as they are.

    Raises UploadError (a ValueError) with a sentence and its parts: a file beyond `max_bytes`
    (packed or unpacked) or `max_ratings`, one that is not such a table or mostly not, naming the
    row, or one with too little to learn from.
    """
    tables = _tables(data, name, max_bytes)
    table = choices.table if choices.table in tables else tables[0]
    file = base(table)
    text = _text(file, read_member(data, name, table, max_bytes), choices.encoding)
    begun = begin(file, text.utf8, choices.columns)
    check_columns(file, begun)
    rows = read_rows(file, text.utf8, begun.form, max_ratings, choices.not_rated)
    entries, titles = titles_beside(data, name, table, max_bytes)
    ratings, untitled = _number(rows, entries)
    _check_enough(file, ratings)
    text_ids = not (plain_numbers(rows.user.texts) and plain_numbers(rows.item.texts))
    return Upload(
        ratings=ratings,
        rating_range=rating_range(ratings),
        file=file,
        encoding=text.encoding,
        header=rows.form.header,
        duplicates=rows.duplicates,
        untitled=untitled,
        origin=Origin(
            name,
            packing(data),
            table,
            text.encoding,
            rows.form,
            text_ids,
            rows.without,
            rows.not_rated,
            text.fits,
            rows.time_form,
        ),
        look=_look(tables, table, text, begun),
        lines=rows.lines,
        left_out=rows.left_out,
        not_rated=rows.not_rated,
        apart=rows.apart,
        titles=titles,
    )


@dataclass(frozen=True, slots=True)
class _Text:
    """A table as text."""

    utf8: bytes
    encoding: str
    encodings: tuple[str, ...]
    fits: bool


def _text(file: str, raw: bytes, encoding: str | None = None) -> _Text:
    if not raw or raw.isspace():
        raise UploadError("empty", file=file)
    encodings = plausible(raw)
    encoding = encoding or encodings[0]
    utf8, fits = to_utf8(raw, encoding)
    if b"\0" in utf8:
        raise UploadError("not_text", file=file)
    for kind, beginning in _NO_TABLES.items():
        if beginning.match(utf8):
            raise UploadError(kind, file=file)
    return _Text(utf8, encoding, tuple(dict.fromkeys((encoding, *encodings))), fits)


def _look(tables: tuple[str, ...], table: str, text: _Text, begun: Beginning) -> Look:
    return Look(
        tables,
        table,
        text.encoding,
        text.encodings,
        begun.form.header,
        begun.names,
        begun.rows,
        dict(begun.form.columns),
    )


def _tables(data: bytes, name: str, max_bytes: int) -> tuple[str, ...]:
    """The tables in a file that could hold ratings, the most likely first."""
    if len(data) > max_bytes:
        raise too_large(name, max_bytes)
    found = members(data, name)
    if len(found) == 1:
        return found
    ranks = {member: _rank(data, name, member, max_bytes) for member in found[:_MOST_TABLES]}
    best = sorted(ranks, key=ranks.__getitem__)
    return tuple(member for member in best if ranks[member] < 2) or found[:_MOST_TABLES]


def _rank(data: bytes, name: str, member: str, max_bytes: int) -> int:
    """0 where a header names user, item and rating; 1 without a header; 2 where they lack."""
    try:
        raw = read_member(data, name, member, max_bytes, HEAD)
        begun = begin(base(member), _text(base(member), raw).utf8)
        check_columns(base(member), begun)
    except UploadError:
        return 2
    return 0 if begun.form.header else 1


def _number(rows: Rows, entries: Catalogue) -> tuple[Ratings, int]:
    """The rows as ratings, users and items numbered in the order of their ids; items untitled."""
    user, user_ids = numbered(rows.user.codes, rows.user.texts)
    item, item_ids = numbered(rows.item.codes, rows.item.texts)
    ids = _clean(item_ids)
    known = [entries.get(item_id, ("", ())) for item_id in item_ids]
    titles = _clean(_readable(title) for title, _ in known)
    genres = tuple(names for _, names in known)
    if rows.title is not None or rows.genres is not None:
        first = np.empty(len(ids), np.int64)
        first[item[::-1]] = np.arange(len(item))[::-1]  # the last one written is the first row
        if rows.title is not None:
            titles = _clean(map(_readable, _at(rows.title.texts, rows.title.codes[first])))
        if rows.genres is not None:
            texts = _clean(_at(rows.genres.texts, rows.genres.codes[first]))
            genres = tuple(map(split_genres, texts))
    ratings = Ratings(
        user,
        item,
        rows.rating.astype(np.float32),
        tuple(title or item_id for title, item_id in zip(titles, ids, strict=True)),
        genres,
        _clean(user_ids),
        ids,
    )
    return ratings, titles.count("")


def _at(texts: list[str], codes: NDArray[np.int64]) -> list[str]:
    return [texts[code] for code in codes.tolist()]


def _readable(title: str) -> str:
    """A title with its HTML entities as the characters that they stand for: "&amp;" as "&"."""
    return _ENTITY.sub(lambda match: html.unescape(match[0]), title) if "&" in title else title


def _check_enough(file: str, ratings: Ratings) -> None:
    if len(ratings) < LEAST_RATINGS:
        counts = {"found": len(ratings), "expected": LEAST_RATINGS}
        raise UploadError("few_ratings", file=file, **counts)
    if ratings.n_users < 2:
        raise UploadError("one_user", file=file)
    if ratings.n_movies < 2:
        raise UploadError("one_item", file=file)
    low, high = as_written([ratings.rating.min(), ratings.rating.max()]).tolist()
    if low == high:
        raise UploadError("one_value", file=file, found=f"{low:g}")
    if high - low < _LEAST_SPAN * max(abs(low), abs(high)):
        raise UploadError("too_close", file=file, low=f"{low:.9g}", high=f"{high:.9g}")


def _clean(values: Iterable[str]) -> tuple[str, ...]:
    """Each on one line, without invisible characters, cut where longer than any title."""
    found = list(values)
    # nearly always there is nothing to do, and a million texts are told so at once
    if "".join(found).isprintable() and max(map(len, found), default=0) <= _LONGEST_TITLE:
        return tuple(found)
    shown = ("".join(c if c.isprintable() else " " for c in t[: 4 * _LONGEST_TITLE]) for t in found)
    plain = (" ".join(text.split()) for text in shown)
    most = _LONGEST_TITLE
    return tuple(text if len(text) <= most else text[: most - 1] + "…" for text in plain)
