"""The fit: noisy points, the true sine, and two polynomials; points can be moved by hand."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from sim.overfitting import error_curve
from ui import points, stage
from ui.charts import overfitting as charts
from ui.code import overfitting as code
from ui.i18n import N_, _
from ui.points import EditControl, table
from ui.views.overfitting.data import FITS, N_TEST, NAMES, drawn, fits, groups, samples

EDITS = tuple(
    EditControl(key=name, x_range=charts.X_RANGE, y_range=charts.Y_RANGE)
    for name in ("moved", "removed", "added")
)


def draw(values: stage.Values) -> None:
    base, test = drawn(values)
    train, _test = samples(values)
    models = fits(values, train)
    degrees = [model.degree for model in models]
    errors = error_curve(train, test, degrees, values["penalty"], values["penalty_kind"])
    figure, readouts = stage.figure_and_readouts()
    with figure:
        points.show(
            "figure",
            charts.figure(
                base,
                *models,
                test if values["held_out"] else None,
                values["residuals"],
            ),
            description=charts.description(train, *models),
            height=stage.figure_height(0.9, projector=0.96),
            edits=points.read(values, values["n_points"]),
            edit_controls=EDITS,
        )
    with readouts:
        stage.readouts(
            *groups(
                values,
                *(
                    [
                        stage.Readout(
                            f"train_mse_{name}",
                            _("Training MSE"),
                            stage.number(train_mse),
                        ),
                        stage.Readout(
                            f"test_mse_{name}",
                            _("Test MSE"),
                            stage.number(test_mse),
                            _(
                                "On {n} new points. No model can do better than σ² in the long run."
                            ).format(n=N_TEST),
                        ),
                        stage.Readout(
                            f"largest_coefficient_{name}",
                            _("Largest |w|"),
                            stage.number(model.largest_coefficient),
                        ),
                    ]
                    for name, model, train_mse, test_mse in zip(
                        NAMES, models, errors.train_mse, errors.test_mse, strict=True
                    )
                ),
            )
        )


def see() -> None:
    st.markdown(
        _(
            "- The points are drawn as the sine plus noise. A model should find the sine, not the "
            "points.\n"
            "- Raise **degree B** with λ = 0: its training error never rises, and is 0 once the "
            "curve passes through all points. What its test error does meanwhile stands beside the "
            "figure.\n"
            "- **Drag a point** up or down: a curve follows it there by a share that grows with "
            "the degree and shrinks with λ (L2). With the keyboard, go to a point with Tab, to the "
            "next with Page Down, and move it with the arrows. Double-click where a point shall be "
            "added.\n"
            "- Look at **largest |w|**: on [−1, 1] no curve gets further from its intercept than "
            "Σ|w|, so a wild one needs huge weights. A penalty on large weights calms it.\n"
            "- Many more points than weights calm it without a penalty, where they can be had."
        )
    )


def maths(values: stage.Values) -> None:
    st.latex(r"f(x) = \sum_{k=0}^{d} w_k x^k, \qquad y = \sin(\pi x) + \sigma\varepsilon")
    penalty = r"\sum_{k=1}^{d} |w_k|" if values["penalty_kind"] == "l1" else r"\sum_{k=1}^{d} w_k^2"
    st.latex(r"\min_w\; \frac1n\sum_{i=1}^{n}\bigl(y_i-f(x_i)\bigr)^2 + \lambda" + penalty)
    st.markdown(
        _(
            "d is the degree, n the number of training points, σ the noise, λ the penalty. The "
            "intercept w₀ is not penalised. With λ = 0 and d ≥ n many curves fit the points "
            "equally well; the one shown has the smallest Σw². scikit-learn's `Ridge` calls n·λ "
            "`alpha`, its `Lasso` λ/2."
        )
    )


def data(values: stage.Values) -> stage.Table:
    st.markdown(
        _(
            "**The training points.** Change a cell, add a row at the end, or mark rows on their "
            "left and delete them: both fits answer. Below, all points and what the fits say there."
        )
    )
    table.show("points", drawn(values)[0], values, EDITS)
    train, test = samples(values)
    frames = []
    for sample, name in ((train, "training"), (test, "test")):
        frame = pd.DataFrame({"set": name, "x": sample.x, "y": sample.y})
        for letter, model in zip("AB", fits(values, train), strict=True):
            frame[f"f_{letter}(x)"] = model(sample.x)
        frames.append(frame)
    return stage.Table(pd.concat(frames), "overfitting.csv")


FIT = stage.View(
    name="fit",
    title=N_("Fit"),
    uses=FITS | {"residuals", "held_out"},
    draw=draw,
    see=see,
    maths=maths,
    code=code.fit,
    data=data,
    previews=True,
)
