"""The live fit: a small net, a large one, and the large one with dropout, on the same noisy sine.

This module imports torch; nothing that a web process imports may import it.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from sim.dropout.masks import Array
from sim.dropout.network import Network, forward
from sim.dropout.records import (
    Change,
    Curves,
    Knobs,
    Nets,
    Point,
    Progress,
    Settings,
    State,
)
from sim.dropout.uncertainty import co_adaptation

KINK_SCALE = 5.0
"""Standard deviation of the first layer's weights: how steep a net can be, and so how it can wind
from point to point. The kinks of its units start anywhere in [-1, 1]."""
GRID = np.linspace(-1.0, 1.0, 81)


@dataclass(eq=False)
class _Stack:
    """Networks of one shape that learn side by side, the weights of each (in, out) on top of the
    other's, with one Adam for all: it treats every weight by itself."""

    weights: list[Tensor]
    biases: list[Tensor]
    optimizer: torch.optim.Adam

    def __call__(self, x: Tensor, rates: Tensor, masks: torch.Generator) -> Tensor:
        x = x.expand(len(rates), -1, -1)
        for layer, (weights, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            if layer:
                kept = torch.rand(x.shape, generator=masks) >= rates
                x = torch.relu(x) * (kept / (1.0 - rates))
            x = torch.baddbmm(biases, x, weights)
        return x

    def step(self, x: Tensor, y: Tensor, rates: Tensor, masks: torch.Generator) -> list[float]:
        """One step of each network on the same batch; their losses before it."""
        losses = (self(x, rates, masks) - y).square().mean(dim=(1, 2))
        self.optimizer.zero_grad()
        losses.sum().backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return [float(loss) for loss in losses.detach()]

    def numpy(self) -> list[Network]:
        weights = [w.detach().numpy().astype(np.float64) for w in self.weights]
        biases = [b.detach().numpy().astype(np.float64) for b in self.biases]
        return [
            Network(tuple(w[i].T for w in weights), tuple(b[i, 0] for b in biases))
            for i in range(len(weights[0]))
        ]


def _stack(n: int, hidden: tuple[int, ...], learning_rate: float, seed: int) -> _Stack:
    """`n` networks with the same initial weights."""
    generator = _generator(seed)
    weights = [
        torch.randn(before, after, generator=generator) * math.sqrt(2.0 / before)
        for before, after in pairwise((1, *hidden, 1))
    ]
    biases = [torch.zeros(1, after) for after in (*hidden, 1)]
    weights[0] *= KINK_SCALE / math.sqrt(2.0)
    biases[0] = -weights[0] * (2.0 * torch.rand(1, hidden[0], generator=generator) - 1.0)
    parts = [part.repeat(n, 1, 1).requires_grad_() for part in (*weights, *biases)]
    optimizer = torch.optim.Adam(parts, lr=learning_rate, fused=True)
    return _Stack(parts[: len(weights)], parts[len(weights) :], optimizer)


class Trainer:
    """One run of the three networks, advanced in slices by whoever holds it.

    All three see the same batches, and the two large ones start from the same weights. The course
    of a run depends on the settings and on the knobs at each step, never on how it was sliced.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self._train, self._test = self.settings.samples()
        self._x, self._y = (torch.tensor(v, dtype=torch.float32)[:, None] for v in self._train)
        seeds = np.random.default_rng(self.settings.seed).spawn(6)[2:]
        start, small, batches, masks = (int(rng.integers(2**62)) for rng in seeds)
        rate = self.settings.learning_rate
        self._small = _stack(1, self.settings.small, rate, small)
        self._large = _stack(2, self.settings.large, rate, start)
        self._batches, self._masks = _generator(batches), _generator(masks)
        self._state: State = "running"
        self._knobs: Knobs | None = None
        self._step, self._seconds = 0, 0.0
        self._points: list[Point] = []
        self._changes: list[Change] = []
        self._losses: list[list[float]] = []

    def run_for(self, seconds: float, knobs: Knobs) -> Progress:
        """Train for about `seconds` with `knobs`, at least one step, and say where the run stands.

        Returns early when the run has ended.
        """
        end = time.perf_counter() + seconds
        return self._run(knobs, lambda: time.perf_counter() >= end)

    def run_epoch(self, knobs: Knobs) -> Progress:
        """Train to the next point of the loss curves."""
        return self._run(knobs, lambda: self._step % self.settings.steps_per_point == 0)

    def best(self) -> Nets:
        """The three networks as they stand."""
        return Nets(*self._nets(), step=self._step, p=self._knobs.p if self._knobs else 0.0)

    def points(self) -> tuple[Point, ...]:
        """All points of the loss curves so far."""
        return tuple(self._points)

    def _run(self, knobs: Knobs, enough: Callable[[], bool]) -> Progress:
        first, clock = len(self._points), time.perf_counter()
        if self._knobs is not None and knobs.p != self._knobs.p:
            self._changes.append(Change(self._step, knobs.p))
        self._knobs = knobs
        while self._state == "running":
            self._losses.append(self._one_step(knobs.p))
            self._step += 1
            if self._step % self.settings.steps_per_point == 0 or self._step == self.settings.steps:
                self._mark()
            if self._step == self.settings.steps and self._state == "running":
                self._state = "finished"
            if enough():
                break
        self._seconds += time.perf_counter() - clock
        return self._progress(tuple(self._points[first:]))

    def _one_step(self, p: float) -> list[float]:
        chosen = torch.randperm(len(self._x), generator=self._batches)[: self.settings.batch_size]
        x, y = self._x[chosen], self._y[chosen]
        none, rates = torch.zeros(1, 1, 1), torch.tensor([0.0, p])[:, None, None]
        return [
            *self._small.step(x, y, none, self._masks),
            *self._large.step(x, y, rates, self._masks),
        ]

    def _nets(self) -> tuple[Network, Network, Network]:
        large, dropout = self._large.numpy()
        return self._small.numpy()[0], large, dropout

    def _mark(self) -> None:
        train = np.mean(self._losses, axis=0)
        test = [np.mean((_predict(net, self._test.x) - self._test.y) ** 2) for net in self._nets()]
        self._losses = []
        if not (np.isfinite(train).all() and np.isfinite(test).all()):
            self._state = "diverged"
            return
        self._points.append(Point(self._step, tuple(train.tolist()), tuple(map(float, test))))

    def _progress(self, points: tuple[Point, ...]) -> Progress:
        nets = self._nets()
        spread = np.linspace(-1.0, 1.0, 101)[:, None]
        return Progress(
            state=self._state,
            step=self._step,
            steps=self.settings.steps,
            points=points,
            curves=Curves(GRID, np.stack([_predict(net, GRID) for net in nets])),
            correlations=(co_adaptation(nets[1], spread), co_adaptation(nets[2], spread)),
            changes=tuple(self._changes),
            seconds=self._seconds,
        )


def _predict(network: Network, x: Array) -> Array:
    return forward(network, x[:, None])[-1][:, 0]


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
