"""Optimisers: SGD, Momentum, Adam and AdamW step by step, and what weight decay does in each."""

from sim.optimizers.house_prices import AREAS, PRICES, SLOPE, Line, house_prices
from sim.optimizers.losses import LOSSES, Loss, fixed_point, stability_bound
from sim.optimizers.rules import SGD, Adam, AdamW, Momentum, Rule, RuleKind, State, Step
from sim.optimizers.sweep import FITS, FitKind, Sweep, sweep
from sim.optimizers.trajectory import Trajectory, trajectory

__all__ = [
    "AREAS",
    "FITS",
    "LOSSES",
    "PRICES",
    "SGD",
    "SLOPE",
    "Adam",
    "AdamW",
    "FitKind",
    "Line",
    "Loss",
    "Momentum",
    "Rule",
    "RuleKind",
    "State",
    "Step",
    "Sweep",
    "Trajectory",
    "fixed_point",
    "house_prices",
    "stability_bound",
    "sweep",
    "trajectory",
]
