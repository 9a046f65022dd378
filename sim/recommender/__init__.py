"""The recommender: ratings of movies, and models of them trained with regularization.

A web process may import this package and its modules but for five: `networks`,
`autograd_networks`, `optimizers`, `engine` and `training` import torch. What trains, `fit`, `Fit`,
`Trainer` and `choose_device`, is loaded from :mod:`sim.recommender.training` at its first use
(PEP 562).
"""

from typing import TYPE_CHECKING, Any

from sim.recommender.early_stopping import Stop, stopping
from sim.recommender.ensemble import Ensemble
from sim.recommender.model import MatrixFactorization, RatingModel
from sim.recommender.neural import AttentionModel, NeuMF, NeuralCF
from sim.recommender.ranking import Ranking
from sim.recommender.ratings import Ratings, movielens, read_ratings, split
from sim.recommender.records import Change, EpochRecord, Knobs, Point, Progress, Settings

if TYPE_CHECKING:
    from sim.recommender.training import Fit, Trainer, choose_device, fit

__all__ = [
    "AttentionModel",
    "Change",
    "Ensemble",
    "EpochRecord",
    "Fit",
    "Knobs",
    "MatrixFactorization",
    "NeuMF",
    "NeuralCF",
    "Point",
    "Progress",
    "Ranking",
    "RatingModel",
    "Ratings",
    "Settings",
    "Stop",
    "Trainer",
    "choose_device",
    "fit",
    "movielens",
    "read_ratings",
    "split",
    "stopping",
]

_NEEDS_TORCH = frozenset({"Fit", "Trainer", "choose_device", "fit"})


def __getattr__(name: str) -> Any:
    """Load what needs torch at its first use; AttributeError for any other name."""
    if name in _NEEDS_TORCH:
        from sim.recommender import training

        return getattr(training, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
