"""The sweep: a grid of λ, p, patience and seeds, trained cell by cell on the cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from sim.compute import WorkerLost
from sim.recommender.grid import CellResult, Summary, best, cells, open_ends, summary
from sim.recommender.records import Settings
from sim.recommender.sweep import Sweep
from sim.recommender.upload import Origin
from ui import controls, live, shell, stage
from ui.charts import recommender as charts
from ui.code import recommender as code
from ui.controls import Number
from ui.i18n import N_, _
from ui.named import Segmented
from ui.views.recommender import training
from ui.views.recommender.dataset import current

DECAYS = (0.0, 0.05, 0.1, 0.2, 0.5, 1.0)
DROPOUTS = (0.0, 0.1, 0.3, 0.5, 0.7)
DEFAULT_DECAYS, DEFAULT_DROPOUTS = (0.0, 0.1, 0.2, 0.5), (0.0, 0.3, 0.5)
PATIENCES = (1, 2, 3, 5, 8)
SETTINGS = Settings(epochs=20, batch_size=1024, learning_rate=1e-3)
PACE = 0.5
SEEDS = Number(key="sweep_seeds", label=N_("Seeds"), default=1, low=1, high=5)
EVER = 99
"""Stands for no patience among the choices."""
PATIENCE = Segmented(
    key="sweep_patience",
    label=N_("Patience"),
    default="none",
    names={**{str(k): str(k) for k in PATIENCES}, "none": "∞"},
    help=N_("All patiences are read off the same runs, so this costs nothing."),
    whole=True,
)


def draw() -> None:
    """Draw the view."""
    running: Sweep | None = st.session_state.get("_sweep")
    waiting = _waiting()
    settle_url()
    _into_link()
    with st.container(key="sweep_choices", horizontal=True, vertical_alignment="bottom"):
        decays = _several("sweep_decays", _("λ"), DECAYS, DEFAULT_DECAYS, running)
        dropouts = _several("sweep_dropouts", _("p"), DROPOUTS, DEFAULT_DROPOUTS, running)
        seeds = st.number_input(
            _(SEEDS.label),
            SEEDS.low,
            SEEDS.high,
            SEEDS.default,
            key=SEEDS.key,
            bind="query-params",
            width=120,
            disabled=running is not None,
        )
        _buttons(running, waiting, decays, dropouts, seeds or 1)
    PATIENCE.draw()
    patience = _patience()
    part_pace = PACE if waiting or (running is not None and not running.ended) else None

    def frame() -> None:
        if waiting and not _waiting():
            st.rerun()  # the button waits for it
        if running is not None and part_pace is not None:
            try:
                running.poll()
            except WorkerLost:
                st.session_state.pop("_sweep", None)
                st.rerun()
            st.session_state["_cells"] = tuple(running.results)
            if running.ended:
                st.rerun()
        _results(running, patience, decays, dropouts)

    stage.part("answer", frame, run_every=part_pace)


def settle_url() -> None:
    """Before the choices first appear: say which of the link's cannot be used, and take them out.

    Streamlit would drop them, or read 2.5 seeds as 2, and say nothing.
    """
    complaints = controls.settle_url([SEEDS, PATIENCE])
    for key, options, default in (
        ("sweep_decays", DECAYS, DEFAULT_DECAYS),
        ("sweep_dropouts", DROPOUTS, DEFAULT_DROPOUTS),
    ):
        if key in st.session_state:
            continue
        known = {"", *(f"{value:g}" for value in options)}  # none chosen: the default
        if not known.issuperset(st.query_params.get_all(key)):
            del st.query_params[key]
            complaints.append(
                _("`{key}` must be {expected}; the lab uses {default}").format(
                    key=key,
                    expected=_("some of {names}").format(names=_listed(options)),
                    default=_listed(default),
                )
            )
    if complaints:
        shell.complain(*complaints)
        st.rerun()  # with the corrected link


def _into_link() -> None:
    """On return from another screen: what is set stands in the link again."""
    for key, default in (
        ("sweep_decays", DEFAULT_DECAYS),
        ("sweep_dropouts", DEFAULT_DROPOUTS),
        (SEEDS.key, SEEDS.default),
    ):
        value = st.session_state.get(key)
        if value is None or key in st.query_params:
            continue
        if isinstance(value, list) and value and tuple(value) != default:
            st.query_params[key] = [f"{one:g}" for one in value]
        elif not isinstance(value, list) and value != default:
            st.query_params[key] = str(value)


def _listed(values: Sequence[float]) -> str:
    return _(", ").join(f"{value:g}" for value in values)


def _patience() -> int:
    return EVER if PATIENCE.value() == "none" else int(PATIENCE.value())


def _waiting() -> bool:
    """Whether the cluster is about to be ready."""
    return live.compute().state in ("starting", "warming")


def _several(
    key: str,
    label: str,
    options: tuple[float, ...],
    default: tuple[float, ...],
    running: Sweep | None,
) -> list[float]:
    chosen = st.multiselect(
        label,
        options,
        default=default,
        format_func=lambda value: f"{value:g}",
        key=key,
        bind="query-params",
        disabled=running is not None,
        width=330,
    )
    return sorted(chosen) or list(default)


def _buttons(
    running: Sweep | None, waiting: bool, decays: list[float], dropouts: list[float], seeds: int
) -> None:
    if running is not None and not running.ended:
        st.button(_("Cancel"), key="sweep_cancel", icon=":material/stop:", on_click=cancel)
        return
    if running is not None:
        st.button(_("New sweep"), key="sweep_new", icon=":material/replay:", on_click=forget)
        return
    st.button(
        _("Sweep"),
        key="sweep_start",
        type="primary",
        icon=":material/grid_on:",
        on_click=begin,
        args=(decays, dropouts, seeds),
        disabled=waiting,
        help=_("The training process is still starting.") if waiting else None,
    )


def begin(decays: list[float], dropouts: list[float], seeds: int) -> None:
    """Send the grid to the cluster; where that has died, start it anew for the next try."""
    if live.compute().state == "failed":
        live.compute().restart()
        return
    dataset = current()
    grid = cells(decays, dropouts, [*PATIENCES, None], range(seeds))
    settings = training.suited(SETTINGS, dataset)
    state = st.session_state
    state["_cells"], state["_axes"] = (), (decays, dropouts)
    state["_sweep"] = Sweep(live.compute().client(), dataset.train, dataset.valid, settings, grid)


def cancel() -> None:
    """End it; what has been trained stays in sight."""
    running = st.session_state.pop("_sweep", None)
    if running is not None:
        running.cancel()


def forget() -> None:
    """Clear the picture for another sweep."""
    cancel()
    for key in ("_cells", "_axes"):
        st.session_state.pop(key, None)


def of_patience(results: tuple[CellResult, ...], patience: int) -> list[CellResult]:
    """The cells of one patience."""
    wanted = None if patience == EVER else patience
    return [result for result in results if result.cell.patience == wanted]


def _results(
    running: Sweep | None, patience: int, decays: list[float], dropouts: list[float]
) -> None:
    state = st.session_state
    results = of_patience(state.get("_cells", ()), patience)
    decays, dropouts = state.get("_axes", (decays, dropouts))
    if running is not None:
        st.progress(
            running.progress,
            text=live.silence_words(0.0 if running.ended else live.compute().silence())
            or _("{done} of {n} trainings").format(done=len(results), n=running.n_runs),
        )
    figure, readouts = stage.figure_and_readouts()
    with figure:
        stage.chart(
            charts.heat_map(means := summary(results), decays, dropouts, current().scale),
            "figure",
            description=_describe(means, results, len(decays) * len(dropouts)),
            height=stage.figure_height(0.66, projector=0.7),
        )
    with readouts:
        stage.readouts(stage.Group(_numbers(results)))
        stage.remark(_ends(results, decays, dropouts))


def _ends(results: list[CellResult], decays: Sequence[float], dropouts: Sequence[float]) -> str:
    """What an end of the grid leaves open."""
    if not any(r.best_valid_loss is not None for r in results):
        return ""
    found = best(results)
    named = zip(("λ", "p"), (found.weight_decay, found.dropout), strict=True)
    return " ".join(
        _("{name} = {value:g} is the last one tried: a better one may lie beyond.").format(
            name=name, value=value
        )
        for (name, value), is_open in zip(named, open_ends(found, decays, dropouts), strict=True)
        if is_open
    )


def _describe(means: Sequence[Summary], results: list[CellResult], cells: int) -> str:
    if not means:
        return _("Best validation loss for each weight decay and dropout; nothing is trained yet.")
    least, scale = best(results), current().scale
    return _(
        "Best validation loss for each weight decay and dropout, {n} of {cells} so far: the best "
        "is {least} at λ = {decay:g} and p = {dropout:g}, the largest {most}."
    ).format(
        n=len(means),
        cells=cells,
        least=scale.loss(least.best_valid_loss),
        decay=least.weight_decay,
        dropout=least.dropout,
        most=scale.loss(max(mean.best_valid_loss for mean in means)),
    )


def _numbers(results: list[CellResult]) -> list[stage.Readout]:
    dash = "–"
    found = best(results) if any(r.best_valid_loss is not None for r in results) else None

    def loss(value: float | None) -> str:
        return dash if value is None else current().scale.loss(value, digits=5)

    def text(value: Any, form: str) -> str:
        return format(value, form) if value is not None else dash

    return [
        stage.Readout(
            "sweep_best", _("Best validation"), loss(found.best_valid_loss if found else None)
        ),
        stage.Readout("sweep_decay", _("at λ"), text(found and found.weight_decay, "g")),
        stage.Readout("sweep_dropout", _("and p"), text(found and found.dropout, "g")),
        stage.Readout(
            "sweep_epochs",
            _("Epochs until it stopped"),
            text(found and found.epochs_run, ".1f"),
        ),
        stage.Readout(
            "sweep_spread",
            _("Spread between seeds"),
            loss(found.spread if found else None),
            _("The standard deviation of the best loss; it needs two seeds."),
        ),
    ]


def source(origin: Origin | None) -> str:
    """The code of the sweep that is shown, or else would be begun now."""
    state = st.session_state
    decays, dropouts = state.get("_axes") or (
        sorted(state.get("sweep_decays") or DEFAULT_DECAYS),
        sorted(state.get("sweep_dropouts") or DEFAULT_DROPOUTS),
    )
    seeds = len({result.cell.seed for result in state.get("_cells", ())})
    patience = _patience()
    return code.sweep(
        training.suited(SETTINGS, current()),
        origin,
        decays,
        dropouts,
        None if patience == EVER else patience,
        seeds or state.get("sweep_seeds") or 1,
    )


def data() -> stage.Table:
    """Every cell that has been trained."""
    rows = [
        (
            r.cell.weight_decay,
            r.cell.dropout,
            r.cell.patience,
            r.cell.seed,
            r.best_valid_loss,
            r.best_epoch,
            r.epochs_run,
            r.seconds,
        )
        for r in st.session_state.get("_cells", ())
    ]
    columns = ["weight_decay", "dropout", "patience", "seed", "best_valid_loss", "best_epoch"]
    return stage.Table(pd.DataFrame(rows, columns=[*columns, "epochs", "seconds"]), "sweep.csv")
