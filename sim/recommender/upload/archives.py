"""Zip and gzip files from strangers: read in chunks, in memory, and never beyond a limit."""

import errno
import gzip
import struct
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
_KNOWN = ("ratings.csv", "ratings.dat", "u.data")
_ENDINGS = (".csv", ".tsv", ".txt", ".dat", ".data", ".inter", ".item", ".genre", ".base", ".test")
_PAPERS = ("readme", "license")
_OFFICE, _WORKBOOKS = ("[Content_Types].xml",), ("xl/",)  # in an .xlsx
_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # .xls, and .xlsx with a password
_OTHER_OFFICE = tuple(kind.encode("utf-16-le") for kind in ("WordDocument", "PowerPoint Document"))


def packing(data: bytes) -> Literal["", "gz", "zip"]:
    """How `data` is packed, told by its first bytes."""
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):  # the latter holds nothing
        return "zip"
    return "gz" if data.startswith(b"\x1f\x8b") else ""


def members(data: bytes, name: str) -> tuple[str, ...]:
    """The tables in `data`: those with a name that MovieLens gives its ratings, then the largest.

    `data` is the table itself, or a .zip or .gz that holds it (told by its first bytes, not by
    `name`). Raises UploadError.
    """
    if data.startswith(_OLD_OFFICE) and not any(kind in data for kind in _OTHER_OFFICE):
        raise UploadError("workbook", file=name)
    packed = packing(data)
    if packed != "zip":
        return (name.removesuffix(".gz") if packed == "gz" else name,)

    def rank(entry: zipfile.ZipInfo) -> tuple[int, int]:
        known = base(entry.filename).lower()
        return (_KNOWN.index(known) if known in _KNOWN else len(_KNOWN)), -entry.file_size

    def may_be(entry: zipfile.ZipInfo) -> bool:
        plain = base(entry.filename).lower()
        hidden = plain.startswith(".") or "__MACOSX" in PurePosixPath(entry.filename).parts
        return not hidden and plain.endswith(_ENDINGS) and not plain.startswith(_PAPERS)

    with _opened(data, name) as archive:
        entries = archive.infolist()
    if not entries:
        raise UploadError("empty_archive", file=name)
    if any(entry.filename.startswith(_WORKBOOKS) for entry in entries) and any(
        entry.filename in _OFFICE for entry in entries
    ):
        raise UploadError("workbook", file=name)
    found = sorted(filter(may_be, entries), key=rank)
    if not found:
        raise UploadError("no_ratings_file", file=name)
    return tuple(entry.filename for entry in found)


def read_member(
    data: bytes, name: str, member: str, max_bytes: int, most: int | None = None
) -> bytes:
    """One of `members`; only its first `most` bytes, if given. Raises UploadError."""
    if len(data) > max_bytes:
        raise too_large(name, max_bytes)
    packed = packing(data)
    if packed == "zip":
        with _opened(data, name) as archive:
            entry = archive.getinfo(member)
            check_entries([entry], name, max_bytes)
            with archive.open(entry) as stream:
                return stream.read(most) if most else b"".join(chunks(stream, name, max_bytes))
    if packed == "gz":
        return _gunzip(data, name, max_bytes, most)
    return data[:most]


def base(member: str) -> str:
    """The name of a member without its folders."""
    return PurePosixPath(member.replace("\\", "/")).name


def folder(member: str) -> str:
    """The folder of a member."""
    return str(PurePosixPath(member.replace("\\", "/")).parent)


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
    except UploadError:
        raise
    except (NotImplementedError, RuntimeError) as error:
        raise UploadError("unknown_compression", file=name) from error
    # the places that an archive gives for its parts are taken as they stand
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, struct.error) as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise  # the disk's trouble
        raise UploadError("damaged_archive", file=name) from error


@contextmanager
def _opened(data: bytes, name: str) -> Iterator[zipfile.ZipFile]:
    # counted before zipfile makes an object of each entry
    if data.count(b"PK\x01\x02") > _MOST_FILES:
        raise UploadError("too_many_files", file=name, limit=_MOST_FILES)
    with faults_of(name), zipfile.ZipFile(BytesIO(data)) as archive:
        yield archive


def _gunzip(data: bytes, name: str, max_bytes: int, most: int | None) -> bytes:
    found = bytearray()
    with faults_of(name), gzip.GzipFile(fileobj=BytesIO(data)) as stream:
        for chunk in chunks(stream, name, max_bytes):  # type: ignore[arg-type]
            found += chunk
            _check_ratio(len(found), len(data), name)
            if most and len(found) >= most:
                return bytes(found[:most])
    return bytes(found)


def _check_ratio(size: int, packed: int, name: str) -> None:
    if size > _SMALL and size > _MOST_RATIO * packed:
        raise UploadError("suspicious_archive", file=name, ratio=_MOST_RATIO)
