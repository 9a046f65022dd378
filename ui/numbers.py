"""Numbers in words: the same few characters in read-outs, sentences and descriptions."""

from __future__ import annotations

import math


def number(value: float) -> str:
    """A figure in few characters: three significant digits, thousands in full, then powers."""
    if value == 0:
        return "0"
    if math.isinf(value):
        return "∞"
    size = abs(value)
    if size >= 1e6 or 0 < size < 1e-4:
        return power(value)
    return f"{value:,.0f}" if size >= 1000 else f"{value:#.3g}".rstrip(".")


def power(value: float) -> str:
    """A figure of which the size matters, in little room: 3.6e-7."""
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"
