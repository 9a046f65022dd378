"""How the arguments of an optimizer follow the course of a run, and the batch size."""

import math
from dataclasses import dataclass

BOOK_BATCH = 64  # the batch size at which learning_rate and weight_decay are quoted


def one_cycle(done: float) -> float:
    """Part of the largest learning rate to use when the share `done` of all steps is done.

    A cosine up from 1/25 during the first quarter, and one down to 1e-5 during the rest, as
    fastai's fit_one_cycle does (its change of momentum is left out). Source: Smith & Topin 2018,
    "Super-Convergence".
    """
    start, end, warm_up = 1 / 25, 1e-5, 0.25
    if done < warm_up:
        return 1 + (start - 1) * (1 + math.cos(math.pi * done / warm_up)) / 2
    return end + (1 - end) * (1 + math.cos(math.pi * (done - warm_up) / (1 - warm_up))) / 2


@dataclass(frozen=True, slots=True)
class AdamWArguments:
    """The hyper-parameters that AdamW is really run with."""

    learning_rate: float
    weight_decay: float
    betas: tuple[float, float]
    eps: float


def batch_rule(learning_rate: float, weight_decay: float, batch_size: float) -> AdamWArguments:
    """AdamW's arguments for `batch_size`, so that a run keeps the course of one at batch size 64.

    The square-root rule: with κ = batch_size / 64, learning rate and weight decay are multiplied
    by √κ, (1 − β₁) and (1 − β₂) by κ (at most 1), and ε is divided by √κ. So learning_rate and
    weight_decay mean the same whatever the batch: their product, times κ times fewer steps, shrinks
    the weights equally per epoch. The base values (β = 0.9 and 0.99, ε = 1e-5) are fastai's.

    Source: Malladi et al. 2022, "On the SDEs and Scaling Rules for Adaptive Gradient Algorithms"
    (learning rate, β, ε); weight decay by √κ follows, as AdamW decays by the product of the two.
    """
    kappa = batch_size / BOOK_BATCH
    root = math.sqrt(kappa)
    betas = (max(0.0, 1 - 0.1 * kappa), max(0.0, 1 - 0.01 * kappa))
    return AdamWArguments(learning_rate * root, weight_decay * root, betas, 1e-5 / root)
