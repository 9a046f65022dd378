"""Paths: four rules on one loss, played side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from sim.optimizers import LOSSES, Loss, Rule, RuleKind, fixed_point, stability_bound, trajectory
from ui import player, shell, stage
from ui.charts import optimizers as charts
from ui.code import optimizers as code
from ui.i18n import N_, _
from ui.numbers import power
from ui.views.optimizers.common import ADAMS, rule


@st.cache_data(max_entries=8, show_spinner=False)
def heights(loss: str) -> dict[str, Any]:
    """The contours of a loss: they do not change with the controls."""
    return charts.field(LOSSES[loss], charts.POWERS.get(loss, 0.5))


@st.cache_data(max_entries=128, show_spinner=False)
def run(kind: RuleKind, rule: Rule, loss_name: str, n_steps: int) -> charts.Run:
    """The path of one rule: kept, as most controls move only one or two of the four."""
    loss = LOSSES[loss_name]
    path = trajectory(rule, loss.gradient, loss.start, n_steps)
    x0, x1, y0, y1 = charts.domain(loss)
    w1, w2 = path.weights[-1]
    diverged = path.diverged_at is not None
    gone = diverged or not (x0 <= w1 <= x1 and y0 <= w2 <= y1)
    return charts.Run(kind, path.weights, gone, diverged)


def runs(values: stage.Values) -> list[charts.Run]:
    """The paths of the four rules."""
    loss, n_steps = values["loss"], values["n_steps"]
    return [run(kind, rule(kind, values), loss, n_steps) for kind in charts.KINDS]


def bound(kind: RuleKind, loss: Loss, values: stage.Values) -> float:
    """The learning rate above which SGD or momentum cannot settle."""
    momentum = values["momentum"] if kind == "momentum" else 0.0
    return stability_bound(loss, momentum, values["weight_decay"])


def verdict(values: stage.Values, seen: list[charts.Run]) -> str:
    """One sentence under the paths: what went wrong, or else why the ends differ."""
    loss, called = LOSSES[values["loss"]], charts.names()
    bounds = {kind: bound(kind, loss, values) for kind in ("sgd", "momentum")}
    diverged = [run.kind for run in seen if run.diverged]
    outside = [run.kind for run in seen if run.lost and not run.diverged]
    above = [kind for kind, most in bounds.items() if values["learning_rate"] > most * (1 + 1e-12)]
    shrink = values["adam_learning_rate"] * values["weight_decay"]
    overshoots = shrink > 2 * (1 + 1e-12)
    unstable = [kind for kind in (*above, *["adamw"] * overshoots) if kind not in diverged]
    found = [
        sentence.format(names=", ".join(called[kind] for kind in kinds))
        for sentence, kinds in (
            (_("Diverges: {names}."), diverged),
            (_("Ends outside the figure: {names}."), outside),
            (_("Cannot settle: {names}."), unstable),
        )
        if kinds
    ]
    if above:
        limits = "; ".join(f"{called[kind]} {stage.number(bounds[kind])}" for kind in bounds)
        found.append(
            _("Learning rate {rate:g}; stability bounds: {limits}.").format(
                rate=values["learning_rate"], limits=limits
            )
        )
    if overshoots:
        found.append(
            _("AdamW: α·λ = {product:g}; above 2 its decay overshoots.").format(product=shrink)
        )
    if found:
        return " ".join(found)
    if values["weight_decay"] == 0:
        return _("Without decay Adam and AdamW are one rule: their paths are the same.")
    return _(
        "A penalty moves the minimum. AdamW's decay is up against m̂/√v̂, which stays of size 1 "
        "while the gradient fades: it holds a weight only at 1/λ."
    )


def draw(values: stage.Values) -> None:
    loss, seen = LOSSES[values["loss"]], runs(values)
    lost = any(run.lost for run in seen)  # a projector has place for the sentence only where needed
    figure, readouts = stage.figure_and_readouts()
    with figure:
        player.show(
            "player",
            "paths",
            charts.paths(loss, heights(values["loss"]), seen, values["weight_decay"]),
            n_frames=max(len(run.weights) for run in seen),
            description=charts.describe_paths(seen),
            height=stage.figure_height(0.78, projector=0.62 if lost else 0.74),
        )
        if lost or not shell.presenting():
            stage.remark(verdict(values, seen))
    with readouts:
        stage.readouts(stage.Group(_ends(loss, values, seen)))


def _ends(loss: Loss, values: stage.Values, seen: list[charts.Run]) -> list[stage.Readout]:
    called = charts.names()
    ends = [
        stage.Readout(
            f"end_{run.kind}",
            _("{name} ends at").format(name=called[run.kind]),
            _("diverges") if run.diverged else _pair(run.weights[-1]),
            _("With small enough steps it settles at {point}.").format(
                point=_pair(fixed_point(run.kind, loss, values["weight_decay"]))
            ),
        )
        for run in seen
    ]
    limit = stage.Readout(
        "bound",
        _("Stability bound of SGD"),
        stage.number(bound("sgd", loss, values)),
        _(
            "2/(L + λ), with L the largest curvature at the minimum of loss + L2; times 1 + μ with "
            "momentum."
        ),
    )
    return ends if shell.presenting() else [*ends, limit]  # a projector has place for four


def _pair(weights: np.ndarray) -> str:
    wide = np.abs(weights).max() >= 1000
    return "({}, {})".format(*(power(w) if wide else f"{w:.2f}" for w in weights))


def see() -> None:
    st.markdown(
        _(
            "- Rings mark where the rules settle, with small enough steps and enough of them: "
            "**least loss + L2** for SGD, momentum and Adam, **least loss** for AdamW.\n"
            "- Raise **λ**: the first ring moves towards zero. AdamW's stays, until the box "
            "|w| ≤ 1/λ reaches it.\n"
            "- Adam's first step goes along the diagonal: m̂/√v̂ is the gradient's sign, in the "
            "steep direction as in the flat one.\n"
            "- On the ill-scaled bowls SGD's learning rate is limited by the steepest direction, "
            "and the flattest has to wait.\n"
            "- Adam and AdamW may end by circling, the wider the larger α."
        )
    )


def maths(values: stage.Values) -> None:
    st.latex(
        r"\text{SGD: } w \leftarrow w - \eta\,(g + \lambda w) \qquad "
        r"\text{momentum: } m \leftarrow \mu m + g + \lambda w,\;\; w \leftarrow w - \eta m"
    )
    st.latex(
        r"\text{Adam + L2: } w \leftarrow w - \alpha\,\frac{\hat m(g + \lambda w)}"
        r"{\sqrt{\hat v(g + \lambda w)} + \varepsilon} \qquad "
        r"\text{AdamW: } w \leftarrow w - \alpha\,\frac{\hat m(g)}{\sqrt{\hat v(g)} + \varepsilon}"
        r" - \alpha\lambda w"
    )
    st.markdown(
        _(
            "g is the gradient of the loss, η the learning rate of SGD and momentum, α that of the "
            "two Adams, μ the momentum, λ the weight decay; ε = 1e-8. The first three stop where "
            "g + λw = 0: the minimum of L(w) + (λ/2)·Σw², dividing by √v̂ or not. AdamW's decay "
            "is outside the fraction. Where the gradient keeps its sign the fraction is ±1, so it "
            "balances αλw only at |w| = 1/λ: AdamW settles at the minimum of L within that box "
            "(Xie and Li, 2024). SGD is stable up to η = 2/(L + λ), momentum up to "
            "2(1 + μ)/(L + λ), with L the largest curvature where they settle."
        )
    )


def data(values: stage.Values) -> stage.Table:
    frames = [
        pd.DataFrame(run.weights, columns=["w1", "w2"]).assign(
            rule=run.kind, step=range(len(run.weights))
        )
        for run in runs(values)
    ]
    table = pd.concat(frames)[["rule", "step", "w1", "w2"]]
    return stage.Table(table, "optimizers_paths.csv")


PATHS = stage.View(
    name="paths",
    title=N_("Paths"),
    uses=ADAMS | {"learning_rate", "momentum", "n_steps"},
    draw=draw,
    see=see,
    maths=maths,
    code=code.paths,
    data=data,
    previews=True,
)
