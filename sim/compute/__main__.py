"""`python -m sim.compute`: the local cluster, which ends with the process that started it.

It makes its certificates itself and hands them, with its address, to that process alone: as one
line of JSON through the pipe that is its standard output.
"""

import contextlib
import importlib
import json
import logging
import multiprocessing
import os
import sys
import tempfile
import threading
from pathlib import Path
from typing import TextIO

from sim.compute.memory import give_back
from sim.compute.operator import worker_memory
from sim.compute.remote import distributed
from sim.compute.worker import NICENESS

UNSPILT = {
    "distributed.worker.memory.target": False,  # no visitor's ratings on a disk
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,  # a run that stood still would not be told why
    "distributed.worker.memory.terminate": 1.0,
    # a worker that loads PyTorch on a busy machine is slow, not lost: see _keep in `nodes`
    "distributed.deploy.lost-worker-timeout": "1h",
}
"""Dask's configuration: at its limit of memory a worker ends, and nothing happens before."""


def _serve() -> None:
    """Run the local cluster until standard input ends, as it does when the parent is gone."""
    _stand_back()
    # workers inherit the standard output; only the answer may go through it, as nobody reads on
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    with tempfile.TemporaryDirectory(prefix="regularization-lab-") as scratch:  # for nobody else
        importlib.import_module("dask").config.set({**UNSPILT, "temporary-directory": scratch})
        _run(answer)


def _run(answer: TextIO) -> None:
    nodes = importlib.import_module("sim.compute.nodes")  # late: it imports Dask
    security = distributed().Security.temporary()
    cluster = nodes.local_cluster(security, worker_memory(), logging.CRITICAL)
    told = {
        "address": cluster.scheduler_address,
        "certificate": security.tls_client_cert,
        "key": security.tls_client_key,
    }
    print(json.dumps(told), file=answer, flush=True)
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
