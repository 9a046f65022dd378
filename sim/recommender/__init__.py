"""The recommender: ratings of movies, and matrix factorisation with regularization.

A web process may import this package, :mod:`sim.recommender.ratings`,
:mod:`sim.recommender.model` and :mod:`sim.recommender.records`: none of them imports torch.
What trains needs torch; `fit`, `Fit`, `Trainer` and `choose_device` are loaded from
:mod:`sim.recommender.training` at their first use (PEP 562).
"""

from typing import TYPE_CHECKING, Any

from sim.recommender.model import MatrixFactorization
from sim.recommender.ratings import Ratings, movielens, read_ratings, split
from sim.recommender.records import Change, EpochRecord, Knobs, Point, Progress, Settings

if TYPE_CHECKING:
    from sim.recommender.training import Fit, Trainer, choose_device, fit

__all__ = [
    "Change",
    "EpochRecord",
    "Fit",
    "Knobs",
    "MatrixFactorization",
    "Point",
    "Progress",
    "Ratings",
    "Settings",
    "Trainer",
    "choose_device",
    "fit",
    "movielens",
    "read_ratings",
    "split",
]

_NEEDS_TORCH = frozenset({"Fit", "Trainer", "choose_device", "fit"})


def __getattr__(name: str) -> Any:
    """Load what needs torch at its first use; AttributeError for any other name."""
    if name in _NEEDS_TORCH:
        from sim.recommender import training

        return getattr(training, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
