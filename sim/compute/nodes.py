"""The local cluster, made so that nobody but its owner can reach it, and so that it keeps a worker.

Dask's scheduler and workers each serve HTTP beside their encrypted port, to whoever asks. These do
not. Imported in the cluster's processes only, as it imports Dask.
"""

from typing import Any

from distributed import Nanny, Scheduler, SpecCluster, Status, Worker
from distributed.security import Security
from tornado.ioloop import PeriodicCallback

KEEP = 1.0
"""Seconds between two looks whether there is a worker."""


class _WithoutHttp:
    def start_http_server(self, *_args: Any, **_options: Any) -> None:
        """Listen to nobody: neither metrics nor a dashboard."""


class LocalScheduler(_WithoutHttp, Scheduler):
    """A scheduler that speaks TLS and nothing else."""


class LocalWorker(_WithoutHttp, Worker):
    """A worker that speaks TLS and nothing else."""


def local_cluster(security: Security, memory_limit: str, log_level: int) -> SpecCluster:
    """A scheduler in this process and one worker in its own, on 127.0.0.1, for those with the key.

    `memory_limit` is the worker's, as Dask writes it: "8GiB", or "0.6" for a share of what the
    machine, or the container, has. Beyond it the worker is ended and another one started.
    """
    common = {"host": "127.0.0.1", "protocol": "tls://", "security": security, "dashboard": False}
    worker = {
        **common,
        "worker_class": LocalWorker,
        "nthreads": 1,
        "memory_limit": memory_limit,
        "preload": ["sim.compute"],
        "silence_logs": log_level,
    }
    cluster = SpecCluster(
        scheduler={"cls": LocalScheduler, "options": common},
        worker={"cls": Nanny, "options": worker},
        security=security,
        silence_logs=log_level,
    )
    cluster.scale(1)
    keeping = PeriodicCallback(lambda: _keep(cluster), 1000 * KEEP)
    assert cluster.loop is not None
    cluster.loop.add_callback(keeping.start)
    return cluster


def _keep(cluster: SpecCluster) -> None:
    """Start another worker where the nanny of the last one gave up, which Dask leaves so.

    On a very busy machine a new worker may not get through to the scheduler in time.
    """
    if cluster.status != Status.running:
        return
    gone = (Status.closed, Status.failed)
    for name in [name for name, nanny in cluster.workers.items() if nanny.status in gone]:
        del cluster.workers[name]
    if set(cluster.worker_spec) - set(cluster.workers):
        cluster.scale(1)
