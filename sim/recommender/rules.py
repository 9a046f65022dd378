"""How the arguments of an optimizer follow the course of a run, and the batch size."""

import math
from dataclasses import dataclass

BOOK_BATCH = 64  # the batch size at which learning_rate and weight_decay are quoted
BOOK_STEPS = 1250  # that the book's 80,000 training ratings make in an epoch
BOOK_SPAN = 5.5  # the length of the book's range of predictions, (0, 5.5)
LARGEST_RATE = 0.1  # to which Adam's learning rate grows with the batch; the tables are of order 1

MOMENTUM = 0.9
# SGD's learning rates, in units of Settings.learning_rate, and the largest ones that it may use
TABLE_RATE, LARGEST_TABLE_RATE = 50.0, 0.8
DENSE_RATE, LARGEST_DENSE_RATE = 10.0, 0.1
LARGEST_PULL = 0.004
"""The most that SGD's rate times λ may be. The penalty alone would let momentum 0.9 swing through
zero above (1 − √0.9)² = 0.0026, and fly apart above 2·(1 + 0.9) = 3.8; at 0.004 a weight swings by
1.3 % of where it began."""


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
    """The hyper-parameters that AdamW is really run with; a step decays by their `decay_factor`."""

    learning_rate: float
    weight_decay: float
    betas: tuple[float, float]
    eps: float


def quoted_batch(n_train: int) -> int:
    """The batch size at which learning_rate and weight_decay are quoted for `n_train` ratings.

    64 up to the book's 80,000; of more, so many that an epoch keeps its 1,250 steps. For what the
    weights remember is AdamW's running mean over 1/(ηλ) steps, and the best length of that is a
    number of epochs, the same for much data as for little (Wang & Aitchison 2024, "How to set
    AdamW's weight decay as you scale model and dataset size").
    """
    return max(BOOK_BATCH, n_train // BOOK_STEPS)


def batch_rule(
    learning_rate: float, weight_decay: float, batch_size: float, n_train: int = 80_000
) -> AdamWArguments:
    """AdamW's arguments for `batch_size`, so that a run keeps the course of one at batch size 64.

    The square-root rule: with κ = batch_size / 64 (for much data, / `quoted_batch`), learning rate
    and weight decay are multiplied by √κ, (1 − β₁) and (1 − β₂) by κ (at most 1), and ε is divided
    by √κ. So learning_rate and weight_decay mean the same whatever the batch: their product, times
    κ times fewer steps, shrinks the weights equally per epoch. The base values (β = 0.9 and 0.99,
    ε = 1e-5) are fastai's.

    The rule holds for small steps, and a learning rate is the most that a weight moves in a step.
    So it grows to `LARGEST_RATE` at most (or stays as it is, if larger itself), while the product
    ηλκ, and so the decay of an epoch, goes on growing with the batch.

    Source: Malladi et al. 2022, "On the SDEs and Scaling Rules for Adaptive Gradient Algorithms"
    (learning rate, β, ε); weight decay by √κ follows, as AdamW decays by the product of the two.
    """
    kappa = batch_size / quoted_batch(n_train)
    root = math.sqrt(kappa)
    rate = min(learning_rate * root, max(learning_rate, LARGEST_RATE))
    decay = learning_rate * weight_decay * kappa / rate
    betas = (max(0.0, 1 - 0.1 * kappa), max(0.0, 1 - 0.01 * kappa))
    return AdamWArguments(rate, decay, betas, 1e-5 / root)


def decay_factor(learning_rate: float, weight_decay: float) -> float:
    """What a step of AdamW multiplies every weight by: exp(−learning_rate · weight_decay).

    With the arguments of `batch_rule` that is e^(−ηλκ), or e^(−ηλκs) where a schedule has the share
    s of the rate. It is what 1 − ηλκ, the textbook's factor, is close to while ηλκ is small (κ = 2
    and ηλκ = 0.0004 at the screen's batch 128, η 0.001, λ 0.2), and what κ factors 1 − ηλ of κ
    small batches come to; but it never passes through zero, however large the batch or λ: at η
    0.001, λ 10 and batch 16,384 the textbook's would be −1.5, and the run would blow up.
    """
    return math.exp(-learning_rate * weight_decay)


def sgd_rates(
    learning_rate: float, weight_decay: float, batch_size: float, n_train: int = 80_000
) -> tuple[float, float]:
    """SGD's real learning rates: of the tables of factors and biases, and of a network's layers.

    They are `learning_rate` times κ (see `batch_rule`) times 50 and 10, up to a largest rate each,
    and up to `LARGEST_PULL` / λ for λ = `weight_decay`.
    """
    base = learning_rate * batch_size / quoted_batch(n_train)
    most = LARGEST_PULL / weight_decay if weight_decay > 0 else math.inf
    return (
        min(base * TABLE_RATE, LARGEST_TABLE_RATE, most),
        min(base * DENSE_RATE, LARGEST_DENSE_RATE, most),
    )
