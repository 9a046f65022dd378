"""Which ratings a visitor works with: the bundled ones, or a file of their own."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from sim.recommender.ratings import Ratings, movielens, split
from sim.recommender.upload import Upload


@dataclass(frozen=True, eq=False)
class Dataset:
    """Ratings and their split; `upload` is None for the bundled ones."""

    everything: Ratings
    train: Ratings
    valid: Ratings
    rating_range: tuple[float, float] = (0.0, 5.5)
    upload: Upload | None = None

    @property
    def liked(self) -> float:
        """From which rating on a film counts as liked: the upper quarter of the scale."""
        low, high = float(self.everything.rating.min()), float(self.everything.rating.max())
        return low + 0.75 * (high - low)


@st.cache_resource(show_spinner=False)
def bundled() -> Dataset:
    """MovieLens, latest-small."""
    everything = movielens()
    return Dataset(everything, *split(everything))


def own(upload: Upload) -> Dataset:
    """A visitor's own ratings."""
    return Dataset(
        upload.ratings, *split(upload.ratings), rating_range=upload.rating_range, upload=upload
    )


def current() -> Dataset:
    """The ratings that this visitor works with now."""
    return st.session_state.get("_dataset") or bundled()
