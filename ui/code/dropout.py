"""Dropout masks as code to take home."""

from collections.abc import Sequence
from itertools import pairwise


def source(*, layer_sizes: Sequence[int], p: float, samples: int, seed: int) -> str:
    """PyTorch code for one training pass and inference with these sizes."""
    layers = []
    for before, after in pairwise(layer_sizes[:-1]):
        layers += [f"nn.Linear({before}, {after})", "nn.ReLU()", f"nn.Dropout(p={p!r})"]
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
passes = torch.stack([network(x) for _ in range(60)])

network.eval()  # all units take part; nothing is scaled, training did that
print("inference:", network(x)[0].detach())
print("training, spread over 60 passes:", passes[:, 0].std(dim=0).detach())

hidden = torch.ones(60, {layer_sizes[1]})
kept = torch.nn.functional.dropout(hidden, p={p!r}, training=True)
print("a kept output is multiplied by", kept.max().item())
print("share of units kept:", (kept > 0).float().mean().item())
"""
