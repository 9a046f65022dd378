"""Live training on a screen: slices of a run in a worker process, pulled while somebody watches.

The web process holds no torch and no training thread. A fragment ticks; each tick takes the last
slice, asks for the next one with the controls as they are now, and draws. A closed tab ticks no
more, and so its training ends.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from weakref import WeakSet

import streamlit as st

from sim.compute import Compute, RemoteRun, WorkerLost
from sim.recommender.records import Progress
from ui import stage
from ui.i18n import _

_log = logging.getLogger(__name__)
_runs: WeakSet[LiveRun] = WeakSet()
_FORGOTTEN = 6.0  # seconds without a tick after which a run counts as left


@cache
def compute() -> Compute:
    """The cluster of this process, started at the first call and ended with the process."""
    return Compute.start()


def warm_up() -> None:
    """Start the cluster in the background, so that the first run need not wait for torch."""
    compute()


@dataclass(eq=False)
class LiveRun:
    """One visitor's run. `new` says how to make the object in the worker: target and arguments."""

    new: tuple[Any, ...]
    playing: bool = True
    progress: Any = None
    points: list[Any] = field(default_factory=list)
    model: Any = None
    lost: bool = False
    _remote: RemoteRun | None = None
    _modelled_step: int = -1
    _ticked: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        if compute().state == "failed":  # its process died: a new run is the visitor's new try
            compute().restart()
        _runs.add(self)

    @property
    def ended(self) -> bool:
        """Whether the run came to its end, by whatever reason."""
        return self.progress is not None and self.progress.state != "running"

    @property
    def settled(self) -> bool:
        """Whether nothing more will come unless somebody presses something."""
        if self.lost:
            return True
        modelled = self.progress is None or self._modelled_step == self.progress.step
        busy = self._remote is not None and self._remote.busy
        return (not self.playing or self.ended) and modelled and not busy

    def tick(self, knobs: Any) -> None:
        """Take what has come, and ask for what is next. Never waits."""
        self._ticked = time.monotonic()
        try:
            if self._remote is None:
                if compute().state == "ready":
                    self._remote = compute().run(*self.new)
                return
            answer = self._remote.collect()
            if answer is not None:
                self._take(answer)
            if self.playing and not self.ended:
                self._remote.request(_slice(), knobs)
            elif self.progress is not None and self._modelled_step != self.progress.step:
                self._remote.request(method="best")
        except WorkerLost:
            _log.warning("The worker of a live run was lost")
            self.lost, self.playing, self._remote = True, False, None

    def close(self) -> None:
        """Give back what the run holds in the worker."""
        if self._remote is not None:
            self._remote.close()
        _runs.discard(self)

    def _take(self, answer: Any) -> None:
        if isinstance(answer, Progress):
            self.progress = answer
            self.points.extend(answer.points)
        else:
            self.model, self._modelled_step = answer, self.progress.step


def active() -> int:
    """How many runs train now, of all visitors."""
    now = time.monotonic()
    return sum(
        run.playing and not run.ended and now - run._ticked < _FORGOTTEN for run in list(_runs)
    )


def cadence() -> float:
    """Seconds between two ticks: the more runs there are, the rarer each looks."""
    runs = active()
    return 0.25 if runs <= 2 else 0.5 if runs < 5 else 1.0 if runs < 20 else 2.0


def _slice() -> float:
    # A little less than the runs' share of a tick, so that the slice is there when it is asked for.
    return max(0.05, 0.85 * cadence() / max(1, active()))


def watch(run: LiveRun | None, knobs: Callable[[], Any], draw: Callable[[], None]) -> None:
    """Tick and draw until the run settles; `knobs` reads the controls anew at every tick."""

    def frame() -> None:
        was_settled = run is None or run.settled
        if run is not None:
            run.tick(knobs())
        draw()
        if run is not None and run.settled and not was_settled:
            st.rerun()

    stage.part("answer", frame, run_every=None if run is None or run.settled else cadence())


def waiting_words() -> str:
    """What the cluster is doing while a run cannot start yet."""
    return {
        "starting": _("The training process is starting…"),
        "warming": _("The training process is loading PyTorch…"),
        "ready": _("Preparing the run…"),
    }.get(compute().state, _("The training process has stopped. Reset the weights to try again."))
