"""How a visitor's file was read: which column is what, and the choice of others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from sim.recommender.upload import LEFT_OUT, Look, Upload
from ui.i18n import N_, _
from ui.text import plain, short
from ui.views.recommender.given import ESSENTIAL, Given, present

ROLES = {
    "user": N_("User"),
    "item": N_("Item"),
    "rating": N_("Rating"),
    "title": N_("Title"),
    "time": N_("Time"),
}
NONE = -1
"""Stands for no column."""


def draw(given: Given) -> None:
    """Draw what was found, folded away where all was clear, and let it be chosen anew."""
    seen = given.look
    if seen is None:
        return
    if given.upload is not None:
        _ask_apart(given.upload)
    asks = given.asks or given.problem is not None
    if given.asks:
        st.info(
            _(
                "Which columns are they? Name those of the **user**, the **item** and the "
                "**rating**; beside each name stands its first value."
            ),
            icon=":material/view_column:",
        )
    with st.expander(_("How it was read"), key="reading", expanded=asks):
        _columns(seen)
        with st.container(horizontal=True, vertical_alignment="bottom", key="reading_more"):
            _choice("table", _("Table"), seen.table, seen.tables, len(seen.tables) > 1)
            _choice("encoding", _("Encoding"), seen.encoding, seen.encodings, True)
            st.button(
                _("Read it so"),
                key="read_again",
                type="primary" if asks else "secondary",
                icon=":material/table_view:",
                on_click=_read_so,
                disabled=not _chosen_well(),
                help=_("User, item and rating are three different columns."),
            )


def counts(upload: Upload) -> str:
    """What became of the rows, in a sentence: none is lost without a word."""
    ways = [
        _("{n} ratings").format(n=f"{len(upload.ratings):,}"),
        *([_("{n} duplicates").format(n=f"{upload.duplicates:,}")] if upload.duplicates else []),
        *(
            _("{n} left out: {reason} (first in row {row}: {example})").format(
                n=f"{left.count:,}",
                reason=_(LEFT_OUT[left.reason]),
                row=f"{left.row:,}",
                example=plain(short(left.example, 30)) or "–",
            )
            for left in upload.left_out
        ),
    ]
    return _("{n} rows: {ways}.").format(n=f"{upload.lines:,}", ways="; ".join(ways))


def _ask_apart(upload: Upload) -> None:
    for value, count in upload.apart:
        st.toggle(
            _(
                "{value:g} stands apart from the other ratings, in {n} rows: it means “not rated”"
            ).format(value=value, n=f"{count:,}"),
            value in upload.not_rated,
            key=f"not_rated_{value:g}",
            on_change=_not_rated,
            args=(upload,),
        )


def _not_rated(upload: Upload) -> None:
    state = st.session_state
    chosen = tuple(value for value, _n in upload.apart if state.get(f"not_rated_{value:g}"))
    _again(not_rated=chosen)


def _columns(seen: Look) -> None:
    options = [NONE, *range(len(seen.names))]
    shown = [_named(seen, column) for column in options]
    for (role, label), place in zip(ROLES.items(), st.columns(len(ROLES)), strict=True):
        with place:
            key = f"column_{role}"
            st.session_state.setdefault(key, seen.columns.get(role, NONE))  # type: ignore[call-overload]
            st.selectbox(_(label), options, format_func=lambda i: shown[i + 1], key=key)


def _named(seen: Look, column: int) -> str:
    """The name of a column and its first value, as text."""
    if column == NONE:
        return "—"
    first = next((row[column] for row in seen.sample if column < len(row) and row[column]), "")
    return f"{short(seen.names[column], 30)} · {short(first, 24)}" if first else seen.names[column]


def _choice(key: str, label: str, value: str, options: tuple[str, ...], is_shown: bool) -> None:
    if is_shown:
        st.session_state.setdefault(f"read_{key}", value)
        st.selectbox(
            label,
            options,
            format_func=short,
            key=f"read_{key}",
            on_change=_chosen,
            args=(key,),
            width=230,
        )


def _chosen(key: str) -> None:
    """Another table, or another encoding: what the columns are is found anew in another table."""
    change: dict[str, Any] = {key: st.session_state[f"read_{key}"]}
    _again(**change, **({"columns": None, "not_rated": None} if key == "table" else {}))


def _chosen_well() -> bool:
    chosen = [st.session_state[f"column_{role}"] for role in ESSENTIAL]
    return NONE not in chosen and len(set(chosen)) == len(chosen)


def _read_so() -> None:
    chosen = {role: st.session_state.get(f"column_{role}", NONE) for role in ROLES}
    given = present()
    if given is not None and given.look is not None and "genres" in given.look.columns:
        chosen["genres"] = given.look.columns["genres"]
    _again(columns={role: column for role, column in chosen.items() if column != NONE})


def _again(**changes: Any) -> None:
    """In a callback: let the file be read once more, with other choices."""
    given = present()
    if given is not None:
        st.session_state["_choices"] = replace(given.choices, **changes)


def forget() -> None:
    """Before another reading is shown: what the boxes say is of the last one."""
    for key in list(st.session_state):
        if str(key).startswith(("column_", "read_", "not_rated_")):
            del st.session_state[key]
