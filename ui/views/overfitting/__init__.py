"""The views of the overfitting screen, one file for each."""

from ui.views.overfitting.bias_variance import BIAS_VARIANCE
from ui.views.overfitting.coefficients import COEFFICIENTS
from ui.views.overfitting.complexity import COMPLEXITY
from ui.views.overfitting.double_descent import DOUBLE_DESCENT
from ui.views.overfitting.fit import EDITS, FIT
from ui.views.overfitting.more_data import MORE_DATA
from ui.views.overfitting.penalty import PENALTY

VIEWS = (FIT, COMPLEXITY, BIAS_VARIANCE, COEFFICIENTS, MORE_DATA, PENALTY, DOUBLE_DESCENT)

__all__ = ["EDITS", "VIEWS"]
