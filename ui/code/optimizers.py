"""Paths, one step and house prices as code to take home."""

from __future__ import annotations

from typing import Any

_LOSSES = {
    "bowl": "H = torch.diag(torch.tensor([1.0, 1.0]))",
    "ill_scaled": "H = torch.diag(torch.tensor([1.0, 25.0]))",
    "rotated": "H = torch.tensor([[7.0, -6 * 3**0.5], [-6 * 3**0.5, 19.0]])",
    "narrow_valley": "0.05 * (w[0] - 2) ** 2 + (1 + 100 * (w[1] - 1) ** 2).sqrt() - 1",
    "rosenbrock": "(1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2",
}
_STARTS = {"narrow_valley": "[-2.0, 2.0]", "rosenbrock": "[-1.2, 1.0]"}


def _loss(name: str) -> str:
    text = _LOSSES[name]
    if text.startswith("H"):
        text, value = (
            f"{text}\ncenter = torch.tensor([2.0, 1.0])\n\n\n",
            ("0.5 * (w - center) @ H @ (w - center)"),
        )
    else:
        text, value = "\n", text
    return f"""\
import torch

torch.set_default_dtype(torch.float64)
{text}def loss(w):
    return {value}


start = {_STARTS.get(name, "[-2.0, 2.5]")}
"""


def paths(values: dict[str, Any]) -> str:
    """PyTorch code that prints where the four rules end."""
    v = values
    return f"""\
{_loss(v["loss"])}lr, adam_lr = {v["learning_rate"]!r}, {v["adam_learning_rate"]!r}
weight_decay = {v["weight_decay"]!r}
betas = ({v["beta1"]!r}, {v["beta2"]!r})
optim = torch.optim
rules = {{
    "SGD": lambda w: optim.SGD(w, lr, weight_decay=weight_decay),
    "momentum": lambda w: optim.SGD(w, lr, momentum={v["momentum"]!r}, weight_decay=weight_decay),
    "Adam": lambda w: optim.Adam(w, adam_lr, betas, weight_decay=weight_decay),
    "AdamW": lambda w: optim.AdamW(w, adam_lr, betas, weight_decay=weight_decay),
}}
for name, rule in rules.items():
    w = torch.tensor(start, requires_grad=True)
    optimizer = rule([w])
    for _ in range({v["n_steps"]}):
        optimizer.zero_grad()
        loss(w).backward()
        optimizer.step()
        if not w.abs().max() <= 1e6:
            break
    ends = f"ends at ({{w[0].item():.4f}}, {{w[1].item():.4f}})"
    print(name, ends if w.abs().max() <= 1e6 else "diverges")
"""


def step(values: dict[str, Any]) -> str:
    """PyTorch code that opens one step of Adam and of AdamW."""
    v = values
    return f"""\
{_loss(v["loss"])}t, lr = {v["t"]}, {v["adam_learning_rate"]!r}
betas = ({v["beta1"]!r}, {v["beta2"]!r})
for rule in (torch.optim.Adam, torch.optim.AdamW):
    w = torch.tensor(start, requires_grad=True)
    optimizer = rule([w], lr, betas, weight_decay={v["weight_decay"]!r})
    for _ in range(t):
        optimizer.zero_grad()
        loss(w).backward()
        optimizer.step()
    m, s = optimizer.state[w]["exp_avg"], optimizer.state[w]["exp_avg_sq"]
    print(rule.__name__)
    print("  m    ", m.tolist())
    print("  v    ", s.tolist())
    print("  m_hat", (m / (1 - betas[0] ** t)).tolist())
    print("  v_hat", (s / (1 - betas[1] ** t)).tolist())
    print("  w    ", w.tolist())
"""


def house_prices(values: dict[str, Any]) -> str:
    """PyTorch code that trains the line through the five houses."""
    v = values
    scale = {
        "nothing": "x_mean, x_std, y_mean, y_std = 0.0, 1.0, 0.0, 1.0",
        "input": "x_mean, x_std, y_mean, y_std = x.mean(), x.std(correction=0), 0.0, 1.0",
        "both": "x_mean, x_std = x.mean(), x.std(correction=0)\n"
        "y_mean, y_std = y.mean(), y.std(correction=0)",
    }[v["standardise"]]
    return f"""\
import numpy as np
import torch

torch.set_default_dtype(torch.float64)
x = torch.tensor([[100.0], [200.0], [300.0], [400.0], [500.0]])
y = torch.tensor([[150.0], [300.0], [450.0], [600.0], [750.0]])
{scale}
inputs, targets = (x - x_mean) / x_std, (y - y_mean) / y_std

model = torch.nn.Linear(1, 1)
slope, intercept = np.random.default_rng({v["seed"]}).standard_normal(2)
with torch.no_grad():
    model.weight.fill_(slope)
    model.bias.fill_(intercept)
optimizer = torch.optim.AdamW(
    model.parameters(), lr={v["house_learning_rate"]!r}, weight_decay={v["house_weight_decay"]!r}
)
for _ in range({v["house_steps"]}):
    optimizer.zero_grad()
    torch.nn.functional.mse_loss(model(inputs), targets).backward()
    optimizer.step()
with torch.no_grad():
    at = (torch.tensor([[0.0], [1.0]]) - x_mean) / x_std
    intercept, next_ = (y_mean + y_std * model(at)).ravel().tolist()
print(f"price = {{next_ - intercept:.4f}} * area + {{intercept:.4f}}")
"""
