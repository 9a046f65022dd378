"""Dropout made visible: seeded masks, and a small ReLU network with hand-written backpropagation.

Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", JMLR 15
(2014), in the inverted form that every library uses: kept units are scaled up while training, by
1 / (1 - rate), so that nothing needs to change at test time.
"""

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


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A fully connected network; per gap between layers, weights (out, in) and biases (out,).

    Also the shape of its own gradient: the entry of a weight is the derivative by that weight.
    """

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]


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
    sizes = _checked_sizes(layer_sizes)
    n_hidden = len(sizes) - 2
    given = np.asarray(rates, dtype=np.float64)
    if given.ndim > 0 and given.shape != (n_hidden,):
        raise ValueError(
            f"rates must be one number, or one for each of the {n_hidden} hidden layers; "
            f"its shape is {given.shape}."
        )
    if not ((given >= 0) & (given < 1)).all():
        raise ValueError(f"a drop rate must be at least 0 and below 1, not {rates}.")
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


def init_network(layer_sizes: Sequence[int], rng: np.random.Generator) -> Network:
    """Normal weights of variance 2 / inputs (He et al., 2015, for ReLU) and zero biases.

    Raises ValueError for fewer than two layers or a layer without units.
    """
    sizes = _checked_sizes(layer_sizes)
    gaps = list(pairwise(sizes))
    streams = rng.spawn(len(gaps))
    return Network(
        tuple(
            stream.standard_normal((after, before)) * np.sqrt(2.0 / before)
            for (before, after), stream in zip(gaps, streams, strict=True)
        ),
        tuple(np.zeros(after) for after in sizes[1:]),
    )


def forward(
    network: Network, x: npt.ArrayLike, factors: Sequence[Array] | None = None
) -> tuple[Array, ...]:
    """The activations of every layer, `x` and the output included, as the next layer sees them.

    Hidden layers are ReLU times the dropout factors, the output is linear. `x` has shape
    (..., inputs). `factors` has one array per layer, as from `Masks.pass_factors`, of a shape
    that broadcasts with (..., units); those of input and output are not used. None drops nothing,
    as at test time.
    """
    activations = [np.asarray(x, dtype=np.float64)]
    last = len(network.weights)
    for layer, (weights, biases) in enumerate(zip(network.weights, network.biases, strict=True), 1):
        activation = activations[-1] @ weights.T + biases
        if layer < last:
            activation = np.maximum(activation, 0.0)
            if factors is not None:
                activation = activation * factors[layer]
        activations.append(activation)
    return tuple(activations)


def squared_error(output: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """The sum of (output - y)^2 over the outputs, averaged over the samples.

    Both have shape (..., outputs).
    """
    errors = np.asarray(output, dtype=np.float64) - np.asarray(y, dtype=np.float64)
    return float((errors**2).sum(axis=-1).mean())


def gradients(
    network: Network,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    factors: Sequence[Array] | None = None,
) -> Network:
    """The gradient of `squared_error` in one pass, by backpropagation.

    `x` is one sample, shape (inputs,), or a batch, shape (n, inputs); `y` has the same leading
    shape. For one sample, the weights into and out of a dropped unit and its bias get exactly 0.0.
    """
    activations = [np.atleast_2d(activation) for activation in forward(network, x, factors)]
    output = activations[-1]
    delta = 2.0 * (output - np.asarray(y, dtype=np.float64).reshape(output.shape)) / len(output)
    weights: list[Array] = []
    biases: list[Array] = []
    for layer in range(len(network.weights), 0, -1):
        weights.insert(0, delta.T @ activations[layer - 1])
        biases.insert(0, delta.sum(axis=0))
        # A dropped unit has activation 0 as a dead one has, so one test serves for ReLU and mask.
        delta = (delta @ network.weights[layer - 1]) * (activations[layer - 1] > 0)
        if layer > 1 and factors is not None:
            delta = delta * factors[layer - 1]
    return Network(tuple(weights), tuple(biases))


def _checked_sizes(layer_sizes: Sequence[int]) -> tuple[int, ...]:
    sizes = tuple(int(size) for size in layer_sizes)
    if len(sizes) < 2 or min(sizes) < 1:
        raise ValueError(
            "layer_sizes must name at least an input and an output layer, each of one unit or "
            f"more, not {sizes}."
        )
    return sizes
