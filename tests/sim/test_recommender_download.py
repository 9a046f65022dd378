"""Fetching a data set from a server on this machine that behaves well, badly, or not at all."""

import errno
import hashlib
import io
import os
import ssl
import subprocess
import sys
import threading
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NoReturn

import pytest

from sim.recommender import download as module
from sim.recommender.download import (
    CACHE_VARIABLE,
    DATASETS,
    DownloadError,
    cache_folder,
    download,
    main,
)
from sim.recommender.ratings import read_ratings
from tests.waiting import LIMIT

ROOT = Path(__file__).resolve().parents[2]


def packed(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


ROWS = "".join(f"{u}\t{m}\t{(u * m) % 5 + 1}\t9\n" for u in range(40) for m in range(30))
WHOLE = packed({"ml-tiny/u.data": ROWS.encode(), "ml-tiny/u.item": b"1|Toy Story|1995||url|0|1\n"})
MD5 = hashlib.md5(WHOLE).hexdigest()


@dataclass
class Server:
    """What the server is to do, and what it was asked."""

    files: dict[str, bytes]
    ranges: bool = True
    breaks: list[int] = field(default_factory=list)  # bytes after which a transfer breaks off
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    state = Server({"/ml-tiny.zip": WHOLE, "/ml-tiny.zip.md5": f"MD5 (x.zip) = {MD5}\n".encode()})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.asked.append((self.path, wanted))
            content = state.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            start = int(wanted[6:-1]) if wanted and state.ranges else 0
            if start and start >= len(content):
                self.send_response(416)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206 if start else 200)
            if start:
                last = len(content) - 1
                self.send_header("Content-Range", f"bytes {start}-{last}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            end = None
            if self.path.endswith(".zip") and state.breaks:
                end = start + state.breaks.pop(0)
            self.wfile.write(content[start:end])

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        state.url = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        http.shutdown()
        thread.join()


def ranges(server: Server) -> list[str | None]:
    return [wanted for path, wanted in server.asked if path == "/ml-tiny.zip"]


def clean(folder: Path, *names: str) -> bool:
    return sorted(path.name for path in folder.iterdir()) == sorted(names)


def test_a_data_set_arrives_whole_and_is_kept(server: Server, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    folder = download(
        "ml-tiny", tmp_path / "new" / "deep", base_url=server.url, report=lambda *x: seen.append(x)
    )
    assert folder == tmp_path / "new" / "deep" / "ml-tiny"
    ratings = read_ratings(folder)
    assert (len(ratings), ratings.n_users, ratings.n_movies) == (1200, 40, 30)
    assert ratings.titles[1] == "Toy Story"
    assert seen[-1] == (len(WHOLE), len(WHOLE))
    assert clean(folder.parent, "ml-tiny")
    asked = len(server.asked)
    assert download("ml-tiny", folder.parent, base_url=server.url) == folder
    assert len(server.asked) == asked


def test_a_transfer_that_breaks_off_is_taken_up(server: Server, tmp_path: Path) -> None:
    server.breaks = [1000, 2000]
    download("ml-tiny", tmp_path, base_url=server.url)
    assert ranges(server) == [None, "bytes=1000-", "bytes=3000-"]
    assert clean(tmp_path, "ml-tiny")


@pytest.mark.parametrize("with_ranges", [True, False])
def test_the_next_call_goes_on_where_the_last_one_stopped(
    server: Server, tmp_path: Path, with_ranges: bool
) -> None:
    server.breaks, server.ranges = [100, 100, 100], with_ranges
    kept = 300 if with_ranges else 100
    with pytest.raises(DownloadError, match=rf"broke off \(after {kept} of \d+ bytes\); run it a"):
        download("ml-tiny", tmp_path, base_url=server.url)
    assert (tmp_path / "ml-tiny.zip.part").read_bytes() == WHOLE[:kept]
    server.asked.clear()
    assert len(read_ratings(download("ml-tiny", tmp_path, base_url=server.url))) == 1200
    assert ranges(server) == [f"bytes={kept}-"]
    assert clean(tmp_path, "ml-tiny")


@pytest.mark.parametrize("left", [WHOLE, WHOLE + b"more", b"of another file", bytes(len(WHOLE))])
def test_what_is_left_of_another_time_never_spoils_it(
    server: Server, tmp_path: Path, left: bytes
) -> None:
    (tmp_path / "ml-tiny.zip.part").write_bytes(left)
    assert len(read_ratings(download("ml-tiny", tmp_path, base_url=server.url))) == 1200
    assert len(ranges(server)) == (1 if left == WHOLE else 2)


def test_a_wrong_checksum_leaves_nothing(server: Server, tmp_path: Path) -> None:
    server.files["/ml-tiny.zip"] = WHOLE[:-1] + b"x"
    with pytest.raises(DownloadError, match=f"another checksum than {MD5}"):
        download("ml-tiny", tmp_path, base_url=server.url)
    assert clean(tmp_path)
    assert ranges(server) == [None]


def test_the_published_digests_are_in_force(server: Server, tmp_path: Path) -> None:
    assert all(len(digest) == 32 for digest in DATASETS.values())
    server.files["/ml-100k.zip"] = WHOLE
    server.files["/ml-100k.zip.md5"] = MD5.encode()
    with pytest.raises(DownloadError, match=DATASETS["ml-100k"]):
        download("ml-100k", tmp_path, base_url=server.url)


def test_a_digest_file_without_a_digest(server: Server, tmp_path: Path) -> None:
    server.files["/ml-tiny.zip.md5"] = b"<html>hello</html>"
    with pytest.raises(DownloadError, match="holds no MD5"):
        download("ml-tiny", tmp_path, base_url=server.url)


def hostile(name: str, link: bool = False) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        entry = zipfile.ZipInfo("x")
        entry.filename = name  # as it is: the constructor would tidy it
        if link:
            entry.external_attr = 0o120777 << 16
        archive.writestr(entry, "/etc/passwd" if link else "evil")
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (hostile("../evil"), r"'../evil', which leads out of"),
        (hostile("a/../../evil"), "which leads out of"),
        (hostile("/tmp/evil"), "which leads out of"),
        (hostile("..\\evil"), "which leads out of"),
        (hostile("C:evil"), "which leads out of"),
        (hostile("u.data", link=True), "which leads out of"),
        (hostile("x" * 300), "twice, or as no file can be named"),
        (packed({"a": b"x", "a/b": b"x"}), "'a/b' twice, or as no file can be named"),
        (packed({"a/b": b"x", "a": b"x"}), "'a' twice, or as no file can be named"),
        (WHOLE[: len(WHOLE) // 2], "is damaged or not complete"),
        (b"<html>not a zip</html>", "is damaged or not complete"),
    ],
)
def test_a_hostile_archive_writes_nothing(
    server: Server, tmp_path: Path, content: bytes, says: str
) -> None:
    place = tmp_path / "a" / "b"
    server.files["/ml-tiny.zip"] = content
    server.files["/ml-tiny.zip.md5"] = hashlib.md5(content).hexdigest().encode()
    with pytest.raises(DownloadError, match=says):
        download("ml-tiny", place, base_url=server.url)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert clean(place)


def test_a_bomb_is_not_unpacked(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offer(content: bytes) -> None:
        server.files["/ml-tiny.zip"] = content
        server.files["/ml-tiny.zip.md5"] = hashlib.md5(content).hexdigest().encode()

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("u.data", bytes(50 << 20))
    offer(out.getvalue())
    with pytest.raises(DownloadError, match="more than 250 times its size"):
        download("ml-tiny", tmp_path, base_url=server.url)
    offer(WHOLE)
    monkeypatch.setattr(module, "_MOST_BYTES", len(WHOLE) - 1)
    with pytest.raises(DownloadError, match="larger than any data set"):
        download("ml-tiny", tmp_path, base_url=server.url)
    assert clean(tmp_path)


HOLLOW = {
    "nothing": {},
    "a folder": {"ml-tiny/": b""},
    "no ratings": {"ml-tiny/README": b"hello", "ml-tiny/u.item": b"1|Toy Story|1995||url|0|1\n"},
    "ratings in a deeper folder": {"ml-tiny/more/u.data": ROWS.encode(), "ml-tiny/x": b""},
    "an empty table": {"ml-tiny/u.data": b""},
}


@pytest.mark.parametrize("files", HOLLOW.values(), ids=HOLLOW)
def test_an_archive_without_ratings_is_no_success(
    server: Server, tmp_path: Path, files: dict[str, bytes], capsys: pytest.CaptureFixture
) -> None:
    content = packed(files)
    server.files["/ml-tiny.zip"] = content
    server.files["/ml-tiny.zip.md5"] = hashlib.md5(content).hexdigest().encode()
    assert main(["ml-tiny", f"--to={tmp_path}", "--base-url", server.url]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("What came holds no ratings.csv, ratings.dat or u.data")
    assert clean(tmp_path)


def test_a_folder_without_ratings_is_no_success(server: Server, tmp_path: Path) -> None:
    (tmp_path / "ml-tiny").mkdir()
    with pytest.raises(
        DownloadError, match=r"is there already and holds no ratings.csv, rat.* move"
    ):
        download("ml-tiny", tmp_path, base_url=server.url)
    assert not server.asked


@pytest.mark.parametrize("mode", ["ab", "xb"], ids=["fetching", "unpacking"])
def test_a_full_disk_is_a_sentence_and_what_came_is_kept(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    class Full(io.BytesIO):
        def write(self, _data: object) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "ml-tiny.zip.part").write_bytes(WHOLE[:1000])
    opened = Path.open
    monkeypatch.setattr(
        Path, "open", lambda self, how="r": Full() if how == mode else opened(self, how)
    )
    with pytest.raises(DownloadError, match=r"There is no room left in .*; free some, .* is kept"):
        download("ml-tiny", tmp_path, base_url=server.url)
    assert clean(tmp_path, "ml-tiny.zip.part"), "nothing half unpacked"
    monkeypatch.undo()
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server.asked.clear()
    assert len(read_ratings(download("ml-tiny", tmp_path, base_url=server.url))) == 1200
    kept = 1000 if mode == "ab" else len(WHOLE)
    assert ranges(server) == [f"bytes={kept}-"]


def test_trouble_of_the_network_is_not_put_down_to_the_disk(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of TLS is an OSError, as one of the disk is."""

    def trouble(*_args: object, **_options: object) -> NoReturn:
        raise ssl.SSLError(1, "bad record")

    monkeypatch.setattr(HTTPResponse, "read", trouble)
    with pytest.raises(DownloadError, match=r"broke off .*bad record.*run it again"):
        download("ml-100k", tmp_path, base_url=server_with(server, "/ml-100k.zip"))
    monkeypatch.setattr(urllib.request, "urlopen", trouble)
    with pytest.raises(DownloadError, match=r"There is no connection to .*bad record"):
        download("ml-100k", tmp_path, base_url=server.url)


def server_with(server: Server, path: str) -> str:
    server.files[path] = WHOLE
    return server.url


def test_an_archive_without_a_folder_of_its_own(server: Server, tmp_path: Path) -> None:
    content = packed({"u.data": ROWS.encode(), "more/README": b"hello"})
    server.files["/ml-tiny.zip"] = content
    server.files["/ml-tiny.zip.md5"] = hashlib.md5(content).hexdigest().encode()
    folder = download("ml-tiny", tmp_path, base_url=server.url)
    assert len(read_ratings(folder)) == 1200
    assert (folder / "more" / "README").read_text() == "hello"
    assert clean(tmp_path, "ml-tiny")


def test_a_server_without_the_file(server: Server, tmp_path: Path) -> None:
    with pytest.raises(
        DownloadError, match=r"ml-1m.zip was not given: .* answered 404 Not Found\."
    ):
        download("ml-1m", tmp_path, base_url=server.url)


@pytest.mark.parametrize(
    ("name", "url", "says"),
    [
        ("ml-1m", "http://127.0.0.1:9", "There is no connection to http://127.0.0.1:9/ml-1m.zip"),
        ("ml-1m", "file:///etc", "is no web address"),
        ("../ml-1m", "http://127.0.0.1:9", "is no data set; expected ml-100k, ml-1m, ml-32m"),
        ("", "http://127.0.0.1:9", "is no data set"),
    ],
)
def test_no_server_and_no_such_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, url: str, says: str
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(DownloadError, match=says):
        download(name, tmp_path, base_url=url)


def test_a_place_that_cannot_be_written(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DownloadError, match="cannot be written to"):
        download("ml-tiny", tmp_path / "file" / "x", base_url=server.url)


def test_the_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv(CACHE_VARIABLE)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "regularization-lab"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "regularization-lab"


def test_a_cache_folder_in_the_home_of_nobody(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, "~no-such-user/lab")
    assert main(["ml-100k", "--base-url", "http://127.0.0.1:9"]) == 1
    assert capsys.readouterr().err.startswith("There is no home folder for ~no-such-user/lab; set")


def test_the_command_line(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    assert main(["ml-tiny", "--base-url", server.url]) == 0
    out, err = capsys.readouterr()
    assert out == f"{tmp_path / 'ml-tiny'}\n"
    assert err == ""  # no bar where there is no terminal
    assert main(["ml-other", "--base-url", server.url]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "answered 404" in err
    assert "Traceback" not in err


def test_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: True)
    bar = module._Bar("ml-x", stream)
    for done in (0, 1, 500_000, 1_000_000):
        bar(done, 1_000_000)
    lines = stream.getvalue().split("\r")
    assert len(lines) == 4  # nothing for a byte more
    assert lines[2] == f"ml-x: 0.5 of 1.0 MB [{'#' * 15:<30}] 50%"
    assert lines[3].endswith("100%\n")


def test_it_runs_as_a_module(tmp_path: Path) -> None:
    url = "http://127.0.0.1:9"
    done = subprocess.run(
        [sys.executable, "-m", module.__name__, "ml-100k", f"--to={tmp_path}", f"--base-url={url}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        env={"no_proxy": "*", "PATH": ""},
    )
    assert done.returncode == 1
    assert done.stderr.startswith("There is no connection to http://127.0.0.1:9/ml-100k.zip")
    assert done.stderr.count("\n") == 1
