"""The models while they train: weights on a device, and the gradient of a batch's loss.

This module imports torch. A network keeps all its weights in one flat vector, and its gradient in
another; the tables and layers are views into it. So an optimizer's step and a copy of the best
weights are one operation each, whatever the model.

**The scale of the ratings is taken out.** A model learns shares of the range, t = (r − low)/(high −
low), and its loss is the mean squared error of ratings whose range has the book's length, 5.5:
5.5²·mean((sigmoid(z) − t)²). So the gradient, and with it every learning rate, ε and λ, means the
same for thumbs ±1 and for 0 to 100; on the book's own range nothing changes. The penalty λ/2·‖w‖²
is added to this loss: in squared units of the ratings themselves it is ((high − low)/5.5)² times
as large. What is shown, `Point` and `EpochRecord`, is in the ratings' own units (see `engine`).
"""

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from sim.recommender.model import MatrixFactorization, RatingModel
from sim.recommender.ratings import Ratings
from sim.recommender.records import Settings
from sim.recommender.rules import BOOK_SPAN

Parts = dict[str, NDArray[np.float32]]
Tensors = dict[str, torch.Tensor]

_INITIAL_STD = 0.01  # of the tables, as fastai's Embedding


class Network(ABC):
    """A model's weights and their gradient, for `settings` and the users and movies of `train`.

    A prediction is low + (high − low) · sigmoid(z); `logits` gives z. `mask_columns` is the number
    of values that dropout may leave out of one prediction.
    """

    finished_kind: ClassVar[type[RatingModel]]
    tables: dict[str, tuple[int, int]]
    dense: dict[str, tuple[int, ...]]
    mask_columns: int

    def __init__(self, settings: Settings, train: Ratings, device: torch.device) -> None:
        self.settings = settings
        self.n_table = sum(math.prod(shape) for shape in self.tables.values())
        n_dense = sum(math.prod(shape) for shape in self.dense.values())
        self.weights = torch.zeros(self.n_table + n_dense, device=device)
        self.grad = torch.zeros_like(self.weights)
        self._part, self._grad_part = self._views(self.weights), self._views(self.grad)

    @abstractmethod
    def logits(self, user: torch.Tensor, movie: torch.Tensor) -> torch.Tensor:
        """z for the pairs of `user` and `movie`, each (n,), without dropout."""

    @abstractmethod
    def gradient(
        self,
        user: torch.Tensor,
        movie: torch.Tensor,
        target: torch.Tensor,
        mask: torch.Tensor | None,
    ) -> torch.Tensor:
        """Write the gradient of the batch's mean squared error into `grad`; return that error.

        `target` is (rating − low) / (high − low), and the error is on the book's scale (see above).
        `mask` is (n, mask_columns), 0 where dropout acts, else 1 / (1 − p).
        """

    @abstractmethod
    def _to_model(self, parts: Parts) -> RatingModel: ...

    @abstractmethod
    def _from_model(self, model: Any) -> Parts: ...

    def initialise(self, generator: torch.Generator) -> None:
        """Draw the tables from a normal law, the layers as Kaiming et al. 2015, on the CPU."""
        start = torch.zeros(self.weights.shape)
        start[: self.n_table].normal_(0.0, _INITIAL_STD, generator=generator)
        views = self._views(start)
        for name, shape in self.dense.items():
            if len(shape) == 2:  # biases start at 0
                views[name].normal_(0.0, math.sqrt(2 / shape[1]), generator=generator)
        self.weights.copy_(start)

    def finished(self, weights: torch.Tensor) -> RatingModel:
        """The model that has `weights`, in numpy arrays of its own."""
        copy = weights.detach().cpu().clone()
        return self._to_model({name: view.numpy() for name, view in self._views(copy).items()})

    def load(self, model: RatingModel) -> None:
        """Take over a finished model's weights; ValueError where its kind or a size is another."""
        if not isinstance(model, self.finished_kind):
            kinds = type(model).__name__, self.finished_kind.__name__
            raise ValueError("The weights are of a {}; these settings need a {}.".format(*kinds))
        parts = self._from_model(model)
        for name, view in self._part.items():
            if parts[name].shape != tuple(view.shape):
                raise ValueError(
                    f"The weights' {name} has shape {parts[name].shape}; "
                    f"these settings and ratings need {tuple(view.shape)}."
                )
        for name, view in self._part.items():
            view.copy_(torch.from_numpy(np.array(parts[name], dtype=np.float32)))

    def _views(self, flat: torch.Tensor) -> Tensors:
        views, first = {}, 0
        for name, shape in (self.tables | self.dense).items():
            size = math.prod(shape)
            views[name] = flat[first : first + size].view(shape)
            first += size
        return views


def dot_gradient(
    users: torch.Tensor,
    movies: torch.Tensor,
    users_grad: torch.Tensor,
    movies_grad: torch.Tensor,
    user: torch.Tensor,
    movie: torch.Tensor,
    target: torch.Tensor,
    span: float,
    mask: torch.Tensor | None = None,
) -> torch.Tensor:
    """Add the gradient of span²·mean((sigmoid(z) − target)²) in closed form; return that error.

    `users` is (n_users, k + 2) with the bias in column k, `movies` (n_movies, k + 2) with the bias
    in column k + 1; what stands in the other one of these two columns does not matter. With 1 in
    its place z is one plain product of rows: Σ mask·u·v + b_u·1 + 1·b_m. The gradients have the
    same shapes. `mask`, (n, k), multiplies the products of factors.
    """
    u, v = users.index_select(0, user), movies.index_select(0, movie)
    u[:, -1] = 1
    v[:, -2] = 1
    if mask is not None:
        u[:, :-2].mul_(mask)  # now u holds mask·u: right for z and for dz/dv alike
    s = torch.sigmoid((u * v).sum(1))
    error = s - target
    dz = (error * (2 * span * span / len(target))).mul_(s).mul_(1 - s).unsqueeze(1)
    if mask is not None:
        v[:, :-2].mul_(mask)
    # The gathered rows become the gradients: dz/du = mask·v, dz/dv = mask·u, dz/db = 1.
    users_grad.index_add_(0, user, v.mul_(dz))  # int64 ids: five times as fast as int32
    movies_grad.index_add_(0, movie, u.mul_(dz))
    return error.dot(error) * (span * span / len(target))


class DotNetwork(Network):
    """`MatrixFactorization`, with its gradient in closed form (a test holds it to autograd)."""

    finished_kind = MatrixFactorization

    def __init__(self, settings: Settings, train: Ratings, device: torch.device) -> None:
        k = settings.n_factors
        self.tables = {"user": (train.n_users, k + 2), "movie": (train.n_movies, k + 2)}
        self.dense = {}
        self.mask_columns = k
        super().__init__(settings, train, device)

    def logits(self, user: torch.Tensor, movie: torch.Tensor) -> torch.Tensor:
        u = self._part["user"].index_select(0, user)
        v = self._part["movie"].index_select(0, movie)
        u[:, -1] = 1
        v[:, -2] = 1
        return u.mul_(v).sum(1)

    def gradient(
        self,
        user: torch.Tensor,
        movie: torch.Tensor,
        target: torch.Tensor,
        mask: torch.Tensor | None,
    ) -> torch.Tensor:
        self.grad.zero_()
        part, grad = self._part, self._grad_part
        return dot_gradient(
            part["user"],
            part["movie"],
            grad["user"],
            grad["movie"],
            user,
            movie,
            target,
            BOOK_SPAN,
            mask,
        )

    def _to_model(self, parts: Parts) -> MatrixFactorization:
        return factorization(parts["user"], parts["movie"], self.settings)

    def _from_model(self, model: Any) -> Parts:
        return factor_tables(model)


def factorization(
    users: NDArray[np.float32], movies: NDArray[np.float32], settings: Settings
) -> MatrixFactorization:
    """The finished model whose tables are those of `dot_gradient`."""
    return MatrixFactorization(
        users[:, :-2].copy(),
        movies[:, :-2].copy(),
        users[:, -2].copy(),
        movies[:, -1].copy(),
        settings.rating_range,
    )


def factor_tables(m: MatrixFactorization) -> Parts:
    """The inverse of `factorization`."""
    users: list[NDArray[Any]] = [m.user_factors, m.user_bias, np.zeros(m.n_users)]
    movies: list[NDArray[Any]] = [m.movie_factors, np.zeros(m.n_movies), m.movie_bias]
    return {"user": np.column_stack(users), "movie": np.column_stack(movies)}
