"""The mean of several models, and `fit` that trains them."""

import numpy as np
import pytest

from sim.recommender import Ensemble, MatrixFactorization, fit, split
from tests.sim.test_recommender_engine import toy_ratings

PARTS = split(toy_ratings(n=1500), seed=3)


def drawn(seed: int, n_users: int = 3, span: float = 5.5) -> MatrixFactorization:
    rng = np.random.default_rng(seed)
    parts = [rng.normal(size=s).astype(np.float32) for s in ((n_users, 2), (5, 2), n_users, 5)]
    return MatrixFactorization(parts[0], parts[1], parts[2], parts[3], (0.0, span))


def test_it_predicts_the_mean() -> None:
    members = tuple(drawn(seed) for seed in range(3))
    ensemble = Ensemble(members)
    users, movies = (x.ravel() for x in np.mgrid[:3, :5])
    expected = sum(member.predict(users, movies) for member in members) / 3
    np.testing.assert_allclose(ensemble.predict(users, movies), expected, rtol=1e-12)
    table = np.reshape(expected, (3, 5))
    np.testing.assert_allclose(ensemble.score_table([0, 1, 2]), table, rtol=1e-6)
    np.testing.assert_allclose(ensemble.order_table([2]), table[2:], rtol=1e-6)
    assert ensemble.recommend(1, 2)[0].tolist() == np.argsort(-table[1])[:2].tolist()
    assert (ensemble.n_users, ensemble.n_movies, ensemble.rating_range) == (3, 5, (0.0, 5.5))


def test_members_must_fit() -> None:
    with pytest.raises(ValueError, match="at least one member"):
        Ensemble(())
    for other in (drawn(1, n_users=4), drawn(1, span=6.0)):
        with pytest.raises(ValueError, match="same users, movies and rating range"):
            Ensemble((drawn(0), other))


@pytest.mark.parametrize("model", ["dot", "attention"])
def test_fit_averages_independent_models(model: str) -> None:
    arguments = {
        "n_factors": 6,
        "epochs": 4,
        "batch_size": 64,
        "learning_rate": 0.02,
        "device": "cpu",
        "model": model,
        "weight_decay": 0.0,
    }
    together = fit(*PARTS, seed=7, n_models=3, **arguments)  # type: ignore[arg-type]
    alone = [fit(*PARTS, seed=seed, **arguments) for seed in (7, 8, 9)]  # type: ignore[arg-type]
    valid = PARTS[1]
    predicted = together.model.predict(valid.user, valid.movie)
    each = [one.model.predict(valid.user, valid.movie) for one in alone]
    np.testing.assert_allclose(predicted, np.mean(each, axis=0), rtol=1e-6)
    assert together.valid_loss == pytest.approx(float(((predicted - valid.rating) ** 2).mean()))
    assert [m.valid_loss for m in together.members] == [one.valid_loss for one in alone]
    assert len({member.valid_loss for member in together.members}) == 3
    losses = [record.valid_loss for record in together.history]
    assert losses == [record.valid_loss for record in alone[0].history]
    assert alone[0].members == ()
    # Jensen: the squared error of a mean is at most the mean of the squared errors
    assert together.valid_loss <= np.mean([one.valid_loss for one in alone])
    with pytest.raises(ValueError, match=r"^n_models is 0; .*\.$"):
        fit(*PARTS, n_models=0)
