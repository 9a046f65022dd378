"""A small network with hand-written backpropagation, whose hidden units may be dropped.

Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", JMLR 15
(2014), in the inverted form that every library uses: kept units are scaled up while training, by
1 / (1 - rate), so that nothing needs to change at test time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from sim.dropout.masks import Array, checked_sizes

Activation = Literal["relu", "tanh"]


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A fully connected network; per gap between layers, weights (out, in) and biases (out,).

    Also the shape of its own gradient: the entry of a weight is the derivative by that weight.
    """

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]


def init_network(layer_sizes: Sequence[int], rng: np.random.Generator) -> Network:
    """Normal weights of variance 2 / inputs (He et al., 2015, for ReLU) and zero biases.

    Raises ValueError for fewer than two layers or a layer without units.
    """
    sizes = checked_sizes(layer_sizes)
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
    network: Network,
    x: npt.ArrayLike,
    factors: Sequence[Array] | None = None,
    activation: Activation = "relu",
) -> tuple[Array, ...]:
    """The activations of every layer, `x` and the output included, as the next layer sees them.

    Hidden layers are ReLU (or tanh) times the dropout factors, the output is linear. `x` has shape
    (..., inputs). `factors` has one array per layer, as from `Masks.pass_factors`, of a shape
    that broadcasts with (..., units); those of input and output are not used. None drops nothing,
    as at test time.
    """
    activations = [np.asarray(x, dtype=np.float64)]
    last = len(network.weights)
    for layer, (weights, biases) in enumerate(zip(network.weights, network.biases, strict=True), 1):
        signal = activations[-1] @ weights.T + biases
        if layer < last:
            signal = np.maximum(signal, 0.0) if activation == "relu" else np.tanh(signal)
            if factors is not None:
                signal = signal * factors[layer]
        activations.append(signal)
    return tuple(activations)


def backward(
    network: Network,
    activations: Sequence[Array],
    error: Array,
    factors: Sequence[Array] | None = None,
    activation: Activation = "relu",
) -> tuple[Array, ...]:
    """The derivative of the loss by what enters each unit, for every layer after the input.

    `activations` come from `forward` with the same factors and activation; `error` is the
    derivative by the output, shape (..., outputs). A dropped unit gets exactly 0.0.
    """
    deltas = [error]
    for layer in range(len(network.weights) - 1, 0, -1):
        factor = 1.0 if factors is None else factors[layer]
        delta = deltas[0] @ network.weights[layer]
        if activation == "relu":
            # A dropped unit has activation 0 as a dead one has: one test serves ReLU and mask.
            delta = delta * (activations[layer] > 0) * factor
        else:  # (1 - tanh²)·factor, where the activation is tanh·factor
            delta = delta * (factor - activations[layer] ** 2 / (factor + (factor == 0.0)))
        deltas.insert(0, delta)
    return tuple(deltas)


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
    activation: Activation = "relu",
) -> Network:
    """The gradient of `squared_error` in one pass, by backpropagation.

    `x` is one sample, shape (inputs,), or a batch, shape (n, inputs); `y` has the same leading
    shape. For one sample, the weights into and out of a dropped unit and its bias get exactly 0.0.
    """
    signals = [np.atleast_2d(signal) for signal in forward(network, x, factors, activation)]
    output = signals[-1]
    error = 2.0 * (output - np.asarray(y, dtype=np.float64).reshape(output.shape)) / len(output)
    return from_deltas(signals, backward(network, signals, error, factors, activation))


def from_deltas(activations: Sequence[Array], deltas: Sequence[Array]) -> Network:
    """The gradient that a batch's activations and deltas make, summed over its samples."""
    return Network(
        tuple(delta.T @ before for before, delta in zip(activations, deltas, strict=False)),
        tuple(delta.sum(axis=0) for delta in deltas),
    )
