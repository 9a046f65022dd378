"""A measurement in a worker process, slice by slice, looked at while it runs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sim.compute import RemoteRun, WorkerLost
from ui import live
from ui.i18n import _

AHEAD = 3
"""Slices asked for at a time: enough to keep the worker busy from one look to the next."""
SLICE = 0.15
"""Seconds of a slice: what a live run of another visitor may have to wait for."""


@dataclass(eq=False)
class Measurement:
    """Some questions to an object in a worker, `target(questions)`, which answers them in turn.

    It works in slices, so that others' live runs go on beside it: `run_for(seconds)` gives the
    answers that have come.
    """

    target: str
    questions: Sequence[tuple[Any, ...]]
    answers: list[Any] = field(default_factory=list)
    lost: bool = False
    _remote: RemoteRun | None = None
    _heard: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        if live.compute().state == "failed":  # a new measurement is the visitor's new try
            live.compute().restart()

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.lost or len(self.answers) == len(self.questions)

    def tick(self) -> None:
        """Take the answers that have come, and ask for the next slices. Never waits."""
        if self.ended:
            return
        try:
            if self._remote is None:
                if live.compute().state == "failed":
                    self.lost = True
                elif live.compute().state == "ready":
                    self._remote = live.compute().run(self.target, tuple(self.questions))
                    self._heard = time.monotonic()
                return
            while (answers := self._remote.collect()) is not None:
                self.answers.extend(answers)
                self._heard = time.monotonic()
            if self.ended:
                self._remote.close()
            else:
                while self._remote.request(SLICE, ahead=AHEAD):
                    pass
        except (WorkerLost, MemoryError):
            self.lost, self._remote = True, None

    @property
    def waiting(self) -> str | None:
        """What it waits for before it can go on; None where it goes on."""
        if self._remote is not None:
            silence = min(time.monotonic() - self._heard, live.compute().silence())
            return live.silence_words(silence) or None
        return {
            "starting": _("The training process is starting…"),
            "warming": _("The training process is loading PyTorch…"),
        }.get(live.compute().state, _("Preparing the run…"))
