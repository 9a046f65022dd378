"""Figures drawn in the browser that a hand can change: what `ui.points` and `ui.plane` share."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from ui import shell


@cache
def _component(folder: Path) -> Callable[..., Any]:
    name = folder.name
    html, css, js = (
        (folder / f"{name}.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js")
    )
    return st.components.v2.component(f"regularization_lab_{name}", html=html, css=css, js=js)


def show(
    folder: Path,
    key: str,
    data: dict[str, Any],
    *,
    state: str,
    changed: Callable[[dict[str, Any]], None],
    description: str,
    height: int,
) -> None:
    """Show the component of `folder` (its .html, .css and .js are named as it is) with `data`.

    `changed` is called, as a callback, with what the browser sets its `state` to. That carries a
    `serial`, which the data of the answer repeat: what answers an earlier message is older than
    what the hand has done since.
    """
    name = f"{key}_{folder.name}"

    def hear() -> None:
        changed(st.session_state[name][state])

    seen = st.session_state.get(name)
    sent = seen.get(state) if seen else None
    common = {
        "serial": int(sent["serial"]) if sent else 0,
        "height": height,
        "scale": 1.3 if shell.presenting() else 1,
    }
    with st.container(key=key, gap=None):
        _component(folder)(
            key=name, height="content", data=common | data, **{f"on_{state}_change": hear}
        )
        st.text(description)
