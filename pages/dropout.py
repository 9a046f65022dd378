"""Dropout: units vanish at random, pass by pass; what that prevents, measures and amounts to."""

from ui import stage
from ui.i18n import N_
from ui.scenes import Scene
from ui.views.dropout.controls import CONTROLS
from ui.views.dropout.fit import FIT
from ui.views.dropout.masks import MASKS
from ui.views.dropout.ridge import RIDGE
from ui.views.dropout.samples import SAMPLES
from ui.views.dropout.scaling import SCALING
from ui.views.dropout.uncertainty import UNCERTAINTY

SCENES = (
    Scene(
        N_("A thinned network"),
        N_(
            "Each frame is one training pass. Every hidden unit is dropped with probability p, and "
            "the weights that touch it are not updated in this pass."
        ),
    ),
    Scene(
        N_("Another sample"),
        N_(
            "Four samples of one batch in the same pass: the masks differ, the probability is the "
            "same."
        ),
        {"view": "samples", "samples": 4, "passes": 1},
    ),
    Scene(
        N_("Another pass"),
        N_("One and the same sample in four passes: each pass draws a new mask for it."),
        {"view": "samples", "samples": 1, "passes": 4},
    ),
    Scene(
        N_("p = 0"),
        N_("Nothing is dropped: every pass trains the whole network."),
        {"p": 0.0},
    ),
    Scene(
        N_("p = 0.9"),
        N_(
            "Nine in ten hidden units are gone, and those that are left count ten times: training "
            "becomes very noisy."
        ),
        {"p": 0.9, "hidden_units": 16},
    ),
    Scene(
        N_("Few units, small p"),
        N_(
            "A narrow layer has little to spare. Here p goes with the width: the layer of 16 units "
            "loses most of them, that of 4 mostly none or one."
        ),
        {"hidden_layers": 3, "hidden_units": 16, "taper": True, "by_width": True, "p": 0.6},
    ),
    Scene(
        N_("Inference uses all"),
        N_(
            "Outside training every unit takes part and nothing is scaled: kept units were scaled "
            "up in training, so that each counts the same in expectation."
        ),
        {"inference": True},
    ),
    Scene(
        N_("Scaling matters"),
        N_(
            "Without inverted scaling a unit is fed only half as much in training, on average, as "
            "at inference. Switch it on: the mean over the masks meets the inference value."
        ),
        {"view": "scaling", "inverted_scaling": False, "hidden_units": 16},
    ),
    Scene(
        N_("The big net overfits"),
        N_(
            "Press Start. The large net comes far closer to the 15 points than the small one, and "
            "is worse on new points. With p = 0 its twin does exactly the same."
        ),
        {"view": "fit", "p": 0.0, "seed": 8},
    ),
    Scene(
        N_("Dropout rescues it"),
        N_(
            "Press Start. The same large net, same start, same batches, with dropout: its training "
            "loss is noisy and higher, its test loss the lowest of the three."
        ),
        {"view": "fit", "p": 0.2, "seed": 8},
    ),
    Scene(
        N_("Uncertainty"),
        N_(
            "The trained net with its masks left on at inference: the thinned networks agree where "
            "there are points and spread apart where there are none."
        ),
        {"view": "uncertainty", "p": 0.2, "seed": 8},
    ),
    Scene(
        N_("Dropout is ridge"),
        N_(
            "For a linear model the mean loss over the masks settles on a formula: squared error "
            "plus a penalty on the squared weights. Its minimum is ridge regression."
        ),
        {"view": "ridge"},
    ),
)

stage.screen(SCENES, CONTROLS, MASKS, SAMPLES, SCALING, FIT, UNCERTAINTY, RIDGE)
