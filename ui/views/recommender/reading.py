"""How a visitor's file was read: which column is what, and the choice of others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from sim.recommender.upload import LEFT_OUT, Look, Role, Upload
from ui.i18n import N_, _
from ui.text import plain, short
from ui.views.recommender.given import Given, present

ROLES: dict[Role, str] = {
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
    if given.asks:
        st.info(
            _(
                "Which columns are they? Name those of the **user**, the **item** and the "
                "**rating**; beside each name stands its first value. If all are your own films, "
                "leave the user empty: their title and rating are enough."
            ),
            icon=":material/view_column:",
        )
    if given.asks or given.problem is not None:
        with st.container(border=True, key="reading_asked"):  # an expander may have been closed
            _boxes(given, seen, asks=True)
    else:
        with st.expander(_label(given, seen), key="reading"):
            _boxes(given, seen, asks=False)


def _boxes(given: Given, seen: Look, *, asks: bool) -> None:
    first, second = st.columns(3), st.columns(3)
    for (role, label), place in zip(ROLES.items(), (*first, *second), strict=False):
        with place:
            _column(role, _(label), given, seen)
    with second[-1]:
        _choice("encoding", _("Encoding"), seen.encoding, seen.encodings)
    if len(seen.tables) > 1:
        _choice("table", _("Table"), seen.table, seen.tables)
    lacking = _lacking()
    st.button(
        _("Read it so"),
        key="read_again",
        type="primary" if asks else "secondary",
        icon=":material/table_view:",
        on_click=_read_so,
        disabled=lacking is not None,
    )
    if lacking is not None:
        st.caption(lacking)


def _label(given: Given, seen: Look) -> str:
    """Which column is what, in a line."""
    found = [
        _("{role} = {column}").format(role=_(label), column=plain(short(seen.names[column], 24)))
        for role, label in {**ROLES, "year": N_("Year")}.items()
        if (column := given.columns.get(role, NONE)) in range(len(seen.names))
    ]
    return _("How it was read: {columns}").format(columns=_(", ").join(found) or "–")


def counts(upload: Upload) -> str:
    """What became of the rows, in a sentence: none is lost without a word."""
    ways = [
        _("{n} ratings").format(n=f"{len(upload.ratings):,}"),
        *([_("duplicates: {n}").format(n=f"{upload.duplicates:,}")] if upload.duplicates else []),
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
    return _("{n} rows: {ways}.").format(n=f"{upload.lines:,}", ways=_("; ").join(ways))


def sample(given: Given) -> pd.DataFrame | None:
    """The first rows as they stand in the file, to tell its columns by."""
    if given.look is None:
        return None
    names = given.look.names
    rows = [[*row, *[""] * len(names)][: len(names)] for row in given.look.sample]
    # numbered: a table with two columns of one name cannot be drawn
    own = [f"{i + 1}: {short(name)}" for i, name in enumerate(names)]
    return pd.DataFrame(rows, columns=own)


def _ask_apart(upload: Upload) -> None:
    for value, count in upload.apart:
        st.toggle(
            _(
                "{value:g} stands apart from the other ratings (rows: {n}): it means “not rated”"
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


def _column(role: Role, label: str, given: Given, seen: Look) -> None:
    options = [NONE, *range(len(seen.names))]
    shown = [_named(seen, column) for column in options]
    key = f"column_{role}"
    st.session_state.setdefault(key, given.columns.get(role, NONE))
    st.selectbox(label, options, format_func=lambda i: shown[i + 1], key=key)


def _named(seen: Look, column: int) -> str:
    """The name of a column and its first value, as text."""
    if column == NONE:
        return "—"
    first = next((row[column] for row in seen.sample if column < len(row) and row[column]), "")
    return f"{short(seen.names[column], 30)} · {short(first, 24)}" if first else seen.names[column]


def _choice(key: str, label: str, value: str, options: tuple[str, ...]) -> None:
    """A choice that acts at once: what there is to choose of columns follows from it."""
    key = f"read_{key}"
    st.session_state.setdefault(key, value)
    st.selectbox(label, options, format_func=short, key=key, on_change=_chosen, args=(key,))


def _chosen(key: str) -> None:
    """Another table, or another encoding: what the columns are is found anew in another table."""
    change: dict[str, Any] = {key.removeprefix("read_"): st.session_state[key]}
    _again(**change, **({"columns": None, "not_rated": None} if key == "read_table" else {}))


def _lacking() -> str | None:
    """What is wrong with the columns that are chosen, in a sentence; None where they will do."""
    chosen = _chosen_columns()
    one_of = ("item", "title") if "user" in chosen else ("title", "item")
    item = next((chosen[role] for role in one_of if role in chosen), None)
    if item is None:
        return _("Still missing: the column of the item or of its title.")
    if "rating" not in chosen:
        return _("Still missing: the column of the rating.")
    needed = [item, chosen["rating"], *([chosen["user"]] if "user" in chosen else [])]
    if len(set(needed)) < len(needed):
        return _("User, item and rating are three different columns.")
    return None


def _chosen_columns() -> dict[Role, int]:
    chosen = {role: st.session_state.get(f"column_{role}", NONE) for role in ROLES}
    return {role: column for role, column in chosen.items() if column != NONE}


def _read_so() -> None:
    chosen = _chosen_columns()
    given = present()
    if given is not None and given.look is not None and "genres" in given.look.columns:
        chosen["genres"] = given.look.columns["genres"]
    _again(columns=chosen)


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
