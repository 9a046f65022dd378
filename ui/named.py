"""A choice whose options have visible names in the language of the screen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import streamlit as st

from ui.controls import Choice
from ui.i18n import _


@dataclass(frozen=True, kw_only=True)
class Named(Choice):
    """One of `names`' keys, which stand in the URL; shown are the names, in any language.

    Written into the URL by hand: a bound widget would put the translated name there.
    """

    bound: ClassVar[bool] = False
    names: Mapping[str, str]
    options: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", tuple(self.names))

    def draw(self) -> None:
        self.restore()
        self._box()
        self.write()

    def _box(self) -> None:
        st.selectbox(**self._told())

    def _told(self) -> dict[str, Any]:
        labels, shown = self._labels(), {key: _(name) for key, name in self.names.items()}
        return labels | {
            "bind": None,
            "on_change": self._moved,
            "args": (labels["on_change"],),
            "options": self.options,
            "format_func": shown.__getitem__,  # in the language of this very run
        }

    def _moved(self, answer: Callable[[], None] | None) -> None:
        self.write()
        if answer is not None:
            answer()


@dataclass(frozen=True, kw_only=True)
class Segmented(Named):
    """The same as buttons side by side; without a label in sight where it has none."""

    seen: bool = True

    def _box(self) -> None:
        visibility = "visible" if self.seen else "collapsed"
        st.segmented_control(**self._told(), required=True, label_visibility=visibility)
