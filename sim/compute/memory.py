"""Memory that nothing holds any more goes back to the system, in whichever process this runs."""

import ctypes
import gc
import sys
from typing import Any

_MMAP_THRESHOLD = -3  # of <malloc.h>


def give_back() -> None:
    """Collect garbage; then let the C library return what it keeps for later, where it can.

    Freed memory stays with glibc and Arrow, and cycles with Python until some later collection:
    after a large upload or run that is hundreds of megabytes. Takes milliseconds where the imports
    are frozen (`gc.freeze`), and memory pages are given back without the interpreter's lock.
    """
    gc.collect()
    if arrow := sys.modules.get("pyarrow"):  # pandas keeps text there
        arrow.default_memory_pool().release_unused()
    if trim := _of_glibc("malloc_trim"):
        trim(0)


def keep_large_apart() -> None:
    """From now on a large array has pages of its own, which the system gets back with it.

    glibc does so by itself, up to a size that it raises to that of the largest array freed so far:
    after one large upload, the holes of others stay with the process.
    """
    if option := _of_glibc("mallopt"):
        option(_MMAP_THRESHOLD, 1 << 20)


def _of_glibc(name: str) -> Any:
    """A function of glibc; None where the C library is another."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
