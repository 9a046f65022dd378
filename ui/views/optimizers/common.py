"""What the views of paths and of one step share: the rules as the controls set them."""

from __future__ import annotations

from sim.optimizers import SGD, Adam, AdamW, Momentum, Rule, RuleKind
from ui import stage

ADAMS = frozenset({"loss", "weight_decay", "adam_learning_rate", "beta1", "beta2"})
"""The controls of Adam and AdamW."""


def rule(kind: RuleKind, values: stage.Values) -> Rule:
    """A rule with the settings of the controls."""
    decay, betas = values["weight_decay"], (values["beta1"], values["beta2"])
    if kind == "sgd":
        return SGD(values["learning_rate"], decay)
    if kind == "momentum":
        return Momentum(values["learning_rate"], values["momentum"], decay)
    made = Adam if kind == "adam" else AdamW
    return made(values["adam_learning_rate"], betas, weight_decay=decay)
