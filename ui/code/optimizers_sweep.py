"""The heat maps of the optimizers screen as code to take home."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_DIABETES = """\
from sklearn.datasets import load_diabetes

splits, batches = np.random.default_rng({seed}).spawn(2)
x, y = load_diabetes(return_X_y=True)
x = x / x.std(axis=0)
first, second = np.triu_indices(10)
x = np.hstack([x, x[:, first] * x[:, second]])  # 10 measurements and their 55 products
order = splits.permutation(len(y))
train, test = order[:100], order[100:]
x = (x - x[train].mean(axis=0)) / x[train].std(axis=0)
y = (y - y[train].mean()) / y[train].std()
chosen = [train[batches.integers(0, 100, 10)] for _ in range(300)]  # mini-batches
start = np.zeros(65)


def gradient(w, batch):
    return 0.2 * ((w @ x[batch].T - y[batch]) @ x[batch])


def test_loss(w):
    return ((w @ x[test].T - y[test]) ** 2).mean(axis=-1)


def schedule(step):
    return 0.5 * (1 + np.cos(np.pi * step / 300))
"""

_DIGITS = """\
from sklearn.datasets import load_digits

splits, batches = np.random.default_rng({seed}).spawn(2)
images, labels = load_digits(return_X_y=True)
x = images.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, 16)  # 4 by 4 pixels
order = splits.permutation(len(labels))
train, test = order[:200], order[200:]
x = x - x[train].mean(axis=0)
x = x / np.linalg.norm(x, axis=1, keepdims=True)
start = 0.3 * splits.standard_normal(160)  # 10 classes, 16 weights each
chosen = [train[batches.integers(0, 200, 40)] for _ in range(300)]  # mini-batches


def probabilities(w, which):  # of the classes: only the direction of their weights counts
    w = w.reshape(*w.shape[:2], 10, 16)
    length = np.linalg.norm(w, axis=-1, keepdims=True)
    p = np.exp(10 * x[which] @ np.swapaxes(w / length, -1, -2))
    return p / p.sum(axis=-1, keepdims=True), w / length, length


def gradient(w, batch):
    p, u, length = probabilities(w, batch)
    g = 10 / 40 * np.swapaxes(p - np.eye(10)[labels[batch]], -1, -2) @ x[batch]
    return ((g - u * (g * u).sum(axis=-1, keepdims=True)) / length).reshape(w.shape)


def test_loss(w):
    p, _, _ = probabilities(w, test)
    return -np.log(p[..., np.arange(len(test)), labels[test]]).mean(axis=-1)


def schedule(step):
    return 1.0
"""


def sweep(
    fit: str,
    *,
    along_rates: bool,
    per_step: bool,
    rows: Array,
    decays: dict[str, Array],
    seed: int,
) -> str:
    """NumPy code that finds the best weight decay of every row, for both rules."""
    rate, scale = ("rows[:, None, None]", "1.0") if along_rates else ("0.03", "rows[:, None, None]")
    counted = "\n            decay = decay / rate  # counted per step, as in the paper"
    columns = "\n".join(f'    "{rule}": {_powers(each)},' for rule, each in decays.items())
    data = _DIGITS if fit == "digits" else _DIABETES
    return f"""\
import numpy as np
{data.format(seed=seed)}

rows = {_powers(rows)}
rate, scale = {rate}, {scale}  # of the learning, of the loss
columns = {{
{columns}
}}
for rule, decays in columns.items():
    w = np.tile(start, (len(rows), len(decays), 1))
    m, v = np.zeros_like(w), np.zeros_like(w)
    for t, batch in enumerate(chosen, 1):
        decay = decays[:, None]
        now = rate * schedule(t - 1)
        g = scale * gradient(w, batch)
        if rule == "Adam":
            g = g + decay * w  # divided by the root of v below, with the rest of g
        else:{counted if per_step else ""}
            w = w - now * decay * w  # divided by nothing
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        w = w - now * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    losses = test_loss(w)
    for row, column in zip(rows, losses.argmin(axis=1)):
        print(f"{{rule}} {{row:.3g}}: best weight decay {{decays[column]:.3g}}")
"""


def _powers(values: Array) -> str:
    low, high = (round(float(np.log10(value)), 6) for value in (values[0], values[-1]))
    return f"np.logspace({low}, {high}, {len(values)})"
