"""L1 against L2 on the same data: the one cuts weights to zero, the other shrinks them all."""

from dataclasses import dataclass

import numpy as np

from sim.optimizers.rules import Array

_N_TEST = 200


@dataclass(frozen=True, slots=True, eq=False)
class SparseFit:
    """A descent under one penalty; `path` is (steps + 1, features), from zero weights on.

    `train_loss` and `test_loss` (steps + 1,) are mean squared errors without the penalty.
    """

    penalty: float
    path: Array
    train_loss: Array
    test_loss: Array

    @property
    def weights(self) -> Array:
        """The weights after the last step, shape (features,)."""
        return np.asarray(self.path[-1])

    @property
    def n_zeros(self) -> int:
        """How many of them are exactly 0.0."""
        return int(np.count_nonzero(self.weights == 0))


@dataclass(frozen=True, slots=True, eq=False)
class SparseRegression:
    """The same data (`x` (n, features), `y` (n,), `truth` (features,)) under L1 and under L2.

    `learning_rate` is the one that both descents took, 1 / L.
    """

    x: Array
    y: Array
    truth: Array
    l1: SparseFit
    l2: SparseFit
    learning_rate: float


def soft_threshold(w: Array, amount: float | Array) -> Array:
    """Every weight moved towards zero by `amount` (which broadcasts), and no further than zero."""
    return np.asarray(np.sign(w) * np.maximum(np.abs(w) - amount, 0.0))


def sparse_regression(
    l1_penalty: float,
    l2_penalty: float,
    *,
    n_train: int = 60,
    n_features: int = 30,
    n_relevant: int = 5,
    noise: float = 1.0,
    n_steps: int = 300,
    rng: np.random.Generator,
) -> SparseRegression:
    """Minimise mean squared error + l1_penalty * sum |w_i|, and + l2_penalty * sum w_i^2.

    The truth is sparse: `n_relevant` weights, spread evenly over the features, are 1 or -1 and
    the rest zero, which is the case L1 is made for. Both descents take a full gradient step of
    length 1 / L on the data loss, then the penalty's own step: L1 takes the same amount off every
    weight and stops at zero (soft threshold), L2 divides by 1 + 2 * learning_rate * l2_penalty.
    There is no intercept. At the end they are scikit-learn's Lasso(alpha=l1_penalty / 2) and
    Ridge(alpha=n_train * l2_penalty). The two penalties are different scales.

    Raises ValueError for penalties or noise that are negative or not finite, and for counts below
    1 or more relevant features than features.
    """
    for name, value in (("l1_penalty", l1_penalty), ("l2_penalty", l2_penalty), ("noise", noise)):
        if not (np.isfinite(value) and value >= 0):
            raise ValueError(f"{name} must be finite and zero or more, not {value}.")
    if not (min(n_train, n_steps) >= 1 and 1 <= n_relevant <= n_features):
        raise ValueError(
            "n_train, n_steps and n_relevant must be at least 1, and n_relevant at most "
            f"n_features; they are {n_train}, {n_steps}, {n_relevant} and {n_features}."
        )
    for_train, for_test, for_signs = rng.spawn(3)
    truth = np.zeros(n_features)
    relevant = np.arange(n_relevant) * n_features // n_relevant
    truth[relevant] = for_signs.choice([-1.0, 1.0], n_relevant)
    x, x_test = (
        stream.standard_normal((n, n_features))
        for stream, n in ((for_train, n_train), (for_test, _N_TEST))
    )
    y = x @ truth + noise * for_train.standard_normal(n_train)
    y_test = x_test @ truth + noise * for_test.standard_normal(_N_TEST)

    hessian, pull = 2 / n_train * x.T @ x, 2 / n_train * x.T @ y
    learning_rate = float(1 / np.linalg.eigvalsh(hessian)[-1])
    # Both descents at once: the data's step is affine, then each penalty takes its own.
    contract, toward = np.eye(n_features) - learning_rate * hessian, learning_rate * pull
    amount = np.array([[learning_rate * l1_penalty], [0.0]])
    shrink = np.array([[1.0], [1 / (1 + 2 * learning_rate * l2_penalty)]])
    path = np.zeros((n_steps + 1, 2, n_features))
    for step in range(n_steps):
        path[step + 1] = shrink * soft_threshold(path[step] @ contract + toward, amount)
    lasso, ridge = path[:, 0], path[:, 1]

    def fit(penalty: float, path: Array) -> SparseFit:
        return SparseFit(
            penalty,
            path,
            ((path @ x.T - y) ** 2).mean(axis=1),
            ((path @ x_test.T - y_test) ** 2).mean(axis=1),
        )

    return SparseRegression(
        x, y, truth, fit(l1_penalty, lasso), fit(l2_penalty, ridge), learning_rate
    )
