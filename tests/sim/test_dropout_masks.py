"""Dropout masks and backpropagation, against PyTorch and against what the definition promises."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, chi2_contingency

from sim.dropout import (
    Network,
    forward,
    gradients,
    init_network,
    participating_weights,
    sample_masks,
    squared_error,
)

patient = settings(deadline=None)  # time limits per example fail on a busy machine, not on a bug
SIZES = (3, 8, 6, 2)
seeds = st.integers(0, 2**32 - 1)
rate_pairs = st.tuples(st.floats(0, 0.95), st.floats(0, 0.95))


def masks_of(rates=0.5, n_samples=4, n_passes=5, seed=0, sizes=SIZES):
    return sample_masks(sizes, rates, n_samples, n_passes, np.random.default_rng(seed))


def test_shapes_and_what_is_always_kept():
    masks = masks_of([0.2, 0.7])
    assert masks.layer_sizes == SIZES
    assert masks.rates == (0.2, 0.7)
    assert [keep.shape for keep in masks.keep] == [(5, 4, units) for units in SIZES]
    assert all(keep.dtype == np.bool_ for keep in masks.keep)
    assert masks.keep[0].all()
    assert masks.keep[-1].all()
    assert not masks.keep[1].all()
    assert not masks.keep[2].all()
    assert all(keep.all() for keep in masks_of(0.0).keep)
    assert masks_of(0.3).rates == (0.3, 0.3)


def test_factors_are_the_inverted_form():
    masks = masks_of([0.2, 0.75])
    for layer, scale in enumerate([1.0, 1 / 0.8, 4.0, 1.0]):
        factors = masks.factors(layer)
        assert factors.dtype == np.float64
        np.testing.assert_array_equal(factors, np.where(masks.keep[layer], scale, 0.0))
        np.testing.assert_array_equal(masks.pass_factors(3)[layer], factors[3])


def test_every_sample_and_pass_and_layer_has_its_own_mask():
    """With 100 units at rate 0.5, two equal masks would have probability 2**-100."""
    masks = masks_of(0.5, sizes=(2, 100, 100, 1))
    drawn = np.concatenate([masks.keep[layer].reshape(-1, 100) for layer in (1, 2)])
    assert len(np.unique(drawn, axis=0)) == len(drawn) == 2 * 4 * 5


@patient
@given(seeds, rate_pairs, rate_pairs)
def test_a_higher_rate_drops_the_same_units_and_more(seed, one, other):
    low, high = np.sort([one, other], axis=0).tolist()
    fewer, more = masks_of(low, seed=seed), masks_of(high, seed=seed)
    for kept_at_low, kept_at_high in zip(fewer.keep, more.keep, strict=True):
        assert (kept_at_high <= kept_at_low).all()


def test_more_samples_passes_and_layers_keep_the_first_masks():
    small = masks_of()
    grown = masks_of(n_samples=9, n_passes=11)
    for before, after in zip(small.keep, grown.keep, strict=True):
        np.testing.assert_array_equal(before, after[:5, :4])
    deeper = masks_of(sizes=(*SIZES[:-1], 7, 2))
    for layer in (1, 2):
        np.testing.assert_array_equal(small.keep[layer], deeper.keep[layer])
    assert any((small.keep[k] != masks_of(seed=1).keep[k]).any() for k in (1, 2))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_kept_counts_are_binomial_and_like_pytorchs(rate):
    """Two tests, each with a false alarm probability below 1e-6 were the seeds not fixed."""
    units, draws = 40, 5000
    keep = sample_masks((1, units, 1), rate, 50, draws // 50, np.random.default_rng(3)).keep[1]
    ours = keep.sum(axis=-1).ravel()
    low, high = binom.ppf([2.5e-7, 1 - 2.5e-7], units * draws, 1 - rate)
    assert low <= ours.sum() <= high

    with torch.random.fork_rng():
        torch.manual_seed(3)
        dropped = torch.nn.functional.dropout(torch.ones(draws, units), rate)
    theirs = (dropped > 0).sum(dim=1).numpy()
    # Bins at the deciles of the expected distribution, so that every bin is well filled.
    edges = np.unique(binom.ppf(np.arange(0.1, 1, 0.1), units, 1 - rate))
    table = [np.bincount(np.digitize(counts, edges), minlength=10) for counts in (ours, theirs)]
    table = np.array(table)[:, np.sum(table, axis=0) > 0]
    assert table.shape[1] >= 5
    assert chi2_contingency(table).pvalue > 1e-6


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_the_expected_activation_is_unchanged_as_in_pytorch(rate):
    """Means over 20,000 passes, within 6 standard errors: sd of a factor is sqrt(p / (1 - p))."""
    passes = 20_000
    activation = np.array([0.3, 1.0, 2.5, 4.0])
    masks = sample_masks((1, 4, 1), rate, 1, passes, np.random.default_rng(11))
    ours = masks.factors(1)[:, 0] * activation
    with torch.random.fork_rng():
        torch.manual_seed(11)
        repeated = torch.from_numpy(np.tile(activation, (passes, 1)))
        theirs = torch.nn.functional.dropout(repeated, rate).numpy()
    allowed = 6 * activation * np.sqrt(rate / (1 - rate) / passes)
    assert (np.abs(ours.mean(axis=0) - activation) < allowed).all()
    assert (np.abs(theirs.mean(axis=0) - activation) < allowed).all()
    np.testing.assert_allclose(np.unique(ours[:, 1]), np.unique(theirs[:, 1]), rtol=1e-12)


def by_autograd(network: Network, x, y, factors):
    weights, biases = (
        [torch.tensor(array, requires_grad=True) for array in arrays]
        for arrays in (network.weights, network.biases)
    )
    signal = torch.from_numpy(x)
    for layer, (w, b) in enumerate(zip(weights, biases, strict=True), 1):
        signal = torch.nn.functional.linear(signal, w, b)
        if layer < len(weights):
            signal = torch.relu(signal)
            signal = signal if factors is None else signal * torch.from_numpy(factors[layer])
    loss = ((signal - torch.from_numpy(y)) ** 2).sum(dim=-1).mean()
    loss.backward()
    return signal.detach().numpy(), loss.item(), [p.grad.numpy() for p in (*weights, *biases)]


def random_problem(seed: int, lead: tuple[int, ...]):
    """A network with biases away from zero, inputs and targets of leading shape `lead`."""
    rng = np.random.default_rng(seed)
    weights = init_network(SIZES, rng).weights
    network = Network(weights, tuple(0.5 * rng.standard_normal(units) for units in SIZES[1:]))
    return network, rng.standard_normal((*lead, 3)), rng.standard_normal((*lead, 2))


@pytest.mark.parametrize("dropping", [True, False])
@pytest.mark.parametrize("lead", [(), (1,), (7,)])
def test_forward_and_gradients_equal_pytorchs(lead, dropping):
    for seed in range(20):
        network, x, y = random_problem(seed, lead)
        factors = None
        if dropping:
            factors = masks_of([0.3, 0.5], n_samples=max(1, *lead, 1), seed=seed).pass_factors(2)
            factors = [factor.reshape(*lead, -1) for factor in factors]
        output, loss, expected = by_autograd(network, x, y, factors)
        activations = forward(network, x, factors)
        assert [a.shape for a in activations] == [(*lead, units) for units in SIZES]
        np.testing.assert_allclose(activations[-1], output, rtol=1e-12, atol=1e-12)
        assert squared_error(activations[-1], y) == pytest.approx(loss, rel=1e-12)
        found = gradients(network, x, y, factors)
        for ours, theirs in zip((*found.weights, *found.biases), expected, strict=True):
            assert ours.shape == theirs.shape
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


def test_dropped_units_get_exactly_zero_gradient():
    """And every weight with a gradient is one that takes part."""
    moved = 0
    for seed in range(50):
        network, x, y = random_problem(seed, ())
        masks = masks_of(0.5, n_samples=1, n_passes=1, seed=seed)
        factors = [factor[0] for factor in masks.pass_factors(0)]
        found = gradients(network, x, y, factors)
        for layer in (1, 2):
            dropped = ~masks.keep[layer][0, 0]
            assert (found.weights[layer - 1][dropped] == 0.0).all()
            assert (found.weights[layer][:, dropped] == 0.0).all()
            assert (found.biases[layer - 1][dropped] == 0.0).all()
        for gradient, takes_part in zip(found.weights, participating_weights(masks), strict=True):
            assert (gradient[~takes_part[0, 0]] == 0.0).all()
            moved += np.count_nonzero(gradient)
    assert moved > 500


def test_participating_weights_join_kept_units():
    masks = masks_of()
    joined = participating_weights(masks)
    assert [gap.shape for gap in joined] == [(5, 4, 8, 3), (5, 4, 6, 8), (5, 4, 2, 6)]
    for gap, takes_part in enumerate(joined):
        for index in np.ndindex(5, 4):
            expected = np.outer(masks.keep[gap + 1][index], masks.keep[gap][index])
            np.testing.assert_array_equal(takes_part[index], expected)


def test_dropping_a_unit_is_removing_it():
    """A mask at rate 0.5 on one layer gives the small network, its output weights doubled."""
    network, x, _ = random_problem(1, (4,))
    kept = np.array([True, False, True, True, False, False])
    factors = [np.ones(3), np.ones(8), kept * 2.0, np.ones(2)]
    (w1, w2, w3), (b1, b2, b3) = network.weights, network.biases
    smaller = Network((w1, w2[kept], 2 * w3[:, kept]), (b1, b2[kept], b3))
    expected = forward(smaller, x)[-1]
    np.testing.assert_allclose(forward(network, x, factors)[-1], expected, rtol=1e-13)


def test_init_network_has_he_variance_and_zero_biases():
    network = init_network((50, 400, 300, 1), np.random.default_rng(2))
    assert [w.shape for w in network.weights] == [(400, 50), (300, 400), (1, 300)]
    for w in network.weights[:2]:
        # Six standard errors of a variance, sqrt(2 / n) relative.
        assert w.var() == pytest.approx(2 / w.shape[1], rel=6 * np.sqrt(2 / w.size))
    assert [b.shape for b in network.biases] == [(400,), (300,), (1,)]
    assert all((b == 0.0).all() for b in network.biases)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (((3,), 0.5, 1, 1), "layer_sizes"),
        (((3, 0, 1), 0.5, 1, 1), "layer_sizes"),
        (((3, 2, 1), 1.0, 1, 1), "drop rate"),
        (((3, 2, 1), -0.1, 1, 1), "drop rate"),
        (((3, 2, 1), float("nan"), 1, 1), "drop rate"),
        (((3, 2, 2, 1), [0.5, 1.0], 1, 1), "drop rate"),
        (((3, 2, 2, 1), [0.5], 1, 1), "2 hidden layers"),
        (((3, 1), 1.5, 1, 1), "drop rate"),
        (((3, 2, 1), 0.5, 0, 1), "n_samples"),
        (((3, 2, 1), 0.5, 1, 0), "n_passes"),
    ],
)
def test_bad_input_is_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        sample_masks(*arguments, np.random.default_rng(0))


def test_a_network_needs_two_layers():
    with pytest.raises(ValueError, match="layer_sizes"):
        init_network((4,), np.random.default_rng(0))
