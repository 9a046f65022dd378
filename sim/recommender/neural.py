"""Finished neural models, in numpy: neural collaborative filtering, NeuMF and attention."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.recommender.model import MatrixFactorization, SigmoidModel, check_factors

_PAIRS = 4096  # pairs at a time in the attention: bounds the memory
_BLOCK = 1024  # movies at a time in a table: their layers stay in the processor's cache

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class NeuralCF(SigmoidModel):
    """z = a multi-layer perceptron of the user's and the movie's factors side by side.

    `user_factors` is (n_users, d), `movie_factors` (n_movies, d). Layer i computes
    layer_weights[i] @ x + layer_biases[i], with ReLU after all but the last, which has one output.
    Source: He et al. 2017, "Neural Collaborative Filtering", its MLP (here with squared error).
    """

    user_factors: Floats
    movie_factors: Floats
    layer_weights: tuple[Floats, ...]
    layer_biases: tuple[Floats, ...]
    rating_range: tuple[float, float] = (0.0, 5.5)

    def __post_init__(self) -> None:
        check_factors(self.user_factors, self.movie_factors)
        width = 2 * self.user_factors.shape[1]
        for weight, bias in zip(self.layer_weights, self.layer_biases, strict=True):
            if weight.shape != (len(bias), width):
                raise ValueError(f"A layer is {weight.shape}; it must be {(len(bias), width)}.")
            width = len(bias)
        if width != 1:
            raise ValueError(f"The last layer has {width} outputs; it must have one.")

    @property
    def n_users(self) -> int:
        """Number of users."""
        return int(self.user_factors.shape[0])

    @property
    def n_movies(self) -> int:
        """Number of movies."""
        return int(self.movie_factors.shape[0])

    def _logits(self, users: NDArray[np.int64], movies: NDArray[np.int64]) -> NDArray[np.floating]:
        x = np.concatenate([self.user_factors[users], self.movie_factors[movies]], axis=1)
        return self._behind(x @ self.layer_weights[0].T + self.layer_biases[0])

    def order_table(self, users: ArrayLike) -> NDArray[np.floating]:
        """z for every movie and some users, shape (len(users), n_movies)."""
        d = self.user_factors.shape[1]
        # the first layer is a sum of a user's part and a movie's part: each is worked out once
        of_users = self.user_factors[self._users(users)] @ self.layer_weights[0][:, :d].T
        of_movies = self.movie_factors @ self.layer_weights[0][:, d:].T + self.layer_biases[0]
        table = np.empty((len(of_users), self.n_movies), dtype=of_movies.dtype)
        for first in range(0, self.n_movies, _BLOCK):
            block = of_movies[first : first + _BLOCK]
            for row, of_user in zip(table, of_users, strict=True):
                row[first : first + _BLOCK] = self._behind(block + of_user)
        return table

    def _behind(self, x: NDArray[np.floating]) -> NDArray[np.floating]:
        for weight, bias in zip(self.layer_weights[1:], self.layer_biases[1:], strict=True):
            # x is an array of our own; and against an array numpy is three times as quick as
            # against a number
            x = np.maximum(x, np.zeros_like(x), out=x) @ weight.T
            x += bias
        return x[:, 0]


@dataclass(frozen=True, slots=True, eq=False)
class NeuMF(SigmoidModel):
    """z = the z of a `product` of factors (with its biases) + the z of an `mlp` on other factors.

    Source: He et al. 2017, NeuMF, with their GMF part as the plain dot product.
    """

    product: MatrixFactorization
    mlp: NeuralCF

    def __post_init__(self) -> None:
        sizes = [(part.n_users, part.n_movies) for part in (self.product, self.mlp)]
        if sizes[0] != sizes[1]:
            raise ValueError("Both parts must be of the same users and movies.")

    @property
    def rating_range(self) -> tuple[float, float]:
        """(low, high), of both parts."""
        return self.product.rating_range

    @property
    def n_users(self) -> int:
        """Number of users."""
        return self.product.n_users

    @property
    def n_movies(self) -> int:
        """Number of movies."""
        return self.product.n_movies

    def _logits(self, users: NDArray[np.int64], movies: NDArray[np.int64]) -> NDArray[np.floating]:
        return self.product._logits(users, movies) + self.mlp._logits(users, movies)

    def order_table(self, users: ArrayLike) -> NDArray[np.floating]:
        """z for every movie and some users, shape (len(users), n_movies)."""
        return self.product.order_table(users) + self.mlp.order_table(users)


@dataclass(frozen=True, slots=True, eq=False)
class AttentionModel(SigmoidModel):
    """z = q·p + b_u + b_m: the user is p = Σⱼ aⱼ·lⱼ·yⱼ, summed over the movies j the user rated.

    q is the movie's factors (`movie_factors`, (n_movies, k)), yⱼ a rated movie's (`taste_factors`,
    the same shape), lⱼ how far the rating was above the user's mean (on a scale whose range has the
    book's length, 5.5), and the attention is aⱼ = softmaxⱼ(q·yⱼ/√k): a movie like the one in
    question counts most. The movie in question is left out of the sum, where it was rated, so that
    a rating never helps to predict itself.

    `history` and `liking`, both (n_users, most), hold each user's rated movies j and lⱼ, filled up
    with −1 and 0. Sources: He et al. 2018, "NAIS" (attention over the rated items); Koren 2008,
    "Asymmetric-SVD" (the user as a sum over rated items, weighted by the rating's deviation).
    """

    movie_factors: Floats
    taste_factors: Floats
    user_bias: Floats
    movie_bias: Floats
    history: NDArray[np.int64]
    liking: Floats
    rating_range: tuple[float, float] = (0.0, 5.5)

    def __post_init__(self) -> None:
        if self.movie_factors.shape != self.taste_factors.shape:
            raise ValueError("Movies must have as many factors as rated movies.")
        if self.movie_bias.shape != (self.n_movies,):
            raise ValueError("There must be one bias for each movie.")
        if self.history.shape != self.liking.shape or len(self.history) != self.n_users:
            raise ValueError("There must be one row of rated movies and of ratings for each user.")

    @property
    def n_users(self) -> int:
        """Number of users."""
        return len(self.user_bias)

    @property
    def n_movies(self) -> int:
        """Number of movies."""
        return int(self.movie_factors.shape[0])

    def attention(self, user: int, movie: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The rated movies that a prediction looks at, most regarded first, and their aⱼ (sum 1).

        Both are empty where the user rated no other movie.
        """
        index = int(self._users(user)[0])
        self.predict(user, movie)  # checks both
        rated = self.history[index]
        kept = (rated >= 0) & (rated != movie)
        products = self.taste_factors[rated[kept]] @ self.movie_factors[movie]
        weight, _ = self._attend(products.astype(np.float64)[None], np.zeros((1, kept.sum()), bool))
        order = np.argsort(-weight[0], kind="stable")
        return rated[kept][order], weight[0][order]

    def _logits(self, users: NDArray[np.int64], movies: NDArray[np.int64]) -> NDArray[np.floating]:
        z = np.empty(len(users), dtype=np.float32)
        for first in range(0, len(users), _PAIRS):
            user, movie = users[first : first + _PAIRS], movies[first : first + _PAIRS]
            rated = self.history[user]
            products = np.einsum("nk,njk->nj", self.movie_factors[movie], self.taste_factors[rated])
            weight, products = self._attend(products, (rated < 0) | (rated == movie[:, None]))
            z[first : first + _PAIRS] = (weight * products * self.liking[user]).sum(1)
        return z + self.user_bias[users] + self.movie_bias[movies]

    def order_table(self, users: ArrayLike) -> NDArray[np.floating]:
        """z for every movie and some users, shape (len(users), n_movies)."""
        index = self._users(users)
        table = np.empty((len(index), self.n_movies), dtype=np.float32)
        for row, user in zip(table, index, strict=True):
            kept = self.history[user] >= 0
            rated, liking = self.history[user][kept], self.liking[user][kept]
            # as in _attend, with the rated movies in the rows: sums over few rows are quick
            products = self.taste_factors[rated] @ self.movie_factors.T
            weight = products / np.float32(math.sqrt(self.movie_factors.shape[1]))
            weight[np.arange(len(rated)), rated] = -np.inf
            largest = weight.max(axis=0, initial=-np.inf)
            weight -= np.where(np.isfinite(largest), largest, np.float32(0))
            np.exp(weight, out=weight)
            total = weight.sum(axis=0)
            weight *= products
            row[:] = liking @ weight / np.where(total > 0, total, np.float32(1))
            row += self.user_bias[user] + self.movie_bias
        return table

    def _attend(
        self, products: NDArray[np.floating], absent: NDArray[np.bool_]
    ) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """The attention for q·yⱼ in the rows, 0 where `absent`; and the products, unchanged."""
        if not products.size:
            return products, products
        scores = np.where(absent, -np.inf, products / math.sqrt(self.movie_factors.shape[1]))
        largest = scores.max(axis=1, keepdims=True)
        weight = np.exp(scores - np.where(np.isfinite(largest), largest, 0))
        total = weight.sum(axis=1, keepdims=True)
        return weight / np.where(total > 0, total, 1), products
