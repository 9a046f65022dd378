"""The constraint figure as code to take home."""


def source(
    *, center_x: float, center_y: float, eccentricity: float, angle: float, budget: float
) -> str:
    """SciPy code that finds the screen's two constrained optima with these values."""
    return f"""\
import numpy as np
from scipy.optimize import minimize

center, eccentricity, angle = np.array([{center_x!r}, {center_y!r}]), {eccentricity!r}, {angle!r}
budget = {budget!r}

t = np.radians(angle)
axes = np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]])
H = axes @ np.diag([eccentricity**-0.5, eccentricity**0.5]) @ axes.T


def loss(w):
    return 0.5 * (w - center) @ H @ (w - center)


def gradient(w):
    return H @ (w - center)


# L2: one smooth constraint, |w|^2 <= budget^2.
circle = {{"type": "ineq", "fun": lambda w: budget**2 - w @ w, "jac": lambda w: -2 * w}}
# L1: the diamond has four straight sides, sign . w <= budget.
signs = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])
diamond = {{"type": "ineq", "fun": lambda w: budget - signs @ w, "jac": lambda w: -signs}}

for name, constraint in (("L2", circle), ("L1", diamond)):
    w = minimize(
        loss, [0.01, 0.01], jac=gradient, constraints=constraint, method="SLSQP", tol=1e-12
    ).x
    print(f"{{name}}: w = ({{w[0]:.4f}}, {{w[1]:.4f}}), loss {{loss(w):.4f}}")
"""
