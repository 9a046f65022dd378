"""A choice whose options have visible names in the language of the screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import streamlit as st

from ui import controls
from ui.controls import Choice
from ui.i18n import _


@dataclass(frozen=True, kw_only=True)
class Named(Choice):
    """One of `names`' keys, which stand in the URL; shown are the names, in any language.

    Written into the URL by hand: a bound widget would put the translated name there.
    """

    names: Mapping[str, str]
    options: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", tuple(self.names))

    def draw(self) -> None:
        self.restore()
        st.selectbox(
            **self._labels() | {"bind": None, "on_change": self._moved},
            options=self.options,
            format_func=lambda option: _(self.names[option]),
        )
        self.write()

    def _moved(self) -> None:
        self.write()
        if not self.whole:
            controls.answer()
