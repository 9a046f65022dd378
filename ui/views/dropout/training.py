"""The training run that the views of the fit and of the uncertainty share."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from sim import dropout as sim
from ui import controls, live, stage
from ui.i18n import _
from ui.live import LiveRun
from ui.views.dropout.controls import CONTROLS


def present_run() -> LiveRun | None:
    return st.session_state.get("_dropout_run")


def settings(values: stage.Values) -> sim.Settings:
    """Those of the present run, which keeps its seed; else those of the next one."""
    run = present_run()
    return sim.Settings(seed=values["seed"]) if run is None else run.new[1]


def start() -> None:
    seed = controls.read(CONTROLS)["seed"]
    target = "sim.dropout.training:Trainer"
    st.session_state["_dropout_run"] = LiveRun((target, sim.Settings(seed=seed)))


def play(on: bool) -> None:
    run = present_run()
    if run is not None:
        run.play() if on else run.pause()


def reset_weights() -> None:
    run = st.session_state.pop("_dropout_run", None)
    if run is not None:
        run.close()


def transport(run: LiveRun | None) -> None:
    """The buttons of the run."""
    if run is None:
        st.button(
            _("Start"), key="start", type="primary", icon=":material/play_arrow:", on_click=start
        )
    elif run.playing and not run.ended:
        st.button(_("Pause"), key="pause", icon=":material/pause:", on_click=play, args=(False,))
    else:
        st.button(
            _("Resume"),
            key="resume",
            type="primary",
            icon=":material/play_arrow:",
            on_click=play,
            args=(True,),
            disabled=run.ended or run.lost,
        )
    st.button(
        _("Reset weights"),
        key="reset_weights",
        icon=":material/replay:",
        help=_("Back to the same initial weights"),
        on_click=reset_weights,
        disabled=run is None,
    )


def status(run: LiveRun | None, values: stage.Values) -> None:
    """How far the run is, in words."""
    steps = settings(values).steps
    progress = run.progress if run else None
    if run is None:
        words = _("Three networks, {n} noisy points, {steps} steps. Press Start.").format(
            n=settings(values).n_points, steps=steps
        )
    elif run.lost:
        words = live.lost_words(run)
    elif progress is None:
        words = live.waiting_words(run)
    else:
        said = {
            "running": _("Step {step} of {steps}")
            if run.playing
            else _("Paused at step {step} of {steps}"),
            "finished": _("Finished after {step} steps"),
            "diverged": _("The loss is no longer finite"),
        }[progress.state]
        words = said.format(step=progress.step, steps=steps)
        if silence := live.silence_words(run.silence):
            words = f"{words} · {silence}"
    st.progress(progress.step / steps if progress else 0.0, text=words)


def watch(draw: Callable[[stage.Values, LiveRun | None], None]) -> None:
    """The transport row, and below it `draw(values, run)` at every tick of the run."""
    run = present_run()
    with st.container(key="transport", horizontal=True, vertical_alignment="center"):
        transport(run)
        place = st.container(key="status")

    def frame() -> None:
        values = controls.read(CONTROLS)
        with place:
            status(run, values)
        draw(values, run)

    live.watch(run, lambda: sim.Knobs(controls.read(CONTROLS)["p"]), frame)
