"""Three forms of one step: the weights they train, and what each costs."""

from __future__ import annotations

import json
from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from sim.weight_decay import FORMS, Forms, StepCost
from ui import theme
from ui.i18n import _
from ui.numbers import number
from ui.theme import Figure

FORM_ROLE = {"in_loss": "l2", "in_gradient": "data", "in_update": "muted"}
REACH = 3.0  # of the weights' axis, where none is larger
VISIBLE = 0.005  # of that reach: the width of a line
RATIO = 4.0  # of the costs' axis, where none is larger


def form_names() -> dict[str, str]:
    """The three forms, by where the decay is written."""
    return {
        "in_loss": _("in the loss"),
        "in_gradient": _("in the gradient"),
        "in_update": _("in the update"),
    }


def forms(run: Forms) -> Figure:
    """Every weight under each form, against steps; a run that diverges ends in crosses."""
    reach = _reach(run)
    steps = np.arange(len(run.difference))
    lines, dots = steps[::2], steps[::8]
    weights = range(run.in_loss.shape[1])
    frame = pd.DataFrame(
        {"step": lines}
        | {f"in_loss_{k}": run.in_loss[lines, k] for k in weights}
        | {f"in_gradient_{k}": run.in_gradient[lines, k] for k in weights}
    )
    points = pd.DataFrame(
        {"dot_step": dots, "points": "muted"}
        | {f"in_update_{k}": run.in_update[dots, k] for k in weights}
    )
    ends = pd.DataFrame({"end_step": [], "end": []})
    if run.diverged_at is not None:
        last = run.in_update[-1].clip(-reach, reach)
        ends = pd.DataFrame({"end_step": steps[-1], "end": last})
    frame = pd.concat([frame, points, ends], axis=1)
    return Figure(_forms, frame, (run.in_loss.shape[1], reach))


def _reach(run: Forms) -> float:
    """How far the weights' axis goes: to the largest weight, or the largest start of a run that
    diverges, whose curves end in crosses at the edge."""
    shown = run.in_update if run.diverged_at is None else run.in_update[:1]
    return max(REACH, float(np.ceil(np.abs(shown).max())))


def _forms(n_features: int, reach: float) -> alt.LayerChart:
    names = form_names()
    across = {
        "axis": alt.Axis(title=_("step"), tickCount=5, labelFlush=False),
        "scale": theme.fixed(0, 100),
    }
    up = {
        "axis": alt.Axis(title=_("weights"), tickCount=6),
        "scale": theme.fixed(-reach, reach),
    }
    weights = range(n_features)
    bands = [
        theme.line("l2", strokeWidth=10, opacity=0.55).encode(
            x=alt.X("step:Q", **across), y=alt.Y(f"in_loss_{k}:Q", **up)
        )
        for k in weights
    ]
    lines = [
        theme.line("data", strokeWidth=2).encode(
            x=alt.X("step:Q", **across), y=alt.Y(f"in_gradient_{k}:Q", **up)
        )
        for k in weights
    ]
    dots = [
        alt.Chart()
        .mark_point(clip=True, opacity=1, size=70, filled=True)
        .encode(
            x=alt.X("dot_step:Q", **across),
            y=alt.Y(f"in_update_{k}:Q", **up),
            fill=_dot_key(names["in_update"]),
        )
        for k in weights
    ]
    ends = (
        theme.tinted("overfit")
        .mark_point(shape="cross", angle=45, size=160, opacity=1)
        .encode(x=alt.X("end_step:Q", **across), y=alt.Y("end:Q", **up))
    )
    key = theme.key({FORM_ROLE[form]: names[form] for form in FORMS[:2]})
    return alt.layer(*bands, *lines, *dots, ends, key)


def _dot_key(name: str) -> alt.Fill:
    """Muted dots, with a round legend entry."""
    return alt.Fill(
        "points:N",
        scale=alt.Scale(domain=list(theme.ROLES), range="category"),
        legend=alt.Legend(
            title=None,
            orient="top",
            values=["muted"],
            labelExpr=json.dumps(name),
            symbolType="circle",
            symbolSize=90,
            symbolStrokeWidth=0,
            symbolOpacity=1,
        ),
    )


def forms_description(run: Forms) -> str:
    """The figure in words."""
    gap = float(run.difference.max())
    words = _("{n} weights in {steps} steps of training under three forms of weight decay.").format(
        n=run.in_loss.shape[1], steps=len(run.difference) - 1
    )
    if run.diverged_at is not None:
        words += " " + _("They diverge: the last step shown is {step}.").format(
            step=run.diverged_at - 1
        )
    if gap <= VISIBLE * _reach(run):
        return (
            words
            + " "
            + _("They lie on each other: the largest gap is {gap}.").format(gap=number(gap))
        )
    return words + " " + _("The largest gap between them is {gap}.").format(gap=number(gap))


def cost(costs: Sequence[StepCost], sizes: Sequence[int]) -> Figure:
    """The time of a step with each form over that of the cheapest, at each size measured."""
    rows = [
        (_size(measured.n_weights, sizes), measured.ratios[form], FORM_ROLE[form])
        for measured in costs
        for form in FORMS
    ]
    frame = pd.DataFrame(rows, columns=["size", "ratio", "role"])
    frame["label"] = [f"{ratio:.1f}×" for ratio in frame["ratio"]]
    top = max(RATIO, float(np.ceil(frame["ratio"].max()))) if rows else RATIO
    return Figure(_cost, frame, (tuple(_size(size, sizes) for size in sizes), top))


def _size(n_weights: int, sizes: Sequence[int]) -> str:
    nearest = min(sizes, key=lambda size: abs(np.log(size / n_weights)))
    return "10" + str(round(np.log10(nearest))).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _cost(sizes: tuple[str, ...], top: float) -> alt.LayerChart:
    names = form_names()
    roles = list(FORM_ROLE.values())
    base = alt.Chart().encode(
        x=alt.X(
            "size:O",
            axis=alt.Axis(title=_("weights of the model"), labelAngle=0),
            scale=alt.Scale(domain=list(sizes)),
        ),
        xOffset=alt.XOffset("role:N", scale=alt.Scale(domain=roles)),
        y=alt.Y(
            "ratio:Q",
            axis=alt.Axis(title=_("time of a step ÷ the cheapest"), tickCount=4),
            scale=theme.fixed(0, top),
        ),
    )
    key = {FORM_ROLE[form]: names[form] for form in FORMS}
    bars = base.mark_bar(cornerRadiusEnd=2).encode(
        fill=alt.Fill(
            "role:N",
            scale=alt.Scale(domain=list(theme.ROLES), range="category"),
            legend=alt.Legend(
                title=None,
                values=roles,
                labelExpr=f"{json.dumps(key)}[datum.value]",
                orient="top",
                columns=alt.ExprRef("width < 340 ? 1 : 0"),
                symbolType="square",
                symbolStrokeWidth=0,
            ),
        )
    )
    # of the first form only, which the figure is about
    labels = base.transform_filter("datum.role == 'l2'").mark_text(dy=-10)
    return alt.layer(bars, labels.encode(text="label:N"))


def cost_description(costs: Sequence[StepCost]) -> str:
    """The figure in words."""
    if not costs:
        return _("The cost of each form of weight decay; nothing has been measured yet.")
    return _(
        "The time of a training step with the sum of squares in the loss, over that of the "
        "cheapest form: {ratios}."
    ).format(
        ratios=", ".join(f"{cost.n_weights:,}: {cost.ratios['in_loss']:.2f}" for cost in costs)
    )
