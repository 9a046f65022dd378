"""What the dropout screen says at any setting: true there, or computed from what is shown.

Most of it needs no screen: a view's `draw` is noted as for a preview.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim import dropout as sim
from sim.overfitting import truth
from ui import i18n, preview, stage
from ui.charts import dropout as mask_charts
from ui.charts import dropout_fit as fit_charts
from ui.charts import dropout_formulas as charts
from ui.views.dropout import fit, masks, ridge, samples, scaling, uncertainty
from ui.views.dropout.common import layer_sizes, rates, sampled
from ui.views.dropout.controls import CONTROLS

DEFAULTS = {control.key: control.default for control in CONTROLS}


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    i18n.activate("en")
    yield
    i18n.activate("en")


def shown(view: stage.View, **values: Any) -> preview.Notes:
    """What a view shows with these values, the others at their defaults."""
    with preview.noting(drawing=False, presenting=False) as notes:
        view.draw(DEFAULTS | values)
    return notes


def readout(notes: preview.Notes, key: str) -> str:
    page = "".join(notes.readouts)
    (found,) = re.findall(rf'st-key-readout_{key}".*?<dd>(.*?)</dd>', page)
    return unescape(found)


def printed(source: str) -> list[float]:
    """The numbers that code prints after its colons and equals signs."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(source, {})
    return [float(word) for word in out.getvalue().split() if re.fullmatch(r"-?[\d.e-]+", word)]


def seeded(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


# --- masks


@pytest.mark.parametrize("by_width", [False, True])
@pytest.mark.parametrize("taper", [False, True])
def test_the_rates_said_are_those_of_every_layer(by_width: bool, taper: bool) -> None:
    """And "binomial" stands for one p only: the sum of several is none."""
    values = DEFAULTS | {"p": 0.6, "by_width": by_width, "taper": taper, "hidden_layers": 3}
    drawn = sampled(values, 1, 5)
    words = mask_charts.description(drawn, inference=False)
    (said,) = re.findall(r"probability ([\d., ]+),", words)
    expected = dict.fromkeys(rates(values)) if len(set(rates(values))) == 1 else rates(values)
    assert [float(rate) for rate in said.split(", ")] == pytest.approx(list(expected))
    assert ("every hidden unit" in words) == (len(expected) == 1)
    legend = mask_charts.network(drawn, None, inference=False)["words"]["chances"]
    assert (legend == "binomial") == (len(set(rates(values))) == 1)
    chances = sim.kept_distribution(layer_sizes(values), rates(values))
    k, n = np.arange(len(chances)), len(chances) - 1
    mean, variance = k @ chances, (k - k @ chances) ** 2 @ chances
    binomial = variance == pytest.approx(mean * (1 - mean / n), rel=1e-9)
    assert binomial == (legend == "binomial")


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    st.integers(0, 10**6),
    st.sampled_from([0.0, 0.3, 0.5, 0.9]),
    st.integers(1, 4),
    st.integers(2, 6),
    st.integers(1, 3),
)
def test_a_pass_updates_what_a_sample_ran_through_forward_and_back(
    seed: int, p: float, layers: int, units: int, n_samples: int
) -> None:
    """As the hint has it: both units kept, a way on to an output with an error left (without
    dropout some are learned to the last digit), and something came in."""
    values = DEFAULTS | {
        "p": p,
        "hidden_layers": layers,
        "hidden_units": units,
        "samples": n_samples,
        "seed": seed,
    }
    seen = masks.look(values)
    keep = seen.masks.keep
    # whether a way leads on from each unit: to any kept unit behind it that has one itself
    on = [seen.passes.deltas[-1] != 0]
    for layer in reversed(keep[:-1]):
        on.insert(0, layer & on[0].any(axis=-1, keepdims=True))
    for gap, updated in enumerate(seen.passes.updated):
        came = seen.passes.activations[gap] != 0
        assert not came[~keep[gap]].any(), "a dropped unit puts out 0"
        ran = on[gap + 1][..., :, None] & came[..., None, :]
        np.testing.assert_array_equal(updated, ran.any(axis=1))


@pytest.mark.parametrize("by_width", [False, True])
@pytest.mark.parametrize("p", [0.0, 0.15, 0.55, 0.9])
def test_shares_kept_come_near_their_expectation(p: float, by_width: bool) -> None:
    """In every layer of every column (sample) and row (pass of a picture), within five errors."""
    values = DEFAULTS | {"p": p, "by_width": by_width, "taper": True, "hidden_layers": 3}
    drawn = sampled(values, 4, 2000)
    for keep, rate in zip(drawn.keep[1:-1], rates(values), strict=True):
        for part in (*np.moveaxis(keep, 1, 0), *(keep[row::4] for row in range(4))):
            error = np.sqrt(rate * (1 - rate) / part.size)
            assert abs(part.mean() - (1 - rate)) <= 5 * error
    notes = shown(masks.MASKS, **values)
    sizes = layer_sizes(values)[1:-1]
    expected = 1 - np.average(rates(values), weights=sizes)
    assert f"expected: {expected:.1%}" in "".join(notes.readouts)


@pytest.mark.parametrize("by_width", [False, True])
def test_the_code_of_the_samples_draws_the_masks_of_the_figure(by_width: bool) -> None:
    link = {"p": 0.6, "by_width": by_width, "taper": True, "hidden_layers": 3, "seed": 4}
    notes = shown(samples.SAMPLES, **link)
    keys = ("other_sample", "other_pass", "kept_first", "kept_second")
    found = [f"{share:.1%}" for share in printed(samples.source(DEFAULTS | link))]
    assert found == [readout(notes, key) for key in keys]


# --- scaling


@pytest.mark.parametrize("inverted", [False, True])
def test_the_mean_meets_what_the_bullet_says_up_to_chance(inverted: bool) -> None:
    for seed, p, units, layers in itertools.product(
        range(4), (0.0, 0.05, 0.5, 0.9), (2, 16), (1, 4)
    ):
        link = {"seed": seed, "p": p, "hidden_units": units, "hidden_layers": layers}
        seen = scaling.fed(DEFAULTS | link | {"inverted_scaling": inverted})
        wanted = seen.inference if inverted else (1 - p) * seen.inference
        error = seen.deviation / np.sqrt(len(seen.values))
        assert abs(seen.values.mean() - wanted) <= 6 * error + 1e-12
        if inverted:  # a larger p spreads the bars, as √(p/(1 − p))
            half = scaling.fed(DEFAULTS | link | {"p": 0.5}).deviation
            assert seen.deviation == pytest.approx(np.sqrt(p / (1 - p)) * half)


def test_every_input_lies_inside_the_axis() -> None:
    for seed, p, units in itertools.product(range(3), (0.0, 0.5, 0.9), (2, 16)):
        values = DEFAULTS | {"seed": seed, "p": p, "hidden_units": units, "n_masks": 5000}
        figure = charts.scaling(scaling.fed(values))
        assert figure.frame["share"].sum() == pytest.approx(1)


@pytest.mark.parametrize(
    "link",
    [
        {"inverted_scaling": False, "seed": 3},
        {"taper": True, "by_width": True, "hidden_layers": 3, "p": 0.35},
        {"hidden_layers": 1, "n_masks": 100},
    ],
)
def test_the_code_of_the_scaling_is_the_figures(link: dict[str, Any]) -> None:
    seen = scaling.fed(DEFAULTS | link)
    mean = seen.values.mean()
    found = printed(scaling.source(DEFAULTS | link))
    assert found == pytest.approx([seen.inference, mean, mean / seen.inference])


# --- the fit


def a_progress(curves: np.ndarray, *correlations: float) -> sim.Progress:
    x = np.linspace(-1, 1, 81)
    two = [np.array([[1, r], [r, 1]]) for r in correlations]
    return sim.Progress("running", 40, 1000, (), sim.Curves(x, curves), tuple(two), (), 1.0)  # type: ignore[arg-type]


def some_points(*last: float) -> list[sim.Point]:
    return [sim.Point(20, (3.0, 2.0, 900.0), (9.0, 2.0, 2.0)), sim.Point(40, (0.1,) * 3, last)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("test", "names"),
    [
        ((0.4, 0.8, 0.3), "dropout"),
        ((0.2, 0.8, 0.3), "small net"),
        ((0.4, 0.3, 0.3), "large net, dropout"),
    ],
)
def test_what_dropout_did_is_said_as_it_is(test: tuple[float, ...], names: str) -> None:
    progress = a_progress(np.zeros((3, 81)), -0.58, 0.61)
    words = fit.here_and_now(some_points(*test), progress)
    assert f"now: {names}." in words
    assert "0.61 with dropout, 0.58 without" in words
    assert "0.58 without and 0.61 with" in fit_charts.correlations_description(
        progress.correlations
    )
    assert fit.here_and_now([], None) == ""


def test_the_loss_axis_holds_the_test_losses_of_now() -> None:
    """What was larger before runs along its upper edge, which says so."""
    for last, top in ((0.8, 1.2), (1.3, 2.4), (6.0, 9.6)):
        figure = fit_charts.losses(some_points(0.3, last, 0.4), None, 1000)
        assert figure.arguments == (1000, top, True)
        assert figure.frame.filter(regex="train|test").max().max() == top
        assert figure.frame["test_large"].iloc[-1] == last
        assert "≥" in str(figure.specification(presenting=False))
    calm = [sim.Point(20, (0.3, 0.2, 0.4), (0.5, 0.6, 0.7))]
    figure = fit_charts.losses(calm, None, 1000)
    assert figure.arguments == (1000, 1.2, False)
    assert "≥" not in str(figure.specification(presenting=False))


@pytest.mark.parametrize(("height", "reach"), [(0.5, 2.4), (5.8, 4.8)])
def test_the_curves_and_their_words_are_those_of_the_networks(height: float, reach: float) -> None:
    train = sim.Settings(seed=3).samples()[0]
    x = np.linspace(-1, 1, 81)
    shown_curves = sim.Curves(x, truth(x) + height * np.array([[0], [1], [-0.5]]) / 2)
    figure = fit_charts.curves(train, shown_curves)
    largest = max(np.abs(shown_curves.y).max(), np.abs(train.y).max())
    assert figure.arguments == (reach,)
    assert largest <= reach
    words = fit_charts.curves_description(shown_curves)
    assert f"0.00 (small), {height / 2:.2f} (large) and {height / 4:.2f} (dropout)" in words
    assert "no network is trained" in fit_charts.curves_description(None)
    high = fit_charts.curves(type(train)(train.x, 3 * train.y), None)
    assert 3 * np.abs(train.y).max() <= high.arguments[0]


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.sampled_from([0.05, 0.5, 0.9]))
def test_masks_add_noise_to_a_training_loss(seed: int, p: float) -> None:
    net = sim.init_network((1, 8, 8, 1), seeded(seed))
    x = np.linspace(-1, 1, 15)[:, None]

    def losses(rate: float) -> np.ndarray:
        predicted = sim.monte_carlo(net, x, rate, 60, seeded(seed)).predictions
        return np.asarray(((predicted - truth(x)) ** 2).mean(axis=(1, 2)))

    assert np.ptp(losses(p)) > 0
    assert np.ptp(losses(0.0)) == 0


# --- uncertainty


def test_the_numbers_beside_the_band_are_those_of_the_masks() -> None:
    rng = seeded(0)
    inside = np.abs(uncertainty.BAND) <= 1
    for near, far, off in ((0.1, 0.4, 3.0), (0.5, 0.2, 0.0)):  # also where inside is wider
        spread = np.where(inside, near, far)
        signs = np.repeat([1.0, -1.0], 50)[rng.permutation(100), None]
        draws = truth(uncertainty.BAND) + off * ~inside + spread * signs
        assert uncertainty.spreads(draws) == pytest.approx((near, far))
        words = uncertainty.band_description(draws)
        assert f"is {stage.number(near)} where points are and {stage.number(far)}" in words
        found = re.findall(r"by ([\d.e-]+)", uncertainty.off_the_sine(draws))
        assert [float(number) for number in found] == pytest.approx([0, off], abs=1e-9)
        numbers = [readout.value for readout in uncertainty._numbers(draws)]
        assert numbers[2] == f"× {stage.number(far / near)}"
    same = np.tile(0.1 * uncertainty.BAND, (100, 1))
    assert [readout.value for readout in uncertainty._numbers(same)] == ["0", "0", "–"]
    assert "no network is trained" in uncertainty.band_description(None)


def test_the_band_lies_inside_its_axis_where_points_are() -> None:
    train = sim.Settings(seed=1).samples()[0]
    x = uncertainty.BAND
    for height in (0.0, 1.0, 7.0):
        draws = np.stack([height * np.cos(x), height * np.cos(x) + 1.0, height * np.cos(x) - 1.0])
        figure = fit_charts.band(train, x, draws, n_drawn=3)
        inside = figure.frame[np.abs(figure.frame["x"]) <= 1]
        _grid, high, _n = figure.arguments
        assert inside[["low", "high"]].abs().max().max() <= high
        assert np.abs(train.y).max() <= high


# --- the penalty


@pytest.mark.parametrize("link", [{"p": 0.0}, {"corruption": "noise", "input_noise": 0.0}])
def test_where_nothing_is_corrupted_there_is_no_dust(link: dict[str, Any]) -> None:
    for seed in range(4):
        notes = shown(ridge.RIDGE, **link, seed=seed)
        assert readout(notes, "weights_differ") == "0"
        assert readout(notes, "penalty") == "0"
        assert readout(notes, "shrunk") == "1.00"
        assert "± 0, one standard error" in "".join(notes.readouts)


def test_everything_lies_inside_the_axes_of_the_penalty() -> None:
    for seed, p in itertools.product(range(3), (0.0, 0.5, 0.9)):
        left, right = _figures(seed=seed, p=p, n_masks=100)
        (reach,) = left.arguments
        line = left.frame[["mean", "low", "high"]].to_numpy()
        assert line.min() >= max(0, 1 - reach)
        assert line.max() <= 1 + reach
        (high,) = right.arguments
        assert right.frame["value"].abs().max() <= high


def _figures(**values: Any) -> tuple[Any, Any]:
    problem = ridge.linear(DEFAULTS | values)
    losses = sim.corrupted_losses(problem.copies, problem.y, problem.plain)
    formula = sim.penalised_loss(problem.X, problem.y, problem.plain, problem.cost)
    by_masks = sim.weights_over_copies(problem.copies, problem.y)
    by_formula = sim.penalised_weights(problem.X, problem.y, problem.cost)
    words = charts.penalty_description(losses, formula)
    assert f"{stage.number(losses.mean())}; the formula says {stage.number(formula)}" in words
    differ = readout(shown(ridge.RIDGE, **values), "weights_differ")
    assert f"up to {differ}." in charts.ridge_description(by_masks, by_formula)
    return (
        charts.penalty(losses, formula),
        charts.ridge(problem.plain, by_masks, by_formula, ridge.TRUE_WEIGHTS),
    )


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    st.integers(0, 10**6), st.sampled_from([0.0, 0.05, 0.5, 0.9]), st.sampled_from([0.0, 0.5, 2.0])
)
def test_ridge_never_costs_more_penalty_than_least_squares(
    seed: int, p: float, input_noise: float
) -> None:
    for corruption in ("dropout", "noise"):
        problem = ridge.linear(
            DEFAULTS
            | {"seed": seed, "p": p, "input_noise": input_noise, "corruption": corruption}
            | {"n_masks": 1}
        )
        weights = sim.penalised_weights(problem.X, problem.y, problem.cost)
        paid, plain = (float(problem.cost @ w**2) for w in (weights, problem.plain))
        assert paid <= plain * (1 + 1e-9)
        sizes = (problem.X**2).sum(axis=0)
        wanted = p / (1 - p) * sizes if corruption == "dropout" else np.full(6, 30 * input_noise**2)
        np.testing.assert_allclose(problem.cost, wanted)


@pytest.mark.parametrize("corruption", ["dropout", "noise"])
def test_in_the_long_run_masks_meet_formula_and_ridge(corruption: str) -> None:
    """64 times as many masks are about 8 times as near, in the mean over seeds."""
    off = np.zeros((2, 2))
    for seed in range(10):
        for k, n_masks in enumerate((60, 3840)):
            problem = ridge.linear(
                DEFAULTS | {"seed": seed, "corruption": corruption, "n_masks": n_masks}
            )
            losses = sim.corrupted_losses(problem.copies, problem.y, problem.plain)
            formula = sim.penalised_loss(problem.X, problem.y, problem.plain, problem.cost)
            by_masks = sim.weights_over_copies(problem.copies, problem.y)
            by_formula = sim.penalised_weights(problem.X, problem.y, problem.cost)
            off[k] += abs(losses.mean() / formula - 1), np.abs(by_masks - by_formula).max()
    assert (off[0] > 4 * off[1]).all()
