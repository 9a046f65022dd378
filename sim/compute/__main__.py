"""`python -m sim.compute`: the local cluster, which ends with the process that started it."""

import contextlib
import logging
import multiprocessing
import os
import sys
import threading
from pathlib import Path

from sim.compute.memory import give_back
from sim.compute.remote import distributed
from sim.compute.worker import NICENESS


def _serve() -> None:
    """Run the local cluster until standard input ends, as it does when the parent is gone."""
    _stand_back()
    # workers inherit the standard output; only the address may go through it, as nobody reads on
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    cluster = distributed().LocalCluster(
        n_workers=0,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        scheduler_kwargs={"dashboard": False},
        memory_limit=0,
        preload=["sim.compute"],
        silence_logs=logging.CRITICAL,
    )
    cluster.scale(1)
    print(cluster.scheduler_address, file=answer, flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        while sys.stdin.readline():  # a line: some visitor's data are gone
            give_back()
    # a worker that is busy, or still loading torch, would make this wait for seconds
    hurry = threading.Timer(1.0, _kill_children)
    hurry.start()
    cluster.close()
    hurry.cancel()


def _stand_back() -> None:
    """Let the web process go first on Linux, which may share out the processors by sessions.

    The niceness of a worker then counts within its session only, and the session has one of its
    own. Nothing is done in a session of somebody else, such as a terminal's.
    """
    if hasattr(os, "getsid") and os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(NICENESS), encoding="ascii")


def _kill_children() -> None:
    for child in multiprocessing.active_children():
        child.kill()


if __name__ == "__main__":
    _serve()
