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

RIDGE = '''\
def fit(x, y, degree, penalty={penalty!r}):
    """The weights of 1, x, ..., x**degree; the intercept is never penalised."""
    X = x[:, None] ** np.arange(1, degree + 1)
    means = X.mean(axis=0)
    if penalty == 0:  # scikit-learn's least squares cuts off small directions, so use NumPy's
        weights = np.linalg.lstsq(X - means, y - y.mean())[0]
    elif degree == 0:
        weights = np.zeros(0)
    else:  # Ridge's alpha is n times our penalty
        weights = Ridge(alpha=penalty * len(x), solver="svd").fit(X, y).coef_
    return np.concatenate([[y.mean() - means @ weights], weights])
'''

LASSO = '''\
def fit(x, y, degree, penalty={penalty!r}):
    """The weights of 1, x, ..., x**degree; the intercept is never penalised."""
    X = x[:, None] ** np.arange(1, degree + 1)
    means = X.mean(axis=0)
    if penalty == 0:
        weights = np.linalg.lstsq(X - means, y - y.mean())[0]
    elif degree == 0:
        weights = np.zeros(0)
    else:  # Lasso's alpha is half our penalty; with a small one it takes long to get there
        weights = Lasso(alpha=penalty / 2, tol=1e-8, max_iter=1_000_000).fit(X, y).coef_
    return np.concatenate([[y.mean() - means @ weights], weights])
'''

MSE = """\
def mse(w, x, y):
    return np.mean((y - np.polynomial.polynomial.polyval(x, w)) ** 2)
"""


def fit(values: Values) -> str:
    """The errors of A and B."""
    return f"""{_head(values)}
for degree in ({values["degree_a"]}, {values["degree_b"]}):
    w = fit(x, y, degree)
    print(f"degree {{degree}}: training MSE {{mse(w, x, y):.4g}}, "
          f"test MSE {{mse(w, x_test, y_test):.4g}}")
"""


def complexity(values: Values) -> str:
    """The errors of all degrees, and the best of them."""
    return f"""{_head(values)}
degrees = range(26)
fits = [fit(x, y, degree) for degree in degrees]
train_mse = [mse(w, x, y) for w in fits]
test_mse = [mse(w, x_test, y_test) for w in fits]
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

{RIDGE.format(penalty=values["penalty"])}

train_rng, _ = np.random.default_rng({values["seed"]}).spawn(2)
positions, deviations, targets = train_rng.spawn(3)
x = positions.uniform(-1, 1, n)
y = np.sin(np.pi * x) + noise * deviations.standard_normal((n, n_datasets)).T
grid = np.linspace(-1, 1, 201)
truth = np.sin(np.pi * grid)
fresh = truth + noise * targets.standard_normal((n_datasets, grid.size))

for degree in ({values["degree_a"]}, {values["degree_b"]}):
    fits = np.array([np.polynomial.polynomial.polyval(grid, fit(x, row, degree)) for row in y])
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
    return f"""{_head(values)}
for degree in ({values["degree_a"]}, {values["degree_b"]}):
    w = fit(x, y, degree)[1:]
    print(f"degree {{degree}}: largest {{np.abs(w).max(initial=0):.6g}}, "
          f"sum of sizes {{np.abs(w).sum():.6g}}, exactly zero {{np.sum(w == 0)}}")
"""


def more_data(values: Values) -> str:
    """The errors of A and B with the number of points that is set."""
    return f"""\
import numpy as np
from sklearn.linear_model import Ridge

noise, n_datasets, most = {values["noise"]!r}, 20, 200

{RIDGE.format(penalty=values["penalty"])}

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
        w = fit(x_n, y_n, degree)
        f = np.polynomial.polynomial.polyval
        train_mse.append(np.mean((y_n - f(x_n, w)) ** 2))
        test_mse.append(np.mean((np.sin(np.pi * grid) - f(grid, w)) ** 2) + noise**2)
    print(f"degree {{degree}}: training MSE {{np.median(train_mse):.4g}}, "
          f"test MSE {{np.median(test_mse):.4g}}")
"""


def penalty(values: Values, penalties: Sequence[float], folds: int) -> str:
    """The best penalty for B, by the test error and by cross-validation."""
    return f"""{_head(values)}
from sklearn.model_selection import KFold

degree, penalties = {values["degree_b"]}, np.array({[*penalties]})
test_mse = [mse(fit(x, y, degree, penalty), x_test, y_test) for penalty in penalties]
cv_mse = [
    np.mean([mse(fit(x[kept], y[kept], degree, penalty), x[left_out], y[left_out])
             for kept, left_out in KFold({folds}).split(x)])
    for penalty in penalties
]
for best in (np.argmin(test_mse), np.argmin(cv_mse)):
    print(f"best penalty {{penalties[best]:.4g}}, its test MSE {{test_mse[best]:.4g}}")
"""


def double_descent(n: int, noise: float, seed: int, n_datasets: int) -> str:
    """The errors before, at and far past the peak, without and with a tuned penalty."""
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


def test_mse(weights, degree):
    distance = features(nodes, degree) @ weights - np.sin(np.pi * nodes)[:, None]
    return np.mean(node_weights / 2 @ distance**2) + noise**2


for degree in (3, n - 1, 400):
    X = features(x, degree)
    least_norm = np.linalg.lstsq(X, y, rcond=1e-14)[0]
    # Leave-one-out for each data set; alpha is n times our penalty.
    alphas = n * np.logspace(-6, 2, 25)
    tuned = RidgeCV(alphas, fit_intercept=False, alpha_per_target=True).fit(X, y)
    print(f"degree {{degree}}: test MSE {{test_mse(least_norm, degree):.4g}}, "
          f"with tuned penalty {{test_mse(tuned.coef_.T, degree):.4g}}")
"""


def _head(values: Values) -> str:
    """The imports, the functions and the points, as a hand has left them."""
    lasso = values["penalty_kind"] == "l1"
    fit_source = (LASSO if lasso else RIDGE).format(penalty=values["penalty"])
    return f"""\
import numpy as np
from sklearn.linear_model import {"Lasso" if lasso else "Ridge"}


{SINE.format(noise=values["noise"])}

{fit_source}

{MSE}

train_rng, test_rng = np.random.default_rng({values["seed"]}).spawn(2)
x, y = noisy_sine({values["n_points"]}, train_rng)
x_test, y_test = noisy_sine(1000, test_rng)
{_edits(values)}"""


def _edits(values: Values) -> str:
    edits = points.read(dict(values), values["n_points"])
    lines = [f"x[{i}], y[{i}] = {x!r}, {y!r}  # moved by hand" for i, (x, y) in edits.moved.items()]
    if edits.removed:
        lines.append(f"x, y = np.delete(x, {[*edits.removed]}), np.delete(y, {[*edits.removed]})")
    if edits.added:
        xs, ys = ([*column] for column in zip(*edits.added, strict=True))
        lines.append(f"x, y = np.append(x, {xs}), np.append(y, {ys})")
    return "".join(f"{line}\n" for line in lines)
