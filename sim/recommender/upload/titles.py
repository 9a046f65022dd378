"""The titles that stand in a table of their own, beside the ratings in the same archive."""

import csv

from sim.recommender.encodings import decode, plausible, to_utf8
from sim.recommender.layouts import Catalogue, catalogue, split_genres
from sim.recommender.upload.archives import base, folder, members, packing, read_member
from sim.recommender.upload.columns import Role
from sim.recommender.upload.errors import UploadError
from sim.recommender.upload.lines import read_lines
from sim.recommender.upload.tables import HEAD, begin

_COMPANIONS = {
    "ratings.csv": ("movies.csv",),
    "ratings.dat": ("movies.dat",),
    "u.data": ("u.item",),
}
_MOST_TABLES = 20
_MOST_ROWS = 5_000_000


def titles_beside(data: bytes, name: str, table: str, max_bytes: int) -> tuple[Catalogue, str]:
    """The titles beside `table`, and the name of the table that has them ("" for none).

    In a MovieLens archive it is the one with the name that MovieLens gives it; in others the first
    with a header that names an item and its title, and no user. Raises UploadError where the
    former cannot be read.
    """
    if packing(data) != "zip":
        return {}, ""
    beside = [
        other for other in members(data, name) if other != table and folder(other) == folder(table)
    ][:_MOST_TABLES]
    known = {base(other): other for other in beside}
    for companion in _COMPANIONS.get(base(table).lower(), ("u.item",)):
        if companion in known:
            if companion.endswith(".csv") and (
                found := _general(data, name, known[companion], max_bytes)
            ):
                return found, companion
            texts = {
                part: decode(read_member(data, name, known[part], max_bytes))[0]
                for part in (companion, "u.genre")
                if part in known
            }
            try:
                found = catalogue(companion, texts[companion], texts.get("u.genre", ""))
            except (ValueError, csv.Error) as error:
                raise UploadError("bad_titles", file=companion) from error
            return found, companion
    for other in beside:
        found = _general(data, name, other, max_bytes)
        if found:
            return found, base(other)
    return {}, ""


def _general(data: bytes, name: str, member: str, max_bytes: int) -> Catalogue:
    try:
        begun = begin(member, _utf8(read_member(data, name, member, max_bytes, HEAD)))
        columns: dict[Role, int] = {
            r: p for r, p in begun.form.columns.items() if r in ("item", "title", "genres")
        }
        has_titles = {"item", "title"} <= set(columns) and columns["item"] != columns["title"]
        if not begun.form.header or not has_titles or "user" in begun.form.columns:
            return {}
        utf8 = _utf8(read_member(data, name, member, max_bytes))
        form = begin(member, utf8, columns).form
        frame = read_lines(member, utf8, form, _MOST_ROWS).columns
    except UploadError:
        return {}
    genres = frame.get("genres", [""] * len(frame["item"]))
    rows = zip(frame["item"], frame["title"], genres, strict=True)
    return {item.strip(): (title.strip(), split_genres(names)) for item, title, names in rows}


def _utf8(raw: bytes) -> bytes:
    return to_utf8(raw, plausible(raw)[0])[0]
