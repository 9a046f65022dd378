"""The grid: what patience tells from one run, means over seeds, and a cluster that loses a worker.

The cluster is a scheduler and two workers started by the command line, as an operator does.
"""

import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import distributed
import numpy as np
import pytest
import torch

from sim.compute import RemoteRun, WorkerLost
from sim.recommender.grid import Summary, open_ends, result_of, train_run
from sim.recommender.ratings import Ratings
from sim.recommender.records import Knobs, Settings
from sim.recommender.sweep import (
    Cell,
    CellResult,
    Sweep,
    best,
    cells,
    summary,
    train_cell,
    train_cells,
)
from sim.recommender.training import Trainer
from tests.waiting import LIMIT, until

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = Settings(n_factors=4, batch_size=64, learning_rate=0.02, epochs=15, device="cpu")
Parts = tuple[Ratings, Ratings]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in the workers: the order of additions is the same
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def parts() -> Parts:
    """500 ratings of 30 movies by 20 users, of rank 1 under noise."""
    rng = np.random.default_rng(5)
    user, movie = rng.integers(20, size=500), rng.integers(30, size=500)
    u, v = rng.normal(size=20), rng.normal(size=30)
    rating = 3 + np.tanh(u[user] * v[movie]) + 0.5 * rng.normal(size=500)
    users, movies = tuple(map(str, range(20))), tuple(map(str, range(30)))
    clipped = rating.clip(0.5, 5).astype(np.float32)
    whole = Ratings(user, movie, clipped, movies, ((),) * 30, users, movies)
    return whole.take(np.arange(400)), whole.take(np.arange(400, 500))


def numbers(results: tuple[CellResult, ...]) -> dict[Cell, tuple[object, ...]]:
    """All but the seconds, which no two runs share."""
    return {
        r.cell: (r.state, r.best_valid_loss, r.best_epoch, r.epochs_run, r.error) for r in results
    }


def test_the_grid_has_every_combination_once() -> None:
    grid = cells([0.0, 0.1, 0.1], [0.0, 0.5], [3, None], [0, 1])
    assert len(grid) == len(set(grid)) == 2 * 2 * 2 * 2
    assert {(c.weight_decay, c.dropout, c.patience, c.seed) for c in grid} == {
        (w, d, p, s) for w in (0.0, 0.1) for d in (0.0, 0.5) for p in (3, None) for s in (0, 1)
    }
    assert [cell.seed for cell in grid] == [0] * 8 + [1] * 8
    assert cells([0.1], [0.0]) == (Cell(0.1, 0.0, None, 0),)


@pytest.mark.parametrize(("weight_decay", "rate"), [(0.0, 0.0), (0.3, 0.0), (0.3, 1e30)])
def test_one_run_tells_the_result_of_every_patience(
    parts: Parts, weight_decay: float, rate: float
) -> None:
    settings = replace(SETTINGS, learning_rate=rate) if rate else SETTINGS  # one that overflows
    run = train_run(*parts, settings, Knobs(weight_decay, 0.2))
    states = set()
    for patience in (1, 2, 3, 5, 14, 15, 99, None):
        cell = Cell(weight_decay, 0.2, patience, 0)
        told = result_of(run, cell, settings.epochs)
        knobs = Knobs(weight_decay, 0.2, patience)
        trained = Trainer(*parts, settings).run_for(math.inf, knobs)
        assert (told.best_valid_loss, told.best_epoch) == (
            trained.best_valid_loss,
            trained.best_epoch,
        )
        assert (told.epochs_run, told.state) == (len(trained.history), trained.state)
        assert told.seconds == pytest.approx(
            sum(record.seconds for record in run.history[: told.epochs_run])
        )
        assert numbers((told,)) == numbers((train_cell(*parts, settings, knobs),))
        states.add(told.state)
    expected = {"diverged"} if rate else {"stopped_early", "finished"}
    assert states == expected


def test_a_patience_that_ends_on_the_last_epoch_is_finished(parts: Parts) -> None:
    run = train_run(*parts, SETTINGS, Knobs(0.0))
    losses = [record.valid_loss for record in run.history]
    at = losses.index(min(losses)) + 1
    settings = replace(SETTINGS, epochs=at + 2)
    result = train_cell(*parts, settings, Knobs(0.0, patience=2))
    assert (result.state, result.epochs_run, result.best_epoch) == ("finished", at + 2, at)
    short = train_run(*parts, settings, Knobs(0.0))
    assert result_of(short, result.cell, settings.epochs).state == "finished"


@pytest.mark.parametrize(
    ("decay", "dropout", "expected"),
    [
        (0.1, 0.3, (False, False)),
        (0.5, 0.3, (True, False)),
        (0.0, 0.0, (False, False)),  # nothing is below 0
        (0.1, 0.5, (False, True)),
        (0.5, 0.5, (True, True)),
    ],
)
def test_a_best_at_the_end_of_the_grid_leaves_open_what_is_beyond(
    decay: float, dropout: float, expected: tuple[bool, bool]
) -> None:
    found = Summary(decay, dropout, None, 1, 0.8, None, 9.0, 1.0)
    assert open_ends(found, [0.0, 0.1, 0.5], [0.0, 0.3, 0.5]) == expected
    assert open_ends(found, [decay, 2.0], [dropout]) == (decay > 0, False)


def test_means_over_seeds() -> None:
    def result(wd: float, seed: int, loss: float | None, epochs: int = 4) -> CellResult:
        state = "finished" if loss else "diverged"
        return CellResult(Cell(wd, 0.0, 2, seed), state, loss, 1, epochs, 2.0 * epochs)  # type: ignore[arg-type]

    results = [
        result(0.1, 0, 0.8),
        result(0.2, 0, 0.7, 6),
        result(0.1, 1, 0.6, 8),
        result(0.3, 0, 0.1),
        result(0.2, 1, None),
        result(0.2, 2, 0.72),
    ]
    first, second, third = summary(results)
    assert (first.weight_decay, first.n_seeds, first.epochs_run, first.seconds) == (0.1, 2, 6, 12)
    assert first.best_valid_loss == pytest.approx(0.7)
    assert first.spread == pytest.approx(np.std([0.8, 0.6], ddof=1))
    assert (second.n_seeds, second.best_valid_loss) == (2, pytest.approx(0.71))
    assert (third.n_seeds, third.spread) == (1, None)
    assert best(results) == first  # 0.3 has one seed only, and says less
    with pytest.raises(ValueError, match="there is no best one"):
        best([result(0.1, 0, None)])


@dataclass
class Cluster:
    """A scheduler and its workers, as processes."""

    address: str
    workers: list["subprocess.Popen[bytes]"]
    start: Callable[[], "subprocess.Popen[bytes]"]


def launch(tool: str, *arguments: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.dask_{tool}", "--host", "127.0.0.1", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    file = tmp_path_factory.mktemp("dask") / "scheduler.json"
    scheduler = launch("scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
    workers: list[subprocess.Popen[bytes]] = []

    def start() -> "subprocess.Popen[bytes]":
        options = ("--scheduler-file", str(file), "--nthreads", "1", "--no-nanny", "--no-dashboard")
        workers.append(launch("worker", *options, "--local-directory", str(file.parent)))
        return workers[-1]

    try:
        until(file.exists)
        start(), start()
        with distributed.Client(scheduler_file=str(file), set_as_default=False) as client:
            address = client.scheduler.address
        yield Cluster(address, workers, start)
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


@pytest.fixture
def client(cluster: Cluster) -> Iterator[Any]:
    """A client of a cluster with two workers in it."""
    with distributed.Client(cluster.address, set_as_default=False) as held:
        while sum(worker.poll() is None for worker in cluster.workers) < 2:
            cluster.start()
        held.wait_for_workers(2, timeout=LIMIT)
        yield held


def tasks(client: Any) -> int:
    return int(client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)))


def worker_tasks(client: Any) -> int:
    return sum(client.run(lambda dask_worker: len(dask_worker.state.tasks)).values())


def finish(sweep: Sweep, *, during: Callable[[], None] = lambda: None) -> None:
    """Poll to the end."""
    came = len(sweep.results)

    def once() -> bool:
        nonlocal came
        came += len(sweep.poll())
        assert came == len(sweep.results)
        assert sweep.progress == came / sweep.total
        during()
        return sweep.ended

    until(once)


def test_the_cluster_gives_what_one_process_gives(client: Any, parts: Parts) -> None:
    grid = cells([0.0, 0.2], [0.0, 0.3], [2, None], [0, 1])
    sweep = Sweep(client, *parts, SETTINGS, grid)
    assert (sweep.total, sweep.progress, sweep.ended) == (16, 0.0, False)
    assert sweep.n_runs == 8, "one for both patiences"
    seen: set[int] = set()
    finish(sweep, during=lambda: seen.add(len(sweep._running)))
    assert max(seen) == 2  # one run per worker at once
    assert set(numbers(sweep.results)) == set(grid)
    assert numbers(sweep.results) == numbers(train_cells(*parts, SETTINGS, grid))
    assert sweep.poll() == ()
    until(lambda: tasks(client) == 0)  # nothing is left behind


@pytest.mark.skipif(os.name != "posix", reason="kills processes by signal")
@pytest.mark.parametrize("victim", ["the one with the ratings", "both"])
def test_a_worker_killed_on_the_way_loses_nothing(
    cluster: Cluster, client: Any, parts: Parts, victim: str
) -> None:
    settings = replace(SETTINGS, epochs=100)
    grid = cells([0.0, 0.2, 0.4], [0.0], [5, None], [0, 1])
    sweep = Sweep(client, *parts, settings, grid)
    until(lambda: sweep.poll() or sweep.results)  # the first has come, others are running
    pids = client.run(os.getpid)
    holders = client.who_has(sweep._data)[sweep._data.key]
    assert len(sweep.results) < len(grid)
    for address in pids if victim == "both" else holders[:1]:
        os.kill(pids[address], signal.SIGKILL)
    if victim == "both":
        cluster.start()
    finish(sweep)
    assert numbers(sweep.results) == numbers(train_cells(*parts, settings, grid))
    assert len(sweep.results) == len(grid)


@pytest.mark.skipif(os.name != "posix", reason="kills processes by signal")
def test_a_result_that_dies_before_it_is_collected_is_made_again(
    cluster: Cluster, client: Any, parts: Parts
) -> None:
    grid = cells([0.0, 0.2], [0.0], [5], [0])
    sweep = Sweep(client, *parts, SETTINGS, grid)
    sweep.poll()
    futures = [future for future, _ in sweep._running.values()]
    until(lambda: all(future.status == "finished" for future in futures))
    for pid in client.run(os.getpid).values():
        os.kill(pid, signal.SIGKILL)
    until(lambda: any(future.status == "lost" for future in futures))
    assert sweep.poll() == ()
    cluster.start()
    finish(sweep)
    assert numbers(sweep.results) == numbers(train_cells(*parts, SETTINGS, grid))


def test_a_cancelled_sweep_frees_the_workers(client: Any, parts: Parts) -> None:
    endless = replace(SETTINGS, epochs=10**7)
    other = Sweep(client, *parts, endless, cells([0.1], [0.0]))
    other.poll()
    for ending in ("cancel", "drop"):
        sweep = Sweep(client, *parts, endless, cells([0.0, 0.1, 0.2], [0.0]))
        keys = {sweep._data.key}
        # nor does a poll wait for what is endless
        until(lambda sweep=sweep: sweep.poll() == () and len(sweep._running) == 2)
        keys |= {future.key for future, _ in sweep._running.values()}
        assert len(keys) == 3
        assert other._data.key not in keys  # nobody's work is taken for another's
        until(lambda: worker_tasks(client) >= 4)
        if ending == "cancel":
            sweep.cancel()
            sweep.cancel()
            assert sweep.ended
            assert sweep.poll() == ()
        del sweep
        until(lambda: tasks(client) == 2)  # the other one's, still there
    other.cancel()
    until(lambda: tasks(client) == 0)
    until(lambda: worker_tasks(client) == 0)  # the endless runs noticed it and ended


def test_a_live_run_starts_beside_it(client: Any, parts: Parts) -> None:
    sweep = Sweep(client, *parts, replace(SETTINGS, epochs=10**7), cells([0.0, 0.1], [0.0]))
    until(lambda: sweep.poll() == () and len(sweep._running) == 2)
    runs = [RemoteRun(client, "sim.recommender.training:Trainer", (*parts, SETTINGS)) for _ in "ab"]
    for run in runs:
        assert run.call("run_epoch", Knobs(), timeout=LIMIT).epoch == 1
        run.close()
    assert not sweep.results
    sweep.cancel()


def test_a_cell_that_fails_says_why_and_the_others_go_on(client: Any, parts: Parts) -> None:
    settings = replace(SETTINGS, device="abacus")
    sweep = Sweep(client, *parts, settings, cells([0.1], [0.0], [2, None]))
    finish(sweep)
    assert [result.state for result in sweep.results] == ["failed", "failed"]
    assert "No device is called 'abacus'" in sweep.results[0].error
    assert summary(sweep.results) == ()
    until(lambda: tasks(client) == 0)


def test_a_cluster_that_is_gone_is_told(cluster: Cluster, parts: Parts) -> None:
    client = distributed.Client(cluster.address, set_as_default=False)
    sweep = Sweep(client, *parts, SETTINGS, cells([0.1], [0.0]))
    client.close()
    with pytest.raises(WorkerLost, match="is gone"):
        sweep.poll()
    assert sweep.ended


def test_an_empty_grid_has_ended(client: Any, parts: Parts) -> None:
    sweep = Sweep(client, *parts, SETTINGS, ())
    assert (sweep.ended, sweep.progress, sweep.poll()) == (True, 1.0, ())
    sweep.cancel()


def test_the_web_process_gets_no_torch() -> None:
    code = (
        "import sys\n"
        "from sim.recommender import download, fold_in, insights, sweep, upload\n"
        "late = {'torch', 'distributed', 'dask', 'sklearn', 'scipy'} & set(sys.modules)\n"
        "assert not late, late\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=LIMIT)
