"""Weight decay: why it helps, its three forms, and the regression that memorises without it.

:mod:`sim.weight_decay.cost` needs torch and is imported in workers only.
"""

from sim.weight_decay.canyon import Canyon, canyon_descent
from sim.weight_decay.forms import FORMS, Conventions, Forms, StepCost, conventions, three_forms
from sim.weight_decay.regression import (
    Regression,
    compare_weight_decays,
    high_dimensional_regression,
)
from sim.weight_decay.sparse import (
    SparseFit,
    SparseRegression,
    soft_threshold,
    sparse_regression,
)

__all__ = [
    "FORMS",
    "Canyon",
    "Conventions",
    "Forms",
    "Regression",
    "SparseFit",
    "SparseRegression",
    "StepCost",
    "canyon_descent",
    "compare_weight_decays",
    "conventions",
    "high_dimensional_regression",
    "soft_threshold",
    "sparse_regression",
    "three_forms",
]
