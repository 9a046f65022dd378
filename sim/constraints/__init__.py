"""A quadratic loss over two weights meets a budget: where the best allowed weights are, and why."""

from sim.constraints.ball import ball, norm
from sim.constraints.conditions import Contact, Kkt, contact, kkt
from sim.constraints.descent import LIMIT, Descent, Roll, descend, one_dimensional_descent
from sim.constraints.minimum import (
    ConstrainedMinimum,
    PenalizedMinimum,
    budget_of,
    constrained_minimum,
    penalized_minimum,
    penalty_of,
)
from sim.constraints.path import (
    ElasticNetMinimum,
    RegularizationPath,
    elastic_net_kinks,
    elastic_net_minimum,
    elastic_net_path,
    regularization_path,
)
from sim.constraints.quadratic import Array, Quadratic, ellipse
from sim.constraints.zeros import ZeroMap, ZeroShare, zero_map, zero_share

__all__ = [
    "LIMIT",
    "Array",
    "ConstrainedMinimum",
    "Contact",
    "Descent",
    "ElasticNetMinimum",
    "Kkt",
    "PenalizedMinimum",
    "Quadratic",
    "RegularizationPath",
    "Roll",
    "ZeroMap",
    "ZeroShare",
    "ball",
    "budget_of",
    "constrained_minimum",
    "contact",
    "descend",
    "elastic_net_kinks",
    "elastic_net_minimum",
    "elastic_net_path",
    "ellipse",
    "kkt",
    "norm",
    "one_dimensional_descent",
    "penalized_minimum",
    "penalty_of",
    "regularization_path",
    "zero_map",
    "zero_share",
]
