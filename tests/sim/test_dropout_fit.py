"""The live fit: its slices, its twins, and the published direction over ten seeds."""

import math
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import ttest_rel

from sim.dropout import Knobs, Settings, forward
from sim.dropout.training import Trainer

SHORT = Settings(steps=60, steps_per_point=20, seed=3)


@pytest.fixture(autouse=True)
def _one_thread():
    """As in the workers: more threads only wait for each other, and add up in another order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_slices_do_not_change_the_course():
    whole, sliced = Trainer(SHORT), Trainer(SHORT)
    whole.run_for(math.inf, Knobs(0.3))
    states = [sliced.run_for(0.0, Knobs(0.3)) for _ in range(60)]
    assert [progress.state for progress in states] == ["running"] * 59 + ["finished"]
    assert whole.points() == sliced.points()
    assert sum((progress.points for progress in states), ()) == sliced.points()
    assert sliced.run_for(1.0, Knobs(0.3)).step == 60, "an ended run stays ended"


def test_with_p_zero_the_twins_are_one():
    trainer = Trainer(SHORT)
    trainer.run_for(math.inf, Knobs(0.0))
    nets = trainer.best()
    for one, other in zip(nets.large.weights, nets.dropout.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    losses = [point.train_loss for point in trainer.points()]
    assert len(losses) > 1
    assert all(large == dropout for _small, large, dropout in losses)


def test_the_nets_without_dropout_do_not_feel_p():
    ends = []
    for p in (0.0, 0.7):
        trainer = Trainer(SHORT)
        trainer.run_for(math.inf, Knobs(p))
        ends.append(trainer.best())
    for name in ("small", "large"):
        for one, other in zip(*(getattr(end, name).weights for end in ends), strict=True):
            np.testing.assert_array_equal(one, other)
    assert (ends[0].dropout.weights[1] != ends[1].dropout.weights[1]).any()


def test_a_new_p_acts_on_the_next_step_and_is_on_record():
    turned, straight = Trainer(SHORT), Trainer(SHORT)
    for trainer in (turned, straight):
        for _ in range(30):
            trainer.run_for(0.0, Knobs(0.1))
    progress = turned.run_for(0.0, Knobs(0.8))
    assert [(c.step, c.value) for c in progress.changes] == [(30, 0.8)]
    straight.run_for(0.0, Knobs(0.1))
    one, other = (trainer.best().dropout.weights[2] for trainer in (turned, straight))
    assert (one != other).any()
    assert turned.best().p == 0.8


def test_what_is_reported_is_what_the_nets_do():
    trainer = Trainer(SHORT)
    progress = trainer.run_for(math.inf, Knobs(0.2))
    nets = trainer.best()
    test = SHORT.samples()[1]
    for i, net in enumerate((nets.small, nets.large, nets.dropout)):
        predicted = forward(net, test.x[:, None])[-1][:, 0]
        expected = ((predicted - test.y) ** 2).mean()
        assert progress.points[-1].test_loss[i] == pytest.approx(expected, rel=1e-10)
        curve = forward(net, progress.curves.x[:, None])[-1][:, 0]
        np.testing.assert_allclose(progress.curves.y[i], curve, rtol=1e-10)
    assert [matrix.shape for matrix in progress.correlations] == [(64, 64)] * 2


def test_one_step_is_adams_on_the_mean_squared_error():
    """The first step of the small net, recomputed with torch's layers and its plain Adam."""
    trainer = Trainer(replace(SHORT, batch_size=SHORT.n_points))
    before = trainer.best().small
    layers = []
    for w, b in zip(before.weights, before.biases, strict=True):
        linear = torch.nn.Linear(w.shape[1], w.shape[0])
        linear.weight.data = torch.tensor(w, dtype=torch.float32)
        linear.bias.data = torch.tensor(b, dtype=torch.float32)
        layers += [linear, torch.nn.ReLU()]
    net = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.Adam(net.parameters(), lr=SHORT.learning_rate)
    x, y = (torch.tensor(v, dtype=torch.float32)[:, None] for v in SHORT.samples()[0])
    torch.nn.functional.mse_loss(net(x), y).backward()
    optimizer.step()
    trainer.run_for(0.0, Knobs(0.5))
    after = trainer.best().small
    for layer, w in zip((net[0], net[2]), after.weights, strict=True):
        np.testing.assert_allclose(layer.weight.detach().numpy(), w, atol=1e-6)


def test_over_ten_seeds_dropout_has_the_lower_test_error():
    """Paired: the same data, start and batches. One-sided t-test on the logarithms, 1 in 100."""
    with_dropout, without = [], []
    for seed in range(10):
        trainer = Trainer(Settings(steps_per_point=1000, seed=seed))
        trainer.run_for(math.inf, Knobs(0.2))
        _small, large, dropout = trainer.points()[-1].test_loss
        with_dropout.append(math.log(dropout))
        without.append(math.log(large))
    assert np.less(with_dropout, without).sum() >= 8
    assert ttest_rel(with_dropout, without, alternative="less").pvalue < 0.01


def test_a_loss_that_is_not_finite_ends_the_run():
    trainer = Trainer(replace(SHORT, learning_rate=1e30))
    assert trainer.run_for(math.inf, Knobs(0.2)).state == "diverged"
    assert trainer.points() == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_points", 0),
        ("noise", -1.0),
        ("small", ()),
        ("large", (0,)),
        ("learning_rate", math.nan),
        ("batch_size", 0),
        ("steps", 0),
        ("seed", -1),
    ],
)
def test_bad_settings_are_refused(name, value):
    with pytest.raises(ValueError, match=name):
        Settings(**{name: value})


def test_bad_knobs_are_refused():
    with pytest.raises(ValueError, match="drop rate"):
        Knobs(1.0)


def test_the_package_needs_no_torch():
    import subprocess

    script = "import sys, sim.dropout; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)
