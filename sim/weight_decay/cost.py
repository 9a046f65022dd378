"""What the three forms of weight decay cost per step. This module imports torch."""

import math
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import torch

from sim.weight_decay.forms import FORMS, StepCost

Measuring = Generator[None, None, StepCost]

_DEPTH = 4  # square layers, so that the weights are many beside the activations
_BATCH_SIZE = 16
_LIMIT = 20_000_000  # weights: four copies, one gradient and the penalty's squares in float32
_UNTIMED = 2  # first steps, while memory is allocated and threads start


class FormsDemo:
    """Times training steps on a device; lives in a worker, where torch is.

    `questions` are the arguments of the measurements that `run_for` makes, one after another.
    """

    def __init__(self, questions: Sequence[tuple[int, int]] = (), device: str = "cpu") -> None:
        self._device = torch.device(device)
        self._questions = list(questions)
        self._under_way: Measuring | None = None

    def measure(
        self,
        n_weights: int,
        repeats: int = 20,
        penalty: float = 1e-3,
        learning_rate: float = 1e-2,
        seed: int = 0,
    ) -> StepCost:
        """Train four copies of a ReLU network with about `n_weights` weights, and time each step.

        One copy has the sum of all squares in its loss, differentiated by autograd; one adds
        2 * penalty * w to the gradient; one shrinks w in the update; one has no penalty. They
        take turns on the same batches. A step is forward, backward and update, in float32 and
        in one thread; the fastest of the repeats counts, because a busy machine only adds to it.

        Raises ValueError unless 100 <= n_weights <= 20,000,000 and repeats >= 1.
        """
        measuring = self._measuring(n_weights, repeats, penalty, learning_rate, seed)
        found = None
        while found is None:
            found = _advance(measuring)
        return found

    def run_for(self, seconds: float) -> list[StepCost]:
        """Go on with the questions for about `seconds`, at least one step of one form.

        Gives the answers that have come by now, if any. Between two slices others may use the
        worker: a step that is being timed is never cut.
        """
        end, found = time.perf_counter() + seconds, []
        while self._questions:
            if self._under_way is None:
                self._under_way = self._measuring(*self._questions[0])
            cost = _advance(self._under_way)
            if cost is not None:
                found.append(cost)
                self._under_way = None
                del self._questions[0]
            if time.perf_counter() >= end:
                break
        return found

    def _measuring(
        self,
        n_weights: int,
        repeats: int,
        penalty: float = 1e-3,
        learning_rate: float = 1e-2,
        seed: int = 0,
    ) -> Measuring:
        """The work of `measure`, which stops after every step of every form."""
        if not 100 <= n_weights <= _LIMIT:
            raise ValueError(f"n_weights must be from 100 to {_LIMIT:,}, not {n_weights:,}.")
        if repeats < 1:
            raise ValueError(f"repeats must be at least 1, not {repeats}.")
        width = max(1, round(math.sqrt(n_weights / _DEPTH)))
        generator = torch.Generator().manual_seed(seed)
        shape, scale = (width, width), math.sqrt(2 / width)
        drawn = []
        for _ in range(_DEPTH):
            drawn.append(torch.randn(shape, generator=generator) * scale)
            yield
        copies = {
            form: [layer.to(self._device, copy=True).requires_grad_() for layer in drawn]
            for form in ("no_penalty", *FORMS)
        }
        yield
        seconds: dict[str, list[float]] = {form: [] for form in copies}
        for repeat in range(_UNTIMED + repeats):
            batch = torch.randn((2, _BATCH_SIZE, width), generator=generator).to(self._device)
            for form, weights in copies.items():
                self._wait()
                began = time.perf_counter()
                _step(form, weights, batch[0], batch[1], penalty, learning_rate)
                self._wait()
                if repeat >= _UNTIMED:
                    seconds[form].append(time.perf_counter() - began)
                yield
        fastest = {form: min(times) for form, times in seconds.items()}
        cheapest = min(fastest[form] for form in FORMS)
        return StepCost(
            n_weights=_DEPTH * width**2,
            device=str(self._device),
            n_steps=_UNTIMED + repeats,
            seconds=fastest,
            ratios={form: least / cheapest for form, least in fastest.items()},
            largest_difference=max(
                float((one - other).detach().abs().max())
                for first, second in (FORMS[:2], FORMS[1:], FORMS[::2])
                for one, other in zip(copies[first], copies[second], strict=True)
            ),
        )

    def _wait(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)


def _advance(measuring: Measuring) -> StepCost | None:
    """The next step of a measurement; its result when that was the last."""
    with _one_thread():
        try:
            next(measuring)
        except StopIteration as end:
            return cast(StepCost, end.value)
    return None


@contextmanager
def _one_thread() -> Iterator[None]:
    """On a busy machine threads that wait for each other would be most of a step's time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _step(
    form: str,
    weights: list[torch.Tensor],
    x: torch.Tensor,
    y: torch.Tensor,
    penalty: float,
    learning_rate: float,
) -> None:
    """One step of gradient descent, in place, with the penalty in the form named."""
    signal = x
    for layer in weights[:-1]:
        signal = torch.relu(signal @ layer)
    loss = ((signal @ weights[-1] - y) ** 2).mean()
    if form == "in_loss":
        loss = loss + penalty * torch.stack([(layer**2).sum() for layer in weights]).sum()
    gradients = torch.autograd.grad(loss, weights)
    with torch.no_grad():
        for layer, gradient in zip(weights, gradients, strict=True):
            if form == "in_gradient":
                gradient.add_(layer, alpha=2 * penalty)
            elif form == "in_update":
                layer.mul_(1 - 2 * learning_rate * penalty)
            layer.add_(gradient, alpha=-learning_rate)
