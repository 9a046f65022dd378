"""The charts of the live fit: losses, curves, co-adaptation, and Monte-Carlo dropout's band."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.dropout import mean_correlation
from sim.dropout.records import NETS, Curves, Point, Progress
from sim.overfitting import Sample, truth
from ui import theme
from ui.charts.dropout_formulas import doubled
from ui.i18n import _
from ui.numbers import number
from ui.theme import Figure

ROLE = dict(zip(NETS, ("muted", "overfit", "sound"), strict=True))
LOSS_TOP, REACH = 1.2, 2.4
"""Where the axes of the losses and of y end, unless what they show now is larger."""
N_UNITS = 16
"""Units of the last hidden layer whose correlations are drawn."""


def names() -> dict[str, str]:
    """The visible names of the three networks, by role."""
    words = (_("small net"), _("large net"), _("dropout"))
    return dict(zip(ROLE.values(), words, strict=True))


def losses(points: Sequence[Point], progress: Progress | None, steps: int) -> Figure:
    """Test loss (thick) and training loss (thin) of each network, and each change of p.

    The axis goes as far as the test losses of the last point.
    """
    columns: dict[str, npt.ArrayLike] = {"step": [float(point.step) for point in points]}
    for i, name in enumerate(NETS):
        columns[f"train_{name}"] = [point.train_loss[i] for point in points]
        columns[f"test_{name}"] = [point.test_loss[i] for point in points]
    changes = progress.changes if progress else ()
    marks = {
        "change": [float(change.step) for change in changes],
        "label": [f"p → {change.value:g}" for change in changes],
    }
    frame = pd.concat([pd.DataFrame(columns, dtype=float), pd.DataFrame(marks)], axis=1)
    frame["change"] = frame["change"].astype(float)
    now = max(points[-1].test_loss) if points else 0.0
    top = doubled(LOSS_TOP, now)
    lines = [name for name in columns if name != "step"]
    over = bool((frame[lines] > top).to_numpy().any())
    frame[lines] = frame[lines].clip(upper=top)
    return Figure(_losses_grammar, frame, (steps, top, over))


def _losses_grammar(steps: int, top: float, over: bool) -> alt.LayerChart:
    x = alt.X(
        "step:Q",
        title=_("step"),
        scale=theme.fixed(0, steps),
        axis=alt.Axis(tickCount=5),
    )
    y = theme.fixed(0, top)
    # what is larger than now, as at the start, runs along the upper edge
    edge = f"(datum.value > {0.99 * top} ? '≥ ' : '')" if over else "''"
    axis = alt.Axis(
        values=[top * tick / 6 for tick in range(7)],
        labelExpr=f"{edge} + format(datum.value, '.2~f')",
    )
    title = _("error: test thick, training thin")
    lines = [
        theme.line(role, **marks).encode(
            x=x, y=alt.Y(f"{kind}_{name}:Q", title=title, scale=y, axis=axis)
        )
        for kind, marks in (("train", {"strokeWidth": 1.3, "opacity": 0.8}), ("test", {}))
        for name, role in ROLE.items()
    ]
    change = alt.X("change:Q", scale=theme.fixed(0, steps))
    rules = theme.tinted("data").mark_rule(strokeDash=[3, 4], strokeWidth=1.2, opacity=0.7)
    labels = theme.tinted("data").mark_text(align="left", dx=4, dy=9, strokeWidth=0)
    return alt.layer(
        rules.encode(x=change),
        labels.encode(x=change, y=alt.YValue(0), text="label:N"),
        *lines,
        theme.key(names()),
    )


def curves(train: Sample, shown: Curves | None) -> Figure:
    """What each network has learned, over the truth and the training points."""
    x = np.linspace(-1.0, 1.0, 81)
    frame = pd.DataFrame({"x": x, "truth": truth(x)})
    for i, name in enumerate(NETS):
        frame[name] = np.nan if shown is None else np.interp(x, shown.x, shown.y[i])
    largest = 0.0 if shown is None else float(np.abs(shown.y).max())
    reach = doubled(REACH, max(largest, float(np.abs(train.y).max())))
    return Figure(_curves_grammar, _with_points(frame, train), (reach,))


def off_the_truth(x: npt.ArrayLike, y: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """How far predictions at `x` are off the sine, in the shape of `y`."""
    return np.asarray(np.abs(np.asarray(y) - truth(x)))


def curves_description(shown: Curves | None) -> str:
    """That figure in words."""
    if shown is None:
        return _("Noisy points on the true sine; no network is trained yet.")
    off = off_the_truth(shown.x, shown.y).mean(axis=1)
    return _(
        "What the three networks have learned. They are off the true sine by {small:.2f} (small), "
        "{large:.2f} (large) and {dropout:.2f} (dropout) on average."
    ).format(**dict(zip(NETS, off, strict=True)))


def _with_points(frame: pd.DataFrame, train: Sample) -> pd.DataFrame:
    points = pd.DataFrame({"point_x": train.x, "point_y": train.y, "points": "data"})
    return pd.concat([frame, points], axis=1)


def _axes(reach: float, high: float) -> tuple[alt.X, alt.Scale]:
    x = alt.X(
        "x:Q",
        title="x",
        scale=theme.fixed(-reach, reach),
        axis=alt.Axis(tickCount=5, labelFlush=False),
    )
    return x, theme.fixed(-high, high)


def _dots(reach: float, high: float, name: str | None = None) -> alt.Chart:
    return (
        alt.Chart()
        .mark_point(clip=True, opacity=1)
        .encode(
            x=alt.X("point_x:Q", scale=theme.fixed(-reach, reach)),
            y=alt.Y("point_y:Q", scale=theme.fixed(-high, high)),
            fill=theme.ink(name),
        )
    )


def _curves_grammar(high: float) -> alt.LayerChart:
    x, scale = _axes(1.0, high)
    axis = alt.Axis(tickCount=5)
    lines = [
        theme.line(role).encode(x=x, y=alt.Y(f"{field}:Q", title="y", scale=scale, axis=axis))
        for field, role in {"truth": "truth", **ROLE}.items()
    ]
    return alt.layer(*lines, _dots(1.0, high, _("points")), theme.key({"truth": _("truth")}))


def correlations(shown: tuple[npt.ArrayLike, npt.ArrayLike] | None) -> Figure:
    """How strongly hidden units go together: darker is a larger |correlation|."""
    cells = np.arange(N_UNITS)
    columns, rows = np.meshgrid(cells, cells)
    frame = pd.DataFrame({"column": columns.ravel(), "row": rows.ravel()})
    for i, name in enumerate(NETS[1:]):
        matrix = np.eye(N_UNITS) if shown is None else np.abs(np.asarray(shown[i]))
        pick = np.linspace(0, len(matrix) - 1, N_UNITS).astype(int)
        frame[name] = matrix[np.ix_(pick, pick)].ravel()
        mean = "–" if shown is None else f"{mean_correlation(shown[i]):.2f}"
        frame[f"title_{name}"] = _("mean |r|: {r}").format(r=mean)
    return Figure(_correlations_grammar, frame)


def correlations_description(shown: tuple[npt.ArrayLike, npt.ArrayLike] | None) -> str:
    """That figure in words."""
    if shown is None:
        return _("Correlations of hidden units; no network is trained yet.")
    without, dropout = map(mean_correlation, shown)
    return _(
        "Correlations of hidden units; mean |r| is {without:.2f} without and {dropout:.2f} with "
        "dropout."
    ).format(without=without, dropout=dropout)


def _correlations_grammar() -> alt.LayerChart:
    return alt.layer(*map(_matrix, range(2), NETS[1:]))


def _matrix(place: int, name: str) -> alt.LayerChart:
    shift = place * (N_UNITS + 2)
    x, y = theme.fixed(0, 2 * N_UNITS + 2), alt.Scale(domain=[N_UNITS, -3], nice=False)
    base = theme.tinted(ROLE[name])
    cells = base.transform_calculate(
        left=f"datum.column + {shift}", right=f"datum.column + {shift + 1}", low="datum.row + 1"
    ).mark_rect(strokeWidth=0, clip=True)
    shade = alt.Scale(domain=[0, 1], range=[0.04, 1])
    one = base.transform_filter("datum.row + datum.column == 0")
    words = one.mark_text(strokeWidth=0, baseline="top").encode(
        x=alt.XDatum(shift + N_UNITS / 2, scale=x, axis=None),
        y=alt.YDatum(-3, scale=y, axis=None),
        text=f"title_{name}:N",
    )
    return alt.layer(
        cells.encode(
            x=alt.X("left:Q", scale=x, axis=None),
            x2="right:Q",
            y=alt.Y("row:Q", scale=y, axis=None),
            y2="low:Q",
            opacity=alt.Opacity(f"{name}:Q", scale=shade, legend=None),
        ),
        words,
    )


def band(train: Sample, x: npt.ArrayLike, draws: npt.ArrayLike | None, n_drawn: int = 8) -> Figure:
    """Mean and band (two standard deviations) over thinned networks, and a few of them."""
    grid = np.asarray(x, dtype=np.float64)
    frame = pd.DataFrame({"x": grid, "truth": truth(grid)})
    many = np.full((n_drawn, grid.size), np.nan) if draws is None else np.asarray(draws)
    mean, deviation = many.mean(axis=0), many.std(axis=0)
    frame["mean"], frame["low"], frame["high"] = mean, mean - 2 * deviation, mean + 2 * deviation
    for i in range(n_drawn):
        frame[f"draw{i}"] = many[i]
    # the band where points are; beyond them it may leave the picture
    near = np.nan_to_num(np.abs(mean) + 2 * deviation)[np.abs(grid) <= 1].max()
    high = doubled(REACH, max(near, float(np.abs(train.y).max())))
    return Figure(_band_grammar, _with_points(frame, train), (float(grid[-1]), high, n_drawn))


def _band_grammar(reach: float, high: float, n_drawn: int) -> alt.LayerChart:
    names = {
        "truth": _("truth"),
        "sound": _("mean and band over the masks"),
        "muted": _("single masks"),
    }
    x, scale = _axes(reach, high)
    y = {"title": "y", "scale": scale, "axis": alt.Axis(tickCount=5)}
    area = (
        theme.tinted("sound")
        .mark_area(opacity=0.22, clip=True, strokeWidth=0)
        .encode(x=x, y=alt.Y("low:Q", **y), y2="high:Q")
    )
    draws = [
        theme.line("muted", strokeWidth=1, opacity=0.8).encode(x=x, y=alt.Y(f"draw{i}:Q", **y))
        for i in range(n_drawn)
    ]
    lines = [
        theme.line(role).encode(x=x, y=alt.Y(f"{field}:Q", **y))
        for field, role in (("truth", "truth"), ("mean", "sound"))
    ]
    dots = _dots(reach, high, _("points"))
    layers = alt.layer(area, *draws, *lines, dots, theme.key(names))
    return layers.resolve_scale(fill="independent")  # else the band's would hide the dots' legend


def description(progress: Progress | None, points: Sequence[Point]) -> str:
    """The fit in words."""
    if progress is None or not points:
        return _("Losses and curves of three networks on the noisy sine; nothing is trained yet.")
    return _(
        "Losses and curves of three networks after {step} steps. Test error: small net "
        "{small}, large net {large}, large net with dropout {dropout}."
    ).format(
        step=points[-1].step, **dict(zip(NETS, map(number, points[-1].test_loss), strict=True))
    )
