"""MovieLens from GroupLens: `python -m sim.recommender.download ml-100k [--to DIR]`.

The file is fetched in a way that can be taken up again, checked, and unpacked beside the place
where it will stand; only then is it moved there. So a folder that exists is whole, and
`read_ratings(folder)` reads it.
"""

import argparse
import errno
import hashlib
import os
import re
import stat
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Sequence
from http.client import HTTPException, HTTPResponse
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NoReturn, TextIO

from sim.recommender.upload.archives import check_entries, chunks, faults_of
from sim.recommender.upload.errors import UploadError

BASE_URL = "https://files.grouplens.org/datasets/movielens"
CACHE_VARIABLE = "REGULARIZATION_LAB_CACHE"
DATASETS = {
    "ml-100k": "0e33842e24a9c977be4e0107933c0723",
    "ml-1m": "c4d9eecfca2ab87c1945afe126590906",
    "ml-32m": "d472be332d4daa821edc399621853b57",
}
"""The data sets and the MD5 digests that GroupLens publishes for their zip files."""

_MOST_BYTES = 4 << 30  # ml-32m unpacks to one
_RATINGS = ("ratings.csv", "ratings.dat", "u.data")
_CHUNK = 1 << 18
_ATTEMPTS = 3

_NAMES = (errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EINVAL)
"""What systems say of two files with one name, or of a name that cannot be."""

Report = Callable[[int, int | None], None]
"""Called with the bytes there are so far, and how many there will be (None where unknown)."""


class DownloadError(Exception):
    """The data set did not arrive; the sentence says why, and what to do."""


def cache_folder() -> Path:
    """Where data sets are kept: the environment's REGULARIZATION_LAB_CACHE, else the system's.

    Raises DownloadError where that is in the home of somebody who has none.
    """
    named = os.environ.get(CACHE_VARIABLE)
    try:
        return Path(named).expanduser() if named else _system_cache() / "regularization-lab"
    except RuntimeError as error:
        raise DownloadError(
            f"There is no home folder for {named or '~'}; set {CACHE_VARIABLE} to a folder, or "
            "choose one with --to."
        ) from error


def _system_cache() -> Path:
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser()


def download(
    name: str,
    to: Path | None = None,
    *,
    base_url: str = BASE_URL,
    report: Report = lambda done, total: None,
    timeout: float = 30.0,
) -> Path:
    """The folder of the data set `name` in `to` (default `cache_folder()`), fetched if need be.

    A transfer that broke off is taken up where it stopped, now (three times) or at the next call.
    The zip must have the digest in DATASETS, or for another name of GroupLens' the one in the
    `.md5` file beside it. `timeout` is the seconds to wait for the server to say something.
    Raises DownloadError.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", name):
        raise DownloadError(f"{name!r} is no data set; expected {', '.join(DATASETS)}.")
    if not base_url.startswith(("https://", "http://")):
        raise DownloadError(f"{base_url!r} is no web address; expected https://...")
    place = cache_folder() if to is None else to
    folder = place / name
    if folder.is_dir():
        if not _holds_ratings(folder):
            raise DownloadError(
                f"{folder} is there already and holds no {', '.join(_RATINGS[:-1])} or "
                f"{_RATINGS[-1]}; move it away and run it again."
            )
        return folder
    url = f"{base_url.rstrip('/')}/{name}.zip"
    try:
        place.mkdir(parents=True, exist_ok=True)
        digest = DATASETS.get(name) or _published_digest(url, timeout)
        part = place / f"{name}.zip.part"
        _fetch_whole(url, part, digest, report, timeout)
        try:
            _unpack(part, folder)
        except DownloadError:
            part.unlink()  # it would be no better next time
            raise
        part.unlink()
    except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
        _no_connection(url, error)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DownloadError(
                f"There is no room left in {place}; free some, or choose another folder with --to, "
                "and run it again. What has come is kept."
            ) from error
        raise DownloadError(f"{place} cannot be written to: {error.strerror or error}.") from error
    return folder


def _holds_ratings(folder: Path) -> bool:
    files = [folder / name for name in _RATINGS]
    return any(file.is_file() and file.stat().st_size for file in files)


def _fetch_whole(url: str, part: Path, digest: str, report: Report, timeout: float) -> None:
    """Bring `part` to the whole of `url`, with that digest, from whatever is there of it."""
    resumed = part.exists()
    for attempt in range(_ATTEMPTS):
        try:
            _fetch(url, part, report, timeout)
        except (_BrokenOffError, HTTPException, TimeoutError, ConnectionError) as error:
            if attempt + 1 < _ATTEMPTS:
                continue
            raise DownloadError(
                f"The transfer of {url} broke off ({error}); run it again to go on from there."
            ) from error
        if _md5(part) == digest:
            return
        part.unlink()
        if not resumed:
            break
        resumed = False  # the beginning may have been of another file; once more from the start
    raise DownloadError(
        f"What {url} gave has another checksum than {digest}, so it was deleted; "
        "run it again, or look whether the data set has changed."
    )


class _BrokenOffError(Exception):
    """Fewer bytes came than were announced."""


def _fetch(url: str, part: Path, report: Report, timeout: float) -> None:
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = _open(request, timeout)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != 416 or not have:
            raise
        return  # there is nothing after `have`: the checksum will tell whether that is the whole
    with response, part.open("ab") as file:
        if _starts_at(response) != have:  # a server that knows no ranges sends all of it
            file.truncate(0)
            have = 0
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        while chunk := _read(response):
            have += len(chunk)
            if have > _MOST_BYTES:
                part.unlink()
                raise DownloadError(f"{url} is larger than any data set of MovieLens; stopped.")
            file.write(chunk)
            report(have, total)
    if total is not None and have < total:
        raise _BrokenOffError(f"after {have} of {total} bytes")


def _open(request: urllib.request.Request | str, timeout: float) -> HTTPResponse:
    """The answer. An OSError is then one of the disk: those of the network are URLError."""
    try:
        response: HTTPResponse = urllib.request.urlopen(request, timeout=timeout)
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        raise
    except OSError as error:  # of TLS, say, once the connection stands
        raise urllib.error.URLError(error) from error
    return response


def _read(response: HTTPResponse) -> bytes:
    try:
        return response.read(_CHUNK)
    except (TimeoutError, ConnectionError):
        raise
    except OSError as error:
        raise _BrokenOffError(str(error)) from error


def _starts_at(response: HTTPResponse) -> int:
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(found[1]) if response.status == 206 and found else 0


def _published_digest(url: str, timeout: float) -> str:
    with _open(f"{url}.md5", timeout) as response:
        text = response.read(1000).decode("latin-1")
    found = re.search(r"\b[0-9a-fA-F]{32}\b", text)
    if not found:
        raise DownloadError(f"{url}.md5 holds no MD5 checksum.")
    return found[0].lower()


def _md5(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack `archive` as `folder`, which appears whole or not at all."""
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        root = Path(scratch, "whole")
        root.mkdir()
        try:
            with faults_of(archive.name), zipfile.ZipFile(archive) as source:
                _extract(source, root, archive.name)
        except UploadError as error:
            raise DownloadError(str(error)) from error
        inside = list(root.iterdir())
        if len(inside) == 1 and inside[0].is_dir():  # a zip of one folder, by whatever name
            root = inside[0]
        if not _holds_ratings(root):
            raise DownloadError(
                f"What came holds no {', '.join(_RATINGS[:-1])} or {_RATINGS[-1]}, so it was "
                "deleted; is it a data set of ratings?"
            )
        if not folder.is_dir():  # nor has another call been quicker
            root.replace(folder)


def _extract(source: zipfile.ZipFile, to: Path, name: str) -> None:
    entries = source.infolist()
    check_entries(entries, name, _MOST_BYTES)
    left = _MOST_BYTES
    for entry in entries:
        path = PurePosixPath(entry.filename)
        outside = path.is_absolute() or ".." in path.parts or "\\" in entry.filename
        link = stat.S_ISLNK(entry.external_attr >> 16)
        if outside or link or PureWindowsPath(entry.filename).drive or not path.parts:
            raise DownloadError(f"{name} holds {entry.filename!r}, which leads out of its folder.")
        target = to.joinpath(*path.parts)
        try:
            (target if entry.is_dir() else target.parent).mkdir(parents=True, exist_ok=True)
            file = None if entry.is_dir() else target.open("xb")
        except OSError as error:
            if error.errno in _NAMES:
                raise _no_file(name, entry) from error
            raise
        except ValueError as error:  # characters that no file system knows
            raise _no_file(name, entry) from error
        if file is None:
            continue
        with file, source.open(entry) as stream:
            for chunk in chunks(stream, name, left):
                file.write(chunk)
        left -= target.stat().st_size


def _no_file(name: str, entry: zipfile.ZipInfo) -> DownloadError:
    return DownloadError(f"{name} holds {entry.filename[:80]!r} twice, or as no file can be named.")


def _no_connection(url: str, error: Exception) -> NoReturn:
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        raise DownloadError(
            f"{url} was not given: the server answered {error.code} {error.reason}."
        )
    reason = getattr(error, "reason", None) or error
    raise DownloadError(
        f"There is no connection to {url} ({reason}); look at the network and run it again."
    ) from error


class _Bar:
    """A line on a terminal that grows; nothing where the output is a file."""

    def __init__(self, name: str, stream: TextIO) -> None:
        self._name, self._stream, self._shown = name, stream, -1

    def __call__(self, done: int, total: int | None) -> None:
        percent = 100 * done // total if total else done >> 20
        if percent == self._shown or not self._stream.isatty():
            return
        self._shown = percent
        filled = "#" * (percent * 30 // 100) if total else ""
        of = f"of {total / 1e6:.1f} MB [{filled:<30}] {percent}%" if total else "MB"
        self._stream.write(f"\r{self._name}: {done / 1e6:.1f} {of}")
        if done == total:
            self._stream.write("\n")
        self._stream.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m sim.recommender.download",
        description="Fetch a MovieLens data set from GroupLens, check it and unpack it.",
    )
    parser.add_argument("name", help=f"the data set: {', '.join(DATASETS)}")
    parser.add_argument(
        "--to",
        type=Path,
        help=f"the folder for it (default: that in {CACHE_VARIABLE}, else the system's cache)",
    )
    parser.add_argument(
        "--base-url", default=BASE_URL, help="another server (default: %(default)s)"
    )
    chosen = parser.parse_args(arguments)
    try:
        bar = _Bar(chosen.name, sys.stderr)
        folder = download(chosen.name, chosen.to, base_url=chosen.base_url, report=bar)
    except DownloadError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped. What has come is kept; run it again to go on from there.\n")
        return 1
    sys.stdout.write(f"{folder}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
