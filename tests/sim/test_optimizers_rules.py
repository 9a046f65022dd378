"""The update rules against torch.optim, step by step, and their paths."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.optimizers import SGD, Adam, AdamW, Momentum, trajectory

few = settings(max_examples=4, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)
rates = st.floats(1e-4, 0.05)
decays = st.one_of(st.just(0.0), st.floats(1e-4, 1.0))
betas = st.tuples(st.floats(0.0, 0.95), st.floats(0.5, 0.9999))

KINDS = ("sgd", "momentum", "adam", "adamw")


def pair(kind, lr, decay, beta, eps=1e-8):
    """Our rule, and what makes torch's of the same settings."""
    adaptive = {"lr": lr, "betas": beta, "eps": eps, "weight_decay": decay}
    return {
        "sgd": (SGD(lr, decay), lambda p: torch.optim.SGD(p, lr=lr, weight_decay=decay)),
        "momentum": (
            Momentum(lr, beta[0], decay),
            lambda p: torch.optim.SGD(p, lr=lr, momentum=beta[0], weight_decay=decay),
        ),
        "adam": (Adam(lr, beta, eps, decay), lambda p: torch.optim.Adam(p, **adaptive)),
        "adamw": (AdamW(lr, beta, eps, decay), lambda p: torch.optim.AdamW(p, **adaptive)),
    }[kind]


def noisy_quadratic(seed, dim=5):
    """A random quadratic of curvature about 1 whose gradient is off by a new draw every step.

    The noise keeps the gradients away from zero, where dividing by their size would magnify
    rounding and the comparison would test luck.
    """
    rng = np.random.default_rng(seed)
    root, centre = rng.standard_normal((dim, dim)), rng.standard_normal(dim)
    hessian = root @ root.T / dim
    return hessian, centre, rng.standard_normal(dim), 0.3 * rng.standard_normal((1000, dim))


@pytest.mark.parametrize("kind", KINDS)
@few
@given(seeds, rates, decays, betas)
def test_a_thousand_steps_equal_torchs(kind, seed, lr, decay, beta):
    """To 1e-12 of the largest weight: a thousand roundings of 1e-16 leave a margin of ten."""
    rule, make = pair(kind, lr, decay, beta)
    hessian, centre, weights, noise = noisy_quadratic(seed)
    parameter = torch.tensor(weights, requires_grad=True)
    optimizer, state = make([parameter]), rule.init(weights)
    for off in noise:
        weights, state = rule.update(weights, hessian @ (weights - centre) + off, state)
        here = parameter.detach().numpy()
        parameter.grad = torch.from_numpy(hessian @ (here - centre) + off)
        optimizer.step()
        expected = parameter.detach().numpy()
        assert np.abs(weights - expected).max() <= 1e-12 * np.abs(expected).max()
    assert state.step == 1000


def test_settings_per_weight_are_torchs_parameter_groups():
    hessian, centre, weights, noise = noisy_quadratic(3, dim=2)
    rule = AdamW(np.array([0.01, 0.02]), weight_decay=np.array([0.3, 0.0]))
    parts = [torch.tensor(weights[k : k + 1], requires_grad=True) for k in range(2)]
    optimizer = torch.optim.AdamW(
        [
            {"params": parts[0], "lr": 0.01, "weight_decay": 0.3},
            {"params": parts[1], "lr": 0.02, "weight_decay": 0.0},
        ]
    )
    state = rule.init(weights)
    for off in noise[:200]:
        gradient = hessian @ (weights - centre) + off
        for part, entry in zip(parts, gradient, strict=True):
            part.grad = torch.tensor([entry])
        weights, state = rule.update(weights, gradient, state)
        optimizer.step()
    np.testing.assert_allclose(weights, [part.item() for part in parts], rtol=1e-12)


def test_decoupled_and_coupled_decay_are_one_step_for_sgd_only():
    weights, gradient = np.array([1.0, -2.0, 0.5]), np.array([0.3, 3.0, -0.01])
    lr, decay = 0.1, 0.4
    after, _ = SGD(lr, decay).update(weights, gradient, SGD(lr).init(weights))
    np.testing.assert_allclose(after, (1 - lr * decay) * weights - lr * gradient, rtol=1e-15)
    first, second = (
        rule.update(weights, gradient, rule.init(weights))[0]
        for rule in (Adam(lr, weight_decay=decay), AdamW(lr, weight_decay=decay))
    )
    assert np.abs(first - second).min() > 0.01


@pytest.mark.parametrize("kind", KINDS)
@few
@given(seeds, rates, decays, betas)
def test_an_opened_step_holds_the_formula(kind, seed, lr, decay, beta):
    """Sums over all past gradients, as the definitions have it, not the recursions."""
    rule, _ = pair(kind, lr, decay, beta)
    hessian, centre, start, _ = noisy_quadratic(seed)
    path = trajectory(rule, lambda w: hessian @ (w - centre), start, 5)
    totals = []
    for t in range(1, 6):
        step = path.open(t)
        assert step.step == t
        np.testing.assert_array_equal(step.before, path.weights[t - 1])
        np.testing.assert_array_equal(step.after, path.weights[t])
        np.testing.assert_allclose(step.gradient, hessian @ (step.before - centre))
        coupled = 0.0 if kind == "adamw" else decay
        totals.append(step.gradient + coupled * step.before)
        np.testing.assert_allclose(step.total_gradient, totals[-1], rtol=1e-12)
        direct = lr * decay * step.before if kind == "adamw" else 0 * start
        np.testing.assert_allclose(step.decay, direct, rtol=1e-12)
        np.testing.assert_allclose(
            step.after, step.before - step.decay - lr * step.direction, rtol=1e-12, atol=1e-15
        )
        age = np.arange(t)[::-1, None]
        if kind.startswith("adam"):
            weight_m, weight_v = beta[0] ** age, beta[1] ** age
            mean = (weight_m * totals).sum(0) / weight_m.sum()
            square = (weight_v * np.square(totals)).sum(0) / weight_v.sum()
            np.testing.assert_allclose(step.m_hat, mean, rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(step.v_hat, square, rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(step.m, mean * (1 - beta[0] ** t), rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(step.v, square * (1 - beta[1] ** t), rtol=1e-9, atol=1e-12)
            assert step.m_correction == pytest.approx(1 - beta[0] ** t)
            assert step.v_correction == pytest.approx(1 - beta[1] ** t)
            np.testing.assert_allclose(step.direction, step.m_hat / (step.v_hat**0.5 + 1e-8))
        else:
            memory = beta[0] if kind == "momentum" else 0.0
            expected = (memory**age * totals).sum(0)
            np.testing.assert_allclose(step.direction, expected, rtol=1e-9, atol=1e-12)
    with pytest.raises(ValueError, match="from 1 to 5"):
        path.open(6)
    with pytest.raises(ValueError, match="from 1 to 5"):
        path.open(0)


def test_the_first_adam_step_has_the_length_of_the_learning_rate():
    """Whatever the gradient's size: m_hat / sqrt(v_hat) is its sign at t = 1."""
    gradient = np.array([1e-3, -7.0, 4e5])
    step = AdamW(0.01, weight_decay=0.1).open_step(
        np.ones(3), gradient, AdamW(0.01).init(np.ones(3))
    )
    np.testing.assert_allclose(step.direction, np.sign(gradient), rtol=1e-4)
    np.testing.assert_allclose(step.after, 1 - 0.001 - 0.01 * np.sign(gradient), rtol=1e-5)


@few
@given(st.floats(2.01, 50.0), st.floats(1.0, 1e4))
def test_a_diverging_path_is_cut_at_the_bound(product, bound):
    """x <- (1 - product) x on x^2 / 2: the step that leaves the bound is known exactly."""
    path = trajectory(SGD(product), lambda w: w, [0.5], 10_000, bound)
    growth = product - 1
    exact = 0.5 * growth ** np.arange(len(path.weights) + 1)
    assert path.diverged_at == len(path.weights)
    np.testing.assert_allclose(np.abs(path.weights[:, 0]), exact[:-1], rtol=1e-9)
    assert exact[-2] <= bound * (1 + 1e-9)
    assert exact[-1] >= bound * (1 - 1e-9)
    assert len(path.gradients) == len(path.states) - 1 == len(path.weights) - 1


def test_a_path_without_steps_and_one_that_overflows():
    still = trajectory(Adam(0.1), lambda w: w, np.ones(2), 0)
    assert still.weights.shape == (1, 2)
    assert still.gradients.shape == (0, 2)
    wild = trajectory(Adam(0.1), lambda w: 1e300 * np.exp(1e3 * w), np.ones(2), 9)
    assert np.isfinite(wild.weights).all()
    assert wild.diverged_at == 1


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: SGD(0.0), "learning_rate"),
        (lambda: SGD(float("nan")), "learning_rate"),
        (lambda: SGD(0.1, -1.0), "weight_decay"),
        (lambda: Momentum(0.1, 1.0), "momentum"),
        (lambda: Adam(0.1, (0.9, 1.0)), "betas"),
        (lambda: Adam(0.1, eps=0.0), "eps"),
        (lambda: AdamW(-0.1), "learning_rate"),
        (lambda: AdamW(0.1, weight_decay=np.array([0.1, np.inf])), "weight_decay"),
        (lambda: trajectory(SGD(0.1), lambda w: w, [1.0], -1), "n_steps"),
        (lambda: trajectory(SGD(0.1), lambda w: w, [np.nan], 1), "start"),
        (lambda: trajectory(SGD(0.1), lambda w: w, [5.0], 1, bound=4.0), "start"),
    ],
)
def test_bad_settings_are_refused(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


def test_importing_the_topics_costs_no_heavy_library():
    script = "import sys, sim.optimizers, sim.weight_decay; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert not {"torch", "sklearn", "scipy.optimize"} & set(done.stdout.split())
