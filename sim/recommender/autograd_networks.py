"""The neural models while they train, with autograd. This module imports torch.

Only the rows that a batch needs are gathered from the tables, and autograd sees these alone; their
gradients are added back by `index_add_`, as in the closed form of `networks`.
"""

import math
from abc import abstractmethod
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sim.recommender.model import RatingModel
from sim.recommender.networks import Network, Parts, Tensors, factor_tables, factorization
from sim.recommender.neural import AttentionModel, NeuMF, NeuralCF
from sim.recommender.ratings import Ratings
from sim.recommender.records import Settings
from sim.recommender.rules import BOOK_SPAN
from sim.recommender.size import BESIDE_FACTORS


class AutogradNetwork(Network):
    """A network whose gradient autograd works out, from the rows that a batch gathers."""

    @abstractmethod
    def _ids(self, user: torch.Tensor, movie: torch.Tensor) -> Tensors:
        """The rows that a batch needs of each table."""

    @abstractmethod
    def _forward(
        self, part: Tensors, user: torch.Tensor, movie: torch.Tensor, mask: torch.Tensor | None
    ) -> torch.Tensor:
        """z, from the gathered rows of the tables and the dense weights, by name."""

    def logits(self, user: torch.Tensor, movie: torch.Tensor) -> torch.Tensor:
        return self._forward(self._gather(self._ids(user, movie)), user, movie, None)

    def gradient(
        self,
        user: torch.Tensor,
        movie: torch.Tensor,
        target: torch.Tensor,
        mask: torch.Tensor | None,
    ) -> torch.Tensor:
        ids = self._ids(user, movie)
        part = {name: value.requires_grad_() for name, value in self._gather(ids).items()}
        with torch.enable_grad():
            error = torch.sigmoid(self._forward(part, user, movie, mask)) - target
            loss = error.square().mean() * BOOK_SPAN**2
        grads = torch.autograd.grad(loss, list(part.values()))
        self.grad.zero_()
        for name, grad in zip(part, grads, strict=True):
            if name in ids:
                self._grad_part[name].index_add_(0, ids[name], grad)
            else:
                self._grad_part[name].copy_(grad)
        return loss.detach()

    def _gather(self, ids: Tensors) -> Tensors:
        rows = {name: self._part[name].index_select(0, index) for name, index in ids.items()}
        return rows | {name: self._part[name].detach() for name in self.dense}


class NeuralNetwork(AutogradNetwork):
    """`NeuralCF`, and with the product of other factors beside it `NeuMF`."""

    finished_kind: type[RatingModel]  # type: ignore[misc]

    def __init__(self, settings: Settings, train: Ratings, device: torch.device) -> None:
        k = settings.n_factors
        self.finished_kind = NeuMF if settings.model == "neumf" else NeuralCF
        self._columns = k + 2 if settings.model == "neumf" else 0  # of the product, as in `dot`
        inputs = min(k, BESIDE_FACTORS) if self._columns else k
        width = self._columns + inputs
        self.tables = {"user": (train.n_users, width), "movie": (train.n_movies, width)}
        sizes = (2 * inputs, *settings.hidden, 1)
        self.dense = {}
        for i, (before, after) in enumerate(pairwise(sizes)):
            self.dense |= {f"weight{i}": (after, before), f"bias{i}": (after,)}
        self.n_layers = len(sizes) - 1
        self.mask_columns = sum(settings.hidden)
        super().__init__(settings, train, device)

    def _ids(self, user: torch.Tensor, movie: torch.Tensor) -> Tensors:
        return {"user": user, "movie": movie}

    def _forward(
        self, part: Tensors, user: torch.Tensor, movie: torch.Tensor, mask: torch.Tensor | None
    ) -> torch.Tensor:
        u, v, columns = part["user"], part["movie"], self._columns
        x = torch.cat([u[:, columns:], v[:, columns:]], 1)
        masks = None if mask is None else torch.split(mask, list(self.settings.hidden), 1)
        for i in range(self.n_layers):
            x = torch.addmm(part[f"bias{i}"], x, part[f"weight{i}"].t())
            if i < self.n_layers - 1:
                x = torch.relu(x)
                if masks is not None:
                    x = x * masks[i]
        z = x[:, 0]
        if columns:
            k = columns - 2
            z = z + (u[:, :k] * v[:, :k]).sum(1) + u[:, k] + v[:, k + 1]
        return z

    def _to_model(self, parts: Parts) -> RatingModel:
        columns, layers = self._columns, range(self.n_layers)
        mlp = NeuralCF(
            parts["user"][:, columns:],
            parts["movie"][:, columns:],
            tuple(parts[f"weight{i}"] for i in layers),
            tuple(parts[f"bias{i}"] for i in layers),
            self.settings.rating_range,
        )
        if not columns:
            return mlp
        users, movies = (parts[name][:, :columns] for name in ("user", "movie"))
        return NeuMF(factorization(users, movies, self.settings), mlp)

    def _from_model(self, model: Any) -> Parts:
        mlp: NeuralCF = model.mlp if self._columns else model
        parts = {"user": mlp.user_factors, "movie": mlp.movie_factors}
        if self._columns:
            product = factor_tables(model.product)
            parts = {name: np.hstack([product[name], parts[name]]) for name in parts}
        for i, (weight, bias) in enumerate(zip(mlp.layer_weights, mlp.layer_biases, strict=True)):
            parts |= {f"weight{i}": weight, f"bias{i}": bias}
        return parts


class AttentionNetwork(AutogradNetwork):
    """`AttentionModel`. The movie to predict is left out of the user's rated movies."""

    finished_kind = AttentionModel

    def __init__(self, settings: Settings, train: Ratings, device: torch.device) -> None:
        k = settings.n_factors
        self.tables = {
            "user": (train.n_users, 1),
            "movie": (train.n_movies, k + 1),
            "taste": (train.n_movies, k),
        }
        self.dense = {}
        self.mask_columns = k
        super().__init__(settings, train, device)
        low, high = settings.rating_range
        self._history, liking = rated_movies(train, settings.max_history, settings.seed)
        self._liking = liking * np.float32(BOOK_SPAN / (high - low))
        self._rated = torch.tensor(self._history, device=device)
        self._value = torch.tensor(self._liking, device=device)

    def _ids(self, user: torch.Tensor, movie: torch.Tensor) -> Tensors:
        rated = self._rated.index_select(0, user).clamp_(min=0).view(-1)
        return {"user": user, "movie": movie, "taste": rated}

    def _forward(
        self, part: Tensors, user: torch.Tensor, movie: torch.Tensor, mask: torch.Tensor | None
    ) -> torch.Tensor:
        k = self.settings.n_factors
        rated = self._rated.index_select(0, user)
        q, taste = part["movie"][:, :k], part["taste"].view(*rated.shape, k)
        absent = (rated < 0) | (rated == movie.unsqueeze(1))
        score = torch.bmm(taste, q.unsqueeze(2)).squeeze(2) / math.sqrt(k)
        attention = torch.softmax(score.masked_fill(absent, -1e9), 1).masked_fill(absent, 0.0)
        weight = attention * self._value.index_select(0, user)
        product = torch.bmm(weight.unsqueeze(1), taste).squeeze(1) * q
        if mask is not None:
            product = product * mask
        return product.sum(1) + part["user"][:, 0] + part["movie"][:, k]

    def _to_model(self, parts: Parts) -> AttentionModel:
        k = self.settings.n_factors
        return AttentionModel(
            parts["movie"][:, :k],
            parts["taste"],
            parts["user"][:, 0],
            parts["movie"][:, k],
            self._history,
            self._liking,
            self.settings.rating_range,
        )

    def _from_model(self, model: Any) -> Parts:
        return {
            "user": model.user_bias[:, None],
            "movie": np.column_stack([model.movie_factors, model.movie_bias]),
            "taste": model.taste_factors,
        }


def rated_movies(
    train: Ratings, most: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """For each user at most `most` rated movies, drawn at random, and how far above the user's
    mean each rating is; both (n_users, most), filled up with −1 and 0."""
    order = np.random.default_rng(seed).permutation(len(train))
    order = order[np.argsort(train.user[order], kind="stable")]
    user = train.user[order]
    counts = np.bincount(user, minlength=train.n_users)
    place = np.arange(len(train)) - (np.cumsum(counts) - counts)[user]
    total = np.bincount(user, train.rating[order], minlength=train.n_users)
    mean = total / np.maximum(counts, 1)
    kept = place < most
    most = int(min(most, counts.max()))
    history = np.full((train.n_users, most), -1, dtype=np.int64)
    liking = np.zeros((train.n_users, most), dtype=np.float32)
    history[user[kept], place[kept]] = train.movie[order][kept]
    liking[user[kept], place[kept]] = (train.rating[order] - mean[user])[kept]
    return history, liking
