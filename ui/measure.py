"""A measurement in a worker process, one question after another, looked at while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sim.compute import RemoteRun, WorkerLost
from ui import live
from ui.i18n import _


@dataclass(eq=False)
class Measurement:
    """Asks an object in a worker `method(*question)` for each of the questions, in turn."""

    target: str
    method: str
    questions: Sequence[tuple[Any, ...]]
    answers: list[Any] = field(default_factory=list)
    lost: bool = False
    _remote: RemoteRun | None = None

    def __post_init__(self) -> None:
        if live.compute().state == "failed":  # a new measurement is the visitor's new try
            live.compute().restart()

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.lost or len(self.answers) == len(self.questions)

    def tick(self) -> None:
        """Take an answer that has come, and ask the next question. Never waits."""
        if self.ended:
            return
        try:
            if self._remote is None:
                if live.compute().state == "failed":
                    self.lost = True
                elif live.compute().state == "ready":
                    self._remote = live.compute().run(self.target)
                return
            answer = self._remote.collect()
            if answer is not None:
                self.answers.append(answer)
            if self.ended:
                self._remote.close()
            else:
                self._remote.request(*self.questions[len(self.answers)], method=self.method)
        except WorkerLost:
            self.lost, self._remote = True, None

    @property
    def waiting(self) -> str | None:
        """What it waits for before it can ask anything; None once it can."""
        if self._remote is not None:
            return None
        return {
            "starting": _("The training process is starting…"),
            "warming": _("The training process is loading PyTorch…"),
        }.get(live.compute().state, _("Preparing the run…"))
