"""How large a model may be: counted as the trainer makes it, and refused before it is made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sim.recommender import Settings, Trainer, split
from sim.recommender.ratings import Ratings
from sim.recommender.size import MOST_WEIGHTS, check_size, most_factors, n_weights


@pytest.mark.parametrize("model", ["dot", "ncf", "neumf", "attention"])
@pytest.mark.parametrize("n_movies", [10, 100_000, 1_000_000, 3_000_000])
def test_the_most_factors_fit_and_one_more_does_not(model: str, n_movies: int) -> None:
    settings = Settings(n_factors=200, model=model)  # type: ignore[arg-type]
    most = most_factors(settings, 1000, n_movies)
    sizes = [n_weights(replace(settings, n_factors=k), 1000, n_movies) for k in range(1, 202)]
    assert sizes == sorted(sizes)
    assert most == 200 or sizes[most] > MOST_WEIGHTS
    assert most == 0 or sizes[most - 1] <= MOST_WEIGHTS


def test_movielens_32m_fits_and_a_million_items_with_200_factors_do_not() -> None:
    check_size(Settings(n_factors=50), 200_948, 84_432)
    with pytest.raises(ValueError, match="At most 18 factors fit"):
        check_size(Settings(n_factors=200), 10, 1_000_000)


def test_the_trainer_refuses_before_it_makes_anything() -> None:
    n = 1_000_000
    ids = tuple(map(str, range(n)))
    ratings = Ratings(
        np.arange(40) % 4,
        np.arange(40) // 4,
        np.float32(np.arange(40) % 5),
        ids,
        ((),) * n,
        ("a", "b", "c", "d"),
        ids,
    )
    with pytest.raises(ValueError, match=r"201,000,804 weights; at most 20,000,000"):
        Trainer(*split(ratings), Settings(n_factors=200))
