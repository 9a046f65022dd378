"""The web process' end of the cluster: start or join it, and know where it stands."""

import atexit
import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Literal

from sim.compute.memory import give_back
from sim.compute.operator import scheduler_address
from sim.compute.remote import RemoteRun, WorkerLost, distributed
from sim.compute.worker import warm

PATIENCE = 600.0
"""Seconds for a scheduler to answer, and for a worker to load torch.

Both stand back for everything else: where others keep all processors busy, it takes minutes.
"""
ANSWER = 30.0
"""Seconds for an operator's scheduler to answer: the address may be wrong."""
LISTEN = 2.0
"""Seconds between two looks at the workers' heartbeats, which come about twice a second."""

ComputeState = Literal["starting", "warming", "ready", "failed"]

_ROOT = Path(__file__).resolve().parents[2]
_log = logging.getLogger(__name__)


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
        self.n_workers = 1
        """How many workers there were when the cluster got ready."""
        self._heard = time.monotonic()
        self._ran_out: float | None = None
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

    def silence(self) -> float:
        """Seconds since the workers were last heard of, all of them.

        One that trains is heard of all the time, however long a step takes it; one that was halted,
        or whose machine sleeps, is not.
        """
        return time.monotonic() - self._heard

    def ran_out_of_memory_since(self, moment: float) -> bool:
        """Whether a worker was ended since then (of `time.monotonic`) for the memory it took."""
        return self._ran_out is not None and self._ran_out >= moment

    def run(self, target: str, *args: Any) -> "RemoteRun":
        """A new object in a worker: `target` is "module:Class", called there with `args`.

        Raises WorkerLost when there is no cluster at present.
        """
        client = self.client()
        if client is None:
            raise WorkerLost(self.message)
        return RemoteRun(client, target, args)

    def give_back(self) -> None:
        """Let the workers and the cluster's process return memory that nothing holds any more.

        Asks, and does not wait.
        """
        client, process = self.client(), self._process
        with contextlib.suppress(Exception):  # a cluster that dies just now has no memory left
            if client is not None:
                client.run(give_back, wait=False)
            if process is not None and process.stdin is not None:
                process.stdin.write("\n")
                process.stdin.flush()

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
        try:
            address = scheduler_address()
        except ValueError as error:
            self._fail(f"The compute cluster did not start: {error}", self._round)
            return
        if not address:
            self._process = _launch()
        # Imported here, not in the thread: a library that is loaded there while `threadpoolctl`
        # goes through those loaded waits for the loader, and that for the interpreter, for ever.
        distributed()
        self._thread = threading.Thread(
            target=self._connect, args=(address, self._process, self._round), daemon=True
        )
        self._thread.start()

    def _connect(self, address: str, process: "subprocess.Popen[str] | None", turn: int) -> None:
        client: Any = None
        try:
            security = None  # an operator's own is in Dask's configuration
            if process is not None and process.stdout is not None:
                answer = process.stdout.readline()
                if not answer:
                    raise RuntimeError("its process ended before it gave an address")
                address, security = _read(answer)
            dask = distributed()
            limit = ANSWER if process is None else PATIENCE
            logging.getLogger("distributed").setLevel(logging.WARNING)
            client = dask.Client(
                address,
                set_as_default=False,
                timeout=limit,
                name="regularization-lab",
                security=security,
            )
            if not self._advance("warming", "The worker is loading torch.", turn, client):
                _close_client(client)
                return
            client.submit(warm, pure=False).result(timeout=PATIENCE)
            self.n_workers = max(1, len(client.nthreads()))
            client.subscribe_topic("worker-restart-memory", self._note_memory)
            self._heard = time.monotonic()
            threading.Thread(target=self._listen, args=(client, turn), daemon=True).start()
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
            if turn != self._round:
                return
            self._state, self._message = "failed", message
        _log.error(message)

    def _note_memory(self, event: Any) -> None:
        _log.warning("A worker took more memory than it may, and was ended: %s", event[1])
        self._ran_out = time.monotonic()

    def _listen(self, client: Any, turn: int) -> None:
        """Note when the last worker to be heard of was heard of, while this round lasts."""
        before: dict[str, float] = {}
        while turn == self._round and client.status == "running":
            with contextlib.suppress(Exception):  # the scheduler is halted, or gone
                workers = client.scheduler_info()["workers"]
                seen = {address: worker["last_seen"] for address, worker in workers.items()}
                if seen and all(before.get(address) != last for address, last in seen.items()):
                    self._heard = time.monotonic()
                before = seen
            time.sleep(LISTEN)

    def _is_alive(self) -> bool:
        process, client = self._process, self._client
        if process is not None and process.poll() is not None:
            return False
        return client is not None and client.status == "running"


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


def _read(answer: str) -> tuple[str, Any]:
    """The address and the security that `python -m sim.compute` told."""
    told = json.loads(answer)
    security = distributed().Security(
        require_encryption=True,
        tls_ca_file=told["certificate"],
        tls_client_cert=told["certificate"],
        tls_client_key=told["key"],
    )
    return told["address"], security


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
