"""Weight decay: canyons, three forms of one step, a regression that memorises, L1 against L2."""

from ui import stage
from ui.i18n import N_
from ui.scenes import Scene
from ui.views.weight_decay.canyons import CANYONS
from ui.views.weight_decay.controls import CONTROLS
from ui.views.weight_decay.l1_l2 import L1_L2
from ui.views.weight_decay.regression import REGRESSION
from ui.views.weight_decay.three_forms import THREE_FORMS

SCENES = (
    Scene(
        N_("Canyons"),
        N_(
            "One learning rate comes down the canyons a = 1, 2, 5 and is thrown out of a = 10 and "
            "50: the steeper, the smaller the rate it bears, 2/L."
        ),
    ),
    Scene(
        N_("Three forms agree"),
        N_(
            "λ‖w‖² in the loss, 2λw added to the gradient, or w shrunk in the update: the same "
            "mini-batches, the same weights, up to rounding."
        ),
        {"view": "three_forms"},
    ),
    Scene(
        N_("What the big sum costs"),
        N_(
            "Press **Measure**: the form that writes the sum of all squares into the loss has "
            "more to compute than the two others, for the same result. What that costs in time, "
            "this machine says."
        ),
        {"view": "three_forms", "dtype": "float32"},
    ),
    Scene(
        N_("λ = 0 memorises"),
        N_(
            "20 samples, 200 weights, no decay: the training loss goes to zero and the test loss "
            "stays above 100. ‖w‖ stays near 13, for 180 directions no sample ever pulls at."
        ),
        {"view": "regression"},
    ),
    Scene(
        N_("λ = 3 generalises"),
        N_(
            "Each step takes 0.9% off every weight: ‖w‖ shrinks to about 0.35, as in theory, and "
            "the test loss falls to less than a hundredth of what it is without decay."
        ),
        {"view": "regression", "weight_decay": 3.0},
    ),
    Scene(
        N_("λ = 1,000 underfits"),
        N_(
            "Here the weights are nearly zero: the model predicts one number for all, and its "
            "training loss is about that of the best constant. It takes the implicit step: the "
            "usual one, 1 − ηλ = −2, diverges. Switch it off to see."
        ),
        {"view": "regression", "weight_decay": 1000.0, "implicit": True},
    ),
    Scene(
        N_("Bias or no bias"),
        N_(
            "Now the bias decays as well. It is one number beside 200: ‖w‖ is as before, and the "
            "test loss moves by about a tenth, where λ moved it a thousandfold."
        ),
        {"view": "regression", "weight_decay": 3.0, "decay_bias": True},
    ),
    Scene(
        N_("L1, L2"),
        N_(
            "The same data: five weights matter, 25 do not. L1 sets most of those 25 to exactly 0 "
            "and keeps the five; L2 shrinks ‖w‖ and makes none 0."
        ),
        {"view": "l1_l2"},
    ),
)

stage.screen(SCENES, CONTROLS, CANYONS, THREE_FORMS, REGRESSION, L1_L2)
