"""AdamW, Adam with an L2 penalty, and SGD on a flat vector of weights. This module imports torch.

`torch.optim` is not used: making the first optimizer of a process imports torch's compiler, which
takes one or two seconds, and its bookkeeping costs as much as the step. A test holds each of
these to its counterpart there.

The gradient is that of the loss on the book's scale (see `networks`), so all rates and every λ
mean the same whatever the range of the ratings.

λ is on three scales. What is sensible for it on the bundled ratings at learning rate 0.001, from
"helps a little" to "is too much": "adamw" 0.05 to 1, "adam_l2" 1e-5 to 1e-3, "sgd" 3e-5 to 1e-3.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch

from sim.recommender.records import Settings
from sim.recommender.rules import LARGEST_PULL, MOMENTUM, batch_rule, decay_factor, sgd_rates


class Optimizer(ABC):
    """Changes `weights` in place by their gradient `grad`, one step at a time."""

    @abstractmethod
    def step(self, share: float, weight_decay: float) -> None:
        """One step with `share` of the largest learning rate and λ = `weight_decay`.

        `grad` may be used as scratch space: it is not what it was afterwards.
        """


class Adam(Optimizer):
    """Adam by the square-root batch rule (see `batch_rule`), with λ in one of two places.

    `decoupled` (AdamW): w ← e^(−ηλκ)·w before the step (see `decay_factor`). Otherwise λ·w, the
    gradient of the penalty λ/2·‖w‖², joins the gradient and is divided by its running size like all
    of it; λ then needs no batch rule, as the loss is a mean. Sources: Kingma & Ba 2015; Loshchilov
    & Hutter 2019, algorithm 2.
    """

    def __init__(
        self,
        weights: torch.Tensor,
        grad: torch.Tensor,
        learning_rate: float,
        batch_size: float,
        n_train: int,
        *,
        decoupled: bool,
    ) -> None:
        self._rule = batch_rule(learning_rate, 1.0, batch_size, n_train)
        self._decoupled = decoupled
        self._weights, self._grad = weights, grad
        self._mean, self._square = torch.zeros_like(weights), torch.zeros_like(weights)
        self._steps = torch.zeros((), device=weights.device)
        self._number = 0
        self._fused = fused_adam(decoupled, weights.device)

    def step(self, share: float, weight_decay: float) -> None:
        rate = self._rule.learning_rate * share
        factor = decay_factor(rate, weight_decay * self._rule.weight_decay)
        (beta1, beta2), eps = self._rule.betas, self._rule.eps
        self._number += 1
        if self._fused is not None:
            self._fused(
                [self._weights],
                [self._grad],
                [self._mean],
                [self._square],
                [],
                [self._steps.fill_(self._number)],
                lr=rate,
                beta1=beta1,
                beta2=beta2,
                # the kernel multiplies by 1 − lr · weight_decay
                weight_decay=(1 - factor) / rate if self._decoupled else weight_decay,
                eps=eps,
                amsgrad=False,
                maximize=False,
            )
            return
        if self._decoupled:
            self._weights.mul_(factor)
        elif weight_decay:
            self._grad.add_(self._weights, alpha=weight_decay)
        self._mean.lerp_(self._grad, 1 - beta1)
        self._square.mul_(beta2).addcmul_(self._grad, self._grad, value=1 - beta2)
        root = self._square.sqrt().div_(math.sqrt(1 - beta2**self._number)).add_(eps)
        self._weights.addcdiv_(self._mean, root, value=-rate / (1 - beta1**self._number))


class SGD(Optimizer):
    """Gradient descent with momentum 0.9, and λ/2·‖w‖² in the loss.

    A table's row meets few of a batch's ratings, and so its gradient is far smaller than that of a
    weight that all ratings share. Adam evens that out; here the tables (the first `n_table`
    weights) get 50 times `learning_rate` and the layers 10 times. The batch rule is the linear one
    (Goyal et al. 2017): rates grow with κ (see `batch_rule`) and λ stays, as the loss is a mean.
    They stop growing at 0.8 and 0.1, beyond which the most rated movies overshoot, and at 0.004/λ
    (`LARGEST_PULL`): a penalty is a bowl of curvature λ, and a step in it may not be longer. In the
    long run the penalty shrinks a weight by rate·λ/(1 − 0.9) at each step.
    """

    def __init__(
        self,
        weights: torch.Tensor,
        grad: torch.Tensor,
        n_table: int,
        learning_rate: float,
        batch_size: float,
        n_train: int,
    ) -> None:
        table_rate, dense_rate = sgd_rates(learning_rate, 0.0, batch_size, n_train)
        velocity = torch.zeros_like(weights)
        parts = ((slice(n_table), table_rate), (slice(n_table, None), dense_rate))
        self._groups = [(weights[p], grad[p], velocity[p], rate) for p, rate in parts]

    def step(self, share: float, weight_decay: float) -> None:
        for weights, grad, velocity, largest in self._groups:
            rate = largest
            if weight_decay:
                grad.add_(weights, alpha=weight_decay)
                rate = min(largest, LARGEST_PULL / weight_decay)
            # the rate is in the velocity already: so it stays right when λ is turned
            velocity.mul_(MOMENTUM).add_(grad, alpha=rate)
            weights.add_(velocity, alpha=-share)


def make_optimizer(
    settings: Settings,
    weights: torch.Tensor,
    grad: torch.Tensor,
    n_table: int,
    n_train: int,
) -> Optimizer:
    """The optimizer that `settings` name; `n_table` as in `SGD`, `n_train` ratings an epoch."""
    rate = settings.learning_rate
    batch_size = n_train / math.ceil(n_train / settings.batch_size)  # the real one
    if settings.optimizer == "sgd":
        return SGD(weights, grad, n_table, rate, batch_size, n_train)
    return Adam(weights, grad, rate, batch_size, n_train, decoupled=settings.optimizer == "adamw")


def fused_adam(decoupled: bool, device: torch.device) -> Callable[..., Any] | None:
    """Torch's one-pass kernel, five times as fast as separate operations, or None without it.

    It is not public, so it is tried on one number first.
    """
    try:
        kernel: Callable[..., Any] = torch._fused_adamw_ if decoupled else torch._fused_adam_
        lists = [[torch.ones(1, device=device)] for _ in range(4)]
        steps = [torch.ones((), device=device)]
        kernel(
            *lists,
            [],
            steps,
            lr=0.1,
            beta1=0.9,
            beta2=0.99,
            weight_decay=0.0,
            eps=1e-5,
            amsgrad=False,
            maximize=False,
        )
    except (AttributeError, TypeError, RuntimeError, NotImplementedError):
        return None
    return kernel
