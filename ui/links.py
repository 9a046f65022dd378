"""Links to other screens, which wait for what was set a moment ago: see `links.js`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st


def hold() -> None:
    """Let the links of the page wait."""
    _component()(key="links", height="content")


@cache
def _component() -> Callable[..., Any]:
    script = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    return st.components.v2.component("regularization_lab_links", js=script)
