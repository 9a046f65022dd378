"""The cluster: it starts, trains in slices, survives a lost worker, and ends with its parent."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from sim.compute import SCHEDULER_VARIABLE, Compute, RemoteRun, WorkerLost
from sim.recommender.ratings import Ratings
from sim.recommender.records import Knobs, Progress, Settings
from tests.waiting import LIMIT, until

ROOT = Path(__file__).resolve().parents[2]
TRAINER = "sim.recommender.training:Trainer"
ENDLESS = 1e9
"""Seconds of a slice that ends when a test says so, see `end_slice`."""
posix_only = pytest.mark.skipif(os.name != "posix", reason="kills processes by signal")


@pytest.fixture(scope="module")
def compute() -> Iterator[Compute]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(SCHEDULER_VARIABLE, raising=False)
        held = Compute.start()
    yield held
    held.close()


@pytest.fixture(scope="module")
def ready(compute: Compute) -> Compute:
    assert compute.wait(LIMIT) == "ready", compute.message
    return compute


@pytest.fixture(scope="module")
def parts() -> tuple[Ratings, Ratings]:
    rng = np.random.default_rng(0)
    ids = tuple(map(str, range(20)))
    user, movie = rng.integers(20, size=(2, 400))
    rating = rng.uniform(1, 5, 400).astype(np.float32)
    whole = Ratings(user, movie, rating, ids, ((),) * 20, ids, ids)
    return whole.take(np.arange(300)), whole.take(np.arange(300, 400))


def next_slice(run: RemoteRun, seconds: float, knobs: Knobs) -> Progress:
    until(lambda: run.request(seconds, knobs))
    progress: Progress = until(run.collect)
    return progress


def worker_pid(compute: Compute) -> int:
    (pid,) = compute.client().run(os.getpid).values()
    return int(pid)


def train_on(compute: Compute) -> None:
    """Wait until the slice under way in the worker has made some more steps."""

    def look(dask_worker: object) -> int:
        return sum(actor._object._step for actor in dask_worker.state.actors.values())  # type: ignore[attr-defined]

    def made() -> int:
        (steps,) = compute.client().run(look).values()
        return int(steps)

    before = made()
    until(lambda: made() > before + 20)


def end_slice(compute: Compute) -> None:
    """Let the clock by which the worker cuts its slices jump ahead."""

    def jump() -> None:
        from types import SimpleNamespace

        from sim.recommender import training

        clock = training.time.perf_counter
        training.time = SimpleNamespace(perf_counter=lambda: clock() + 2e9)

    compute.client().run(jump)


def test_start_waits_for_nothing() -> None:
    code = (
        "from sim.compute import Compute\n"
        "compute = Compute.start(); assert compute.state == 'starting'\n"
        "assert compute.client() is None and compute.message\n"
        "compute.close(); compute.close(); assert compute.state == 'failed'\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=LIMIT)


def test_before_anything_stands_nothing_is_asked_or_turned() -> None:
    future = SimpleNamespace(status="pending", release=lambda: None)
    client = SimpleNamespace(as_current=nullcontext, submit=lambda *_args, **_options: future)
    run = RemoteRun(client, TRAINER, ())
    assert not run.ready
    assert not run.turn(Knobs(0.3))
    assert not run.request(0.0, Knobs())
    assert run.collect() is None


def test_a_slow_answer_is_not_a_lost_worker() -> None:
    """As from a machine whose processors are all busy: a TimeoutError is an OSError, too."""
    answers: list[object] = [TimeoutError(), TimeoutError(), "the actor"]

    def result(timeout: float) -> object:
        assert timeout <= 10
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    future = SimpleNamespace(status="finished", release=lambda: None, result=result)
    client = SimpleNamespace(as_current=nullcontext, submit=lambda *_args, **_options: future)
    run = RemoteRun(client, TRAINER, ())
    assert [run.ready, run.ready, run.ready] == [False, False, True]


def test_slices_go_on_and_knobs_are_noted(ready: Compute, parts: tuple[Ratings, Ratings]) -> None:
    run = ready.run(TRAINER, *parts, Settings(n_factors=4, batch_size=50, epochs=10**6))
    first = next_slice(run, 0.05, Knobs(0.0))
    second = next_slice(run, 0.05, Knobs(0.0))
    third = next_slice(run, 0.05, Knobs(0.3))
    assert 0 < first.step < second.step < third.step
    assert [(c.name, c.value) for c in third.changes] == [("weight_decay", 0.3)]
    assert third.changes[0].epoch == second.epoch
    model = run.call("best", timeout=LIMIT)
    assert model.user_factors.shape == (20, 4)
    run.close()
    with pytest.raises(WorkerLost, match="closed"):
        run.request(0.05, Knobs())


def test_turned_knobs_act_on_the_slice_under_way_and_outlive_older_ones(
    ready: Compute, parts: tuple[Ratings, Ratings]
) -> None:
    run = ready.run(TRAINER, *parts, Settings(n_factors=4, batch_size=50, epochs=10**6))
    first = next_slice(run, 0.0, Knobs(0.0))
    assert run.request(ENDLESS, Knobs(0.0))
    assert run.request(0.0, Knobs(0.0), ahead=2)
    for knobs in (Knobs(0.3), Knobs(0.5)):
        train_on(ready)
        until(lambda knobs=knobs: run.turn(knobs))  # the last ones arrive, and are not waited for
    train_on(ready)
    assert run.busy
    end_slice(ready)
    under_way, asked_before = until(run.collect), until(run.collect)
    assert [c.value for c in under_way.changes] == [0.3, 0.5]
    steps_per_epoch = 6
    for change in under_way.changes:
        assert first.step < change.epoch * steps_per_epoch < under_way.step - 10
    assert asked_before.changes == under_way.changes, "with older knobs"
    assert next_slice(run, 0.0, Knobs(0.0)).changes == under_way.changes


def test_asking_never_waits(ready: Compute, parts: tuple[Ratings, Ratings]) -> None:
    """Were one of these to wait for the slice in flight, it would wait for ever."""
    run = ready.run(TRAINER, *parts, Settings(epochs=10**6))
    until(lambda: run.request(ENDLESS, Knobs()))
    assert run.busy
    assert run.collect() is None
    assert not run.request(0.0, Knobs())  # one in flight is enough
    with pytest.raises(TimeoutError):
        run.call("best", timeout=0.05)  # behind the slice in flight
    end_slice(ready)
    until(run.collect)
    assert not run.busy


def test_a_dropped_run_is_forgotten_by_the_worker(
    ready: Compute, parts: tuple[Ratings, Ratings]
) -> None:
    def actors(dask_worker: object) -> int:
        return len(dask_worker.state.actors)  # type: ignore[attr-defined]

    def held() -> int:
        return sum(ready.client().run(actors).values())

    until(lambda: held() == 0)
    for in_flight in (False, True):
        run = ready.run(TRAINER, *parts, Settings(epochs=10**6))
        next_slice(run, 0.0, Knobs())
        if in_flight:
            assert run.request(0.3, Knobs())
        assert held() == 1
        del run
        until(lambda: held() == 0)


def test_errors_of_the_object_arrive_as_they_are(
    ready: Compute, parts: tuple[Ratings, Ratings]
) -> None:
    empty = parts[1].take(np.array([], dtype=int))
    with pytest.raises(ValueError, match="at least one rating each"):
        ready.run(TRAINER, parts[0], empty, Settings()).call("best", timeout=LIMIT)
    run = ready.run(TRAINER, *parts, Settings())
    with pytest.raises(AttributeError, match="no_such_method"):
        run.call("no_such_method", timeout=LIMIT)


def test_workers_are_warm_and_polite_and_this_process_has_no_torch(ready: Compute) -> None:
    def look() -> tuple[bool, int]:
        import sys

        return "torch.optim.adamw" in sys.modules, os.nice(0) if hasattr(os, "nice") else 15

    before = os.nice(0) if hasattr(os, "nice") else 0
    ((warm, nice),) = ready.client().run(look).values()
    assert warm
    assert nice == min(19, before + 15) if before else nice == 15
    code = (
        "import sys; from sim.compute import Compute\n"
        f"compute = Compute.start(); assert compute.wait({LIMIT}) == 'ready', compute.message\n"
        "import numpy as np; from sim.recommender import Knobs, Ratings, Settings\n"
        "i = np.zeros(2, int)\n"
        "r = Ratings(i, i, i.astype(np.float32), ('',), ((),), ('0',), ('0',))\n"
        f"run = compute.run({TRAINER!r}, r, r, Settings())\n"
        f"assert run.call('run_epoch', Knobs(), timeout={LIMIT}).step == 1\n"
        f"assert run.call('best', timeout={LIMIT})\n"
        "assert 'torch' not in sys.modules; compute.close()\n"
    )
    address = ready.client().scheduler.address
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, SCHEDULER_VARIABLE: address},
        check=True,
        timeout=LIMIT,
    )
    assert ready.state == "ready"  # a guest that leaves takes nothing along


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="no groups by session here")
def test_the_cluster_stands_back_as_a_whole(ready: Compute) -> None:
    def groups() -> str:
        return Path("/proc/self/autogroup").read_text(encoding="ascii")

    (of_worker,) = ready.client().run(groups).values()
    assert of_worker.split()[-1] == "15"
    assert groups() != of_worker, "not the web process"


@posix_only
def test_a_lost_worker_is_told_and_replaced(ready: Compute, parts: tuple[Ratings, Ratings]) -> None:
    run = ready.run(TRAINER, *parts, Settings(epochs=10**6))
    idle = ready.run(TRAINER, *parts, Settings(epochs=10**6))
    next_slice(run, 0.0, Knobs())
    next_slice(idle, 0.0, Knobs())
    until(lambda: run.request(ENDLESS, Knobs()))
    os.kill(worker_pid(ready), signal.SIGKILL)
    with pytest.raises(WorkerLost):
        until(run.collect)
    with pytest.raises(WorkerLost):
        run.request(0.0, Knobs())
    with pytest.raises(WorkerLost):  # the one that waited for nothing learns it as well
        until(idle.collect)
    assert ready.state == "ready"
    again = ready.run(TRAINER, *parts, Settings())
    assert next_slice(again, 0.0, Knobs()).step == 1


@posix_only
def test_a_dead_cluster_is_noticed_and_restarted_and_close_leaves_nothing(
    ready: Compute, parts: tuple[Ratings, Ratings]
) -> None:
    process = ready._process
    assert process is not None
    old = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    process.kill()
    until(lambda: ready.state == "failed")
    assert "stopped" in ready.message
    with pytest.raises(WorkerLost, match="stopped"):
        ready.run(TRAINER, *parts, Settings())
    ready.restart()
    assert ready.wait(LIMIT) == "ready", ready.message
    assert next_slice(ready.run(TRAINER, *parts, Settings()), 0.0, Knobs()).step == 1

    process = ready._process
    assert process is not None
    new = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    assert len(new) >= 2
    ready.close()
    ready.close()
    _, alive = psutil.wait_procs(old + new, timeout=LIMIT)
    assert not alive


def test_the_cluster_ends_with_its_input() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "sim.compute"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdout, process.stdin:
        assert process.stdout.readline().startswith("tcp://127.0.0.1:")
        children = psutil.Process(process.pid).children(recursive=True)
        process.stdin.close()  # as the system does for a parent that was killed
        assert process.wait(timeout=LIMIT) == 0
    _, alive = psutil.wait_procs(children, timeout=LIMIT)
    assert not alive


def test_an_operators_address_that_does_not_answer_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(SCHEDULER_VARIABLE, "nonsense://nowhere")
    compute = Compute.start()
    assert compute.wait(LIMIT) == "failed"
    assert compute.message.startswith("The compute cluster did not start: ")
    assert compute.client() is None
    compute.close()
