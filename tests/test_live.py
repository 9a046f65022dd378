"""Live training from the web process' side, without a cluster."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from sim.compute import MEMORY_VARIABLE, SCHEDULER_VARIABLE, WorkerLost
from tests.waiting import LIMIT
from ui import live
from ui.measure import Measurement


class FakeCompute:
    """A cluster in a given state that counts how often it is started again."""

    def __init__(self, state: str) -> None:
        self.state, self.restarts, self.n_workers = state, 0, 1
        self.silent, self.ran_out = 0.0, False

    def restart(self) -> None:
        self.restarts += 1
        self.state = "starting"

    def silence(self) -> float:
        return self.silent

    def ran_out_of_memory_since(self, _moment: float) -> bool:
        return self.ran_out


@pytest.mark.parametrize(("state", "restarts"), [("failed", 1), ("ready", 0), ("starting", 0)])
def test_a_new_run_starts_a_dead_cluster_again(
    monkeypatch: pytest.MonkeyPatch, state: str, restarts: int
) -> None:
    compute = FakeCompute(state)
    monkeypatch.setattr(live, "compute", lambda: compute)
    run = live.LiveRun(())
    live.LiveRun(())
    assert compute.restarts == restarts
    run.close()


def test_more_runs_look_more_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "compute", lambda: FakeCompute("ready"))
    monkeypatch.setattr(live, "_runs", set())
    paces = []
    runs = []
    for _ in range(25):
        runs.append(live.LiveRun(()))
        paces.append(live.cadence())
    assert paces == sorted(paces)
    assert (paces[0], paces[9], paces[24]) == (0.2, 1.0, 2.0)
    runs[0].playing = False
    assert live.active() == 24


class Watched:
    """A screen without Streamlit: what `watch` draws, and whether it asks for a new pace."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reruns = 0
        monkeypatch.setattr(live.stage, "part", self._part)
        monkeypatch.setattr(live.st, "rerun", self._rerun)

    def _part(
        self,
        _name: str,
        frame: Callable[[], None],
        run_every: float | None = None,
        moved: Callable[[], None] = lambda: None,
    ) -> None:
        self.tick, self.run_every, self.moved = frame, run_every, moved

    def _rerun(self) -> None:
        self.reruns += 1

    def watch(self, run: live.LiveRun, knobs: Callable[[], object] = lambda: None) -> None:
        live.watch(run, knobs, lambda: None)


def test_a_screen_follows_the_number_of_runs_and_says_so(
    monkeypatch: pytest.MonkeyPatch, remote: FakeRemote
) -> None:
    screen, run = Watched(monkeypatch), live.LiveRun(())
    screen.watch(run)
    screen.tick()
    assert (screen.run_every, screen.reruns, live.pace_words(run)) == (0.2, 0, "")
    others = [live.LiveRun(()) for _ in range(4)]
    screen.tick()
    assert screen.reruns == 1, "five runs: it must look more rarely"
    screen.watch(run)
    screen.tick()
    assert screen.reruns == 1
    assert 0.85 <= screen.run_every <= 1.0
    seconds = f"{screen.run_every:.2g}"
    assert live.pace_words(run) == f"5 runs share this machine: a look every {seconds} s"
    others.pop().pause()
    screen.tick()
    assert screen.reruns == 1, "one more or less does not make all screens change their pace"
    others.pop().pause()
    screen.tick()
    assert screen.reruns == 2, "three runs: there is room to look more often"
    screen.watch(run)
    assert 0.85 * 0.5 <= screen.run_every <= 0.5
    for other in others:
        other.pause()
    screen.tick()
    assert screen.reruns == 3
    screen.watch(run)
    assert (screen.run_every, live.pace_words(run)) == (0.2, "")


def test_a_class_that_starts_together_does_not_look_together(
    monkeypatch: pytest.MonkeyPatch, remote: FakeRemote
) -> None:
    """Thirty that press Start at one moment: a minute later their looks lie all over the time."""
    screen, runs = Watched(monkeypatch), [live.LiveRun(()) for _ in range(30)]
    looks = []
    for run in runs:
        screen.watch(run)
        assert screen.run_every is not None
        looks.append(screen.run_every * round(60 / screen.run_every))
    shares, _edges = np.histogram(np.mod(looks, 2.0), bins=4, range=(0, 2))
    assert shares.min() >= 3, "of the thirty in each half of a second"


@pytest.mark.parametrize(("runs", "workers"), [(1, 1), (4, 1), (10, 1), (30, 1), (10, 4), (2, 8)])
def test_slices_keep_the_workers_busy_until_the_next_look(
    monkeypatch: pytest.MonkeyPatch, runs: int, workers: int
) -> None:
    compute = FakeCompute("ready")
    compute.n_workers = workers
    monkeypatch.setattr(live, "compute", lambda: compute)
    monkeypatch.setattr(live, "_runs", set())
    held = [live.LiveRun(()) for _ in range(runs)]
    pace = live.cadence()
    seconds = live.seconds_of_a_slice(pace)
    asked_of_one_worker = 2 * seconds * max(1.0, len(held) / workers)
    assert 1.5 * pace < asked_of_one_worker < 2 * pace
    assert seconds <= pace, "also where there are more workers than runs"


@dataclass
class Answer:
    """What a slice tells, as far as a live run looks at it."""

    step: int
    best_epoch: int | None = None
    state: str = "running"
    points: tuple[object, ...] = ()


class FakeRemote:
    """A worker that answers when it is told to."""

    def __init__(self) -> None:
        self.pending: list[str] = []
        self.asked: list[str] = []
        self.turned: list[object] = []
        self.answers: list[object] = []
        self.trouble: Exception | None = None
        self.stands = True
        self.closed = False

    def request(self, *_args: object, method: str = "run_for", ahead: int = 1) -> bool:
        if not self.stands or len(self.pending) >= ahead:
            return False
        self.pending.append(method)
        self.asked.append(method)
        return True

    def turn(self, knobs: object) -> bool:
        self.turned.append(knobs)
        return len(self.turned) != 2  # the second one must wait for the first

    def collect(self) -> object:
        if self.trouble:
            raise self.trouble
        if not self.answers:
            return None
        self.pending.pop(0)
        return self.answers.pop(0)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def cluster() -> FakeCompute:
    return FakeCompute("ready")


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch, cluster: FakeCompute) -> FakeRemote:
    fake, compute = FakeRemote(), cluster
    monkeypatch.setattr(compute, "run", lambda *_: fake, raising=False)
    monkeypatch.setattr(live, "compute", lambda: compute)
    monkeypatch.setattr(live, "_runs", set())
    return fake


def test_two_slices_are_always_asked_for(remote: FakeRemote) -> None:
    run = live.LiveRun(())
    for _ in range(3):
        run.tick(None)
    assert remote.pending == ["run_for", "run_for"]
    remote.answers = [Answer(1)]
    run.tick(None)
    assert run.progress.step == 1
    assert remote.pending == ["run_for", "run_for"]


def test_the_last_slice_is_the_one_that_ended_it(remote: FakeRemote) -> None:
    run = live.LiveRun(())
    run.tick(None)
    run.tick(None)
    remote.answers = [Answer(5, state="finished", points=("last",)), Answer(5, state="finished")]
    run.tick(None)
    assert run.progress.points == ("last",), "what was asked for after it has trained nothing"
    assert run.points == ["last"]


def test_knobs_are_turned_at_the_next_look(remote: FakeRemote) -> None:
    run = live.LiveRun(())
    for knobs in ("a", "a", "a"):
        run.tick(knobs)
    assert remote.turned == []
    for knobs in ("b", "b", "c", "c", "c"):
        run.tick(knobs)
    assert remote.turned == ["b", "c", "c"], "again, where the worker was not yet told"
    run.pause()
    run.tick("d")
    assert remote.turned[-1] == "d", "while it pauses, too: it is the next epoch's"


def test_a_knob_that_moves_does_not_wait_for_the_screen(
    monkeypatch: pytest.MonkeyPatch, remote: FakeRemote
) -> None:
    screen, run, knobs = Watched(monkeypatch), live.LiveRun(()), ["old"]
    screen.watch(run, lambda: knobs[0])
    screen.moved()  # nothing stands in the worker yet
    screen.tick()
    screen.tick()
    knobs[0] = "new"
    assert remote.turned == []
    screen.moved()
    assert remote.turned == ["new"]
    screen.tick()
    assert remote.turned == ["new"], "it is turned already"


def test_the_best_model_is_kept_while_it_trains(remote: FakeRemote) -> None:
    run = live.LiveRun(())
    run.tick(None)
    run.tick(None)
    remote.answers = [Answer(1)]
    run.tick(None)
    assert "best" not in remote.asked, "no epoch has ended, there is nothing worth keeping"
    remote.answers = [Answer(2, best_epoch=1)]
    run.tick(None)
    assert remote.asked.count("best") == 1
    remote.answers = [Answer(3, best_epoch=1), Answer(4, best_epoch=1), "the model"]
    for _ in range(3):
        run.tick(None)
    assert run.model == "the model"


def test_a_pause_ends_with_the_model_of_its_last_step(remote: FakeRemote) -> None:
    run = live.LiveRun(())
    run.tick(None)
    run.tick(None)
    run.pause()
    remote.answers = [Answer(1), Answer(2)]
    run.tick(None)
    assert not run.settled
    assert remote.pending == ["best"]
    remote.answers = ["the model"]
    run.tick(None)
    assert run.settled
    assert run.model == "the model"


def test_one_epoch_and_then_a_pause(remote: FakeRemote) -> None:
    run = live.LiveRun((), playing=False)
    run.tick(None)
    run.one_epoch()
    run.tick(None)
    assert remote.pending == ["run_epoch"]
    remote.answers = [Answer(9, best_epoch=1)]
    run.tick(None)
    remote.answers = ["the model"]
    run.tick(None)
    assert run.settled
    assert remote.asked == ["run_epoch", "best"]


def test_beyond_the_limit_runs_wait_in_line(
    remote: FakeRemote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "limit", lambda: 2)
    runs = [live.LiveRun(()) for _ in range(4)]
    assert [run.place_in_line for run in runs] == [0, 0, 1, 2]
    assert live.active() == 2
    runs[3].tick(None)
    assert runs[3]._remote is None
    runs[0].pause()
    assert [run.place_in_line for run in runs[1:]] == [0, 0, 1]
    runs[0].play()
    assert runs[0].place_in_line == 2, "who comes back stands behind those who wait"
    runs[1]._ticked -= 60
    assert runs[2].place_in_line == runs[3].place_in_line == 0, "its tab was closed"


class Clock:
    """The time as a test has it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(live.time, "monotonic", lambda: self.now)


def test_a_worker_that_stands_still_is_told_of(
    monkeypatch: pytest.MonkeyPatch, remote: FakeRemote, cluster: FakeCompute
) -> None:
    clock = Clock(monkeypatch)
    run = live.LiveRun(())
    assert live.silence_words(run.silence) == ""
    remote.stands = False
    for _ in range(4):  # looks, while the object is still being made
        run.tick(None)
        clock.now += 3
    cluster.silent = 12.0
    said = "No sign of life from the training process for 12 s; it goes on by itself once it is"
    assert live.waiting_words(run).startswith(said)
    remote.stands = True
    run.tick(None)
    remote.answers = [Answer(1)]
    run.tick(None)
    assert live.pace_words(run) == "", "it has answered just now"
    clock.now += 12
    run.tick(None)
    assert live.pace_words(run).startswith(said)
    cluster.silent = 0.4  # it trains: a long step, or the slices of many others
    clock.now += 60
    run.tick(None)
    assert live.pace_words(run) == ""
    cluster.silent = 12.0
    remote.answers = [Answer(2)]
    run.tick(None)
    assert live.pace_words(run) == "", "by itself, once it is back"
    run.pause()
    remote.answers = [Answer(3), Answer(4)]
    run.tick(None)
    remote.answers = ["the model"]
    run.tick(None)
    clock.now += 60
    assert run.settled
    assert run.silence == 0, "nothing was asked for"


def test_a_measurement_tells_of_silence_and_ends_with_its_memory(
    monkeypatch: pytest.MonkeyPatch, remote: FakeRemote, cluster: FakeCompute
) -> None:
    clock = Clock(monkeypatch)
    measurement = Measurement("module:Class", ((1,), (2,)))
    measurement.tick()
    measurement.tick()
    assert measurement.waiting is None
    cluster.silent = 12.0
    clock.now += 12
    assert str(measurement.waiting).startswith("No sign of life from the training process for 12 s")
    remote.answers = [["one"]]
    measurement.tick()
    assert measurement.waiting is None
    remote.trouble = MemoryError("9 GiB")
    measurement.tick()
    assert measurement.lost
    assert measurement.answers == ["one"]


def test_who_waits_in_line_is_told_its_place_and_no_silence(
    monkeypatch: pytest.MonkeyPatch, remote: FakeRemote, cluster: FakeCompute
) -> None:
    clock = Clock(monkeypatch)
    monkeypatch.setattr(live, "limit", lambda: 1)
    runs = [live.LiveRun(()) for _ in range(2)]
    cluster.silent = clock.now = 2000.0
    for run in runs:
        run.tick(None)
    assert live.waiting_words(runs[1]).startswith("Waiting in line: place 1")


def test_a_lost_run_says_what_had_too_little_memory(
    remote: FakeRemote, cluster: FakeCompute
) -> None:
    for trouble, ran_out, says in (
        (WorkerLost("gone"), False, "The training process was lost."),
        (WorkerLost("gone"), True, "The training process ran out of memory, and its runs"),
        (MemoryError("9 GiB"), False, "This run needs more memory than there is."),
    ):
        remote.trouble, remote.closed, cluster.ran_out = None, False, ran_out
        run = live.LiveRun(())
        run.tick(None)
        remote.trouble = trouble
        run.tick(None)
        assert run.lost
        assert run.settled
        assert remote.closed, "the others are to have its memory"
        assert live.lost_words(run).startswith(says)
        assert "start again" in live.lost_words(run)


@pytest.fixture
def fresh_limit() -> Iterator[None]:
    live.limit.cache_clear()
    yield
    live.limit.cache_clear()


@pytest.mark.usefixtures("fresh_limit")
def test_the_limit_is_the_operators(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(live.LIMIT_VARIABLE, "7")
    assert live.limit() == 7
    live.limit.cache_clear()
    monkeypatch.setenv(live.LIMIT_VARIABLE, " ")
    assert live.limit() == 30, "as without it"
    for wrong in ("none", "abc", "0", "-1", "2.5", "1e3", "\u0661", "\u00b2"):
        live.limit.cache_clear()
        monkeypatch.setenv(live.LIMIT_VARIABLE, wrong)
        with pytest.raises(ValueError, match="whole number from 1"):
            live.limit()


@pytest.mark.parametrize(
    ("variable", "text", "says"),
    [
        (live.LIMIT_VARIABLE, "abc", "is 'abc'; it must be a whole number from 1."),
        (SCHEDULER_VARIABLE, "http://x", "is 'http://x'; it must be the address of a Dask"),
        (MEMORY_VARIABLE, "lots", "is 'lots'; it must be a size such as 8GiB"),
    ],
)
@pytest.mark.usefixtures("fresh_limit")
def test_what_the_operator_set_is_checked_before_the_server_serves(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, says: str
) -> None:
    live.check_settings()
    live.limit.cache_clear()
    monkeypatch.setenv(variable, text)
    with pytest.raises(SystemExit, match=f"{variable} {says}"):
        live.check_settings()


def test_a_server_with_a_wrong_setting_ends_with_a_sentence() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    done = subprocess.run(
        [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}"],
        cwd=Path(__file__).parents[1],
        env={**os.environ, live.LIMIT_VARIABLE: "abc"},
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith("it must be a whole number from 1.")
    assert "Traceback" not in done.stderr
