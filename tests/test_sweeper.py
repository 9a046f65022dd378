"""What is left is let go: by a clock that the test moves, and on a real server."""

from __future__ import annotations

import importlib
import os
import threading
import weakref
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import threadpoolctl
import uvicorn
from streamlit import config
from streamlit.runtime import Runtime

from tests.e2e.conftest import free_port
from tests.visitor import Visitor
from tests.waiting import awaited, until
from ui import live, sessions, sweeper

KEPT = 60.0


class House:
    """The sessions of a server that is not there, in the place of `ui.sessions`."""

    def __init__(self) -> None:
        self.states: dict[str, dict[str, Any]] = {}
        self.pages: set[str] = set()
        self.sent: set[tuple[str, str]] = set()

    def known(self) -> list[str]:
        return list(self.states)

    def has_page(self, session: str) -> bool:
        return session in self.pages

    def state(self, session: str) -> dict[str, Any]:
        return self.states.get(session, {})

    def end(self, session: str) -> None:
        del self.states[session]
        self.sent = {(s, f) for s, f in self.sent if s != session}

    def files(self) -> set[tuple[str, str]]:
        return set(self.sent)

    def drop(self, session: str, file: str) -> None:
        self.sent.discard((session, file))


class Thing:
    """What a visitor has in the worker."""

    closed = False

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    house = House()
    monkeypatch.setattr(sweeper, "sessions", house)
    return house


class Clock:
    """Shows what it is set to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def _sweep(house: House, until_when: float, clock: Clock, sweeping: sweeper.Sweeper) -> list[bool]:
    told = []
    while clock.now < until_when:
        clock.now += sweeping.every
        told.append(sweeping.sweep())
    return told


def test_who_comes_back_in_time_finds_everything(house: House) -> None:
    clock = Clock()
    sweeping = sweeper.Sweeper(KEPT, clock)
    house.states["a"] = {"_screen": "recommender", "_run": Thing()}
    _sweep(house, 2 / 3 * KEPT - sweeping.every, clock, sweeping)
    house.pages.add("a")
    _sweep(house, 2 * KEPT, clock, sweeping)
    house.pages.clear()
    _sweep(house, 2 * KEPT + 2 / 3 * KEPT - sweeping.every, clock, sweeping)
    assert not house.states["a"]["_run"].closed, "the time is counted anew"
    _sweep(house, 3 * KEPT, clock, sweeping)
    assert "a" not in house.states


def test_what_is_over_is_closed_on_every_screen(house: House) -> None:
    clock, run, grid = Clock(), Thing(), Thing()
    sweeping = sweeper.Sweeper(KEPT, clock)
    away = {"recommender": sweeper.visits.Left({}, {"_run": run})}
    house.states["a"] = {"_screen": "optimizers", "_grid": grid, "_away": away, "_values": {}}
    house.states["b"] = {"_screen": "recommender", "_run": (kept := Thing())}
    house.pages.add("b")
    told = _sweep(house, KEPT, clock, sweeping)
    assert list(house.states) == ["b"]
    assert (run.closed, grid.closed, kept.closed) == (True, True, False)
    assert not told[0]
    assert told[-1], "there is memory to give back"
    assert not _sweep(house, 2 * KEPT, clock, sweeping)[-1], "and then there is none"


class State(dict[str, Any]):
    """A session's state, or what stands in its address."""

    to_dict = dict.copy


def test_what_a_reset_drops_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Thing()
    state = State(_screen="recommender", _run=run, _dataset="mine", _controls=())
    streamlit = SimpleNamespace(session_state=state, query_params=State())
    monkeypatch.setattr(sweeper.visits, "st", streamlit)
    sweeper.visits.reset()
    assert run.closed
    assert state == {"_screen": "recommender", "_dataset": "mine"}


def test_streamlit_does_not_lose_sight_of_a_session_before_it_is_ended() -> None:
    """It counts from the moment of leaving, the sweeper from when it sees that."""
    for kept in (6.0, 60.0, 180.0, 3600.0):
        sweeping = sweeper.Sweeper(kept)
        assert sweeping._patience + 2 * sweeping.every <= kept
        assert sweeping._patience >= 2 / 3 * kept


def test_a_laptop_may_sleep_for_two_minutes_and_all_is_gone_within_five() -> None:
    kept = sessions.seconds_kept()
    assert sweeper.Sweeper(kept)._patience >= 120 + 20
    assert kept + 60 <= 300
    assert sessions.minutes_kept() == 3


def test_a_file_that_no_page_shows_is_dropped(house: House) -> None:
    clock = Clock()
    sweeping = sweeper.Sweeper(KEPT, clock)
    house.states["a"] = {"upload": SimpleNamespace(file_id="shown"), "find": "text"}
    house.pages.add("a")
    house.sent = {("a", "shown"), ("a", "other"), ("nobody", "third")}
    _sweep(house, sweeper.UNUSED / 2, clock, sweeping)
    assert len(house.sent) == 3, "one that is on its way is not shown yet"
    _sweep(house, 2 * sweeper.UNUSED, clock, sweeping)
    assert house.sent == {("a", "shown")}
    house.states["a"] = {"upload": None}  # taken off the page
    _sweep(house, 4 * sweeper.UNUSED, clock, sweeping)
    assert house.sent == set()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The app in this process, which forgets after six seconds; its address."""
    before = sessions.seconds_kept()
    config.set_option("server.disconnectedSessionTTL", 6)
    app = importlib.import_module("app").app
    port = free_port()
    serving = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", ws="auto"))
    thread = threading.Thread(target=serving.run)
    thread.start()
    try:
        until(lambda: serving.started)
        yield f"http://localhost:{port}"
    finally:
        serving.should_exit = True
        thread.join()
        config.set_option("server.disconnectedSessionTTL", before)
        Runtime._instance = None
        live.compute().close()
        live.compute.cache_clear()


def _actors() -> int:
    def count(dask_worker: Any) -> int:
        return len(dask_worker.state.actors)

    return sum(live.compute().client().run(count).values())


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


RATINGS = "user,item,rating\n" + "\n".join(f"u{i % 40},i{i % 31},{1 + i % 5}" for i in range(1240))


def test_a_closed_page_leaves_nothing(server: str) -> None:
    """Neither session nor file, run, ratings or descriptors, with nobody else there."""

    async def leave() -> tuple[weakref.ref[Any], weakref.ref[Any], str]:
        async with Visitor(server, "recommender?view=data&epochs=60") as visitor:
            await visitor.send_file("mine.csv", RATINGS.encode())
            await visitor.send_file("unused.csv", b"1,2,3", use=False)
            assert {name for name, _file in sessions.files()} == {visitor.session}
            await visitor.choose("view", "Training")
            await visitor.press("start")
            await visitor.until(lambda: visitor.status.startswith(("Epoch", "Finished")))
            (run,) = (run for run in live._runs if run.progress is not None)
            assert run.dataset.upload is not None
            assert _actors() == 1
            return weakref.ref(run), weakref.ref(run.dataset), visitor.session

    def see_it_gone() -> None:
        run, dataset, session = awaited(leave())
        until(lambda: session not in sessions.known())
        until(lambda: run() is None and dataset() is None)
        until(lambda: not sessions.files() and _actors() == 0)

    see_it_gone()  # and with it what is opened once, as the way to the worker
    before = _descriptors()
    see_it_gone()
    until(lambda: _descriptors() <= before + 2)


def test_streamlit_is_as_we_know_it(server: str) -> None:
    """All that `ui.sessions` knows of its insides."""

    async def come_and_go() -> None:
        async with Visitor(server, "overfitting?degree_a=5") as visitor:
            name = visitor.session
            assert sessions.known() == [name]
            assert sessions.has_page(name)
            assert sessions.state(name)["_screen"] == "overfitting"
            assert sessions.state(name)["degree_a"] == 5
            await visitor.send_file("a.csv", b"1", use=False)
            ((owner, file),) = sessions.files()
            assert owner == name
            sessions.drop(owner, file)
            assert sessions.files() == set()
        await visitor.until(lambda: sessions.known() == [name] and not sessions.has_page(name))
        loop = Runtime.instance()._get_async_objs().eventloop
        loop.call_soon_threadsafe(sessions.end, name)
        await visitor.until(lambda: sessions.known() == [])
        assert sessions.state(name) == {}

    awaited(come_and_go())
    assert sessions.here() == ""


def test_linear_algebra_stays_in_the_thread_that_asks_for_it() -> None:
    importlib.import_module("scipy.linalg")
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        sweeper.quieten()
        pools = [p for p in threadpoolctl.threadpool_info() if p["user_api"] == "blas"]
        assert {pool["num_threads"] for pool in pools} == {1}
