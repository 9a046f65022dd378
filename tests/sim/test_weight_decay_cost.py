"""The timing of the three forms: that it times what it says, and that the forms agree."""

import pickle
import time

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


def test_slices_make_the_measurement_and_end_with_its_answers():
    """A slice of no time is one step of one form: building takes 5, and the end one more."""
    demo = FormsDemo(((10_000, 3), (2_500, 1)))
    answers, n_slices = [], 0
    while len(answers) < 2 and n_slices < 1000:
        answers += demo.run_for(0.0)
        n_slices += 1
    assert n_slices == (5 + 4 * 5 + 1) + (5 + 4 * 3 + 1)
    assert [cost.n_weights for cost in answers] == [10_000, 2_500]
    assert answers[0].n_steps == 5
    assert answers[0].largest_difference == FormsDemo().measure(10_000, 3).largest_difference
    assert demo.run_for(1.0) == [], "nothing is left to ask"


def test_a_slice_of_the_largest_model_is_short():
    """What a live run beside it waits for: 0.15 s and the step that the slice ends in.

    In seconds of computing, which a busy machine does not stretch; all of it takes over one.
    """
    demo, slices, answers = FormsDemo(((10_000_000, 1),)), [], []
    while not answers:
        began = time.process_time()
        answers = demo.run_for(0.15)
        slices.append(time.process_time() - began)
    assert answers[0].n_weights > 9_900_000
    assert len(slices) > 3
    assert max(slices) < 0.8


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
