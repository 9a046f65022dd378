"""How quick the overfitting topic answers: `python benchmarks/overfitting.py` (half a minute).

Prints the time of bias and variance over 500 data sets and degrees 0 to 25, in one call, as a ratio
to the same fits by a scikit-learn pipeline (alternated in one process, on a stated part of the data
sets), and the time of every function at the screen's defaults. Medians of the processor time of one
thread, which a busy machine disturbs less. Ratios travel between machines; milliseconds do not.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import PolynomialFeatures
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parents[1]))
from sim import overfitting

N_POINTS, NOISE, SEED = 20, 0.3, 37
DEGREES, DATASETS, FITTED, ROUNDS = range(26), 500, 10, 7
GRID = np.linspace(-1, 1, 201)
SIZES = [5, 8, 10, 12, 14, 16, 18, 20, 25, 30, 40, 60, 80, 120, 200]
FAR = [*range(25), *np.geomspace(27, 400, 12).astype(int).tolist()]


def rng() -> np.random.Generator:
    return np.random.default_rng(SEED).spawn(2)[0]


def seconds(call: Callable[[], object]) -> float:
    started = time.process_time()
    call()
    return time.process_time() - started


def pipeline(degree: int, penalty: float) -> Pipeline:
    model = Ridge(alpha=N_POINTS * penalty, solver="svd") if penalty else LinearRegression()
    return make_pipeline(PolynomialFeatures(degree), model)


def one_by_one(penalty: float) -> None:
    """The first `FITTED` data sets, as a notebook would fit them and draw them."""
    positions, deviations = rng().spawn(2)
    x = positions.uniform(-1, 1, N_POINTS)
    epsilon = deviations.standard_normal((N_POINTS, DATASETS))
    for degree in DEGREES:
        fits = np.empty((FITTED, GRID.size))
        for r in range(FITTED):
            y = overfitting.truth(x) + NOISE * epsilon[:, r]
            fits[r] = pipeline(degree, penalty).fit(x[:, None], y).predict(GRID[:, None])
        fits.var(axis=0).mean()


def in_one_call(penalty: float) -> None:
    overfitting.bias_variance_by_degree(DEGREES, penalty, N_POINTS, NOISE, DATASETS, rng())


def main() -> None:
    print(f"bias and variance, {DATASETS} data sets x degrees 0 to 25, {N_POINTS} points")
    for penalty in (0.0, 1e-3):
        one_by_one(penalty), in_one_call(penalty)  # warm
        pairs = [
            (seconds(lambda p=penalty: one_by_one(p)), seconds(lambda p=penalty: in_one_call(p)))
            for _ in range(ROUNDS)
        ]
        theirs, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
        theirs *= DATASETS / FITTED
        print(
            f"  penalty {penalty:g}: one call {ours * 1e3:.0f} ms, scikit-learn {theirs:.1f} s "
            f"({FITTED} data sets timed, scaled), ratio {theirs / ours:.0f}"
        )

    train_rng, test_rng = np.random.default_rng(SEED).spawn(2)
    train = overfitting.noisy_sine(N_POINTS, NOISE, train_rng)
    test = overfitting.noisy_sine(1000, NOISE, test_rng)
    l2, l1 = np.logspace(-9, 2, 56), np.logspace(-5, 1, 25)
    common = (N_POINTS, NOISE, 200)
    calls: dict[str, Callable[[], object]] = {
        "fit, degree 3": lambda: overfitting.fit_polynomial(*train, 3),
        "fit, degree 15": lambda: overfitting.fit_polynomial(*train, 15),
        "fit, degree 15, L2": lambda: overfitting.fit_polynomial(*train, 15, 1e-3),
        "fit, degree 15, L1": lambda: overfitting.fit_polynomial(*train, 15, 1e-2, "l1"),
        "error_curve": lambda: overfitting.error_curve(train, test),
        "error_curve, L2": lambda: overfitting.error_curve(train, test, penalty=1e-3),
        "error_curve, L1": lambda: overfitting.error_curve(
            train, test, penalty=1e-2, penalty_kind="l1"
        ),
        "bias_variance, 200 data sets": lambda: overfitting.bias_variance(15, 0.0, *common, rng()),
        "bias_variance_by_degree, 200": lambda: overfitting.bias_variance_by_degree(
            DEGREES, 0.0, *common, rng()
        ),
        "bias_variance_by_penalty, 200": lambda: overfitting.bias_variance_by_penalty(
            15, l1, *common, rng()
        ),
        "learning_curve, degree 3": lambda: overfitting.learning_curve(
            3, 0.0, SIZES, NOISE, 20, rng()
        ),
        "learning_curve, degree 15": lambda: overfitting.learning_curve(
            15, 0.0, SIZES, NOISE, 20, rng()
        ),
        "penalty_curve, L2, 56, 10 folds": lambda: overfitting.penalty_curve(train, test, 15, l2),
        "penalty_curve, L1, 25, 10 folds": lambda: overfitting.penalty_curve(
            train, test, 15, l1, "l1"
        ),
        "penalty_curve, L1, 25, 5 folds": lambda: overfitting.penalty_curve(
            train, test, 15, l1, "l1", 5
        ),
        "double_descent, 37 degrees to 400": lambda: overfitting.double_descent(
            N_POINTS, NOISE, FAR, rng()
        ),
    }
    print("at the screen's defaults")
    for name, call in calls.items():
        call()
        print(f"  {name}: {1e3 * statistics.median(seconds(call) for _ in range(30)):.1f} ms")


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
