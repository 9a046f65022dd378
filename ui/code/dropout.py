"""Dropout as code to take home, one piece for each view."""

from collections.abc import Sequence
from itertools import pairwise

from sim.dropout.records import N_TEST, Settings


def masks(*, layer_sizes: Sequence[int], rates: Sequence[float], samples: int, seed: int) -> str:
    """PyTorch code for training passes and inference with these sizes."""
    layers = []
    for (before, after), rate in zip(pairwise(layer_sizes[:-1]), rates, strict=True):
        layers += [f"nn.Linear({before}, {after})", "nn.Tanh()", f"nn.Dropout(p={rate!r})"]
    layers.append(f"nn.Linear({layer_sizes[-2]}, {layer_sizes[-1]})")
    body = "\n".join(f"    {layer}," for layer in layers)
    return f"""\
import torch
from torch import nn

torch.manual_seed({seed})
network = nn.Sequential(
{body}
)
x = torch.randn({samples}, {layer_sizes[0]})

network.train()  # every pass draws new masks, for every sample its own
passes = torch.stack([network(x) for _ in range(100)])

network.eval()  # all units take part; nothing is scaled, training did that
print("inference:", network(x)[0].detach())
print("training, spread over 100 passes:", passes[:, 0].std(dim=0).detach())

hidden = torch.ones(1000, {layer_sizes[1]})
kept = torch.nn.functional.dropout(hidden, p={rates[0]!r}, training=True)
print("a kept output is multiplied by", kept.max().item())
print("share of units kept:", (kept > 0).float().mean().item())
"""


def samples(
    *, layer_sizes: Sequence[int], rates: Sequence[float], samples: int, passes: int, seed: int
) -> str:
    """numpy code that compares masks of samples and of passes."""
    return f"""\
import numpy as np

units, rates = {tuple(layer_sizes[1:-1])}, {tuple(rates)}  # of the hidden layers
streams = np.random.default_rng({seed}).spawn(len(units))
layers = [
    np.stack([sample.random(({passes}, n)) for sample in stream.spawn({samples})], axis=1) >= p
    for n, p, stream in zip(units, rates, streams)
]
kept = np.concatenate(layers, axis=-1)  # pass, sample, unit; torch.nn.Dropout draws so, too

print("units that differ between the samples:", (kept[:, 0] != kept[:, 1]).mean())
print("units that differ between the passes:", (kept[1:, 0] != kept[:-1, 0]).mean())
print("kept in the first sample and in the second:", *kept[:, :2].mean(axis=(0, 2)))
"""


def scaling(
    *,
    layer_sizes: Sequence[int],
    p: float,
    n_candidates: int,
    n_masks: int,
    inverted: bool,
    seed: int,
) -> str:
    """numpy code for the input of one unit under many masks."""
    divided = f" / (1 - {p!r})" if inverted else ""
    return f"""\
import numpy as np

start, samples, masks = np.random.default_rng({seed}).spawn(3)
sizes = {tuple(layer_sizes)}
first, second, *_ = [
    stream.standard_normal((after, before)) * np.sqrt(2 / before)
    for before, after, stream in zip(sizes, sizes[1:], start.spawn(len(sizes) - 1))
]
outputs = np.maximum(0, samples.standard_normal(({n_candidates}, sizes[0])) @ first.T)
sums = abs(outputs @ second.T)
sample, unit = np.unravel_index(sums.argmax(), sums.shape)  # the pair with the largest input
h, w = outputs[sample], second[unit]

kept = masks.random(({n_masks}, h.size)) >= {p!r}
inputs = (kept * h{divided}) @ w

print("at inference:", h @ w)
print("mean over the masks:", inputs.mean())
print("mean over the masks : inference =", inputs.mean() / (h @ w))
"""


def fit(settings: Settings, *, p: float) -> str:
    """PyTorch code that trains the large net without and with dropout."""
    return f"""\
import numpy as np
import torch
from torch import nn

def noisy_sine(n, rng):
    positions, deviations = rng.spawn(2)
    x = positions.uniform(-1, 1, n)
    y = np.sin(np.pi * x) + {settings.noise} * deviations.standard_normal(n)
    return [torch.tensor(v, dtype=torch.float32)[:, None] for v in (x, y)]

first, second = np.random.default_rng({settings.seed}).spawn(2)
x, y = noisy_sine({settings.n_points}, first)
x_new, y_new = noisy_sine({N_TEST}, second)

def train(widths, p):
    torch.manual_seed({settings.seed})  # the same start, with dropout or without
    sizes = [1, *widths]
    layers = []
    for before, after in zip(sizes, sizes[1:]):
        linear = nn.Linear(before, after)
        nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
        nn.init.zeros_(linear.bias)
        layers += [linear, nn.ReLU(), nn.Dropout(p)]
    with torch.no_grad():  # kinks anywhere in [-1, 1]
        layers[0].weight.normal_(0, 5)
        layers[0].bias.copy_(-layers[0].weight[:, 0] * (2 * torch.rand(sizes[1]) - 1))
    network = nn.Sequential(*layers, nn.Linear(sizes[-1], 1))
    optimizer = torch.optim.Adam(network.parameters(), lr={settings.learning_rate})
    for _ in range({settings.steps}):
        loss = ((network(x) - y) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    with torch.no_grad():
        return network, ((network(x_new) - y_new) ** 2).mean().item()

large, test_error = train({settings.large}, p=0.0)
print("large net, test:", test_error)
dropout, test_error = train({settings.large}, p={p!r})
print("with dropout, test:", test_error)
"""


def uncertainty(settings: Settings, *, p: float, n_masks: int) -> str:
    """The code of `fit`, and Monte-Carlo dropout with the network it trains."""
    return f"""\
{fit(settings, p=p)}
dropout.train()  # masks on, though nothing is trained
grid = torch.linspace(-2, 2, 101)[:, None]
with torch.no_grad():
    draws = torch.stack([dropout(grid)[:, 0] for _ in range({n_masks})])
mean, spread = draws.mean(dim=0), draws.std(dim=0)
inside = grid[:, 0].abs() <= 1
print("spread where points are:", spread[inside].mean().item())
print("spread where none are:", spread[~inside].mean().item())
"""


def ridge(
    *,
    corruption: str,
    p: float,
    input_noise: float,
    n_masks: int,
    seed: int,
    n_rows: int,
    weights: Sequence[float],
    scales: Sequence[float],
    row_noise: float,
) -> str:
    """numpy code for the loss by formula and by masks, and for both minima."""
    if corruption == "dropout":
        draw = f"X * (rng.random(({n_masks}, *X.shape)) >= {p!r}) / (1 - {p!r})"
        cost = f"{p!r} / (1 - {p!r}) * (X**2).sum(axis=0)"
    else:
        draw = f"X + {input_noise!r} * rng.standard_normal(({n_masks}, *X.shape))"
        cost = f"np.full({len(weights)}, {n_rows} * {input_noise!r} ** 2)"
    return f"""\
import numpy as np

rng = np.random.default_rng({seed})
X = rng.standard_normal(({n_rows}, {len(weights)})) * {tuple(scales)}
y = X @ {tuple(weights)} + {row_noise!r} * rng.standard_normal({n_rows})
w = np.linalg.lstsq(X, y, rcond=None)[0]

copies = {draw}
cost = {cost}  # a λ for each weight

print("by formula:", ((y - X @ w) ** 2).sum() + (cost * w**2).sum())
print("by masks:", ((y - copies @ w) ** 2).sum(axis=1).mean())

ridge = np.linalg.solve(X.T @ X + np.diag(cost), X.T @ y)
stacked = np.linalg.lstsq(copies.reshape(-1, {len(weights)}), np.tile(y, {n_masks}), rcond=None)[0]
print("largest difference of weights:", np.abs(ridge - stacked).max())
"""
