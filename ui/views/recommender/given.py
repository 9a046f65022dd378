"""The file that a visitor gave: kept with what was chosen about it, and read one at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from sim.recommender.exports import Export, Part, read_export
from sim.recommender.own_films import Match, match_movielens
from sim.recommender.upload import Choices, Look, Role, Upload, UploadError, look, read_upload
from sim.recommender.upload.archives import read_member
from ui.i18n import _
from ui.views.recommender.dataset import Dataset, own

ESSENTIAL = ("user", "item", "rating")
_READING = threading.Lock()  # a large file takes seconds and half a gigabyte while it is read


@dataclass(frozen=True)
class Films:
    """The films of one person: what the file says, and which of MovieLens' they are."""

    export: Export
    match: Match


@dataclass(frozen=True, eq=False)
class Given:
    """A file, how it is to be read, and what came of it. Of its ratings there is a `Dataset`."""

    name: str
    data: bytes
    choices: Choices
    look: Look | None = None
    """None where it is no table at all."""
    upload: Upload | None = None
    """Where it was read."""
    films: Films | None = None
    """Where it is one person's own list."""
    problem: tuple[str, Mapping[str, Any]] | None = None
    """The code and the values of an UploadError."""

    @property
    def columns(self) -> Mapping[str, int]:
        """Which column was taken for what: the roles, and the year of one person's films."""
        if self.films is None:
            return {} if self.look is None else self.look.columns
        names = {"date": "time"}
        return {names.get(part, part): i for part, i in self.films.export.columns.items()}

    @property
    def asks(self) -> bool:
        """Whether its columns are not found, and the visitor has to name them."""
        if self.look is None or self.problem is not None:
            return False
        return self.films is None and not _whole(self.look)


def present() -> Given | None:
    """What this visitor gave, if anything."""
    return st.session_state.get("_given")


def most_bytes() -> int:
    """How large a file may be when it is unpacked."""
    return 8 * int(st.get_option("server.maxUploadSize")) << 20


def read(name: str, data: bytes, choices: Choices) -> tuple[Given, Dataset | None]:
    """Read a file as `choices` say, when it is its turn; the data set is None where it is none."""
    with _turn():
        try:
            seen = look(data, name, choices=choices, max_bytes=most_bytes())
        except UploadError as error:
            return Given(name, data, choices, problem=(error.code, error.values)), None
        given = Given(name, data, choices, seen)
        try:
            films = _films(name, data, seen, chosen=choices.columns is not None)
            given = replace(given, films=films)
            if films or given.asks:
                return given, None
            upload = read_upload(data, name, choices=choices, max_bytes=most_bytes())
            return replace(given, upload=upload), own(upload)
        except UploadError as error:
            return replace(given, problem=(error.code, error.values)), None


def _films(name: str, data: bytes, seen: Look, *, chosen: bool) -> Films | None:
    """One person's list: of a site's, or of a title and a rating that the visitor named."""
    if "user" in seen.columns or not (chosen or seen.header):
        return None
    parts = _parts(seen.columns) if chosen else None
    if parts is not None and not {"title", "rating"} <= parts.keys():
        return None
    raw = read_member(data, name, seen.table, most_bytes())
    export = read_export(raw.decode(seen.encoding, errors="replace"), parts, header=seen.header)
    if parts is not None and export is None:
        raise UploadError("unreadable", file=name)
    return Films(export, match_movielens(export.rated)) if export else None


def _parts(columns: Mapping[Role, int]) -> dict[Part, int]:
    """The columns of one person's list: an item stands for the title where there is none."""
    places = {
        "title": columns.get("title", columns.get("item")),
        "rating": columns.get("rating"),
        "date": columns.get("time"),
    }
    return {part: place for part, place in places.items() if place is not None}


def _whole(seen: Look) -> bool:
    return all(role in seen.columns for role in ESSENTIAL)


@contextmanager
def _turn() -> Iterator[None]:
    """One file of all visitors is read at a time; the others wait, and see why."""
    taken = _READING.acquire(blocking=False)
    try:
        if not taken:
            with st.spinner(_("Another visitor's file is being read; yours is next.")):
                taken = _READING.acquire()
        with st.spinner(_("Reading the file…")):
            yield
    finally:
        if taken:
            _READING.release()
