"""Links to other screens, which wait for what was set a moment ago; and the way back."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import streamlit as st


def hold() -> None:
    """Let the links of the page wait."""
    st.html(_script(), unsafe_allow_javascript=True)  # our own file: nothing of a visitor's in it


@cache
def _script() -> str:
    return f"<script>{Path(__file__).with_suffix('.js').read_text(encoding='utf-8')}</script>"
