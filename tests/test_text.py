"""A visitor's words are text: no formula in a CSV file; for Markdown, see `tests/e2e`."""

from __future__ import annotations

import csv
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.controls import Choice
from ui.text import csv_file, csv_safe, plain, short


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1"])
def test_formulas_are_made_harmless(text: str) -> None:
    assert csv_safe(text) == "'" + text


@pytest.mark.parametrize("text", ["", "Toy Story", "2+2", "Léon", "'=1", "1 - 1"])
def test_other_text_stays(text: str) -> None:
    assert csv_safe(text) == text


@given(st.lists(st.text(), min_size=1), st.text(min_size=1))
def test_no_cell_of_a_file_begins_a_formula(texts: list[str], name: str) -> None:
    frame = pd.DataFrame({name: texts})
    rows = list(csv.reader(io.StringIO(csv_file(frame).decode("utf-8-sig"), newline="")))
    cells = [cell for row in rows for cell in row]
    assert not [c for c in cells if c.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_numbers_stay_as_they_are() -> None:
    frame = pd.DataFrame({"a": [-1, 2], "b": [-0.5, np.nan], "c": np.float32([3.7, -2.1])})
    frame["d"] = ["-x", None]
    assert csv_file(frame).decode("utf-8-sig").split() == ["a,b,c,d", "-1,-0.5,3.7,'-x", "2,,-2.1,"]
    assert frame["d"][0] == "-x", "the table itself is left as it is"


def test_markdown_of_a_visitor_is_escaped() -> None:
    assert plain("![](http://x/y.png)").startswith(r"\!\[\]\(")
    assert plain("a\n\n# b").count("\n") == 0
    assert "://" not in plain("http://x.org").replace("\\", "")


@given(st.text())
def test_nothing_but_marks_is_added(text: str) -> None:
    shown = plain(text)
    assert shown.replace("\\", "").replace("\u2060", "") == " ".join(text.split()).replace(
        "\\", ""
    ).replace("\u2060", "")


def test_a_complaint_of_a_link_names_what_a_visitor_wrote_as_text() -> None:
    """The users of an own file are what a link may name; the sentence is Markdown."""
    picture = "![](http://x/y.png)"
    said = Choice(key="user", label="", default="b", options=(picture, "b")).expected()
    assert picture not in said
    assert plain(picture) in said


def test_a_long_text_is_cut() -> None:
    assert short("x" * 99, 10) == "x" * 9 + "…"
    assert short("a  b\nc") == "a b c"
