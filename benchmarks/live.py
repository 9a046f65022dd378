"""How live the training is: `python benchmarks/live.py` (four minutes, needs Chromium).

Prints, of a single visit: the duty cycle, the frames per second of the live chart, and the time
from a key press on λ's slider to the first step that uses it. With ten runs at once: all steps per
second against one run's, and another visitor's slider to chart against the quiet time. With thirty:
whether every one trains, and how often each looks.

The visitor who is measured has a browser. The others speak Streamlit's protocol without one: the
server has the same sessions, ticks, script runs and messages, while the drawing is left to the
machines that other visitors bring along. Steps are counted where they are taken: the benchmark
starts the cluster, as an operator would, and looks into its worker.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import websockets
from playwright.sync_api import Page, sync_playwright
from screens import ARGUMENTS, PRESSES, ROOT, open_page, serving, slide
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

sys.path.insert(0, str(ROOT))
from sim.compute import SCHEDULER_VARIABLE

SECONDS = 10.0  # of each count
MANY, MOST = 10, 30  # runs at once
LEFT = 8.0  # seconds until a run counts as left
LINK = "recommender?epochs=60&weight_decay=0.1"  # a run longer than any count
COUNT = """() => {
  window.frames_painted = 0;
  let last = window.painted;
  setInterval(() => {
    if (window.painted - last > 60) window.frames_painted += 1;  // else of the same frame
    last = window.painted;
  }, 10);
  addEventListener("keydown", () => { window.pressed_at = Date.now() / 1000; }, true);
}"""


@contextlib.contextmanager
def cluster() -> Iterator[Any]:
    """A cluster for the app to join; the client that looks into it."""
    from distributed import Client
    from distributed.security import Security

    process = subprocess.Popen(
        [sys.executable, "-m", "sim.compute"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # as the app starts its own
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdout, process.stdin, tempfile.TemporaryDirectory() as folder:
        told = json.loads(process.stdout.readline())
        pem = Path(folder, "lab.pem")
        pem.write_text(told["certificate"] + told["key"], encoding="ascii")
        os.environ["DASK_DISTRIBUTED__COMM__TLS__CA_FILE"] = str(pem)  # for the app
        os.environ["DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT"] = str(pem)
        os.environ[SCHEDULER_VARIABLE] = told["address"]
        security = Security(tls_ca_file=str(pem), tls_client_cert=str(pem))
        with Client(told["address"], security=security, set_as_default=False) as client:
            client.wait_for_workers(1, timeout=60)
            client.run(_prepare)
            yield client
        process.stdin.close()
        process.wait()


def _prepare() -> None:
    """In the worker: note when steps begin to use another λ, and what validation takes."""
    from sim.recommender.engine import Engine

    step, valid_loss = Engine.step, Engine.valid_loss
    Engine.turns, Engine.validating = [], 0.0  # type: ignore[attr-defined]

    def watched_step(self: Any, number: int, weight_decay: float, dropout: float) -> Any:
        if weight_decay != getattr(self, "decay", None):
            self.decay = weight_decay
            Engine.turns.append(time.time())  # type: ignore[attr-defined]
        return step(self, number, weight_decay, dropout)

    def watched_loss(self: Any) -> float:
        began = time.perf_counter()
        loss = valid_loss(self)
        Engine.validating += time.perf_counter() - began  # type: ignore[attr-defined]
        return loss

    Engine.step, Engine.valid_loss = watched_step, watched_loss  # type: ignore[method-assign]


def _look(dask_worker: Any) -> tuple[float, float, dict[str, tuple[int, float]]]:
    """In the worker: the clock, the seconds in validation, and each run's steps and seconds."""
    from sim.recommender.engine import Engine

    runs = {key: hosted._object for key, hosted in dask_worker.state.actors.items()}
    counts = {key: (run._step, run._seconds) for key, run in runs.items()}
    return time.perf_counter(), Engine.validating, counts  # type: ignore[attr-defined]


def _turns() -> list[float]:
    from sim.recommender.engine import Engine

    return list(Engine.turns)  # type: ignore[attr-defined]


def count(client: Any) -> tuple[float, float]:
    """Steps per second, and the share of the time spent in steps, over some seconds from now."""
    (before,) = client.run(_look).values()
    time.sleep(SECONDS)
    (after,) = client.run(_look).values()
    clock, validating = after[0] - before[0], after[1] - before[1]
    steps, seconds = (
        sum(after[2][run][i] - before[2].get(run, (0, 0.0))[i] for run in after[2]) for i in (0, 1)
    )
    return steps / clock, (seconds - validating) / clock


@dataclass
class Visitor:
    """A visitor without a browser, who presses Start and watches."""

    address: str
    status: str = ""
    ticks: int = 0
    trouble: str = ""
    _timers: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _start: str = ""
    _page: str = ""

    async def visit(self) -> None:
        """Stay until cancelled."""
        address = f"{self.address.replace('http', 'ws')}/_stcore/stream"
        async with websockets.connect(address, subprotocols=["streamlit"], max_size=None) as socket:
            self._socket = socket
            await self._run()
            try:
                async for message in socket:
                    await self._take(ForwardMsg.FromString(message))
            except Exception as error:
                self.trouble = repr(error)
                raise
            finally:
                self._stop_timers()

    async def _run(self, button: str = "", fragment: str = "") -> None:
        page, _, query = LINK.partition("?")
        message = BackMsg()
        state = message.rerun_script
        state.page_name, state.page_script_hash = page, self._page
        state.query_string, state.fragment_id = query, fragment
        state.is_auto_rerun = bool(fragment)
        state.context_info.url = f"{self.address}/{page}"
        if button:
            state.widget_states.widgets.add(id=button, trigger_value=True)
        await self._socket.send(message.SerializeToString())

    async def _take(self, message: ForwardMsg) -> None:
        match message.WhichOneof("type"):
            case "new_session" if not message.metadata.run.fragment_ids:
                self._stop_timers()
            case "navigation":
                self._page = message.navigation.page_script_hash
            case "auto_rerun":
                self._watch(message.auto_rerun.fragment_id, message.auto_rerun.interval)
            case "script_finished" if self._start:
                button, self._start = self._start, ""
                await self._run(button)
            case "delta":
                self._see(message.delta.new_element)

    def _see(self, element: Any) -> None:
        match element.WhichOneof("type"):
            case "progress":
                self.status = element.progress.text
            case "exception":
                self.trouble = element.exception.message
            case "alert":
                self.trouble = element.alert.body
            case "button" if element.button.id.endswith("-start"):
                self._start = element.button.id

    def _watch(self, fragment: str, interval: float) -> None:
        async def tick() -> None:
            while True:
                await asyncio.sleep(interval)
                self.ticks += 1
                await self._run(fragment=fragment)

        if fragment in self._timers:
            self._timers.pop(fragment).cancel()
        self._timers[fragment] = asyncio.create_task(tick())

    def _stop_timers(self) -> None:
        while self._timers:
            self._timers.popitem()[1].cancel()


def _crowd(address: str, n: int, pipe: Any) -> None:
    """In a process of its own: `n` visitors, who tell what they see whenever asked."""
    if hasattr(os, "nice"):
        os.nice(19)

    async def stay() -> None:
        visitors = [Visitor(address) for _ in range(n)]
        visits = [asyncio.create_task(visitor.visit()) for visitor in visitors]
        while await asyncio.to_thread(pipe.recv):
            pipe.send([(one.status, one.ticks, one.trouble) for one in visitors])
        for visit in visits:
            visit.cancel()
        await asyncio.gather(*visits, return_exceptions=True)

    asyncio.run(stay())


@contextlib.contextmanager
def visitors(address: str, n: int) -> Iterator[Any]:
    """`n` visitors whose runs are under way; calling it says what each of them sees."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_crowd, args=(address, n, theirs))
    process.start()

    def see() -> list[tuple[str, int, str]]:
        ours.send(True)
        return list(ours.recv())

    end = time.monotonic() + 120
    while time.monotonic() < end and not all(status.startswith("Epoch") for status, *_ in see()):
        time.sleep(0.2)
    time.sleep(3)  # until all have found their pace
    try:
        yield see
    finally:
        ours.send(False)
        process.join()
    time.sleep(LEFT)


def latencies(page: Page, client: Any) -> list[float]:
    """Milliseconds from each key press on λ's slider to the first step that uses the new value."""
    slider = page.locator(".st-key-weight_decay input[type=range]")
    slider.focus()
    found = []
    for press in range(PRESSES):
        page.keyboard.press(("ArrowRight", "ArrowLeft")[press % 2])
        page.wait_for_timeout(900 + random.uniform(0, 250))  # at any moment between two ticks
        pressed = page.evaluate("window.pressed_at")
        (turns,) = client.run(_turns).values()
        found += [1000 * (turn - pressed) for turn in turns if turn >= pressed][:1]
    return found


def single_visit(page: Page, client: Any) -> None:
    page.locator(".st-key-start button").click()
    page.wait_for_function("document.querySelector('.st-key-status').innerText.includes('Epoch')")
    time.sleep(2)
    painted = page.evaluate("[window.frames_painted, performance.now()]")
    _, duty = count(client)
    frames, milliseconds = (
        b - a
        for a, b in zip(
            painted, page.evaluate("[window.frames_painted, performance.now()]"), strict=True
        )
    )
    print(f"single visit, duty cycle: {duty:.1%} of the time in training steps")
    print(f"single visit, frames per second: {1000 * frames / milliseconds:.1f}", flush=True)
    page.locator(".st-key-reset_weights button").first.click()
    page.locator(".st-key-start button").click()
    page.wait_for_function("document.querySelector('.st-key-status').innerText.includes('Epoch')")
    times = latencies(page, client)
    print(
        f"from a key press on λ to the first step with it: median {statistics.median(times):.0f} "
        f"ms, worst of {len(times)} {max(times):.0f} ms",
        flush=True,
    )


def main() -> None:
    with cluster() as client, serving(ROOT / "app.py") as lab, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=ARGUMENTS
        )
        page = open_page(browser, f"{lab}/{LINK}")
        page.evaluate(COUNT)
        single_visit(page, client)
        page.close()
        time.sleep(LEFT)
        other = open_page(browser, f"{lab}/overfitting")
        quiet = statistics.median([slide(other, "degree_a") for _ in range(PRESSES)][4:])
        with visitors(lab, 1):
            alone, _ = count(client)
        with visitors(lab, MANY) as see:
            together, _ = count(client)
            busy = statistics.median([slide(other, "degree_a") for _ in range(PRESSES)][4:])
            words = see()[0][0]
        with visitors(lab, 1):  # once more: the machine itself is not always equally quick
            alone = (alone + count(client)[0]) / 2
        print(f"one run: {alone:.0f} steps per second; {MANY} runs: {together:.0f} in all,")
        print(f"  {together / alone:.0%} of one run's")
        print(f"another visitor's slider to chart: {quiet:.0f} ms in quiet, {busy:.0f} ms with")
        print(f"  {MANY} runs, {busy / quiet:.2f} times; a run says: {words}", flush=True)
        with visitors(lab, MOST) as see:
            before = see()
            together, _ = count(client)
            after = see()
            busy = statistics.median([slide(other, "degree_a") for _ in range(PRESSES)][4:])
            training = sum(b[0].startswith("Epoch") for b in after)
            moved = sum(a[0] != b[0] for a, b in zip(before, after, strict=True))
            ticks = sum(b[1] - a[1] for a, b in zip(before, after, strict=True)) / SECONDS
            trouble = [one[2] for one in after if one[2]]
            print(f"{MOST} runs: {training} train, {moved} moved in {SECONDS:g} s, {ticks:.0f}")
            print(f"  looks per second, {together / alone:.0%} of one run's steps, slider to chart")
            print(f"  {busy / quiet:.2f} times the quiet time; problems: {trouble or 'none'};")
            print(f"  a run says: {after[0][0]}")
        browser.close()


if __name__ == "__main__":
    main()
