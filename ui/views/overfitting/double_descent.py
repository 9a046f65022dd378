"""Double descent: degrees far past the number of points."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from sim.overfitting import DoubleDescent, double_descent, hump
from ui import stage
from ui.charts import overfitting_sizes as charts
from ui.code import overfitting as code
from ui.i18n import N_, _
from ui.views.overfitting.data import POINTS, only, rng

MOST_POINTS = 40
N_DATASETS = 20
PEAK = 2.0  # times what comes before and at the end: less is none
FLAT = 1.1  # the same for λ tuned, where a little is left on most data
FAR = np.geomspace(27, 400, 12).astype(int).tolist()


def n_points(values: stage.Values) -> int:
    """How many points this view uses."""
    return int(min(values["n_points"], MOST_POINTS))


def degrees(n: int) -> list[int]:
    """The degrees that are fitted: all near the peak, few beyond. Always as many."""
    near = {*range(25), *FAR}
    return sorted({*near, 350 if n - 1 in near else n - 1})


@st.cache_data(max_entries=64, show_spinner=False)
def _curve(values: dict[str, Any]) -> DoubleDescent:
    n = n_points(values)
    return double_descent(n, values["noise"], degrees(n), rng(values["seed"]), N_DATASETS)


def curve(values: stage.Values) -> DoubleDescent:
    return _curve(only(values, *POINTS))


def draw(values: stage.Values) -> None:
    errors, noise = curve(values), values["noise"]
    of_peak, of_tuned = peak_sentence(errors), tuned_sentence(errors, noise)
    of_bias = bias_sentence(noise)
    figure, readouts = stage.figure_and_readouts()
    with figure:
        stage.chart(
            charts.descent(errors, noise),
            "figure",
            description=" ".join(
                [
                    _("Test error against degrees from 0 to {last}.").format(
                        last=errors.degrees[-1]
                    ),
                    *filter(None, [of_bias, of_peak, of_tuned]),
                ]
            ),
            height=stage.figure_height(0.9, projector=0.96),
        )
    with readouts:
        stage.readouts(*_numbers(errors))
        no_peak = of_peak if peak(errors) is None else ""  # the read-outs show one
        stage.remark(" ".join(filter(None, [of_bias, no_peak])))
        stage.remark(of_tuned)
        remark = _("This view uses {n} points at most.").format(n=MOST_POINTS)
        stage.remark(remark if values["n_points"] > MOST_POINTS else "")


def peak(errors: DoubleDescent) -> int | None:
    """Where the peak without a penalty is among the degrees, of variance or of bias."""
    place, height = hump(errors.test_mse)
    return place if height > PEAK else None


def bias_sentence(noise: float) -> str:
    """What the error is made of, where there is no noise."""
    if noise > 0:
        return ""
    return _("Without noise no fit varies: all the error is bias, and so is a peak of it.")


def peak_sentence(errors: DoubleDescent) -> str:
    """What becomes of the test error without a penalty on these data."""
    last, place = errors.degrees[-1], peak(errors)
    if place is None:
        return _(
            "There is no peak on these data: nowhere is the test error twice both an earlier one "
            "and that at degree {last}."
        ).format(last=last)
    return _(
        "Without a penalty it rises to {peak} at degree {d} and comes down to {end} at degree "
        "{last}; from degree {n} on the curve passes through all points."
    ).format(
        peak=stage.number(errors.test_mse[place]),
        d=errors.degrees[place],
        end=stage.number(errors.test_mse[-1]),
        last=last,
        n=errors.threshold,
    )


def tuned_sentence(errors: DoubleDescent, noise: float) -> str:
    """What becomes of the peak with the penalty tuned, on these data."""
    place, height = hump(errors.tuned_test_mse)
    last = errors.degrees[-1]
    if height <= FLAT:
        return _(
            "With λ tuned there is no peak on these data: no error is more than 10 % above both an "
            "earlier one and that at degree {last}."
        ).format(last=last)
    left = _(
        "With λ tuned a peak is left on these data: {peak} at degree {d}, {times} times the "
        "greater of the least before it and that at degree {last}."
    ).format(
        peak=stage.number(errors.tuned_test_mse[place]),
        d=errors.degrees[place],
        times=stage.number(height),
        last=last,
    )
    best = stage.number(errors.best_test_mse[place])
    if noise == 0:  # all data sets are the same one
        of_best = _("The best λ, which only the truth knows, would give {best}.").format(best=best)
    else:
        of_best = _(
            "In {k} of {m} data sets leave-one-out's λ is too small; the best, which only the "
            "truth knows, would give {best}."
        ).format(k=errors.too_small[place], m=N_DATASETS, best=best)
    return f"{left} {of_best}"


def _numbers(errors: DoubleDescent) -> list[stage.Group]:
    small = errors.degrees < errors.threshold
    least = int(np.argmin(np.where(small, errors.test_mse, np.inf)))
    place, last = peak(errors), errors.degrees[-1]
    return [
        stage.Group(
            [
                stage.Readout(
                    "small_mse",
                    _("Degree {d}, best").format(d=errors.degrees[least]),
                    stage.number(errors.test_mse[least]),
                    _(
                        "The best model below degree n − 1. Test MSE, the mean of {n} data sets."
                    ).format(n=N_DATASETS),
                ),
                stage.Readout(
                    "peak_mse",
                    _("Peak")
                    if place is None
                    else _("Degree {d}, peak").format(d=errors.degrees[place]),
                    "—" if place is None else stage.number(errors.test_mse[place]),
                    _(
                        "The error that stands highest, and twice as high at least, above both the "
                        "least before it and that at degree {last}. At degree n − 1 one curve "
                        "alone passes through all points."
                    ).format(last=last),
                ),
                stage.Readout(
                    "large_mse",
                    _("Degree {d}").format(d=last),
                    stage.number(errors.test_mse[-1]),
                    _("Of all curves through the points, the one of least norm."),
                ),
            ],
            _("λ = 0"),
            "overfit",
        ),
        stage.Group(
            [
                stage.Readout(
                    "tuned_peak_mse",
                    _("Worst, ≥ 3"),
                    stage.number(errors.tuned_test_mse[errors.degrees >= 3].max()),
                    _("The largest test MSE from degree 3 on."),
                ),
                stage.Readout(
                    "tuned_large_mse",
                    _("Degree {d}").format(d=last),
                    stage.number(errors.tuned_test_mse[-1]),
                ),
                stage.Readout(
                    "tuned_penalty",
                    _("λ there"),
                    stage.number(errors.tuned_penalty[-1]),
                    _("The median over the data sets; by leave-one-out, from training points."),
                ),
            ],
            _("λ tuned"),
            "sound",
        ),
    ]


def see() -> None:
    st.markdown(
        _(
            "- At degree n − 1 one curve alone passes through all points, however wild the noise "
            "makes it: that is where a **peak** of variance comes from. Few points can make one "
            "of bias, too.\n"
            "- Beyond, there are many ways through all points, and the fit takes the smallest. "
            "More degrees give it more to choose from, so its norm only falls. Past a peak the "
            "test error comes down **again**.\n"
            "- From degree n − 1 on the training error is zero: it says nothing of this.\n"
            "- **Tuning λ** lowers the peak. The best penalty leaves next to none, but "
            "leave-one-out, which sees the training points alone, does not always find it. The "
            "sentence beside the figure says what it did here."
        )
    )


def maths(values: stage.Values) -> None:
    st.latex(
        r"f(x) = \sum_{k=0}^{d} c_k \sqrt{2k+1}\,P_k(x), \qquad "
        r"\min_c\; \frac1n\sum_i\bigl(y_i-f(x_i)\bigr)^2 + \lambda\sum_k \bigl((k+1)\,c_k\bigr)^2"
    )
    st.markdown(
        _(
            "P_k are the Legendre polynomials: powers of x would drown in rounding long before "
            "degree 400. d is the degree, n the number of points (at most 40). λ = 0 stands for "
            "its limit: of all curves through the points, the one with the smallest norm. Tuned λ "
            "is chosen by leave-one-out for each data set. The test error is exact, the mean over "
            "20 data sets with the same positions. The λ of the other views belongs to powers of x "
            "and is not used here. Belkin et al., PNAS 2019; Nakkiran et al., ICLR 2021."
        )
    )


def data(values: stage.Values) -> stage.Table:
    errors = curve(values)
    frame = pd.DataFrame(
        {
            "degree": errors.degrees,
            "training MSE": errors.train_mse,
            "test MSE": errors.test_mse,
            "training MSE, tuned": errors.tuned_train_mse,
            "test MSE, tuned": errors.tuned_test_mse,
            "tuned penalty": errors.tuned_penalty,
        }
    )
    return stage.Table(frame, "double_descent.csv")


def source(values: stage.Values) -> str:
    return code.double_descent(n_points(values), values["noise"], values["seed"], N_DATASETS)


DOUBLE_DESCENT = stage.View(
    name="double_descent",
    title=N_("Double descent"),
    uses=POINTS,
    draw=draw,
    see=see,
    maths=maths,
    code=source,
    data=data,
    previews=True,
)
