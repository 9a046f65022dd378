"""Which ratings a visitor works with: the bundled ones, or a file of their own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import streamlit as st

from sim.recommender.ratings import Ratings, movielens, split
from sim.recommender.scale import Scale, scale_of
from sim.recommender.upload import Upload
from ui.i18n import _


@dataclass(frozen=True, eq=False)
class Dataset:
    """Ratings and their split; `upload` is None for the bundled ones."""

    everything: Ratings
    train: Ratings
    valid: Ratings
    rating_range: tuple[float, float] = (0.0, 5.5)
    upload: Upload | None = None

    @cached_property
    def scale(self) -> Scale:
        """What axes, controls and numbers go by."""
        return scale_of(self.train, self.valid, self.rating_range)

    @property
    def liked(self) -> float:
        """From which rating on a film counts as liked: the upper quarter of the scale."""
        return self.scale.low + 0.75 * (self.scale.high - self.scale.low)

    @property
    def nouns(self) -> dict[str, str]:
        """What the rated things are called in sentences with {item}, {items} or {Items}."""
        if self.upload is None:
            return {"item": _("film"), "items": _("films"), "Items": _("Films")}
        return {"item": _("item"), "items": _("items"), "Items": _("Items")}

    def counted(self, n: int) -> str:
        """So many of the rated things: Chinese counts films with another word than items."""
        return (_("{n} films") if self.upload is None else _("{n} items")).format(n=f"{n:,}")


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
