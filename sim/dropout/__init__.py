"""Dropout made visible: masks, recorded training passes, scaling, ensembles, and the penalty in it.

The training of the over-sized network lives in `sim.dropout.training`, which needs torch and is
therefore not imported here; what goes into it and comes out of it is in `sim.dropout.records`.
"""

from sim.dropout.masks import (
    Array,
    Mask,
    Masks,
    kept_distribution,
    participating_weights,
    rates_by_width,
    sample_masks,
)
from sim.dropout.network import (
    Activation,
    Network,
    backward,
    forward,
    gradients,
    init_network,
    squared_error,
)
from sim.dropout.passes import MAX_STEP, Passes, train_passes
from sim.dropout.penalty import (
    corrupted_losses,
    dropout_cost,
    dropped,
    noise_cost,
    noised,
    penalised_loss,
    penalised_weights,
    weights_over_copies,
)
from sim.dropout.records import N_TEST, NETS, Curves, Knobs, Nets, Point, Progress, Settings
from sim.dropout.scaling import UnitInput, unit_input
from sim.dropout.uncertainty import MonteCarlo, co_adaptation, mean_correlation, monte_carlo

__all__ = [
    "MAX_STEP",
    "NETS",
    "N_TEST",
    "Activation",
    "Array",
    "Curves",
    "Knobs",
    "Mask",
    "Masks",
    "MonteCarlo",
    "Nets",
    "Network",
    "Passes",
    "Point",
    "Progress",
    "Settings",
    "UnitInput",
    "backward",
    "co_adaptation",
    "corrupted_losses",
    "dropout_cost",
    "dropped",
    "forward",
    "gradients",
    "init_network",
    "kept_distribution",
    "mean_correlation",
    "monte_carlo",
    "noise_cost",
    "noised",
    "participating_weights",
    "penalised_loss",
    "penalised_weights",
    "rates_by_width",
    "sample_masks",
    "squared_error",
    "train_passes",
    "unit_input",
    "weights_over_copies",
]
