"""The timing of the three forms: that it times what it says, and that the forms agree."""

import pickle

import pytest
import torch

from sim.weight_decay import FORMS
from sim.weight_decay.cost import FormsDemo, _step


def test_a_measurement_is_complete_and_consistent():
    cost = FormsDemo().measure(10_000, repeats=3)
    assert cost.n_weights == 10_000
    assert cost.device == "cpu"
    assert cost.n_steps == 5
    assert set(cost.seconds) == set(cost.ratios) == {"no_penalty", *FORMS}
    assert min(cost.seconds.values()) > 0
    assert min(cost.ratios[form] for form in FORMS) == 1
    for form, seconds in cost.seconds.items():
        cheapest = min(cost.seconds[form] for form in FORMS)
        assert cost.ratios[form] == pytest.approx(seconds / cheapest)
    assert 0 < cost.largest_difference < 1e-5
    assert pickle.loads(pickle.dumps(cost)) == cost
    assert type(cost).__module__ == "sim.weight_decay.forms"  # the web process reads it


def test_the_number_of_threads_is_given_back():
    before = torch.get_num_threads()
    FormsDemo().measure(1_000, repeats=1)
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_torch_sgds_step(form):
    """In float64, to rounding; weight_decay = 2 * penalty."""
    generator = torch.Generator().manual_seed(1)
    weights = [torch.randn((6, 6), generator=generator, dtype=torch.float64) for _ in range(3)]
    x, y = torch.randn((2, 8, 6), generator=generator, dtype=torch.float64)
    ours = [layer.clone().requires_grad_() for layer in weights]
    theirs = [layer.clone().requires_grad_() for layer in weights]
    optimizer = torch.optim.SGD(theirs, lr=0.01, weight_decay=0.6)
    for _ in range(3):
        _step(form, ours, x, y, penalty=0.3, learning_rate=0.01)
        optimizer.zero_grad()
        hidden = torch.relu(torch.relu(x @ theirs[0]) @ theirs[1])
        torch.nn.functional.mse_loss(hidden @ theirs[2], y).backward()
        optimizer.step()
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("n_weights", "repeats", "sentence"),
    [(10, 1, "n_weights"), (10**8, 1, "n_weights"), (1000, 0, "repeats")],
)
def test_bad_arguments_are_refused(n_weights, repeats, sentence):
    with pytest.raises(ValueError, match=sentence):
        FormsDemo().measure(n_weights, repeats)
