"""The figures of weight decay as code to take home."""

from collections.abc import Sequence


def canyons(*, steepness: Sequence[float], learning_rate: float, height: float, steps: int) -> str:
    """Plain Python that descends every canyon."""
    return f"""\
import math

learning_rate = {learning_rate!r}

for a in {[float(a) for a in steepness]}:
    x = math.sqrt({height!r} / a)  # all start at the same height
    factor = 1 - 2 * learning_rate * a
    for _ in range({steps}):
        x *= factor  # x - learning_rate * 2 * a * x
    end = f"height {{a * x**2:.3g}}" if abs(factor) < 1 else "no way down"
    print(f"a = {{a:g}}: factor {{factor:.4g}}, 2/L = {{1 / a:.4g}}, {{end}}")
"""


def forms(
    *, penalty: float, learning_rate: float, dtype: str, seed: int, n_train: int, batch_size: int
) -> str:
    """PyTorch code that trains under the three forms, side by side."""
    return f"""\
import numpy as np
import torch

penalty, learning_rate, dtype = {penalty!r}, {learning_rate!r}, torch.{dtype}

data, order = np.random.default_rng({seed}).spawn(2)
x = torch.tensor(data.standard_normal(({n_train}, 5)), dtype=dtype)
truth, start = torch.tensor(data.standard_normal((2, 5)), dtype=dtype)
y = x @ truth + torch.tensor(0.1 * data.standard_normal({n_train}), dtype=dtype)
a, b, c = (start.clone().requires_grad_() for _ in range(3))


def loss(w):
    return ((x[batch] @ w - y[batch]) ** 2).mean()


for step in range(100):
    batch = order.choice({n_train}, {batch_size}, replace=False)
    (grad_a,) = torch.autograd.grad(loss(a) + penalty * (a**2).sum(), a)
    (grad_b,) = torch.autograd.grad(loss(b), b)
    (grad_c,) = torch.autograd.grad(loss(c), c)
    with torch.no_grad():
        a -= learning_rate * grad_a
        b -= learning_rate * (grad_b + 2 * penalty * b)
        c.copy_((1 - 2 * learning_rate * penalty) * c - learning_rate * grad_c)

weights = torch.stack([a, b, c]).detach()
print("norm of w:", weights[2].norm().item())
print("largest difference:", (weights.max(dim=0).values - weights.min(dim=0).values).max().item())
n = {n_train}
print("the same model:", penalty, "|w|^2 or", 2 * penalty, "/ 2 |w|^2")
print("or weight_decay =", 2 * penalty, "in torch.optim.SGD")
print("or alpha =", n * penalty, "in Ridge")
"""


def regression(
    *,
    weight_decays: Sequence[float],
    learning_rate: float,
    decay_bias: bool,
    implicit: bool,
    seed: int,
) -> str:
    """PyTorch code that trains the regression with each of the weight decays."""
    decay = "0.0" if implicit else "weight_decay"
    bias = decay if decay_bias else "0.0"
    shrink = ""
    if implicit:
        shrunk = "net.parameters()" if decay_bias else "[net.weight]"
        shrink = f"""
            with torch.no_grad():  # the implicit form: divide after the step
                for parameter in {shrunk}:
                    parameter /= 1 + learning_rate * weight_decay"""
    return f"""\
import numpy as np
import torch
from torch import nn

learning_rate = {learning_rate!r}


def samples(n, rng):
    x = rng.standard_normal((n, 200))
    y = 0.05 + x @ np.full(200, 0.01) + 0.01 * rng.standard_normal(n)
    return torch.from_numpy(x), torch.from_numpy(y)[:, None]


def train(weight_decay):
    for_train, for_test, for_start, order = np.random.default_rng({seed}).spawn(4)
    (x, y), (x_test, y_test) = samples(20, for_train), samples(100, for_test)
    net, loss = nn.Linear(200, 1, dtype=torch.float64), nn.MSELoss()
    with torch.no_grad():
        net.weight[0] = torch.from_numpy(for_start.standard_normal(200))
        net.bias.fill_(0.0)
    groups = [
        {{"params": net.weight, "weight_decay": {decay}}},
        {{"params": net.bias, "weight_decay": {bias}}},
    ]
    trainer = torch.optim.SGD(groups, lr=learning_rate)
    for epoch in range(100):
        for batch in order.permutation(20).reshape(4, 5):
            trainer.zero_grad()
            loss(net(x[batch]), y[batch]).backward()
            trainer.step(){shrink}
        if max(p.abs().max() for p in net.parameters()) > 1000:
            return "diverged"
    with torch.no_grad():
        return (
            f"training loss {{loss(net(x), y):.4g}}, test loss {{loss(net(x_test), y_test):.4g}}, "
            f"norm of w {{net.weight.norm():.4g}}, bias {{net.bias.item():.4g}}"
        )


for weight_decay in {list(weight_decays)}:
    print(f"weight decay {{weight_decay:g}}:", train(weight_decay))
"""


def sparse(*, l1_penalty: float, l2_penalty: float, seed: int) -> str:
    """NumPy code for the two descents; at their ends stand scikit-learn's Lasso and Ridge."""
    return f"""\
import numpy as np

for_train, for_test, for_signs = np.random.default_rng({seed}).spawn(3)
truth = np.zeros(30)
truth[::6] = for_signs.choice([-1.0, 1.0], 5)
x, x_test = for_train.standard_normal((60, 30)), for_test.standard_normal((200, 30))
y = x @ truth + for_train.standard_normal(60)
y_test = x_test @ truth + for_test.standard_normal(200)

l1_penalty, l2_penalty = {l1_penalty!r}, {l2_penalty!r}
eta = 1 / np.linalg.eigvalsh(2 / 60 * x.T @ x)[-1]
l1, l2 = np.zeros(30), np.zeros(30)
for step in range(300):
    l1 = l1 - eta * 2 / 60 * x.T @ (x @ l1 - y)
    l1 = np.sign(l1) * np.maximum(abs(l1) - eta * l1_penalty, 0)  # soft threshold
    l2 = l2 - eta * 2 / 60 * x.T @ (x @ l2 - y)
    l2 = l2 / (1 + 2 * eta * l2_penalty)  # shrink

# the same, to the end: Lasso(alpha=l1_penalty / 2), Ridge(alpha=60 * l2_penalty)
for name, w in (("lasso", l1), ("ridge", l2)):
    train, test = np.mean((y - x @ w) ** 2), np.mean((y_test - x_test @ w) ** 2)
    print(f"{{name}}: {{np.sum(w == 0)}} zeros, training MSE {{train:.4g}}, test MSE {{test:.4g}}")
"""
