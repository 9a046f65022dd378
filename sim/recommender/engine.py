"""The ratings on a device, and one training step at a time. This module imports torch.

The hot path has no DataLoader: the ratings stay on the device, and one permutation is drawn per
epoch. The models are in `networks`, the step on their weights is in `optimizers`.
"""

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import torch

from sim.recommender.autograd_networks import AttentionNetwork, NeuralNetwork
from sim.recommender.model import RatingModel
from sim.recommender.networks import DotNetwork, Network
from sim.recommender.optimizers import make_optimizer
from sim.recommender.ratings import Ratings
from sim.recommender.records import Settings
from sim.recommender.rules import BOOK_SPAN, one_cycle

_BANK_BATCHES = 4  # size of the bank of random bytes for dropout, in batches
_NETWORKS: dict[str, type[Network]] = {
    "dot": DotNetwork,
    "ncf": NeuralNetwork,
    "neumf": NeuralNetwork,
    "attention": AttentionNetwork,
}
_VALID_CHUNK = 1 << 13  # ratings at a time in validation: they stay in the processor's cache


def choose_device(name: str = "auto") -> torch.device:
    """The device called `name`, or with "auto" the best there is: CUDA, then MPS, then the CPU.

    Raises ValueError when `name` is not a torch device or is not present on this machine.
    """
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if name == "auto":
        return torch.device("cuda" if cuda else "mps" if mps else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"No device is called {name!r}; try auto, cuda, mps or cpu.") from error
    present = {"cpu": True, "cuda": cuda, "mps": mps}
    if not present.get(device.type, False):
        here = ", ".join(kind for kind, there in present.items() if there)
        raise ValueError(f"There is no device {name!r} on this machine; it has {here}.")
    return device


def device_name(device: torch.device) -> str:
    """A name to show: the graphics card's own, "Apple GPU", or "CPU"."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return "Apple GPU" if device.type == "mps" else "CPU"


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """Let the CPU take denormal numbers for 0 in this thread, and put things back afterwards.

    AdamW's running squares of untouched rows decay into the denormals, which cost four times as
    much. The switch belongs to the thread, and a worker may run each slice in another one.
    """
    smallest = sys.float_info.min
    was_on = smallest * 0.5 == 0.0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(was_on)


class Engine:
    """A network's weights, the ratings on the device, and one step of the optimizer at a time.

    Everything random comes from `settings.seed` and the number of the epoch, drawn on the CPU: a
    run starts alike and sees the ratings in the same order on every device, and a change of a
    knob changes neither. With `start`, a finished model, the run begins with its weights.
    """

    def __init__(
        self,
        train: Ratings,
        valid: Ratings,
        settings: Settings,
        start: RatingModel | None = None,
    ) -> None:
        self.settings = settings
        low, high = settings.rating_range
        self._unit = ((high - low) / BOOK_SPAN) ** 2  # of the network's loss, in squared ratings
        self.device = choose_device(settings.device)
        self.network = _NETWORKS[settings.model](settings, train, self.device)
        self._start = start
        self._train = _on_device(train, self.device, settings.rating_range)
        self._valid = _on_device(valid, self.device, settings.rating_range)
        self.n_ratings = len(train)
        self.steps_per_epoch = math.ceil(len(train) / settings.batch_size)
        # an epoch's batches differ by one rating at most: no small, noisy last batch
        self.bounds = [
            i * len(train) // self.steps_per_epoch for i in range(self.steps_per_epoch + 1)
        ]
        self.reset()

    def reset(self) -> None:
        """Go back to the initial weights, with an optimizer that has seen nothing."""
        if self._start is None:
            self.network.initialise(self._generator(0, 0))
        else:
            self.network.load(self._start)
        self._epoch = -1
        self._bank_epoch = -1
        network = self.network
        self._optimizer = make_optimizer(
            self.settings, network.weights, network.grad, network.n_table, self.n_ratings
        )

    def step(self, number: int, weight_decay: float, dropout: float) -> torch.Tensor:
        """Take step `number` (from 0, counted over all epochs).

        Returns the batch's loss, the mean squared error in the ratings' own units.
        """
        epoch, within = divmod(number, self.steps_per_epoch)
        if epoch != self._epoch:
            self._begin(epoch)
        user, movie, target = self._batches[within]
        mask = self._mask(epoch, within, len(target), dropout)
        loss = self.network.gradient(user, movie, target, mask)
        share = 1.0
        if self.settings.schedule == "one_cycle":
            share = one_cycle(number / (self.settings.epochs * self.steps_per_epoch))
        self._optimizer.step(share, weight_decay)
        return loss if self._unit == 1 else loss * self._unit

    def valid_loss(self) -> float:
        """Mean squared error on the validation ratings, without dropout."""
        low, high = self.settings.rating_range
        sums = []
        chunks = (torch.split(part, _VALID_CHUNK) for part in self._valid)
        for user, movie, target in zip(*chunks, strict=True):
            error = torch.sigmoid(self.network.logits(user, movie)).sub_(target)
            sums.append(error.dot(error))
        total = float(torch.stack(sums).cpu().double().sum())
        return total * (high - low) ** 2 / len(self._valid[2])

    def _begin(self, epoch: int) -> None:
        order = torch.randperm(self.n_ratings, generator=self._generator(1, epoch))
        order = order.to(self.device)
        sizes = [last - first for first, last in pairwise(self.bounds)]
        parts = (torch.split(part.index_select(0, order), sizes) for part in self._train)
        self._batches = list(zip(*parts, strict=True))
        self._epoch = epoch

    def _mask(self, epoch: int, within: int, size: int, dropout: float) -> torch.Tensor | None:
        # A fresh Bernoulli mask makes a step three times as slow. So: a bank of random bytes per
        # epoch, read from a random place at each step and compared with the present dropout.
        threshold = round(256 * dropout)
        if threshold == 0:
            return None
        k = self.network.mask_columns
        if epoch != self._bank_epoch:
            generator = self._generator(2, epoch)
            largest = math.ceil(self.n_ratings / self.steps_per_epoch) * k
            words = torch.empty(_BANK_BATCHES * largest // 8 + 1, dtype=torch.int64)
            words.random_(-(2**63), None, generator=generator)
            self._bank = words.view(torch.uint8).to(self.device)
            room = len(self._bank) - largest
            places = torch.randint(room + 1, (self.steps_per_epoch,), generator=generator)
            self._places: list[int] = places.tolist()
            self._bank_epoch = epoch
        place = self._places[within]
        bytes_ = self._bank[place : place + size * k].view(size, k)
        return (bytes_ >= threshold).to(torch.float32).mul_(256 / (256 - threshold))

    def _generator(self, stream: int, epoch: int) -> torch.Generator:
        # three streams (weights, order, dropout), each with its own seed per epoch
        seed = (self.settings.seed * 3 + stream) * 1_000_003 + epoch
        return torch.Generator().manual_seed(seed % 2**63)


def _on_device(
    ratings: Ratings, device: torch.device, rating_range: tuple[float, float]
) -> tuple[torch.Tensor, ...]:
    # ratings as shares of their range, which the sigmoid predicts; copies, as arrays are read-only
    low, high = rating_range
    return (
        torch.tensor(ratings.user, dtype=torch.int64, device=device),
        torch.tensor(ratings.movie, dtype=torch.int64, device=device),
        torch.tensor((ratings.rating - low) / (high - low), dtype=torch.float32, device=device),
    )
