"""The cluster: it starts, trains in slices, survives a lost worker, and ends with its parent."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from sim.compute import SCHEDULER_VARIABLE, Compute, RemoteRun, WorkerLost
from sim.recommender.ratings import Ratings
from sim.recommender.records import Knobs, Progress, Settings

ROOT = Path(__file__).resolve().parents[2]
TRAINER = "sim.recommender.training:Trainer"
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
    assert compute.wait(60) == "ready", compute.message
    return compute


@pytest.fixture(scope="module")
def parts() -> tuple[Ratings, Ratings]:
    rng = np.random.default_rng(0)
    ids = tuple(map(str, range(20)))
    user, movie = rng.integers(20, size=(2, 400))
    rating = rng.uniform(1, 5, 400).astype(np.float32)
    whole = Ratings(user, movie, rating, ids, ((),) * 20, ids, ids)
    return whole.take(np.arange(300)), whole.take(np.arange(300, 400))


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def next_slice(run: RemoteRun, seconds: float, knobs: Knobs) -> Progress:
    until(lambda: run.request(seconds, knobs))
    found: list[Progress] = []

    def there() -> bool:
        progress = run.collect()
        if progress is not None:
            found.append(progress)
        return bool(found)

    until(there)
    return found[0]


def worker_pid(compute: Compute) -> int:
    (pid,) = compute.client().run(os.getpid).values()
    return int(pid)


def test_start_returns_at_once() -> None:
    code = (
        "import time; from sim.compute import Compute\n"
        "began = time.perf_counter(); compute = Compute.start()\n"
        "assert time.perf_counter() - began < 1 and compute.state == 'starting'\n"
        "assert compute.client() is None and compute.message\n"
        "compute.close(); compute.close(); assert compute.state == 'failed'\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=30)


def test_slices_go_on_and_knobs_are_noted(ready: Compute, parts: tuple[Ratings, Ratings]) -> None:
    run = ready.run(TRAINER, *parts, Settings(n_factors=4, batch_size=50, epochs=10**6))
    first = next_slice(run, 0.05, Knobs(0.0))
    second = next_slice(run, 0.05, Knobs(0.0))
    third = next_slice(run, 0.05, Knobs(0.3))
    assert 0 < first.step < second.step < third.step
    assert [(c.name, c.value) for c in third.changes] == [("weight_decay", 0.3)]
    assert third.changes[0].epoch == second.epoch
    model = run.call("best")
    assert model.user_factors.shape == (20, 4)
    run.close()
    with pytest.raises(WorkerLost, match="closed"):
        run.request(0.05, Knobs())


def test_turned_knobs_act_on_the_slice_under_way_and_outlive_older_ones(
    ready: Compute, parts: tuple[Ratings, Ratings]
) -> None:
    run = ready.run(TRAINER, *parts, Settings(n_factors=4, batch_size=50, epochs=10**6))
    assert not run.turn(Knobs(0.3)), "nothing stands yet"
    first = next_slice(run, 0.0, Knobs(0.0))
    assert run.request(4.0, Knobs(0.0))  # long enough for a machine that is busy with others
    assert run.request(0.0, Knobs(0.0), ahead=2)
    time.sleep(0.5)
    assert run.turn(Knobs(0.3))
    until(lambda: run.turn(Knobs(0.5)), 2)  # the last ones have arrived, and are not waited for
    assert run.busy
    answers: list[Progress] = []
    until(lambda: bool(answers.append(run.collect()) or answers[-1]))
    under_way = answers[-1]
    until(lambda: bool(answers.append(run.collect()) or answers[-1]))
    assert [c.value for c in under_way.changes] == [0.3, 0.5]
    steps_per_epoch = 6
    for change in under_way.changes:
        assert first.step < change.epoch * steps_per_epoch < under_way.step - 10
    assert answers[-1].changes == under_way.changes, "asked for with older knobs, before"
    assert next_slice(run, 0.0, Knobs(0.0)).changes == under_way.changes


def test_asking_never_waits(ready: Compute, parts: tuple[Ratings, Ratings]) -> None:
    run = ready.run(TRAINER, *parts, Settings(epochs=10**6))
    until(lambda: run.request(1.0, Knobs()))
    began = time.perf_counter()
    assert run.busy
    assert run.collect() is None
    assert not run.request(1.0, Knobs())  # one in flight is enough
    assert time.perf_counter() - began < 0.5
    with pytest.raises(TimeoutError):
        run.call("best", timeout=0.05)  # behind the slice in flight
    until(lambda: run.collect() is not None)
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
        until(lambda: held() == 0, 5)


def test_errors_of_the_object_arrive_as_they_are(
    ready: Compute, parts: tuple[Ratings, Ratings]
) -> None:
    empty = parts[1].take(np.array([], dtype=int))
    with pytest.raises(ValueError, match="at least one rating each"):
        ready.run(TRAINER, parts[0], empty, Settings()).call("best")
    run = ready.run(TRAINER, *parts, Settings())
    with pytest.raises(AttributeError, match="no_such_method"):
        run.call("no_such_method")


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
        "compute = Compute.start(); assert compute.wait(60) == 'ready', compute.message\n"
        "import numpy as np; from sim.recommender import Knobs, Ratings, Settings\n"
        "i = np.zeros(2, int)\n"
        "r = Ratings(i, i, i.astype(np.float32), ('',), ((),), ('0',), ('0',))\n"
        f"run = compute.run({TRAINER!r}, r, r, Settings())\n"
        "assert run.call('run_epoch', Knobs(), timeout=20).step == 1 and run.call('best')\n"
        "assert 'torch' not in sys.modules; compute.close()\n"
    )
    address = ready.client().scheduler.address
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, SCHEDULER_VARIABLE: address},
        check=True,
        timeout=60,
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
    until(lambda: run.request(30.0, Knobs()))
    os.kill(worker_pid(ready), signal.SIGKILL)
    with pytest.raises(WorkerLost):
        until(lambda: run.collect() is not None)
    with pytest.raises(WorkerLost):
        run.request(0.0, Knobs())
    with pytest.raises(WorkerLost):  # the one that waited for nothing learns it as well
        until(lambda: idle.collect() is not None)
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
    assert ready.wait(60) == "ready", ready.message
    assert next_slice(ready.run(TRAINER, *parts, Settings()), 0.0, Knobs()).step == 1

    process = ready._process
    assert process is not None
    new = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    assert len(new) >= 2
    ready.close()
    ready.close()
    _, alive = psutil.wait_procs(old + new, timeout=10)
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
        assert process.wait(timeout=20) == 0
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive


def test_an_operators_address_that_does_not_answer_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(SCHEDULER_VARIABLE, "nonsense://nowhere")
    compute = Compute.start()
    assert compute.wait(20) == "failed"
    assert compute.message.startswith("The compute cluster did not start: ")
    assert compute.client() is None
    compute.close()
