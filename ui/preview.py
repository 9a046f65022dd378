"""Previews: the answer to a slider without a run, also while a hand still holds the slider.

A run has the browser go over the whole page several times before a picture is new, and Streamlit
sends nothing while a slider is dragged. So `ui.sliders` asks here, by HTTP, for what a view would
show with the values that the sliders have now, and lays it over what is shown. The run that makes
it so follows when the sliders have come to rest.

The answer comes from the view's own `draw`. Where it would show something (`ui.stage`), that is
noted here instead; nothing is drawn. What only a run can change, the grammar of a chart say, is the
`shape` of an answer: a preview of another shape than the picture on the screen is not laid over it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ui import i18n
from ui.i18n import _
from ui.text import short
from ui.theme import Figure

if TYPE_CHECKING:
    from ui.controls import Control
    from ui.stage import View

QUOTED = 40
"""Characters of what somebody sent that are told back."""
FRAME = frozenset({"view", "lang", "present"})
"""What a question says beside the values of controls."""


@dataclass
class Notes:
    """What a view shows, noted while it is drawn or instead of that."""

    drawing: bool
    presenting: bool | None = None
    parts: list[Any] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    readouts: list[str] = field(default_factory=list)

    @property
    def shape(self) -> str:
        """What two answers have in common that can be laid over each other."""
        return hashlib.blake2b(repr(self.parts).encode(), digest_size=8).hexdigest()


_notes: ContextVar[Notes | None] = ContextVar("notes", default=None)
_screens: dict[str, tuple[Sequence[Control], Mapping[str, View]]] = {}


@contextmanager
def noting(*, drawing: bool, presenting: bool | None = None) -> Iterator[Notes]:
    """Note what is shown inside; unless `drawing`, it is not drawn, for a projector or a desk."""
    notes = Notes(drawing, presenting)
    token = _notes.set(notes)
    try:
        yield notes
    finally:
        _notes.reset(token)


def drawing() -> bool:
    """Whether what a view shows is drawn."""
    notes = _notes.get()
    return notes is None or notes.drawing


def presenting() -> bool | None:
    """Whether what is noted is for a projector; None where a visitor's session knows."""
    notes = _notes.get()
    return None if notes is None else notes.presenting


def previewed() -> bool:
    """Whether what is drawn now can have previews."""
    return _notes.get() is not None


def note_chart(key: str, figure: Figure) -> None:
    """Note a chart: its numbers can change, column by column, all else is its shape."""
    if (notes := _notes.get()) is None:
        return
    grammar = figure.grammar.__qualname__, figure.arguments
    notes.parts.append((key, *grammar, figure.columns, len(figure.frame)))
    if not notes.drawing:
        notes.figures[key] = figure.cells()


def note_figure(key: str, data: Mapping[str, Any]) -> None:
    """Note a figure of our own: `data` replace those of the same names."""
    if (notes := _notes.get()) is not None:
        notes.parts.append(key)
        notes.figures[key] = data


def note_readouts(html: str) -> None:
    """Note read-outs."""
    if (notes := _notes.get()) is not None:
        notes.parts.append("readouts")
        notes.readouts.append(html)


def register(name: str, controls: Sequence[Control], views: Sequence[View]) -> None:
    """Let the views of screen `name` have previews."""
    _screens[name] = controls, {view.name: view for view in views if view.previews}


class RefusedError(ValueError):
    """A question that has no answer: its text is a sentence for whoever asked."""


def answer(name: str, query: Mapping[str, str]) -> dict[str, Any]:
    """What the view named in `query` shows with the values there; absent ones are at default.

    RefusedError where there is no such view, or a control cannot have such a value.
    """
    i18n.activate(query.get("lang", ""))
    view, values = find(name, query)
    with noting(drawing=False, presenting=query.get("present") == "true") as notes:
        view.draw(values)
    return {"shape": notes.shape, "figures": notes.figures, "readouts": notes.readouts}


def find(name: str, query: Mapping[str, str]) -> tuple[View, dict[str, Any]]:
    """The view that is asked for, and the controls' values; RefusedError as in `answer`."""
    controls, views = _screens.get(name, ((), {}))
    view = views.get(query.get("view", ""))
    if view is None:
        raise RefusedError(
            _("There are no previews of a view `{view}` on a screen `{name}`.").format(
                view=short(query.get("view", ""), QUOTED), name=short(name, QUOTED)
            )
        )
    if unknown := query.keys() - FRAME - {control.key for control in controls}:
        raise RefusedError(
            _("This screen has no control `{key}`.").format(key=short(min(unknown), QUOTED))
        )
    return view, {control.key: _value(control, query) for control in controls}


def _value(control: Control, query: Mapping[str, str]) -> Any:
    text = query.get(control.key)
    if text is None:
        return control.default
    try:
        return control.parse(text)
    except (ValueError, OverflowError):
        raise RefusedError(
            _("`{key}` must be {expected}, not {text}.").format(
                key=control.key, expected=control.expected(), text=short(text, QUOTED)
            )
        ) from None
