"""The anatomy of a screen: scenes, figure, read-outs, and the tabs under the fold."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from ui import controls as ui_controls
from ui import i18n, preview, shell, sliders, visits
from ui import scenes as ui_scenes
from ui.controls import Control, Views
from ui.i18n import N_, _
from ui.numbers import number as number
from ui.scenes import Scene
from ui.text import csv_file
from ui.theme import Figure


@dataclass(frozen=True)
class Table:
    """The data behind a figure, with the name of its CSV file."""

    frame: pd.DataFrame
    file_name: str


Values = dict[str, Any]
"""The controls' values by key."""

TABS = (N_("What to see"), N_("The maths"), N_("The code"), N_("The data"))
"""What lies under the fold of every screen."""


@dataclass(frozen=True, kw_only=True)
class View:
    """One picture of a screen, and what the tabs under its fold say about it.

    A screen with several views gives each a `name` (in the URL as `view`), a `title` and the keys
    of the controls that it `uses`; the others are folded away.
    """

    draw: Callable[[Values], None]
    see: Callable[[], None]
    maths: Callable[[Values], None]
    code: Callable[[Values], str]
    data: Callable[[Values], Table]
    name: str = ""
    title: str = ""
    uses: frozenset[str] | None = None
    whole: Callable[[], None] | None = None
    """Draws the picture in place of `draw`, in runs of the whole screen: for what plays live."""
    previews: bool = False
    """Whether sliders are answered while a hand holds them (see `ui.preview`). Then `draw` shows
    things by this module, `ui.points` and `ui.player` alone."""


def screen(scenes: Sequence[Scene], controls: Sequence[Control], *views: View) -> None:
    """Draw a whole screen: scenes, controls in the sidebar, the picture, the tabs.

    The picture and the tabs are fragments: a control that moves runs them alone.
    """
    choice = Views(default=views[0].name, titles={view.name: view.title for view in views})
    several = len(views) > 1
    open(scenes, [*controls, choice] if several else controls, choice if several else None)
    if several:
        choice.draw()
    (view,) = (view for view in views if view.name == choice.value())
    # A link on display has to follow, by whole runs.
    listening = view.previews and not st.session_state.get("share")
    st.session_state["_previewed"] = listening
    uses = {control.key for control in controls} if view.uses is None else view.uses
    with st.sidebar:
        draw_controls([control for control in controls if control.key in uses])
        if others := [control for control in controls if control.key not in uses]:
            with st.expander(_("Controls of the other views"), key="others"):
                draw_controls(others, "other_settings")
    if view.whole is not None:
        view.whole()
    elif view.previews:
        name = st.session_state["_screen"]
        preview.register(name, controls, views)
        part("answer", lambda: _previewed(name, view, controls, listening=listening))
    else:
        part("answer", lambda: view.draw(ui_controls.read(controls)))
    fold(view, controls)


def _previewed(name: str, view: View, controls: Sequence[Control], *, listening: bool) -> None:
    shape = ""
    try:
        with preview.noting(drawing=True) as notes:
            view.draw(ui_controls.read(controls))
        shape = notes.shape
    finally:  # after a failure the sliders have to work all the more
        if listening:
            sliders.listen(name, view.name, shape, controls)


def open(scenes: Sequence[Scene], controls: Sequence[Control], choice: Views | None = None) -> None:
    """Draw the scenes, and the sentence of the present one where its own view is chosen."""
    shell.require_frame()
    settle_link(scenes, controls)
    scene = ui_scenes.choose(scenes, controls)
    shown = True
    if choice is not None:
        choice.restore()
        shown = choice.value() == scene.values.get(choice.key, choice.default)
    with st.container(key="see"):
        if shown:  # else it says what to do and to see in another picture
            st.markdown(_(scene.see))


def draw_controls(controls: Sequence[Control], more_key: str = "more_settings") -> None:
    """Draw controls below each other, those for the curious folded away."""
    for control in controls:
        if not control.more:
            control.draw()
    if more := [control for control in controls if control.more]:
        with st.expander(_("More settings"), key=more_key):
            for control in more:
                control.draw()


def fold(view: View, controls: Sequence[Control]) -> None:
    """Draw the tabs under the fold."""
    part("more", lambda: _tabs(view, ui_controls.read(controls)))


def part(
    name: str,
    draw: Callable[[], None],
    run_every: float | None = None,
    moved: Callable[[], None] = lambda: None,
) -> None:
    """Draw a part of the screen that can run alone.

    One that runs every few moments is told by `moved` of a control that moves, before any drawing.
    """
    language, screen = i18n.language(), st.session_state.get("_screen")
    if name == "answer":
        st.session_state["_moved"] = None if run_every is None else moved

    def body() -> None:
        i18n.activate(language)  # a fragment runs in a thread of its own
        with shell.guard(f"recover_{name}"):
            visits.remember(screen)
            draw()

    st.fragment(body, run_every=run_every, key=name)()


def settle_link(scenes: Sequence[Scene], controls: Sequence[Control]) -> None:
    """On arrival: correct the link where it needs it, and run once more with the corrected one."""
    before = st.query_params.to_dict()
    visits.own(controls)
    complaints = [*ui_scenes.settle_url(scenes), *ui_controls.settle_url(controls)]
    if complaints or st.query_params.to_dict() != before:
        shell.complain(*complaints)
        st.rerun()


def figure_and_readouts() -> tuple[AbstractContextManager, AbstractContextManager]:
    """Two places side by side: a wide one for the figure, a narrow one for its numbers.

    Containers in a grid (see `ui.shell`): the browser renders half as much for them as for columns.
    """
    if not preview.drawing():
        return nullcontext(), nullcontext()
    with st.container(key="answer_row"):
        return st.container(gap="small"), st.container(key="readouts", gap="small")


def columns(
    key: str, widths: Sequence[float], *, projector_only: bool = False
) -> Sequence[AbstractContextManager]:
    """Places side by side, for what belongs together; below each other if for a projector only."""
    if not preview.drawing() or (projector_only and not shell.presenting()):
        return [nullcontext()] * len(widths)
    with st.container(key=key):
        return st.columns(widths)


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
    preview.note_chart(key, figure)
    if not preview.drawing():
        return
    with st.container(key=key, gap=None):  # a chart's own key does not reach the page
        st.vega_lite_chart(
            figure.frame,
            figure.specification(
                presenting=shell.presenting(), preview=key if preview.previewed() else None
            ),
            key=f"{key}_chart",
            height=height,
            alt=_("A chart; the text after it says what it shows."),
        )
        st.text(description)


@dataclass(frozen=True)
class Readout:
    """One number that the scene is about."""

    key: str
    label: str
    value: str
    help: str | None = None


@dataclass(frozen=True)
class Group:
    """Read-outs below each other, under a title in the colour of a role."""

    readouts: Sequence[Readout]
    title: str | None = None
    role: str = "data"


def readouts(*groups: Group) -> None:
    """The figure's numbers, the groups side by side.

    One element for all of them: as a dozen metrics in their containers they cost the browser more
    at every move of a slider than the figure does. The class of each is that of a widget's key.
    """
    rows = max(len(group.readouts) + (group.title is not None) for group in groups)
    body = "".join(map(_group, groups))
    _html(f'<div class="readouts" style="--rows: {rows}">{body}</div>')


def remark(text: str, *, warning: bool = False) -> None:
    """A sentence beside the figure, with `code` in it; "" where these values call for none."""
    body = re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))
    sign = "⚠ " if warning and text else ""
    _html(f'<div class="readouts remark{" warning" if warning else ""}">{sign}{body}</div>')


def _html(text: str) -> None:
    preview.note_readouts(text)
    if preview.drawing():
        st.html(text)


def _group(group: Group) -> str:
    title = "" if group.title is None else f'<dt class="group">{escape(group.title)}</dt>'
    return f'<dl class="role-{group.role}">{title}{"".join(map(_readout, group.readouts))}</dl>'


def _readout(readout: Readout) -> str:
    hint = (
        f'<span class="hint" tabindex="0" title="{escape(readout.help)}">ⓘ</span>'
        if readout.help
        else ""
    )
    return (
        f'<div class="st-key-readout_{readout.key}"><dt>{escape(readout.label)}{hint}</dt>'
        f"<dd>{escape(readout.value)}</dd></div>"
    )


def _tabs(view: View, values: Values) -> None:
    """What lies under the fold; only the open tab is computed."""
    presenting = shell.presenting()
    fold = st.expander(_("More: maths, code, data"), key="fold") if presenting else nullcontext()
    with fold:
        # Not `st.tabs`, which at every move of a slider cost the browser a fifth of its work.
        names = {title: _(title) for title in TABS}
        opened = st.segmented_control(
            _("More about the picture"),
            TABS,
            format_func=names.__getitem__,
            key="tab",
            default=TABS[0],
            required=True,
            label_visibility="collapsed",
        )
        draws = (
            view.see,
            lambda: view.maths(values),
            lambda: _show_code(view.code(values)),
            lambda: _show_table(view.data(values)),
        )
        dict(zip(TABS, draws, strict=True))[opened]()
    st.session_state["_more_follows"] = opened != TABS[0]  # the first has no values in it


def _show_code(source: str) -> None:
    st.caption(_("Runs as it stands, with the values of the controls."))
    st.code(source, language="python")


def _show_table(table: Table) -> None:
    st.dataframe(table.frame, key="table", hide_index=True, height=280)
    st.download_button(
        _("Download CSV"),
        csv_file(table.frame),
        file_name=table.file_name,
        mime="text/csv",
        key="download",
        icon=":material/download:",
        on_click="ignore",
    )
