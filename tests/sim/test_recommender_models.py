"""The neural models: numpy against the formulas in plain Python, and training against torch.nn."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from sim.recommender import AttentionModel, MatrixFactorization, NeuMF, NeuralCF, split
from sim.recommender.autograd_networks import rated_movies
from sim.recommender.engine import Engine
from sim.recommender.model import RatingModel
from sim.recommender.records import Settings
from sim.recommender.rules import batch_rule
from tests.sim.test_recommender_engine import toy_ratings

TRAIN, VALID = split(toy_ratings())
SETTINGS = Settings(
    n_factors=4, batch_size=100, learning_rate=0.02, hidden=(6, 5), max_history=7, device="cpu"
)
MODELS = {"ncf": NeuralCF, "neumf": NeuMF, "attention": AttentionModel}


def trained(model: str, steps: int = 40) -> Engine:
    engine = Engine(TRAIN, VALID, replace(SETTINGS, model=model))  # type: ignore[arg-type]
    with torch.no_grad():
        for number in range(steps):
            engine.step(number, 0.0, 0.0)
    return engine


def finished(model: str) -> RatingModel:
    engine = trained(model)
    return engine.network.finished(engine.network.weights)


def sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def perceptron(model: NeuralCF, user: int, movie: int) -> float:
    x = [*model.user_factors[user].tolist(), *model.movie_factors[movie].tolist()]
    last = len(model.layer_weights) - 1
    for i, (weight, bias) in enumerate(zip(model.layer_weights, model.layer_biases, strict=True)):
        x = [sum(w * a for w, a in zip(row, x, strict=True)) for row in weight.tolist()]
        x = [a + b for a, b in zip(x, bias.tolist(), strict=True)]
        x = x if i == last else [max(a, 0.0) for a in x]
    return x[0]


def by_hand(model: RatingModel, user: int, movie: int) -> float:
    """The formula of each docstring, number by number."""
    if isinstance(model, NeuralCF):
        z = perceptron(model, user, movie)
    elif isinstance(model, NeuMF):
        part = model.product
        z = float(part.user_factors[user] @ part.movie_factors[movie])
        z += float(part.user_bias[user] + part.movie_bias[movie])
        z += perceptron(model.mlp, user, movie)
    else:
        assert isinstance(model, AttentionModel)
        q = model.movie_factors[movie]
        pairs = zip(model.history[user], model.liking[user], strict=True)
        rated = [(j, float(liking)) for j, liking in pairs if j not in (-1, movie)]
        products = [float(q @ model.taste_factors[j]) for j, _ in rated]
        weights = [math.exp(p / math.sqrt(len(q))) for p in products]
        z = float(model.user_bias[user] + model.movie_bias[movie])
        for w, (_, liking), p in zip(weights, rated, products, strict=True):
            z += w / sum(weights) * liking * p
    return 5.5 * sigmoid(z)


@pytest.mark.parametrize("kind", MODELS)
def test_predictions_are_the_formula_and_the_networks(kind: str) -> None:
    engine = trained(kind)
    model = engine.network.finished(engine.network.weights)
    assert isinstance(model, MODELS[kind])
    users, movies = (x.ravel() for x in np.mgrid[: model.n_users, : model.n_movies])
    predicted = model.predict(users, movies)
    assert predicted.std() > 0.2  # it has learnt something to compare
    expected = [by_hand(model, u, m) for u, m in zip(users, movies, strict=True)]
    np.testing.assert_allclose(predicted, expected, rtol=2e-5)
    with torch.no_grad():
        z = engine.network.logits(torch.tensor(users), torch.tensor(movies))
    np.testing.assert_allclose(predicted, 5.5 * torch.sigmoid(z).numpy(), rtol=2e-5)
    table = model.score_table(np.arange(model.n_users))
    np.testing.assert_allclose(table.ravel(), predicted, rtol=2e-5)
    np.testing.assert_allclose(model.scores(3), table[3], rtol=1e-6)
    assert np.array_equal(np.argsort(-model.order_table([3])[0]), np.argsort(-model.scores(3)))
    shown, ratings = model.recommend(3, 5, exclude=[int(table[3].argmax())])
    assert shown.tolist() == np.argsort(-table[3], kind="stable")[1:6].tolist()
    np.testing.assert_allclose(ratings, table[3][shown], rtol=1e-6)


class Textbook(torch.nn.Module):
    """The three models with torch.nn's own parts, or pair by pair, to train with autograd."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        network = engine.network
        self.kind, self.network = engine.settings.model, network
        start = {name: view.clone() for name, view in network._part.items()}
        self.tables = torch.nn.ModuleDict(
            {
                name: torch.nn.Embedding.from_pretrained(start[name], False)
                for name in network.tables
            }
        )
        if self.kind != "attention":
            inputs = 2 * SETTINGS.n_factors
            layers: list[torch.nn.Module] = []
            for i, (before, after) in enumerate(pairwise((inputs, *SETTINGS.hidden, 1))):
                layer = torch.nn.Linear(before, after)
                layer.weight.data, layer.bias.data = start[f"weight{i}"], start[f"bias{i}"]
                layers += [layer, torch.nn.ReLU()]
            self.mlp = torch.nn.Sequential(*layers[:-1])

    def forward(self, user: torch.Tensor, movie: torch.Tensor) -> torch.Tensor:
        k = SETTINGS.n_factors
        u, v = self.tables["user"](user), self.tables["movie"](movie)
        if self.kind == "attention":
            z = torch.stack([self.attend(*pair) for pair in zip(user, v, movie, strict=True)])
            return 5.5 * torch.sigmoid(z + u[:, 0] + v[:, k])
        z = self.mlp(torch.cat([u[:, -k:], v[:, -k:]], 1))[:, 0]
        if self.kind == "neumf":
            z = z + (u[:, :k] * v[:, :k]).sum(1) + u[:, k] + v[:, k + 1]
        return 5.5 * torch.sigmoid(z)

    def attend(self, user: torch.Tensor, v: torch.Tensor, movie: torch.Tensor) -> torch.Tensor:
        history, liking = rated_movies(TRAIN, SETTINGS.max_history, SETTINGS.seed)
        kept = [i for i, j in enumerate(history[user]) if j not in (-1, int(movie))]
        if not kept:
            return torch.zeros(())
        y = self.tables["taste"](torch.tensor(history[user][kept]))
        q = v[: SETTINGS.n_factors]
        # torch's own attention, with the ratings' deviations on the values
        values = y * torch.tensor(liking[user][kept])[:, None]
        pooled = torch.nn.functional.scaled_dot_product_attention(q[None], y, values)
        return pooled[0] @ q

    def flat(self) -> torch.Tensor:
        parts = {name: table.weight for name, table in self.tables.items()}
        if self.kind != "attention":
            linear = [layer for layer in self.mlp if isinstance(layer, torch.nn.Linear)]
            for i, layer in enumerate(linear):
                parts |= {f"weight{i}": layer.weight, f"bias{i}": layer.bias}
        return torch.cat([parts[name].detach().reshape(-1) for name in self.network._part])


@pytest.mark.parametrize("kind", MODELS)
def test_training_follows_the_textbook(kind: str) -> None:
    engine = Engine(TRAIN, VALID, replace(SETTINGS, model=kind))  # type: ignore[arg-type]
    textbook = Textbook(engine)
    rule = batch_rule(SETTINGS.learning_rate, 0.3, len(TRAIN) / engine.steps_per_epoch)
    optimizer = torch.optim.AdamW(
        textbook.parameters(),
        lr=rule.learning_rate,
        betas=rule.betas,
        eps=rule.eps,
        weight_decay=rule.weight_decay,
    )
    start = engine.network.weights.clone()
    for number in range(8):
        with torch.no_grad():
            loss = engine.step(number, 0.3, 0.0)
        user, movie, target = engine._batches[number % engine.steps_per_epoch]
        optimizer.zero_grad()
        expected = torch.nn.functional.mse_loss(textbook(user, movie), target * 5.5)
        expected.backward()
        optimizer.step()
        torch.testing.assert_close(loss, expected.detach(), rtol=1e-4, atol=1e-4)
    assert (engine.network.weights - start).abs().mean() > 0.01
    torch.testing.assert_close(engine.network.weights, textbook.flat(), rtol=1e-3, atol=2e-4)


@pytest.mark.parametrize("kind", ["ncf", "neumf"])
def test_dropout_is_on_the_hidden_layers_only(kind: str) -> None:
    """With all hidden units left out, only the last bias (and the product) is left."""
    engine = trained(kind)
    network = engine.network
    user, movie, _ = engine._batches[0]
    assert network.mask_columns == sum(SETTINGS.hidden)
    none = torch.zeros(len(user), network.mask_columns)
    with torch.no_grad():
        ids = network._ids(user, movie)  # type: ignore[attr-defined]
        z = network._forward(network._gather(ids), user, movie, none)  # type: ignore[attr-defined]
    model = network.finished(network.weights)
    if isinstance(model, NeuMF):
        rest = model.product._logits(user.numpy(), movie.numpy()) + model.mlp.layer_biases[-1][0]
    else:
        assert isinstance(model, NeuralCF)
        rest = np.full(len(user), model.layer_biases[-1][0])
    np.testing.assert_allclose(z.numpy(), rest, rtol=1e-5, atol=1e-6)


def test_attention_never_sees_the_rating_it_predicts() -> None:
    model = finished("attention")
    assert isinstance(model, AttentionModel)
    user = 4
    movie = int(model.history[user, 0])
    liking, taste = model.liking.copy(), model.taste_factors.copy()
    liking[user, 0] += 3
    taste[movie] += 1
    other = replace(model, liking=liking, taste_factors=taste)
    assert other.predict(user, movie) == pytest.approx(float(model.predict(user, movie)), abs=0)
    elsewhere = (movie + 1) % model.n_movies
    assert abs(other.predict(user, elsewhere) - model.predict(user, elsewhere)) > 1e-3
    rated, weight = model.attention(user, movie)
    assert movie not in rated
    assert sorted([*rated, movie]) == sorted(j for j in model.history[user] if j >= 0)
    assert weight.sum() == pytest.approx(1)
    assert (np.diff(weight) <= 0).all()


def test_a_user_without_other_ratings_has_only_the_biases() -> None:
    model = finished("attention")
    assert isinstance(model, AttentionModel)
    history = np.full_like(model.history, -1)
    history[1, 0] = 5
    bare = replace(model, history=history, liking=np.ones_like(model.liking))
    z = bare.user_bias[[0, 1]] + bare.movie_bias[5]
    np.testing.assert_allclose(bare.predict([0, 1], 5), 5.5 / (1 + np.exp(-z)), rtol=1e-6)
    np.testing.assert_allclose(bare.scores(1)[5], bare.predict(1, 5), rtol=1e-6)
    assert [len(part) for part in bare.attention(0, 5)] == [0, 0]


@pytest.mark.parametrize("most", [1, 5, 10_000])
def test_rated_movies_are_a_fair_draw(most: int) -> None:
    history, liking = rated_movies(TRAIN, most, seed=1)
    for user in range(TRAIN.n_users):
        own = TRAIN.user == user
        kept = history[user] >= 0
        assert kept.sum() == min(most, own.sum())
        assert not np.diff(kept.astype(int)).max(initial=-1) > 0  # filled up at the end
        mean = TRAIN.rating[own].mean() if own.any() else 0.0
        deviation = TRAIN.rating[own] - mean
        pairs = {(m, round(float(d), 4)) for m, d in zip(TRAIN.movie[own], deviation, strict=True)}
        drawn = zip(history[user][kept], liking[user][kept], strict=True)
        assert {(m, round(float(d), 4)) for m, d in drawn} <= pairs
        assert (liking[user][~kept] == 0).all()
    assert np.array_equal(history, rated_movies(TRAIN, most, seed=1)[0])
    if most < 10:
        assert not np.array_equal(history, rated_movies(TRAIN, most, seed=2)[0])


def test_parts_must_fit() -> None:
    ncf, neumf, attention = (finished(kind) for kind in MODELS)
    assert isinstance(ncf, NeuralCF)
    assert isinstance(neumf, NeuMF)
    assert isinstance(attention, AttentionModel)
    with pytest.raises(ValueError, match=r"^A layer is \(5, 6\); it must be \(5, 8\)\.$"):
        replace(ncf, layer_weights=ncf.layer_weights[1:], layer_biases=ncf.layer_biases[1:])
    with pytest.raises(ValueError, match="last layer has 5 outputs"):
        replace(ncf, layer_weights=ncf.layer_weights[:2], layer_biases=ncf.layer_biases[:2])
    with pytest.raises(ValueError, match="same number"):
        replace(ncf, user_factors=ncf.user_factors[:, :1])
    fewer = MatrixFactorization(
        neumf.product.user_factors[1:],
        neumf.product.movie_factors,
        neumf.product.user_bias[1:],
        neumf.product.movie_bias,
    )
    with pytest.raises(ValueError, match="same users and movies"):
        replace(neumf, product=fewer)
    with pytest.raises(ValueError, match="as many factors"):
        replace(attention, taste_factors=attention.taste_factors[:, 1:])
    with pytest.raises(ValueError, match="one bias for each movie"):
        replace(attention, movie_bias=attention.movie_bias[1:])
    with pytest.raises(ValueError, match="one row of rated movies"):
        replace(attention, history=attention.history[1:])
