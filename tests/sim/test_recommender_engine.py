"""One step against autograd and torch.optim; devices; the batch rule; the price of dropout."""

import math
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from sim.recommender import engine as engine_module
from sim.recommender.engine import Engine, choose_device, flushed_denormals
from sim.recommender.networks import dot_gradient
from sim.recommender.optimizers import make_optimizer
from sim.recommender.ratings import Ratings, movielens, split
from sim.recommender.records import Knobs, Settings, batch_rule, one_cycle
from sim.recommender.rules import DENSE_RATE, MOMENTUM, TABLE_RATE
from tests.waiting import LIMIT

ROOT = Path(__file__).parents[2]


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

    def load(self, users: torch.Tensor, movies: torch.Tensor) -> None:
        """From the tables of `dot_gradient`: a column is left out of each."""
        k = self.u.weight.shape[1]
        parts = (users[:, :k], movies[:, :k], users[:, k : k + 1], movies[:, k + 1 :])
        with torch.no_grad():
            for part, value in zip(self.children(), parts, strict=True):
                part.weight.copy_(value)  # type: ignore[union-attr, operator]

    def parts(self, grads: bool = False) -> list[torch.Tensor]:
        return [p.weight.grad if grads else p.weight.detach() for p in self.children()]

    def forward(
        self, user: torch.Tensor, movie: torch.Tensor, mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        product = self.u(user) * self.v(movie)
        if mask is not None:
            product = product * mask
        z = product.sum(1) + self.bu(user)[:, 0] + self.bv(movie)[:, 0]
        return 5.5 * torch.sigmoid(z)


def parts_of(users: torch.Tensor, movies: torch.Tensor) -> list[torch.Tensor]:
    """Factors of users and movies, and their biases, out of the tables of `dot_gradient`."""
    k = users.shape[1] - 2
    return [users[:, :k], movies[:, :k], users[:, k : k + 1], movies[:, k + 1 :]]


@pytest.mark.parametrize("with_mask", [False, True])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_closed_form_gradient_is_autograds(with_mask: bool, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(3)
    n_users, n_movies, k, n = 7, 9, 5, 64  # rows repeat within the batch, and some are absent
    reference = Reference(n_users, n_movies, k).to(dtype)
    users = torch.randn(n_users, k + 2, generator=generator, dtype=dtype)
    movies = torch.randn(n_movies, k + 2, generator=generator, dtype=dtype)
    reference.load(users, movies)
    user = torch.randint(n_users - 1, (n,), generator=generator)
    movie = torch.randint(n_movies - 1, (n,), generator=generator)
    rating = torch.rand(n, generator=generator, dtype=dtype) * 5
    mask = (torch.rand(n, k, generator=generator) > 0.4).to(dtype) / 0.6 if with_mask else None

    expected = torch.nn.functional.mse_loss(reference(user, movie, mask), rating)
    expected.backward()
    before = users.clone(), movies.clone()
    grads = torch.zeros_like(users), torch.zeros_like(movies)
    loss = dot_gradient(users, movies, *grads, user, movie, rating / 5.5, 5.5, mask)

    tolerance = 1e-12 if dtype == torch.float64 else 1e-5
    torch.testing.assert_close(loss, expected.detach(), rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(
        parts_of(*grads), reference.parts(grads=True), rtol=tolerance, atol=tolerance
    )
    assert torch.equal(users, before[0])
    assert torch.equal(movies, before[1])


def torch_optimizer(
    kind: str, parameters: Iterable[torch.Tensor], rate: float, decay: float, size: float
) -> torch.optim.Optimizer:
    """The optimizer of torch.optim that `make_optimizer` is to be equal to, for tables."""
    rule = batch_rule(rate, decay, size)
    if kind == "sgd":
        rate = rate * TABLE_RATE * size / 64
        return torch.optim.SGD(parameters, lr=rate, momentum=MOMENTUM, weight_decay=decay)
    make, decay = (
        (torch.optim.AdamW, rule.weight_decay) if kind == "adamw" else (torch.optim.Adam, decay)
    )
    return make(
        parameters, lr=rule.learning_rate, betas=rule.betas, eps=rule.eps, weight_decay=decay
    )


OPTIMIZERS = {"adamw": 0.3, "adam_l2": 1e-3, "sgd": 1e-2}  # and a weight decay that acts


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("schedule", ["constant", "one_cycle"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_steps_follow_torchs_optimizers(dropout: float, schedule: str, optimizer: str) -> None:
    train, valid = split(toy_ratings())
    settings = Settings(
        n_factors=4,
        batch_size=100,
        learning_rate=0.005 if optimizer == "sgd" else 0.02,
        epochs=3,
        seed=5,
        device="cpu",
        schedule=schedule,  # type: ignore[arg-type]
        optimizer=optimizer,  # type: ignore[arg-type]
    )
    decay = OPTIMIZERS[optimizer]
    engine = Engine(train, valid, settings)
    reference = Reference(train.n_users, train.n_movies, 4)
    tables = engine.network._part["user"], engine.network._part["movie"]
    reference.load(*tables)
    start = reference.parts()[0].clone()
    size = len(train) / engine.steps_per_epoch
    theirs = torch_optimizer(optimizer, reference.parameters(), settings.learning_rate, decay, size)
    rate = theirs.param_groups[0]["lr"]
    total = settings.epochs * engine.steps_per_epoch
    for number in range(total):
        loss = engine.step(number, decay, dropout)
        epoch, within = divmod(number, engine.steps_per_epoch)
        user, movie, target = engine._batches[within]
        mask = engine._mask(epoch, within, len(target), dropout)
        if schedule == "one_cycle":
            theirs.param_groups[0]["lr"] = rate * one_cycle(number / total)
        theirs.zero_grad()
        expected = torch.nn.functional.mse_loss(reference(user, movie, mask), target * 5.5)
        expected.backward()
        theirs.step()
        torch.testing.assert_close(loss, expected.detach(), rtol=1e-4, atol=1e-4)
    assert (reference.parts()[0] - start).abs().mean() > 0.002  # it went somewhere
    torch.testing.assert_close(parts_of(*tables), reference.parts(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_optimizers_are_torchs_on_any_gradient(
    monkeypatch: pytest.MonkeyPatch, optimizer: str, fused: bool
) -> None:
    """With and without torch's one-pass kernels, and a knob turned half-way."""
    if not fused:
        monkeypatch.delattr(torch, "_fused_adamw_")
        monkeypatch.delattr(torch, "_fused_adam_")
    generator = torch.Generator().manual_seed(1)
    weights, grad = torch.randn(40, generator=generator), torch.zeros(40)
    theirs = weights[:30].clone().requires_grad_(), weights[30:].clone().requires_grad_()
    settings = Settings(learning_rate=1e-3, batch_size=128, optimizer=optimizer)  # type: ignore[arg-type]
    ours = make_optimizer(settings, weights, grad, 30, 1280)
    reference = torch_optimizer(optimizer, theirs[:1], 1e-3, 0.0, 128)
    reference.add_param_group({"params": theirs[1:]})
    if optimizer == "sgd":
        reference.param_groups[1]["lr"] = 1e-3 * 2 * DENSE_RATE
    scale = batch_rule(1e-3, 1.0, 128).weight_decay if optimizer == "adamw" else 1.0
    for number in range(12):
        decay = OPTIMIZERS[optimizer] * (number >= 6)
        for group in reference.param_groups:
            group["weight_decay"] = decay * scale
        drawn = torch.randn(40, generator=generator)
        grad.copy_(drawn)
        theirs[0].grad, theirs[1].grad = drawn[:30].clone(), drawn[30:].clone()
        ours.step(1.0, decay)
        reference.step()
        torch.testing.assert_close(weights, torch.cat(theirs).detach(), rtol=1e-5, atol=1e-6)


def test_sgd_stops_growing_with_the_batch() -> None:
    moved = []
    for batch in (64, 1024, 4096):
        weights, grad = torch.zeros(2), torch.ones(2)
        settings = Settings(optimizer="sgd", batch_size=batch)
        make_optimizer(settings, weights, grad, 1, 65_536).step(1.0, 0.0)
        moved.append((-weights).tolist())
    assert np.array(moved) == pytest.approx(np.array([[0.25, 0.05], [0.8, 0.1], [0.8, 0.1]]))


def test_the_first_run_does_not_wait_for_torchs_compiler() -> None:
    code = (
        "import sys, torch\n"
        "from tests.sim.test_recommender_engine import toy_ratings\n"
        "from sim.recommender import Knobs, Settings, Trainer, split\n"
        "for model in ('dot', 'neumf'):\n"
        "    for optimizer in ('adamw', 'adam_l2', 'sgd'):\n"
        "        settings = Settings(model=model, optimizer=optimizer, device='cpu')\n"
        "        Trainer(*split(toy_ratings()), settings).run_epoch(Knobs(0.1, 0.5))\n"
        "assert 'torch._dynamo' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=LIMIT)


@pytest.mark.parametrize("model", ["dot", "ncf", "neumf", "attention"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_step_stays_on_its_device(
    monkeypatch: pytest.MonkeyPatch, model: str, optimizer: str
) -> None:
    """On the device "meta", which has no numbers: mixing devices or asking for one is an error."""
    monkeypatch.setattr(engine_module, "choose_device", lambda name: torch.device("meta"))
    settings = Settings(
        n_factors=4,
        batch_size=100,
        model=model,  # type: ignore[arg-type]
        optimizer=optimizer,  # type: ignore[arg-type]
    )
    engine = Engine(*split(toy_ratings()), settings)
    with torch.no_grad():
        for number in range(engine.steps_per_epoch + 1):
            assert engine.step(number, 0.1, 0.5 * (number % 2)).is_meta
    assert engine.network.weights.is_meta


def test_an_epoch_sees_every_rating_once_in_equal_batches() -> None:
    train, valid = split(toy_ratings(n=777))
    engine = Engine(train, valid, Settings(batch_size=100, device="cpu"))
    orders = []
    for epoch in range(2):
        engine.step(epoch * engine.steps_per_epoch, 0.0, 0.0)
        parts = zip(*engine._batches, strict=True)
        user, movie, target = (torch.cat(part).numpy() for part in parts)
        assert [len(batch[0]) for batch in engine._batches] == np.diff(engine.bounds).tolist()
        seen = sorted(zip(user, movie, (target * 5.5).round(4), strict=True))
        given = zip(train.user, train.movie, train.rating.round(4), strict=True)
        assert np.array(seen) == pytest.approx(np.array(sorted(given)), abs=2e-4)
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
                dropout = 0.5 * (number % 2)  # alternating: a busy machine hits both
                began = time.thread_time()
                engine.step(number, 0.1, dropout)
                seconds[dropout].append(time.thread_time() - began)
    finally:
        torch.set_num_threads(threads)
    assert statistics.median(seconds[0.5]) < 2 * statistics.median(seconds[0.0])


def test_validation_loss_is_the_models() -> None:
    train, valid = split(toy_ratings())
    engine = Engine(train, valid, Settings(n_factors=3, device="cpu"))
    with torch.no_grad():
        engine.network.weights.normal_(generator=torch.Generator().manual_seed(1))
    model = engine.network.finished(engine.network.weights)
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


def test_of_much_data_rates_are_quoted_at_a_larger_batch() -> None:
    """An epoch shrinks weights by the same factor, however much data and whatever the batch."""
    for n_train in (80_000, 80_003, 1_000_000, 25_000_000):
        for batch in (64, 1024, 65_536):
            rule = batch_rule(5e-3, 0.1, batch, n_train)
            steps = n_train / batch
            assert steps * rule.learning_rate * rule.weight_decay == pytest.approx(0.625, rel=1e-3)
    assert batch_rule(5e-3, 0.1, 256, 5_000) == batch_rule(5e-3, 0.1, 256)  # little data: as before


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
        ("model", "svd"),
        ("optimizer", "lion"),
        ("hidden", ()),
        ("hidden", (8, 0)),
        ("max_history", 0),
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
