"""Monte-Carlo dropout: the masks left on at inference, and how far they disagree."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from sim import dropout as sim
from ui import stage
from ui.charts import dropout_fit as fit_charts
from ui.code import dropout as code
from ui.i18n import N_, _
from ui.live import LiveRun
from ui.views.dropout.common import DASH
from ui.views.dropout.training import present_run, settings, watch

N_BAND = 100
BAND = np.linspace(-2.0, 2.0, 101)


def ensemble(values: stage.Values) -> np.ndarray | None:
    """What each thinned network predicts over the grid; None until a run has been trained."""
    run = present_run()
    if run is None or run.model is None:
        return None
    rng = np.random.default_rng(settings(values).seed)
    drawn = sim.monte_carlo(run.model.dropout, BAND[:, None], values["p"], N_BAND, rng)
    return drawn.predictions[:, :, 0]


def draw(values: stage.Values, run: LiveRun | None) -> None:
    draws = ensemble(values)
    figure, readouts = stage.figure_and_readouts()
    with figure:
        stage.chart(
            fit_charts.band(settings(values).samples()[0], BAND, draws),
            "figure",
            description=band_description(draws),
            height=stage.figure_height(0.74, projector=0.9),
        )
    with readouts:
        stage.readouts(stage.Group(_numbers(draws)))
        if draws is None:
            st.caption(_("Train the networks, then pause them or let them finish."))
        else:
            stage.remark(off_the_sine(draws))


def off_the_sine(draws: np.ndarray) -> str:
    """How far the mean is off the truth, where points are and where none are."""
    off, inside = fit_charts.off_the_truth(BAND, draws.mean(axis=0)), np.abs(BAND) <= 1
    return _(
        "The mean is off the sine by {near} on average where points are, by {far} where none are."
    ).format(near=stage.number(off[inside].mean()), far=stage.number(off[~inside].mean()))


def spreads(draws: np.ndarray) -> tuple[float, float]:
    """The mean standard deviation over the masks, where points are and where none are."""
    same = np.ptp(draws, axis=0) == 0.0  # where the sum of equal numbers rounds
    deviation, inside = np.where(same, 0.0, draws.std(axis=0)), np.abs(BAND) <= 1
    return float(deviation[inside].mean()), float(deviation[~inside].mean())


def band_description(draws: np.ndarray | None) -> str:
    """The figure in words."""
    if draws is None:
        return _("Noisy points on the true sine; no network is trained yet.")
    near, far = spreads(draws)
    return _(
        "Mean and band of {n} thinned networks over the noisy points. Their spread is {near} where "
        "points are and {far} where none are."
    ).format(n=len(draws), near=stage.number(near), far=stage.number(far))


def _numbers(draws: np.ndarray | None) -> list[stage.Readout]:
    numbers = [DASH] * 3
    if draws is not None:
        near, far = spreads(draws)
        ratio = f"× {stage.number(far / near)}" if near else DASH
        numbers = [stage.number(near), stage.number(far), ratio]
    return [
        stage.Readout(
            "spread_inside",
            _("Spread where points are"),
            numbers[0],
            _("The standard deviation over {n} masks, on average over −1 ≤ x ≤ 1.").format(
                n=N_BAND
            ),
        ),
        stage.Readout(
            "spread_outside",
            _("Spread where none are"),
            numbers[1],
            _("The same over 1 < |x| ≤ 2: all points lie in −1 ≤ x ≤ 1."),
        ),
        stage.Readout("spread_ratio", _("Outside : inside"), numbers[2]),
    ]


def see() -> None:
    st.markdown(
        _(
            "- Each grey curve is one thinned network: one mask, kept for all x. The mean over all "
            "masks is the prediction, the band is two standard deviations wide to either side.\n"
            "- Where there are points the thinned networks were trained to agree with them; beyond "
            "them nothing was asked. **Outside : inside** says how much further they spread.\n"
            "- Move **p**: at 0 all masks are the same and the band is gone. The width of the band "
            "hangs on p; it says where the networks disagree, not how large the error is.\n"
            "- No band knows what it cannot see: how far the mean is off the sine stands beside "
            "the figure."
        )
    )


def maths(values: stage.Values) -> None:
    st.latex(
        r"\hat f(x) = \frac1M \sum_{k=1}^{M} f(x;\, w, m_k), \qquad "
        r"s(x)^2 = \frac1M \sum_{k=1}^{M} \bigl(f(x;\, w, m_k) - \hat f(x)\bigr)^2"
    )
    st.markdown(
        _(
            "f is the trained network with dropout, m₁ … m_M are M = {n} masks drawn with the p of "
            "the slider; the band is f̂ ± 2s. Gal and Ghahramani (2016) read it as an approximate "
            "Bayesian posterior."
        ).format(n=N_BAND)
    )


def data(values: stage.Values) -> stage.Table:
    draws = ensemble(values)
    many = np.full((1, BAND.size), np.nan) if draws is None else draws
    frame = pd.DataFrame({"x": BAND, "mean": many.mean(axis=0), "deviation": many.std(axis=0)})
    return stage.Table(frame, "dropout_uncertainty.csv")


def source(values: stage.Values) -> str:
    return code.uncertainty(settings(values), p=values["p"], n_masks=N_BAND)


UNCERTAINTY = stage.View(
    name="uncertainty",
    title=N_("Uncertainty"),
    uses=frozenset({"p", "seed"}),
    draw=lambda values: draw(values, present_run()),
    whole=lambda: watch(draw),
    see=see,
    maths=maths,
    code=source,
    data=data,
)
