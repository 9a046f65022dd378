"""Overfitting: a noisy sine, polynomials that fit it, and what becomes of their errors.

The example of Bishop, *Pattern Recognition and Machine Learning* (PRML), section 1.1, on the
interval [-1, 1].
"""

from sim.overfitting.curves import (
    ErrorCurve,
    LearningCurve,
    PenaltyCurve,
    error_curve,
    k_fold_mse,
    learning_curve,
    penalty_curve,
)
from sim.overfitting.decomposition import (
    BiasVariance,
    BiasVarianceCurve,
    bias_variance,
    bias_variance_by_degree,
    bias_variance_by_penalty,
    smoother,
    unbiased_parts,
)
from sim.overfitting.descent import (
    DoubleDescent,
    LegendreSeries,
    double_descent,
    fit_legendre,
    hump,
)
from sim.overfitting.polynomial import (
    PenaltyKind,
    Polynomial,
    fit_path,
    fit_polynomial,
    mean_squared_error,
)
from sim.overfitting.sample import Sample, edit, noisy_sine, truth

__all__ = [
    "BiasVariance",
    "BiasVarianceCurve",
    "DoubleDescent",
    "ErrorCurve",
    "LearningCurve",
    "LegendreSeries",
    "PenaltyCurve",
    "PenaltyKind",
    "Polynomial",
    "Sample",
    "bias_variance",
    "bias_variance_by_degree",
    "bias_variance_by_penalty",
    "double_descent",
    "edit",
    "error_curve",
    "fit_legendre",
    "fit_path",
    "fit_polynomial",
    "hump",
    "k_fold_mse",
    "learning_curve",
    "mean_squared_error",
    "noisy_sine",
    "penalty_curve",
    "smoother",
    "truth",
    "unbiased_parts",
]
