"""What patience would have done to a run that is already recorded."""

from collections.abc import Sequence
from dataclasses import dataclass

from sim.recommender.records import EpochRecord


@dataclass(frozen=True, slots=True)
class Stop:
    """Where a run ends under a patience, and what it keeps."""

    epoch: int
    """The last epoch trained."""
    best_epoch: int
    """The epoch whose weights are kept."""
    best_valid_loss: float
    """The validation loss of that epoch."""
    stopped: bool
    """Whether patience ended it; otherwise the records did."""


def stopping(history: Sequence[EpochRecord], patience: int | None) -> Stop | None:
    """Where early stopping with `patience` would have ended the run recorded in `history`.

    The rule is the one of `Trainer`: an epoch is a new best when its validation loss is strictly
    smaller than all before, and the run stops after `patience` epochs in a row without one. None
    where there is no epoch yet. Raises ValueError for a patience below 1.

    It says what a real run would have done, as patience never acts on the weights before it
    stops; where the run was stopped itself, only a smaller patience can be asked about.
    """
    if patience is not None and patience < 1:
        raise ValueError(f"patience is {patience}; it must be 1 or more, or None.")
    if not history:
        return None
    best = history[0]
    for record in history:
        if record.valid_loss < best.valid_loss:
            best = record
        if patience is not None and record.epoch - best.epoch >= patience:
            return Stop(record.epoch, best.epoch, best.valid_loss, stopped=True)
    return Stop(history[-1].epoch, best.epoch, best.valid_loss, stopped=False)
