"""The cluster that trains: a process of its own, in whose worker torch and the device live.

`Compute` is the web process' end of it. It starts `python -m sim.compute` (a Dask cluster on
this machine, which ends with its parent), or joins the cluster whose scheduler's address the
operator puts into the environment variable REGULARIZATION_LAB_SCHEDULER. `RemoteRun` is one
object living in a worker, asked without waiting. Dask is imported when it is needed, not before:
that costs a second, which the first screen should not wait for. torch is imported in workers only.

An operator's workers must be able to import `sim`; start them with
`dask worker ADDRESS --nthreads 1 --preload sim.compute`, one per GPU. Dask's own protection
(TLS) is the operator's choice there, by Dask's configuration (`distributed.comm.tls`). The local
cluster listens on 127.0.0.1 only, and every port of it demands a certificate that it made at its
start and gave to its parent alone.
"""

from sim.compute.cluster import Compute, ComputeState
from sim.compute.memory import give_back, keep_large_apart
from sim.compute.operator import (
    MEMORY_VARIABLE,
    SCHEDULER_VARIABLE,
    scheduler_address,
    worker_memory,
)
from sim.compute.remote import Hosted, RemoteRun, WorkerLost
from sim.compute.worker import dask_setup, warm

__all__ = [
    "MEMORY_VARIABLE",
    "SCHEDULER_VARIABLE",
    "Compute",
    "ComputeState",
    "Hosted",
    "RemoteRun",
    "WorkerLost",
    "dask_setup",
    "give_back",
    "keep_large_apart",
    "scheduler_address",
    "warm",
    "worker_memory",
]
