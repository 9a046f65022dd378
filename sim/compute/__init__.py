"""The cluster that trains: a process of its own, in whose worker torch and the device live.

`Compute` is the web process' end of it. It starts `python -m sim.compute` (a Dask cluster on
this machine, which ends with its parent), or joins the cluster whose scheduler's address the
operator puts into the environment variable REGULARIZATION_LAB_SCHEDULER. `RemoteRun` is one
object living in a worker, asked without waiting. Dask is imported when it is needed, not before:
that costs a second, which the first screen should not wait for. torch is imported in workers only.

An operator's workers must be able to import `sim`; start them with
`dask worker ADDRESS --nthreads 1 --preload sim.compute`, one per GPU. Dask's own protection
(TLS) is the operator's choice; the local cluster listens on 127.0.0.1 only.
"""

from sim.compute.cluster import SCHEDULER_VARIABLE, Compute, ComputeState
from sim.compute.memory import give_back
from sim.compute.remote import Hosted, RemoteRun, WorkerLost
from sim.compute.worker import dask_setup, warm

__all__ = [
    "SCHEDULER_VARIABLE",
    "Compute",
    "ComputeState",
    "Hosted",
    "RemoteRun",
    "WorkerLost",
    "dask_setup",
    "give_back",
    "warm",
]
