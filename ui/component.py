"""Figures drawn in the browser: what `ui.points`, `ui.plane` and `ui.player` share."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from ui import shell


@cache
def registered(folder: Path) -> Callable[..., Any]:
    """The component whose .html, .css and .js are named as their folder.

    Its script stands between what all share, `component.js`, and those of its `painters`.
    """
    html, css, js = (folder / f"{folder.name}.{kind}" for kind in ("html", "css", "js"))
    scripts = (Path(__file__).with_suffix(".js"), js, *sorted((folder / "painters").glob("*.js")))
    return st.components.v2.component(
        f"regularization_lab_{folder.name}",
        html=html.read_text(encoding="utf-8"),
        css=css.read_text(encoding="utf-8"),
        js="\n".join(script.read_text(encoding="utf-8") for script in scripts),
    )


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
    """Show the figure of `folder`, which a hand can change, with `data`.

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
        "place": key,
        "serial": int(sent["serial"]) if sent else 0,
        "height": height,
        "scale": 1.3 if shell.presenting() else 1,
    }
    with st.container(key=key, gap=None):
        registered(folder)(
            key=name, height="content", data=common | data, **{f"on_{state}_change": hear}
        )
        st.text(description)
