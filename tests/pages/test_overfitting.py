"""What the overfitting screen claims, scene by scene, as its read-outs show it."""

from __future__ import annotations

import numpy as np
import pytest

from sim.overfitting import fit_polynomial, mean_squared_error, noisy_sine
from tests.pages.conftest import Open, readout, run_code


def test_it_memorises(open_screen: Open) -> None:
    screen = open_screen("overfitting")
    assert readout(screen, "train_mse_b") < readout(screen, "train_mse_a")
    assert readout(screen, "test_mse_b") > 2 * readout(screen, "test_mse_a")
    assert readout(screen, "largest_coefficient_b") > 1000


def test_too_simple(open_screen: Open) -> None:
    screen, default = open_screen("overfitting", scene="2"), open_screen("overfitting")
    for error in ("train_mse", "test_mse"):
        assert readout(screen, f"{error}_a") > 2 * readout(default, f"{error}_a")
    more = open_screen("overfitting", scene="2", degree_a="1", degree_b="2", n_points="200")
    assert readout(more, "test_mse_a") > 2 * readout(default, "test_mse_a"), "data cure no bias"


def test_other_points_other_curve(open_screen: Open) -> None:
    screen = open_screen("overfitting", scene="3")
    seed = screen.number_input(key="seed").value
    grid = np.linspace(-0.9, 0.9, 100)

    def change(degree: int) -> float:
        curves = []
        for other in (37, seed):
            x, y = noisy_sine(20, 0.3, np.random.default_rng(other).spawn(2)[0])
            curves.append(fit_polynomial(x, y, degree)(grid))
        return float(np.sqrt(np.mean((curves[0] - curves[1]) ** 2)))

    assert change(3) < 0.25
    assert change(15) > 4 * change(3)


def test_more_data(open_screen: Open) -> None:
    screen = open_screen("overfitting", scene="4")
    assert readout(screen, "test_mse_b") < 1.15 * readout(screen, "test_mse_a")


def test_a_penalty(open_screen: Open) -> None:
    screen, default = open_screen("overfitting", scene="5"), open_screen("overfitting")
    assert readout(screen, "test_mse_b") < 0.5 * readout(default, "test_mse_b")
    assert readout(screen, "largest_coefficient_b") < 10


def test_too_much_penalty(open_screen: Open) -> None:
    screen, fit = open_screen("overfitting", scene="6"), open_screen("overfitting", scene="5")
    for name in "ab":
        assert readout(screen, f"largest_coefficient_{name}") < 0.1
        for error in ("train_mse", "test_mse"):
            assert readout(screen, f"{error}_{name}") > 2 * readout(fit, f"{error}_{name}")


def test_raising_the_degree() -> None:
    """What to see: the training error only falls, the test error falls and then soars."""
    train_rng, test_rng = np.random.default_rng(37).spawn(2)
    train, test = noisy_sine(20, 0.3, train_rng), noisy_sine(1000, 0.3, test_rng)
    models = [fit_polynomial(train.x, train.y, degree) for degree in range(16)]
    training = [mean_squared_error(model, train) for model in models]
    testing = [mean_squared_error(model, test) for model in models]
    assert (np.diff(training) <= 1e-12).all()
    assert 1 < int(np.argmin(testing)) < 10
    assert max(testing[10:]) > 3 * min(testing)


def test_moving_one_control_keeps_the_rest(open_screen: Open) -> None:
    few, many = open_screen("overfitting"), open_screen("overfitting", degree_a="9")
    assert readout(few, "train_mse_b") == readout(many, "train_mse_b")


@pytest.mark.parametrize(
    "link", [{}, {"scene": "5"}, {"degree_a": "0", "n_points": "40"}, {"scene": "6"}]
)
def test_the_code_computes_what_the_screen_shows(open_screen: Open, link: dict[str, str]) -> None:
    screen = open_screen("overfitting", **link)
    printed = run_code(screen)
    shown = [readout(screen, f"{error}_mse_{name}") for name in "ab" for error in ("train", "test")]
    # degree, training MSE, test MSE for each of A and B
    assert [*printed[1:3], *printed[4:6]] == pytest.approx(shown, rel=6e-3)
