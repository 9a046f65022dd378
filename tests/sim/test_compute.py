"""The cluster: it starts, trains in slices, survives a lost worker, and ends with its parent."""

import asyncio
import json
import mmap
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from distributed.security import Security

from sim.compute import (
    MEMORY_VARIABLE,
    SCHEDULER_VARIABLE,
    Compute,
    Hosted,
    RemoteRun,
    WorkerLost,
    cluster,
    scheduler_address,
    worker_memory,
)
from sim.recommender.ratings import Ratings
from sim.recommender.records import Knobs, Progress, Settings
from tests.joining import as_an_operator
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
        actors = dask_worker.state.actors.values()  # type: ignore[attr-defined]
        return sum(actor._object._step for actor in actors if actor)  # none where making it failed

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


def family(compute: Compute) -> list[psutil.Process]:
    """The processes of the local cluster."""
    assert compute._process is not None
    first = psutil.Process(compute._process.pid)
    return [first, *first.children(recursive=True)]


def listening(compute: Compute) -> list[tuple[str, int]]:
    """Where the processes of the local cluster can be spoken to."""
    return [
        (found.laddr.ip, found.laddr.port)
        for process in family(compute)
        for found in process.net_connections(kind="all")
        if found.status == psutil.CONN_LISTEN
    ]


def heard(connection: socket.socket) -> bytes:
    """What comes first through a connection, until it is closed."""
    try:
        return connection.recv(100)
    except (ssl.SSLError, ConnectionError):
        return b""


def held(compute: Compute) -> int:
    """How many objects the worker holds."""

    def actors(dask_worker: object) -> int:
        return len(dask_worker.state.actors)  # type: ignore[attr-defined]

    return sum(compute.client().run(actors).values())


class Hungry:
    """An object that takes as much memory as it is told to."""

    def __init__(self) -> None:
        self.meals: list[object] = []

    def eat(self, size: int) -> int:
        self.meals.append(bytearray(size))
        return len(self.meals)

    def eat_all(self, size: int) -> None:
        while True:
            self.eat(size)

    def eat_what_is_shared(self, size: int) -> None:
        """Not counted as the worker's own by the system, so nothing but Dask can see it."""
        meal = mmap.mmap(-1, size)
        self.meals.append(meal)
        for _ in range(size >> 20):
            meal.write(bytes(1 << 20))


class Failing:
    def fail(self, error: Exception) -> None:
        raise error


HUNGRY = f"{__name__}:Hungry"


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

    async def gather(_future: object, asynchronous: bool) -> object:
        assert asynchronous
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with turning_loop() as loop:
        run = RemoteRun(standing(loop, gather), TRAINER, ())
        until(lambda: run.ready)
    assert not answers


def test_the_way_to_an_object_is_not_waited_for() -> None:
    """Its worker may be halted between the making of the object and the first word to it."""
    asked = []

    async def gather(_future: object, asynchronous: bool) -> object:
        asked.append(asynchronous)
        return await asyncio.Event().wait()

    with turning_loop() as loop:
        run = RemoteRun(standing(loop, gather), TRAINER, ())
        until(lambda: run.ready or asked)
        assert not run.ready
        assert not run.request(0.0, Knobs())
        assert run.collect() is None
        with pytest.raises(TimeoutError):
            run.call("best", timeout=0.01)
        assert asked == [True], "once"
        fetching = run._fetching
        run.close()
        assert fetching is not None
        assert fetching.cancelled()


@contextmanager
def turning_loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()

    def turn() -> None:
        loop.run_forever()
        loop.run_until_complete(asyncio.sleep(0))  # what was cancelled ends
        loop.close()

    thread = threading.Thread(target=turn)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


def standing(loop: asyncio.AbstractEventLoop, gather: object) -> SimpleNamespace:
    """A client whose objects stand at once, and `gather` tells the way to them."""
    future = SimpleNamespace(status="finished", release=lambda: None)
    return SimpleNamespace(
        as_current=nullcontext,
        submit=lambda *_args, **_options: future,
        gather=gather,
        loop=SimpleNamespace(asyncio_loop=loop),
    )


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
    until(lambda: held(ready) == 0)
    for in_flight in (False, True):
        run = ready.run(TRAINER, *parts, Settings(epochs=10**6))
        next_slice(run, 0.0, Knobs())
        if in_flight:
            assert run.request(0.3, Knobs())
        assert held(ready) == 1
        del run
        until(lambda: held(ready) == 0)


def test_errors_of_the_object_arrive_as_they_are(
    ready: Compute, parts: tuple[Ratings, Ratings]
) -> None:
    empty = parts[1].take(np.array([], dtype=int))
    with pytest.raises(ValueError, match="at least one rating each"):
        ready.run(TRAINER, parts[0], empty, Settings()).call("best", timeout=LIMIT)
    run = ready.run(TRAINER, *parts, Settings())
    with pytest.raises(AttributeError, match="no_such_method"):
        run.call("no_such_method", timeout=LIMIT)


def test_workers_are_warm_and_polite_and_this_process_has_no_torch(
    ready: Compute, tmp_path: Path
) -> None:
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
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **as_an_operator(ready, tmp_path)},
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


def test_nobody_without_the_certificates_is_listened_to(ready: Compute) -> None:
    """Whoever reaches the scheduler or a worker can run code as the server's user."""
    places = listening(ready)
    assert len(places) == 3, "the scheduler, the worker and what watches it, and no dashboard"
    another = Security.temporary().get_connection_args("client")["ssl_context"]
    nobody = ssl.create_default_context()
    for context in (another, nobody):  # that would talk to any server
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for place in places:
        assert place[0] == "127.0.0.1"
        with socket.create_connection(place, timeout=LIMIT) as plain:  # as Dask's, without TLS
            plain.sendall(b"\0" * 8 + b"GET / HTTP/1.0\r\n\r\n")
            assert heard(plain)[:1] in (b"", b"\x15"), "not more than a TLS alert"
        for context in (another, nobody):
            with (
                socket.create_connection(place, timeout=LIMIT) as plain,
                context.wrap_socket(plain) as wrapped,
            ):
                assert heard(wrapped) == b"", "a scheduler would say what it is"


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks into /proc")
def test_the_key_stands_nowhere_in_sight(ready: Compute) -> None:
    """Command lines are everybody's to read, and files may be."""
    key = ready.client().security.tls_client_key.encode()
    lines = [line for line in key.splitlines() if len(line) > 30]
    assert lines
    for process in family(ready):
        for name in ("cmdline", "environ"):
            text = Path(f"/proc/{process.pid}/{name}").read_bytes()
            assert not [line for line in lines if line in text]

    def folder(dask_worker: object) -> str:
        return dask_worker.local_directory  # type: ignore[attr-defined]

    (scratch,) = ready.client().run(folder).values()
    below = Path(scratch).relative_to(tempfile.gettempdir())
    assert os.stat(Path(tempfile.gettempdir(), below.parts[0])).st_mode & 0o077 == 0


def test_who_asks_for_too_much_memory_is_told_and_the_others_train_on(
    monkeypatch: pytest.MonkeyPatch, parts: tuple[Ratings, Ratings]
) -> None:
    monkeypatch.delenv(SCHEDULER_VARIABLE, raising=False)
    monkeypatch.setenv(MEMORY_VARIABLE, "1GiB")
    compute = Compute.start()
    try:
        assert compute.wait(LIMIT) == "ready", compute.message
        began, pid = time.monotonic(), worker_pid(compute)
        other = compute.run(TRAINER, *parts, Settings(epochs=10**6))
        next_slice(other, 0.0, Knobs())
        if sys.platform == "linux":
            hungry = compute.run(HUNGRY)
            assert hungry.call("eat", 10 << 20, timeout=LIMIT) == 1
            with pytest.raises(MemoryError):
                hungry.call("eat_all", 32 << 20, timeout=LIMIT)
            with pytest.raises(MemoryError, match="was dropped"):
                hungry.call("eat", 1, timeout=LIMIT)
            with pytest.raises(MemoryError):  # in a constructor, too
                compute.run("builtins:bytearray", 1 << 30).call("clear", timeout=LIMIT)
            assert worker_pid(compute) == pid
            again = compute.run(HUNGRY)
            assert again.call("eat", 100 << 20, timeout=LIMIT) == 1, "it was given back"
            again.close()
            assert next_slice(other, 0.0, Knobs()).step > 0
            assert not compute.ran_out_of_memory_since(began)
        hungry = compute.run(HUNGRY)  # what the system does not count, Dask does
        until(lambda: hungry.request(1 << 30, method="eat_what_is_shared"))
        until(lambda: compute.ran_out_of_memory_since(began))
        for run in (hungry, other):
            with pytest.raises(WorkerLost):
                until(run.collect)
        again = compute.run(TRAINER, *parts, Settings())
        assert next_slice(again, 0.0, Knobs()).step == 1
        assert worker_pid(compute) != pid
    finally:
        compute.close()


def test_errors_of_torch_cross_as_pythons_own() -> None:
    import torch

    for error, kind in (
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB"), MemoryError),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), MemoryError),
        (np._core._exceptions._ArrayMemoryError((9, 9), np.dtype(float)), MemoryError),
        (torch.AcceleratorError("device lost", 1), RuntimeError),
        (RuntimeError("as it is"), RuntimeError),
        (KeyError("as it is"), KeyError),
    ):
        hosted = Hosted(f"{__name__}:Failing", ())
        with pytest.raises(kind) as caught:
            hosted.call("fail", (error,))
        assert type(caught.value) is kind
        assert str(error)[:12] in str(caught.value)


@posix_only
def test_a_worker_that_stands_still_is_noticed_and_goes_on(
    ready: Compute, parts: tuple[Ratings, Ratings]
) -> None:
    run = ready.run(TRAINER, *parts, Settings(epochs=10**6))
    before = next_slice(run, 0.0, Knobs())
    until(lambda: ready.silence() < 3)
    worker = psutil.Process(worker_pid(ready))
    worker.suspend()
    try:
        until(lambda: run.request(0.0, Knobs()))
        until(lambda: ready.silence() > 6)
        assert run.collect() is None
    finally:
        worker.resume()
    assert until(run.collect).step > before.step
    until(lambda: ready.silence() < 3)


@posix_only
def test_a_worker_in_a_long_step_is_not_silent(
    ready: Compute, parts: tuple[Ratings, Ratings]
) -> None:
    run = ready.run(TRAINER, *parts, Settings(epochs=10**6))
    next_slice(run, 0.0, Knobs())
    assert run.request(ENDLESS, Knobs())
    train_on(ready)
    for _ in range(2):  # heard of again and again, and no answer to the slice in between
        heard = ready._heard
        until(lambda heard=heard: ready._heard > heard)
    assert run.collect() is None
    end_slice(ready)
    until(run.collect)


@posix_only
def test_a_worker_is_replaced_though_what_watches_it_gave_up(
    ready: Compute, parts: tuple[Ratings, Ratings]
) -> None:
    """As where the machine is so busy that the first replacement does not get through."""

    async def give_up(dask_worker: object) -> None:
        await dask_worker.close()  # type: ignore[attr-defined]

    run = ready.run(TRAINER, *parts, Settings(epochs=10**6))
    next_slice(run, 0.0, Knobs())
    pid = worker_pid(ready)
    with pytest.raises((OSError, RuntimeError)):  # its last word does not come back
        ready.client().run(give_up, nanny=True)
    with pytest.raises(WorkerLost):
        until(run.collect)
    again = ready.run(TRAINER, *parts, Settings())
    assert next_slice(again, 0.0, Knobs()).step == 1
    assert worker_pid(ready) != pid
    assert ready.state == "ready"


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
        told = json.loads(process.stdout.readline())
        assert told["address"].startswith("tls://127.0.0.1:")
        children = psutil.Process(process.pid).children(recursive=True)
        process.stdin.close()  # as the system does for a parent that was killed
        assert process.wait(timeout=LIMIT) == 0
    _, alive = psutil.wait_procs(children, timeout=LIMIT)
    assert not alive


def test_an_operators_address_that_does_not_answer_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(cluster, "ANSWER", 1.0)
    with socket.socket() as taken:  # bound, but it does not listen
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        for wrong, says in (
            (address, "did not start: Timed out"),
            ("nonsense://nowhere", "such as"),
        ):
            monkeypatch.setenv(SCHEDULER_VARIABLE, wrong)
            caplog.clear()
            compute = Compute.start()
            assert compute.wait(LIMIT) == "failed"
            assert compute.message.startswith("The compute cluster did not start: ")
            assert says in compute.message
            assert compute.message in caplog.text, "for the operator"
            assert compute.client() is None
            compute.close()


@pytest.mark.parametrize(
    "text", ["tcp://10.0.0.1:8786", "tls://[::1]:8786", "scheduler:8786", " tls://host.example:1 "]
)
def test_a_schedulers_address(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(SCHEDULER_VARIABLE, text)
    assert scheduler_address() == text.strip()


@pytest.mark.parametrize(
    "text", ["abc", "host", "http://host:1", "tcp://host", "tcp://:8786", "host:x", "host:99999"]
)
def test_a_schedulers_address_that_is_none(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(SCHEDULER_VARIABLE, text)
    with pytest.raises(ValueError, match=f"{SCHEDULER_VARIABLE} is '{text}'; it must be .* such"):
        scheduler_address()


@pytest.mark.parametrize(("text", "means"), [("", "0.6"), ("8GiB", "8GiB"), (" 0.5", "0.5")])
def test_a_workers_memory(monkeypatch: pytest.MonkeyPatch, text: str, means: str) -> None:
    monkeypatch.setenv(MEMORY_VARIABLE, text)
    assert worker_memory() == means


@pytest.mark.parametrize("text", ["abc", "0", "-1", "1.5", "nan", "8", "8 apples", "0GB", "8Gib"])
def test_a_workers_memory_that_is_none(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(MEMORY_VARIABLE, text)
    with pytest.raises(ValueError, match=f"{MEMORY_VARIABLE} is '{text}'; it must be a size such"):
        worker_memory()
