"""Optimizers: four rules on one loss, one step opened, a line through houses, and a real fit."""

from ui import stage
from ui.i18n import N_
from ui.scenes import Scene
from ui.views.optimizers.controls import CONTROLS
from ui.views.optimizers.house_prices import HOUSE_PRICES
from ui.views.optimizers.paths import PATHS
from ui.views.optimizers.step import STEP
from ui.views.optimizers.sweep import SWEEP

SCENES = (
    Scene(
        N_("Adam is not AdamW"),
        N_(
            "Three rules end at the minimum of loss + L2, AdamW at that of the loss: Adam divides "
            "the L2 gradient by √v̂ with the rest, AdamW does not, and its decay is no penalty."
        ),
    ),
    Scene(
        N_("Momentum in a narrow valley"),
        N_(
            "Between steep walls plain SGD must take small steps and creeps along the floor. With "
            "the same learning rate momentum has reached the end."
        ),
        {"loss": "narrow_valley", "learning_rate": 0.01, "weight_decay": 0.0, "momentum": 0.95},
    ),
    Scene(
        N_("A learning rate too large"),
        N_(
            "0.1 is above SGD's bound of 2/(L + λ) and below momentum's: SGD flies apart, momentum "
            "settles. Adam and AdamW, with the same learning rate, have no such bound."
        ),
        {"learning_rate": 0.1, "adam_learning_rate": 0.1},
    ),
    Scene(
        N_("Rosenbrock's valley"),
        N_(
            "A curved valley, no decay: the Adams follow it nearly to the end, and as λ = 0 they "
            "are one rule. SGD, at half its bound, has hardly begun."
        ),
        {"loss": "rosenbrock", "learning_rate": 0.001, "weight_decay": 0.0},
    ),
    Scene(
        N_("Inside a step"),
        N_(
            "At t = 1 the correction makes m̂ the gradient and √v̂ its size: the step is the "
            "learning rate. The steep w₂ feels hardly any of Adam's L2; AdamW's decay is α·λ·w."
        ),
        {"view": "step", "loss": "ill_scaled"},
    ),
    Scene(
        N_("House prices"),
        N_(
            "AdamW with learning rate 0.01 and weight decay 0.1 finds a slope a little below 1.5 "
            "in 1,000 steps; without decay it comes closer. Give it 10,000 steps, and decay has "
            "only cost time."
        ),
        {"view": "house_prices"},
    ),
    Scene(
        N_("Scale the input"),
        N_(
            "With standardised areas and raw prices the weights should be 212 and 450, with steps "
            "of 0.01 and a wall at 1/λ = 10: the line stays flat. Scale both and it fits again."
        ),
        {"view": "house_prices", "standardise": "input"},
    ),
    Scene(
        N_("λ and the learning rate"),
        N_(
            "Adam + L2: the good λ falls along a diagonal; that of the lowest row is far too much "
            "for the top one. AdamW: one λ, counted per step, serves every row."
        ),
        {"view": "sweep"},
    ),
    Scene(
        N_("A fit trained to its end"),
        N_(
            "This linear fit forgets where it came from, and the best λ of both stays nearly in "
            "place. Count AdamW's λ per step, and it moves along with the learning rate."
        ),
        {"view": "sweep", "fit": "diabetes", "decay_per_step": False},
    ),
    Scene(
        N_("λ and the loss's scale"),
        N_(
            "The same fit with the loss multiplied by 0.1 to 10: the best λ of Adam + L2 moves in "
            "proportion, that of AdamW stays where it is. Decoupled."
        ),
        {"view": "sweep", "fit": "diabetes", "axis": "loss_scale"},
    ),
)

stage.screen(SCENES, CONTROLS, PATHS, STEP, HOUSE_PRICES, SWEEP)
