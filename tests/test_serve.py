"""What the server answers beside Streamlit: whose turn it is, and where nothing is."""

from __future__ import annotations

import asyncio
import re
import tomllib
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.formparsers import MultiPartParser
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message

from sim.compute.operator import MEMORY_VARIABLE, SCHEDULER_VARIABLE, worker_memory
from tests.waiting import awaited
from ui import live, lost, serve, shell
from ui.lecture import TOPICS

ROOT = Path(__file__).parents[1]


def test_the_limits_are_those_of_the_readme(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (serve.AT_ONCE, serve.OF_ALL_VIEWS, serve.PATIENCE) == (2, 8, 1.0)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `([\w.]+)` \| ([\w.]+).*? \|", readme, re.MULTILINE))
    server = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())["server"]
    assert told["server.maxUploadSize"] == str(server["maxUploadSize"])
    assert told["server.disconnectedSessionTTL"] == str(server["disconnectedSessionTTL"])
    assert "baseUrlPath" not in server
    for variable in (live.LIMIT_VARIABLE, MEMORY_VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    assert told[live.LIMIT_VARIABLE] == str(live.limit.__wrapped__())
    assert told[MEMORY_VARIABLE] == worker_memory()
    assert SCHEDULER_VARIABLE in told


async def _hold(turns: serve.Turns, view: str, until: asyncio.Event) -> str:
    try:
        async with turns.turn("screen", view):
            await until.wait()
            return "answered"
    except serve.BusyError:
        return "busy"


def test_who_comes_late_is_told_so_and_keeps_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "PATIENCE", 0.01)

    async def crowd() -> list[str]:
        turns, done, at_once = serve.Turns(), asyncio.Event(), asyncio.Event()
        at_once.set()
        slow = [asyncio.create_task(_hold(turns, "slow", done)) for _ in range(100)]
        await asyncio.wait(slow[serve.AT_ONCE :])
        assert await _hold(turns, "quick", at_once) == "answered"
        done.set()
        told = await asyncio.gather(*slow)
        assert await _hold(turns, "slow", at_once) == "answered", "all turns are given back"
        return told

    told = awaited(crowd())
    assert told.count("answered") == serve.AT_ONCE
    assert told.count("busy") == 100 - serve.AT_ONCE


def test_all_views_together_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "PATIENCE", 0.01)

    async def crowd() -> list[str]:
        turns, done = serve.Turns(), asyncio.Event()
        names = [str(i) for i in range(20)]
        tasks = [asyncio.create_task(_hold(turns, name, done)) for name in names]
        while sum(task.done() for task in tasks) < 20 - serve.OF_ALL_VIEWS:
            await asyncio.sleep(0)
        done.set()
        return await asyncio.gather(*tasks)

    assert awaited(crowd()).count("answered") == serve.OF_ALL_VIEWS


def _ask(app: ASGIApp, path: str, query: str = "", language: str = "") -> tuple[int, str]:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": query.encode(),
        "headers": [(b"accept-language", language.encode())],
    }
    awaited(app(scope, receive, send))
    return sent[0]["status"], b"".join(m.get("body", b"") for m in sent[1:]).decode()


def _server(base: str) -> ASGIApp:
    """As Streamlit does it: a page from wherever nothing else is."""
    routes = [
        Route("/lab/file.js" if base else "/file.js", lambda _: PlainTextResponse("script")),
        Route("/{path:path}", lambda _: HTMLResponse("the app")),
    ]
    return Starlette(routes=routes, middleware=[Middleware(serve.Lost, base)])


@pytest.mark.parametrize("base", ["", "lab", "/lab/"])
def test_screens_are_found_and_nothing_else_is(base: str) -> None:
    app, root = _server(base), "/lab" if base else ""
    for path in ("/", *(f"/{topic.name}" for topic in TOPICS)):
        assert _ask(app, root + path) == (200, "the app")
    assert _ask(app, f"{root}/file.js") == (200, "script")
    assert _ask(app, f"{root}/media/table.html") == (200, "the app"), "may be a page"
    for path in ("/nosuch", "/overfitting/x/y", "/overfitting/x", "/<b>"):
        status, page = _ask(app, root + path)
        assert status == 404
        assert "There is no screen at" in page
        assert f"<code>{path.replace('<', '&lt;').replace('>', '&gt;')}</code>" in page
        assert "the app" not in page


def test_the_way_home_is_right_at_any_depth_and_keeps_the_language() -> None:
    for path, root in (("/x", "./"), ("/overfitting/x", "../"), ("/overfitting/x/y", "../../")):
        links = re.findall('href="([^"]*)">', lost.page(path, None, "en-GB,zh;q=0.5"))[1:]
        assert links == [root, *(root + topic.name for topic in TOPICS)]
    assert 'href="./?lang=zh">首页' in lost.page("/x", "zh", "en")


def test_the_sentence_is_in_the_language_of_the_link_or_of_the_browser() -> None:
    assert "There is no screen at" in lost.page("/x", None, "de")
    assert "There is no screen at" in lost.page("/x", "en", "zh-CN,zh;q=0.9")
    assert "处没有页面" in lost.page("/x", None, "zh-CN,zh;q=0.9")
    assert "处没有页面" in lost.page("/x", "zh", None)
    assert len(lost.page("/" + "x" * 9000, None, None)) < 4000


def test_a_link_longer_than_a_qr_code_has_none() -> None:
    link = "http://lab/overfitting?moved="
    longest = shell.qr_code(link + "1" * (shell.QR_HOLDS - len(link)))
    assert longest is not None
    assert longest.version == 40
    assert shell.qr_code(link + "1" * (shell.QR_HOLDS + 1 - len(link))) is None


def test_a_file_that_comes_in_is_not_put_on_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MultiPartParser, "spool_max_size", MultiPartParser.spool_max_size)
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    body += bytes(16 << 20) + b"\r\n--x--\r\n"
    headers = [(b"content-type", b"multipart/form-data; boundary=x")]

    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    async def on_the_disk() -> bool:
        request = Request({"type": "http", "method": "PUT", "headers": headers}, receive)
        async with request.form() as form:
            (file,) = form.values()
            assert not isinstance(file, str)
            return file.file.name is not None  # the disk's has one

    assert awaited(on_the_disk())
    serve.keep_uploads_off_the_disk(16)
    assert not awaited(on_the_disk())
