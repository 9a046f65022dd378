"""Dropout: units vanish at random, pass by pass; what that prevents, measures and amounts to."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from sim import dropout as sim
from ui import controls, live, player, stage
from ui.charts import dropout as charts
from ui.charts import dropout_fit as fit_charts
from ui.code import dropout as code
from ui.controls import Choice, Number, Seed, Switch
from ui.i18n import N_, _
from ui.live import LiveRun
from ui.scenes import Scene

N_INPUTS, N_OUTPUTS, N_PASSES = 4, 2, 100
N_CANDIDATES = 64
N_BAND = 100
BAND = np.linspace(-2.0, 2.0, 101)
TRUE_WEIGHTS = (2.0, -1.5, 1.0, -0.8, 0.5, 0.0)
COLUMN_SCALES = (1.0, 1.0, 0.5, 1.5, 0.5, 1.0)
N_ROWS, ROW_NOISE = 30, 1.0
DASH = "–"

CONTROLS = (
    Number(
        key="p",
        label=N_("Dropout probability p"),
        default=0.5,
        low=0.0,
        high=0.9,
        step=0.05,
        help=N_("The probability that a hidden unit is dropped in one pass of one sample."),
    ),
    Number(key="hidden_layers", label=N_("Hidden layers"), default=2, low=1, high=4),
    Number(key="hidden_units", label=N_("Units in each"), default=8, low=2, high=16),
    Switch(
        key="taper",
        label=N_("Each layer half as wide"),
        help=N_("Every hidden layer has half the units of the one before, but at least 2."),
    ),
    Switch(
        key="by_width",
        label=N_("p by width"),
        help=N_("The widest layer has p, a narrower one less in proportion."),
    ),
    Number(key="samples", label=N_("Samples in the batch"), default=1, low=1, high=8),
    Number(key="passes", label=N_("Passes side by side"), default=2, low=1, high=4),
    Switch(
        key="inverted_scaling",
        label=N_("Inverted scaling"),
        default=True,
        help=N_("Divide kept outputs by 1 − p in training."),
    ),
    Choice(
        key="corruption",
        label=N_("What blurs the inputs"),
        default="dropout",
        options=("dropout", "noise"),
    ),
    Number(
        key="input_noise",
        label=N_("Input noise σ"),
        default=0.5,
        low=0.0,
        high=2.0,
        step=0.05,
        help=N_("Standard deviation of the noise added to every input, where noise is chosen."),
    ),
    Number(key="n_masks", label=N_("Masks drawn"), default=1000, low=100, high=5000, step=100),
    Switch(
        key="inference",
        label=N_("Inference"),
        help=N_("After training nothing is dropped: all units take part."),
    ),
    Seed(key="seed", label=N_("Seed"), default=1),
)

SCENES = (
    Scene(
        N_("A thinned network"),
        N_(
            "Each frame is one training pass. Every hidden unit is dropped with probability p, and "
            "the weights that touch it are not updated in this pass."
        ),
    ),
    Scene(
        N_("Another sample"),
        N_(
            "Four samples of one batch in the same pass: the masks differ, the probability is the "
            "same."
        ),
        {"view": "samples", "samples": 4, "passes": 1},
    ),
    Scene(
        N_("Another pass"),
        N_("One and the same sample in four passes: each pass draws a new mask for it."),
        {"view": "samples", "samples": 1, "passes": 4},
    ),
    Scene(
        N_("p = 0"),
        N_("Nothing is dropped: every pass trains the whole network."),
        {"p": 0.0},
    ),
    Scene(
        N_("p = 0.9"),
        N_(
            "Nine in ten hidden units are gone, and those that are left count ten times: training "
            "becomes very noisy."
        ),
        {"p": 0.9, "hidden_units": 16},
    ),
    Scene(
        N_("Few units, small p"),
        N_(
            "A narrow layer has little to spare. Here p goes with the width: the layer of 16 units "
            "loses most of them, that of 4 mostly none or one."
        ),
        {"hidden_layers": 3, "hidden_units": 16, "taper": True, "by_width": True, "p": 0.6},
    ),
    Scene(
        N_("Inference uses all"),
        N_(
            "Outside training every unit takes part and nothing is scaled: kept units were scaled "
            "up in training, so the expectation is the same."
        ),
        {"inference": True},
    ),
    Scene(
        N_("Scaling matters"),
        N_(
            "Without inverted scaling a unit is fed only half as much in training as at inference. "
            "Switch it on: the mean over the masks meets the inference value."
        ),
        {"view": "scaling", "inverted_scaling": False, "hidden_units": 16},
    ),
    Scene(
        N_("The big net overfits"),
        N_(
            "Press Start. The large net comes far closer to the 15 points than the small one, and "
            "is worse on new points. With p = 0 its twin does exactly the same."
        ),
        {"view": "fit", "p": 0.0, "seed": 8},
    ),
    Scene(
        N_("Dropout rescues it"),
        N_(
            "Press Start. The same large net, same start, same batches, with dropout: its training "
            "loss is noisy and higher, its test loss the lowest of the three."
        ),
        {"view": "fit", "p": 0.2, "seed": 8},
    ),
    Scene(
        N_("Uncertainty"),
        N_(
            "The trained net with its masks left on at inference: the thinned networks agree where "
            "there are points and spread apart where there are none."
        ),
        {"view": "uncertainty", "p": 0.2, "seed": 8},
    ),
    Scene(
        N_("Dropout is ridge"),
        N_(
            "For a linear model the mean loss over the masks settles on a formula: squared error "
            "plus a penalty on the squared weights. Its minimum is ridge regression."
        ),
        {"view": "ridge"},
    ),
)


# --- masks ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """The masks of all passes, what ran through them, and what follows for the hidden units."""

    masks: sim.Masks
    passes: sim.Passes
    kept: np.ndarray
    factors: np.ndarray


def layer_sizes(values: stage.Values) -> tuple[int, ...]:
    units, shrink = values["hidden_units"], values["taper"]
    hidden = (max(2, units >> (layer * shrink)) for layer in range(values["hidden_layers"]))
    return (N_INPUTS, *hidden, N_OUTPUTS)


def rates(values: stage.Values) -> tuple[float, ...]:
    sizes = layer_sizes(values)
    if values["by_width"]:
        return sim.rates_by_width(sizes, values["p"])
    return (values["p"],) * (len(sizes) - 2)


def sampled(values: stage.Values, n_samples: int, n_passes: int) -> sim.Masks:
    given = (0.0,) * values["hidden_layers"] if values["inference"] else rates(values)
    rng = np.random.default_rng(values["seed"])
    return sim.sample_masks(layer_sizes(values), given, n_samples, n_passes, rng)


def look(values: stage.Values) -> Seen:
    n_samples = values["samples"]
    masks = sampled(values, n_samples, 1 if values["inference"] else N_PASSES)
    start, inputs, targets = np.random.default_rng(values["seed"]).spawn(3)
    passes = sim.train_passes(
        sim.init_network(masks.layer_sizes, start),
        inputs.standard_normal((n_samples, N_INPUTS)),
        np.sin(targets.standard_normal((n_samples, N_OUTPUTS))),
        masks,
    )
    hidden = range(1, len(masks.layer_sizes) - 1)
    return Seen(
        masks,
        passes,
        np.concatenate([masks.keep[layer] for layer in hidden], axis=-1),
        np.concatenate([masks.factors(layer) for layer in hidden], axis=-1),
    )


def draw_masks(values: stage.Values) -> None:
    seen, inference = look(values), values["inference"]
    figure, readouts = stage.figure_and_readouts()
    with figure:
        player.show(
            "player",
            "network",
            charts.network(seen.masks, seen.passes, inference=inference),
            n_frames=len(seen.kept),
            description=charts.description(seen.masks, inference=inference),
            height=stage.figure_height(0.8, projector=0.76),
        )
    with readouts:
        stage.readouts(stage.Group(_mask_numbers(seen)))


def _mask_numbers(seen: Seen) -> list[stage.Readout]:
    expected = 1 - np.repeat(seen.masks.rates, seen.masks.layer_sizes[1:-1]).mean()
    factors = sorted({f"{1 / (1 - rate):.3g}" for rate in seen.masks.rates}, key=float)
    n = seen.kept.shape[0] * seen.kept.shape[1]
    return [
        stage.Readout(
            "kept",
            _("Hidden units kept"),
            f"{seen.kept.mean():.1%}",
            _("Over all {n} masks shown here; expected: {expected:.0%}.").format(
                n=n, expected=expected
            ),
        ),
        stage.Readout(
            "updated",
            _("Updates per weight"),
            DASH
            if len(seen.kept) == 1
            else _("{n:.0f} of {passes}").format(n=_updates(seen).mean(), passes=len(seen.kept)),
            _(
                "The mean over all weights. A pass updates a weight if both of its units are kept "
                "in a sample; the others get no gradient."
            ),
        ),
        stage.Readout(
            "factor",
            _("Factor on a kept output"),
            "× " + " – ".join(dict.fromkeys((factors[0], factors[-1]))),
            _("1/(1−p) in training, 1 at inference: inverted dropout."),
        ),
        stage.Readout(
            "mean_factor",
            _("Mean factor, dropped as 0"),
            f"{seen.factors.mean():.3f}",
            _("Its expectation is 1, as at inference."),
        ),
    ]


def _updates(seen: Seen) -> np.ndarray:
    """In how many passes each weight was updated."""
    return np.concatenate([gap.sum(axis=0).ravel() for gap in seen.passes.updated])


def see_masks() -> None:
    st.markdown(
        _(
            "- A dropped unit puts out 0, so nothing it feeds can use it, and its weights are not "
            "updated **in this pass**. In the next one it may be back.\n"
            "- Point at a weight: below the figure stands in how many passes it was updated.\n"
            "- The masks seen pile up; how many units they keep follows the binomial "
            "distribution.\n"
            "- It is the unit's *output* that is set to zero, not the weights themselves.\n"
            "- Many units, large p; few units, small p: switch on *p by width*."
        )
    )


def maths_masks(values: stage.Values) -> None:
    st.latex(
        r"m_j \sim \mathrm{Bernoulli}(1-p), \qquad "
        r"\tilde h_j = \frac{m_j}{1-p}\, h_j, \qquad \mathbb{E}\,\tilde h_j = h_j"
    )
    st.markdown(
        _(
            "h is the output of a hidden unit, p the dropout probability, m the mask, drawn anew "
            "for every unit, sample and pass. A weight between two hidden layers takes part with "
            "probability (1−p)². Dividing by 1−p in training means that inference needs no change. "
            "The network drawn (tanh units, squared error) really trains: each pass is one step."
        )
    )


def data_masks(values: stage.Values) -> stage.Table:
    masks = sampled(values, values["samples"], 1 if values["inference"] else N_PASSES)
    return stage.Table(_mask_table(masks), "dropout.csv")


def _mask_table(masks: sim.Masks) -> pd.DataFrame:
    parts = []
    for layer, keep in enumerate(masks.keep[1:-1], start=1):
        numbers, samples, units = np.indices(keep.shape)
        parts.append(
            pd.DataFrame(
                {
                    "pass": numbers.ravel() + 1,
                    "sample": samples.ravel() + 1,
                    "hidden layer": layer,
                    "unit": units.ravel() + 1,
                    "kept": keep.ravel(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def code_masks(values: stage.Values) -> str:
    return code.masks(
        layer_sizes=layer_sizes(values),
        rates=rates(values),
        samples=values["samples"],
        seed=values["seed"],
    )


# --- the same sample twice, two samples once -----------------------------------------------------


def draw_samples(values: stage.Values) -> None:
    rows, shown = values["passes"], {**values, "inference": False}
    masks = sampled(shown, values["samples"], N_PASSES)
    figure, readouts = stage.figure_and_readouts()
    with figure:
        player.show(
            "player",
            "masks",
            charts.passes_side_by_side(masks, rows),
            n_frames=N_PASSES // rows,
            description=charts.description(masks, inference=False),
            height=stage.figure_height(0.8, projector=0.76),
        )
    with readouts:
        stage.readouts(stage.Group(_sample_numbers(shown)))


def _sample_numbers(values: stage.Values) -> list[stage.Readout]:
    masks = sampled(values, max(2, values["samples"]), N_PASSES)
    keep = np.concatenate(masks.keep[1:-1], axis=-1)
    drop = np.repeat(masks.rates, masks.layer_sizes[1:-1])
    hint = _("Expected: 2p(1−p), here {expected:.0%}, as of any two masks.").format(
        expected=(2 * drop * (1 - drop)).mean()
    )
    return [
        stage.Readout(
            "other_sample",
            _("Units that differ: samples 1 and 2, one pass"),
            f"{(keep[:, 0] != keep[:, 1]).mean():.1%}",
            hint,
        ),
        stage.Readout(
            "other_pass",
            _("Units that differ: one sample, next pass"),
            f"{(keep[1:, 0] != keep[:-1, 0]).mean():.1%}",
            hint,
        ),
        stage.Readout("kept_first", _("Kept in sample 1"), f"{keep[:, 0].mean():.1%}"),
        stage.Readout("kept_second", _("Kept in sample 2"), f"{keep[:, 1].mean():.1%}"),
    ]


def see_samples() -> None:
    st.markdown(
        _(
            "- Across: samples of one batch in one pass. Each has a mask of its own.\n"
            "- Down: the same sample again. The next pass draws a new mask.\n"
            "- p stays the same all the time: the share of units kept is near 1 − p in every "
            "column and in every row."
        )
    )


def maths_samples(values: stage.Values) -> None:
    st.latex(
        r"m_j^{(i,t)} \sim \mathrm{Bernoulli}(1-p)\ \text{independently}, \qquad "
        r"\Pr\bigl(m_j^{(i,t)} \neq m_j^{(i',t')}\bigr) = 2p(1-p)"
    )
    st.markdown(
        _(
            "i is the sample, t the pass, j the unit. Two masks, of two samples or of two passes, "
            "differ in a unit when it is dropped in one and kept in the other."
        )
    )


def data_samples(values: stage.Values) -> stage.Table:
    masks = sampled({**values, "inference": False}, values["samples"], N_PASSES)
    return stage.Table(_mask_table(masks), "dropout_samples.csv")


def code_samples(values: stage.Values) -> str:
    return code.samples(p=values["p"], units=sum(layer_sizes(values)[1:-1]), seed=values["seed"])


# --- scaling -------------------------------------------------------------------------------------


def fed(values: stage.Values) -> sim.UnitInput:
    """The input of the unit behind the first hidden layer, and of the sample, that get the most."""
    start, inputs, masks = np.random.default_rng(values["seed"]).spawn(3)
    network = sim.init_network(layer_sizes(values), start)
    outputs = sim.forward(network, inputs.standard_normal((N_CANDIDATES, N_INPUTS)))[1]
    sums = np.abs(outputs @ network.weights[1].T)
    sample, unit = np.unravel_index(sums.argmax(), sums.shape)
    return sim.unit_input(
        outputs[sample],
        network.weights[1][unit],
        float(network.biases[1][unit]),
        rates(values)[0],
        values["n_masks"],
        masks,
        inverted=values["inverted_scaling"],
    )


def draw_scaling(values: stage.Values) -> None:
    seen = fed(values)
    figure, readouts = stage.figure_and_readouts()
    with figure:
        stage.chart(
            charts.scaling(seen),
            "figure",
            description=charts.scaling_description(seen, inverted=values["inverted_scaling"]),
            height=stage.figure_height(0.85, projector=0.8),
        )
    error = seen.deviation / np.sqrt(len(seen.values))
    miss = abs(seen.values.mean() - seen.inference)
    with readouts:
        stage.readouts(
            stage.Group(
                [
                    stage.Readout(
                        "inference_input", _("Input at inference"), stage.number(seen.inference)
                    ),
                    stage.Readout(
                        "mean_input",
                        _("Mean over the masks"),
                        stage.number(float(seen.values.mean())),
                        _("Expected by formula: {value}").format(
                            value=stage.number(seen.expectation)
                        ),
                    ),
                    stage.Readout(
                        "ratio",
                        _("Mean : inference"),
                        f"{seen.values.mean() / seen.inference:.3f}",
                        _("1 with inverted scaling, 1 − p without it."),
                    ),
                    stage.Readout(
                        "misses",
                        _("Off by, in standard errors"),
                        f"{miss / error:.1f}" if error else "0",
                        _("Within about 2 it is chance; far more is a real difference."),
                    ),
                ]
            )
        )


def see_scaling() -> None:
    st.markdown(
        _(
            "- The bars show what one unit is fed under many masks, the green line what it is fed "
            "at inference, with all units.\n"
            "- With inverted scaling the mean of the bars meets the green line. Without, it misses "
            "it by the factor 1 − p: a network trained so would be fed too much at inference.\n"
            "- The mean is right, single masks are not: a larger p spreads the bars."
        )
    )


def maths_scaling(values: stage.Values) -> None:
    st.latex(
        r"z = \sum_j w_j \frac{m_j}{1-p} h_j, \qquad \mathbb{E}\,z = \sum_j w_j h_j, \qquad "
        r"\operatorname{Var} z = \frac{p}{1-p} \sum_j w_j^2 h_j^2"
    )
    st.latex(r"\text{unscaled:}\qquad \mathbb{E}\sum_j w_j m_j h_j = (1-p)\sum_j w_j h_j")
    st.markdown(
        _(
            "h are the outputs of the first hidden layer, w the weights to one unit behind it, m "
            "the mask. Of that layer's units and {n} random samples, the pair with the largest "
            "input is shown. The other convention leaves training as it is and multiplies by 1 − p "
            "at inference."
        ).format(n=N_CANDIDATES)
    )


def data_scaling(values: stage.Values) -> stage.Table:
    seen = fed(values)
    frame = pd.DataFrame({"mask": np.arange(len(seen.values)) + 1, "input": seen.values})
    return stage.Table(frame.assign(inference=seen.inference), "dropout_scaling.csv")


def code_scaling(values: stage.Values) -> str:
    return code.scaling(
        p=rates(values)[0],
        units=values["hidden_units"],
        n_masks=values["n_masks"],
        inverted=values["inverted_scaling"],
        seed=values["seed"],
    )


# --- what it prevents: the live fit --------------------------------------------------------------


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
        words = _("The training process was lost. Reset the weights and start again.")
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


def draw_fit(values: stage.Values, run: LiveRun | None) -> None:
    given = settings(values)
    progress, points = (run.progress, run.points) if run else (None, [])
    figure, readouts = stage.figure_and_readouts()
    height = stage.figure_height(0.74, projector=0.9)
    with figure:
        left, right = st.columns([2, 1], gap="small")
        with left:
            stage.chart(
                fit_charts.losses(points, progress, given.steps),
                "figure",
                description=fit_charts.description(progress, points),
                height=height,
            )
        with right:
            stage.chart(
                fit_charts.curves(given.samples()[0], progress and progress.curves),
                "figure_curves",
                description=_("What the three networks have learned, over the true sine."),
                height=round(height * 0.62),
            )
            stage.chart(
                fit_charts.correlations(progress and progress.correlations),
                "figure_correlations",
                description=_("Correlations of hidden units, without and with dropout."),
                height=height - round(height * 0.62) - 16,
            )
    with readouts:
        stage.readouts(*_fit_numbers(points))


def _fit_numbers(points: list[sim.Point]) -> list[stage.Group]:
    last = points[-1] if points else None

    def loss(kind: str, name: str, label: str) -> stage.Readout:
        value = stage.number(getattr(last, f"{kind}_loss")[sim.NETS.index(name)]) if last else DASH
        return stage.Readout(f"{kind}_{name}", label, value)

    names = fit_charts.names()
    small = {
        "large": loss("test", "small", _("Small: test")),
        "dropout": loss("train", "small", _("Small: training")),
    }
    return [
        stage.Group(
            [loss("test", name, _("Test")), loss("train", name, _("Training")), small[name]],
            names[fit_charts.ROLE[name]],
            fit_charts.ROLE[name],
        )
        for name in sim.NETS[1:]
    ]


def see_fit() -> None:
    st.markdown(
        _(
            "- A small net, a large one, and the large one with dropout learn the same 15 noisy "
            "points. The two large ones start alike and see the same batches.\n"
            "- **Move p while it trains**: it acts on the next step and never restarts the run.\n"
            "- With dropout the training loss (thin) is noisy and higher: it is measured with "
            "units missing. What counts is the test loss (thick).\n"
            "- The squares show how alike two units of the last hidden layer behave, r their "
            "correlation. Without dropout units co-adapt: they go together more.\n"
            "- The usual advice: take a large net and regularise it, not a small one."
        )
    )


def maths_fit(values: stage.Values) -> None:
    given = settings(values)
    st.latex(
        r"\min_w\; \mathbb{E}_m\, \frac1n \sum_{i=1}^n \bigl(y_i - f(x_i;\, w, m)\bigr)^2, \qquad "
        r"y_i = \sin(\pi x_i) + \sigma\varepsilon_i"
    )
    st.latex(r"r_{jk} = \operatorname{corr}_x\bigl(h_j(x),\, h_k(x)\bigr)")
    st.markdown(
        _(
            "f is a network with ReLU units ({small} in the small one, {large} in the large ones), "
            "m its masks, each unit dropped with probability p. n = {n}, σ = {noise:g}; Adam, "
            "learning rate {rate:g}. The test error is taken on {n_test} new points with the same "
            "noise, so none gets below σ² in the long run. h are the outputs of the last hidden "
            "layer."
        ).format(
            small=" + ".join(map(str, given.small)),
            large=" + ".join(map(str, given.large)),
            n=given.n_points,
            noise=given.noise,
            rate=given.learning_rate,
            n_test=sim.N_TEST,
        )
    )


def data_fit(values: stage.Values) -> stage.Table:
    run = present_run()
    rows = [(p.step, *p.train_loss, *p.test_loss) for p in run.points] if run else []
    columns = ["step", *(f"{kind}_{name}" for kind in ("train", "test") for name in sim.NETS)]
    return stage.Table(pd.DataFrame(rows, columns=columns), "dropout_fit.csv")


def code_fit(values: stage.Values) -> str:
    return code.fit(settings(values), p=values["p"])


# --- Monte-Carlo dropout -------------------------------------------------------------------------


def ensemble(values: stage.Values) -> np.ndarray | None:
    """What each thinned network predicts over the grid; None until a run has been trained."""
    run = present_run()
    if run is None or run.model is None:
        return None
    rng = np.random.default_rng(settings(values).seed)
    drawn = sim.monte_carlo(run.model.dropout, BAND[:, None], values["p"], N_BAND, rng)
    return drawn.predictions[:, :, 0]


def draw_uncertainty(values: stage.Values, run: LiveRun | None) -> None:
    draws = ensemble(values)
    figure, readouts = stage.figure_and_readouts()
    with figure:
        stage.chart(
            fit_charts.band(settings(values).samples()[0], BAND, draws),
            "figure",
            description=_("Mean and band over thinned networks, over the noisy points."),
            height=stage.figure_height(0.74, projector=0.9),
        )
    with readouts:
        stage.readouts(stage.Group(_band_numbers(draws)))
        if draws is None:
            st.caption(_("Train the networks, then pause them or let them finish."))


def _band_numbers(draws: np.ndarray | None) -> list[stage.Readout]:
    numbers = [DASH] * 3
    if draws is not None:
        same = np.ptp(draws, axis=0) == 0.0  # where the sum of equal numbers rounds
        deviation, inside = np.where(same, 0.0, draws.std(axis=0)), np.abs(BAND) <= 1
        near, far = deviation[inside].mean(), deviation[~inside].mean()
        numbers = [stage.number(near), stage.number(far), f"× {far / near:.2g}" if near else DASH]
    return [
        stage.Readout(
            "spread_inside",
            _("Spread where points are"),
            numbers[0],
            _("The standard deviation over {n} masks, on average over −1 ≤ x ≤ 1.").format(
                n=N_BAND
            ),
        ),
        stage.Readout(
            "spread_outside",
            _("Spread where none are"),
            numbers[1],
            _("The same over 1 < |x| ≤ 2: all points lie in −1 ≤ x ≤ 1."),
        ),
        stage.Readout("spread_ratio", _("Outside : inside"), numbers[2]),
    ]


def see_uncertainty() -> None:
    st.markdown(
        _(
            "- Each grey curve is one thinned network: one mask, kept for all x. Their mean is the "
            "prediction, the band is two standard deviations wide to either side.\n"
            "- Where there are points the thinned networks had to agree. Beyond them nothing made "
            "them, and they spread apart.\n"
            "- Move **p**: at 0 all masks are the same and the band is gone. The width of the band "
            "hangs on p; it says where to be careful, not how large the error is.\n"
            "- No band knows what it cannot see: outside the points the mean leaves the sine."
        )
    )


def maths_uncertainty(values: stage.Values) -> None:
    st.latex(
        r"\hat f(x) = \frac1M \sum_{k=1}^{M} f(x;\, w, m_k), \qquad "
        r"s(x)^2 = \frac1M \sum_{k=1}^{M} \bigl(f(x;\, w, m_k) - \hat f(x)\bigr)^2"
    )
    st.markdown(
        _(
            "f is the trained network with dropout, m₁ … m_M are M = {n} masks drawn with the p of "
            "the slider; the band is f̂ ± 2s. Gal and Ghahramani (2016) read it as an approximate "
            "Bayesian posterior."
        ).format(n=N_BAND)
    )


def data_uncertainty(values: stage.Values) -> stage.Table:
    draws = ensemble(values)
    many = np.full((1, BAND.size), np.nan) if draws is None else draws
    frame = pd.DataFrame({"x": BAND, "mean": many.mean(axis=0), "deviation": many.std(axis=0)})
    return stage.Table(frame, "dropout_uncertainty.csv")


def code_uncertainty(values: stage.Values) -> str:
    return code.uncertainty(settings(values), p=values["p"], n_masks=N_BAND)


# --- dropout is a penalty ------------------------------------------------------------------------


@dataclass(frozen=True)
class Linear:
    """A linear problem, its weights by least squares, and what corrupting the inputs does."""

    X: np.ndarray
    y: np.ndarray
    plain: np.ndarray
    cost: np.ndarray
    copies: np.ndarray


def linear(values: stage.Values) -> Linear:
    rng = np.random.default_rng(values["seed"])
    X = rng.standard_normal((N_ROWS, len(TRUE_WEIGHTS))) * COLUMN_SCALES
    y = X @ np.array(TRUE_WEIGHTS) + ROW_NOISE * rng.standard_normal(N_ROWS)
    if values["corruption"] == "dropout":
        cost, corrupted = sim.dropout_cost(X, values["p"]), sim.dropped(X, values["p"])
    else:
        sigma = values["input_noise"]
        cost, corrupted = sim.noise_cost(X, sigma), sim.noised(X, sigma)
    plain = sim.penalised_weights(X, y, np.zeros(len(TRUE_WEIGHTS)))
    return Linear(X, y, plain, cost, corrupted(values["n_masks"], rng))


def draw_ridge(values: stage.Values) -> None:
    problem = linear(values)
    losses = sim.corrupted_losses(problem.copies, problem.y, problem.plain)
    formula = sim.penalised_loss(problem.X, problem.y, problem.plain, problem.cost)
    by_formula = sim.penalised_weights(problem.X, problem.y, problem.cost)
    by_masks = sim.weights_over_copies(problem.copies, problem.y)
    figure, readouts = stage.figure_and_readouts()
    height = stage.figure_height(0.85, projector=0.8)
    with figure:
        left, right = st.columns(2, gap="small")
        with left:
            stage.chart(
                charts.penalty(losses, formula),
                "figure",
                description=_("The mean loss over the masks closes in on the formula."),
                height=height,
            )
        with right:
            stage.chart(
                charts.ridge(problem.plain, by_masks, by_formula, TRUE_WEIGHTS),
                "figure_weights",
                description=_("The weights by least squares, under the masks and by ridge."),
                height=height,
            )
    with readouts:
        stage.readouts(
            stage.Group(
                [
                    stage.Readout(
                        "formula",
                        _("Loss by the formula"),
                        stage.number(formula),
                        _("Of the least-squares weights: squared error plus penalty."),
                    ),
                    stage.Readout(
                        "by_masks",
                        _("Mean over the masks"),
                        stage.number(float(losses.mean())),
                        _("± {error}, one standard error").format(
                            error=stage.number(float(losses.std() / np.sqrt(len(losses))))
                        ),
                    ),
                    stage.Readout(
                        "penalty",
                        _("Of it the penalty"),
                        stage.number(float(problem.cost @ problem.plain**2)),
                    ),
                    stage.Readout(
                        "weights_differ",
                        _("Largest difference of weights"),
                        stage.number(float(np.abs(by_masks - by_formula).max())),
                        _("Between ridge by the formula and the best weights under the masks."),
                    ),
                    stage.Readout(
                        "shrunk",
                        _("‖w‖ ridge : least squares"),
                        f"{np.linalg.norm(by_formula) / np.linalg.norm(problem.plain):.2f}",
                    ),
                ]
            )
        )


def see_ridge() -> None:
    st.markdown(
        _(
            "- Left: the mean loss of one linear model while ever more masks are drawn. It closes "
            "in on the formula; the band is two standard errors wide to either side.\n"
            "- Right: the weights that are best under all these masks are those of ridge "
            "regression. Both are pulled to zero.\n"
            "- Dropout penalises a weight more the larger its input is: λⱼ grows with ‖xⱼ‖².\n"
            "- Choose **noise**: Gaussian noise on the inputs is a penalty, too, the same for "
            "every weight."
        )
    )


def maths_ridge(values: stage.Values) -> None:
    st.latex(
        r"\mathbb{E}\,\lVert y-\tilde Xw\rVert^2 = \lVert y-Xw\rVert^2 + "
        r"\frac{p}{1-p}\sum_j \lVert x_j\rVert^2\, w_j^2"
    )
    st.latex(
        r"\tilde X = X + \sigma E:\qquad \mathbb{E}\,\lVert y-\tilde Xw\rVert^2 = "
        r"\lVert y-Xw\rVert^2 + n\sigma^2\,\lVert w\rVert^2"
    )
    st.markdown(
        _(
            "X has n = {n} rows; xⱼ is its column j, X̃ is X with entries dropped and the others "
            "divided by 1−p, or with noise σ added. So λⱼ = p/(1−p)·‖xⱼ‖², or λ = nσ² for all: no "
            "½, no 1/n, no intercept."
        ).format(n=N_ROWS)
    )


def data_ridge(values: stage.Values) -> stage.Table:
    problem = linear(values)
    frame = pd.DataFrame(
        {
            "weight": np.arange(len(TRUE_WEIGHTS)) + 1,
            "truth": TRUE_WEIGHTS,
            "least_squares": problem.plain,
            "lambda": problem.cost,
            "ridge": sim.penalised_weights(problem.X, problem.y, problem.cost),
            "under_masks": sim.weights_over_copies(problem.copies, problem.y),
        }
    )
    return stage.Table(frame, "dropout_ridge.csv")


def code_ridge(values: stage.Values) -> str:
    return code.ridge(
        corruption=values["corruption"],
        p=values["p"],
        input_noise=values["input_noise"],
        n_masks=values["n_masks"],
        seed=values["seed"],
        n_rows=N_ROWS,
        weights=TRUE_WEIGHTS,
        scales=COLUMN_SCALES,
        row_noise=ROW_NOISE,
    )


NET = {"p", "hidden_layers", "hidden_units", "taper", "by_width", "seed"}

stage.screen(
    SCENES,
    CONTROLS,
    stage.View(
        name="masks",
        title=N_("Masks"),
        uses=frozenset(NET | {"samples", "inference"}),
        draw=draw_masks,
        see=see_masks,
        maths=maths_masks,
        code=code_masks,
        data=data_masks,
    ),
    stage.View(
        name="samples",
        title=N_("Samples and passes"),
        uses=frozenset(NET | {"samples", "passes"}),
        draw=draw_samples,
        see=see_samples,
        maths=maths_samples,
        code=code_samples,
        data=data_samples,
    ),
    stage.View(
        name="scaling",
        title=N_("Scaling"),
        uses=frozenset(NET | {"inverted_scaling", "n_masks"}),
        draw=draw_scaling,
        see=see_scaling,
        maths=maths_scaling,
        code=code_scaling,
        data=data_scaling,
    ),
    stage.View(
        name="fit",
        title=N_("What it prevents"),
        uses=frozenset({"p", "seed"}),
        draw=lambda values: draw_fit(values, present_run()),
        whole=lambda: watch(draw_fit),
        see=see_fit,
        maths=maths_fit,
        code=code_fit,
        data=data_fit,
    ),
    stage.View(
        name="uncertainty",
        title=N_("Uncertainty"),
        uses=frozenset({"p", "seed"}),
        draw=lambda values: draw_uncertainty(values, present_run()),
        whole=lambda: watch(draw_uncertainty),
        see=see_uncertainty,
        maths=maths_uncertainty,
        code=code_uncertainty,
        data=data_uncertainty,
    ),
    stage.View(
        name="ridge",
        title=N_("A penalty"),
        uses=frozenset({"p", "corruption", "input_noise", "n_masks", "seed"}),
        draw=draw_ridge,
        see=see_ridge,
        maths=maths_ridge,
        code=code_ridge,
        data=data_ridge,
    ),
)
