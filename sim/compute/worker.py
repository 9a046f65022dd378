"""What a worker does when it starts: stand back for the screens, load torch, keep to its memory."""

import contextlib
import gc
import os
import sys
from pathlib import Path
from typing import Any

NICENESS = 15
GUARD = 0.9
"""The share of its memory limit up to which a worker is given memory.

Beyond it whoever asks for more gets a MemoryError and the others train on; at the limit itself,
which what is shared with other processes can still reach, Dask ends the worker and all its runs.
"""


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


def dask_setup(worker: Any) -> None:
    """Dask's hook for a starting worker (`--preload sim.compute`): be polite, be warm, be bounded.

    Training takes every core it finds; a low priority keeps the screens quick. Here, and not in
    a task, because a worker that Dask starts again after a crash passes here as well.
    """
    if hasattr(os, "nice"):  # not on Windows
        os.nice(NICENESS)
    warm()
    # What is imported stays for good: frozen, it is not looked through when garbage is collected.
    gc.collect()
    gc.freeze()
    with contextlib.suppress(OSError):  # where the machine has no memory left: not the web process
        Path("/proc/self/oom_score_adj").write_text("800", encoding="ascii")
    if limit := worker.memory_manager.memory_limit:
        refuse_beyond(int(GUARD * limit))


def refuse_beyond(limit: int) -> None:
    """Let this process grow to `limit` bytes in memory and no further, on Linux.

    What it has reserved and not used (torch does so, and CUDA all the more) does not count.
    """
    if sys.platform != "linux":
        return
    import resource

    import psutil

    held = psutil.Process().memory_info()
    most = held.data + max(0, limit - held.rss)
    resource.setrlimit(resource.RLIMIT_DATA, (most, resource.getrlimit(resource.RLIMIT_DATA)[1]))
