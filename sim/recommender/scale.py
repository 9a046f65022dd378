"""The scale of some ratings: what axes, controls and numbers on a screen go by, whatever the data.

Nothing of it is a constant of the bundled ratings: everything follows from the ratings themselves.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.recommender.ratings import Ratings, as_written, distinct

_MOST_BARS = 20
_MOST_STEPS = 100  # of a scale that a number is chosen from
_LONGEST = 6  # digits before or after the point, beyond which a number is written with a power


@dataclass(frozen=True, slots=True)
class Scale:
    """The ratings' own range and step, and two losses that need no training."""

    low: float
    """The smallest rating."""
    high: float
    """The largest rating."""
    step: float
    """The smallest difference between two ratings."""
    mean_loss: float
    """Mean squared error, on the validation ratings, of the mean of the training ratings."""
    start_loss: float
    """That of the middle of the predictions' range, where every untrained model stands: the larger
    one of the training and the validation ratings."""

    @property
    def stars(self) -> bool:
        """Whether the ratings are one to five stars (halves and zero may be among them)."""
        return self.high == 5 and 0 <= self.low <= 1 and self.step in (0.5, 1)

    @property
    def by_stars(self) -> bool:
        """Whether a rating is given in stars: where they are such, and where a number says little,
        as it goes below zero or is no step of a scale."""
        return self.stars or self.low < 0 or self.high - self.low > _MOST_STEPS * self.step

    @property
    def five(self) -> tuple[float, ...]:
        """The ratings that one to five stars give: these, or evenly from the lowest to the highest.

        The ends are among the ratings, so that five stars are the best and one star is the worst
        that the data know, whatever the numbers are.
        """
        if self.stars:
            return 1.0, 2.0, 3.0, 4.0, 5.0
        span = self.high - self.low
        return self.low, *(self.low + span * i / 4 for i in (1, 2, 3)), self.high

    def stars_of(self, rating: float) -> int:
        """The number of stars, from 1 to 5, that are nearest to a rating."""
        return 1 + min(range(5), key=lambda i: abs(self.five[i] - rating))

    @property
    def rating_decimals(self) -> int:
        """Decimals of a predicted rating: a thousandth of the span or so, as 3.52 of 1 to 5."""
        return max(0, 3 - math.ceil(math.log10(self.high - self.low)))

    def rating(self, value: float) -> str:
        """A rating, or a mean of some, as text."""
        return f"{value:.{self.rating_decimals}f}"

    def loss(self, value: float, digits: int = 4) -> str:
        """A loss as text, with so many `digits` where it is as large as the mean predictor's."""
        decimals = digits - 1 - self._size
        if decimals > _LONGEST or value >= 10**_LONGEST:
            return f"{value:.{digits - 1}e}"
        return f"{value:,.{max(0, decimals)}f}"

    def rounded(self, loss: float, digits: int = 5) -> float:
        """A loss for a table, rounded to so many `digits` of the mean predictor's."""
        return round(loss, digits - 1 - self._size)

    @property
    def _size(self) -> int:
        return math.floor(math.log10(self.mean_loss)) if self.mean_loss > 0 else 0

    def top(self, most: float = 0.0) -> float:
        """The end of an axis of losses from 0 that has room for every loss up to `most`.

        It is the start of an untrained model (or the mean predictor's loss), rounded up to two
        digits, for all but a run that blows up; then it doubles until all is inside. So it hardly
        ever changes during a run.
        """
        top = _rounded_up(1.02 * max(self.start_loss, self.mean_loss, 1e-30))
        while math.isfinite(most) and top < most:
            top *= 2
        return top


def scale_of(train: Ratings, valid: Ratings, rating_range: tuple[float, float]) -> Scale:
    """The scale of the ratings in `train` and `valid`, for predictions within `rating_range`.

    Raises ValueError where all ratings are equal.
    """
    parts = [part.rating.astype(np.float64) for part in (train, valid)]
    values = shown(distinct(np.concatenate(parts)))
    if len(values) < 2:
        raise ValueError("All ratings are equal; a scale needs at least two different ones.")
    middle = sum(rating_range) / 2
    return Scale(
        float(values[0]),
        float(values[-1]),
        float(f"{np.diff(values).min():.6g}"),
        float(np.square(parts[1] - parts[0].mean()).mean()),
        max(float(np.square(part - middle).mean()) for part in parts),
    )


def shown(values: ArrayLike) -> NDArray[np.float64]:
    """The different numbers among `values` as they were written: 3.7, not float32's 3.70000005."""
    return distinct(as_written(values))


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a histogram: the ratings from `low` on, and below `high` where that is another."""

    low: float
    high: float
    count: int

    @property
    def label(self) -> str:
        """The rating, or the interval, as text."""
        return f"{self.low:g}" if self.low == self.high else f"{self.low:g}…{self.high:g}"


def histogram(rating: ArrayLike) -> tuple[Bar, ...]:
    """How often each rating was given; of more than 20 different ones, in intervals of one width.

    An interval's ends are round numbers; it holds its lower end and not its upper one.
    """
    values, counts = np.unique(np.asarray(rating), return_counts=True)
    if len(values) <= _MOST_BARS:
        return tuple(
            Bar(float(v), float(v), int(n)) for v, n in zip(as_written(values), counts, strict=True)
        )
    numbers = as_written(values)
    low, high = float(numbers[0]), float(numbers[-1])
    width = _round_step((high - low) / _MOST_BARS)
    first = math.floor(low / width + 1e-9)
    place = np.floor(numbers / width + 1e-9).astype(int) - first
    totals = np.bincount(place, weights=counts)
    ends = [float(f"{(first + i) * width:.10g}") for i in range(len(totals) + 1)]
    return tuple(
        Bar(ends[i], ends[i + 1], int(total)) for i, total in enumerate(totals.astype(int))
    )


def _round_step(least: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is at least `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return float(next(m * power for m in (1, 2, 5, 10) if m * power >= least * (1 - 1e-9)))


def _rounded_up(value: float) -> float:
    """`value` rounded up to two significant digits."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return float(f"{math.ceil(value / unit - 1e-9) * unit:.6g}")
