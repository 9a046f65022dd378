"""A grid trained on a cluster, one run per worker at once: `Sweep`, and all of `grid` with it."""

import contextlib
import importlib
from collections import Counter
from collections.abc import Iterable
from typing import Any

from sim.compute import WorkerLost
from sim.recommender.grid import (
    Cell,
    CellResult,
    RunRecord,
    Summary,
    arguments_of,
    best,
    cells,
    result_of,
    runs_of,
    summary,
    train_cell,
    train_cells,
    train_run,
)
from sim.recommender.ratings import Ratings
from sim.recommender.records import Knobs, Settings

__all__ = [
    "Cell",
    "CellResult",
    "Summary",
    "Sweep",
    "best",
    "cells",
    "summary",
    "train_cell",
    "train_cells",
]

_PRIORITY = -10  # behind whatever a visitor waits for
_RETRIES = 2


class Sweep:
    """A grid on its way through a Dask cluster (`distributed.Client`), one run per worker at once.

    `poll` it now and then: that collects and hands out the next runs, and returns soon. Whoever
    stops polling has stopped the sweep, and dropping it frees the workers. A run whose worker
    dies is trained again on another one. Runs stand back for visitors: their tasks have a low
    priority and leave the worker's only thread free, so a live run starts beside them at once.
    """

    def __init__(
        self, client: Any, train: Ratings, valid: Ratings, settings: Settings, grid: Iterable[Cell]
    ) -> None:
        self._client, self._settings = client, settings
        runs = runs_of(grid)
        self._members = runs
        self._waiting = list(runs)
        self._running: dict[Cell, tuple[Any, str]] = {}  # a run's future and its worker
        self._results: list[CellResult] = []
        self._total = sum(map(len, runs.values()))
        # Sent once, as a task: what a task gave is made again when the worker that held it dies,
        # what was scattered is not.
        self._data: Any = client.submit(
            _pair, train, valid, pure=False, retries=_RETRIES, priority=_PRIORITY
        )

    @property
    def results(self) -> tuple[CellResult, ...]:
        """All results so far, in the order in which they came."""
        return tuple(self._results)

    @property
    def total(self) -> int:
        """The number of cells."""
        return self._total

    @property
    def n_runs(self) -> int:
        """The number of trainings: cells that differ in their patience alone share one."""
        return len(self._members)

    @property
    def progress(self) -> float:
        """The share of the cells that have their result, from 0 to 1."""
        return len(self._results) / self._total if self._total else 1.0

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to come: all is done, or it was cancelled."""
        return not (self._waiting or self._running)

    def poll(self) -> tuple[CellResult, ...]:
        """The results since the last call, at once; and the next runs go to idle workers.

        Raises WorkerLost when the cluster is gone.
        """
        if self.ended:
            return ()
        if self._client.status != "running":
            self.cancel()
            raise WorkerLost("The cluster that held the sweep is gone.")
        fresh: list[CellResult] = []
        for run in list(self._running):
            fresh += self._collect(run)
        self._results += fresh
        try:
            self._hand_out()
        except OSError as error:  # Dask's own errors of communication are among them
            self.cancel()
            raise WorkerLost("The cluster that held the sweep is gone.") from error
        if self.ended:
            self.cancel()
        return tuple(fresh)

    def cancel(self) -> None:
        """Drop what is not done, and let the workers forget all of it. May be repeated."""
        futures = [self._data, *(future for future, _ in self._running.values())]
        self._waiting, self._running, self._data = [], {}, None
        for future in futures:
            if future is not None:
                with contextlib.suppress(Exception):
                    future.release()

    close = cancel  # as a run is closed

    def __del__(self) -> None:
        if hasattr(self, "_data"):  # else the constructor failed
            self.cancel()

    def _collect(self, run: Cell) -> list[CellResult]:
        future, _ = self._running[run]
        status = future.status
        if status in ("pending", "lost"):  # lost: it was done, its worker died; it is made again
            return []
        if status == "finished":
            try:
                record = future.result(timeout=2)
            except TimeoutError:  # its worker died just now; the run is being trained again
                return []
            epochs = self._settings.epochs
            found = [result_of(record, cell, epochs) for cell in self._members[run]]
        elif status == "error":
            reason = str(future.exception(timeout=2))
            members = self._members[run]
            found = [CellResult(c, "failed", None, None, 0, 0.0, reason) for c in members]
        else:
            self.cancel()
            raise WorkerLost("The cluster that held the sweep was restarted.")
        del self._running[run]
        return found

    def _hand_out(self) -> None:
        if not self._waiting:
            return
        load = Counter(dict.fromkeys(self._client.nthreads(), 0))
        load.update(place for _, place in self._running.values() if place in load)
        for address in sorted(load, key=load.__getitem__):
            if load[address] or not self._waiting:
                break
            run = self._waiting.pop(0)
            future = self._client.submit(
                _train_in_worker,
                self._data,
                *arguments_of(self._settings, run),
                pure=False,
                retries=_RETRIES,
                priority=_PRIORITY,
                workers=[address],  # the scheduler takes a worker that trains so for an idle one
                allow_other_workers=True,
            )
            self._running[run] = future, address


def _pair(train: Ratings, valid: Ratings) -> tuple[Ratings, Ratings]:
    return train, valid


def _train_in_worker(parts: tuple[Ratings, Ratings], settings: Settings, knobs: Knobs) -> RunRecord:
    distributed = importlib.import_module("distributed")  # its functions carry no types
    worker = distributed.get_worker()
    key = worker.get_current_task()

    def wanted() -> bool:
        task = worker.state.tasks.get(key)
        return task is not None and task.state != "cancelled"

    distributed.secede()  # from here on, the worker's thread is free for others
    return train_run(*parts, settings, knobs, wanted)
