"""The anatomy of a screen: scenes, figure, read-outs, and the tabs under the fold."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from ui import controls as ui_controls
from ui import scenes as ui_scenes
from ui import shell
from ui.controls import Control
from ui.i18n import _
from ui.scenes import Scene
from ui.theme import Figure


def open(scenes: Sequence[Scene], controls: Sequence[Control]) -> dict[str, Any]:
    """Draw the scenes and, in the sidebar, the controls; return the controls' values by key."""
    shell.require_frame()
    settle_link(scenes, controls)
    scene = ui_scenes.choose(scenes, controls)
    with st.sidebar:
        values = ui_controls.draw(controls)
    with st.container(key="see"):
        st.markdown(_(scene.see))
    return values


def settle_link(scenes: Sequence[Scene], controls: Sequence[Control]) -> None:
    """On arrival: correct the link where it needs it, and run once more with the corrected one."""
    before = st.query_params.to_dict()
    complaints = [*ui_scenes.settle_url(scenes), *ui_controls.settle_url(controls)]
    if complaints or st.query_params.to_dict() != before:
        shell.complain(*complaints)
        st.rerun()


def figure_and_readouts() -> tuple[AbstractContextManager, AbstractContextManager]:
    """Two places side by side: a wide one for the figure, a narrow one for its numbers."""
    left, right = st.columns([7, 2.4], gap="medium")
    return left, right.container(key="readouts", gap="small")


def figure_height(desk: float = 1.0, projector: float | None = None) -> int:
    """The height in pixels that lets controls, figure and read-outs fit without scrolling.

    `desk` is the share of the place at 1440×900 that the figure takes, `projector` that at
    1280×720, by default the same: what stands around a figure does not shrink with it.
    """
    if shell.presenting():
        return round((desk if projector is None else projector) * 400)
    return round(desk * 520)


def chart(figure: Figure, key: str, *, description: str, height: int) -> None:
    """Draw a figure in the lab's dress. `description` is its text for those who cannot see it.

    The description says what the figure shows now, so it stands beside the chart, out of sight: as
    the chart's own `alt` it would make the browser build the chart anew at every change.
    """
    with st.container(key=key, gap=None):  # a chart's own key does not reach the page
        st.vega_lite_chart(
            figure.frame,
            figure.specification(presenting=shell.presenting()),
            key=f"{key}_chart",
            height=height,
            alt=_("A chart; the text after it says what it shows."),
        )
        st.text(description)


def readout(key: str, label: str, value: str, help: str | None = None) -> None:
    """One number that the scene is about."""
    with st.container(key=f"readout_{key}"):
        st.metric(label, value, help=help)


@dataclass(frozen=True)
class Table:
    """The data behind a figure, with the name of its CSV file."""

    frame: pd.DataFrame
    file_name: str


def tabs(
    *,
    see: Callable[[], None],
    maths: Callable[[], None],
    code: Callable[[], str],
    data: Callable[[], Table],
) -> None:
    """What to see, The maths, The code, The data. Only the open tab is computed."""
    presenting = shell.presenting()
    fold = st.expander(_("More: maths, code, data"), key="fold") if presenting else nullcontext()
    with fold:
        titles = [_("What to see"), _("The maths"), _("The code"), _("The data")]
        places = st.tabs(titles, key="tab", on_change="rerun")
        for place, draw in zip(
            places,
            (see, maths, lambda: _show_code(code()), lambda: _show_table(data())),
            strict=True,
        ):
            if place.open:
                with place:
                    draw()


def _show_code(source: str) -> None:
    st.caption(_("Runs as it stands, with the values of the controls."))
    st.code(source, language="python")


def _show_table(table: Table) -> None:
    st.dataframe(table.frame, key="table", hide_index=True, height=280)
    st.download_button(
        _("Download CSV"),
        table.frame.to_csv(index=False).encode("utf-8-sig"),
        file_name=table.file_name,
        mime="text/csv",
        key="download",
        icon=":material/download:",
        on_click="ignore",
    )


def number(value: float) -> str:
    """A figure in few characters: three significant digits, thousands in full, then powers."""
    if value == 0:
        return "0"
    if math.isinf(value):
        return "∞"
    size = abs(value)
    if size >= 1e6 or 0 < size < 1e-4:
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    return f"{value:,.0f}" if size >= 1000 else f"{value:#.3g}"
