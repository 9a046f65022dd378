"""Overfitting: the noisy sine, a sound polynomial and one that chases the noise."""

from ui import stage
from ui.controls import Number, Seed, Strength, Switch
from ui.i18n import N_
from ui.named import Named
from ui.scenes import Scene
from ui.views.overfitting import EDITS, VIEWS

CONTROLS = (
    Number(key="degree_a", label=N_("Degree of A"), default=3, low=0, high=25),
    Number(key="degree_b", label=N_("Degree of B"), default=15, low=0, high=25),
    Number(key="n_points", label=N_("Training points n"), default=20, low=5, high=200),
    Number(
        key="noise",
        label=N_("Noise: standard deviation σ"),
        default=0.3,
        low=0.0,
        high=1.0,
        step=0.05,
    ),
    Strength(
        key="penalty",
        label=N_("Penalty λ, on both"),
        low=-9,
        high=2,
        help=N_(
            "Minimises mean squared error + λ·Σw² (L2) or + λ·Σ|w| (L1), the intercept left out. "
            "No ½."
        ),
    ),
    Named(
        key="penalty_kind",
        label=N_("Kind of penalty"),
        default="l2",
        names={"l2": "L2: λ·Σw²", "l1": "L1: λ·Σ|w|"},
        help=N_("L2: the squares of the weights. L1: their sizes. λ means different things."),
    ),
    Number(key="n_datasets", label=N_("Training sets R"), default=100, low=10, high=500, step=10),
    Named(
        key="against",
        label=N_("Bias and variance against"),
        default="degree",
        names={"degree": N_("the degree"), "penalty": "λ"},
    ),
    Switch(key="residuals", label=N_("Residuals")),
    Switch(
        key="held_out",
        label=N_("Held-out points"),
        help=N_("Points of the same kind that no fit has seen; the test error is measured there."),
    ),
    Seed(key="seed", label=N_("Seed"), default=37),
    *EDITS,
)

SCENES = (
    Scene(
        N_("It memorises"),
        N_(
            "Degree 15 comes closer to the training points than degree 3, and is worse on points "
            "it has not seen: it has learned the noise."
        ),
    ),
    Scene(
        N_("Too simple"),
        N_(
            "A straight line cannot bend as the sine does: training and test error are both high. "
            "That is bias, and no amount of data cures it."
        ),
        {"degree_a": 1, "degree_b": 2, "held_out": True},
    ),
    Scene(
        N_("Just right"),
        N_(
            "The training error falls with every degree; the test error falls to degree 3, close "
            "to the noise floor, and rises again. Degree 3 is just right."
        ),
        {"view": "complexity"},
    ),
    Scene(
        N_("One outlier"),
        N_(
            "One point is pulled far down. The test error of degree 15 grows more than a "
            "hundredfold, that of degree 3 does not double. Drag it back."
        ),
        {"moved": "19:0.295:-1.15", "residuals": True},
    ),
    Scene(
        N_("New sample"),
        N_(
            "Same positions, fresh noise: degree 3 hardly moves, degree 15 is another curve each "
            "time. That is variance. Press **Another data set**."
        ),
        {"view": "bias_variance"},
    ),
    Scene(
        N_("More data"),
        N_(
            "With 200 points the same degree 15 has no room to chase the noise: its test error "
            "comes down to that of degree 3."
        ),
        {"n_points": 200},
    ),
    Scene(
        N_("A penalty"),
        N_(
            "Degree 15 on the same 20 points, with large weights made expensive: the swings are "
            "gone and the test error falls below that of degree 3."
        ),
        {"penalty": 1e-3},
    ),
    Scene(
        N_("Too much"),
        N_("Every weight is pressed towards zero, and both curves flatten: underfitting."),
        {"penalty": 10.0},
    ),
    Scene(
        N_("Choosing λ"),
        N_(
            "The test error of degree 15 against λ is a U as well. Cross-validation, which sees "
            "the training points alone, finds a λ whose test error is within 1 % of the best."
        ),
        {"view": "penalty", "penalty": 1e-3},
    ),
    Scene(
        N_("L1 gives zeros"),
        N_(
            "The L1 penalty sets 11 of the 15 weights of degree 15 to exactly zero, and its test "
            "error is below that of degree 3 without a penalty. Switch to L2: none is zero."
        ),
        {"view": "coefficients", "penalty": 1e-2, "penalty_kind": "l1"},
    ),
    Scene(
        N_("Double descent"),
        N_(
            "From degree 19 on the curve passes through all 20 points, and the test error comes "
            "down again. On these data a tuned λ leaves no peak, and degree 400 comes within a "
            "third of degree 3."
        ),
        {"view": "double_descent"},
    ),
)

stage.screen(SCENES, CONTROLS, *VIEWS)
