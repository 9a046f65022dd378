"""Live training on a screen: slices of a run in a worker process, pulled while somebody watches.

The web process holds no torch and no training thread. A fragment ticks; each tick takes the slices
that have come, asks for the next ones with the controls as they are now, and draws. A closed tab
ticks no more, and so its training ends.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal
from weakref import WeakSet

import streamlit as st

from sim.compute import Compute, RemoteRun, WorkerLost, scheduler_address, worker_memory
from ui import stage
from ui.i18n import _

LIMIT_VARIABLE = "REGULARIZATION_LAB_MAX_RUNS"
"""How many runs of all visitors train at once; the others wait in line."""

_AHEAD = 2  # slices asked for: while one is drawn the worker is at the other
_QUICKEST = 0.2  # seconds between two ticks
_GOLDEN = 0.618034  # whose multiples, without their whole parts, lie far apart from each other
_FORGOTTEN = 6.0  # seconds without a tick after which a run counts as left
_SILENT = 12.0  # seconds without a sign of life after which a screen says so
_KEEP_EVERY = 3.0  # seconds, at least, between two copies of the best model while it trains

_log = logging.getLogger(__name__)
_runs: WeakSet[LiveRun] = WeakSet()
_numbers = itertools.count()


@cache
def compute() -> Compute:
    """The cluster of this process, started at the first call and ended with the process."""
    return Compute.start()


def warm_up() -> None:
    """Start the cluster in the background, so that the first run need not wait for torch."""
    compute()


@cache
def limit() -> int:
    """How many runs may train at once: 30, or what the operator's environment says."""
    text = os.environ.get(LIMIT_VARIABLE, "").strip() or "30"
    if not (text.isascii() and text.isdecimal() and int(text) >= 1):
        raise ValueError(f"{LIMIT_VARIABLE} is {text!r}; it must be a whole number from 1.")
    return int(text)


def check_settings() -> None:
    """End the server, before it serves, with a sentence on what the operator's settings lack."""
    for setting in (limit, scheduler_address, worker_memory):
        try:
            setting()
        except ValueError as error:
            raise SystemExit(str(error)) from None


@dataclass(eq=False)
class LiveRun:
    """One visitor's run. `new` says how to make the object in the worker: target and arguments.

    The object has `run_for(seconds, knobs)` and `run_epoch(knobs)`, whose answers have a `state`
    ("running" until the end), a `step`, the new `points` and a `best_epoch`, and `best()`, the
    model to keep.
    """

    new: tuple[Any, ...]
    playing: bool = True
    progress: Any = None
    points: list[Any] = field(default_factory=list)
    model: Any = None
    """The best model that has reached this process: what a lost run can be taken up from."""
    lost: bool = False
    short_of_memory: Literal["", "run", "process"] = ""
    """What had too little memory, where that is why it was lost."""
    pace: float = _QUICKEST
    """Seconds between two ticks, as its screen was last drawn."""
    _remote: RemoteRun | None = None
    _asked: deque[Literal["slice", "model"]] = field(default_factory=deque)
    _one_epoch: bool = False
    _knobs: Any = None  # what the worker trains with, or is about to
    _modelled: tuple[Any, ...] | None = None  # the step and best epoch that `model` is of
    _asked_model_at: float = 0.0
    _model_took: float = 0.0
    _ticked: float = field(default_factory=time.monotonic)
    _began: float = field(default_factory=time.monotonic)
    _heard: float = field(default_factory=time.monotonic)  # or began to wait for an answer
    _number: int = field(default_factory=lambda: next(_numbers))

    def __post_init__(self) -> None:
        if compute().state == "failed":  # its process died: a new run is the visitor's new try
            compute().restart()
        _runs.add(self)

    @property
    def ended(self) -> bool:
        """Whether the run came to its end, by whatever reason."""
        return self.progress is not None and self.progress.state != "running"

    @property
    def wants_to_train(self) -> bool:
        """Whether somebody watches it and waits for its next slice."""
        here = time.monotonic() - self._ticked < _FORGOTTEN
        return here and not self.ended and not self.lost and (self.playing or self._one_epoch)

    @property
    def settled(self) -> bool:
        """Whether nothing more will come unless somebody presses something."""
        if self.lost:
            return True
        stands = not self.playing and not self._one_epoch
        return (stands or self.ended) and not self._asked and not self._wants_model()

    @property
    def silence(self) -> float:
        """Seconds for which it waits for an answer, and its worker gave no sign of life either.

        A step may take long, and so may an answer where many train; neither is silence.
        """
        if self._remote is None or not (self._asked or self.progress is None):
            return 0.0
        return min(time.monotonic() - self._heard, compute().silence())

    @property
    def place_in_line(self) -> int:
        """0 when it may train, else how many must stop before it may."""
        before = sum(run.wants_to_train and run._number < self._number for run in list(_runs))
        return max(0, before + 1 - limit())

    def play(self) -> None:
        """Go on, behind those who wait already."""
        self.playing, self._number = True, next(_numbers)

    def pause(self) -> None:
        """Stop after the slices that are on their way."""
        self.playing = False

    def one_epoch(self) -> None:
        """Train to the end of the present epoch, and pause."""
        self.playing, self._one_epoch = False, True

    def tick(self, knobs: Any) -> None:
        """Take what has come, and ask for what is next. Never waits."""
        self._ticked = time.monotonic()
        try:
            if self._remote is None:
                if compute().state == "ready" and not self.place_in_line:
                    self._remote, self._heard = compute().run(*self.new), self._ticked
                return
            while (answer := self._remote.collect()) is not None:
                self._take(answer)
            self._ask(self._remote, knobs)
        except (WorkerLost, MemoryError) as error:
            if isinstance(error, MemoryError):
                self.short_of_memory = "run"
            elif compute().ran_out_of_memory_since(self._began):
                self.short_of_memory = "process"
            _log.warning("A live run was lost: %s", error)
            self.close()
            self.lost, self.playing, self._remote = True, False, None

    def turn(self, knobs: Any) -> None:
        """Train with `knobs` from now on, in the slices under way, too. Never waits."""
        if self._remote is not None and self._knobs not in (None, knobs):
            with contextlib.suppress(WorkerLost):  # the next tick finds out, and says so
                if self._remote.turn(knobs):
                    self._knobs = knobs

    def close(self) -> None:
        """Give back what the run holds in the worker."""
        if self._remote is not None:
            self._remote.close()
        _runs.discard(self)

    def _ask(self, remote: RemoteRun, knobs: Any) -> None:
        self.turn(knobs)
        waited = bool(self._asked)
        if not self.ended and not self.place_in_line:
            if self._one_epoch:
                if remote.request(knobs, method="run_epoch"):
                    self._asked.append("slice")
                    self._one_epoch = False
            elif self.playing:
                while remote.request(seconds_of_a_slice(self.pace), knobs, ahead=_AHEAD):
                    self._asked.append("slice")
            if self._asked and self._knobs is None:
                self._knobs = knobs
        if self._wants_model() and remote.request(method="best", ahead=_AHEAD + 1):
            self._asked.append("model")
            self._asked_model_at = time.monotonic()
        if self._asked and not waited:
            self._heard = time.monotonic()

    def _wants_model(self) -> bool:
        if self.progress is None or "model" in self._asked or self._modelled == self._now():
            return False
        if self.ended or not self.playing:
            return not self._asked  # of the very last step
        if self.progress.best_epoch is None:
            return False  # nothing worth keeping yet
        pause = max(_KEEP_EVERY, 20 * self._model_took)  # a large model is copied more rarely
        is_new = self._modelled is None or self._modelled[1] != self.progress.best_epoch
        return is_new and time.monotonic() - self._asked_model_at > pause

    def _now(self) -> tuple[Any, ...]:
        return self.progress.step, self.progress.best_epoch

    def _take(self, answer: Any) -> None:
        self._heard = time.monotonic()
        if self._asked.popleft() == "slice":
            if not self.ended:  # slices asked for before the end was known bring nothing
                self.progress = answer
                self.points.extend(answer.points)
        else:
            self.model, self._modelled = answer, self._now()
            self._model_took = time.monotonic() - self._asked_model_at


def active() -> int:
    """How many runs train now, of all visitors."""
    return min(limit(), sum(run.wants_to_train for run in list(_runs)))


def cadence(joining: int = 0) -> float:
    """Seconds between two ticks: the more runs there are, the rarer each looks.

    With `joining`, what it would be with so many more.
    """
    runs = active() + joining
    return _QUICKEST if runs <= 2 else 0.5 if runs < 5 else 1.0 if runs < 20 else 2.0


def seconds_of_a_slice(pace: float) -> float:
    """How long a slice may take: those asked for keep the workers busy beyond the next tick."""
    return max(0.02, 0.8 * pace * min(1.0, compute().n_workers / max(1, active())))


def watch(run: LiveRun | None, knobs: Callable[[], Any], draw: Callable[[], None]) -> None:
    """Tick and draw until the run settles; `knobs` reads the controls anew at every tick."""
    pace = None
    if run is not None and not run.settled:
        pace = cadence()
        run.pace = _own(pace, run._number)

    def frame() -> None:
        if run is not None:
            run.tick(knobs())
        draw()
        if run is not None and not _suits(run, pace):
            st.rerun()  # a fragment keeps the pace it was made with

    if run is None or pace is None:
        stage.part("answer", frame)
    else:  # a knob that moves need not wait for the screen, which is drawn next
        stage.part("answer", frame, run_every=run.pace, moved=lambda: run.turn(knobs()))


def _own(pace: float, number: int) -> float:
    """`pace`, and with many runs a little less, for each `number` another.

    Those of a class that all press Start at one moment would else look at one moment for ever, and
    whoever moves a slider just then would wait for all of them.
    """
    return pace if pace <= _QUICKEST else pace * (0.85 + 0.15 * (number * _GOLDEN % 1))


def _suits(run: LiveRun, pace: float | None) -> bool:
    """Whether a screen may go on at its pace: slower at once, quicker only where that will last."""
    if pace is None or run.settled:
        return pace is None and run.settled
    return cadence() <= pace <= cadence(joining=1)


def silence_words(seconds: float) -> str:
    """What is said where the worker has given no sign of life for so long; nothing if not long."""
    if seconds < _SILENT:
        return ""
    return _(
        "No sign of life from the training process for {n} s; it goes on by itself once it is back."
    ).format(n=f"{seconds:.0f}")


def lost_words(run: LiveRun) -> str:
    """Why a run was lost."""
    return {
        "": _("The training process was lost. Reset the weights and start again."),
        "run": _(
            "This run needs more memory than there is. Reset the weights and start again with a "
            "smaller model or fewer ratings."
        ),
        "process": _(
            "The training process ran out of memory, and its runs were lost. Reset the weights and "
            "start again."
        ),
    }[run.short_of_memory]


def waiting_words(run: LiveRun) -> str:
    """What a run that has not begun waits for."""
    if silence := silence_words(run.silence):
        return silence
    if compute().state == "ready" and run.place_in_line:
        return _("Waiting in line: place {n}. Other visitors are training.").format(
            n=run.place_in_line
        )
    return {
        "starting": _("The training process is starting…"),
        "warming": _("The training process is loading PyTorch…"),
        "ready": _("Preparing the run…"),
    }.get(compute().state, _("The training process has stopped. Reset the weights to try again."))


def pace_words(run: LiveRun) -> str:
    """Why the curve moves rarely, or not at all, where it does not; else nothing."""
    if silence := silence_words(run.silence):
        return silence
    if run.pace <= _QUICKEST:
        return ""
    return _("{n} runs share this machine: a look every {seconds} s").format(
        n=active(), seconds=f"{run.pace:.2g}"
    )
