"""Waiting for a state: tests ask whether something comes, not how soon."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

LIMIT = 600.0
"""Seconds after which what has not come will not come: a busy machine is slow, not wrong.

One for all tests. Training stands back for everything else on a machine, so where others keep all
its processors busy, PyTorch alone takes minutes to load.
"""


def nap() -> None:
    """A moment in which others can work."""
    time.sleep(0.02)


def until(state: Callable[[], T], between: Callable[[], object] = nap) -> T:
    """What `state` gives, once that is true. It is asked again and again, after `between`."""
    end = time.monotonic() + LIMIT
    while not (found := state()):
        assert time.monotonic() < end, "waited in vain"
        between()
    return found


def awaited(coroutine: Coroutine[Any, Any, T]) -> T:
    """What `coroutine` gives. It runs in a thread of its own: a browser's loop may be in this."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, coroutine).result()
