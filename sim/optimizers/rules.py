"""Update rules as pure functions, and every number of one step of them.

Each rule equals the `torch.optim` class of the same settings. What they do with `weight_decay`
differs: SGD, Momentum and Adam add `weight_decay * weights` to the gradient, as an L2 penalty
(weight_decay / 2) * |w|^2 in the loss would; AdamW takes `learning_rate * weight_decay * weights`
off the weights and leaves the gradient alone (Loshchilov and Hutter, "Decoupled Weight Decay
Regularization", ICLR 2019). For plain SGD the two are the same step.

`learning_rate` and `weight_decay` are numbers, or arrays that broadcast with the weights: one
for each coordinate (as torch's parameter groups), or one for each row of a table of runs.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Setting = float | Array


class State(NamedTuple):
    """What a rule remembers: the steps made, and two running sums in the shape of the weights.

    `m` is Momentum's velocity or Adam's mean of gradients, `v` Adam's mean of squared gradients;
    both stay zero where the rule has no use for them.
    """

    step: int
    m: Array
    v: Array


class Step(NamedTuple):
    """All numbers of one step; arrays in the shape of the weights.

    `after = before - decay - learning_rate * direction`. `gradient` is the loss's own, and
    `total_gradient` has the penalty's added where the rule does that. `decay` is what is taken
    off the weights directly (zero but for AdamW). For SGD and Momentum `m_hat` is `m`, the
    corrections are 1 and `v`, `v_hat` are zero. For SGD `m` is the total gradient. (A tuple, as a
    path makes thousands of them, and a frozen dataclass takes five times as long to make.)
    """

    step: int
    before: Array
    gradient: Array
    total_gradient: Array
    m: Array
    v: Array
    m_correction: float
    v_correction: float
    m_hat: Array
    v_hat: Array
    direction: Array
    decay: Array
    after: Array

    @property
    def state(self) -> State:
        """What the rule carries into the next step."""
        return State(self.step, self.m, self.v)


class _Rule:
    """What the four rules share: an empty memory, and a step without its records."""

    __slots__ = ()

    def init(self, weights: npt.ArrayLike) -> State:
        """The state before the first step, for weights of this shape."""
        zeros = np.zeros(np.shape(weights))
        return State(0, zeros, zeros)

    def open_step(self, weights: Array, gradient: Array, state: State) -> Step:
        """Make one step and keep every number of it."""
        raise NotImplementedError

    def update(self, weights: Array, gradient: Array, state: State) -> tuple[Array, State]:
        """The weights after one step along `gradient` (taken at `weights`), and the new state."""
        step = self.open_step(weights, gradient, state)
        return step.after, step.state


@dataclass(frozen=True, slots=True)
class SGD(_Rule):
    """w <- w - learning_rate * (g + weight_decay * w): torch.optim.SGD."""

    learning_rate: Setting
    weight_decay: Setting = 0.0

    def __post_init__(self) -> None:
        _check(self.learning_rate, self.weight_decay)

    def open_step(self, weights: Array, gradient: Array, state: State) -> Step:
        """Make one step and keep every number of it."""
        total = gradient + self.weight_decay * weights
        return _plain(self.learning_rate, weights, gradient, total, total, state)


@dataclass(frozen=True, slots=True)
class Momentum(_Rule):
    """m <- momentum * m + g + weight_decay * w; w <- w - learning_rate * m: torch.optim.SGD."""

    learning_rate: Setting
    momentum: float = 0.9
    weight_decay: Setting = 0.0

    def __post_init__(self) -> None:
        _check(self.learning_rate, self.weight_decay, self.momentum)

    def open_step(self, weights: Array, gradient: Array, state: State) -> Step:
        """Make one step and keep every number of it."""
        total = gradient + self.weight_decay * weights
        velocity = self.momentum * state.m + total
        return _plain(self.learning_rate, weights, gradient, total, velocity, state)


@dataclass(frozen=True, slots=True)
class Adam(_Rule):
    """Adam with the penalty in the loss: torch.optim.Adam (Kingma and Ba, ICLR 2015).

    The penalty's gradient passes through m and v with the rest, and so is divided by sqrt(v_hat)
    too: weights with large gradients are held less than weights with small ones.
    """

    learning_rate: Setting
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: Setting = 0.0

    def __post_init__(self) -> None:
        _check(self.learning_rate, self.weight_decay, *self.betas, eps=self.eps)

    def open_step(self, weights: Array, gradient: Array, state: State) -> Step:
        """Make one step and keep every number of it."""
        total = gradient + self.weight_decay * weights
        return _adaptive(self, weights, gradient, total, np.zeros_like(weights), state)


@dataclass(frozen=True, slots=True)
class AdamW(_Rule):
    """Adam with decoupled decay: torch.optim.AdamW (Loshchilov and Hutter, algorithm 2).

    As in torch, the decay of a step is learning_rate * weight_decay * w; in the paper's notation
    it is not multiplied by Adam's learning rate alpha, so its lambda is learning_rate *
    weight_decay here.
    """

    learning_rate: Setting
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: Setting = 0.01

    def __post_init__(self) -> None:
        _check(self.learning_rate, self.weight_decay, *self.betas, eps=self.eps)

    def open_step(self, weights: Array, gradient: Array, state: State) -> Step:
        """Make one step and keep every number of it."""
        decay = self.learning_rate * self.weight_decay * weights
        return _adaptive(self, weights, gradient, gradient, decay, state)


Rule = SGD | Momentum | Adam | AdamW
RuleKind = Literal["sgd", "momentum", "adam", "adamw"]


def _plain(
    learning_rate: Setting,
    weights: Array,
    gradient: Array,
    total: Array,
    direction: Array,
    state: State,
) -> Step:
    zeros = state.v  # no use for it here
    return Step(
        step=state.step + 1,
        before=weights,
        gradient=gradient,
        total_gradient=total,
        m=direction,
        v=zeros,
        m_correction=1.0,
        v_correction=1.0,
        m_hat=direction,
        v_hat=zeros,
        direction=direction,
        decay=zeros,
        after=weights - learning_rate * direction,
    )


def _adaptive(
    rule: Adam | AdamW,
    weights: Array,
    gradient: Array,
    total: Array,
    decay: Array,
    state: State,
) -> Step:
    step = state.step + 1
    beta1, beta2 = rule.betas
    m = beta1 * state.m + (1 - beta1) * total
    v = beta2 * state.v + (1 - beta2) * total**2
    # m and v start at zero; over t steps their weights sum to 1 - beta^t only.
    m_correction, v_correction = 1 - beta1**step, 1 - beta2**step
    m_hat, v_hat = m / m_correction, v / v_correction
    direction = m_hat / (np.sqrt(v_hat) + rule.eps)
    return Step(
        step=step,
        before=weights,
        gradient=gradient,
        total_gradient=total,
        m=m,
        v=v,
        m_correction=m_correction,
        v_correction=v_correction,
        m_hat=m_hat,
        v_hat=v_hat,
        direction=direction,
        decay=decay,
        after=weights - decay - rule.learning_rate * direction,
    )


def _check(
    learning_rate: Setting, weight_decay: Setting, *factors: float, eps: float = 1.0
) -> None:
    rates, decays = np.asarray(learning_rate), np.asarray(weight_decay)
    if not (np.isfinite(rates).all() and (rates > 0).all()):
        raise ValueError(f"learning_rate must be finite and above zero, not {learning_rate}.")
    if not (np.isfinite(decays).all() and (decays >= 0).all()):
        raise ValueError(f"weight_decay must be finite and zero or more, not {weight_decay}.")
    if not all(0 <= factor < 1 for factor in factors):
        raise ValueError(f"momentum and betas must be at least 0 and below 1, not {factors}.")
    if not (np.isfinite(eps) and eps > 0):
        raise ValueError(f"eps must be finite and above zero, not {eps}.")
