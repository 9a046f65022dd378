"""Overfitting: the noisy sine, a sound polynomial and one that chases the noise."""

import numpy as np
import pandas as pd
import streamlit as st

from sim.overfitting import Polynomial, Sample, fit_polynomial, mean_squared_error, noisy_sine
from ui import stage
from ui.charts import overfitting as charts
from ui.code import overfitting as code
from ui.controls import Number, Seed, Strength
from ui.i18n import N_, _
from ui.scenes import Scene

N_TEST = 1000

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
        help=N_("Minimises mean squared error + λ·Σw², the intercept left out. No ½."),
    ),
    Seed(key="seed", label=N_("Seed"), default=37),
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
        {"degree_a": 1, "degree_b": 2},
    ),
    Scene(
        N_("Other points, other curve"),
        N_(
            "New points from the same sine: degree 3 hardly moves, degree 15 is a different curve. "
            "That is variance. Resample to see more."
        ),
        {"seed": 2},
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
            "gone and the test error falls."
        ),
        {"penalty": 1e-3},
    ),
    Scene(
        N_("Too much penalty"),
        N_("Every weight is pressed towards zero, and both curves flatten: underfitting."),
        {"penalty": 10.0},
    ),
)


def samples(values: stage.Values) -> tuple[Sample, Sample]:
    """Training and test points, from streams of their own."""
    train, test = np.random.default_rng(values["seed"]).spawn(2)
    return (
        noisy_sine(values["n_points"], values["noise"], train),
        noisy_sine(N_TEST, values["noise"], test),
    )


def fits(values: stage.Values, train: Sample) -> list[Polynomial]:
    """Polynomials A and B."""
    return [
        fit_polynomial(train.x, train.y, values[key], values["penalty"])
        for key in ("degree_a", "degree_b")
    ]


def draw(values: stage.Values) -> None:
    train, test = samples(values)
    models = fits(values, train)
    figure, readouts = stage.figure_and_readouts()
    with figure:
        stage.chart(
            charts.figure(train, *models),
            "figure",
            description=charts.description(train, *models),
            height=stage.figure_height(),
        )
    with readouts:
        stage.readouts(
            *(
                stage.Group(
                    [
                        stage.Readout(
                            f"train_mse_{name}",
                            _("Training MSE"),
                            stage.number(mean_squared_error(model, train)),
                        ),
                        stage.Readout(
                            f"test_mse_{name}",
                            _("Test MSE"),
                            stage.number(mean_squared_error(model, test)),
                            _(
                                "On {n} new points. No model can do better than σ² in the long run."
                            ).format(n=N_TEST),
                        ),
                        stage.Readout(
                            f"largest_coefficient_{name}",
                            _("Largest |w|"),
                            stage.number(model.largest_coefficient),
                        ),
                    ],
                    f"{name.upper()} · " + _("degree {d}").format(d=model.degree),
                    role,
                )
                for name, role, model in zip("ab", ("sound", "overfit"), models, strict=True)
            )
        )


def see() -> None:
    st.markdown(
        _(
            "- The points are the sine plus noise. A model should find the sine, not the points.\n"
            "- Raise **degree B**: its training error only falls, its test error falls and then "
            "soars.\n"
            "- Look at **largest |w|**: the wild curve needs huge weights that cancel each other. "
            "A penalty on large weights therefore calms it.\n"
            "- More points do the same without a penalty, where they can be had."
        )
    )


def maths(values: stage.Values) -> None:
    st.latex(r"f(x) = \sum_{k=0}^{d} w_k x^k, \qquad y = \sin(\pi x) + \sigma\varepsilon")
    st.latex(
        r"\min_w\; \frac1n\sum_{i=1}^{n}\bigl(y_i-f(x_i)\bigr)^2 + \lambda\sum_{k=1}^{d} w_k^2"
    )
    st.markdown(
        _(
            "d is the degree, n the number of training points, σ the noise, λ the penalty. The "
            "intercept w₀ is not penalised. With λ = 0 and d ≥ n many curves pass through all "
            "points; the one shown has the smallest Σw². scikit-learn's `Ridge` calls n·λ `alpha`."
        )
    )


def data(values: stage.Values) -> stage.Table:
    train, _test = samples(values)
    frame = pd.DataFrame({"x": train.x, "y": train.y})
    for name, model in zip("AB", fits(values, train), strict=True):
        frame[f"f_{name}(x)"] = model(train.x)
    return stage.Table(frame, "overfitting.csv")


def source(values: stage.Values) -> str:
    return code.source(**values)


stage.screen(SCENES, CONTROLS, stage.View(draw=draw, see=see, maths=maths, code=source, data=data))
