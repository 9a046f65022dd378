"""What a slider move costs on the constraints screen: `python -m benchmarks.constraints`.

Prints the median milliseconds of each function at the screen's defaults, and how many times faster
the constrained minimum is than SciPy's SLSQP on the same problem. Ratios travel; times do not.
"""

from __future__ import annotations

import functools
import math
import statistics
import time
from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize

from sim import constraints as lab

LOSS = lab.Quadratic.from_ellipse((1.5, 3.0), 3.0, 30.0)
BUDGET, PENALTY = 1.5, 1.0
ORDERS = (0.5, 1, 1.5, 2, 4, math.inf)
SIGNS = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])
SIDES = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])


def milliseconds(call: Callable[[], object], repeats: int = 30) -> float:
    call()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return 1000 * statistics.median(times)


def slsqp(q: float) -> object:
    if q in (1, math.inf):
        walls = SIGNS if q == 1 else SIDES
        inside = {"fun": lambda w: BUDGET - walls @ w, "jac": lambda w: -walls}
    else:
        inside = {
            "fun": lambda w: BUDGET**q - (np.abs(w) ** q).sum(),
            "jac": lambda w: -q * np.abs(w) ** (q - 1) * np.sign(w),
        }
    return minimize(
        LOSS.value,
        [0.1, 0.1],
        jac=LOSS.gradient,
        method="SLSQP",
        constraints={"type": "ineq", **inside},
        options={"ftol": 1e-14, "maxiter": 200},
    )


def main() -> None:
    level = float(LOSS.value(lab.constrained_minimum(LOSS, 1, BUDGET).weights)) * 1.1
    by_order: dict[str, Callable[[float], object]] = {
        "constrained_minimum": lambda q: lab.constrained_minimum(LOSS, q, BUDGET),
        "penalized_minimum": lambda q: lab.penalized_minimum(LOSS, q, PENALTY),
        "regularization_path": lambda q: lab.regularization_path(LOSS, q),
        "zero_map 200 x 200": lambda q: lab.zero_map(LOSS, q, BUDGET, 5.2),
        "kkt": lambda q: lab.kkt(LOSS, q, BUDGET),
        "contact": lambda q: lab.contact(LOSS, q, BUDGET, level),
        "ball": lambda q: lab.ball(q, BUDGET),
    }
    print(f"{'ms':<28}" + "".join(f"q = {q:<6g}" for q in ORDERS))
    for name, call in by_order.items():
        row = [milliseconds(functools.partial(call, q)) for q in ORDERS]
        print(f"{name:<28}" + "".join(f"{value:<10.3f}" for value in row))
    ours = by_order["constrained_minimum"]
    ratios = [
        milliseconds(functools.partial(slsqp, q)) / milliseconds(functools.partial(ours, q))
        for q in ORDERS
    ]
    print(f"{'SLSQP / constrained_minimum':<28}" + "".join(f"{value:<10.1f}" for value in ratios))
    start = (-3.0, 3.0)
    others: dict[str, Callable[[], object]] = {
        "elastic_net_minimum": lambda: lab.elastic_net_minimum(LOSS, 0.5, PENALTY),
        "elastic_net_path": lambda: lab.elastic_net_path(LOSS, 0.5),
        "descend, 200 steps": lambda: lab.descend(LOSS, 1, PENALTY, start, 0.1, 200, "proximal"),
        "one_dimensional, 200 steps": lambda: lab.one_dimensional_descent(
            "l1", 1.0, 1.0, 0.01, 200
        ),
    }
    for shape in ("symmetric", "general", "axis_aligned"):
        for q in (1, 2):
            others[f"zero_share 5000, {shape} L{q}"] = functools.partial(
                lab.zero_share, q, 2.0, 5000, np.random.default_rng(0), shape
            )
    for name, plain in others.items():
        print(f"{name:<34}{milliseconds(plain):.3f}")


if __name__ == "__main__":
    main()
