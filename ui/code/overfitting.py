"""The figures of the overfitting screen as code to take home, with the values of the controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ui import points

Values = Mapping[str, Any]

SINE = """\
def noisy_sine(n, rng, noise={noise!r}):
    positions, deviations = rng.spawn(2)
    x = positions.uniform(-1, 1, n)
    return x, np.sin(np.pi * x) + noise * deviations.standard_normal(n)
"""

FIT = '''\
def fit(x, y, degree, penalty={penalty!r}):
    """The weights of 1, x, ..., x**degree, of which the first is never penalised; residuals."""
    X = x[:, None] ** np.arange(1, degree + 1)
    means = X.mean(axis=0)
    if penalty == 0:  # scikit-learn's least squares cuts off small directions, so use NumPy's
        weights = np.linalg.lstsq(X - means, y - y.mean())[0]
    elif degree == 0:
        weights = np.zeros(0)
    else:  # {penalised}
    fitted = y.mean() + (X - means) @ weights
    return np.concatenate([[y.mean() - means @ weights], weights]), y - fitted
'''

PENALISED = {
    "l2": """Ridge's alpha is n times our penalty
        weights = Ridge(alpha=penalty * len(x), solver="svd").fit(X, y).coef_""",
    "l1": """Lasso's alpha is half our penalty; with a small one it takes long to get there
        weights = Lasso(alpha=penalty / 2, tol=1e-8, max_iter=1_000_000).fit(X, y).coef_""",
}

LEAST_SQUARES = '''\
def fit(x, y, degree):
    """The weights of 1, x, ..., x**degree, and the residuals.

    With about as many powers as points, the powers of x are nearly dependent, and NumPy's lstsq
    takes some as quite so. Polynomials made for the points are not (Arnoldi's method).
    """
    n, on_points, zero_there = len(set(x)), [], []
    w, residuals = np.zeros(degree + 1), y
    values, p = np.ones(len(x)), np.eye(1, degree + 1)[0]  # a polynomial on the points, its weights
    for k in range(degree + 1):
        for v_j, p_j in 2 * on_points:  # twice: the second time takes away what rounding left
            share = v_j @ values
            values, p = values - share * v_j, p - share * p_j
        if k < n:  # orthonormal on the points
            size = np.linalg.norm(values)
            values, p = values / size, p / size
            on_points.append((values, p))
            w, residuals = w + values @ y * p, residuals - values @ y * values
        else:  # zero at all points: it only serves to make the weights small
            for p_j in 2 * zero_there:
                p = p - p_j[1:] @ p[1:] * p_j
            values, p = 0 * values, p / np.linalg.norm(p[1:])
            zero_there.append(p)
            w = w - p[1:] @ w[1:] * p
        values, p = x * values, np.append(0, p[:-1])  # x times it is the next
    return w, residuals
'''

MSE = """\
def mse(w, x, y):
    return np.mean((y - np.polynomial.polynomial.polyval(x, w)) ** 2)
"""


def fit(values: Values) -> str:
    """The errors of A and B."""
    return f"""{_head(values, _highest(values))}
for degree in ({values["degree_a"]}, {values["degree_b"]}):
    w, residuals = fit(x, y, degree)
    print(f"degree {{degree}}: training MSE {{np.mean(residuals**2):.4g}}, "
          f"test MSE {{mse(w, x_test, y_test):.4g}}")
"""


def complexity(values: Values) -> str:
    """The errors of all degrees, and the best of them."""
    return f"""{_head(values, 25)}
degrees = range(26)
fits = [fit(x, y, degree) for degree in degrees]
train_mse = [np.mean(residuals**2) for _, residuals in fits]
test_mse = [mse(w, x_test, y_test) for w, _ in fits]
for degree in ({values["degree_a"]}, {values["degree_b"]}, int(np.argmin(test_mse))):
    print(f"degree {{degree}}: training MSE {{train_mse[degree]:.4g}}, "
          f"test MSE {{test_mse[degree]:.4g}}")
"""


def bias_variance(values: Values) -> str:
    """Bias, variance and measured error of A and B."""
    return f"""\
import numpy as np
from sklearn.linear_model import Ridge

n, noise, n_datasets = {values["n_points"]}, {values["noise"]!r}, {values["n_datasets"]}

{_fit(values, "l2", values["n_points"], _highest(values))}

train_rng, _ = np.random.default_rng({values["seed"]}).spawn(2)
positions, deviations, targets = train_rng.spawn(3)
x = positions.uniform(-1, 1, n)
y = np.sin(np.pi * x) + noise * deviations.standard_normal((n, n_datasets)).T
grid = np.linspace(-1, 1, 201)
truth = np.sin(np.pi * grid)
fresh = truth + noise * targets.standard_normal((n_datasets, grid.size))

for degree in ({values["degree_a"]}, {values["degree_b"]}):
    fits = np.array([np.polynomial.polynomial.polyval(grid, fit(x, row, degree)[0]) for row in y])
    bias_squared = np.mean((fits.mean(axis=0) - truth) ** 2)
    variance = np.mean(fits.var(axis=0))
    taken = min(bias_squared, variance / (n_datasets - 1))  # the mean of the fits varies, too
    bias_squared, variance = bias_squared - taken, variance + taken
    measured = np.mean((fresh - fits) ** 2)
    print(f"degree {{degree}}: bias^2 {{bias_squared:.4g}}, variance {{variance:.4g}}, "
          f"sum with noise {{bias_squared + variance + noise**2:.4g}}, measured {{measured:.4g}}")
"""


def coefficients(values: Values) -> str:
    """The weights of A and B."""
    return f"""{_head(values, _highest(values))}
for degree in ({values["degree_a"]}, {values["degree_b"]}):
    w = fit(x, y, degree)[0][1:]
    print(f"degree {{degree}}: largest {{np.abs(w).max(initial=0):.6g}}, "
          f"sum of sizes {{np.abs(w).sum():.6g}}, exactly zero {{np.sum(w == 0)}}")
"""


def more_data(values: Values) -> str:
    """The errors of A and B with the number of points that is set."""
    return f"""\
import numpy as np
from sklearn.linear_model import Ridge

noise, n_datasets, most = {values["noise"]!r}, 20, 200

{_fit(values, "l2", values["n_points"], _highest(values))}

train_rng, _ = np.random.default_rng({values["seed"]}).spawn(2)
positions, deviations = train_rng.spawn(2)
x = np.stack([stream.uniform(-1, 1, most) for stream in positions.spawn(n_datasets)])
e = np.stack([stream.standard_normal(most) for stream in deviations.spawn(n_datasets)])
y = np.sin(np.pi * x) + noise * e
grid = np.linspace(-1, 1, 201)

n = {values["n_points"]}  # for the whole curve, try others
for degree in ({values["degree_a"]}, {values["degree_b"]}):
    train_mse, test_mse = [], []
    for x_n, y_n in zip(x[:, :n], y[:, :n]):
        w, residuals = fit(x_n, y_n, degree)
        curve = np.polynomial.polynomial.polyval(grid, w)
        train_mse.append(np.mean(residuals**2))
        test_mse.append(np.mean((np.sin(np.pi * grid) - curve) ** 2) + noise**2)
    print(f"degree {{degree}}: training MSE {{np.median(train_mse):.4g}}, "
          f"test MSE {{np.median(test_mse):.4g}}")
"""


def penalty(values: Values, penalties: Sequence[float], folds: int) -> str:
    """The best penalty for B, by the test error and by cross-validation."""
    return f"""{_head(values)}
from sklearn.model_selection import KFold

degree, penalties = {values["degree_b"]}, np.array({[*penalties]})
test_mse = [mse(fit(x, y, degree, penalty)[0], x_test, y_test) for penalty in penalties]
cv_mse = [
    np.mean([mse(fit(x[kept], y[kept], degree, penalty)[0], x[left_out], y[left_out])
             for kept, left_out in KFold({folds}).split(x)])
    for penalty in penalties
]
for best in (np.argmin(test_mse), np.argmin(cv_mse)):
    print(f"best penalty {{penalties[best]:.4g}}, its test MSE {{test_mse[best]:.4g}}")
"""


def double_descent(n: int, noise: float, seed: int, n_datasets: int) -> str:
    """The errors before, at and far past degree n - 1, without and with a tuned penalty."""
    return f"""\
import numpy as np
from sklearn.linear_model import RidgeCV

n, noise, n_datasets = {n}, {noise!r}, {n_datasets}
train_rng, _ = np.random.default_rng({seed}).spawn(2)
positions, deviations = train_rng.spawn(2)
x = positions.uniform(-1, 1, n)
y = np.sin(np.pi * x)[:, None] + noise * deviations.standard_normal((n, n_datasets))
nodes, node_weights = np.polynomial.legendre.leggauss(500)


def features(x, degree):
    k = np.arange(degree + 1)
    # Orthonormal Legendre functions; dividing by k + 1 makes the smooth ones cheap.
    return np.polynomial.legendre.legvander(x, degree) * np.sqrt(2 * k + 1) / (k + 1)


def without_penalty(degree):
    if degree == n - 1:  # one curve alone: in Lagrange's form, which rounding does not spoil
        apart, shares = nodes[:, None] - x, y / np.prod(x[:, None] - x + np.eye(n), axis=1)[:, None]
        return np.prod(apart, axis=1)[:, None] * (1 / apart @ shares)
    least_norm = np.linalg.lstsq(features(x, degree), y)[0]
    return features(nodes, degree) @ least_norm


def with_tuned_penalty(degree):
    # Leave-one-out for each data set; alpha is n times our penalty.
    alphas = n * np.logspace(-6, 2, 25)
    ridge = RidgeCV(alphas, fit_intercept=False, alpha_per_target=True)
    return features(nodes, degree) @ ridge.fit(features(x, degree), y).coef_.T


def test_mse(curves):
    return np.mean(node_weights / 2 @ (curves - np.sin(np.pi * nodes)[:, None]) ** 2) + noise**2


for degree in (3, n - 1, 400):
    print(f"degree {{degree}}: test MSE {{test_mse(without_penalty(degree)):.4g}}, "
          f"with tuned penalty {{test_mse(with_tuned_penalty(degree)):.4g}}")
"""


def _highest(values: Values) -> int:
    return int(max(values["degree_a"], values["degree_b"]))


def _fit(values: Values, kind: str, n: int, highest: int) -> str:
    """The function `fit`, by a method that keeps its digits with n points up to that degree."""
    apart = highest <= 12 or n <= 12 or (highest <= 16 and n >= highest + 5) or n >= 40
    if values["penalty"] == 0 and not apart:
        return LEAST_SQUARES
    return FIT.format(penalty=values["penalty"], penalised=PENALISED[kind])


def _head(values: Values, highest: int = 0) -> str:
    """The imports, the functions and the points, as a hand has left them."""
    kind, edits = values["penalty_kind"], points.read(dict(values), values["n_points"])
    n = values["n_points"] - len(edits.removed) + len(edits.added)
    return f"""\
import numpy as np
from sklearn.linear_model import {"Lasso" if kind == "l1" else "Ridge"}


{SINE.format(noise=values["noise"])}

{_fit(values, kind, n, highest)}

{MSE}

train_rng, test_rng = np.random.default_rng({values["seed"]}).spawn(2)
x, y = noisy_sine({values["n_points"]}, train_rng)
x_test, y_test = noisy_sine(1000, test_rng)
{_edits(edits)}"""


def _edits(edits: points.Edits) -> str:
    lines = [f"x[{i}], y[{i}] = {x!r}, {y!r}  # moved by hand" for i, (x, y) in edits.moved.items()]
    if edits.removed:
        lines.append(f"x, y = np.delete(x, {[*edits.removed]}), np.delete(y, {[*edits.removed]})")
    if edits.added:
        xs, ys = ([*column] for column in zip(*edits.added, strict=True))
        lines.append(f"x, y = np.append(x, {xs}), np.append(y, {ys})")
    return "".join(f"{line}\n" for line in lines)
