"""What the server answers beside Streamlit: previews by HTTP, and addresses where nothing is."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from starlette.formparsers import MultiPartParser
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui import i18n, lost, preview
from ui.i18n import _
from ui.text import short

AT_ONCE, OF_ALL_VIEWS = 2, 8
"""Previews that are computed at the same time: of one view, and of all.

Python computes one at a time, so more would only keep each other waiting, and everybody's runs.
"""
PATIENCE = 1.0
"""Seconds for which a question waits for its turn; the run that follows is quicker than that."""
LONGEST = 32_768
"""Characters of a question; the longest link with points moved by hand has a third of them."""
FILES = ("/media/", "/component/")
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

_log = logging.getLogger(__name__)


class BusyError(Exception):
    """So many previews are being computed that this one would come too late."""


class Turns:
    """Who may compute now. A slow view has its own queue: the others do not wait for it."""

    def __init__(self) -> None:
        self._views: defaultdict[tuple[str, str], asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(AT_ONCE)
        )
        self._all = asyncio.Semaphore(OF_ALL_VIEWS)

    @asynccontextmanager
    async def turn(self, name: str, view: str) -> AsyncIterator[None]:
        """Wait for a turn, and hold it as long as the block lasts. BusyError if there is none."""
        queues, held = (self._views[name, view], self._all), 0
        try:
            try:
                async with asyncio.timeout(PATIENCE):
                    for queue in queues:
                        await queue.acquire()
                        held += 1
            except TimeoutError:
                raise BusyError from None
            yield
        finally:
            for queue in queues[:held]:
                queue.release()


class Previews:
    """`ui.preview` by HTTP. Whatever is asked, the answer is JSON; an error is a sentence."""

    def __init__(self) -> None:
        self._turns = Turns()
        self._threads = ThreadPoolExecutor(OF_ALL_VIEWS, "preview")  # others read files

    async def respond(self, request: Request) -> Response:
        """Answer one question."""
        name, query = request.path_params.get("name", ""), request.query_params
        i18n.activate(query.get("lang", ""))
        if request.method not in ("GET", "HEAD"):
            return _refusal(405, _("Previews are asked for with GET."), Allow="GET, HEAD")
        if len(request.url.query) > LONGEST:
            return _refusal(414, _("A question has at most {n} characters.").format(n=LONGEST))
        if twice := [key for key in query if len(query.getlist(key)) > 1]:
            return _refusal(
                400, _("`{key}` is asked for twice.").format(key=short(twice[0], preview.QUOTED))
            )
        try:
            preview.find(name, query)
            async with self._turns.turn(name, query["view"]):
                if await request.is_disconnected():  # in the meantime
                    return Response(status_code=499)
                return await asyncio.wrap_future(self._threads.submit(_answer, name, query))
        except preview.RefusedError as error:
            return _refusal(400, str(error))
        except BusyError:
            sentence = _("Many previews are being computed; the picture follows in a moment.")
            return _refusal(503, sentence, **{"Retry-After": "1"})
        except Exception:  # noqa: BLE001 (the run that follows says it to the visitor)
            _log.exception("A preview failed")
            return _refusal(500, _("This preview failed; the run that follows says more."))


def _answer(name: str, query: Mapping[str, str]) -> Response:
    told = preview.answer(name, query)
    return JSONResponse(told, headers={"Cache-Control": "no-store"})


def _refusal(status: int, sentence: str, **headers: str) -> Response:
    return JSONResponse({"error": sentence}, status, {"Cache-Control": "no-store", **headers})


def routes(base: str) -> list[Route]:
    """Our own addresses. `base` is `server.baseUrlPath`, under which Streamlit puts its own."""
    root, respond = _root(base), Previews().respond
    return [
        Route(f"{root}/preview", respond, methods=_METHODS),
        Route(f"{root}/preview/{{name:path}}", respond, methods=_METHODS),
    ]


def keep_uploads_off_the_disk(megabytes: int) -> None:
    """Receive files of up to so many megabytes in memory, where Streamlit keeps them anyway.

    Starlette puts whatever is larger than one into a file for the moment.
    """
    MultiPartParser.spool_max_size = (megabytes + 1) << 20


class Lost:
    """Middleware: where no screen is, Streamlit's page is not served but one that says so.

    Streamlit sends its page from any address at which it has nothing else. Below a screen's it
    then asks for its scripts in the wrong place and stays blank; elsewhere it speaks English. What
    it keeps under `FILES` may be a page in its own right.
    """

    def __init__(self, app: ASGIApp, base: str) -> None:
        self._app, self._root = app, _root(base)
        self._screens = {"", "/", *(f"/{name}" for name in lost.SCREENS)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything through but a page at an address that no screen has."""
        path = scope["path"].removeprefix(self._root) if scope["type"] == "http" else ""
        if scope["type"] != "http" or path in self._screens or path.startswith(FILES):
            await self._app(scope, receive, send)
            return
        replaced = False

        async def pass_on(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start":
                headers = dict(message["headers"])
                replaced = headers.get(b"content-type", b"").startswith(b"text/html")
            if not replaced:
                await send(message)

        await self._app(scope, receive, pass_on)
        if replaced:
            request = Request(scope)
            asked, accepted = (
                request.query_params.get("lang"),
                request.headers.get("accept-language"),
            )
            page = lost.page(path, asked, accepted)
            await HTMLResponse(page, 404)(scope, receive, send)


def _root(base: str) -> str:
    return f"/{base.strip('/')}" if base.strip("/") else ""
