"""What dropout prevents: a small net, a large one and one with dropout learn the same points."""

from __future__ import annotations

from collections.abc import Sequence

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


def draw(values: stage.Values, run: LiveRun | None) -> None:
    given = settings(values)
    progress, points = (run.progress, run.points) if run else (None, [])
    figure, readouts = stage.figure_and_readouts()
    height = stage.figure_height(0.74, projector=0.9)
    with figure:
        left, right = st.columns([2, 1], gap="small")
        with left:
            stage.chart(
                fit_charts.losses(points, progress, given.steps),
                "figure",
                description=fit_charts.description(progress, points),
                height=height,
            )
        with right:
            stage.chart(
                fit_charts.curves(given.samples()[0], progress and progress.curves),
                "figure_curves",
                description=fit_charts.curves_description(progress and progress.curves),
                height=round(height * 0.62),
            )
            stage.chart(
                fit_charts.correlations(progress and progress.correlations),
                "figure_correlations",
                description=fit_charts.correlations_description(progress and progress.correlations),
                height=height - round(height * 0.62) - 16,
            )
    with readouts:
        stage.readouts(*_numbers(points))
        stage.remark(here_and_now(points, progress))


def here_and_now(points: Sequence[sim.Point], progress: sim.Progress | None) -> str:
    """Which network has the lowest test loss, and whether dropout's units go together less."""
    if not points or progress is None:
        return ""
    test = dict(zip(sim.NETS, points[-1].test_loss, strict=True))
    names = fit_charts.names()
    lowest = [names[fit_charts.ROLE[net]] for net in sim.NETS if test[net] == min(test.values())]
    without, dropout = map(sim.mean_correlation, progress.correlations)
    return _(
        "Lowest test loss now: {names}. Mean |r| is {dropout:.2f} with dropout, {without:.2f} "
        "without."
    ).format(names=", ".join(lowest), dropout=dropout, without=without)


def _numbers(points: list[sim.Point]) -> list[stage.Group]:
    last = points[-1] if points else None

    def loss(kind: str, name: str, label: str) -> stage.Readout:
        value = stage.number(getattr(last, f"{kind}_loss")[sim.NETS.index(name)]) if last else DASH
        return stage.Readout(f"{kind}_{name}", label, value)

    names = fit_charts.names()
    small = {
        "large": loss("test", "small", _("Small: test")),
        "dropout": loss("train", "small", _("Small: training")),
    }
    return [
        stage.Group(
            [loss("test", name, _("Test")), loss("train", name, _("Training")), small[name]],
            names[fit_charts.ROLE[name]],
            fit_charts.ROLE[name],
        )
        for name in sim.NETS[1:]
    ]


def see() -> None:
    st.markdown(
        _(
            "- A small net, a large one, and the large one with dropout learn the same 15 noisy "
            "points. The two large ones start alike and see the same batches.\n"
            "- **Move p while it trains**: it acts on the next step and never restarts the run.\n"
            "- With dropout the training loss (thin) is measured with units missing: the masks add "
            "noise to it. What counts is the test loss (thick); whose is lowest stands beside the "
            "figure.\n"
            "- The squares show how alike two units of the last hidden layer behave, r their "
            "correlation. Units that co-adapt go together; mean |r| says how much.\n"
            "- The usual advice: take a large net and regularise it, not a small one."
        )
    )


def maths(values: stage.Values) -> None:
    given = settings(values)
    st.latex(
        r"\min_w\; \mathbb{E}_m\, \frac1n \sum_{i=1}^n \bigl(y_i - f(x_i;\, w, m)\bigr)^2, \qquad "
        r"y_i = \sin(\pi x_i) + \sigma\varepsilon_i"
    )
    st.latex(r"r_{jk} = \operatorname{corr}_x\bigl(h_j(x),\, h_k(x)\bigr)")
    st.markdown(
        _(
            "f is a network with ReLU units ({small} in the small one, {large} in the large ones), "
            "m its masks, each unit dropped with probability p. n = {n}, σ = {noise:g}; Adam, "
            "learning rate {rate:g}. The test error is taken on {n_test} new points with the same "
            "noise: what is expected of it is σ² and how far f is off the sine, squared. h are the "
            "outputs of the last hidden layer."
        ).format(
            small=" + ".join(map(str, given.small)),
            large=" + ".join(map(str, given.large)),
            n=given.n_points,
            noise=given.noise,
            rate=given.learning_rate,
            n_test=sim.N_TEST,
        )
    )


def data(values: stage.Values) -> stage.Table:
    run = present_run()
    rows = [(p.step, *p.train_loss, *p.test_loss) for p in run.points] if run else []
    columns = ["step", *(f"{kind}_{name}" for kind in ("train", "test") for name in sim.NETS)]
    return stage.Table(pd.DataFrame(rows, columns=columns), "dropout_fit.csv")


def source(values: stage.Values) -> str:
    return code.fit(settings(values), p=values["p"])


FIT = stage.View(
    name="fit",
    title=N_("What it prevents"),
    uses=frozenset({"p", "seed"}),
    draw=lambda values: draw(values, present_run()),
    whole=lambda: watch(draw),
    see=see,
    maths=maths,
    code=source,
    data=data,
)
