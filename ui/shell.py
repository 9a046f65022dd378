"""What stands around every screen: language, presenter mode, share, and the last safety net."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import segno
import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ui import i18n, links, preview, returning, theme, visits
from ui.controls import more_than_once
from ui.i18n import _
from ui.lecture import HOME, TOPICS, Topic

_log = logging.getLogger(__name__)
_framed: ContextVar[bool] = ContextVar("framed", default=False)

CSS = """
[data-testid="stMainBlockContainer"] { padding-left: 2.5rem; padding-right: 2.5rem; }
[data-testid="stMainBlockContainer"] > [data-testid="stVerticalBlock"] { gap: .7rem; }
.st-key-top { display: grid; grid-template-columns: 5fr 3fr; gap: 1rem; align-items: center; }
.st-key-answer_row { display: grid; grid-template-columns: 7.4fr 2.4fr; gap: 1rem 2.5rem; }
:is(.st-key-top, .st-key-answer_row) > * { min-width: 0; }
.st-key-tab [role=radiogroup] { width: 100%; gap: 1.5rem; padding-bottom: 2px;
  border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
.st-key-tab [role=radiogroup] > button[role=radio] { border: 0; border-radius: 0; margin: 0;
  padding: 0 .1rem; background: none; }
.st-key-tab [role=radiogroup] > button[aria-checked=true] { box-shadow: 0 3px currentColor; }
.st-key-headline { gap: .1rem; }
.st-key-headline h1 { padding: 0; line-height: 1.3; }
.st-key-headline [data-testid="stMarkdownContainer"] { margin-bottom: 0; }
.st-key-see [data-testid="stMarkdownContainer"] { margin-bottom: 0; }
.st-key-scenes { overflow-x: hidden; } /* the pills scroll, Reset stays in sight */
.st-key-scenes > .st-key-scene_pill { flex: 0 1 auto; min-width: 0; overflow-x: auto; }
.st-key-scenes > .st-key-scene_pill * { flex-wrap: nowrap; }
.st-key-scenes > .st-key-reset { flex: none; min-width: max-content; }
[data-testid="stText"] { /* descriptions, for those who listen to the page */
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
}
[data-testid="stLayoutWrapper"]:has(> .st-key-navigation) { position: absolute; }
.st-key-navigation { position: fixed; top: 1.05rem; z-index: 999990; width: auto;
  margin-left: -.7rem; max-width: calc(100% - 8rem); overflow-x: auto; scrollbar-width: none; }
[data-testid="stHeader"]:has([data-testid="stExpandSidebarButton"]) ~ * .st-key-navigation {
  margin-left: 1.2rem; } /* beside the button that opens the sidebar */
/* Of a table the browser writes a CSV file without a thought of formulas; "The data" has ours. */
[data-testid="stElementToolbarButton"]:has([aria-label^="Download as CSV"]) { display: none; }
[class*="st-key-card_"] [data-testid="stPageLink"] p { font-size: 1.2rem; }
[class*="st-key-card_"] [data-testid="stPageLink"] a { padding-left: 0; }
.readouts { display: grid; grid-auto-columns: minmax(min-content, 1fr); column-gap: 1.25rem; }
/* Groups share their rows, so that numbers stand level where a label takes two lines. */
.readouts dl { display: grid; margin: 0; padding: 0;
  grid-row: 1 / span var(--rows); grid-template-rows: subgrid; }
.readouts dl > div { display: flex; flex-direction: column; justify-content: space-between;
  margin-bottom: 1.1rem; }
.readouts dt { font-size: .875rem; line-height: 1.4; opacity: .8; }
.readouts dt.group { font-weight: 600; font-size: 1rem; opacity: 1; margin-bottom: .8rem; }
.readouts dd { margin: 0; font-size: 1.75rem; line-height: 1.35; white-space: nowrap;
  font-variant-numeric: tabular-nums; }
.readouts.remark { display: block; font-size: .875rem; line-height: 1.5; }
.readouts.remark:not(.warning) { opacity: .75; }
.readouts .hint { margin-left: .35em; opacity: .6; cursor: help; }
@media (max-width: 640px) {
  :is(.st-key-top, .st-key-answer_row) { grid-template-columns: 1fr; }
  [data-testid="stMainBlockContainer"] { padding-left: 1rem; padding-right: 1rem; }
}
"""

ROLES_CSS = (
    f".readouts.warning {{ color: light-dark({theme.LIGHT['overfit']}, {theme.DARK['overfit']}); }}"
) + "".join(
    f".role-{role} dt.group {{ color: light-dark({theme.LIGHT[role]}, {theme.DARK[role]}); }}"
    for role in theme.ROLES
)

PRESENTER_CSS = """
:root { font-size: 19px !important; }
[data-testid="stMainBlockContainer"] { padding-top: 3.7rem; }
[data-testid="stMainBlockContainer"] > [data-testid="stVerticalBlock"] { gap: .35rem; }
.st-key-headline { flex-direction: row; align-items: baseline; gap: 1rem; }
.st-key-headline > * { width: auto; flex: none; }
"""


def restore() -> None:
    """Read `lang` and `present` from the URL, and complain of values that cannot be used.

    These two are written by hand rather than bound to a widget: a bound widget leaves its default
    out of the URL, and then a shared link would open in the language of whoever follows it.
    """
    state = st.session_state
    if "_language" not in state:
        state["_language"] = i18n.from_locale(st.context.locale)
    languages = st.query_params.get_all("lang")
    if len(languages) == 1 and languages[0] in i18n.LANGUAGES:
        state["_language"] = languages[0]
    i18n.activate(state["_language"])
    if len(languages) > 1:
        complain(more_than_once("lang", state["_language"]))
    elif languages not in ([], [state["_language"]]):
        complain(_("`lang` must be en or zh; the lab uses {lang}").format(lang=state["_language"]))
    present = st.query_params.get_all("present")
    if present in (["0"], ["1"]):
        state["_present"] = present == ["1"]
    elif len(present) > 1:
        complain(more_than_once("present", "0"))
    elif present:
        complain(_("`present` must be 1 or 0; the lab uses 0"))
    _write()


def presenting() -> bool:
    """Whether this visitor is in presenter mode."""
    told = preview.presenting()
    return st.session_state.get("_present", False) if told is None else told


def style() -> None:
    """The few rules that the theme cannot say."""
    st.html(f"<style>{CSS}{ROLES_CSS}{PRESENTER_CSS if presenting() else ''}</style>")


def headline(topic: Topic) -> tuple[DeltaGenerator, DeltaGenerator]:
    """Title, question and tools of a screen; returns the places for a notice and for Share."""
    top = st.container(key="top")  # a grid, as `stage.figure_and_readouts` is one
    with top, st.container(key="headline"):
        st.title(_(topic.title), anchor=False)
        st.markdown(_(topic.question))
        notice = st.container(key="notice")
    with (
        top,
        st.container(
            key="tools", horizontal=True, horizontal_alignment="right", vertical_alignment="center"
        ),
    ):
        st.session_state["language"] = i18n.language()
        st.segmented_control(
            _("Language"),
            list(i18n.LANGUAGES),
            format_func=i18n.LANGUAGES.__getitem__,
            key="language",
            required=True,
            label_visibility="collapsed",
            on_change=_speak,
        )
        st.session_state["presenter"] = presenting()
        st.toggle(
            _("Present"),
            key="presenter",
            help=_("Larger type and marks for a projector"),
            on_change=_present,
        )
        return notice, st.container(key="share_place", width="content")


def share(place: DeltaGenerator) -> None:
    """A popover with the link to this very screen and its QR code, drawn only when open."""
    with place:
        popover = st.popover(
            _("Share"), icon=":material/qr_code_2:", key="share", on_change="rerun"
        )
    if popover.open:
        with popover:
            link = share_link(st.context.url or "", st.query_params.to_dict())
            st.markdown(_("This link opens the same screen in the same state."))
            long = len(link) > 400  # its code, or a sentence, stays in sight
            st.code(link, language=None, wrap_lines=True, height=150 if long else "content")
            code = qr_code(link)
            if code is None:
                sentence = _("It is too long for a QR code, which holds {n:,} characters: copy it.")
                st.info(sentence.format(n=QR_HOLDS))
                return
            with st.container(key="qr", horizontal_alignment="center"):
                st.image(
                    code.svg_inline(scale=5, border=3, dark="#1F2430", light="#FFFFFF"),
                    width=max(230, 3 * code.symbol_size(border=3)[0]),
                )


QR_HOLDS = 2953
"""Characters that the largest QR code has place for (ISO/IEC 18004, version 40-L)."""


def qr_code(link: str) -> segno.QRCode | None:
    """The link as a QR code; None where it is too long for one."""
    try:
        return segno.make(link, micro=False)
    except segno.DataOverflowError:
        return None


def share_link(url: str, parameters: dict[str, str]) -> str:
    """The address of a screen with the parameters of its state.

    >>> share_link("http://lab/overfitting?old=1", {"lang": "en", "degree_a": "4"})
    'http://lab/overfitting?lang=en&degree_a=4'
    """
    return urlsplit(url)._replace(query=urlencode(parameters), fragment="").geturl()


@contextmanager
def guard(key: str = "recover") -> Iterator[None]:
    """Whatever goes wrong inside: one sentence for the visitor, the traceback for the log.

    `key` names the button that resets the screen.
    """
    try:
        yield
    except Exception:  # noqa: BLE001 (the net below every screen)
        _log.exception("A screen failed")
        st.session_state.pop("_failed", None)
        _apologise(key)


def caught(error: Exception) -> bool:
    """The net below what no guard is around: callbacks above all. `st.App` has logged it.

    A callback comes before its run, which then does not take place: the page would stay empty. So
    another run is asked for, with what was set just now, and that one says what happened.
    """
    context = get_script_run_ctx()
    if context is None:
        return False
    if context.has_script_started:
        i18n.activate(st.session_state.get("_language", ""))
        _apologise("recover_run")
    else:
        st.session_state["_failed"] = True
        st.rerun()
    return True


def _show_failure() -> None:
    if st.session_state.pop("_failed", False):
        _apologise("recover_callback")


def _apologise(key: str) -> None:
    st.error(
        _("Something went wrong on this screen. Reset it and go on; the others stay as they are."),
        icon=":material/error:",
    )
    st.button(_("Reset this screen"), key=key, on_click=_forget_and_run)


def _forget_and_run() -> None:
    visits.reset()
    st.rerun()  # all of it, also where the button stands in a fragment


def page(topic: Topic) -> st.Page:
    """The screen of a topic, as the navigation knows it."""
    return st.Page(
        f"pages/{topic.name}.py",
        # No icon: Streamlit would fetch it from the network, to be the favicon.
        title=_("Home") if topic is HOME else _(topic.title),
        url_path=None if topic is HOME else topic.name,
        default=topic is HOME,
    )


def navigation(pages: Mapping[Topic, st.Page]) -> None:
    """Links to all screens, in the band at the top of the page.

    Streamlit's own are drawn anew at every message from the server, these when they change.
    """
    with st.container(key="navigation", horizontal=True, wrap=False, gap="small"):
        for linked in pages.values():
            st.page_link(linked, width="content")
        links.hold()
        returning.listen()


def run(topic: Topic, pages: Mapping[Topic, st.Page]) -> None:
    """Run the screen of one topic inside the lab's frame."""
    visits.enter(topic.name)
    visits.speak(i18n.language())
    st.set_page_config(
        page_title=_(HOME.title) if topic is HOME else f"{_(topic.title)} · {_(HOME.title)}",
        page_icon=str(Path(__file__).with_name("favicon.svg")),
        layout="wide",
        initial_sidebar_state="collapsed" if presenting() else "auto",
    )
    style()
    navigation(pages)
    _framed.set(True)
    try:
        with guard():
            notice, place = headline(topic)
            pages[topic].run()
            with notice:
                _show_complaints()
                _show_failure()
                returning.say()
            share(place)
    finally:  # also when the screen asks for another run
        _framed.set(False)


def require_frame() -> None:
    """Make sure that a screen runs inside the frame, also for a fresh server's first visitor.

    Until some session has called `st.navigation`, Streamlit takes `pages/` for the older kind of
    multipage app and runs the file behind a deep link by itself. Calling it once ends that.
    """
    if not _framed.get():
        st.navigation([page(topic) for topic in (HOME, *TOPICS)], position="hidden")
        st.rerun()


def complain(*sentences: str) -> None:
    """Keep what could not be used of the link, until a run comes to its end and can say it."""
    st.session_state.setdefault("_complaints", []).extend(sentences)


def _show_complaints() -> None:
    problems = st.session_state.pop("_complaints", ())
    if problems:
        text = _("Part of this link cannot be used: {problems}.")
        st.warning(text.format(problems=_("; ").join(problems)), icon=":material/link_off:")


def _speak() -> None:
    st.session_state["_language"] = st.session_state["language"]
    _write()


def _present() -> None:
    st.session_state["_present"] = st.session_state["presenter"]
    _write()


def _write() -> None:
    """Bring the URL up to date, with as few messages as needed."""
    wanted = {"lang": [st.session_state["_language"]], "present": ["1"] if presenting() else []}
    for key, texts in wanted.items():
        if st.query_params.get_all(key) == texts:
            continue
        if texts:
            st.query_params[key] = texts[0]
        else:
            del st.query_params[key]
