"""Penalty: the error of B against λ, and two ways to choose it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st

from sim.overfitting import PenaltyCurve, mean_squared_error, penalty_curve
from ui import stage
from ui.charts import overfitting_errors as charts
from ui.code import overfitting as code
from ui.controls import Strength
from ui.i18n import N_, _
from ui.views.overfitting.data import POINTS, fits, only, samples, title

STRENGTH = Strength(key="penalty", label="", low=-9, high=2)
PENALTIES = STRENGTH.options[1:]
FOLDS = {"l2": 10, "l1": 5}


def folds(values: stage.Values) -> int:
    """How many folds the training points are cut into."""
    return min(FOLDS[values["penalty_kind"]], samples(values)[0].x.size)


@st.cache_data(max_entries=64, show_spinner=False)
def _curve(values: dict[str, Any]) -> PenaltyCurve:
    kind = values["penalty_kind"]
    return penalty_curve(*samples(values), values["degree_b"], PENALTIES, kind, folds(values))


def curve(values: stage.Values) -> PenaltyCurve:
    return _curve(only(values, "points", "degree_b", "penalty_kind"))


def draw(values: stage.Values) -> None:
    errors, (train, test) = curve(values), samples(values)
    found = choice_sentence(errors, values["degree_b"])
    model = fits(values, train)[1]
    here = mean_squared_error(model, test)
    figure, readouts = stage.figure_and_readouts()
    with figure:
        stage.chart(
            charts.penalties(
                errors, values["penalty"], here, values["penalty_kind"], values["noise"]
            ),
            "figure",
            description=" ".join([*described(errors, values["degree_b"]), found]),
            height=stage.figure_height(0.9, projector=0.96),
        )
    with readouts:
        stage.readouts(
            stage.Group(
                [stage.Readout("test_mse_b", _("Test MSE at this λ"), stage.number(here))],
                title("b", values),
                "overfit",
            )
        )
        chosen = int(np.argmin(errors.cv_mse))
        stage.readouts(
            stage.Group(
                [
                    stage.Readout(
                        "best_by_test",
                        _("Best λ"),
                        _best(errors.best_by_test, errors.test_mse),
                        _("By the test error, which in life nobody has while choosing."),
                    ),
                    stage.Readout("best_mse", _("Test MSE"), stage.number(errors.test_mse.min())),
                ],
                _("By test"),
                values["penalty_kind"],
            ),
            stage.Group(
                [
                    stage.Readout(
                        "best_by_cv",
                        _("Best λ"),
                        _best(errors.best_by_cv, errors.cv_mse),
                        _("By {k} folds of the training points alone.").format(k=folds(values)),
                    ),
                    stage.Readout(
                        "cv_choice_mse",
                        _("Test MSE"),
                        stage.number(errors.test_mse[chosen])
                        if np.ptp(errors.cv_mse) or not np.ptp(errors.test_mse)
                        else "—",
                    ),
                ],
                _("By CV"),
                "validation",
            ),
        )
        stage.remark(found)


def _best(penalty: float, errors: npt.NDArray[np.float64]) -> str:
    return "—" if np.ptp(errors) == 0 else STRENGTH.format(penalty)


def described(errors: PenaltyCurve, degree: int) -> list[str]:
    """What the figure shows; of an error that is the same everywhere, no least one."""
    said = [
        _(
            "Training, test and cross-validated error of degree {d} against λ, on logarithmic "
            "scales."
        ).format(d=degree)
    ]
    if np.ptp(errors.test_mse):
        best = STRENGTH.format(errors.best_by_test)
        said.append(_("The test error is least at λ = {best}.").format(best=best))
    if np.ptp(errors.cv_mse):
        best = STRENGTH.format(errors.best_by_cv)
        said.append(_("The cross-validated error is least at λ = {best}.").format(best=best))
    return said


def choice_sentence(errors: PenaltyCurve, degree: int) -> str:
    """What cross-validation finds on these data, and what cannot be told from the scale of λ."""
    if np.ptp(errors.test_mse) == 0:
        return _("Degree {d} has no weights on these data that λ could change.").format(d=degree)
    flat = np.ptp(errors.cv_mse) == 0
    best, chosen = int(np.argmin(errors.test_mse)), int(np.argmin(errors.cv_mse))
    above = errors.test_mse[chosen] / errors.test_mse[best] - 1
    ends = {
        _("By the test error the best λ is at the left end: a smaller one may be better."): best
        == 0,
        _(
            "By the test error the best λ is at the right end: a larger one may be as good."
        ): _at_right(errors.test_mse),
        _("By CV the best λ is at the left end: a smaller one may be better."): not flat
        and chosen == 0,
        _("By CV the best λ is at the right end: a larger one may be as good."): not flat
        and _at_right(errors.cv_mse),
    }
    if flat:
        found = _("By CV no λ is better than another: too few points are left to fit.")
    elif above == 0:
        found = _("Here cross-validation finds the λ that is best by the test error.")
    elif any(ends.values()):  # the best one may lie beyond
        found = _("Here the test error of cross-validation's λ is {percent} % above the least.")
    else:
        found = _(
            "Here cross-validation's λ is {times} times the best one, and its test error "
            "{percent} % above the least."
        )
    found = found.format(
        times=stage.number(errors.penalties[chosen] / errors.penalties[best]),
        percent=stage.number(100 * above),
    )
    return " ".join([found, *(sentence for sentence, holds in ends.items() if holds)])


def _at_right(errors: npt.NDArray[np.float64]) -> bool:
    """Whether none is less than the last one, so that the least may lie beyond."""
    return bool(errors[-1] == errors.min())


def see() -> None:
    st.markdown(
        _(
            "- On the right λ crushes every weight: B becomes a flat line and **underfits**. On "
            "the left B is all but free to follow the points, and one of high degree can "
            "**overfit**. Where the test error is least, between the two or at an end, the figure "
            "shows.\n"
            "- The training error only rises with λ: it cannot choose it.\n"
            "- **Cross-validation** leaves out one part of the training points after the other and "
            "measures there. So it finds a λ without a test set; how good a one, the sentence "
            "beside the figure says.\n"
            "- Switch to **L1**: another penalty, on another scale of λ."
        )
    )


def maths(values: stage.Values) -> None:
    st.latex(
        r"\hat\lambda_\text{CV} = \arg\min_\lambda\; \frac1K\sum_{k=1}^{K} "
        r"\frac{1}{|F_k|}\sum_{i\in F_k}\bigl(y_i-\hat f^{(-k)}_\lambda(x_i)\bigr)^2"
    )
    st.markdown(
        _(
            "F₁ … F_K are the K folds of the n training points ({k} of them here), f̂ with (−k) is "
            "fitted without fold k, with the degree of B. λ is that of (1/n)·Σ(y − f(x))² + λ·Σw² "
            "for L2 and + λ·Σ|w| for L1, the intercept left out; the two are not on the same "
            "scale."
        ).format(k=folds(values))
    )


def data(values: stage.Values) -> stage.Table:
    errors = curve(values)
    frame = pd.DataFrame(
        {
            "penalty": errors.penalties,
            "training MSE": errors.train_mse,
            "test MSE": errors.test_mse,
            "cross-validated MSE": errors.cv_mse,
        }
    )
    return stage.Table(frame, "penalty.csv")


PENALTY = stage.View(
    name="penalty",
    title=N_("Penalty"),
    uses=POINTS | {"degree_b", "penalty", "penalty_kind"},
    draw=draw,
    see=see,
    maths=maths,
    code=lambda values: code.penalty(values, PENALTIES, folds(values)),
    data=data,
    previews=True,
)
