"""Recorded passes, scaling, ensembles and the penalty: against PyTorch, formulas and bounds."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from sim.dropout import (
    MonteCarlo,
    Network,
    co_adaptation,
    corrupted_losses,
    dropout_cost,
    dropped,
    forward,
    gradients,
    init_network,
    kept_distribution,
    mean_correlation,
    monte_carlo,
    noise_cost,
    noised,
    participating_weights,
    penalised_loss,
    penalised_weights,
    rates_by_width,
    sample_masks,
    train_passes,
    unit_input,
    weights_over_copies,
)

few = settings(deadline=None, max_examples=25, derandomize=True)
SIZES = (3, 6, 5, 2)
seeds = st.integers(0, 2**32 - 1)


def a_problem(seed, n_samples=3):
    rng = np.random.default_rng(seed)
    network = init_network(SIZES, rng)
    return network, rng.standard_normal((n_samples, 3)), rng.standard_normal((n_samples, 2))


# --- masks ---------------------------------------------------------------------------------------


def test_rates_go_with_the_width():
    assert rates_by_width((4, 16, 8, 4, 2), 0.6) == pytest.approx((0.6, 0.3, 0.15))
    assert rates_by_width((4, 5, 5, 2), 0.3) == (0.3, 0.3)
    assert rates_by_width((4, 2), 0.3) == ()
    with pytest.raises(ValueError, match="drop rate"):
        rates_by_width((4, 8, 2), 1.0)


def test_the_kept_distribution_is_binomial_and_for_several_rates_their_sum():
    np.testing.assert_allclose(
        kept_distribution((4, 9, 2), [0.3]), binom.pmf(np.arange(10), 9, 0.7), atol=1e-14
    )
    both = np.convolve(binom.pmf(np.arange(7), 6, 0.9), binom.pmf(np.arange(4), 3, 0.4))
    np.testing.assert_allclose(kept_distribution((4, 6, 3, 2), [0.1, 0.6]), both, atol=1e-14)
    assert kept_distribution((4, 6, 3, 2), [0.0, 0.0])[-1] == 1.0


# --- passes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_samples", [1, 4])
def test_a_pass_is_pytorchs_step(n_samples):
    """Activations, deltas, losses and ten steps of SGD with clipping, as autograd has them."""
    network, x, y = a_problem(5, n_samples)
    masks = sample_masks(SIZES, [0.3, 0.5], n_samples, 10, np.random.default_rng(1))
    record = train_passes(network, x, y, masks, learning_rate=0.1)
    weights = [torch.tensor(w, requires_grad=True) for w in network.weights]
    biases = [torch.tensor(b, requires_grad=True) for b in network.biases]
    optimizer = torch.optim.SGD([*weights, *biases], lr=0.1)
    for index in range(10):
        signal = torch.from_numpy(x)
        entering = []
        for layer, (w, b) in enumerate(zip(weights, biases, strict=True), 1):
            signal = torch.nn.functional.linear(signal, w, b)
            signal.retain_grad()
            entering.append(signal)
            if layer < 3:
                signal = torch.tanh(signal) * torch.from_numpy(masks.factors(layer)[index])
                found = record.activations[layer][index]
                np.testing.assert_allclose(found, signal.detach().numpy(), atol=1e-12)
        loss = ((signal - torch.from_numpy(y)) ** 2).sum(dim=-1).mean()
        assert record.losses[index] == pytest.approx(loss.item(), rel=1e-10)
        optimizer.zero_grad()
        loss.backward()
        for layer, into in enumerate(entering):
            found = record.deltas[layer][index]
            np.testing.assert_allclose(found, into.grad.numpy(), atol=1e-12)
        for gap, w in enumerate(weights):
            np.testing.assert_array_equal(record.updated[gap][index], w.grad.numpy() != 0)
        parts = [*weights, *biases]
        length = torch.cat([part.grad.ravel() for part in parts]).norm()
        for part in parts:
            part.grad /= max(1.0, length.item())
        optimizer.step()
    for ours, theirs in zip(record.network.weights, weights, strict=True):
        np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-10, atol=1e-12)


def test_tanh_gradients_equal_pytorchs_without_dropout_too():
    network, x, y = a_problem(2)
    parts = [torch.tensor(p, requires_grad=True) for p in (*network.weights, *network.biases)]
    signal = torch.from_numpy(x)
    for layer in range(3):
        signal = torch.nn.functional.linear(signal, parts[layer], parts[3 + layer])
        signal = torch.tanh(signal) if layer < 2 else signal
    ((signal - torch.from_numpy(y)) ** 2).sum(dim=-1).mean().backward()
    found = gradients(network, x, y, activation="tanh")
    for ours, theirs in zip((*found.weights, *found.biases), parts, strict=True):
        np.testing.assert_allclose(ours, theirs.grad.numpy(), rtol=1e-10, atol=1e-13)


@few
@given(seeds, st.floats(0.05, 0.9))
def test_only_weights_that_take_part_are_updated(seed, rate):
    network, x, y = a_problem(seed % 1000)
    masks = sample_masks(SIZES, rate, 3, 8, np.random.default_rng(seed))
    record = train_passes(network, x, y, masks)
    for updated, taking_part in zip(record.updated, participating_weights(masks), strict=True):
        assert not (updated & ~taking_part.any(axis=1)).any()
    for layer in (1, 2):
        assert (record.activations[layer][~masks.keep[layer]] == 0).all()
        assert (record.deltas[layer - 1][~masks.keep[layer]] == 0).all()
    assert all(np.isfinite(layer).all() for layer in record.activations)


def test_without_dropout_every_weight_is_updated_in_every_pass_and_the_loss_falls():
    network, x, y = a_problem(3)
    masks = sample_masks(SIZES, 0.0, 3, 60, np.random.default_rng(0))
    record = train_passes(network, x, y, masks)
    assert all(updated.all() for updated in record.updated)
    assert record.losses[-1] < 0.5 * record.losses[0]


# --- scaling -------------------------------------------------------------------------------------


@pytest.mark.parametrize("inverted", [True, False])
@pytest.mark.parametrize("rate", [0.0, 0.2, 0.5, 0.9])
def test_a_units_input_has_the_mean_and_deviation_of_the_formula(rate, inverted):
    """Mean within five standard errors; deviation within five of its own, kurtosis included."""
    rng = np.random.default_rng(4)
    h, w, n = rng.random(12), rng.standard_normal(12), 20_000
    seen = unit_input(h, w, 0.3, rate, n, rng, inverted=inverted)
    assert seen.inference == pytest.approx(h @ w + 0.3)
    allowed = 5 * seen.deviation / np.sqrt(n)
    assert abs(seen.values.mean() - seen.expectation) <= allowed + 1e-12
    assert seen.values.std() == pytest.approx(seen.deviation, rel=0.1)
    if inverted:
        assert seen.expectation == pytest.approx(seen.inference)
    else:
        assert seen.expectation == pytest.approx((1 - rate) * (h @ w) + 0.3)


def test_a_units_input_is_distributed_as_pytorchs():
    """Means and variances of 20,000 draws each, within six standard errors."""
    rng = np.random.default_rng(7)
    h, w, n = rng.random(20), rng.standard_normal(20), 20_000
    ours = unit_input(h, w, 0.0, 0.4, n, rng)
    with torch.random.fork_rng():
        torch.manual_seed(7)
        repeated = torch.from_numpy(np.tile(h, (n, 1)))
        theirs = (torch.nn.functional.dropout(repeated, 0.4) @ torch.from_numpy(w)).numpy()
    error = ours.deviation * np.sqrt(2 / n)
    assert abs(ours.values.mean() - theirs.mean()) < 6 * error
    assert ours.values.std() == pytest.approx(theirs.std(), rel=6 / np.sqrt(n))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (([1.0], [1.0, 2.0], 0.0, 0.5, 3), "one length"),
        (([1.0], [1.0], 0.0, 1.0, 3), "drop rate"),
        (([1.0], [1.0], 0.0, 0.5, 0), "n_masks"),
    ],
)
def test_a_bad_unit_is_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        unit_input(*arguments, np.random.default_rng(0))


# --- ensembles -----------------------------------------------------------------------------------


def test_monte_carlo_dropout_is_pytorchs_in_training_mode():
    """Mean and deviation over 4,000 masks each; six standard errors, per point."""
    rng = np.random.default_rng(3)
    network = init_network((1, 20, 20, 1), rng)
    x, n = np.linspace(-1, 1, 6)[:, None], 4000
    ours = monte_carlo(network, x, 0.3, n, rng)
    assert ours.predictions.shape == (n, 6, 1)
    layers = []
    for w, b in zip(network.weights, network.biases, strict=True):
        linear = torch.nn.Linear(w.shape[1], w.shape[0], dtype=torch.float64)
        linear.weight.data, linear.bias.data = torch.from_numpy(w), torch.from_numpy(b)
        layers += [linear, torch.nn.ReLU(), torch.nn.Dropout(0.3)]
    net = torch.nn.Sequential(*layers[:-2]).train()
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(3)
        theirs = net(torch.from_numpy(np.repeat(x[None], n, axis=0))).numpy()
    error = theirs.std(axis=0) * np.sqrt(2 / n)
    assert (np.abs(ours.mean - theirs.mean(axis=0)) < 6 * error).all()
    np.testing.assert_allclose(ours.deviation, theirs.std(axis=0), rtol=0.12)


def test_each_mask_holds_for_all_points_and_none_at_rate_zero():
    network = init_network((1, 6, 1), np.random.default_rng(0))
    x = np.array([[0.4], [0.4], [-0.7]])
    drawn = monte_carlo(network, x, 0.5, 50, np.random.default_rng(1))
    np.testing.assert_array_equal(drawn.predictions[:, 0], drawn.predictions[:, 1])
    assert drawn.deviation[0, 0] > 0
    still = monte_carlo(network, x, 0.0, 7, np.random.default_rng(1))
    np.testing.assert_allclose(still.mean, forward(network, x)[-1], rtol=1e-14)
    assert isinstance(still, MonteCarlo)


def test_co_adaptation_is_numpys_correlation_and_leaves_dead_units_out():
    network = init_network((2, 9, 5, 1), np.random.default_rng(6))
    biases = (network.biases[0], np.array([2.0, -99.0, 2.0, 2.0, 2.0]), network.biases[2])
    x = np.random.default_rng(1).standard_normal((40, 2))
    network = Network(network.weights, biases)
    found = co_adaptation(network, x)
    alive = [0, 2, 3, 4]
    outputs = forward(network, x)[-2]
    assert not outputs[:, 1].any()
    expected = np.corrcoef(outputs[:, alive].T)
    np.testing.assert_allclose(found[np.ix_(alive, alive)], expected, atol=1e-12)
    np.testing.assert_array_equal(found[1], np.eye(5)[1])
    off = np.abs(expected[~np.eye(4, dtype=bool)])
    assert mean_correlation(found) == pytest.approx(off.mean())
    assert mean_correlation(np.eye(3)) == 0.0


# --- the penalty ---------------------------------------------------------------------------------


def a_linear_problem(seed, n=12, d=4):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)) * rng.uniform(0.3, 2.0, d)
    return X, rng.standard_normal(n), rng.standard_normal(d), rng


@few
@given(seeds, st.floats(0.05, 0.85), st.booleans())
def test_the_mean_loss_meets_the_formula(seed, strength, gaussian):
    """On random problems, within six standard errors of 4,000 masks."""
    X, y, w, rng = a_linear_problem(seed)
    cost = noise_cost(X, strength) if gaussian else dropout_cost(X, strength)
    copies = (noised if gaussian else dropped)(X, strength)(4000, rng)
    losses = corrupted_losses(copies, y, w)
    error = losses.std() / np.sqrt(len(losses))
    assert abs(losses.mean() - penalised_loss(X, y, w, cost)) < 6 * error


def test_the_formula_by_enumerating_every_mask():
    """All 2^6 masks of a 3 by 2 problem, each with its probability: exact, no sampling."""
    X, y, w, _ = a_linear_problem(0, n=3, d=2)
    rate = 0.3
    total = 0.0
    for code in range(2**6):
        kept = np.array([code >> bit & 1 for bit in range(6)], dtype=bool).reshape(3, 2)
        chance = (1 - rate) ** kept.sum() * rate ** (6 - kept.sum())
        total += chance * corrupted_losses((X * kept / (1 - rate))[None], y, w)[0]
    assert total == pytest.approx(penalised_loss(X, y, w, dropout_cost(X, rate)), rel=1e-12)


@few
@given(seeds, st.floats(0.0, 5.0))
def test_penalised_weights_are_scikit_learns_ridge(seed, strength):
    """Each weight with a λ of its own: Ridge on columns divided by the root of its λ."""
    from sklearn.linear_model import Ridge

    X, y, _w, rng = a_linear_problem(seed)
    cost = strength + rng.uniform(0.1, 2.0, X.shape[1])
    scaled = Ridge(alpha=1.0, fit_intercept=False, solver="cholesky").fit(X / np.sqrt(cost), y)
    found = penalised_weights(X, y, cost)
    np.testing.assert_allclose(found, scaled.coef_ / np.sqrt(cost), rtol=1e-7, atol=1e-9)
    plain = np.linalg.lstsq(X, y, rcond=None)[0]
    np.testing.assert_allclose(penalised_weights(X, y, 0 * cost), plain, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("gaussian", [True, False])
def test_the_best_weights_under_many_masks_are_ridges(gaussian):
    """The distance falls as 1 / sqrt(masks): by 14 from 50 to 10,000, and at least by 5."""
    X, y, _w, _ = a_linear_problem(1, n=20)
    cost = noise_cost(X, 0.6) if gaussian else dropout_cost(X, 0.4)
    ridge = penalised_weights(X, y, cost)
    corrupted = noised(X, 0.6) if gaussian else dropped(X, 0.4)
    distances = []
    for n_masks in (50, 10_000):
        draws = [
            weights_over_copies(corrupted(n_masks, np.random.default_rng(k)), y) for k in range(4)
        ]
        distances.append(np.mean([np.linalg.norm(w - ridge) for w in draws]))
    assert distances[1] < distances[0] / 5
    assert distances[1] < 0.02


def test_bad_strengths_are_refused():
    X = np.ones((3, 2))
    for bad in (dropout_cost, dropped):
        with pytest.raises(ValueError, match="drop rate"):
            bad(X, 1.0)
    for bad in (noise_cost, noised):
        with pytest.raises(ValueError, match="noise"):
            bad(X, -0.1)
