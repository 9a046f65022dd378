"""The losses, the stability bound, and where the rules settle under weight decay."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad, minimize

from sim.optimizers import (
    LOSSES,
    SGD,
    Adam,
    AdamW,
    Momentum,
    fixed_point,
    stability_bound,
    trajectory,
)

some = settings(max_examples=30, deadline=None, derandomize=True)
BOWLS = [name for name, loss in LOSSES.items() if loss.quadratic]
points = st.tuples(st.floats(-3, 3), st.floats(-2, 3)).map(np.array)


def rules(kind, loss, decay, beta2=0.99):
    """A rule with a safe learning rate; a short memory for squares, to settle in few steps."""
    plain = 0.5 * stability_bound(loss, weight_decay=decay)
    return {
        "sgd": SGD(plain, decay),
        "momentum": Momentum(plain, 0.9, decay),
        "adam": Adam(0.002, (0.9, beta2), weight_decay=decay),
        "adamw": AdamW(0.002, (0.9, beta2), weight_decay=decay),
    }[kind]


@pytest.mark.parametrize("name", LOSSES)
@some
@given(points)
def test_gradients_are_the_values_derivatives(name, point):
    """Forward differences of step 1e-8 are off by about 1e-8 times the curvature, up to 4,000."""
    loss = LOSSES[name]
    size = 1 + np.abs(loss.gradient(point)).max() + loss.curvature
    assert check_grad(loss.value, loss.gradient, point) <= 1e-6 * size
    assert loss.value(point) >= 0


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_zero_at_its_minimum_and_has_its_hessian_there(name):
    loss = LOSSES[name]
    assert loss.value(loss.minimum) == pytest.approx(0, abs=1e-15)
    np.testing.assert_allclose(loss.gradient(loss.minimum), 0, atol=1e-12)
    h = 1e-5
    columns = [
        (loss.gradient(loss.minimum + h * e) - loss.gradient(loss.minimum - h * e)) / (2 * h)
        for e in np.eye(2)
    ]
    np.testing.assert_allclose(columns, loss.hessian, rtol=1e-5, atol=1e-5)
    assert loss.curvature == pytest.approx(np.linalg.norm(loss.hessian, 2))


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_vectorised_and_its_view_shows_start_and_minimum(name):
    loss = LOSSES[name]
    x0, x1, y0, y1 = loss.extent
    grid = np.stack(np.meshgrid(np.linspace(x0, x1, 7), np.linspace(y0, y1, 5)), axis=-1)
    values, gradients = loss.value(grid), loss.gradient(grid)
    assert values.shape == (5, 7)
    assert gradients.shape == (5, 7, 2)
    assert values[3, 2] == pytest.approx(float(loss.value(grid[3, 2])))
    np.testing.assert_allclose(gradients[3, 2], loss.gradient(grid[3, 2]))
    for x, y in (loss.start, loss.minimum):
        assert x0 <= x <= x1
        assert y0 <= y <= y1


def test_the_rotated_bowl_is_the_ill_scaled_one_turned_by_thirty_degrees():
    turn = np.array([[np.sqrt(3), -1], [1, np.sqrt(3)]]) / 2
    expected = turn @ LOSSES["ill_scaled"].hessian @ turn.T
    np.testing.assert_allclose(LOSSES["rotated"].hessian, expected, rtol=1e-12)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("decay", [0.0, 0.7])
@pytest.mark.parametrize("name", BOWLS)
def test_paths_converge_below_the_stability_bound_and_diverge_above(name, decay, momentum):
    loss = LOSSES[name]
    bound = stability_bound(loss, momentum, decay)
    for share, settles in ((0.98, True), (1.02, False)):
        rule = Momentum(share * bound, momentum, decay)
        path = trajectory(rule, loss.gradient, loss.start, 3000)
        assert (path.diverged_at is None) == settles
        if settles:
            aim = fixed_point("momentum", loss, decay)
            np.testing.assert_allclose(path.weights[-1], aim, atol=1e-6)


@pytest.mark.parametrize("name", ["narrow_valley", "rosenbrock"])
def test_elsewhere_the_bound_tells_whether_the_minimum_holds_a_path(name):
    loss = LOSSES[name]
    near = loss.minimum + 1e-4
    for share, holds in ((0.9, True), (1.1, False)):
        path = trajectory(SGD(share * stability_bound(loss)), loss.gradient, near, 500)
        farthest = np.abs(path.weights[-20:] - loss.minimum).max()
        assert (farthest < 3e-4) == holds


@some
@given(st.sampled_from(BOWLS), st.floats(1e-3, 20))
def test_with_the_penalty_in_the_loss_the_fixed_point_is_ridges(name, decay):
    loss = LOSSES[name]
    expected = np.linalg.solve(loss.hessian + decay * np.eye(2), loss.hessian @ loss.minimum)
    for kind in ("sgd", "momentum", "adam"):
        np.testing.assert_allclose(fixed_point(kind, loss, decay), expected, atol=1e-6)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("decay", [0.05, 0.3, 1.0, 3.0])
def test_adamws_fixed_point_is_the_best_inside_the_box(name, decay):
    """Against a search from many starts; and free coordinates have no gradient left."""
    loss, budget = LOSSES[name], 1 / decay
    found = fixed_point("adamw", loss, decay)
    assert (np.abs(found) <= budget).all()
    box = [(-budget, budget)] * 2
    starts = np.random.default_rng(0).uniform(-budget, budget, (10, 2))
    others = [minimize(loss.value, x0, jac=loss.gradient, bounds=box) for x0 in starts]
    assert loss.value(found) <= min(other.fun for other in others) + 1e-6
    gradient = loss.gradient(found)
    free = np.abs(found) < budget * (1 - 1e-9)
    np.testing.assert_allclose(gradient[free], 0, atol=1e-4)
    assert (gradient[~free] * found[~free] <= 0).all()  # the loss pulls outwards


@pytest.mark.parametrize("decay", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("kind", ["sgd", "momentum", "adam", "adamw"])
@pytest.mark.parametrize("name", ["bowl", "ill_scaled", "rotated", "narrow_valley"])
def test_paths_end_where_the_fixed_point_says(name, kind, decay):
    """Plain rules converge. The Adams circle within a few learning rates (0.002) for ever."""
    loss = LOSSES[name]
    n_steps = 12_000 if (name, kind) == ("narrow_valley", "sgd") else 4000  # a gentle slope
    path = trajectory(rules(kind, loss, decay), loss.gradient, loss.start, n_steps)
    allowed = 0.01 if kind.startswith("adam") else 1e-4
    aim = fixed_point(kind, loss, decay)
    assert np.abs(path.weights[-200:] - aim).max() < allowed
    if kind != "adamw" and decay:
        assert np.abs(aim - loss.minimum).max() > 0.05
    else:
        np.testing.assert_array_equal(aim, loss.minimum)


@pytest.mark.parametrize("decay", [0.8, 2.0])
@pytest.mark.parametrize("name", ["bowl", "rotated"])
def test_adamw_stops_at_the_wall_that_strong_decay_puts_up(name, decay):
    """|w| = 1 / weight_decay, to a few learning rates, where the loss would go further."""
    loss = LOSSES[name]
    path = trajectory(rules("adamw", loss, decay), loss.gradient, loss.start, 10_000)
    aim = fixed_point("adamw", loss, decay)
    assert np.abs(aim).max() == pytest.approx(1 / decay)
    assert np.abs(path.weights[-200:] - aim).max() < 0.01


def test_after_a_thousand_steps_adamw_is_still_on_its_way():
    """With torch's settings decay does hold AdamW back, for longer than most look at a path."""
    loss = LOSSES["bowl"]
    path = trajectory(AdamW(0.01, weight_decay=0.1), loss.gradient, loss.start, 10_000)
    aim = fixed_point("adamw", loss, 0.1)
    assert np.abs(path.weights[1000] - aim).max() > 0.2
    assert np.abs(path.weights[10_000] - aim).max() < 0.01


def test_adamw_does_not_feel_the_scale_of_the_loss_and_adam_does():
    loss = LOSSES["rotated"]

    def end(rule_class, scale, n_steps):
        rule = rule_class(0.01, eps=1e-12, weight_decay=0.5)
        return trajectory(rule, lambda w: scale * loss.gradient(w), loss.start, n_steps).weights[-1]

    np.testing.assert_allclose(end(AdamW, 100.0, 300), end(AdamW, 1.0, 300), rtol=1e-6)
    assert np.abs(end(Adam, 100.0, 2000) - end(Adam, 1.0, 2000)).max() > 0.05


def test_bad_arguments_are_refused():
    loss = LOSSES["bowl"]
    with pytest.raises(ValueError, match="weight_decay"):
        fixed_point("sgd", loss, -1.0)
    with pytest.raises(ValueError, match="weight_decay"):
        stability_bound(loss, weight_decay=float("inf"))
    with pytest.raises(ValueError, match="momentum"):
        stability_bound(loss, momentum=1.0)
