"""House prices: a line through five houses, fitted by AdamW with decay and without."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from sim.optimizers import AREAS, PRICES, SLOPE, Line, house_prices
from ui import shell, stage
from ui.charts import optimizers_houses as charts
from ui.code import optimizers as code
from ui.i18n import N_, _


@st.cache_data(max_entries=32, show_spinner=False)
def _line(rate: float, decay: float, n_steps: int, standardise: str, seed: int) -> Line:
    return house_prices(rate, decay, n_steps, standardise, rng=np.random.default_rng(seed))


def lines(values: stage.Values) -> tuple[Line, Line]:
    """The line with the controls' settings, and the same without decay."""
    rate, decay = values["house_learning_rate"], values["house_weight_decay"]
    rest = values["house_steps"], values["standardise"], values["seed"]
    return _line(rate, decay, *rest), _line(rate, 0.0, *rest)


def draw(values: stage.Values) -> None:
    line, plain = lines(values)
    figure, readouts = stage.figure_and_readouts()
    with figure:
        for column, key, chart in zip(
            stage.columns("both", (1, 1)),
            ("houses", "slopes"),
            (charts.houses(line), charts.slopes(line, plain, values["house_steps"])),
            strict=True,
        ):
            with column:
                stage.chart(
                    chart,
                    key,
                    description=charts.describe_houses(line, plain),
                    height=stage.figure_height(0.8, projector=0.9),
                )
        if not shell.presenting() or _overshoots(values):
            stage.remark(_verdict(values, line))
    with readouts:
        stage.readouts(stage.Group(_numbers(line, plain)))


def _overshoots(values: stage.Values) -> bool:
    """Whether a decay alone leaves a weight larger than it was, on the other side of zero."""
    return values["house_learning_rate"] * values["house_weight_decay"] > 2 * (1 + 1e-12)


def _verdict(values: stage.Values, line: Line) -> str:
    if _overshoots(values):
        why = _(
            "Learning rate × λ = {product:g} is above 2: each decay leaves a weight larger than it "
            "was, on the other side of zero."
        ).format(product=values["house_learning_rate"] * values["house_weight_decay"])
        step = line.path.diverged_at
        return why if step is None else _("Diverges at step {step}.").format(step=step) + " " + why
    if values["house_weight_decay"] == 0:
        return _("Without decay the two runs are one. Seed {seed}.").format(seed=values["seed"])
    return _(
        "Both weights start as standard normal numbers and both decay, as with "
        "`AdamW(model.parameters())`. Seed {seed}."
    ).format(seed=values["seed"])


def _numbers(line: Line, plain: Line) -> list[stage.Readout]:
    if line.path.diverged_at is not None:
        return [stage.Readout("slope", _("Slope found"), _("diverges"))]
    numbers = [
        stage.Readout("slope", _("Slope found"), f"{line.slope:.3f}"),
        stage.Readout("short", _("Short of 1.5 by"), f"{SLOPE - line.slope:.3f}"),
        stage.Readout("plain_slope", _("Slope without decay"), f"{plain.slope:.3f}"),
        stage.Readout("intercept", _("Intercept"), stage.number(line.intercept)),
        stage.Readout(
            "mse",
            _("Mean squared error"),
            stage.number(float(line.losses[-1])),
            _("In squared units of price, over the five houses."),
        ),
    ]
    return numbers[:4] if shell.presenting() else numbers  # a projector has place for four


def see() -> None:
    st.markdown(
        _(
            "- The houses lie exactly on price = 1.5 · area. With raw areas and prices, learning "
            "rate 0.01, λ = 0.1 and 1,000 steps AdamW comes close and stops short: decay pulls "
            "slope and intercept towards zero in every step.\n"
            "- It is a delay, not a shifted optimum: raise these **steps** to 10,000. The wall for "
            "each weight is 1/λ, far above 1.5 at λ = 0.1; at λ = 1 it is 1.\n"
            "- **Standardise** the input alone and the weights to be found become 212 and 450, out "
            "of reach for 1,000 steps of 0.01, and beyond the wall at λ = 0.1. Standardise prices "
            "too and they are 1 and 0.\n"
            "- Decay is no neutral setting: what it does depends on the units of the data."
        )
    )


def maths(values: stage.Values) -> None:
    st.latex(
        r"\text{price} = w\cdot\text{area} + b, \qquad "
        r"L = \frac15\sum_{i=1}^5 (w\,x_i + b - y_i)^2, \qquad x' = \frac{x-\bar x}{s_x}"
    )
    st.markdown(
        _(
            "While a gradient keeps its sign, AdamW's step is about as long as the learning rate, "
            "however large the gradient is; (learning rate)·λ·w it takes off both weights in any "
            "case. λ is the decay of slope and intercept in "
            "the units of training; after scaling back, the same λ is another pull."
        )
    )


def data(values: stage.Values) -> stage.Table:
    line, plain = lines(values)
    frame = pd.DataFrame({"area": AREAS, "price": PRICES})
    for name, each in (("found", line), ("found without decay", plain)):
        frame[name] = each.slope * frame["area"] + each.intercept
    return stage.Table(frame, "optimizers_house_prices.csv")


HOUSE_PRICES = stage.View(
    name="house_prices",
    title=N_("House prices"),
    uses=frozenset(
        {"standardise", "house_weight_decay", "house_learning_rate", "house_steps", "seed"}
    ),
    draw=draw,
    see=see,
    maths=maths,
    code=code.house_prices,
    data=data,
    previews=True,
)
