"""Controls as data: a screen lists what can be set, the stage draws it and guards it.

Each control is one parameter of `sim`, under that parameter's name, bound to the URL. Streamlit
drops a value that it cannot use; the stage says so in a sentence, because a link that silently
shows something else than it promises would mislead a class.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import streamlit as st
from streamlit.errors import StreamlitAPIException

from ui.i18n import _
from ui.text import plain, short


@dataclass(frozen=True, kw_only=True)
class Control:
    """One parameter: its key (in the URL and in `sim`), its label and its default value."""

    key: str
    label: str
    default: Any
    help: str | None = None
    whole: bool = False
    """Whether a move of it runs the whole screen, not just what answers most moves."""
    more: bool = False
    """Whether it stands folded away under "More settings"."""
    bound: ClassVar[bool] = True
    """Whether Streamlit keeps it in the URL; else it calls `restore` and `write` itself."""

    def draw(self) -> None:
        """Draw the widget."""
        raise NotImplementedError

    def value(self) -> Any:
        """What is set now."""
        value = st.session_state.get(self.key)  # None also when a number field was emptied
        return self.default if value is None else value

    def parse(self, text: str) -> Any:
        """The value that `text` in a URL stands for; ValueError if this control cannot have it."""
        raise NotImplementedError

    def format(self, value: Any) -> str:
        """The value as it stands in a URL."""
        raise NotImplementedError

    def expected(self) -> str:
        """What a good value is, in words."""
        raise NotImplementedError

    def entries(self, text: str) -> list[str]:
        """The entries of a list, each of which may be good beside bad ones; else all of it."""
        return [text]

    def moved(self, text: str) -> str:
        """A sentence where a link's `text` lies between this control's steps; nothing elsewhere."""
        return ""

    def restore(self) -> None:
        """Before it first appears: take the value from the URL, where no bound widget does."""
        if self.key not in st.session_state:
            st.session_state[self.key] = st.query_params.get(self.key, self.default)

    def write(self) -> None:
        """Bring the URL up to date, where no bound widget does."""
        if self.value() == self.default:
            if self.key in st.query_params:
                del st.query_params[self.key]
        elif st.query_params.get(self.key) != self.value():
            st.query_params[self.key] = self.value()

    def _labels(self) -> dict[str, Any]:
        return {
            "label": _(self.label),
            "key": self.key,
            "help": _(self.help) if self.help else None,
            "bind": "query-params",
            "on_change": None if self.whole else self._answer(),
        }

    def _answer(self) -> Callable[[], None] | Literal["ignore"]:
        return answer


class Slid(Control):
    """A control on a slider."""

    def _answer(self) -> Callable[[], None] | Literal["ignore"]:
        return "ignore" if st.session_state.get("_previewed") else answer  # `ui.sliders` listens


@dataclass(frozen=True, kw_only=True)
class Number(Slid):
    """A number on a slider. It is whole when its default is an `int`."""

    low: float
    high: float
    step: float = 1

    @property
    def _whole(self) -> bool:
        return isinstance(self.default, int)

    def value(self) -> Any:
        """What is set now, as the URL has it: a slider makes 0.060000000000000005 of 0.06."""
        value = super().value()
        return value if self._whole else float(self.format(value))

    def draw(self) -> None:
        st.slider(
            **self._labels(),
            min_value=self.low,
            max_value=self.high,
            value=self.default,
            step=self.step,
        )

    def parse(self, text: str) -> Any:
        value = int(text) if self._whole else float(text)
        if not self.low <= value <= self.high:  # false for nan, too
            raise ValueError(text)
        return value

    def format(self, value: Any) -> str:
        return f"{value:.12g}"

    def expected(self) -> str:
        kind = (
            _("a whole number from {low:g} to {high:g}")
            if self._whole
            else _("a number from {low:g} to {high:g}")
        )
        return kind.format(low=self.low, high=self.high)


@dataclass(frozen=True, kw_only=True)
class Seed(Number):
    """The number that all randomness of a screen comes from, with a button for the next one."""

    default: Any = 0
    low: float = 0
    high: float = 999_999

    def draw(self) -> None:
        st.number_input(
            **self._labels(), min_value=self.low, max_value=self.high, value=self.default, step=1
        )
        st.button(
            _("Resample"),
            key=f"resample_{self.key}",
            icon=":material/casino:",
            on_click=self._move,
            width="stretch",
        )

    def _answer(self) -> Callable[[], None]:
        return answer

    def _move(self) -> None:
        st.session_state[self.key] = (self.value() + 1) % (self.high + 1)


def _strengths(low: int, high: int) -> tuple[float, ...]:
    decades = [float(f"{m}e{k}") for k in range(low, high) for m in (1, 2, 5)]
    return (0.0, *decades, float(f"1e{high}"))


@dataclass(frozen=True, kw_only=True)
class Strength(Slid):
    """A strength λ on a logarithmic scale from 10^low to 10^high, with a true zero at its left."""

    default: Any = 0.0
    low: int
    high: int
    options: tuple[float, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", _strengths(self.low, self.high))

    def draw(self) -> None:
        st.select_slider(
            **self._labels(), options=self.options, value=self.default, format_func=self.format
        )

    def parse(self, text: str) -> float:
        value = float(text)
        if not 0 <= value <= self.options[-1]:
            raise ValueError(text)
        if value == 0:
            return 0.0
        positive = (option for option in self.options if option > 0)
        return min(positive, key=lambda option: abs(math.log(option / value)))

    def moved(self, text: str) -> str:
        given, used = float(text), self.parse(text)
        if math.isclose(given, used, rel_tol=1e-9):
            return ""
        return _("`{key}` has no step at {given:.6g}; the lab uses the nearest, {used}").format(
            key=self.key, given=given, used=self.format(used)
        )

    def format(self, value: Any) -> str:
        if value == 0 or value >= 1e-3:
            return f"{value:g}"
        return f"{value:.0e}".replace("e-0", "e-")

    def expected(self) -> str:
        return _("0, or a number from 1e{low} to 1e{high}").format(low=self.low, high=self.high)


@dataclass(frozen=True, kw_only=True)
class Choice(Control):
    """One of some names, which stand in the URL as they are shown."""

    options: tuple[str, ...]

    def draw(self) -> None:
        st.selectbox(**self._labels(), options=self.options, index=self.options.index(self.default))

    def parse(self, text: str) -> str:
        if text not in self.options:
            raise ValueError(text)
        return text

    def format(self, value: Any) -> str:
        return str(value)

    def expected(self) -> str:
        return _("one of {n} names, such as {first} or {last}").format(
            n=len(self.options), first=plain(self.options[0]), last=plain(self.options[-1])
        )


@dataclass(frozen=True, kw_only=True)
class Views(Control):
    """Which of a screen's pictures is shown: names in the URL, their titles on the screen.

    Written into the URL by hand: a bound widget would put the translated title there.
    """

    key: str = "view"
    label: str = ""
    titles: Mapping[str, str]
    bound: ClassVar[bool] = False

    def draw(self) -> None:
        names = list(self.titles)
        self.restore()
        st.segmented_control(
            _("View"),
            names,
            format_func=lambda name: _(self.titles[name]),
            key=self.key,
            required=True,
            label_visibility="collapsed",
        )
        self.write()

    def parse(self, text: str) -> str:
        if text not in self.titles:
            raise ValueError(text)
        return text

    def format(self, value: Any) -> str:
        return str(value)

    def expected(self) -> str:
        return _("one of {names}").format(names=_(", ").join(self.titles))


@dataclass(frozen=True, kw_only=True)
class Switch(Control):
    """Something that is on or off: `true` or `false` in the URL."""

    default: Any = False

    def draw(self) -> None:
        st.toggle(**self._labels(), value=self.default)

    def parse(self, text: str) -> bool:
        if text not in ("true", "1", "false", "0"):
            raise ValueError(text)
        return text in ("true", "1")

    def format(self, value: Any) -> str:
        return str(value).lower()

    def expected(self) -> str:
        return _("true or false")


def settle_url(controls: Sequence[Control]) -> list[str]:
    """Before controls first appear: rewrite what the URL asks of them in the form that they write.

    Returns a sentence for each value that cannot be used, which leaves the URL, so that the default
    is shown; for each list with some good entries, which alone stay; and for each value that lies
    between two steps of its control, which opens the nearest.
    Streamlit itself reads some texts more loosely (7.9 as 7) and others more strictly (1e-3 is not
    0.001 to a list of options), and says nothing of either.
    """
    complaints = []
    for control in controls:
        texts = st.query_params.get_all(control.key)
        if control.key in st.session_state or not texts:
            continue
        default = control.format(control.default)
        told = {
            "key": control.key,
            "expected": control.expected(),
            "default": (plain(default) if isinstance(control, Choice) else default) or _("none"),
        }
        text, *others = texts
        canonical = None if others else _canonical(control, text)
        if canonical is not None:
            if text != canonical:
                st.query_params[control.key] = canonical
                complaints += [sentence] if (sentence := control.moved(text)) else []
        elif others:
            del st.query_params[control.key]
            complaints.append(more_than_once(control.key, told["default"]))
        elif kept := _good_entries(control, text):
            st.query_params[control.key], bad = kept
            complaints.append(
                _("`{key}` must be {expected}; the lab leaves out {bad}").format(
                    bad=plain(short(bad)), **told
                )
            )
        else:
            del st.query_params[control.key]
            complaints.append(
                _("`{key}` must be {expected}; the lab uses {default}").format(**told)
            )
    return complaints


def more_than_once(key: str, used: str) -> str:
    """The sentence for a parameter that a link has several times."""
    return _("`{key}` is given more than once; the lab uses {used}").format(key=key, used=used)


def _canonical(control: Control, text: str) -> str | None:
    """`text` in the form that the control writes; None where the control cannot have it."""
    try:
        return control.format(control.parse(text))
    except (ValueError, OverflowError):
        return None


def _good_entries(control: Control, text: str) -> tuple[str, str] | None:
    """The good entries of a list, as the control writes them, and the bad ones; None if none is."""
    good, bad = list[str](), list[str]()
    for entry in control.entries(text):
        (bad if not entry or _canonical(control, entry) is None else good).append(entry or "–")
    kept = _canonical(control, ",".join(good)) if good else None
    return (kept, ", ".join(bad)) if kept and bad else None


def read(controls: Sequence[Control]) -> dict[str, Any]:
    """What is set now, by key."""
    return {control.key: control.value() for control in controls}


def answer(*others: str) -> None:
    """A control was moved: run no more of the screen than what answers it, and fragments `others`.

    `ui.stage` draws a screen's picture and what lies under its fold as fragments of these names. A
    full run, with its sixty messages to the browser, takes about three times as long to paint.
    """
    state = st.session_state
    if state.get("share"):  # the link on display would be that of another state
        return
    if moved := state.get("_moved"):  # it ticks; a run of the fragment alone would end its clock
        moved()
        return
    if st.context.url is None:  # no browser, which would keep the rest of the screen as it is
        return
    with contextlib.suppress(StreamlitAPIException):  # no such fragment: its run failed
        st.rerun(["answer", *others, *(["more"] if state.get("_more_follows") else [])])
