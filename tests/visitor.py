"""A visitor without a browser, who speaks Streamlit's protocol: many of them cost little."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

from tests.waiting import LIMIT


class Visitor:
    """One tab at `address`, for as long as the block lasts; `session` is its name at the server.

    What is drawn with a key is in `drawn`; fragments that ask for it are run every so often.
    """

    def __init__(self, address: str, link: str) -> None:
        self.address, (self._page, _, self._query) = address, link.partition("?")
        self.session, self.status, self.drawn = "", "", {}
        self._hash, self._ended = "", asyncio.Event()
        self._values: dict[str, WidgetState] = {}
        self._timers: dict[str, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Visitor:
        address = f"{self.address.replace('http', 'ws')}/_stcore/stream"
        self._socket = await websockets.connect(
            address, subprotocols=[websockets.Subprotocol("streamlit")], max_size=None
        )
        self._hearing = asyncio.create_task(self._hear())
        await self._run()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop_timers()
        self._hearing.cancel()
        await self._socket.close()

    async def press(self, key: str) -> None:
        """Press the button of this key, and wait for the answer."""
        await self._run(WidgetState(id=self.drawn[key].id, trigger_value=True))

    async def choose(self, key: str, label: str) -> None:
        """Choose one of this key's buttons."""
        chosen = WidgetState(id=self.drawn[key].id)
        chosen.string_array_value.data.append(label)
        self._values[key] = chosen
        await self._run()

    async def send_file(self, name: str, data: bytes, *, use: bool = True) -> None:
        """Send a file, and unless `use` is false have the uploader of the page show it."""
        file = str(uuid.uuid4())
        path = f"/_stcore/upload_file/{self.session}/{file}"
        await asyncio.to_thread(self._put, path, name, data)
        if use:
            shown = WidgetState(id=self.drawn["upload"].id)
            info = shown.file_uploader_state_value.uploaded_file_info.add(
                file_id=file, name=name, size=len(data)
            )
            urls = info.file_urls
            urls.file_id, urls.upload_url, urls.delete_url = file, path, path
            self._values["upload"] = shown
            await self._run()

    async def until(self, state: Callable[[], object]) -> None:
        """Wait until it is true."""
        async with asyncio.timeout(LIMIT):
            while not state():
                await asyncio.sleep(0.05)

    async def _run(self, *triggers: WidgetState, fragment: str = "") -> None:
        message = BackMsg()
        state = message.rerun_script
        state.widget_states.widgets.extend([*self._values.values(), *triggers])
        state.fragment_id, state.is_auto_rerun = fragment, bool(fragment)
        state.page_name, state.page_script_hash = self._page, self._hash
        state.query_string = self._query
        self._ended.clear()
        await self._socket.send(message.SerializeToString())
        if not fragment:
            await asyncio.wait_for(self._ended.wait(), LIMIT)

    async def _hear(self) -> None:
        async for data in self._socket:
            message = ForwardMsg.FromString(data)
            match message.WhichOneof("type"):
                case "new_session":
                    self.session = message.new_session.initialize.session_id
                    if not message.metadata.run.fragment_ids:
                        self._stop_timers()
                case "navigation":
                    self._hash = message.navigation.page_script_hash
                case "auto_rerun":
                    self._tick(message.auto_rerun.fragment_id, message.auto_rerun.interval)
                case "delta":
                    self._see(message.delta.new_element)
                case "script_finished" if message.script_finished == 0:
                    self._ended.set()

    def _see(self, element: Any) -> None:
        kind = element.WhichOneof("type")
        if kind == "progress":
            self.status = element.progress.text
        elif kind is not None and (name := getattr(getattr(element, kind), "id", "")):
            self.drawn[name.split("-", 3)[-1] if name.startswith("$$ID") else name] = getattr(
                element, kind
            )

    def _tick(self, fragment: str, interval: float) -> None:
        async def ticking() -> None:
            while True:
                await asyncio.sleep(interval)
                await self._run(fragment=fragment)

        if fragment in self._timers:
            self._timers.pop(fragment).cancel()
        self._timers[fragment] = asyncio.create_task(ticking())

    def _stop_timers(self) -> None:
        while self._timers:
            self._timers.popitem()[1].cancel()

    def _put(self, path: str, name: str, data: bytes) -> None:
        connection = HTTPConnection(urlsplit(self.address).netloc, timeout=LIMIT)
        connection.request("GET", "/_stcore/health")
        answer = connection.getresponse()
        answer.read()
        cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
        border = uuid.uuid4().hex
        head = f'--{border}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
        connection.request(
            "PUT",
            path,
            f"{head}Content-Type: text/csv\r\n\r\n".encode()
            + data
            + f"\r\n--{border}--\r\n".encode(),
            {
                "Content-Type": f"multipart/form-data; boundary={border}",
                "Cookie": cookie,
                "X-Xsrftoken": cookie.partition("=")[2],
            },
        )
        assert connection.getresponse().status == 204
        connection.close()
