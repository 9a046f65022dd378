"""The overfitting screen's sentences, at many seeds and settings, not at the scenes' own.

Views are drawn as for a preview, which takes a millisecond and needs no screen.
"""

from __future__ import annotations

import contextlib
import html
import io
import re
from typing import Any

import numpy as np
import pytest

from sim.overfitting import (
    bias_variance,
    bias_variance_by_penalty,
    error_curve,
    fit_path,
    fit_polynomial,
    learning_curve,
)
from ui import i18n, preview
from ui.charts import overfitting_errors
from ui.views.overfitting import VIEWS, double_descent, penalty
from ui.views.overfitting import bias_variance as bias_variance_view
from ui.views.overfitting.bias_variance import PENALTIES
from ui.views.overfitting.data import samples

BY_NAME = {view.name: view for view in VIEWS}
DEFAULTS: dict[str, Any] = {
    "degree_a": 3,
    "degree_b": 15,
    "n_points": 20,
    "noise": 0.3,
    "penalty": 0.0,
    "penalty_kind": "l2",
    "n_datasets": 50,
    "against": "degree",
    "residuals": False,
    "held_out": False,
    "seed": 37,
    "moved": "",
    "removed": "",
    "added": "",
}
NOISES = (0.05, 0.3, 1.0)


def shown(view: str, **values: Any) -> tuple[dict[str, str], list[str]]:
    """The read-outs and the remarks of a view."""
    with preview.noting(drawing=False, presenting=False) as notes:
        BY_NAME[view].draw(DEFAULTS | values)
    page = "".join(notes.readouts)
    readouts = dict(re.findall(r'st-key-readout_(\w+)".*?<dd>(.*?)</dd>', page))
    remarks = re.findall(r'<div class="readouts remark[^>]*>([^<]+)</div>', page)
    return readouts, [html.unescape(remark) for remark in remarks]


def number(text: str) -> float:
    return float(text.replace(",", ""))


def data(n: int, noise: float, seed: int):
    return samples(DEFAULTS | {"n_points": n, "noise": noise, "seed": seed})


# ---- double descent


def _heights(errors: np.ndarray) -> list[float]:
    """How far each error stands above both the least before it and the last one."""
    return [0.0, *(errors[j] / max(errors[:j].min(), errors[-1]) for j in range(1, errors.size))]


def _stands_out(errors: np.ndarray, factor: float) -> bool:
    """By the words: some error above both an earlier one and the last one, by that factor."""
    return any(
        errors[j] > factor * errors[i] and errors[j] > factor * errors[-1]
        for j in range(errors.size)
        for i in range(j)
    )


@pytest.mark.parametrize("n", [5, 12, 20, 40])
@pytest.mark.parametrize("noise", [0.0, *NOISES])
def test_the_sentences_of_double_descent_are_about_these_data(n: int, noise: float) -> None:
    said = set()
    for seed in range(6):
        values = DEFAULTS | {"n_points": n, "noise": noise, "seed": seed}
        errors = double_descent.curve(values)
        readouts, remarks = shown("double_descent", **values)
        tuned = remarks[-1]
        left = _stands_out(errors.tuned_test_mse, 1.1)
        assert ("a peak is left" in tuned) == left
        assert ("there is no peak" in tuned) == (not left)
        said.add(left)
        if left:
            peak, degree, times, k, best = re.search(
                r"data: (\S+) at degree (\d+), (\S+) times .*?(?: In (\d+) of 20 .*)? give (.+)\.",
                tuned,
            ).groups()  # type: ignore[union-attr]
            place = errors.degrees.tolist().index(int(degree))
            assert number(peak) == pytest.approx(errors.tuned_test_mse[place], rel=6e-3)
            before = max(errors.tuned_test_mse[:place].min(), errors.tuned_test_mse[-1])
            assert number(times) == pytest.approx(errors.tuned_test_mse[place] / before, rel=6e-3)
            assert number(best) == pytest.approx(errors.best_test_mse[place], rel=6e-2)
            if noise:
                assert int(k) == errors.too_small[place]
            else:
                assert k is None, "all data sets are the same one"
                assert "too small" not in tuned
        is_peak = _stands_out(errors.test_mse, 2)
        assert (readouts["peak_mse"] == "—") == (not is_peak)
        if is_peak:
            highest = errors.test_mse[np.argmax(_heights(errors.test_mse))]
            assert number(readouts["peak_mse"]) == pytest.approx(highest, rel=6e-2)
            assert not noise or highest == errors.test_mse.max()
        before = " ".join(remarks[:-1])
        assert ("There is no peak" in before) == (not is_peak), "else the read-outs say it"
        assert ("Without noise no fit varies: all the error is bias" in before) == (noise == 0)
    assert noise == 0 or n == 5 or True in said, "else nothing was tested"


def test_with_tuned_penalty_a_peak_is_left_on_about_half_of_the_seeds() -> None:
    """More than twice as high as it should be: what a general sentence cannot say."""
    left = sum(
        _stands_out(double_descent.curve(DEFAULTS | {"seed": seed}).tuned_test_mse, 2)
        for seed in range(40)
    )
    assert 10 <= left <= 30


def test_the_scene_of_double_descent() -> None:
    readouts, (tuned,) = shown("double_descent")
    assert "there is no peak" in tuned
    assert number(readouts["large_mse"]) < number(readouts["peak_mse"]) / 1000
    assert number(readouts["tuned_large_mse"]) < 4 / 3 * number(readouts["small_mse"])
    errors = double_descent.curve(DEFAULTS)
    assert (errors.train_mse[errors.degrees >= 19] == 0).all()


# ---- penalty


@pytest.mark.parametrize("kind", ["l2", "l1"])
def test_the_sentence_of_cross_validation_is_about_these_data(kind: str) -> None:
    said = []
    for seed in range(12 if kind == "l2" else 4):
        for degree in (0, 1, 3, 15):
            for n in (5, 20, 200):
                values = {"seed": seed, "degree_b": degree, "n_points": n, "penalty_kind": kind}
                errors = penalty.curve(DEFAULTS | values)
                (remark,) = shown("penalty", **values)[1]
                if degree == 0:
                    assert remark == "Degree 0 has no weights on these data that λ could change."
                    continue
                test, cv, strengths = errors.test_mse, errors.cv_mse, errors.penalties
                chosen = test[cv.argmin()]
                ends = {
                    "By the test error the best λ is at the left": test[0] == test.min(),
                    "By the test error the best λ is at the right": test[-1] == test.min(),
                    "By CV the best λ is at the left": cv[0] == cv.min(),
                    "By CV the best λ is at the right": cv[-1] == cv.min(),
                }
                for words, holds in ends.items():
                    assert (words in remark) == holds
                if chosen == test.min():
                    assert "finds the λ that is best" in remark
                else:
                    (above,) = re.findall(r"(\S+) % above the least", remark)
                    expected = 100 * (chosen / test.min() - 1)
                    assert number(above) == pytest.approx(expected, rel=6e-3)
                times = re.findall(r"λ is (\S+) times the best", remark)
                assert bool(times) == (not any(ends.values()) and chosen != test.min())
                if times:
                    expected = strengths[cv.argmin()] / strengths[test.argmin()]
                    assert number(times[0]) == pytest.approx(expected, rel=6e-2)
                said.append((bool(times), any(ends.values()), chosen == test.min()))
    assert all(any(case) for case in zip(*said, strict=True)), "every case is among them"


def test_a_best_penalty_of_no_weights_is_a_dash() -> None:
    readouts, _ = shown("penalty", degree_b=0)
    assert readouts["best_by_test"] == readouts["best_by_cv"] == "—"


@pytest.mark.parametrize("kind", ["l2", "l1"])
@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"degree_b": 0}, "Degree 0 has no weights on these data that λ could change."),
        (  # a fold of two points leaves one, and no slope
            {"n_points": 22, "removed": ",".join(map(str, range(20)))},
            "By CV no λ is better than another: too few points are left to fit.",
        ),
    ],
)
def test_where_every_penalty_does_as_well_none_is_best(
    kind: str, values: dict[str, Any], found: str
) -> None:
    values = DEFAULTS | {"penalty_kind": kind} | values
    errors = penalty.curve(values)
    assert np.ptp(errors.cv_mse) == 0, "else nothing is tested"
    readouts, (remark,) = shown("penalty", **values)
    assert remark.startswith(found)
    assert "By CV the best" not in remark
    assert readouts["best_by_cv"] == "—"
    said = " ".join(penalty.described(errors, values["degree_b"]))
    assert "cross-validated error is least" not in said
    assert "—" not in said
    assert ("test error is least" in said) == (np.ptp(errors.test_mse) > 0)
    frame = overfitting_errors.penalties(errors, 0.0, 1.0, kind, 0.3).frame
    assert frame["cv_at"].isna().all()
    assert frame["test_at"].isna().all() == (np.ptp(errors.test_mse) == 0)


def test_the_best_penalty_reads_as_it_does_on_the_slider() -> None:
    """At 1e-9, where Python would write 1e-09."""
    for seed in range(40):
        errors = penalty.curve(DEFAULTS | {"seed": seed, "noise": 0.0})
        if errors.best_by_test == 1e-9:
            readouts, _ = shown("penalty", seed=seed, noise=0.0)
            assert readouts["best_by_test"] == "1e-9"
            assert "λ = 1e-9." in " ".join(penalty.described(errors, 15))
            return
    raise AssertionError("no such seed")


@pytest.mark.parametrize("kind", ["l2", "l1"])
@pytest.mark.parametrize("noise", [0.0, *NOISES])
def test_the_training_error_only_rises_with_the_penalty(kind: str, noise: float) -> None:
    """To the rounding of weights as large as 1e4 and the tolerance of the solver."""
    for seed in range(4):
        for degree in (1, 9, 25):
            for n in (5, 20, 26, 100):
                train, _ = data(n, noise, seed)
                curve = penalty.curve(
                    DEFAULTS
                    | {"n_points": n, "noise": noise, "seed": seed}
                    | {"degree_b": degree, "penalty_kind": kind}
                )
                assert (np.diff(curve.train_mse) >= -1e-9 * train.y.var()).all()


def test_at_the_right_end_every_weight_is_crushed() -> None:
    grid = np.linspace(-1, 1, 101)
    for seed in range(10):
        for noise in NOISES:
            for n in (5, 20, 200):
                for kind in ("l2", "l1"):
                    train, _ = data(n, noise, seed)
                    model = fit_polynomial(*train, 15, 100.0, kind)  # type: ignore[arg-type]
                    assert np.ptp(model(grid)) < 0.2, "flat"
                    assert np.mean((model(grid) - np.sin(np.pi * grid)) ** 2) > 0.35, "underfits"
                    if kind == "l1":
                        assert (model.coefficients[1:] == 0).all()


# ---- complexity, fit, coefficients


@pytest.mark.parametrize("n", [5, 12, 20, 25, 26, 60, 200])
@pytest.mark.parametrize("noise", [0.0, *NOISES])
def test_a_penalty_brings_a_soaring_arm_down(n: int, noise: float) -> None:
    for seed in range(6):
        train, test = data(n, noise, seed)
        plain = error_curve(train, test).test_mse
        for strength in (1e-3, 1e-2):
            calmed = error_curve(train, test, penalty=strength).test_mse
            assert (calmed[plain > 10] < plain[plain > 10]).all()


def test_the_view_and_the_curve_agree_that_it_passes_through_all_points() -> None:
    for seed in range(4):
        fit, _ = shown("fit", n_points=25, degree_a=24, degree_b=25, seed=seed)
        curve, _ = shown("complexity", n_points=25, degree_a=24, degree_b=25, seed=seed)
        for name in "ab":
            assert fit[f"train_mse_{name}"] == curve[f"train_mse_{name}"] == "0"
            assert fit[f"test_mse_{name}"] == curve[f"test_mse_{name}"]


def test_about_as_many_weights_as_points_are_huge_and_of_both_signs() -> None:
    for n in range(12, 27):
        for seed in range(8):
            for degree in (n - 2, n - 1, n):
                if degree <= 25:
                    train, _ = data(n, NOISES[seed % 3], seed)
                    weights = fit_polynomial(*train, degree).coefficients[1:]
                    assert np.abs(weights).max() > 100
                    assert weights.min() < 0 < weights.max()


def test_many_more_points_than_weights_calm_a_curve() -> None:
    for seed in range(10):
        for noise in NOISES:
            for degree in (9, 15, 25):
                few, many = (
                    fit_polynomial(*data(n, noise, seed)[0], degree) for n in (degree + 1, 200)
                )
                assert many.largest_coefficient < few.largest_coefficient / 2


def test_no_curve_is_further_from_its_intercept_than_its_weights_allow() -> None:
    grid = np.linspace(-1, 1, 401)
    for seed in range(20):
        for degree in (3, 15, 19):
            model = fit_polynomial(*data(20, 0.3, seed)[0], degree)
            away = np.abs(model(grid) - model.coefficients[0]).max()
            assert away <= np.abs(model.coefficients[1:]).sum() * (1 + 1e-9)


def test_l2_shrinks_the_squares_and_sets_no_weight_to_zero() -> None:
    strengths = np.logspace(-9, 2, 23)
    for seed in range(10):
        for degree in (1, 9, 25):
            weights = fit_path(*data(20, 0.3, seed)[0], degree, strengths)[:, 1:]
            assert (np.diff((weights**2).sum(axis=1)) < 0).all()
            assert (weights != 0).all()


def test_with_the_largest_penalty_l1_leaves_nothing_wherever_points_are_moved() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x, y = rng.uniform(-1, 1, 10), rng.choice([-2.4, 2.4], 10)
        assert (fit_polynomial(x, y, 25, 100.0, "l1").coefficients[1:] == 0).all()


# ---- bias and variance, more data


@pytest.mark.parametrize("n", [5, 20, 26])
def test_a_larger_penalty_always_leaves_less_variance(n: int) -> None:
    for seed in range(4):
        for degree in (1, 9, 25):
            strengths = [0.0, *PENALTIES]
            rng = np.random.default_rng(seed)
            curve = bias_variance_by_penalty(degree, strengths, n, 0.3, 2, rng)
            assert (np.diff(curve.exact_variance) <= 1e-9 * curve.exact_variance[:-1]).all()


def test_a_bias_that_chance_could_make_is_said_to_be_so() -> None:
    said = []
    for seed in range(6):
        for n_datasets in (10, 100, 500):
            values = DEFAULTS | {"seed": seed, "n_datasets": n_datasets}
            readouts, remarks = shown("bias_variance", **values)
            for name, part in zip("ab", bias_variance_view.parts(values), strict=True):
                mine = [r for r in remarks if f"mean curve of {name.upper()}" in r]
                missed = np.mean((part.fits.mean(axis=0) - part.truth) ** 2)
                chance = np.mean(part.fits.var(axis=0, ddof=1)) / n_datasets
                assert bool(mine) == (chance > missed - chance)
                said.append(bool(mine))
                if readouts[f"bias_squared_{name}"] == "0":
                    (text,) = mine
                    told = re.search(
                        rf"of {name.upper()} misses the sine by (\S+), squared; chance in "
                        rf"{n_datasets} training sets alone makes about (\S+)\. Bias² is the rest",
                        text,
                    )
                    assert told
                    assert number(told[1]) == pytest.approx(missed, rel=6e-2)
                    assert number(told[2]) == pytest.approx(chance, rel=6e-2)
    assert {True, False} == set(said)
    assert shown("bias_variance", noise=0.0)[1] == [], "no chance without noise"


def test_a_low_degree_has_bias() -> None:
    """No parabola comes nearer to the sine than 1/2 - 3/pi^2, but for the grid of the mean."""
    for seed in range(10):
        for n in (5, 20, 200):
            for degree in (0, 1, 2):
                part = bias_variance(degree, 0.0, n, 0.3, 2, np.random.default_rng(seed))
                assert part.exact_bias_squared > 0.99 * (0.5 - 3 / np.pi**2)


@pytest.mark.parametrize("noise", NOISES)
def test_more_data_cure_variance_and_not_bias(noise: float) -> None:
    for seed in range(3):
        for degree in (0, 1, 2, 3, 9, 15, 25):
            plain, calm = (
                learning_curve(
                    degree, strength, [degree + 1, 200], noise, 20, np.random.default_rng(seed)
                )
                for strength in (0.0, 1e-3)
            )
            gap, narrow = (curve.test_mse - curve.train_mse for curve in (plain, calm))
            assert plain.train_mse[0] == 0
            assert gap[1] < gap[0]
            assert narrow[0] < gap[0] or gap[0] < 10
            if degree <= 2:
                assert plain.test_mse[1] > 0.19 + noise**2
            else:
                assert plain.test_mse[1] < 2.5 * noise**2 + 0.006


# ---- the code, where powers of x are nearly dependent


def printed(view: str, values: dict[str, Any]) -> list[list[float]]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(BY_NAME[view].code(DEFAULTS | values), {"__name__": "__main__"})
    lines = out.getvalue().replace("bias^2", "bias").splitlines()
    return [[float(v) for v in re.findall(r"-?\d+\.?\d*(?:e[+-]?\d+)?", line)] for line in lines]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    ("view", "keys", "degrees", "n"),
    [
        ("fit", ("train_mse", "test_mse"), (20, 24), 25),
        ("fit", ("train_mse", "test_mse"), (25, 19), 26),
        ("complexity", ("train_mse", "test_mse"), (18, 19), 20),
        ("complexity", ("train_mse", "test_mse"), (3, 15), 200),
        ("coefficients", ("largest_coefficient", "sum", "zeros"), (17, 25), 18),
        ("coefficients", ("largest_coefficient", "sum", "zeros"), (15, 25), 5),
        ("more_data", ("train_mse", "test_mse"), (19, 25), 25),
        ("bias_variance", ("bias_squared", "variance", "sum", "expected_error"), (19, 25), 26),
    ],
)
def test_the_code_agrees_near_the_threshold(
    view: str, keys: tuple[str, ...], degrees: tuple[int, int], n: int, seed: int
) -> None:
    values = {"degree_a": degrees[0], "degree_b": degrees[1], "n_points": n, "seed": seed}
    readouts, _ = shown(view, **values)
    for name, numbers in zip("ab", printed(view, values)[:2], strict=True):
        for key, value in zip(keys, numbers[1:], strict=True):
            shown_value = number(readouts[f"{key}_{name}"].split(" ")[0])
            # Two digits are shown of what is large; where it is 0, the code prints rounding.
            assert value == pytest.approx(shown_value, rel=6e-2, abs=1e-20)


@pytest.mark.parametrize(("n", "seed"), [(5, 3), (20, 2), (20, 3), (30, 3), (40, 1), (40, 5)])
def test_the_code_of_double_descent_holds_at_the_peak(n: int, seed: int) -> None:
    values = {"n_points": n, "seed": seed}
    errors = double_descent.curve(DEFAULTS | values)
    for degree, plain, tuned in printed("double_descent", values):
        place = errors.degrees.tolist().index(int(degree))
        assert plain == pytest.approx(errors.test_mse[place], rel=1e-3)
        assert tuned == pytest.approx(errors.tuned_test_mse[place], rel=1e-3)


# ---- both languages


def test_every_sentence_of_these_data_is_translated() -> None:
    for values in (
        {"noise": 0.0},
        {"seed": 2},
        {"n_points": 5, "noise": 0.05, "seed": 41},
        {"noise": 0.0, "n_points": 5},
        {"degree_b": 0},
        {"n_points": 22, "removed": ",".join(map(str, range(20)))},
        {"degree_b": 1, "n_points": 5},
        {"degree_b": 1},
        {"degree_b": 3},
        {"degree_b": 25},
    ):
        for view in ("double_descent", "penalty", "bias_variance"):
            _, english = shown(view, **values)
            i18n.activate("zh")
            try:
                _, chinese = shown(view, **values)
            finally:
                i18n.activate("en")
            assert len(english) == len(chinese)
            for one, other in zip(english, chinese, strict=True):
                ours, theirs = (sorted(re.findall(r"\d+", text)) for text in (one, other))
                assert ours == theirs, "the same numbers, in whatever order"
                assert not re.search(r"[a-z]{4}", other), other
