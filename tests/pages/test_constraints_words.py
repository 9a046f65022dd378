"""What the constraints screen says at any setting of its sliders, not at its scenes' alone."""

from __future__ import annotations

import contextlib
import io
import math
import re
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from sim.constraints import (
    Quadratic,
    constrained_minimum,
    contact,
    descend,
    elastic_net_kinks,
    elastic_net_minimum,
    kkt,
    penalized_minimum,
    regularization_path,
    zero_map,
    zero_share,
)
from ui import stage
from ui.charts.constraints import Norm
from ui.code import constraints as code
from ui.views.constraints import descent, figure, how_often, one_dimension, path, zeros
from ui.views.constraints.common import solve
from ui.views.constraints.controls import CONTROLS

DEFAULTS = {control.key: control.default for control in CONTROLS}


def losses(n: int, seed: int = 0) -> list[dict[str, Any]]:
    """Random positions of the sliders, and some round ones where things tie."""
    rng = np.random.default_rng(seed)
    found = []
    for k in range(n):
        x, y = (round(0.05 * v, 2) for v in rng.integers(-80, 81, 2).tolist())
        e, angle = 1 + 0.5 * int(rng.integers(39)), float(rng.integers(-90, 91))
        if k % 4 == 1:
            e = 1.0
        elif k % 4 == 2:
            y, angle = x, 45.0
        elif k % 12 == 3:
            y, angle = 0.0, (-90.0, 0.0, 90.0)[k // 12 % 3]
        found.append({"center_x": x, "center_y": y, "eccentricity": e, "angle": angle})
    return found


def run(source: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(source, {"__name__": "__main__"})
    return out.getvalue()


# --- Path


ORIGIN = {"center_x": 0.0, "center_y": 0.0, "eccentricity": 3.0, "angle": 30.0}
ISSUE = [
    ({"center_x": 0.65, "center_y": 1.8, "eccentricity": 1.0, "angle": 63.0}, 2, "budget 1.15"),
    ({"center_x": 2.0, "center_y": 2.0, "eccentricity": 3.0, "angle": 45.0}, 1, "budget 0"),
    ({"center_x": 3.0, "center_y": 0.0, "eccentricity": 3.0, "angle": 90.0}, 1, "never"),
    (ORIGIN, 0, "never"),
]


@pytest.mark.parametrize(("values", "pieces", "enters"), ISSUE)
def test_pieces_and_entry_on_round_numbers(
    values: dict[str, Any], pieces: int, enters: str
) -> None:
    tracks = path.tracks(DEFAULTS | values)
    assert path._pieces(tracks) == pieces
    assert path._enters(tracks[1]) == enters
    shares = [path._held(track) for track in (tracks[0], tracks[1], tracks[-1])]
    if values == ORIGIN:
        assert shares == ["—"] * 3
    elif enters == "never":
        assert shares == ["100 %"] * 3
    elif enters == "budget 0":
        assert shares == ["0 %"] * 3


def test_the_code_of_the_path_says_what_the_screen_says() -> None:
    """`lars_path` lets tied weights in one after the other; the code must not count that."""
    said = set()
    for values in [*(one for one, _n, _text in ISSUE), *losses(80)]:
        tracks = path.tracks(DEFAULTS | values)
        pieces, enters = run(code.path(DEFAULTS | values)).splitlines()
        assert pieces == f"{path._pieces(tracks)} straight pieces", values
        shown = path._enters(tracks[1])
        if shown == "never":
            assert enters == "one weight stays zero"
        else:
            printed = float(enters.split()[-1])
            assert printed == pytest.approx(float(shown.split()[-1]), rel=6e-3, abs=6e-4), values
        said.add(shown)
    assert {"never", "budget 0"} < said


def test_how_long_a_zero_is_held() -> None:
    """L1 by its knots, the elastic net by bisection for the place where it lets the other in."""
    bent = 0
    for values in losses(60, 1):
        loss = path.loss_of(values)
        if not loss.center.any():
            continue
        knots = regularization_path(loss, 1)
        alone = (knots.weights[:-1] == 0) & (knots.weights[1:] == 0)
        share = np.diff(knots.budgets)[alone.any(axis=1)].sum() / knots.budgets[-1]
        for ratio in (0.0, 0.3, 0.75, 1.0):
            tracks = path.tracks(DEFAULTS | values | {"l1_ratio": ratio})
            assert path.held(tracks[1]) == pytest.approx(share, abs=1e-9)
            net = path.held(tracks[-1])
            # What to see: the net holds a zero for no longer than L1.
            assert net <= share + 1e-7, values
            if ratio == 1:
                assert net == pytest.approx(share, abs=1e-6)
            if ratio == 0 and (loss.center != 0).all():
                assert net == 0
            kinks = elastic_net_kinks(loss, ratio)
            patterns = [
                [elastic_net_minimum(loss, ratio, kink * (1 + off)).weights != 0 for kink in kinks]
                for off in (1e-7, -1e-7)
            ]
            if ratio > 0 and len(knots.budgets) == 3:
                assert (np.array(patterns[0]) != np.array(patterns[1])).any()
                bent += 1
    assert bent > 50


def test_l2_leaves_zero_with_both_weights_save_on_an_axis() -> None:
    for values in losses(80, 2):
        loss = path.loss_of(values)
        weights = regularization_path(loss, 2, 41).weights[1:]
        for i in (0, 1):
            if loss.center[i] == 0 and loss.hessian[0, 1] == 0:
                assert (weights[:, i] == 0).all()
            elif loss.center[i] != 0 or loss.hessian[0, 1] != 0:
                assert (weights[:-1, i] == 0).sum() <= 1, "one place on the way, by accident"


# --- Figure and the map


@pytest.mark.parametrize("q", [0.5, 1, 1.5, 2, 4, math.inf])
def test_smaller_contours_miss_the_ball_and_larger_ones_cut_or_go_around(q: float) -> None:
    rng = np.random.default_rng(3)
    for values in losses(12, 4):
        loss, budget = path.loss_of(values), round(0.05 * int(rng.integers(0, 121)), 2)
        found = constrained_minimum(loss, q, budget)
        if not found.active:
            continue
        level = float(loss.value(found.weights))
        assert contact(loss, q, budget, level).kind == "touching"
        for size in (0.2, 0.95):
            assert contact(loss, q, budget, size**2 * level).kind == "none"
        for size in (1.05, 2.0):
            assert contact(loss, q, budget, size**2 * level).kind in ("crossing", "around")


@pytest.mark.parametrize("q", [1, 1.5, 2, 4, math.inf])
def test_from_order_one_up_the_multiplier_is_the_penalty_with_the_same_weights(q: float) -> None:
    for values in losses(24, 5):
        loss = path.loss_of(values)
        found = constrained_minimum(loss, q, 1.0)
        assert kkt(loss, q, found).residual < 1e-9
        same = penalized_minimum(loss, q, found.multiplier).weights
        np.testing.assert_allclose(same, found.weights, atol=1e-8)


def test_below_order_one_zero_weights_belong_to_many_penalties() -> None:
    """The cusp beats any slope near zero; far away it is a large enough penalty that does."""
    for values in losses(6, 8):
        values |= {"norm_order": "0.5", "budget": 0.0, "formulation": "constraint"}
        values |= {"contour_size": 1.0}
        loss, solutions = solve(values)
        shown = [figure.multiplier(one) for one in solutions]
        assert shown[0] == "∞"
        assert "—" not in shown[1]
        assert shown[2] == "—"
        assert "any λ above 0" in figure._multiplier(solutions[2])
        assert figure.data(values).frame["multiplier"].isna().tolist() == [False, False, True]
        assert (penalized_minimum(loss, 0.5, 1e4).weights == 0).all()
        small = 1e-12 * loss.center
        assert loss.value(small) + 1e-3 * np.sqrt(np.abs(small)).sum() > loss.value(np.zeros(2))
        _loss, given = solve(values | {"formulation": "penalty", "penalty": 1e4})
        assert figure.multiplier(given[2]) == stage.number(1e4), "a penalty that is given is known"


@pytest.mark.parametrize("angle", [-90.0, 0.0, 90.0])
@pytest.mark.parametrize("form", ["constraint", "penalty"])
def test_at_right_angles_the_circle_is_met_on_the_axis(angle: float, form: str) -> None:
    values = DEFAULTS | {"center_x": 3.0, "center_y": 0.0, "angle": angle, "formulation": form}
    _loss, solutions = solve(values | {"norm_order": "4"})
    assert [one.zeros for one in solutions] == ["w₂"] * 3
    _loss, solutions = solve(values | {"center_y": 1.0, "norm_order": "4"})
    assert [one.zeros for one in solutions][::2] == ["none"] * 2


def test_on_its_boundary_the_optimum_is_not_bound() -> None:
    """In floating point 0.1 + 0.2 is above 0.3, and a multiplier of 1e-16 would be shown."""
    values = DEFAULTS | {"center_x": 0.1, "center_y": 0.2, "budget": 0.3}
    loss, solutions = solve(values)
    assert [one.penalty for one in solutions] == [0, 0]
    assert [figure.chosen(loss, one, 1.0) for one in solutions] == [None, None]


def test_below_order_one_the_bands_are_wider() -> None:
    """The star is inside the diamond and has its tips, so where L1 has a zero it has one, too."""
    for values in losses(16, 6):
        loss = path.loss_of(values)
        for budget in (0.5, 2.0, 6.0):
            diamond, star = (zero_map(loss, q, budget, 7.0, 40).codes for q in (1, 0.5))
            assert (star[diamond > 0] == diamond[diamond > 0]).all()
            assert (star > 0).sum() > (diamond > 0).sum()
    # Also where a line of zeros without width passes through round numbers.
    line = {"eccentricity": 5.0, "angle": 45.0}
    assert (zero_map(Quadratic.from_ellipse((0, 0), 5, 45), 2, 3.5, 7.0, 200).codes > 0).any()
    for values in [line, *losses(16, 6)]:
        for budget in (0.5, 2.0, 3.5, 6.0):
            rest = values["eccentricity"], values["angle"], 2.0, budget
            _masks, shares = zeros.computed.__wrapped__(*rest)
            assert shares == [1, 0, 0, 0], "for L2 the plane is empty"


def test_with_no_budget_both_weights_are_zero_everywhere() -> None:
    _masks, shares = zeros.computed.__wrapped__(3.0, 30.0, 2.0, 0.0)
    assert shares == [0, 0, 0, 1]
    assert shares[1] + shares[zeros.BOTH] == shares[2] + shares[zeros.BOTH] == 1


# --- Descent


def test_what_is_said_of_a_descent_holds_at_any_setting() -> None:
    rng = np.random.default_rng(7)
    ends: dict[str, int] = {}
    for values in losses(120, 8):
        rate = round(0.01 * int(rng.integers(1, 151)), 2)
        values |= {"learning_rate": rate, "penalty": float(rng.choice([0.0, 0.1, 1.0, 5.0, 1e6]))}
        found, loss = descent.runs(values), path.loss_of(values)
        said = descent._says(found, rate)
        for key, one in found.items():
            order = 2 if key == "l2" else 1
            minimum = penalized_minimum(loss, order, values["penalty"]).weights
            end = descent._end(one, rate, minimum)
            ends[end] = ends.get(end, 0) + 1
            assert (end in ("diverges", "is cut")) == one.diverged
            assert (end == "diverges") == (one.diverged and rate > one.safe_learning_rate)
            if one.diverged:
                assert f"{descent._names()[key][1]} diverges" not in said or end == "diverges"
                assert descent._names()[key][1] in said
            if end == "rests":
                np.testing.assert_allclose(one.weights[-1], minimum, atol=0.02)
            if "None ends higher" in said:
                assert one.objectives[-1] <= one.objectives[0]
            elif "Higher" in said:
                higher = one.objectives[-1] > one.objectives[0]
                assert (descent._names()[key][1] in said) == higher
    assert set(ends) == {"diverges", "is cut", "rests", "goes on"}


def test_a_slow_descent_does_not_rest() -> None:
    """A small learning rate makes small steps far from the minimum."""
    loss = Quadratic.from_ellipse((1.5, 3.0), 20, 30)
    minimum = penalized_minimum(loss, 2, 0.01).weights
    slow = descend(loss, 2, 0.01, (0.0, 0.0), 0.001, 1)
    assert np.abs(np.diff(slow.weights, axis=0)).max() < descent.STILL * 10
    assert descent._end(slow, 0.001, minimum) == "goes on"
    there = descend(loss, 2, 0.01, minimum, 0.001, 1)
    assert descent._end(there, 0.001, minimum) == "rests"


@pytest.mark.parametrize(
    "values",
    [
        {"eccentricity": 1.0, "center_x": 0.0, "penalty": 12.0, "learning_rate": 0.2},
        {"eccentricity": 1.0, "center_x": 0.0, "penalty": 2.0, "learning_rate": 0.2},
        {"angle": 90.0, "center_y": 0.0},
    ],
)
def test_the_code_of_the_descent_has_the_same_zeros(values: dict[str, Any]) -> None:
    values = DEFAULTS | values
    printed = run(code.descent(values, descent.START, descent.N_STEPS)).splitlines()
    for line, one in zip(printed, descent.runs(values).values(), strict=True):
        numbers = [float(v) for v in re.findall(r"-?\d[\d.e+-]*", line)]
        assert numbers == pytest.approx(one.weights[-1].tolist(), rel=1e-5, abs=1e-12)
        assert [v == 0 for v in numbers] == (one.weights[-1] == 0).tolist()


# --- One weight


PENALTIES = [0.0, *(float(f"{m}e{k}") for k in (-2, -1, 0, 1) for m in (1, 1.5, 2, 4, 5, 8))]


def test_what_is_said_of_one_weight_holds_at_any_setting() -> None:
    """Frames, read-outs and the sentence agree with arithmetic on the numbers as written."""
    heard = set()
    for penalty in PENALTIES:
        for rate in (0.01, 0.05, 0.1, 0.15, 0.2, 0.25, 0.5, 0.7, 1.0, 1.05, 1.5):
            values = {"penalty": penalty, "learning_rate": rate}
            found, step = one_dimension.rolls(values), Fraction(str(penalty)) * Fraction(str(rate))
            said = one_dimension._says(found)
            shown = {key: one_dimension._arrives(key, one) for key, one in found.items()}
            steps = math.ceil(2 / step) if step else None
            if steps is None:
                assert shown == dict.fromkeys(found, "never")
                assert "nothing pushes" in said
                assert all(not one.pushes.any() for one in found.values())
                continue
            assert shown["l1"] == (str(steps) if steps <= 40 else "after 40")
            lands = (2 / step).denominator == 1
            if steps <= 40:
                assert shown["sign"] == (str(steps) if lands else "never")
            assert shown["l2"] == ("1" if 2 * step == 1 else "never")
            first = next(k for k, word in enumerate(SENTENCES) if word in said)
            assert first == (
                0
                if step > 1
                else 1
                if steps > 40
                else 2
                if 2 * step == 1
                else 3
                if step == 1
                else 4
            )
            if first == 4:
                assert f"at step {steps} " in said
            heard.add(first)
    assert heard == set(range(5))


SENTENCES = ("diverges", "no ball has arrived", "is 1/2", "is 1:", "comes closer")


def test_the_round_pair_of_the_issue() -> None:
    found = one_dimension.rolls({"penalty": 1.0, "learning_rate": 0.2})
    assert one_dimension._arrives("l1", found["l1"]) == "10"
    assert one_dimension._arrives("sign", found["sign"]) == "10"
    assert found["l1"].positions[9] == pytest.approx(0.2)


@pytest.mark.parametrize("pair", [(1.0, 0.2), (2.5, 0.2), (0.6, 0.1), (1.0, 1.0), (3.0, 0.7)])
def test_the_code_of_one_weight_is_the_figure(pair: tuple[float, float]) -> None:
    values = {"penalty": pair[0], "learning_rate": pair[1]}
    printed = run(code.one_dimension(values, one_dimension.START, one_dimension.N_STEPS))
    shown = [one.positions[-1] for one in one_dimension.rolls(values).values()]
    found = [float(line) for line in printed.splitlines()]
    assert found == pytest.approx(shown, rel=1e-5, abs=1e-12)
    assert [v == 0 for v in found] == [v == 0 for v in shown]


# --- How often?


@pytest.mark.parametrize(
    ("shape", "share"), [("symmetric", 0.653), ("general", 0.726), ("axis_aligned", 0.806)]
)
def test_how_often_over_seeds_and_budgets(shape: str, share: float) -> None:
    """What to see gives the shares at a budget of 2; L2 has none, and budgets make L1's rarer."""
    seeds = [
        zero_share(1, 2.0, 5000, np.random.default_rng(seed), shape).share for seed in range(8)
    ]
    assert np.mean(seeds) == pytest.approx(share, abs=0.01)
    assert np.ptp(seeds) < 0.05, "so it is at any seed"
    falling = [
        zero_share(1, budget, 10_000, np.random.default_rng(9), shape).share
        for budget in (0.05, 0.5, 1, 2, 3, 4.5, 6)
    ]
    assert (np.diff(falling) < 0).all()
    for budget in (0.05, 1.0, 6.0):
        assert zero_share(2, budget, 2000, np.random.default_rng(10), shape).share == 0


def test_how_many_losses_is_written_alike_in_words_and_read_out() -> None:
    share = how_often.measured.__wrapped__(1.0, 1.5, "general", 0)
    norm = Norm("l1", 1.0, "L1", "l1")
    (count,) = [one.value for one in how_often._numbers(norm, share).readouts[2:]]
    assert count == "5,000"
    assert f"of {count} random losses" in how_often.describe([(norm, share)])
