"""Memory that nothing holds any more goes back to the system, in whichever process this runs."""

import ctypes
import gc
import sys


def give_back() -> None:
    """Collect garbage; then let the C library return what it keeps for later, where it can.

    Freed memory stays with glibc, and cycles with Python until some later collection: after a
    large upload or run that is hundreds of megabytes. Takes milliseconds where the imports are
    frozen (`gc.freeze`), and the pages of memory are given back without the interpreter's lock.
    """
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's, not musl's
        if trim is not None:
            trim(0)
