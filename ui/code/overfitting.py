"""The overfitting figure as code to take home."""


def source(
    *, degree_a: int, degree_b: int, n_points: int, noise: float, penalty: float, seed: int
) -> str:
    """NumPy and scikit-learn code that computes the screen's errors with these values."""
    return f"""\
import numpy as np
from sklearn.linear_model import Ridge
from sklearn.preprocessing import PolynomialFeatures

degree_a, degree_b, penalty = {degree_a}, {degree_b}, {penalty!r}


def noisy_sine(n, rng, noise={noise!r}):
    positions, deviations = rng.spawn(2)
    x = positions.uniform(-1, 1, n)
    return x, np.sin(np.pi * x) + noise * deviations.standard_normal(n)


def fit(x, y, degree):
    features = PolynomialFeatures(degree, include_bias=False) if degree else None
    X = features.fit_transform(x[:, None]) if degree else np.zeros((len(x), 1))
    # Ridge's alpha is n times our penalty. Without a penalty scikit-learn's least squares cuts
    # off small directions, so use NumPy's, on centred columns: the intercept is never penalised.
    if penalty:
        ridge = Ridge(alpha=penalty * len(x), solver="svd").fit(X, y)
        weights, intercept = ridge.coef_, ridge.intercept_
    else:
        means = X.mean(axis=0)
        weights = np.linalg.lstsq(X - means, y - y.mean())[0]
        intercept = y.mean() - means @ weights
    return np.concatenate([[intercept], weights])[: degree + 1]


train_rng, test_rng = np.random.default_rng({seed}).spawn(2)
x, y = noisy_sine({n_points}, train_rng)
x_test, y_test = noisy_sine(1000, test_rng)

for degree in (degree_a, degree_b):
    w = fit(x, y, degree)
    train_mse = np.mean((y - np.polynomial.polynomial.polyval(x, w)) ** 2)
    test_mse = np.mean((y_test - np.polynomial.polynomial.polyval(x_test, w)) ** 2)
    print(f"degree {{degree}}: training MSE {{train_mse:.4g}}, test MSE {{test_mse:.4g}}")
"""
