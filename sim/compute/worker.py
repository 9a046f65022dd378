"""What a worker does when it starts: stand back for the screens, and load torch."""

import gc
import os

NICENESS = 15


def warm() -> None:
    """Import what a first run would wait for: torch, and torch's optimisers (some seconds)."""
    import numpy as np

    from sim.recommender.ratings import Ratings
    from sim.recommender.records import Knobs, Settings
    from sim.recommender.training import Trainer

    zero, one = np.zeros(1, np.int64), np.ones(1, np.float32)
    ratings = Ratings(zero, zero, one, ("",), ((),), ("0",), ("0",))
    Trainer(ratings, ratings, Settings(n_factors=1, epochs=1)).run_for(0.0, Knobs())
    import sim.dropout.training  # noqa: F401


def dask_setup(_worker: object) -> None:
    """Dask's hook for a starting worker (`--preload sim.compute`): be polite, be warm.

    Training takes every core it finds; a low priority keeps the screens quick. Here, and not in
    a task, because a worker that Dask starts again after a crash passes here as well.
    """
    if hasattr(os, "nice"):  # not on Windows
        os.nice(NICENESS)
    warm()
    # What is imported stays for good: frozen, it is not looked through when garbage is collected.
    gc.collect()
    gc.freeze()
