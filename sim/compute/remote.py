"""One object that lives in a worker, asked without waiting."""

import asyncio
import contextlib
import importlib
import traceback
from collections import deque
from collections.abc import Callable
from concurrent import futures
from typing import Any, NoReturn

_GONE = "The worker that held the run is gone."
_SHORT = ("out of memory", "can't allocate memory")
"""What torch says where a device, or the machine, has too little memory."""


class WorkerLost(RuntimeError):  # noqa: N818 - says what happened
    """The worker that held a run is gone, and the run with it."""


class Hosted:
    """The actor: holds an object that the asking side need not be able to import.

    Dask hands the asking side the actor's class. Were that a class from a module with torch, the
    web process would import torch; so the object is made here, from its name, in the worker.
    """

    def __init__(self, target: str, args: tuple[Any, ...]) -> None:
        self._object: Any = None
        self._turned: tuple[Any, ...] = ()
        module, _, name = target.partition(":")
        self._object = self._told(getattr(importlib.import_module(module), name), args)

    def call(self, method: str, args: tuple[Any, ...]) -> Any:
        """What the object's `method` returns for `args`, the last of which are its knobs, if any.

        Knobs that were turned since the call was sent take the place of those it came with. Where
        memory runs out, the object is dropped, so that there is some for others at once.
        """
        if self._object is None:
            raise MemoryError("The object was dropped when memory ran out.")
        if args and self._turned:
            args = (*args[:-1], *self._turned)
        return self._told(getattr(self._object, method), args)

    def _told(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """What `function` returns. Raises torch's errors as Python's own.

        The asking side is not to import torch for an error. Memory that ran out, the device's too,
        is a MemoryError.
        """
        try:
            return function(*args)
        except (MemoryError, RuntimeError) as error:
            problem: Exception = error
            text = str(error)
            short = any(words in text.lower() for words in _SHORT)
            if short or isinstance(error, MemoryError):
                traceback.clear_frames(error.__traceback__)  # they hold what was too much
                self._object, problem = None, MemoryError(text)
            elif type(error).__module__.startswith("torch"):
                problem = RuntimeError(text)
        del function, args
        raise problem

    async def turn(self, knobs: Any) -> None:
        """Use `knobs` from now on: at once where the object has a `turn`, else in its next call.

        Dask runs a coroutine beside the call under way, not behind it.
        """
        self._turned = (knobs,)
        if hasattr(self._object, "turn"):
            self._object.turn(knobs)


class RemoteRun:
    """One object in a worker, with a few slices of its work in flight.

    Two slices asked for ahead keep the worker busy while the first one's answer is drawn.
    Returns at once from everything but `call`. When it is dropped or closed, the worker forgets
    the object. Raises WorkerLost once the worker is gone; then make a new one. Errors of the object
    are raised as they are; where the worker has too little memory for it, MemoryError.
    """

    def __init__(self, client: Any, target: str, args: tuple[Any, ...]) -> None:
        self._client = client
        with client.as_current():
            # retries=0: an object with a past cannot be made again by running its constructor
            self._future: Any = client.submit(Hosted, target, args, actor=True, pure=False)
        self._actor: Any = None
        self._fetching: futures.Future[Any] | None = None  # the way to it, once it stands
        self._pending: deque[Any] = deque()
        self._turning: Any = None
        self._lost = False  # once lost always lost, though the scheduler may hear of it later

    @property
    def ready(self) -> bool:
        """Whether the object stands. Raises what its constructor raised, or WorkerLost."""
        return self._hold() is not None

    @property
    def busy(self) -> bool:
        """Whether something is asked for and not yet collected."""
        return bool(self._pending)

    def request(self, *args: Any, method: str = "run_for", ahead: int = 1) -> bool:
        """Ask for `method(*args)` unless `ahead` requests are in flight or nothing stands yet.

        Returns whether it was asked for.
        """
        actor = self._hold()
        if actor is None or len(self._pending) >= ahead:
            return False
        self._pending.append(self._send(actor, "call", method, args))
        return True

    def turn(self, knobs: Any) -> bool:
        """Use `knobs` at once, also in what was requested with others and is still to come.

        Returns whether they were sent: not before the object stands, nor before the last ones have
        arrived (later ones could overtake them). From then on knobs are those turned to.
        """
        actor = self._hold()
        if actor is None or (self._turning is not None and not self._turning.done()):
            return False
        self._turning = self._send(actor, "turn", knobs)
        return True

    def collect(self) -> Any:
        """What was requested first, once it is there; until then None, at once."""
        if not self._pending or not self._pending[0].done():
            self._hold()
            return None
        return self._result(self._pending.popleft(), 10.0)

    def call(self, method: str, *args: Any, timeout: float = 10.0) -> Any:
        """`method(*args)`, waiting for it (behind a slice in flight) up to `timeout` seconds.

        Raises TimeoutError after that.
        """
        actor = self._hold()
        if actor is None and self._fetching is None:
            with self._client.as_current():
                distributed().wait([self._future], timeout=timeout)
            actor = self._hold()
        if actor is None and self._fetching is not None:
            futures.wait([self._fetching], timeout=timeout)
            actor = self._hold()
        if actor is None:
            raise TimeoutError("The object stands, but the way to it takes long.")
        return self._result(self._send(actor, "call", method, args), timeout)

    def close(self) -> None:
        """Let the worker forget the object, once a slice in flight has ended. May be repeated."""
        # Each call leaves a cycle that holds the actor, and so the object in the worker, until
        # some collection; therefore both handles are released by name.
        for future in (self._future, getattr(self._actor, "_future", None)):
            if future is not None:
                with contextlib.suppress(Exception):
                    future.release()
        if self._fetching is not None:
            self._fetching.cancel()
        self._pending.clear()
        self._fetching = None
        self._actor = self._future = None

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
            fetching = self._fetching = self._fetching or self._fetch()
            if not fetching.done():
                return None
            self._fetching = None
            try:
                self._actor = fetching.result()
            except TimeoutError:  # an OSError too, but a busy machine is slow, not lost
                return None
            except Exception as error:  # noqa: BLE001 - told apart in _raise
                self._raise(error)
        return self._actor

    def _fetch(self) -> futures.Future[Any]:
        """The actor, asked for and not waited for: its worker may have been halted just now."""
        with self._client.as_current():  # it binds to the client that it finds
            return asyncio.run_coroutine_threadsafe(
                self._client.gather(self._future, asynchronous=True),
                self._client.loop.asyncio_loop,
            )

    def _send(self, actor: Any, name: str, *args: Any) -> Any:
        try:
            with self._client.as_current():
                return getattr(actor, name)(*args)
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


def distributed() -> Any:
    # late, as it costs a second; and through importlib, as its functions carry no types
    return importlib.import_module("distributed")
