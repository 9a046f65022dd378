"""One step of matrix factorisation on a device. This module and `training` import torch.

The hot path has no DataLoader and no autograd: the ratings stay on the device, one permutation
is drawn per epoch, and the gradient of the batch's mean squared error is written down in closed
form (`batch_gradient`; a test holds it to autograd). Users and movies share one table of weights,
users first; its last column is the bias. So one optimiser step covers everything.
"""

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from sim.recommender.model import MatrixFactorization
from sim.recommender.ratings import Ratings
from sim.recommender.records import Settings, batch_rule, one_cycle

_INITIAL_STD = 0.01  # as fastai's Embedding
_BANK_BATCHES = 4  # size of the bank of random bytes for dropout, in batches
_VALID_CHUNK = 1 << 18  # ratings at a time in validation: bounds the memory for large files


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


def batch_gradient(
    table: torch.Tensor,
    grad: torch.Tensor,
    user: torch.Tensor,
    movie: torch.Tensor,
    rating: torch.Tensor,
    rating_range: tuple[float, float],
    mask: torch.Tensor | None = None,
) -> torch.Tensor:
    """Write the gradient of a batch's mean squared error into `grad`; return that error.

    `table` and `grad` are (rows, k + 1), the last column being the bias; `user` and `movie` are
    row numbers of `table`, int64, shape (n,); `rating` is (n,). `mask`, shape (n, k), multiplies
    the products of factors (inverted dropout). The prediction is p = low + span · s with
    s = sigmoid(z) and z = Σ mask·u·v + b_u + b_m, so dL/dz = 2/n · (p − r) · span · s · (1 − s).
    """
    low, high = rating_range
    span = high - low
    k = table.shape[1] - 1
    user_rows, movie_rows = table.index_select(0, user), table.index_select(0, movie)
    u, v = user_rows[:, :k], movie_rows[:, :k]
    if mask is not None:
        u.mul_(mask)  # now u holds mask·u: right for z and for d/dv alike
    s = torch.sigmoid((u * v).sum(1).add_(user_rows[:, k]).add_(movie_rows[:, k]))
    error = torch.sub(s * span, rating - low)
    column = (error * s * (1 - s) * (2 * span / len(rating))).unsqueeze(1)
    # The gathered rows become the gradients: d/du = dz·mask·v, d/dv = dz·mask·u, d/db = dz.
    if mask is not None:
        v.mul_(mask)
    user_rows[:, k] = 1
    movie_rows[:, k] = 1
    grad.zero_()
    grad.index_add_(0, user, movie_rows.mul_(column))  # int64 ids: five times as fast as int32
    grad.index_add_(0, movie, user_rows.mul_(column))
    return error.square_().mean()


class Engine:
    """The weights, the ratings on the device, and one step of AdamW at a time.

    Everything random comes from `settings.seed` and the number of the epoch, drawn on the CPU: a
    run starts alike and sees the ratings in the same order on every device, and a change of a
    knob changes neither.
    """

    def __init__(self, train: Ratings, valid: Ratings, settings: Settings) -> None:
        self.settings = settings
        self.device = choose_device(settings.device)
        self.n_users, self.n_movies = train.n_users, train.n_movies
        self._train = _on_device(train, self.device)
        self._valid = _on_device(valid, self.device)
        self.n_ratings = len(train)
        self.steps_per_epoch = math.ceil(len(train) / settings.batch_size)
        # an epoch's batches differ by one rating at most: no small, noisy last batch
        self.bounds = [
            i * len(train) // self.steps_per_epoch for i in range(self.steps_per_epoch + 1)
        ]
        self.reset()

    def reset(self) -> None:
        """Go back to the initial weights: normal, standard deviation 0.01."""
        shape = (self.n_users + self.n_movies, self.settings.n_factors + 1)
        start = torch.randn(shape, generator=self._generator(0, 0)).mul_(_INITIAL_STD)
        self.table = torch.nn.Parameter(start.to(self.device), requires_grad=False)
        self.grad = torch.zeros_like(self.table)
        self.table.grad = self.grad
        self._epoch = -1
        self._bank_epoch = -1
        self.optimizer = self._make_optimizer()
        self.set_weight_decay(0.0)

    def set_weight_decay(self, weight_decay: float) -> None:
        """Decay with `weight_decay` (at the book's batch size) from the next step on."""
        size = self.n_ratings / self.steps_per_epoch
        scaled = batch_rule(self.settings.learning_rate, weight_decay, size)
        self.optimizer.param_groups[0]["weight_decay"] = scaled.weight_decay

    def step(self, number: int, dropout: float) -> torch.Tensor:
        """Take step `number` (from 0, counted over all epochs); return the batch's loss."""
        epoch, within = divmod(number, self.steps_per_epoch)
        if epoch != self._epoch:
            self._begin(epoch)
        first, last = self.bounds[within], self.bounds[within + 1]
        user, movie, rating = (part[first:last] for part in self._ordered)
        mask = self._mask(epoch, within, last - first, dropout)
        span = self.settings.rating_range
        loss = batch_gradient(self.table, self.grad, user, movie, rating, span, mask)
        if self.settings.schedule == "one_cycle":
            done = number / (self.settings.epochs * self.steps_per_epoch)
            self.optimizer.param_groups[0]["lr"] = self._learning_rate * one_cycle(done)
        self.optimizer.step()
        return loss

    def valid_loss(self) -> float:
        """Mean squared error on the validation ratings, without dropout."""
        low, high = self.settings.rating_range
        k = self.settings.n_factors
        total = 0.0
        n = len(self._valid[2])
        for first in range(0, n, _VALID_CHUNK):
            user, movie, rating = (part[first : first + _VALID_CHUNK] for part in self._valid)
            u, v = self.table.index_select(0, user), self.table.index_select(0, movie)
            z = (u[:, :k] * v[:, :k]).sum(1) + u[:, k] + v[:, k]
            error = torch.sigmoid(z).mul_(high - low).sub_(rating - low)
            total += float(error.square_().sum())
        return total / n

    def model(self, table: torch.Tensor) -> MatrixFactorization:
        """The finished model whose weights are `table`, as numpy arrays of its own."""
        weights = table.detach().cpu().numpy()
        k, n = self.settings.n_factors, self.n_users
        return MatrixFactorization(
            weights[:n, :k].copy(),
            weights[n:, :k].copy(),
            weights[:n, k].copy(),
            weights[n:, k].copy(),
            self.settings.rating_range,
        )

    def _begin(self, epoch: int) -> None:
        order = torch.randperm(self.n_ratings, generator=self._generator(1, epoch))
        order = order.to(self.device)
        self._ordered = tuple(part[order] for part in self._train)
        self._epoch = epoch

    def _mask(self, epoch: int, within: int, size: int, dropout: float) -> torch.Tensor | None:
        # A fresh Bernoulli mask makes a step three times as slow. So: a bank of random bytes per
        # epoch, read from a random place at each step and compared with the present dropout.
        threshold = round(256 * dropout)
        if threshold == 0:
            return None
        k = self.settings.n_factors
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

    def _make_optimizer(self) -> torch.optim.Optimizer:
        size = self.n_ratings / self.steps_per_epoch
        rule = batch_rule(self.settings.learning_rate, 0.0, size)
        self._learning_rate = rule.learning_rate
        arguments = {"lr": rule.learning_rate, "betas": rule.betas, "eps": rule.eps}
        try:
            return torch.optim.AdamW([self.table], fused=True, **arguments)  # type: ignore[arg-type]
        except RuntimeError:  # a device without the fused kernel
            return torch.optim.AdamW([self.table], foreach=True, **arguments)  # type: ignore[arg-type]


def _on_device(ratings: Ratings, device: torch.device) -> tuple[torch.Tensor, ...]:
    # movies come after the users in the joint table; copies, as the arrays may be read-only
    return (
        torch.tensor(ratings.user, dtype=torch.int64, device=device),
        torch.tensor(ratings.movie + ratings.n_users, dtype=torch.int64, device=device),
        torch.tensor(ratings.rating, dtype=torch.float32, device=device),
    )
