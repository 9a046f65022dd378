"""A grid of settings and what comes out of it: weight decay × dropout × patience × seeds.

Patience never acts on the weights before it stops a run, so one run without it tells the result
of every patience (`stopping`): the grid costs weight decays × dropouts × seeds runs.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from statistics import fmean, stdev
from typing import Literal

from sim.recommender.early_stopping import stopping
from sim.recommender.ratings import Ratings
from sim.recommender.records import EpochRecord, Knobs, Settings, State

_SLICE = 0.5  # seconds after which a run looks whether it is still wanted


@dataclass(frozen=True, slots=True)
class Cell:
    """One point of the grid."""

    weight_decay: float
    dropout: float
    patience: int | None
    seed: int


@dataclass(frozen=True, slots=True)
class CellResult:
    """What came out of a cell: the best epoch and its loss (None before any), and what it cost."""

    cell: Cell
    state: State | Literal["failed"]
    best_valid_loss: float | None
    best_epoch: int | None
    epochs_run: int
    seconds: float
    """Time in training up to the epoch where it stopped."""
    error: str = ""
    """What went wrong, where the state is "failed"."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The cells that differ in nothing but the seed: means over `n_seeds` of them."""

    weight_decay: float
    dropout: float
    patience: int | None
    n_seeds: int
    best_valid_loss: float
    spread: float | None
    """Standard deviation of the best loss between seeds; None for a single one."""
    epochs_run: float
    seconds: float


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A finished run as it travels: how it ended, and all its epochs."""

    state: State
    history: tuple[EpochRecord, ...]


def cells(
    weight_decays: Sequence[float],
    dropouts: Sequence[float],
    patiences: Sequence[int | None] = (None,),
    seeds: Sequence[int] = (0,),
) -> tuple[Cell, ...]:
    """Every combination once; whole grids one seed after the other, so the first soon shows."""
    grid = product(seeds, weight_decays, dropouts, patiences)
    return tuple(dict.fromkeys(Cell(w, d, patience, seed) for seed, w, d, patience in grid))


def train_run(
    train: Ratings,
    valid: Ratings,
    settings: Settings,
    knobs: Knobs,
    wanted: Callable[[], bool] = lambda: True,
) -> RunRecord:
    """Train one run to its end, or until it is no longer `wanted`. Needs torch."""
    from sim.recommender.training import Trainer

    trainer = Trainer(train, valid, replace(settings, points_per_epoch=1))
    progress = trainer.run_for(_SLICE, knobs)
    while progress.state == "running" and wanted():
        progress = trainer.run_for(_SLICE, knobs)
    return RunRecord(progress.state, progress.history)


def result_of(run: RunRecord, cell: Cell, epochs: int) -> CellResult:
    """The result of `cell` from a run without patience, or with the cell's own.

    `epochs` is `Settings.epochs`: a run that comes to its last epoch counts as finished, though
    patience should run out there too, as in `Trainer`.
    """
    stop = stopping(run.history, cell.patience)
    if stop is None:
        return CellResult(cell, run.state, None, None, 0, 0.0)
    early = stop.stopped and stop.epoch < epochs
    return CellResult(
        cell,
        "stopped_early" if early else run.state,
        stop.best_valid_loss,
        stop.best_epoch,
        stop.epoch,
        sum(record.seconds for record in run.history[: stop.epoch]),
    )


def train_cell(train: Ratings, valid: Ratings, settings: Settings, knobs: Knobs) -> CellResult:
    """Train one cell here and now: `knobs` and the seed of `settings` are the cell."""
    cell = Cell(knobs.weight_decay, knobs.dropout, knobs.patience, settings.seed)
    return result_of(train_run(train, valid, settings, knobs), cell, settings.epochs)


def train_cells(
    train: Ratings, valid: Ratings, settings: Settings, grid: Iterable[Cell]
) -> tuple[CellResult, ...]:
    """Train `grid` here, one run after the other: the sweep for a script without a cluster."""
    results: list[CellResult] = []
    for run, members in runs_of(grid).items():
        record = train_run(train, valid, *arguments_of(settings, run))
        results += [result_of(record, cell, settings.epochs) for cell in members]
    return tuple(results)


def summary(results: Iterable[CellResult]) -> tuple[Summary, ...]:
    """The means over seeds, in the order of the results; cells without any loss are left out."""
    groups: dict[Cell, list[tuple[CellResult, float]]] = {}
    for result in results:
        if result.best_valid_loss is not None:
            groups.setdefault(replace(result.cell, seed=0), []).append(
                (result, result.best_valid_loss)
            )
    return tuple(
        Summary(
            cell.weight_decay,
            cell.dropout,
            cell.patience,
            len(members),
            fmean(loss for _, loss in members),
            stdev(loss for _, loss in members) if len(members) > 1 else None,
            fmean(result.epochs_run for result, _ in members),
            fmean(result.seconds for result, _ in members),
        )
        for cell, members in groups.items()
    )


def best(results: Iterable[CellResult]) -> Summary:
    """The smallest mean loss, among the combinations with the most seeds so far.

    Being the smallest of many it is a little too good: judge it on ratings of their own. Raises
    ValueError where no cell has a loss.
    """
    means = summary(results)
    if not means:
        raise ValueError("No cell has come to the end of an epoch; there is no best one.")
    most = max(mean.n_seeds for mean in means)
    return min((m for m in means if m.n_seeds == most), key=lambda mean: mean.best_valid_loss)


def open_ends(
    found: Summary, weight_decays: Sequence[float], dropouts: Sequence[float]
) -> tuple[bool, bool]:
    """Whether λ and p of `found`, the best, are the last ones tried: a better may lie beyond.

    The grid is that of `weight_decays` and `dropouts`. Below 0 there is nothing, so a best of 0 is
    no such end; nor is the only value of an axis, which was not compared with any.
    """

    def is_open(value: float, axis: Sequence[float]) -> bool:
        return len(axis) > 1 and (value == max(axis) or value == min(axis) > 0)

    return is_open(found.weight_decay, weight_decays), is_open(found.dropout, dropouts)


def runs_of(grid: Iterable[Cell]) -> dict[Cell, list[Cell]]:
    """The runs to train (cells without patience), each with the cells that it tells about."""
    runs: dict[Cell, list[Cell]] = {}
    for cell in dict.fromkeys(grid):
        runs.setdefault(replace(cell, patience=None), []).append(cell)
    return runs


def arguments_of(settings: Settings, run: Cell) -> tuple[Settings, Knobs]:
    """What a trainer needs for `run`, the rest being as in `settings`."""
    return replace(settings, seed=run.seed), Knobs(run.weight_decay, run.dropout)
