"""The ratings and the trainers that `recommender.py` compares: ours, and peers from PyPI.

A trainer is two functions, `prepare` and `fit`, so that preparing the data is counted for all alike
and can still be told apart. All begin with the same arrays of ids and ratings; `fit` gives back a
function that predicts the validation rows, which nobody's time includes.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.recommender import Ratings, fit
from sim.recommender.ratings import read_ratings

Predict = Callable[[], NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """Ratings, and which rows of them are to train on and which to predict."""

    user: NDArray[Any]
    item: NDArray[Any]
    rating: NDArray[np.float32]
    train: NDArray[np.int64]
    valid: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Trainer:
    """`prepare(task)` gives what `fit` takes; `package` is the name to import, `pip` to install."""

    name: str
    prepare: Callable[[Task], Any]
    fit: Callable[[Any], Predict]
    package: str = "sim"
    pip: str = ""

    def installed(self) -> bool:
        """Whether the package can be imported; a sentence where it cannot."""
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                importlib.import_module(self.package)
        except ImportError as error:
            print(f"  {self.name} is left out ({error}): `pip install {self.pip}` brings it.")
            return False
        return True


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds of processor time, seconds by the clock, and the mean squared error."""

    prepare: float
    fit: float
    wall: float
    mse: float

    @property
    def seconds(self) -> float:
        return self.prepare + self.fit


def run(trainer: Trainer, task: Task) -> Run:
    """Train once, timed; what the peer prints is swallowed."""
    gc.collect()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        wall, start = time.perf_counter(), time.process_time()
        data = trainer.prepare(task)
        prepared = time.process_time()
        predict = trainer.fit(data)
        end, wall = time.process_time(), time.perf_counter() - wall
        error = np.asarray(predict(), dtype=np.float64) - task.rating[task.valid]
    return Run(prepared - start, end - prepared, wall, float(np.square(error).mean()))


def movielens_task(folder: str, seed: int, rows: int | None = None) -> Task:
    """MovieLens 100K, split as in the published comparisons; of its first `rows` if given."""
    ratings = read_ratings(folder)
    n = rows or len(ratings)
    order = np.random.RandomState(seed).permutation(n)
    user = np.array(ratings.user_ids, dtype=np.int64)[ratings.user[:n]]
    item = np.array(ratings.movie_ids, dtype=np.int64)[ratings.movie[:n]]
    return Task(user, item, ratings.rating[:n], order[n // 5 :], order[: n // 5])


@dataclass(frozen=True, slots=True)
class Size:
    """So many synthetic ratings, by so many users of so many movies."""

    millions: int
    n_users: int
    n_movies: int


def synthetic_task(size: Size, rank: int = 8) -> tuple[Task, NDArray[np.float32]]:
    """Ratings from 0.5 to 5 in halves, no pair twice, 1 % for validation; and their expectation.

    The r-th of n users or movies comes up as often as 1 / (r + n/20): Zipf's law with Mandelbrot's
    flat head, without which the first user would rate all movies. The expectation is a mean, two
    biases and a matrix of rank `rank`.
    """
    rng, n = np.random.default_rng(0), size.millions * 1_000_000
    counts = size.n_users, size.n_movies
    shares = [np.cumsum(1 / (np.arange(count) + count / 20)) for count in counts]
    pairs = np.empty(0, dtype=np.int64)
    while len(pairs) < n:
        user, item = (np.searchsorted(share, rng.random(n // 2) * share[-1]) for share in shares)
        pairs = np.union1d(pairs, user * size.n_movies + item)
    user, item = np.divmod(rng.permutation(pairs)[:n], size.n_movies)
    truth = np.full(n, 3.5, dtype=np.float32)
    truth += rng.normal(0, 0.5, size.n_users)[user] + rng.normal(0, 0.5, size.n_movies)[item]
    for _ in range(rank):
        truth += rng.normal(0, 0.4, size.n_users)[user] * rng.normal(0, 0.4, size.n_movies)[item]
    rating = np.round(2 * (truth + rng.normal(0, 0.8, n))) / 2
    rating = np.clip(rating, 0.5, 5).astype(np.float32)
    rows = np.arange(n)
    return Task(user, item, rating, rows[n // 100 :], rows[: n // 100]), np.clip(truth, 0.5, 5)


# Ours


def numbered(task: Task) -> tuple[Ratings, Ratings]:
    """The package's own ratings from the bare arrays; training and validation."""
    (user, users), (item, items) = (pd.factorize(ids, sort=True) for ids in (task.user, task.item))
    unknown = ("",) * len(items), ((),) * len(items)  # titles and genres
    ids = tuple(map(str, users.tolist())), tuple(map(str, items.tolist()))
    whole = Ratings(user.astype(np.int64), item.astype(np.int64), task.rating, *unknown, *ids)
    return whole.take(task.train), whole.take(task.valid)


def ours(name: str, **settings: Any) -> Trainer:
    def train(data: tuple[Ratings, Ratings]) -> Predict:
        found, valid = fit(*data, device="cpu", **settings), data[1]
        return lambda: found.model.predict(valid.user, valid.movie)

    return Trainer(name, numbered, train)


# Peers


def fastai_book() -> Trainer:
    """The book's chapter 8, with the loader that permutes the rows."""

    def prepare(task: Task) -> Any:
        from fastai.collab import TabularCollab
        from fastai.data.transforms import IndexSplitter
        from fastai.tabular.all import Categorify, TabDataLoader, TransformBlock

        frame = frame_of(task)
        splits = IndexSplitter(task.valid.tolist())(frame)
        table = TabularCollab(
            frame,
            [Categorify],
            ["user", "item"],
            y_names=["rating"],
            y_block=TransformBlock(),
            splits=splits,
        )
        return table.dataloaders(bs=64, dl_type=TabDataLoader, device="cpu")

    def train(loaders: Any) -> Predict:
        from fastai.collab import collab_learner

        learner = collab_learner(loaders, n_factors=50, y_range=(0, 5.5))
        learner.fit_one_cycle(5, 5e-3, wd=0.1)
        return lambda: learner.get_preds(dl=loaders.valid)[0].numpy().ravel()

    return Trainer("fastai, the book's code", prepare, train, "fastai", "fastai==2.8.12")


def cornac_mf(name: str, iterations: int, learning_rate: float, penalty: float) -> Trainer:
    def prepare(task: Task) -> Any:
        from cornac.data import Dataset

        columns = (task.user[task.train], task.item[task.train], task.rating[task.train])
        return Dataset.from_uir(list(zip(*(c.tolist() for c in columns), strict=True))), task

    def train(data: Any) -> Predict:
        from cornac.models import MF

        dataset, task = data
        model = MF(
            k=50,
            max_iter=iterations,
            learning_rate=learning_rate,
            lambda_reg=penalty,
            num_threads=1,
            seed=0,
        ).fit(dataset)
        return lambda: cornac_predict(model, task)

    return Trainer(name, prepare, train, "cornac", "cornac")


def cornac_predict(model: Any, task: Task) -> NDArray[Any]:
    """As its own `rate`, for all rows at once; whom it has not met gets the mean and no bias."""
    rows = []
    for ids, known in ((task.user, model.uid_map), (task.item, model.iid_map)):
        rows.append(np.array([known.get(one, -1) for one in ids[task.valid].tolist()]))
    user, item = rows
    score = model.global_mean + np.where(user >= 0, model.u_biases[user], 0)
    score += np.where(item >= 0, model.i_biases[item], 0)
    product = (model.u_factors[user] * model.i_factors[item]).sum(1)
    score += np.where((user >= 0) & (item >= 0), product, 0)
    return np.clip(score, model.min_rating, model.max_rating)


def surprise_svd() -> Trainer:
    def prepare(task: Task) -> Any:
        from surprise import Dataset, Reader

        frame = frame_of(task).iloc[task.train]
        return Dataset.load_from_df(frame, Reader(rating_scale=(1, 5))).build_full_trainset(), task

    def train(data: Any) -> Predict:
        from surprise import SVD

        rows, task = data
        model = SVD(n_factors=50, n_epochs=50, lr_all=0.01, reg_all=0.1, random_state=0).fit(rows)
        pairs = zip(task.user[task.valid].tolist(), task.item[task.valid].tolist(), strict=True)
        return lambda: np.array([model.predict(user, item).est for user, item in pairs])

    return Trainer("Surprise SVD, tuned", prepare, train, "surprise", "scikit-surprise")


def lenskit_als() -> Trainer:
    def prepare(task: Task) -> Any:
        from lenskit.data import from_interactions_df

        frame = frame_of(task).iloc[task.train]
        return from_interactions_df(frame, user_col="user", item_col="item"), task

    def train(data: Any) -> Predict:
        from lenskit.als import BiasedMFScorer
        from lenskit.pipeline import predict_pipeline

        dataset, task = data
        pipeline = predict_pipeline(BiasedMFScorer(features=50))
        pipeline.train(dataset)

        def predict() -> NDArray[Any]:
            from lenskit.batch import predict

            frame = frame_of(task).iloc[task.valid]
            pairs = frame.rename(columns={"user": "user_id", "item": "item_id"})
            found = predict(pipeline, pairs[["user_id", "item_id"]], n_jobs=1).to_df()
            keys = ["user_id", "item_id"]
            return pairs[keys].merge(found, on=keys, how="left")["score"].to_numpy()

        return predict

    return Trainer("LensKit BiasedMF", prepare, train, "lenskit", "lenskit")


def myfm_gibbs() -> Trainer:
    """Users and movies as one-hot columns, which is all that its design matrix needs."""

    def prepare(task: Task) -> Any:
        from scipy.sparse import csr_matrix

        (user, users), (item, items) = (pd.factorize(ids) for ids in (task.user, task.item))
        columns = np.column_stack([user, len(users) + item]).ravel()
        n = len(task.user)
        matrix = csr_matrix(
            (np.ones(2 * n), columns, np.arange(0, 2 * n + 1, 2)), (n, len(users) + len(items))
        )
        groups = [len(users), len(items)]
        return matrix[task.train], task.rating[task.train], groups, matrix[task.valid]

    def train(data: Any) -> Predict:
        from myfm import MyFMRegressor

        X, y, groups, X_valid = data
        model = MyFMRegressor(rank=8, random_seed=0)
        model.fit(X, y.astype(np.float64), n_iter=100, group_shapes=groups)
        return lambda: model.predict(X_valid)

    return Trainer("myfm, rank 8, 100 iterations", prepare, train, "myfm", "myfm 'setuptools<81'")


def frame_of(task: Task) -> pd.DataFrame:
    return pd.DataFrame({"user": task.user, "item": task.item, "rating": task.rating})
