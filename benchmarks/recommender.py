"""How quick and how good the recommender is: `ML_100K_DIR=… python benchmarks/recommender.py`.

ML_100K_DIR is the folder of MovieLens 100K (`python -m sim.recommender.download ml-100k`). Parts:

- live: our trainer, quick and averaged too; milliseconds an epoch, and what dropout adds;
- peers: the same beside others, alternated in one run (fastai's fits take nearly all the time);
- table: the book's five epochs, and the same without weight decay;
- growth: 1 and 10 million synthetic ratings beside cornac, then 25 million (4 GiB);
- gpu: an epoch against what the card's memory can move, where there is a card.

Peers are compared where they are installed, best in an environment of their own:
`pip install fastai==2.8.12 cornac scikit-surprise lenskit myfm "setuptools<81"`.

All train on one thread and on the same splits. Seconds are processor time, which a busy machine
disturbs less, from the bare arrays to the finished model; ratios travel between machines.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

# One thread for all, said before anything is imported that reads it.
os.environ.update(
    {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA", "RAYON", "LK")}
)
os.environ["LK_NUM_BACKEND_THREADS"] = "1"

import numpy as np
import torch
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))
import recommender_peers as peers
from recommender_peers import Run, Size, Task, Trainer

from sim.recommender import Knobs, Settings, fit
from sim.recommender.engine import Engine, flushed_denormals
from sim.recommender.rules import BOOK_BATCH, quoted_batch
from sim.recommender.training import Trainer as LiveTrainer

LIVE = peers.ours("ours, live")
QUICK = peers.ours(
    "ours, quick",
    epochs=3,
    batch_size=3072,
    n_factors=16,
    learning_rate=8e-3,
    weight_decay=0.06,
)
AVERAGED = peers.ours("ours, best of four", n_models=4)
CORNAC = peers.cornac_mf("cornac MF, 40 iterations", 40, 0.01, 0.05)
CORNAC_QUICK = peers.cornac_mf("cornac MF, 15 iterations", 15, 0.03, 0.08)
SURPRISE, LENSKIT = peers.surprise_svd(), peers.lenskit_als()
MYFM, FASTAI = peers.myfm_gibbs(), peers.fastai_book()
OURS = (LIVE, QUICK, AVERAGED)
PEERS = (CORNAC_QUICK, CORNAC, LENSKIT, SURPRISE, MYFM, FASTAI)

SPLITS = (0, 1, 2)
BOOK_TABLE = (0.947, 0.863, 0.828, 0.812, 0.812)
GIB = 2**30


def against(value: float, goal: float, *, least: bool = False) -> str:
    """The value's goal, and whether it is met."""
    met = value >= goal if least else value <= goal
    return f"(at {'least' if least else 'most'} {goal:g}: {'yes' if met else 'NO'})"


# live and peers: whole fits of MovieLens 100K


def alternate(trainers: Sequence[Trainer], folder: str, rounds: int) -> dict[Trainer, list[Run]]:
    """Each trainer once a round, on the splits in turn, after a small fit that warms it up."""
    tasks = [peers.movielens_task(folder, seed) for seed in SPLITS]
    for trainer in trainers:
        peers.run(trainer, peers.movielens_task(folder, 0, rows=2000))
    runs: dict[Trainer, list[Run]] = {trainer: [] for trainer in trainers}
    for i in range(rounds):
        for trainer in trainers:
            runs[trainer].append(peers.run(trainer, tasks[i % len(SPLITS)]))
    return runs


def mse(runs: Sequence[Run]) -> float:
    """The mean over the splits, which later rounds only repeat."""
    return statistics.mean(run.mse for run in runs[: len(SPLITS)])


def median(runs: Sequence[Run], field: str) -> float:
    return statistics.median(getattr(run, field) for run in runs)


def print_fits(runs: dict[Trainer, list[Run]]) -> None:
    print(f"MovieLens 100K, medians of {len(runs[LIVE])} rounds, seconds of processor time [clock]")
    for trainer, found in runs.items():
        print(
            f"  {trainer.name}: valid MSE {mse(found):.4f}, {median(found, 'seconds'):.3f} s "
            f"({median(found, 'prepare'):.3f} of them preparation) [{median(found, 'wall'):.3f}]"
        )
    for trainer, goal in ((LIVE, 0.8125), (QUICK, 0.83), (AVERAGED, 0.8)):
        value = mse(runs[trainer])
        print(f"  {trainer.name}: valid MSE {value:.4f} {against(value, goal)}")


def live(options: argparse.Namespace) -> None:
    print_fits(alternate(OURS, options.folder, options.rounds))
    task = peers.movielens_task(options.folder, 0)
    plain, dropped = epoch_seconds(task, rounds=max(9, options.rounds))
    print("An epoch of 80,000 ratings at batch 1,024, without validation")
    print(f"  {plain * 1e3:.1f} ms {against(plain * 1e3, 20)}")
    ratio = dropped / plain
    print(
        f"  with dropout 0.3 {dropped * 1e3:.1f} ms, {ratio:.2f} times as long {against(ratio, 3)}"
    )


def epoch_seconds(task: Task, rounds: int) -> tuple[float, float]:
    """Medians without and with dropout, alternated epoch by epoch."""
    settings = Settings(batch_size=1024, device="cpu")
    engine = Engine(*peers.numbered(task), settings)
    times: tuple[list[float], list[float]] = ([], [])
    with flushed_denormals(), torch.no_grad():
        for epoch in range(2 * rounds + 2):
            start = time.process_time()
            for step in range(epoch * engine.steps_per_epoch, (epoch + 1) * engine.steps_per_epoch):
                engine.step(step, 0.1, (0.0, 0.3)[epoch % 2])
            times[epoch % 2].append(time.process_time() - start)
    plain, dropped = (statistics.median(found[1:]) for found in times)  # the first ones warm
    return plain, dropped


def with_peers(options: argparse.Namespace) -> None:
    wanted = [p for p in PEERS if not any(word in p.name.lower() for word in options.skip)]
    present = [peer for peer in wanted if peer.installed()]
    runs = alternate([*OURS, *present], options.folder, options.rounds)
    print_fits(runs)
    print("Their time over ours")
    for peer in present:
        if peer is CORNAC_QUICK:  # its best quality is not the live trainer's
            continue
        ratio = median(runs[peer], "seconds") / median(runs[LIVE], "seconds")
        goal = 100 if peer is FASTAI else 1
        print(f"  {peer.name} / live: {ratio:.2f} {against(ratio, goal, least=True)}")
    if CORNAC_QUICK in runs:
        for field, what in (("seconds", "preparation and fit"), ("fit", "fit alone")):
            ratio = median(runs[CORNAC_QUICK], field) / median(runs[QUICK], "seconds")
            goal = against(ratio, 1, least=True)
            print(f"  {CORNAC_QUICK.name}, {what} / quick, all of it: {ratio:.2f} {goal}")
    if MYFM in runs:
        ratio = median(runs[MYFM], "seconds") / median(runs[AVERAGED], "seconds")
        gain = mse(runs[MYFM]) - mse(runs[AVERAGED])
        print(f"  {MYFM.name} / best of four: {ratio:.2f}; its valid MSE less ours {gain:+.4f}")


# table: the course of the book's run


def table(options: argparse.Namespace) -> None:
    decayed, free = (mean_course(options.folder, decay) for decay in (0.1, 0.0))
    print(f"Five epochs at batch 64, mean valid MSE of {len(SPLITS)} splits")
    print("  weight decay 0.1:", *(f"{value:.3f}" for value in decayed))
    print("  the book's table:", *(f"{value:.3f}" for value in BOOK_TABLE))
    largest = max(abs(a - b) for a, b in zip(decayed, BOOK_TABLE, strict=True))
    print(f"  largest difference {largest:.3f} {against(largest, 0.02)}")
    print("  no weight decay:", *(f"{value:.3f}" for value in free))
    best = free.index(min(free))
    print(f"  its best after epoch {best + 1}, then a rise of {free[-1] - free[best]:.3f}")


def mean_course(folder: str, weight_decay: float) -> list[float]:
    courses = []
    for seed in SPLITS:
        train, valid = peers.numbered(peers.movielens_task(folder, seed))
        found = fit(train, valid, batch_size=64, weight_decay=weight_decay, device="cpu")
        courses.append([record.valid_loss for record in found.history])
    return np.mean(courses, axis=0).tolist()


# growth: synthetic ratings, each fit in a process of its own for its peak memory

# as many users and movies as in MovieLens 1M, 10M, 25M and 32M
SMALL = (Size(1, 6_040, 3_706), Size(10, 69_878, 10_677))
LARGE, HUGE = Size(25, 162_541, 59_047), Size(32, 200_948, 84_432)
GROWTH = Settings(epochs=3, batch_size=1024, schedule="one_cycle", device="cpu")


@dataclass(frozen=True, slots=True)
class Growth:
    """Seconds of processor time, the process's peak in bytes, and what it has learnt."""

    prepare: float
    epoch: float
    epochs: float
    peak: int
    mse: float

    def __str__(self) -> str:
        return (
            f"{self.prepare:.1f} s preparation, {self.epoch:.2f} s an epoch, peak "
            f"{self.peak / GIB:.2f} GiB, valid MSE {self.mse:.3f} after {self.epochs:.2g} epochs"
        )


def growth(options: argparse.Namespace) -> None:
    print("Synthetic ratings; ours with the rates of MovieLens 100K, 80 batches an epoch")
    for size in (*SMALL, LARGE):
        with tempfile.TemporaryDirectory() as folder:
            noise = in_child(write_synthetic, folder, size)
            print(f"  {size.millions} million; the truth's own valid MSE {noise:.3f}")
            ours = in_child(grow_ours, folder, 60.0 if size is LARGE else math.inf)
            print(f"    ours: {ours}")
            if size is LARGE:
                print(f"    peak memory {ours.peak / GIB:.2f} GiB {against(ours.peak / GIB, 24)}")
            elif CORNAC_QUICK.installed():
                theirs = in_child(grow_cornac, folder)
                epoch, peak = theirs.epoch / ours.epoch, theirs.peak / ours.peak
                print(f"    cornac: {theirs}")
                print(f"    cornac / ours: epoch {epoch:.2f}, peak memory {peak:.2f}")


def in_child(call: Callable[..., Any], *arguments: Any) -> Any:
    # a fork server's children start small, so that their peak is their own
    with ProcessPoolExecutor(1, multiprocessing.get_context("forkserver")) as pool:
        return pool.submit(call, *arguments).result()


def write_synthetic(folder: str, size: Size) -> float:
    """Save a task in `folder`; return the mean squared error of the truth itself."""
    task, truth = peers.synthetic_task(size)
    np.savez(f"{folder}/task", **{name: getattr(task, name) for name in Task.__slots__})
    return float(np.square(truth - task.rating)[task.valid].mean())


def read_synthetic(folder: str) -> Task:
    return Task(**np.load(f"{folder}/task.npz"))


def grow_ours(folder: str, limit: float) -> Growth:
    """A whole run, or what there is of it after `limit` seconds."""
    task, start = read_synthetic(folder), time.process_time()
    train, valid = peers.numbered(task)
    batch_size = GROWTH.batch_size * quoted_batch(len(train)) // BOOK_BATCH
    settings = replace(GROWTH, batch_size=batch_size)
    trainer, prepared = LiveTrainer(train, valid, settings), time.process_time()
    progress = trainer.run_for(limit, Knobs(weight_decay=0.1))
    seconds = time.process_time() - prepared
    error = trainer.current().predict(valid.user, valid.movie) - valid.rating
    return grown(prepared - start, seconds, progress.epoch, error)


def grow_cornac(folder: str) -> Growth:
    task, start = read_synthetic(folder), time.process_time()
    data = CORNAC_QUICK.prepare(task)
    prepared = time.process_time()
    predict = CORNAC_QUICK.fit(data)
    seconds = time.process_time() - prepared
    return grown(prepared - start, seconds, 15, predict() - task.rating[task.valid])


def grown(prepare: float, seconds: float, epochs: float, error: NDArray[Any]) -> Growth:
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return Growth(prepare, seconds / epochs, epochs, peak, float(np.square(error).mean()))


# gpu: how far from what the card's memory can move


def gpu(options: argparse.Namespace) -> None:
    if not torch.cuda.is_available():
        print("No GPU here: an epoch on one is not measured.")
        return
    device = torch.device("cuda")
    speed = bandwidth(device, GIB)
    print(f"{torch.cuda.get_device_name()}, {speed / 1e9:.0f} GB/s in a copy")
    hundred, huge = peers.movielens_task(options.folder, 0), peers.synthetic_task(HUGE)[0]
    for task, batch in ((hundred, 1024), (huge, 65_536)):
        seconds, limit = epoch_on(device, task, batch, speed)
        print(
            f"  {len(task.rating):,} ratings, batch {batch:,}: {seconds * 1e3:.1f} ms an epoch, "
            f"{seconds / limit:.1f} times the traffic limit of {limit * 1e3:.1f} ms"
        )


def bandwidth(device: torch.device, size: int) -> float:
    """Bytes per second, read and written, in the best of some copies."""
    source = torch.zeros(size, dtype=torch.uint8, device=device)
    target, times = torch.empty_like(source), []
    for _ in range(10):
        source[0].item()  # waits for the device
        start = time.perf_counter()
        target.copy_(source)
        target[0].item()
        times.append(time.perf_counter() - start)
    return 2 * size / min(times)


def epoch_on(device: torch.device, task: Task, batch: int, speed: float) -> tuple[float, float]:
    """Seconds of an epoch by the clock, without validation, and the fewest for its traffic.

    At least so much is moved: of each rating its ids, its place in the epoch's order and its value;
    two rows read, and two rows of the gradient read and written; and in each step all weights and
    AdamW's two averages read and written, the gradient read and set to zero.
    """
    train, valid = peers.numbered(task)
    settings = Settings(batch_size=batch, device=str(device))
    engine, times = Engine(train, valid, settings), []
    with flushed_denormals(), torch.no_grad():
        for epoch in range(6):
            start = time.perf_counter()
            for step in range(epoch * engine.steps_per_epoch, (epoch + 1) * engine.steps_per_epoch):
                loss = engine.step(step, 0.1, 0.0)
            float(loss)  # waits for the device
            times.append(time.perf_counter() - start)
    row = 4 * (settings.n_factors + 1)
    weights = (train.n_users + train.n_movies) * row
    moved = len(train) * (28 + 6 * row) + engine.steps_per_epoch * 8 * weights
    return statistics.median(times[1:]), moved / speed


PARTS = {"live": live, "peers": with_peers, "table": table, "growth": growth, "gpu": gpu}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split(":")[0])
    parser.add_argument("--part", nargs="+", choices=[*PARTS, "all"], default=["all"])
    parser.add_argument("--rounds", type=int, default=5, help="alternations of a comparison")
    parser.add_argument("--skip", nargs="*", default=[], help="peers to leave out, as fastai")
    options = parser.parse_args()
    if options.rounds < len(SPLITS):
        parser.error(f"--rounds {options.rounds}: at least {len(SPLITS)}, one for each split")
    parts = PARTS if "all" in options.part else options.part
    options.folder = os.environ.get("ML_100K_DIR")
    if not options.folder:
        sys.exit("Set ML_100K_DIR to the folder of MovieLens 100K; see the head of this file.")
    torch.set_num_threads(1)
    sys.stdout.reconfigure(line_buffering=True)
    for part in parts:
        PARTS[part](options)


if __name__ == "__main__":
    main()
