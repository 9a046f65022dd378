"""What nobody has watched for a while is let go, and its memory goes back to the system.

Streamlit forgets the session of a closed page when another one ends, and frees it at some later
collection of garbage: on a quiet server never. So a session is ended here, with its runs in the
worker and its files; then the garbage is collected, which takes milliseconds, as all imports are
made and frozen before the first visitor comes.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import logging
import pkgutil
import time
from collections.abc import AsyncIterator, Callable

import threadpoolctl

from sim.compute import give_back, keep_large_apart
from sim.compute.remote import distributed
from ui import live, returning, sessions, visits

_log = logging.getLogger(__name__)

UNUSED = 60.0
"""Seconds after which a file that was sent, and that no page shows, is dropped."""
_ROUNDS = 3  # of giving back memory after an end: the worker forgets a run in its own time


class Sweeper:
    """Ends what has been left for `kept` seconds, if `sweep` is called every `every` seconds.

    A session is ended before Streamlit, which counts to `kept` itself, would lose sight of it.
    """

    def __init__(self, kept: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.every = min(10.0, kept / 6)
        self._patience = kept - 2 * self.every
        self._clock = clock
        self._known: set[str] = set()
        self._left: dict[str, float] = {}
        self._unused: dict[tuple[str, str], float] = {}
        self._rounds = 0

    def sweep(self) -> bool:
        """Whether something is gone of late, and memory may be given back."""
        now, known = self._clock(), set(sessions.known())
        self._left = {s: self._left.get(s, now) for s in known if not sessions.has_page(s)}
        over = {s for s, since in self._left.items() if now - since >= self._patience}
        for session in over:
            end(session)
        if over or self._drop_files(now) or self._known - known:
            self._rounds = _ROUNDS
        self._known = known - over
        returning.forget(self._known.__contains__)
        self._rounds -= 1
        return self._rounds >= 0

    def _drop_files(self, now: float) -> bool:
        unused = {
            (session, file)
            for session, file in sessions.files()
            if file not in {getattr(v, "file_id", None) for v in sessions.state(session).values()}
        }
        self._unused = {key: self._unused.get(key, now) for key in unused}
        over = [key for key, since in self._unused.items() if now - since >= UNUSED]
        for key in over:
            sessions.drop(*key)
        return bool(over)


def end(session: str) -> None:
    """End a session, and close what it has in the worker."""
    visits.close(visits.luggage(sessions.state(session)).values())
    sessions.end(session)


@contextlib.asynccontextmanager
async def lifespan(_app: object) -> AsyncIterator[None]:
    """The life of the server, for `st.App`: imports first, then sweeps for as long as it lasts."""
    sessions.attach(asyncio.get_running_loop())
    await asyncio.to_thread(prepare)
    sweeping = asyncio.create_task(_sweep(Sweeper(sessions.seconds_kept())))
    try:
        yield
    finally:
        sweeping.cancel()


def prepare() -> None:
    """Import what the screens need, and freeze it while there is nothing of a visitor's yet.

    What is frozen is not looked through for garbage, which would stop all visitors for a tenth of a
    second each time; and it is never collected, so no session may be among it.
    """
    import ui

    keep_large_apart()
    for module in pkgutil.walk_packages(ui.__path__, "ui."):
        importlib.import_module(module.name)
    quieten()
    distributed()
    live.warm_up()
    gc.collect()
    gc.freeze()


def quieten() -> None:
    """Let the linear algebra stay in the thread that asks for it.

    Waking another takes milliseconds on a busy machine, a factorisation of our sizes microseconds.
    Only before the first visitor, and nowhere else: this walks through the loaded libraries, which
    holds the loader's lock and wants the interpreter's. An import of one, in another thread, has
    the latter and wants the former, and both would wait for ever.
    """
    threadpoolctl.threadpool_limits(1, user_api="blas")


async def _sweep(sweeper: Sweeper) -> None:
    while True:
        await asyncio.sleep(sweeper.every)
        try:
            if sweeper.sweep():
                live.compute().give_back()
                await asyncio.to_thread(give_back)
        except Exception:  # noqa: BLE001 (the next round may fare better)
            _log.exception("Sweeping failed")
