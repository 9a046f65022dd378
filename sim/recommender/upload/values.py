"""The values of ratings: numbers as they are written, and those that say "not rated"."""

import re
from collections.abc import Mapping

LARGEST = 1e6  # far beyond any scale of ratings; its square is still well within float32
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.ASCII | re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+", re.ASCII)
_NINES = re.compile(r"-?9{2,}(\.0*)?")
_FEWEST = 3  # other values that it takes to call them a scale


def number(text: str, decimal: str = ".", largest: float = LARGEST) -> float | None:
    """The number that `text` is, at most `largest`, or None; with the decimal "," both are read."""
    plain = text.replace(",", ".") if decimal == "," else text
    if not _NUMBER.fullmatch(plain):
        return None
    value = float(plain)
    return value if abs(value) <= largest else None


def decimal_comma(text: str) -> bool:
    """Whether `text` is a number written with a decimal comma."""
    return _DECIMAL_COMMA.fullmatch(text) is not None


def apart(counts: Mapping[float, int]) -> tuple[tuple[float, bool], ...]:
    """The values that stand apart from the scale of the others, and which of them say "not rated".

    `counts` says how often each value is given. A value stands apart where it is
    - farther from all others than these are from each other (99 on a scale from -10 to 10);
    - the only one below zero, and whole (-1 before 1 to 10);
    - zero, and much more frequent than the low ones among the others (0 before 1 to 10).
    It is taken for "not rated" where it is written in nines, -1, or such a zero; else it may be a
    slip or a rarely used end of the scale, and is only to be asked about.
    """
    left = dict(counts)
    found: list[tuple[float, bool]] = []
    while len(left) > _FEWEST:
        for value in (min(left), max(left)):
            others = {other: n for other, n in left.items() if other != value}
            stands, unrated = _apart(value, left[value], others)
            if stands:
                found.append((value, unrated))
                left = others
                break
        else:
            break
    return tuple(found)


def _apart(value: float, count: int, others: Mapping[float, int]) -> tuple[bool, bool]:
    low, high = min(others), max(others)
    gap = max(low - value, value - high)
    far = gap > high - low
    nines = _NINES.fullmatch(f"{value:.10g}") is not None
    if value < 0 <= low and value == int(value) and high >= 4:
        return True, value == -1 or (far and nines)
    if value == 0 < low and _is_implicit(count, others):
        return True, True
    return far, far and nines


def _is_implicit(zeros: int, others: Mapping[float, int]) -> bool:
    """Whether zeros are so frequent, and the low values beside them so rare, that they are no ends
    of a scale: such a scale would thin out towards its end, or be fullest there."""
    top, total = max(others), sum(others.values())
    near = max(min(others), top / 5)
    low = sum(n for value, n in others.items() if value <= near)
    return top >= 4 and 5 * zeros >= zeros + total and zeros >= 5 * low and 3 * low < total
