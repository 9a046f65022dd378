"""What the operator of a lab may set by environment variables, and what is wrong with it."""

import os
import re
from urllib.parse import urlsplit

SCHEDULER_VARIABLE = "REGULARIZATION_LAB_SCHEDULER"
"""The address of the operator's own scheduler; without it the lab starts a cluster itself."""
MEMORY_VARIABLE = "REGULARIZATION_LAB_WORKER_MEMORY"
"""The memory that the local worker may take: a size, or a share of what there is."""

_SCHEMES = ("tcp", "tls", "ws", "wss")
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kMGT]i?B)")


def scheduler_address() -> str:
    """The address in REGULARIZATION_LAB_SCHEDULER, "" without one. ValueError if it is none."""
    text = os.environ.get(SCHEDULER_VARIABLE, "").strip()
    if text:
        parts = urlsplit(text if "://" in text else f"tcp://{text}")
        try:
            good = parts.scheme in _SCHEMES and parts.hostname and parts.port
        except ValueError:  # a port that is no number, or too large
            good = False
        if not good:
            raise ValueError(
                f"{SCHEDULER_VARIABLE} is {text!r}; it must be the address of a Dask scheduler, "
                "such as tls://192.0.2.7:8786."
            )
    return text


def worker_memory() -> str:
    """The memory limit of the local worker, as Dask reads it. ValueError if it is none.

    By default 0.6 of what the machine, or the container, has: the web process needs some, too.
    """
    text = os.environ.get(MEMORY_VARIABLE, "").strip() or "0.6"
    try:
        good = 0 < float(text) <= 1
    except ValueError:
        size = _SIZE.fullmatch(text)
        good = size is not None and float(size[1]) > 0
    if not good:
        raise ValueError(
            f"{MEMORY_VARIABLE} is {text!r}; it must be a size such as 8GiB, "
            "or a share of the machine's memory such as 0.5."
        )
    return text
