"""Training passes on the record: what ran forward, what ran back, which weights were updated."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.dropout.masks import Array, Mask, Masks
from sim.dropout.network import Network, backward, forward, from_deltas

MAX_STEP = 1.0
"""The longest gradient that is followed in full; a longer one is cut to this length."""


@dataclass(frozen=True, slots=True, eq=False)
class Passes:
    """The record of some training passes over one batch.

    Shapes per layer: `activations` (n_passes, n_samples, units) from the input on, `deltas` the
    same for every layer after the input: the derivative of the loss by what enters a unit.
    `updated` has, per gap between layers, (n_passes, out, in): whether the pass moved that weight.
    `losses` has each pass's squared error before its step; `network` is what the passes made.
    """

    activations: tuple[Array, ...]
    deltas: tuple[Array, ...]
    updated: tuple[Mask, ...]
    losses: Array
    network: Network


def train_passes(
    network: Network,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    masks: Masks,
    learning_rate: float = 0.05,
) -> Passes:
    """Train `network` (tanh units) on one batch, one gradient step for every pass of `masks`.

    `x` has shape (n_samples, inputs), `y` (n_samples, outputs). Every sample has its own mask, and
    a weight moves when at least one sample gave it a gradient. A gradient longer than `MAX_STEP`
    is cut, as a large rate makes large factors.
    """
    inputs, targets = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    factors = [masks.factors(layer) for layer in range(len(masks.keep))]
    n_passes, n_samples = masks.keep[0].shape[:2]
    forwards: list[Sequence[Array]] = []
    backwards: list[Sequence[Array]] = []
    for index in range(n_passes):
        factor = [each[index] for each in factors]
        signals = forward(network, inputs, factor, "tanh")
        error = (signals[-1] - targets) * (2.0 / n_samples)
        deltas = backward(network, signals, error, factor, "tanh")
        forwards.append(signals)
        backwards.append(deltas)
        network = _step(network, from_deltas(signals, deltas), learning_rate)
    activations, deltas = _stack(forwards), _stack(backwards)
    errors = activations[-1] - targets
    return Passes(
        activations,
        deltas,
        tuple(map(_moved, activations, deltas)),
        (errors**2).sum(axis=-1).mean(axis=-1),
        network,
    )


def _step(network: Network, gradient: Network, learning_rate: float) -> Network:
    parts = (*gradient.weights, *gradient.biases)
    length = math.sqrt(sum(np.vdot(part, part) for part in parts))
    rate = learning_rate * min(1.0, MAX_STEP / max(length, 1e-300))
    return Network(
        tuple(w - rate * g for w, g in zip(network.weights, gradient.weights, strict=True)),
        tuple(b - rate * g for b, g in zip(network.biases, gradient.biases, strict=True)),
    )


def _moved(before: Array, delta: Array) -> Mask:
    """Which weights of a gap got a gradient from any sample: shape (n_passes, out, in)."""
    sent, asked = (part != 0.0 for part in (before, delta))
    together = asked[..., :, None] & sent[..., None, :]
    return np.asarray(together.any(axis=1))


def _stack(records: Sequence[Sequence[npt.NDArray[Any]]]) -> tuple[npt.NDArray[Any], ...]:
    return tuple(np.stack(layer) for layer in zip(*records, strict=True))
