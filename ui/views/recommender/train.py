"""The live view: transport, the curves as they grow, their numbers, and the runs before."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from sim.recommender.early_stopping import Stop, stopping
from sim.recommender.records import Knobs, Settings
from ui import live, shell, stage
from ui.charts import recommender as charts
from ui.i18n import _
from ui.text import csv_file
from ui.views.recommender import training
from ui.views.recommender.dataset import current
from ui.views.recommender.training import PastRun, Training

DASH = "–"
MOST_PATIENCE = 30  # as on the slider


def draw(settings: Callable[[], Settings], knobs: Callable[[], Knobs]) -> None:
    """Draw the view; `settings` and `knobs` read the controls."""
    run, dataset = training.run(), current()
    with st.container(key="transport", horizontal=True, vertical_alignment="center"):
        _transport(run, settings, knobs)
        status = st.container(key="status")
    figure, readouts = stage.figure_and_readouts()

    def frame() -> None:
        progress = run.progress if run else None
        epochs = run.settings.epochs if run else settings().epochs
        with status:
            share = min(1.0, progress.epoch / progress.epochs) if progress else 0.0
            st.progress(share, text=_status(run, settings()))
        stop = told(run, knobs().patience)
        with figure:
            stage.chart(
                charts.figure(
                    run.points if run else [],
                    progress,
                    epochs,
                    dataset.scale,
                    training.curves(training.past()),
                    stop if run is not None and run.ended else None,
                ),
                "figure",
                description=charts.description(progress, dataset.scale),
                height=stage.figure_height(0.7, projector=0.72),
            )
        with readouts:
            rows = 3 if shell.presenting() else 4  # what fits beside the figure
            groups = _numbers(run, stop, knobs().patience)
            stage.readouts(*(stage.Group(group.readouts[:rows]) for group in groups))

    live.watch(run, knobs, frame)
    _past_runs()


def _transport(
    run: Training | None, settings: Callable[[], Settings], knobs: Callable[[], Knobs]
) -> None:
    if run is None:
        st.button(
            _("Start"),
            key="start",
            type="primary",
            icon=":material/play_arrow:",
            on_click=lambda: training.start(settings(), knobs()),
            disabled=bool(training.too_large(settings(), current())),
        )
    elif run.lost and run.model is not None:
        st.button(
            _("Go on"),
            key="go_on",
            type="primary",
            icon=":material/healing:",
            help=_("A new run from the best weights of the lost one"),
            on_click=lambda: training.start(run.settings, knobs(), model=run.model),
        )
    elif run.playing and not run.ended:
        st.button(_("Pause"), key="pause", icon=":material/pause:", on_click=run.pause)
    else:
        st.button(
            _("Resume"),
            key="resume",
            type="primary",
            icon=":material/play_arrow:",
            on_click=run.play,
            disabled=run.ended or run.lost,
        )
    st.button(
        _("One epoch"),
        key="one_epoch",
        icon=":material/skip_next:",
        help=_("Train to the end of this epoch, then pause"),
        on_click=run.one_epoch if run else None,
        disabled=run is None or run.ended or run.lost,
    )
    st.button(
        _("Reset weights"),
        key="reset_weights",
        icon=":material/replay:",
        help=_("Back to the same initial weights; this run stays as a grey curve"),
        on_click=training.archive,
        disabled=run is None,
    )


def _status(run: Training | None, settings: Settings) -> str:
    train = current().train
    if run is None and (too_large := training.too_large(settings, current())):
        return too_large
    if run is None:
        return _("{n} ratings to learn, of {counted} by {users} users. Press Start.").format(
            n=f"{len(train):,}",
            users=f"{train.n_users:,}",
            counted=current().counted(train.n_movies),
        )
    if run.lost:
        return (
            _("The training process was lost. Go on from the best weights, or reset them.")
            if run.model is not None and not run.short_of_memory
            else live.lost_words(run)
        )
    if run.progress is None:
        return live.waiting_words(run)
    progress = run.progress
    words = {
        "running": _("Epoch {epoch}") if run.playing else _("Paused at epoch {epoch}"),
        "finished": _("Finished; the weights of epoch {best} are back"),
        "stopped_early": _("Stopped at epoch {epoch}; the weights of epoch {best} are back"),
        "diverged": _("The loss is no longer finite; the weights of epoch {best} are back")
        if progress.best_epoch
        else _("The loss is no longer finite; try a smaller learning rate"),
    }[progress.state]
    status = words.format(
        epoch=f"{progress.epoch:.1f} / {progress.epochs}", best=progress.best_epoch
    )
    if progress.state == "running" and run.place_in_line:
        return f"{status} · {live.waiting_words(run)}"
    pace = live.pace_words(run) if progress.state == "running" or run.silence else ""
    return f"{status} · {pace}" if pace else status


def told(run: Training | None, patience: int | None) -> Stop | None:
    """What `patience` would have kept of this run; None where it ended too soon to tell.

    A run that a smaller patience has ended is not known beyond its end.
    """
    if run is None or run.progress is None:
        return None
    stop = stopping(run.progress.history, patience)
    known = stop is not None and (stop.stopped or run.progress.state != "stopped_early")
    return stop if known else None


def _numbers(
    run: Training | None, stop: Stop | None, patience: int | None
) -> tuple[stage.Group, stage.Group]:
    progress = run.progress if run else None
    last = run.points[-1] if run and run.points else None
    best = progress.best_epoch if progress else None
    quality = training.quality(run.model, current()) if run and run.model and run.settled else None
    loss = current().scale.loss
    return (
        stage.Group(
            [
                stage.Readout(
                    "train_loss",
                    _("Training MSE"),
                    loss(last.train_loss) if last else DASH,
                    _(
                        "The mean of the batches since the point before on the curve, with "
                        "dropout on."
                    ),
                ),
                stage.Readout("best", _("Best epoch"), str(best or DASH)),
                stage.Readout(
                    "recall",
                    _("Recall@10"),
                    f"{quality.recall:.1%}" if quality else DASH,
                    _(
                        "Of the held-out {items} that a user rated {liked:g} or more, the share "
                        "among the first ten recommended: the mean over these users."
                    ).format(liked=current().liked, **current().nouns),
                ),
                stage.Readout(
                    "speed",
                    _("Ratings per second"),
                    f"{progress.ratings_per_second:,.0f}" if progress else DASH,
                ),
            ]
        ),
        stage.Group(
            [
                stage.Readout(
                    "valid_loss", _("Validation MSE"), loss(last.valid_loss) if last else DASH
                ),
                stage.Readout(
                    "best_valid_loss",
                    _("Best validation"),
                    loss(progress.best_valid_loss) if progress and best else DASH,
                ),
                stage.Readout(
                    "patience_keeps",
                    _("Patience {k}: epoch {epoch}").format(
                        k=patience, epoch=stop.best_epoch if stop else DASH
                    ),
                    loss(stop.best_valid_loss) if stop else DASH,
                    _(
                        "The epoch that this patience keeps of what this run has trained, and its "
                        "loss. A dash where a smaller patience ended the run too soon to tell."
                    ),
                ),
                stage.Readout("device", _("Device"), progress.device if progress else DASH),
            ]
        ),
    )


def _past_runs() -> None:
    runs = training.past()
    if not runs:
        return
    with st.expander(_("Past runs ({n})").format(n=len(runs)), key="past", expanded=True):
        event = st.dataframe(
            past_table(runs),
            key="past_table",
            hide_index=True,
            on_select="rerun",
            selection_mode="single-row",
        )
        rows = event.selection.rows
        chosen = runs[rows[0]] if rows and rows[0] < len(runs) else None
        with st.container(horizontal=True):
            st.button(
                _("Restore"),
                key="restore",
                icon=":material/settings_backup_restore:",
                help=_("Set the controls to those of the chosen run, and use its model"),
                disabled=chosen is None,
                on_click=restore,
                args=(chosen,),
            )
            st.download_button(
                _("Download the curves"),
                csv_file(curves_table(runs)),
                file_name="runs.csv",
                mime="text/csv",
                key="download_runs",
                icon=":material/download:",
                on_click="ignore",
            )
            st.button(
                _("Forget all"),
                key="forget",
                icon=":material/delete:",
                type="tertiary",
                on_click=training.forget,
            )


def past_table(runs: list[PastRun]) -> pd.DataFrame:
    """A row for each past run: what it was and what came out of it."""
    rows = []
    for entry in runs:
        knobs = training.last_knobs(entry.started_with, entry.progress)
        quality = training.quality(entry.model, current()) if entry.model else None
        rows.append(
            {
                _("Run"): entry.number,
                _("Model"): entry.settings.model,
                _("Optimizer"): entry.settings.optimizer,
                "λ": knobs.weight_decay,
                "p": knobs.dropout,
                _("Patience"): knobs.patience,
                _("Factors"): entry.settings.n_factors,
                _("Best epoch"): entry.progress.best_epoch,
                _("Best validation"): current().scale.rounded(entry.progress.best_valid_loss),
                _("Recall@10"): round(quality.recall, 4) if quality else None,
                "NDCG@10": round(quality.ndcg, 4) if quality else None,
            }
        )
    return pd.DataFrame(rows)


def curves_table(runs: list[PastRun]) -> pd.DataFrame:
    """Every epoch of every past run."""
    return pd.DataFrame(
        [
            (entry.number, r.epoch, r.train_loss, r.valid_loss, r.seconds)
            for entry in runs
            for r in entry.history
        ],
        columns=["run", "epoch", "train_loss", "valid_loss", "seconds"],
    )


def restore(entry: PastRun) -> None:
    """Take up a past run: its settings on the controls, its model in use."""
    training.archive()
    state = st.session_state
    knobs = training.last_knobs(entry.started_with, entry.progress)
    settings = entry.settings
    state["weight_decay"], state["dropout"] = knobs.weight_decay, knobs.dropout
    state["patience"] = knobs.patience or MOST_PATIENCE  # a quick run has none
    for key in ("n_factors", "epochs", "seed", "schedule", "model", "optimizer"):
        state[key] = getattr(settings, key)
    state["learning_rate"] = f"{settings.learning_rate:g}"
    state["batch_size"] = training.nearest_batch_size(settings.batch_size)
    state["_restored"] = entry.model
