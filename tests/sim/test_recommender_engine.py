"""One step against autograd and torch.optim; devices; the batch rule; the price of dropout."""

import math
import statistics
import sys
import time
from itertools import pairwise

import numpy as np
import pytest
import torch

from sim.recommender.engine import Engine, batch_gradient, choose_device, flushed_denormals
from sim.recommender.ratings import Ratings, movielens, split
from sim.recommender.records import Knobs, Settings, batch_rule, one_cycle


def toy_ratings(n_users: int = 30, n_movies: int = 40, n: int = 600, seed: int = 0) -> Ratings:
    """Ratings from two hidden factors and noise; some users and movies may go without any."""
    rng = np.random.default_rng(seed)
    user, movie = rng.integers(n_users, size=n), rng.integers(n_movies, size=n)
    u, v = rng.normal(size=(n_users, 2)), rng.normal(size=(n_movies, 2))
    rating = 3 + np.tanh((u[user] * v[movie]).sum(1)) + 0.5 * rng.normal(size=n)
    users, movies = (tuple(map(str, range(k))) for k in (n_users, n_movies))
    clipped = rating.clip(0.5, 5).astype(np.float32)
    return Ratings(user, movie, clipped, movies, ((),) * n_movies, users, movies)


class Reference(torch.nn.Module):
    """The same model in the textbook's form: embeddings, autograd and the loss from torch."""

    def __init__(self, n_users: int, n_movies: int, k: int) -> None:
        super().__init__()
        self.u, self.v = torch.nn.Embedding(n_users, k), torch.nn.Embedding(n_movies, k)
        self.bu, self.bv = torch.nn.Embedding(n_users, 1), torch.nn.Embedding(n_movies, 1)

    def load(self, table: torch.Tensor) -> None:
        n, k = self.u.weight.shape
        with torch.no_grad():
            for part, value in zip(
                (self.u, self.v, self.bu, self.bv),
                (table[:n, :k], table[n:, :k], table[:n, k:], table[n:, k:]),
                strict=True,
            ):
                part.weight.copy_(value)

    def table(self, grads: bool = False) -> torch.Tensor:
        u, v, bu, bv = (p.weight.grad if grads else p.weight.detach() for p in self.children())
        return torch.cat([torch.cat([u, bu], 1), torch.cat([v, bv], 1)])

    def forward(
        self, user: torch.Tensor, movie: torch.Tensor, mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        product = self.u(user) * self.v(movie)
        if mask is not None:
            product = product * mask
        z = product.sum(1) + self.bu(user)[:, 0] + self.bv(movie)[:, 0]
        return 5.5 * torch.sigmoid(z)


@pytest.mark.parametrize("with_mask", [False, True])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_closed_form_gradient_is_autograds(with_mask: bool, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(3)
    n_users, n_movies, k, n = 7, 9, 5, 64  # rows repeat within the batch, and some are absent
    reference = Reference(n_users, n_movies, k).to(dtype)
    table = torch.randn(n_users + n_movies, k + 1, generator=generator, dtype=dtype)
    reference.load(table)
    user = torch.randint(n_users - 1, (n,), generator=generator)
    movie = torch.randint(n_movies - 1, (n,), generator=generator)
    rating = torch.rand(n, generator=generator, dtype=dtype) * 5
    mask = (torch.rand(n, k, generator=generator) > 0.4).to(dtype) / 0.6 if with_mask else None

    expected = torch.nn.functional.mse_loss(reference(user, movie, mask), rating)
    expected.backward()
    grad = torch.full_like(table, 99.0)  # what was there before must not matter
    before = table.clone()
    loss = batch_gradient(table, grad, user, movie + n_users, rating, (0.0, 5.5), mask)

    tolerance = 1e-12 if dtype == torch.float64 else 1e-5
    torch.testing.assert_close(loss, expected.detach(), rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(grad, reference.table(grads=True), rtol=tolerance, atol=tolerance)
    assert torch.equal(table, before)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("schedule", ["constant", "one_cycle"])
def test_steps_follow_torchs_adamw(dropout: float, schedule: str) -> None:
    train, valid = split(toy_ratings())
    settings = Settings(
        n_factors=4,
        batch_size=100,
        learning_rate=0.02,
        epochs=3,
        seed=5,
        device="cpu",
        schedule=schedule,  # type: ignore[arg-type]
    )
    engine = Engine(train, valid, settings)
    engine.set_weight_decay(0.3)
    reference = Reference(train.n_users, train.n_movies, 4)
    reference.load(engine.table.detach())
    size = len(train) / engine.steps_per_epoch
    rule = batch_rule(0.02, 0.3, size)
    optimizer = torch.optim.AdamW(
        reference.parameters(),
        lr=rule.learning_rate,
        betas=rule.betas,
        eps=rule.eps,
        weight_decay=rule.weight_decay,
    )
    total = settings.epochs * engine.steps_per_epoch
    for number in range(total):
        loss = engine.step(number, dropout)
        within = number % engine.steps_per_epoch
        first, last = engine.bounds[within], engine.bounds[within + 1]
        user, movie, rating = (part[first:last] for part in engine._ordered)
        mask = engine._mask(number // engine.steps_per_epoch, within, last - first, dropout)
        if schedule == "one_cycle":
            optimizer.param_groups[0]["lr"] = rule.learning_rate * one_cycle(number / total)
        optimizer.zero_grad()
        expected = torch.nn.functional.mse_loss(
            reference(user, movie - train.n_users, mask), rating
        )
        expected.backward()
        optimizer.step()
        torch.testing.assert_close(loss, expected.detach(), rtol=1e-4, atol=1e-4)
    moved = (reference.table() - Engine(train, valid, settings).table).abs().mean()
    assert moved > 0.02  # the comparison is of weights that went somewhere
    torch.testing.assert_close(engine.table.detach(), reference.table(), rtol=1e-3, atol=1e-4)


def test_an_epoch_sees_every_rating_once_in_equal_batches() -> None:
    train, valid = split(toy_ratings(n=777))
    engine = Engine(train, valid, Settings(batch_size=100, device="cpu"))
    orders = []
    for epoch in range(2):
        engine.step(epoch * engine.steps_per_epoch, 0.0)
        user, movie, rating = (part.numpy() for part in engine._ordered)
        seen = sorted(zip(user, movie - train.n_users, rating, strict=True))
        assert seen == sorted(zip(train.user, train.movie, train.rating, strict=True))
        orders.append(movie.copy())
    assert not np.array_equal(*orders)
    sizes = np.diff(engine.bounds)
    assert sizes.sum() == len(train)
    assert sizes.max() <= 100
    assert np.ptp(sizes) <= 1


@pytest.mark.parametrize("dropout", [0.1, 0.5, 0.9])
def test_dropout_masks_keep_the_mean(dropout: float) -> None:
    train, valid = split(toy_ratings(n=20_000))
    engine = Engine(train, valid, Settings(n_factors=64, batch_size=1000, device="cpu"))
    masks = [engine._mask(e, s, 1000, dropout) for e in range(3) for s in range(5)]
    kept = [float((mask > 0).float().mean()) for mask in masks if mask is not None]
    # 64,000 draws each; five standard errors, and half a step of 1/256
    assert all(abs(1 - share - dropout) < 0.012 for share in kept)
    values = torch.cat([mask.unique() for mask in masks if mask is not None]).unique()
    assert values.tolist() == pytest.approx([0, 1 / (1 - round(256 * dropout) / 256)])
    same = engine._mask(2, 4, 1000, dropout)
    assert torch.equal(same, masks[-1])  # type: ignore[arg-type]
    assert not torch.equal(masks[0], masks[-1])  # type: ignore[arg-type]


def test_dropout_costs_less_than_another_step() -> None:
    train, valid = split(movielens())
    engine = Engine(train, valid, Settings(device="cpu"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        seconds: dict[float, list[float]] = {0.0: [], 0.5: []}
        with flushed_denormals():
            for number in range(3 * engine.steps_per_epoch):
                dropout = 0.5 * (number % 2)  # alternating, so that a busy machine hits both
                began = time.perf_counter()
                engine.step(number, dropout)
                seconds[dropout].append(time.perf_counter() - began)
    finally:
        torch.set_num_threads(threads)
    assert statistics.median(seconds[0.5]) < 2 * statistics.median(seconds[0.0])


def test_validation_loss_is_the_models() -> None:
    train, valid = split(toy_ratings())
    engine = Engine(train, valid, Settings(n_factors=3, device="cpu"))
    with torch.no_grad():
        engine.table.normal_(generator=torch.Generator().manual_seed(1))
    model = engine.model(engine.table)
    error = model.predict(valid.user, valid.movie) - valid.rating
    assert engine.valid_loss() == pytest.approx(float((error**2).mean()), rel=1e-5)


def test_denormals_are_put_back() -> None:
    smallest = sys.float_info.min
    assert smallest * 0.5 != 0
    with flushed_denormals():
        assert smallest * 0.5 == 0
        with flushed_denormals():
            pass
        assert smallest * 0.5 == 0
    assert smallest * 0.5 != 0


def test_an_optimizer_without_the_fused_kernel_does_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train, valid = split(toy_ratings())
    settings = Settings(n_factors=4, batch_size=64, device="cpu")
    tables = []
    real = torch.optim.AdamW

    def unfused(*args: object, **kwargs: object) -> torch.optim.Optimizer:
        if kwargs.get("fused"):
            raise RuntimeError("`fused=True` is not supported here")
        return real(*args, **kwargs)  # type: ignore[arg-type]

    for make in (real, unfused):
        monkeypatch.setattr(torch.optim, "AdamW", make)
        engine = Engine(train, valid, settings)
        engine.set_weight_decay(0.1)
        for number in range(20):
            engine.step(number, 0.0)
        tables.append(engine.table.detach().clone())
    torch.testing.assert_close(tables[0], tables[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [
        (True, True, "cuda"),
        (True, False, "cuda"),
        (False, True, "mps"),
        (False, False, "cpu"),
    ],
)
def test_the_best_device_is_chosen(
    monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, expected: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert choose_device().type == expected
    assert choose_device("cpu").type == "cpu"
    for name, there in (("cuda", cuda), ("mps", mps)):
        if there:
            assert choose_device(name).type == name
        else:
            with pytest.raises(ValueError, match=f"There is no device '{name}'"):
                choose_device(name)
    with pytest.raises(ValueError, match="No device is called 'abacus'"):
        choose_device("abacus")


def test_batch_rule() -> None:
    book = batch_rule(5e-3, 0.1, 64)
    assert (book.learning_rate, book.weight_decay, book.eps) == (5e-3, 0.1, 1e-5)
    assert book.betas == pytest.approx((0.9, 0.99))
    four = batch_rule(5e-3, 0.1, 256)
    assert (four.learning_rate, four.weight_decay) == pytest.approx((1e-2, 0.2))
    assert four.betas == pytest.approx((0.6, 0.96))
    assert four.eps == pytest.approx(5e-6)
    assert batch_rule(5e-3, 0.1, 1_000_000).betas == (0.0, 0.0)


def test_one_cycle_goes_up_and_down() -> None:
    course = [one_cycle(i / 400) for i in range(401)]
    assert course[0] == pytest.approx(1 / 25)
    assert course[400] == pytest.approx(1e-5)
    assert course[100] == max(course) == pytest.approx(1)
    assert all(a < b for a, b in pairwise(course[:101]))
    assert all(a > b for a, b in pairwise(course[100:]))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n_factors", 0),
        ("batch_size", 0),
        ("epochs", 0),
        ("points_per_epoch", 0),
        ("learning_rate", 0.0),
        ("learning_rate", math.nan),
        ("seed", -1),
        ("rating_range", (5.0, 5.0)),
        ("schedule", "cosine"),
    ],
)
def test_settings_are_checked(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"^{field} is .*\.$"):
        Settings(**{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "value"),
    [("weight_decay", -1.0), ("weight_decay", math.inf), ("dropout", 1.0), ("patience", 0)],
)
def test_knobs_are_checked(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"^{field} is .*\.$"):
        Knobs(**{field: value})  # type: ignore[arg-type]
