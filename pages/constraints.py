"""Constraints: where the contours of a loss meet the balls of norms, and what follows from it."""

from ui import stage
from ui.i18n import N_
from ui.scenes import Scene
from ui.views.constraints import CONTROLS, VIEWS

SCENES = (
    Scene(
        N_("Touching"),
        N_(
            "The smallest contour to reach the ball touches it at one point, the best weights w*. "
            "The circle keeps both; the diamond is met in a corner."
        ),
    ),
    Scene(
        N_("No contact"),
        N_(
            "A smaller contour would mean a lower loss, but it has no point in common with either "
            "ball: no allowed weights are that good."
        ),
        {"contour_size": 0.7},
    ),
    Scene(
        N_("Crossing"),
        N_(
            "A larger contour crosses each boundary at two points: between them the ball holds "
            "better weights, so neither point is the best."
        ),
        {"contour_size": 1.3},
    ),
    Scene(
        N_("A corner"),
        N_(
            "At the diamond's corner there is no single gradient but a whole cone of them, and the "
            "pull of the loss lies inside it: w₂ is exactly zero. On the circle it must lie on one "
            "line."
        ),
        {"center_x": 3.5, "center_y": 1.0, "eccentricity": 2.0, "angle": 60.0, "budget": 2.0},
    ),
    Scene(
        N_("An edge"),
        N_(
            "Not every L1 solution is sparse: this valley runs along the diagonal and meets the "
            "diamond on an edge, at (1, 0.5). Neither weight is zero."
        ),
        {"center_x": 2.5, "center_y": 2.0, "eccentricity": 4.0, "angle": 45.0},
    ),
    Scene(
        N_("Round contours"),
        N_(
            "The loss cares equally about all directions: the circle is met on the straight line "
            "to the optimum (3, 2), the diamond where its edge comes nearest, at (1.25, 0.25)."
        ),
        {"center_x": 3.0, "center_y": 2.0, "eccentricity": 1.0, "angle": 0.0},
    ),
    Scene(
        N_("Long contours"),
        N_(
            "The loss cares little about one direction and much about the other: neither solution "
            "is the point of its ball that is nearest to c, and L1 ends in a corner."
        ),
        {"center_x": 2.0, "center_y": 2.5, "eccentricity": 20.0, "angle": -30.0},
    ),
    Scene(
        N_("No regularization"),
        N_(
            "The unconstrained optimum lies inside both shapes: the budget does not bind, λ* is "
            "zero, and both solutions are the unconstrained one."
        ),
        {"budget": 6.0},
    ),
    Scene(
        N_("λ and budget are one"),
        N_(
            "Now λ = 1 leads, the same for both norms. Each ends where a budget would have put it: "
            "the ball of that budget is drawn. Move λ, and the budget follows; or the other way "
            "round."
        ),
        {"formulation": "penalty", "penalty": 1.0},
    ),
    Scene(
        N_("The max-norm ties"),
        N_(
            "The ball of the max-norm is a square. Its corners lie on the diagonals: here both "
            "weights have exactly the same size, and neither is zero."
        ),
        {"norm_order": "inf", "center_x": 2.5, "center_y": 3.0, "eccentricity": 2.0},
    ),
    Scene(
        N_("q = 0.5"),
        N_(
            "Below q = 1 the ball is a star, not convex. Its tips are sharper than the diamond's "
            "corners, and it gives a zero where the diamond gives none. There can be several local "
            "optima; the best of all is shown."
        ),
        {
            "norm_order": "0.5",
            "center_x": 2.0,
            "center_y": 2.5,
            "eccentricity": 1.0,
            "angle": 0.0,
        },
    ),
    Scene(
        N_("Where zeros are"),
        N_(
            "Every place stands for an optimum c. In the coloured bands L1 sets a weight to "
            "exactly zero; for L2 there is nothing to colour."
        ),
        {"view": "zeros"},
    ),
    Scene(
        N_("The path"),
        N_(
            "From a budget of zero to c: L1 walks in two straight pieces, first along an axis. L2 "
            "bends smoothly and never has a zero on the way; the elastic net lies between."
        ),
        {"view": "path"},
    ),
    Scene(
        N_("Descent"),
        N_(
            "Same start, same λ, same learning rate: proximal steps bring w₁ to exactly zero, "
            "subgradient steps hover about it, and L2 makes it only small."
        ),
        {"view": "descent"},
    ),
    Scene(
        N_("It diverges"),
        N_(
            "With a learning rate of 0.8 descent with L2 flies apart, for its penalty adds to the "
            "curvature. L1 adds none, and its proximal steps still settle."
        ),
        {"view": "descent", "learning_rate": 0.8},
    ),
    Scene(
        N_("How often?"),
        N_(
            "Thousands of random losses with round contours and a budget of 2: L1 gives an exact "
            "zero in about two thirds of them, L2 in none."
        ),
        {"view": "how_often", "budget": 2.0},
    ),
    Scene(
        N_("One weight"),
        N_(
            "|θ| pushes with constant force, so its ball arrives at zero and is held there. θ² "
            "pushes in proportion, and its ball never arrives."
        ),
        {"view": "one_dimension"},
    ),
)

stage.screen(SCENES, CONTROLS, *VIEWS)
