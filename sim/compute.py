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

import atexit
import contextlib
import gc
import importlib
import logging
import multiprocessing
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Literal, NoReturn

SCHEDULER_VARIABLE = "REGULARIZATION_LAB_SCHEDULER"
ComputeState = Literal["starting", "warming", "ready", "failed"]

_ROOT = Path(__file__).resolve().parents[1]
_NICENESS = 15
_GONE = "The worker that held the run is gone."


class WorkerLost(RuntimeError):  # noqa: N818 - says what happened
    """The worker that held a run is gone, and the run with it."""


class Hosted:
    """The actor: holds an object that the asking side need not be able to import.

    Dask hands the asking side the actor's class. Were that a class from a module with torch, the
    web process would import torch; so the object is made here, from its name, in the worker.
    """

    def __init__(self, target: str, args: tuple[Any, ...]) -> None:
        module, _, name = target.partition(":")
        self._object = getattr(importlib.import_module(module), name)(*args)

    def call(self, method: str, args: tuple[Any, ...]) -> Any:
        """What the object's `method` returns for `args`."""
        return getattr(self._object, method)(*args)


def warm() -> None:
    """Import what a first run would wait for: torch, and torch's optimisers (some seconds)."""
    import numpy as np

    from sim.recommender.ratings import Ratings
    from sim.recommender.records import Knobs, Settings
    from sim.recommender.training import Trainer

    zero, one = np.zeros(1, np.int64), np.ones(1, np.float32)
    ratings = Ratings(zero, zero, one, ("",), ((),), ("0",), ("0",))
    Trainer(ratings, ratings, Settings(n_factors=1, epochs=1)).run_for(0.0, Knobs())


def dask_setup(_worker: object) -> None:
    """Dask's hook for a starting worker (`--preload sim.compute`): be polite, be warm.

    Training takes every core it finds; a low priority keeps the screens quick. Here, and not in
    a task, because a worker that Dask starts again after a crash passes here as well.
    """
    if hasattr(os, "nice"):  # not on Windows
        os.nice(_NICENESS)
    warm()


class Compute:
    """The web process' hold on the cluster. Make it once per process, with `Compute.start()`.

    Nothing here waits except `wait`, `close` and `restart`: look at `state`, and show `message`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._state: ComputeState = "starting"
        self._message = "The compute cluster is starting."
        self._process: subprocess.Popen[str] | None = None
        self._client: Any = None
        self._thread: threading.Thread | None = None
        self._round = 0  # counts restarts, so that a late thread of an old one changes nothing

    @classmethod
    def start(cls) -> "Compute":
        """Begin to start or to join a cluster, and return at once."""
        compute = cls()
        atexit.register(compute.close)
        compute._begin()
        return compute

    @property
    def state(self) -> ComputeState:
        """Where the cluster stands; "warming" means that its worker is loading torch.

        Looked up anew each time, so a cluster that died shows as "failed" (then `restart`), and
        an operator's that came back as "ready".
        """
        return "failed" if self._state == "ready" and not self._is_alive() else self._state

    @property
    def message(self) -> str:
        """One English sentence about the state, for a log or a fallback on the screen."""
        if self._state == "ready" and not self._is_alive():
            return "The compute cluster has stopped."
        return self._message

    def client(self) -> Any:
        """The Dask client (`distributed.Client`) when ready, else None."""
        return self._client if self.state == "ready" else None

    def wait(self, timeout: float) -> ComputeState:
        """Wait up to `timeout` seconds for "ready" or "failed", and return the state."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout)
        return self.state

    def run(self, target: str, *args: Any) -> "RemoteRun":
        """A new object in a worker: `target` is "module:Class", called there with `args`.

        Raises WorkerLost when there is no cluster at present.
        """
        client = self.client()
        if client is None:
            raise WorkerLost(self.message)
        return RemoteRun(client, target, args)

    def restart(self) -> None:
        """Drop the cluster, dead or alive, and begin to start another; return soon."""
        self.close()
        self._state, self._message = "starting", "The compute cluster is starting again."
        self._begin()

    def close(self) -> None:
        """End the cluster's process if it is ours, else leave the operator's. May be repeated."""
        with self._lock:
            self._round += 1
            client, process = self._client, self._process
            self._client = self._process = None
            self._state, self._message = "failed", "The compute cluster is closed."
        if client is not None:
            _close_client(client)
        if process is not None:
            _end(process)

    def _begin(self) -> None:
        address = os.environ.get(SCHEDULER_VARIABLE, "").strip()
        if not address:
            self._process = _launch()
        self._thread = threading.Thread(
            target=self._connect, args=(address, self._process, self._round), daemon=True
        )
        self._thread.start()

    def _connect(self, address: str, process: "subprocess.Popen[str] | None", turn: int) -> None:
        client: Any = None
        try:
            if process is not None and process.stdout is not None:
                address = process.stdout.readline().strip()
                if not address:
                    raise RuntimeError("its process ended before it gave an address")
            distributed = _distributed()
            logging.getLogger("distributed").setLevel(logging.WARNING)
            client = distributed.Client(
                address, set_as_default=False, timeout=30, name="regularization-lab"
            )
            # Streamlit runs a full collection after every run of a script. What was imported here
            # stays for good: frozen, it is not looked through each time (hundreds of ms).
            gc.collect()
            gc.freeze()
            if not self._advance("warming", "The worker is loading torch.", turn, client):
                _close_client(client)
                return
            client.submit(warm, pure=False).result(timeout=300)
            self._advance("ready", "The compute cluster is ready.", turn, client)
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the page must say so
            self._fail(f"The compute cluster did not start: {error or type(error).__name__}.", turn)

    def _advance(self, state: ComputeState, message: str, turn: int, client: Any) -> bool:
        with self._lock:
            if turn != self._round:
                return False
            self._state, self._message, self._client = state, message, client
            return True

    def _fail(self, message: str, turn: int) -> None:
        with self._lock:
            if turn == self._round:
                self._state, self._message = "failed", message

    def _is_alive(self) -> bool:
        process, client = self._process, self._client
        if process is not None and process.poll() is not None:
            return False
        return client is not None and client.status == "running"


class RemoteRun:
    """One object in a worker, with at most one slice of its work in flight.

    Returns at once from everything but `call`. When it is dropped or closed, the worker forgets
    the object. Raises WorkerLost once the worker is gone; then make a new one.
    """

    def __init__(self, client: Any, target: str, args: tuple[Any, ...]) -> None:
        self._client = client
        with client.as_current():
            # retries=0: an object with a past cannot be made again by running its constructor
            self._future: Any = client.submit(Hosted, target, args, actor=True, pure=False)
        self._actor: Any = None
        self._pending: Any = None
        self._lost = False  # once lost always lost, though the scheduler may hear of it later

    @property
    def ready(self) -> bool:
        """Whether the object stands. Raises what its constructor raised, or WorkerLost."""
        return self._hold() is not None

    @property
    def busy(self) -> bool:
        """Whether a slice is asked for and not yet collected."""
        return self._pending is not None

    def request(self, *args: Any, method: str = "run_for") -> bool:
        """Ask for `method(*args)` unless something is in flight or the object does not stand yet.

        Returns whether it was asked for.
        """
        actor = self._hold()
        if actor is None or self._pending is not None:
            return False
        self._pending = self._send(actor, method, args)
        return True

    def collect(self) -> Any:
        """What was requested, once it is there; until then None, at once."""
        if self._pending is None:
            self._hold()
            return None
        if not self._pending.done():
            self._hold()
            return None
        pending, self._pending = self._pending, None
        return self._result(pending, 10.0)

    def call(self, method: str, *args: Any, timeout: float = 10.0) -> Any:
        """`method(*args)`, waiting for it (behind a slice in flight) up to `timeout` seconds.

        Raises TimeoutError after that.
        """
        actor = self._hold()
        if actor is None:
            with self._client.as_current():
                _distributed().wait([self._future], timeout=timeout)
            actor = self._hold()
        return self._result(self._send(actor, method, args), timeout)

    def close(self) -> None:
        """Let the worker forget the object, once a slice in flight has ended. May be repeated."""
        # Each call leaves a cycle that holds the actor, and so the object in the worker, until
        # some collection; therefore both handles are released by name.
        for future in (self._future, getattr(self._actor, "_future", None)):
            if future is not None:
                with contextlib.suppress(Exception):
                    future.release()
        self._pending = self._actor = self._future = None

    def __del__(self) -> None:
        if hasattr(self, "_actor"):  # else the constructor failed
            self.close()

    def _hold(self) -> Any:
        """The actor, or None while it is being made."""
        if self._lost:
            raise WorkerLost(_GONE)
        if self._future is None:
            raise WorkerLost("The run was closed.")
        status = self._future.status
        if status == "error" and self._actor is None:
            self._raise(self._future.exception(timeout=10))
        if status not in ("pending", "finished"):
            self._lost = True
            raise WorkerLost(_GONE)
        if self._actor is None and status == "finished":
            try:
                with self._client.as_current():  # the actor binds to the client it finds
                    self._actor = self._future.result(timeout=10)
            except Exception as error:  # noqa: BLE001 - told apart in _raise
                self._raise(error)
        return self._actor

    def _send(self, actor: Any, method: str, args: tuple[Any, ...]) -> Any:
        try:
            with self._client.as_current():
                return actor.call(method, args)
        except RuntimeError as error:
            self._raise(error)

    def _result(self, pending: Any, timeout: float) -> Any:
        try:
            return pending.result(timeout=timeout)
        except TimeoutError:  # an OSError too, but the worker may well live
            raise
        except Exception as error:  # noqa: BLE001 - told apart in _raise
            self._raise(error)

    def _raise(self, error: BaseException) -> NoReturn:
        """Raise WorkerLost if that is what `error` means, else `error` itself."""
        from distributed import CancelledError
        from distributed.scheduler import KilledWorker

        lost = isinstance(error, (OSError, CancelledError, KilledWorker))
        # what the scheduler, and an actor's proxy, say when an actor's worker is gone
        if lost or (isinstance(error, RuntimeError) and "Worker holding Actor was" in str(error)):
            self._lost = True
            raise WorkerLost(_GONE) from error
        raise error


def _distributed() -> Any:
    # late, as it costs a second; and through importlib, as its functions carry no types
    return importlib.import_module("distributed")


def _launch() -> "subprocess.Popen[str]":
    inherited = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([str(_ROOT), inherited] if inherited else [str(_ROOT)])
    return subprocess.Popen(
        [sys.executable, "-m", "sim.compute"],
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # away from the terminal's Ctrl-C: it is the closing of its input that ends it
        start_new_session=True,
    )


def _end(process: "subprocess.Popen[str]") -> None:
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()  # its workers notice that it is gone, and follow
        process.wait()
    if process.stdout is not None:  # only now: a thread may still be reading in it
        process.stdout.close()


def _close_client(client: Any) -> None:
    with contextlib.suppress(Exception):
        client.close(timeout=2)


def _serve() -> None:
    """Run the local cluster until standard input ends, as it does when the parent is gone."""
    # workers inherit the standard output; only the address may go through it, as nobody reads on
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    cluster = _distributed().LocalCluster(
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
        while sys.stdin.readline():
            pass
    # a worker that is busy, or still loading torch, would make this wait for seconds
    hurry = threading.Timer(1.0, _kill_children)
    hurry.start()
    cluster.close()
    hurry.cancel()


def _kill_children() -> None:
    for child in multiprocessing.active_children():
        child.kill()


if __name__ == "__main__":
    _serve()
