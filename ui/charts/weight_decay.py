"""The figures of weight decay: canyons, three forms and their cost, losses, and sparse weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from sim.weight_decay import (
    FORMS,
    Canyon,
    Forms,
    Regression,
    SparseRegression,
    StepCost,
    canyon_descent,
    soft_threshold,
)
from ui import theme
from ui.i18n import _
from ui.theme import Figure

Painted = dict[str, Any]
"""What a painter of the player draws from."""

RATES = (0.005, 2.0)
FORM_ROLE = {"in_loss": "l2", "in_gradient": "data", "in_update": "muted"}
REACH = 3.0  # of the weights' axis
ZERO = 4e-5  # where λ = 0 stands on a logarithmic axis
USUAL = (1e-4, 1e-1)


def form_names() -> dict[str, str]:
    """The three forms, by where the decay is written."""
    return {
        "in_loss": _("in the loss"),
        "in_gradient": _("in the gradient"),
        "in_update": _("in the update"),
    }


def canyons(descents: Sequence[Canyon], own: float, height: float) -> Painted:
    """Descents that start at the same height, each in its canyon; that of a = `own` stands out."""
    rate = descents[0].learning_rate
    return {
        "canyons": [
            {
                "a": canyon.a,
                "name": f"a = {canyon.a:g}",
                "x": [float(f"{x:.4g}") for x in canyon.x],
                "safe": descends(canyon),
                "own": canyon.a == own,
            }
            for canyon in descents
        ],
        "height": height,
        "rate": rate,
        "rates": RATES,
        "ticks": [0.01, 0.1, 1],
        "words": {
            "x": "x",
            "y": "y = a·x²",
            "ladder": _("learning rate η (log scale); safe in the bar"),
            "rate": f"η = {rate:g}",
            "bound": "2/L = {rate}",
            "caption": _("step {i}: x = {x} in the canyon a = {a}").replace("{a}", f"{own:g}"),
            "out": _("step {i}: thrown out of the canyon a = {a}").replace("{a}", f"{own:g}"),
        },
    }


def descends(canyon: Canyon) -> bool:
    """Whether x goes to zero; at 2/L it jumps to and fro for ever (up to rounding)."""
    return abs(canyon.factor) < 1 - 1e-12


def canyons_description(descents: Sequence[Canyon]) -> str:
    """The figure in words."""
    return _(
        "Parabolas a·x² with gradient descent at learning rate {rate:g}. It comes down for a = "
        "{safe}; it does not for a = {out}."
    ).format(
        rate=descents[0].learning_rate,
        safe=", ".join(f"{c.a:g}" for c in descents if descends(c)) or "–",
        out=", ".join(f"{c.a:g}" for c in descents if not descends(c)) or "–",
    )


def forms(run: Forms) -> Figure:
    """Every weight under each form, against steps; a run that diverges ends in crosses."""
    steps = np.arange(len(run.difference))
    lines, dots = steps[::2], steps[::8]
    frame = pd.DataFrame({"step": lines})
    points = pd.DataFrame({"dot_step": dots, "points": "muted"})
    for k in range(run.in_loss.shape[1]):
        frame[f"in_loss_{k}"] = run.in_loss[lines, k]
        frame[f"in_gradient_{k}"] = run.in_gradient[lines, k]
        points[f"in_update_{k}"] = run.in_update[dots, k]
    ends = pd.DataFrame({"end_step": [], "end": []})
    if run.diverged_at is not None:
        last = run.in_update[-1].clip(-REACH, REACH)
        ends = pd.DataFrame({"end_step": steps[-1], "end": last})
    return Figure(_forms, pd.concat([frame, points, ends], axis=1), (run.in_loss.shape[1],))


def _forms(n_features: int) -> alt.LayerChart:
    names = form_names()
    across = {
        "axis": alt.Axis(title=_("step"), tickCount=5, labelFlush=False),
        "scale": theme.fixed(0, 100),
    }
    up = {
        "axis": alt.Axis(title=_("weights"), tickCount=6),
        "scale": theme.fixed(-REACH, REACH),
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
    return _(
        "{n} weights in {steps} steps of training under three forms of weight decay, which lie on "
        "each other: the largest difference is {gap:.1e}."
    ).format(n=run.in_loss.shape[1], steps=len(run.difference) - 1, gap=run.difference.max())


def cost(costs: Sequence[StepCost], sizes: Sequence[int]) -> Figure:
    """The time of a step with each form over that of the cheapest, at each size measured."""
    rows = [
        (_size(measured.n_weights, sizes), measured.ratios[form], FORM_ROLE[form])
        for measured in costs
        for form in FORMS
    ]
    frame = pd.DataFrame(rows, columns=["size", "ratio", "role"])
    frame["label"] = [f"{ratio:.1f}×" for ratio in frame["ratio"]]
    frame["height"] = frame["ratio"].astype(float).clip(upper=4)
    return Figure(_cost, frame, (tuple(_size(size, sizes) for size in sizes),))


def _size(n_weights: int, sizes: Sequence[int]) -> str:
    nearest = min(sizes, key=lambda size: abs(np.log(size / n_weights)))
    return "10" + str(round(np.log10(nearest))).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _cost(sizes: tuple[str, ...]) -> alt.LayerChart:
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
            "height:Q",
            axis=alt.Axis(title=_("time of a step ÷ the cheapest"), tickCount=4),
            scale=theme.fixed(0, 4),
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
    # of the first form only: the others stand at 1
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


def regression(run: Regression, without: Regression, epochs: int) -> Painted:
    """Training and test loss of a run by epoch, and the test loss without decay beside them."""
    names = {
        "data": (_("training loss"), run.train_loss),
        "validation": (_("test loss"), run.test_loss),
        "muted": (_("test loss at λ = 0"), without.test_loss),
    }
    if run.weight_decay == 0:
        del names["muted"]
    return {
        "curves": [
            {
                "role": role,
                "name": name,
                "values": [float(f"{value:.4g}") for value in values],
                "dash": [4, 4] if role == "muted" else [],
                "cross": role != "muted" and run.diverged_at is not None,
            }
            for role, (name, values) in names.items()
        ],
        "epochs": epochs,
        "decades": [-6, 4],
        "axes": {"x": _("epoch"), "y": _("mean squared error (log scale)")},
        "words": {
            "caption": _("epoch {i}: training loss {0}, test loss {1}"),
            "lost": _("epoch {i}: the weights have left all bounds"),
        },
    }


def regression_description(run: Regression) -> str:
    """The figure in words."""
    return _(
        "Training and test loss by epoch on a logarithmic axis, at λ = {decay:g}. At the end the "
        "training loss is {train:.2g} and the test loss {test:.2g}."
    ).format(decay=run.weight_decay, train=run.train_loss[-1], test=run.test_loss[-1])


def sweep(runs: Sequence[Regression], named: Sequence[float], now: float, bound: float) -> Figure:
    """The losses after training against λ, with the `named` λ's, the present one and the bound.

    Runs that diverge have no point; `bound` is the λ from which on they must, or infinity.
    """
    curves = pd.DataFrame(
        {
            "decay": [max(run.weight_decay, ZERO) for run in runs],
            "data": [_ending(run, run.train_loss) for run in runs],
            "validation": [_ending(run, run.test_loss) for run in runs],
        }
    )
    named_at = pd.DataFrame({"named": [max(decay, ZERO) for decay in named]})
    none, *others = _names()
    named_at["none"], named_at["name"] = [none, "", "", ""], ["", *others]
    here = curves[np.isclose(curves["decay"], max(now, ZERO))].reset_index(drop=True)
    here.columns = ["here", "here_data", "here_validation"]
    band = pd.DataFrame({"low": [USUAL[0]], "high": [USUAL[1]], "usual": [_("usual choices")]})
    edge = pd.DataFrame({"bound": [bound], "bound_name": ["2/η"]})
    if np.isinf(bound):
        edge = edge[:0]
    frame = pd.concat([curves, named_at, here, band, edge], axis=1)
    return Figure(_sweep, frame)


def _ending(run: Regression, loss: np.ndarray) -> float:
    return float("nan") if run.diverged_at is not None else max(float(loss[-1]), 1e-30)


def _names() -> list[str]:
    return [_("none"), _("small"), _("fit"), _("too much")]


def _sweep() -> alt.LayerChart:
    label = "datum.value < 9e-5 ? '0' : format(datum.value, '~g')"
    x = alt.Axis(
        title=_("weight decay λ (log scale)"),
        values=[ZERO, 1e-3, 1e-2, 1e-1, 1, 10, 100, 1000],
        labelExpr=label,
        grid=False,
        labelFlush=False,
    )
    across = alt.Scale(type="log", domain=[ZERO * 0.8, 1500], nice=False)
    y = alt.Axis(
        title=_("mean squared error after training"),
        values=[10.0**k for k in range(-6, 5, 2)],
        format="~e",
    )
    up = alt.Scale(type="log", domain=[1e-6, 1e4], nice=False, clamp=True)

    def place(field: str) -> alt.X:
        return alt.X(f"{field}:Q", axis=x, scale=across)

    top = alt.YValue(0)
    bottom = alt.Y2Value(alt.ExprRef("height"))
    lines = [
        theme.line(role, point=False).encode(
            x=place("decay"), y=alt.Y(f"{role}:Q", axis=y, scale=up)
        )
        for role in ("data", "validation")
    ]
    points = [
        theme.tinted(role)
        .mark_point(size=130, opacity=1)
        .encode(x=place("here"), y=alt.Y(f"here_{role}:Q", axis=y, scale=up))
        for role in ("data", "validation")
    ]
    band = theme.tinted("muted").mark_rect(opacity=0.2, strokeWidth=0)
    words = theme.tinted("data")
    return alt.layer(
        band.encode(x=place("low"), x2="high:Q", y=top, y2=bottom),
        words.mark_text(strokeWidth=0, align="left", dx=6).encode(
            x=place("low"), y=alt.YValue(alt.ExprRef("height - 12")), text="usual:N"
        ),
        theme.tinted("muted")
        .mark_rule(strokeDash=[3, 4])
        .encode(x=place("named"), y=top, y2=bottom),
        words.mark_text(strokeWidth=0, align="left", dx=5, dy=9).encode(
            x=place("named"), y=top, text="none:N"
        ),
        words.mark_text(strokeWidth=0, align="right", dx=-5, dy=9).encode(
            x=place("named"), y=top, text="name:N"
        ),
        theme.tinted("overfit").mark_rule(strokeWidth=2).encode(x=place("bound"), y=top, y2=bottom),
        theme.tinted("overfit")
        .mark_text(strokeWidth=0, align="left", dx=5, dy=9)
        .encode(x=place("bound"), y=alt.YValue(22), text="bound_name:N"),
        *lines,
        *points,
        theme.key({"data": _("training loss"), "validation": _("test loss")}),
    )


def sweep_description(runs: Sequence[Regression]) -> str:
    """The figure in words."""
    best = min(
        (run for run in runs if run.diverged_at is None), key=lambda run: float(run.test_loss[-1])
    )
    return _(
        "Training and test loss after training against λ on logarithmic axes. The test loss is "
        "smallest, {test:.2g}, at λ = {decay:g}."
    ).format(test=best.test_loss[-1], decay=best.weight_decay)


def penalty_steps(fit: SparseRegression) -> Figure:
    """What one step of each penalty alone makes of a weight: soft threshold and shrinking."""
    w = np.linspace(-0.6, 0.6, 121)
    frame = pd.DataFrame(
        {
            "w": w,
            "muted": w,
            "l1": soft_threshold(w, fit.learning_rate * fit.l1.penalty),
            "l2": w / (1 + 2 * fit.learning_rate * fit.l2.penalty),
        }
    )
    return Figure(_penalty_steps, frame)


def _penalty_steps() -> alt.LayerChart:
    names = {"muted": _("no penalty"), "l1": _("L1: soft threshold"), "l2": _("L2: shrink")}
    scale = theme.fixed(-0.6, 0.6)
    return alt.layer(
        *[
            theme.line(role).encode(
                x=alt.X("w:Q", axis=alt.Axis(title=_("weight before"), tickCount=5), scale=scale),
                y=alt.Y(
                    f"{role}:Q", axis=alt.Axis(title=_("weight after"), tickCount=5), scale=scale
                ),
            )
            for role in names
        ],
        theme.key(names),
    )


def sparse_weights(fit: SparseRegression) -> Figure:
    """Every weight after training beside the true one; those that are exactly 0 are rings."""
    number = np.arange(1, len(fit.truth) + 1)
    frame = pd.DataFrame({"from": number - 0.45, "to": number + 0.45, "truth": fit.truth})
    for order, run, shift in (("l1", fit.l1, -0.2), ("l2", fit.l2, 0.2)):
        frame[f"{order}_at"] = number + shift
        frame[order] = run.weights
        frame[f"{order}_zero"] = np.where(run.weights == 0, 0.0, np.nan)
        frame[f"{order}_kept"] = np.where(run.weights == 0, np.nan, run.weights)
    return Figure(_sparse_weights, frame, (len(number),))


def _sparse_weights(n: int) -> alt.LayerChart:
    names = {"truth": _("truth"), "l1": _("L1; a ring: exactly 0"), "l2": "L2"}
    x = alt.Axis(title=_("number of the weight"), values=[1, *range(5, n + 1, 5)], grid=False)
    y = alt.Axis(title=_("weight after training"), tickCount=6)
    across, up = theme.fixed(0.2, n + 0.8), theme.fixed(-1.6, 1.6)

    def place(chart: alt.Chart, across_field: str, field: str) -> alt.Chart:
        return chart.encode(
            x=alt.X(f"{across_field}:Q", axis=x, scale=across),
            y=alt.Y(f"{field}:Q", axis=y, scale=up),
        )

    layers = [
        place(theme.tinted("truth").mark_rule(strokeWidth=3), "from", "truth").encode(x2="to:Q")
    ]
    for order in ("l2", "l1"):
        at = f"{order}_at"
        stem = place(theme.tinted(order).mark_rule(strokeWidth=2, clip=True), at, f"{order}_kept")
        layers += [
            stem.encode(y2=alt.Y2Datum(0)),
            place(
                theme.tinted(order).mark_point(size=45, opacity=1, clip=True), at, f"{order}_kept"
            ),
            place(
                theme.tinted(order).mark_point(
                    size=55, filled=False, fillOpacity=0, strokeWidth=1.8
                ),
                at,
                f"{order}_zero",
            ),
        ]
    return alt.layer(*layers, theme.key(names))


def sparse_description(fit: SparseRegression) -> str:
    """The figure in words."""
    return _(
        "{n} weights after training under L1 and under L2. Exactly 0 are {l1} under L1 and {l2} "
        "under L2."
    ).format(n=len(fit.truth), l1=fit.l1.n_zeros, l2=fit.l2.n_zeros)


def thumbnail() -> Figure:
    """Three canyons and a descent in each, without words: for a card."""
    x = np.linspace(-4.6, 4.6, 93)
    parts = [pd.DataFrame({"x": x} | {f"curve_{a}": a * x**2 for a in (1, 5, 50)})]
    for a in (1, 5):
        path = canyon_descent(a, 0.15, np.sqrt(18 / a), 10)
        parts.append(pd.DataFrame({f"x_{a}": path.x, f"path_{a}": path.height}))
    return Figure(_small_grammar, pd.concat(parts, axis=1))


def _small_grammar() -> alt.LayerChart:
    across, up = theme.fixed(-4.6, 4.6), theme.fixed(0, 20)

    def line(role: str, x: str, y: str, **marks: Any) -> alt.Chart:
        return theme.line(role, **marks).encode(
            x=alt.X(f"{x}:Q", axis=None, scale=across),
            y=alt.Y(f"{y}:Q", axis=None, scale=up),
            order=f"{x}:Q" if y.startswith("curve") else alt.Undefined,
        )

    curves = [
        line(role, "x", f"curve_{a}") for a, role in ((1, "sound"), (5, "sound"), (50, "overfit"))
    ]
    # in the order of the steps, not of x
    paths = [
        line("data", f"x_{a}", f"path_{a}", strokeWidth=1.2, point=True).encode(
            order=alt.Order(f"path_{a}:Q", sort="descending")
        )
        for a in (1, 5)
    ]
    return alt.layer(*curves, *paths)
