"""Which units take part: seeded masks, the drop rate of each layer, and how many units are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Masks:
    """Which units take part, for every pass and every sample.

    `layer_sizes` is (inputs, hidden..., outputs); `rates` has the drop probability of each hidden
    layer; `keep` has one bool array per layer, shape (n_passes, n_samples, units). Input and
    output units are always kept.
    """

    layer_sizes: tuple[int, ...]
    rates: tuple[float, ...]
    keep: tuple[Mask, ...]

    def factors(self, layer: int) -> Array:
        """What the outputs of `layer` are multiplied with: 0 where dropped, else 1 / (1 - rate).

        Shape (n_passes, n_samples, units). The expected factor of every unit is 1.
        """
        rate = (0.0, *self.rates, 0.0)[layer]
        return self.keep[layer] / (1.0 - rate)

    def pass_factors(self, index: int) -> tuple[Array, ...]:
        """The factors of pass `index` for `forward`: per layer, shape (n_samples, units)."""
        return tuple(self.factors(layer)[index] for layer in range(len(self.keep)))


def sample_masks(
    layer_sizes: Sequence[int],
    rates: float | Sequence[float],
    n_samples: int,
    n_passes: int,
    rng: np.random.Generator,
) -> Masks:
    """Draw which units are kept, independently for each unit, sample and pass.

    `rates` is one drop probability for all hidden layers, or one per hidden layer; 0 <= rate < 1.
    Every layer and sample has its own child stream of `rng`, and a unit is kept when its uniform
    number is at least the rate. So, under one seed, a higher rate drops the same units and more,
    and more samples, passes or layers leave the masks of the first ones as they are.

    Raises ValueError for fewer than two layers, a count below 1, a rate outside [0, 1), or a
    number of rates other than the number of hidden layers.
    """
    sizes = checked_sizes(layer_sizes)
    n_hidden = len(sizes) - 2
    given = np.asarray(rates, dtype=np.float64)
    if given.ndim > 0 and given.shape != (n_hidden,):
        raise ValueError(
            f"rates must be one number, or one for each of the {n_hidden} hidden layers; "
            f"its shape is {given.shape}."
        )
    check_rate(rates)
    per_layer = tuple(np.broadcast_to(given, n_hidden).tolist())
    if n_samples < 1 or n_passes < 1:
        raise ValueError(
            f"n_samples and n_passes must be at least 1, not {n_samples} and {n_passes}."
        )

    def kept(units: int, rate: float, stream: np.random.Generator) -> Mask:
        uniforms = [child.random((n_passes, units)) for child in stream.spawn(n_samples)]
        return np.stack(uniforms, axis=1) >= rate

    inputs, outputs = (
        np.ones((n_passes, n_samples, units), dtype=np.bool_) for units in (sizes[0], sizes[-1])
    )
    hidden = map(kept, sizes[1:-1], per_layer, rng.spawn(n_hidden))
    return Masks(sizes, per_layer, (inputs, *hidden, outputs))


def participating_weights(masks: Masks) -> tuple[Mask, ...]:
    """Which weights take part: both units that they connect are kept.

    Per gap between layers, a bool array of shape (n_passes, n_samples, out, in), laid out like
    the weights of `Network`.
    """
    return tuple(
        after[..., :, None] & before[..., None, :] for before, after in pairwise(masks.keep)
    )


def rates_by_width(layer_sizes: Sequence[int], rate: float) -> tuple[float, ...]:
    """A drop rate for each hidden layer: `rate` for the widest, in proportion less for narrower.

    Few units, small p; many units, large p: a narrow layer has little to spare. Empty where there
    is no hidden layer. Raises ValueError as `sample_masks` does for sizes and rate.
    """
    sizes = checked_sizes(layer_sizes)
    check_rate(rate)
    hidden = sizes[1:-1]
    return tuple(rate * units / max(hidden) for units in hidden)


def kept_distribution(layer_sizes: Sequence[int], rates: Sequence[float]) -> Array:
    """The probability of 0, 1, ... hidden units kept in one pass of one sample.

    Each layer's count is binomial(units, 1 - rate); theirs together, shape (hidden units + 1,), is
    the distribution of the sum. `rates` has one drop probability for each hidden layer.
    """
    total = np.ones(1)
    for units, rate in zip(checked_sizes(layer_sizes)[1:-1], rates, strict=True):
        for _ in range(units):
            total = np.convolve(total, [rate, 1.0 - rate])
    return total


def check_rate(rate: npt.ArrayLike) -> None:
    """Raise ValueError unless every drop rate is at least 0 and below 1."""
    given = np.asarray(rate, dtype=np.float64)
    if not ((given >= 0) & (given < 1)).all():
        raise ValueError(f"a drop rate must be at least 0 and below 1, not {given.tolist()}.")


def checked_sizes(layer_sizes: Sequence[int]) -> tuple[int, ...]:
    """The sizes as ints; ValueError for fewer than two layers or a layer without units."""
    sizes = tuple(int(size) for size in layer_sizes)
    if len(sizes) < 2 or min(sizes) < 1:
        raise ValueError(
            "layer_sizes must name at least an input and an output layer, each of one unit or "
            f"more, not {sizes}."
        )
    return sizes
