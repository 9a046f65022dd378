"""Zip and gzip files from strangers: read in chunks, in memory, and never beyond a limit."""

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import PurePosixPath
from typing import IO, Literal

from sim.recommender.upload.errors import UploadError

_CHUNK = 1 << 20
_MOST_FILES = 1000
_MOST_RATIO = 250  # tables of ratings pack 3 to 30 times; a bomb packs 1000 times
_SMALL = 1 << 20  # up to here any ratio is harmless
_RATINGS = ("ratings.csv", "ratings.dat", "u.data")
_COMPANIONS = {"ratings.csv": ("movies.csv",), "ratings.dat": ("movies.dat",)}
_ALSO = (".csv", ".tsv", ".txt", ".dat", ".data")
_NOT_RATINGS = ("readme", "license", "movies.", "links.", "tags.", "users.", "genome-", "genome_")


def packing(data: bytes) -> Literal["", "gz", "zip"]:
    """How `data` is packed, told by its first bytes."""
    if data.startswith(b"PK\x03\x04"):
        return "zip"
    return "gz" if data.startswith(b"\x1f\x8b") else ""


def unpack(data: bytes, name: str, max_bytes: int) -> dict[str, bytes]:
    """The file of ratings in `data`, first, and the files of titles beside it: name -> content.

    `data` is the file itself, or a .zip or .gz that holds it (told by its first bytes, not by
    `name`). Folders inside a zip are dropped from the names. Raises UploadError.
    """
    if len(data) > max_bytes:
        raise too_large(name, max_bytes)
    packed = packing(data)
    if packed == "zip":
        return _unzip(data, name, max_bytes)
    if packed == "gz":
        return {name.removesuffix(".gz"): _gunzip(data, name, max_bytes)}
    return {name: data}


def too_large(name: str, max_bytes: int) -> UploadError:
    """The error for a file beyond `max_bytes`."""
    return UploadError("too_large", file=name, limit=max_bytes >> 20)


def check_entries(entries: list[zipfile.ZipInfo], name: str, max_bytes: int) -> None:
    """Raise UploadError where what the zip `name` says of `entries` is reason not to read them."""
    for entry in entries:
        if entry.flag_bits & 1:
            raise UploadError("encrypted_archive", file=name)
        # the other two methods give out without bound what one chunk unpacks to
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise UploadError("unknown_compression", file=name)
        _check_ratio(entry.file_size, entry.compress_size, name)
    if sum(entry.file_size for entry in entries) > max_bytes:
        raise too_large(name, max_bytes)


def chunks(stream: IO[bytes], name: str, max_bytes: int) -> Iterator[bytes]:
    """What `stream` gives, a megabyte at a time; UploadError once it is beyond `max_bytes`."""
    total = 0
    while chunk := stream.read(_CHUNK):
        total += len(chunk)
        if total > max_bytes:
            raise too_large(name, max_bytes)
        yield chunk


@contextmanager
def faults_of(name: str) -> Iterator[None]:
    """Turn what the unpackers of Python raise for a damaged archive into an UploadError."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise UploadError("damaged_archive", file=name) from error
    except (NotImplementedError, RuntimeError) as error:
        raise UploadError("unknown_compression", file=name) from error


def _unzip(data: bytes, name: str, max_bytes: int) -> dict[str, bytes]:
    # counted before zipfile makes an object of each entry
    if data.count(b"PK\x01\x02") > _MOST_FILES:
        raise UploadError("too_many_files", file=name, limit=_MOST_FILES)
    with faults_of(name), zipfile.ZipFile(BytesIO(data)) as archive:
        entries = _choose([e for e in archive.infolist() if not e.is_dir()], name)
        check_entries(entries, name, max_bytes)
        found: dict[str, bytes] = {}
        left = max_bytes
        for entry in entries:
            with archive.open(entry) as stream:
                content = b"".join(chunks(stream, name, left))
            left -= len(content)
            found[_base(entry)] = content
        return found


def _choose(entries: list[zipfile.ZipInfo], name: str) -> list[zipfile.ZipInfo]:
    def rank(entry: zipfile.ZipInfo) -> tuple[int, int]:
        base = _base(entry).lower()
        return (_RATINGS.index(base) if base in _RATINGS else len(_RATINGS)), -entry.file_size

    def may_be(entry: zipfile.ZipInfo) -> bool:
        base = _base(entry).lower()
        hidden = base.startswith(".") or "__MACOSX" in PurePosixPath(entry.filename).parts
        return not hidden and base.endswith(_ALSO) and not base.startswith(_NOT_RATINGS)

    candidates = sorted(filter(may_be, entries), key=rank)
    if not candidates:
        raise UploadError("no_ratings_file", file=name)
    ratings = candidates[0]
    folder = PurePosixPath(ratings.filename).parent
    beside = _COMPANIONS.get(_base(ratings).lower(), ("u.item", "u.genre"))
    titles = [
        entry
        for entry in entries
        if _base(entry) in beside and PurePosixPath(entry.filename).parent == folder
    ]
    return [ratings, *titles]


def _base(entry: zipfile.ZipInfo) -> str:
    return PurePosixPath(entry.filename.replace("\\", "/")).name


def _gunzip(data: bytes, name: str, max_bytes: int) -> bytes:
    found = bytearray()
    with faults_of(name), gzip.GzipFile(fileobj=BytesIO(data)) as stream:
        for chunk in chunks(stream, name, max_bytes):  # type: ignore[arg-type]
            found += chunk
            _check_ratio(len(found), len(data), name)
    return bytes(found)


def _check_ratio(size: int, packed: int, name: str) -> None:
    if size > _SMALL and size > _MOST_RATIO * packed:
        raise UploadError("suspicious_archive", file=name, ratio=_MOST_RATIO)
