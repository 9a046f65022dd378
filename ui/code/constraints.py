"""The constraint figures as code to take home."""

from __future__ import annotations

from typing import Any

Values = dict[str, Any]


def _loss(values: Values) -> str:
    return f"""\
center = np.array([{values["center_x"]!r}, {values["center_y"]!r}])
eccentricity, angle = {values["eccentricity"]!r}, {values["angle"]!r}
along, across = eccentricity**-0.5, eccentricity**0.5  # the long axis
turn = np.radians(angle)
cos, sin = np.round([np.cos(turn), np.sin(turn)], 15)  # the cosine of 90 degrees is 0, not 6e-17
H = along * np.eye(2) + (across - along) * np.array([[sin**2, -cos * sin], [-cos * sin, cos**2]])
"""


_VALUE = """

def loss(w):
    return 0.5 * np.sum((w - center) @ H * (w - center), axis=-1)

"""


def figure(values: Values) -> str:
    """Code that finds the solutions: by search along each ball, or with scikit-learn."""
    if values["formulation"] == "penalty":
        return _penalty(values)
    orders = [2, 1]
    if values["norm_order"] not in ("1", "2"):
        orders.append(float(values["norm_order"]))
    listed = ", ".join("np.inf" if order == float("inf") else f"{order:g}" for order in orders)
    return f"""\
import numpy as np

{_loss(values)}budget = {values["budget"]!r}
{_VALUE}
def norm(w, q):
    if q == np.inf:
        return np.abs(w).max(axis=-1)
    return (np.abs(w) ** q).sum(axis=-1) ** (1 / q)


# The best point of the ball: the optimum itself, or else the best of its boundary.
turn = np.linspace(0, 2 * np.pi, 800_001)
circle = np.round(np.column_stack([np.cos(turn), np.sin(turn)]), 12)
for q in ({listed}):
    if norm(center, q) <= budget:
        w = center
    else:
        boundary = budget * circle / norm(circle, q)[:, None]
        w = boundary[loss(boundary).argmin()]
    print(f"L{{q}}: w = ({{w[0]:.4f}}, {{w[1]:.4f}}), loss {{loss(w):.4f}}")
"""


def _penalty(values: Values) -> str:
    return f"""\
import numpy as np
from sklearn.linear_model import Lasso, Ridge

{_loss(values)}penalty = {values["penalty"]!r}
{_VALUE}
# Two rows of data whose squared error is the loss: |y - X w|^2 = (w - c)' H (w - c).
X = np.linalg.cholesky(H).T
y = X @ center
ridge = Ridge(alpha=2 * penalty, fit_intercept=False)  # |y - X w|^2 + alpha * |w|^2
if penalty == 0:
    lasso = ridge
else:  # |y - X w|^2 / (2 n) + alpha * sum |w|, with n = 2 rows
    lasso = Lasso(alpha=penalty / 2, fit_intercept=False, tol=1e-12, max_iter=100_000)
for q, model in ((2, ridge), (1, lasso)):
    w = model.fit(X, y).coef_
    print(f"L{{q}}: w = ({{w[0]:.4f}}, {{w[1]:.4f}}), loss {{loss(w):.4f}}")
"""


def zeros(values: Values) -> str:
    """Code that maps where L2 and L1 give zeros."""
    return f"""\
import numpy as np

{_loss(values)}budget = {values["budget"]!r}

side = np.linspace(-7, 7, 200)
aside = 1e-6 * np.sqrt([2, 3])  # lines without width may pass through round numbers
centers = np.stack(np.meshgrid(*(side + step for step in aside)), axis=-1)


def zeros(q):
    \"\"\"Where one of the four points on the axes is the best of the ball.\"\"\"
    found = np.zeros(centers.shape[:2], dtype=bool)
    for i in (0, 1):
        for sign in (1, -1):
            end = np.zeros(2)
            end[i] = sign * budget
            force = (centers - end) @ H  # minus the gradient of the loss there
            across = np.abs(force[..., 1 - i])
            along = sign * force[..., i]
            found |= (along >= 0) & (across <= (along if q == 1 else 0))
    return found & (np.linalg.norm(centers, ord=q, axis=-1) > budget)


for q in (2, 1):
    print(f"L{{q}}: {{100 * zeros(q).mean():.1f}} % of the square")
"""


def path(values: Values) -> str:
    """Code that computes the kinks of L1's path with scikit-learn."""
    return f"""\
import numpy as np
from sklearn.linear_model import lars_path

{_loss(values)}
# Two rows of data whose squared error is the loss: |y - X w|^2 = (w - c)' H (w - c).
X = np.linalg.cholesky(H).T
# On round numbers two weights may enter together, over which lars_path stumbles: so we look a
# hair beside them, and leave out pieces as short as that.
y = X @ (center + 1e-8 * np.array([1, 2**0.5]))
_alphas, _active, knots = lars_path(X, y, method="lasso")
knots = knots[:, np.append(True, np.abs(np.diff(knots)).sum(axis=0) > 1e-6)]
print(f"{{knots.shape[1] - 1}} straight pieces")
if knots.shape[1] > 2:
    print(f"the second weight enters at budget {{np.abs(knots[:, 1]).sum():.4f}}")
else:
    both = (np.abs(knots[:, -1]) > 1e-6).all()
    print("both weights enter at budget 0" if both else "one weight stays zero")
"""


def descent(values: Values, start: tuple[float, float], n_steps: int) -> str:
    """Code that goes downhill three ways."""
    return f"""\
import numpy as np

{_loss(values)}penalty, learning_rate = {values["penalty"]!r}, {values["learning_rate"]!r}
shrink = learning_rate * penalty


def settled(left, *terms):
    \"\"\"What is left of the terms: zero where that is rounding alone.\"\"\"
    return np.where(np.abs(left) <= 2.0**-48 * sum(map(np.abs, terms)), 0, left)


def proximal(w):
    down = learning_rate * H @ (w - center)
    left = np.sign(w - down) * np.maximum(np.abs(w - down) - shrink, 0)
    return settled(left, w, down, shrink)


def subgradient(w):
    down, held = learning_rate * H @ (w - center), shrink * np.sign(w)
    return settled(w - down - held, w, down, held)


def l2(w):
    down, held = learning_rate * H @ (w - center), shrink * 2 * w
    return settled(w - down - held, w, down, held)


for step in (proximal, subgradient, l2):
    w = np.array({list(start)!r})
    for _ in range({n_steps}):
        after = step(w)
        if np.abs(after).max() > 1e6:  # it diverges
            break
        w = after
    print(f"w = ({{w[0]:.6g}}, {{w[1]:.6g}})")
"""


def how_often(values: Values) -> str:
    """Code that repeats the experiment for L2 and L1, with draws of its own."""
    shapes = {
        "symmetric": "b, d = a, 0 * a",
        "general": "b, d = rng.uniform(0, 10, n), rng.uniform(-2, 2, n)",
        "axis_aligned": "a, b, d = *np.where(rng.random(n) < 0.5, [a, a * 0 + 0.1], "
        "[a * 0 + 0.1, a]), 0 * a",
    }
    return f"""\
import numpy as np

rng = np.random.default_rng({values["seed"]!r})
budget, n = {values["budget"]!r}, 20_000
c = rng.uniform(-10, 10, (n, 2))
a = rng.uniform(0, 10, n)
{shapes[values["shape"]]}
sound = 4 * a * b > d**2  # no saddles
H = np.stack([np.stack([2 * a, d], -1), np.stack([d, 2 * b], -1)], -2)

for q in (2, 1):
    outside = sound & (np.linalg.norm(c, ord=q, axis=1) > budget)
    zero = np.zeros(n, dtype=bool)
    for i in (0, 1):  # is one of the four points on the axes the best of the ball?
        for sign in (1, -1):
            end = np.zeros(2)
            end[i] = sign * budget
            force = np.einsum("nij,nj->ni", H, c - end)
            along, across = sign * force[:, i], np.abs(force[:, 1 - i])
            zero |= (along >= 0) & (across <= (along if q == 1 else 0))
    print(f"L{{q}}: {{100 * (zero | (budget == 0))[outside].mean():.1f}} % with an exact zero")
"""


def one_dimension(values: Values, start: float, n_steps: int) -> str:
    """Code that rolls the three balls."""
    return f"""\
from fractions import Fraction

# Fractions: ten steps of 0.2 lead from 2 to 0, and not to 4e-16.
penalty, learning_rate = Fraction("{values["penalty"]!r}"), Fraction("{values["learning_rate"]!r}")
shrink = learning_rate * penalty

steps = (
    lambda x: max(x - shrink, 0),  # |x| from above, proximal
    lambda x: x - shrink * ((x > 0) - (x < 0)),  # |x|, its sign
    lambda x: x - shrink * 2 * x,  # x^2
)
for step in steps:
    x = Fraction("{start!r}")
    for _ in range({n_steps}):
        if abs(step(x)) > 1e6:  # it diverges
            break
        x = step(x)
    print(f"{{float(x):.6g}}")
"""
