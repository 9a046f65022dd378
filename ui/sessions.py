"""The sessions of all visitors, as Streamlit's runtime has them: all that we know of its insides.

Private are `Runtime._session_mgr` and `AppSession._session_state` and `._fragment_storage`; a test
holds this file against the real thing. `end` and `drop` are for the thread of the event loop.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from typing import Any

import streamlit as st
from streamlit.runtime import Runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

_loop: asyncio.AbstractEventLoop | None = None


def seconds_kept() -> float:
    """How long a session outlives its page: what sleeps no longer finds everything as it was."""
    return float(st.get_option("server.disconnectedSessionTTL"))


def minutes_kept() -> int:
    """The same in whole minutes, for a sentence that is to be true: after these it is gone."""
    return math.ceil(seconds_kept() / 60)


def here() -> str:
    """The session of this run."""
    context = get_script_run_ctx()
    return "" if context is None else context.session_id


def known() -> list[str]:
    """The sessions that have a page, and those that have lost theirs not too long ago."""
    return [info.session.id for info in _manager().list_sessions()]


def has_page(session: str) -> bool:
    """Whether a browser is connected to it."""
    return bool(Runtime.instance().is_active_session(session))


def state(session: str) -> Mapping[str, Any]:
    """A copy of what `st.session_state` holds in it; nothing where there is no such session."""
    info = _manager().get_session_info(session)
    return {} if info is None else info.session.session_state.filtered_state


def end(session: str) -> None:
    """Let it go, with its files and file descriptors.

    It is emptied, too: the server's loop holds the last one that it looked at until another comes.
    """
    info = _manager().get_session_info(session)
    Runtime.instance().close_session(session)
    if info is not None:
        for content in ("_session_state", "_fragment_storage"):
            setattr(info.session, content, type(getattr(info.session, content))())


def end_soon(session: str) -> None:
    """The same from any thread, when the event loop comes to it."""
    if _loop is not None:
        _loop.call_soon_threadsafe(end, session)


def attach(loop: asyncio.AbstractEventLoop) -> None:
    """Say which event loop is the server's."""
    global _loop
    _loop = loop


def files() -> set[tuple[str, str]]:
    """The session and the name of each file that was sent here."""
    storage = Runtime.instance().uploaded_file_mgr.file_storage
    return {(session, file) for session, sent in list(storage.items()) for file in list(sent)}


def drop(session: str, file: str) -> None:
    """Let go of a file that was sent here."""
    Runtime.instance().uploaded_file_mgr.remove_file(session, file)


def _manager() -> Any:
    return Runtime.instance()._session_mgr
