"""The values of ratings: numbers as they are written, and those that say "not rated"."""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LARGEST = 1e6  # far beyond any scale of ratings; its square is still well within float32
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.ASCII | re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+", re.ASCII)
_NINES = re.compile(r"-?9{2,}(\.0*)?")
_FEWEST = 3  # other values that it takes to call them a scale
_LEAST_TOP = 4  # of a scale: 0 to 3, or -1 to 1, may be one in itself


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


@dataclass(frozen=True, slots=True)
class Apart:
    """A value that stands apart from the scale of the others, and how often it is given."""

    value: float
    count: int
    not_rated: bool
    """Whether it is taken for "not rated"."""


def apart(values: NDArray[np.float64], counts: NDArray[np.int64]) -> tuple[Apart, ...]:
    """Those of `values`, the different ones in rising order, that stand apart from the others.

    `counts` says how often each is given. A value stands apart where it is
    - far from all others, and not between zero and them (99 on a scale from -10 to 10);
    - the only one below zero, and whole (-1 before 1 to 10);
    - zero, and much more frequent than the low ones among the others (0 before 1 to 10).
    It is taken for "not rated" where it is written in nines, -1, or such a zero; else it may be a
    slip or a rarely used end of the scale, and is only to be asked about.
    """
    found: list[Apart] = []
    while len(values) > _FEWEST:
        for end, others in ((0, slice(1, None)), (-1, slice(-1))):
            not_rated = _not_rated(
                float(values[end]), int(counts[end]), values[others], counts[others]
            )
            if not_rated is not None:
                found.append(Apart(float(values[end]), int(counts[end]), not_rated))
                values, counts = values[others], counts[others]
                break
        else:
            break
    return tuple(found)


def _not_rated(
    value: float, count: int, others: NDArray[np.float64], counts: NDArray[np.int64]
) -> bool | None:
    """Whether an end of the values is taken for "not rated"; None where it does not stand apart."""
    low, high = float(others[0]), float(others[-1])
    gap = value - high if value > high else low - value if value <= 0 else 0.0
    far = gap > 2 * (high - low)
    nines = _NINES.fullmatch(f"{value:.10g}") is not None
    if value < 0 <= low and value == int(value) and high >= _LEAST_TOP:
        return value == -1 or (far and nines)
    if value == 0 < low and _is_implicit(count, others, counts):
        return True
    return nines if far else None


def _is_implicit(zeros: int, others: NDArray[np.float64], counts: NDArray[np.int64]) -> bool:
    """Whether zeros are so frequent, and the low values beside them so rare, that they are no end
    of a scale: such a scale would thin out towards its end, or be fullest there."""
    top, total = float(others[-1]), int(counts.sum())
    low = int(counts[others <= max(float(others[0]), top / 5)].sum())
    return top >= _LEAST_TOP and 4 * zeros >= total and zeros >= 5 * low and 3 * low < total
