"""The regression of d2l section 3.7: against torch, against theory, and what its scenes say."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.weight_decay import compare_weight_decays, high_dimensional_regression

few = settings(max_examples=6, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)
SCENE_SEEDS = range(10)


def seeded(seed=0):
    return np.random.default_rng(seed)


def drawn(rng, n_train=20, n_features=200):
    """The same draws as the module makes, written out once more: train, test, start, order."""
    for_train, for_test, for_start, for_order = rng.spawn(4)

    def sample(n, stream):
        x = stream.standard_normal((n, n_features))
        return x, x @ np.full(n_features, 0.01) + 0.05 + 0.01 * stream.standard_normal(n)

    train, test = sample(n_train, for_train), sample(100, for_test)
    return train, test, for_start.standard_normal(n_features), for_order


def by_torch(decay, decay_bias, rng, n_train, batch_size, lr, epochs):
    (x, y), test, start, order = drawn(rng, n_train)
    x, y, x_test, y_test = map(torch.from_numpy, (x, y, *test))
    net = torch.nn.Linear(200, 1, dtype=torch.float64)
    with torch.no_grad():
        net.weight[0] = torch.from_numpy(start)
        net.bias.fill_(0.0)
    groups = [
        {"params": net.weight, "weight_decay": decay},
        {"params": net.bias, "weight_decay": decay if decay_bias else 0.0},
    ]
    trainer, loss = torch.optim.SGD(groups, lr=lr), torch.nn.MSELoss()
    history = []

    def note():
        with torch.no_grad():
            errors = loss(net(x)[:, 0], y), loss(net(x_test)[:, 0], y_test), net.weight.norm()
            history.append([error.item() for error in errors])

    note()
    for _ in range(epochs):
        permutation = order.permutation(n_train)
        for first in range(0, n_train, batch_size):
            batch = permutation[first : first + batch_size]
            trainer.zero_grad()
            loss(net(x[batch])[:, 0], y[batch]).backward()
            trainer.step()
        note()
    return np.array(history).T, net.weight[0].detach().numpy(), net.bias.item()


@few
@given(
    seeds,
    st.sampled_from([0.0, 0.3, 3.0, 100.0]),
    st.booleans(),
    st.sampled_from([(20, 5), (17, 4), (6, 20)]),
    st.floats(1e-4, 0.003),
)
def test_training_equals_torch_sgd_with_parameter_groups(seed, decay, decay_bias, sizes, lr):
    """1e-10 relative, and 1e-13 absolute for training losses that have come down to rounding."""
    n_train, batch_size = sizes
    found = high_dimensional_regression(
        decay,
        decay_bias=decay_bias,
        n_train=n_train,
        batch_size=batch_size,
        learning_rate=lr,
        epochs=30,
        rng=seeded(seed),
    )
    (train, test, norms), weights, bias = by_torch(
        decay, decay_bias, seeded(seed), n_train, batch_size, lr, 30
    )
    np.testing.assert_allclose(found.train_loss, train, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(found.test_loss, test, rtol=1e-10)
    np.testing.assert_allclose(found.norms, norms, rtol=1e-10)
    np.testing.assert_allclose(found.weights, weights, rtol=1e-10, atol=1e-13)
    assert found.bias == pytest.approx(bias, rel=1e-10, abs=1e-13)
    assert found.diverged_at is None


def test_several_weight_decays_at_once_are_the_single_runs():
    decays = [0.0, 3.0, 100.0, 1000.0]
    together = compare_weight_decays(decays, rng=seeded(4))
    for decay, run in zip(decays, together, strict=True):
        alone = high_dimensional_regression(decay, rng=seeded(4))
        assert run.weight_decay == alone.weight_decay == decay
        assert run.diverged_at == alone.diverged_at
        np.testing.assert_allclose(run.test_loss, alone.test_loss, rtol=1e-9)
        np.testing.assert_allclose(run.weights, alone.weights, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("seed", SCENE_SEEDS)
def test_what_training_cannot_see_never_moves_without_decay_and_shrinks_with_it(seed):
    """The 180 directions that no sample has: factor (1 - lr * decay) for each of 400 steps."""
    (x, _), _, start, _ = drawn(seeded(seed))
    unseen = np.linalg.svd(x)[2][20:]
    for decay in (0.0, 3.0, 100.0):
        run = high_dimensional_regression(decay, rng=seeded(seed))
        expected = (1 - 0.003 * decay) ** 400 * (unseen @ start)
        np.testing.assert_allclose(unseen @ run.weights, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("seed", SCENE_SEEDS)
def test_without_decay_the_regression_memorises(seed):
    """d2l prints |w| = 12.963; the theory is sqrt(180) = 13.4, with a spread of 0.7 over seeds."""
    run = high_dimensional_regression(0.0, rng=seeded(seed))
    assert 11.6 < run.norms[-1] < 15.6
    assert run.train_loss[-1] < 1e-6
    assert run.test_loss[-1] > 100


@pytest.mark.parametrize("seed", SCENE_SEEDS)
def test_with_decay_three_it_generalises(seed):
    """d2l prints |w| = 0.3557; the unseen part alone is sqrt(180) * 0.991^400 = 0.361."""
    without, run = compare_weight_decays([0.0, 3.0], rng=seeded(seed))
    assert 0.315 < run.norms[-1] < 0.421
    assert run.train_loss[-1] < 0.005
    assert run.test_loss[-1] < 0.4
    assert run.test_loss[-1] < without.test_loss[-1] / 300


@pytest.mark.parametrize("seed", SCENE_SEEDS)
def test_decay_one_thousand_diverges_and_underfits_in_the_implicit_form(seed):
    """Explicitly every step multiplies w by 1 - 3 = -2. Implicitly it divides by 4.

    Underfitting shows in the training loss, near the variance of y. The test loss is no worse
    than with decay 3, and near what a constant costs: 200 * 0.01^2 + 0.01^2 = 0.0201.
    """
    assert high_dimensional_regression(1000.0, rng=seeded(seed)).diverged_at < 10
    fit, too_much = compare_weight_decays([3.0, 1000.0], implicit=True, rng=seeded(seed))
    assert too_much.diverged_at is None
    (_, y), _, _, _ = drawn(seeded(seed))
    assert 0.7 * y.var() < too_much.train_loss[-1] < 1.3 * y.var()
    assert too_much.train_loss[-1] > 5 * fit.train_loss[-1]
    assert too_much.norms[-1] < 0.01
    assert 0.012 < too_much.test_loss[-1] < min(0.03, fit.test_loss[-1])
    explicit = high_dimensional_regression(100.0, rng=seeded(seed))
    assert explicit.diverged_at is None
    assert explicit.train_loss[-1] > 5 * fit.train_loss[-1]


@pytest.mark.parametrize("seed", SCENE_SEEDS)
def test_two_over_the_learning_rate_is_where_decay_itself_diverges(seed):
    below, above = compare_weight_decays([600.0, 680.0], rng=seeded(seed))
    assert below.diverged_at is None
    assert above.diverged_at is not None


@few
@given(
    seeds,
    st.sampled_from([0.0, 3.0, 100.0, 1000.0]),
    st.booleans(),
    st.booleans(),
    st.integers(3, 9),
)
def test_up_to_the_safe_learning_rate_no_step_leads_away(seed, decay, decay_bias, implicit, batch):
    """No step expands there. The bound is 2 / (L + decay), or 2 / L in the implicit form."""
    settings_ = {"decay_bias": decay_bias, "implicit": implicit, "batch_size": batch, "epochs": 20}
    probe = high_dimensional_regression(decay, rng=seeded(seed), **settings_)
    (x, y), _, start, order = drawn(seeded(seed))
    x = np.hstack([x, np.ones((20, 1))])
    batches = [
        permutation[first : first + batch]
        for permutation in (order.permutation(20) for _ in range(20))
        for first in range(0, 20, batch)
    ]
    curvature = max(2 / len(b) * np.linalg.norm(x[b], 2) ** 2 for b in batches)
    expected = 2 / (curvature + (0.0 if implicit else decay))
    assert probe.safe_learning_rate == pytest.approx(expected)
    assert probe.constant_loss == pytest.approx(((y - y.mean()) ** 2).mean())
    at_the_bound = high_dimensional_regression(
        decay, rng=seeded(seed), learning_rate=probe.safe_learning_rate, **settings_
    )
    assert at_the_bound.diverged_at is None
    # a step adds at most what y pulls
    pulls = [2 / len(b) * np.linalg.norm(x[b].T @ y[b]) for b in batches]
    assert at_the_bound.norms[-1] <= np.linalg.norm(start) + probe.safe_learning_rate * sum(pulls)


@pytest.mark.parametrize("seed", SCENE_SEEDS)
def test_decaying_the_bias_pulls_the_level_to_zero(seed):
    """At decay 100 the free bias is near the mean of y, the decayed one near 0 (truth: 0.05)."""
    free = high_dimensional_regression(100.0, rng=seeded(seed))
    pulled = high_dimensional_regression(100.0, decay_bias=True, rng=seeded(seed))
    (_, y), _, _, _ = drawn(seeded(seed))
    assert abs(free.bias - y.mean()) < 0.02
    assert abs(pulled.bias) < 0.003
    assert pulled.train_loss[-1] > free.train_loss[-1]


@pytest.mark.parametrize("decay", [0.0, 3.0, 1000.0])
def test_implicit_steps_are_the_proximal_steps_of_the_penalty(decay):
    """Each minimises |w - (w0 - lr g)|^2 / (2 lr) + (decay / 2) |w|^2: its gradient is zero."""
    lr = 0.003
    run = high_dimensional_regression(
        decay, implicit=True, batch_size=20, epochs=1, learning_rate=lr, rng=seeded(2)
    )
    (x, y), _, w0, _ = drawn(seeded(2))
    errors = x @ w0 - y
    moved = w0 - lr * (2 / 20) * errors @ x
    np.testing.assert_allclose((run.weights - moved) / lr + decay * run.weights, 0, atol=1e-9)
    assert run.bias == pytest.approx(-lr * 2 * errors.mean(), rel=1e-9)


@pytest.mark.parametrize("decay", [650.0, 700.0, 1e5, 1e300])
def test_divergence_never_leaves_a_number_that_is_not_one(decay):
    run = high_dimensional_regression(decay, rng=seeded(1))
    kept = len(run.norms)
    assert len(run.train_loss) == len(run.test_loss) == kept == (run.diverged_at or 101)
    for values in (run.train_loss, run.test_loss, run.norms, run.weights):
        assert np.isfinite(values).all()
    assert np.abs(run.weights).max() <= 1e3


@pytest.mark.parametrize(
    ("decay", "settings_", "sentence"),
    [
        (-1.0, {}, "weight decays"),
        (float("nan"), {}, "weight decays"),
        (1.0, {"learning_rate": 0.0}, "learning_rate"),
        (1.0, {"batch_size": 0}, "batch_size"),
        (1.0, {"epochs": 0}, "epochs"),
        (1.0, {"decay_bias": [True, False]}, "decay_bias"),
    ],
)
def test_bad_arguments_are_refused(decay, settings_, sentence):
    with pytest.raises(ValueError, match=sentence):
        high_dimensional_regression(decay, rng=seeded(), **settings_)
