"""What the server does where something is not as it should be, and where it stands elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import ROOT, Visit, parameters, rested, serving, slide, soon

FAILING = f"""
import sys

if "streamlit" in sys.orig_argv:
    sys.path.insert(0, {str(ROOT)!r})
    from ui import controls, preview, sliders
    from ui.views.overfitting import complexity

    def fail(*args):
        raise RuntimeError("internals")

    controls.Seed._move = fail
    sliders._rest = fail
    curve = complexity.curve
    complexity.curve = lambda values: curve(values) if preview.drawing() else fail()
"""
"""Run before the server: a callback of a whole run fails, one of a fragment, and a preview."""


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("failing")
    (folder / "sitecustomize.py").write_text(FAILING, encoding="utf-8")
    with serving(PYTHONPATH=str(folder)) as address:
        yield address


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    with serving(STREAMLIT_SERVER_BASE_URL_PATH="lab") as address:
        yield f"{address}/lab"


def _assert_said(page: Page, sentence: str, way_out: str) -> None:
    expect(page.get_by_test_id("stAlert")).to_contain_text(sentence)
    expect(page.locator("[data-testid=stVegaLiteChart], .figure").first).to_be_visible()
    for inner in ("internals", "RuntimeError", "Ask Google", "Traceback"):
        assert inner not in page.locator("body").inner_text()
    page.get_by_role("button", name=way_out).click()
    expect(page.get_by_test_id("stAlert")).to_have_count(0)


def test_a_callback_that_fails_is_told_of_and_undoes_nothing(visit: Visit, failing: str) -> None:
    page = visit("/overfitting?degree_a=5", base=failing)
    page.locator(".st-key-resample_seed button").click()
    expect(page.get_by_test_id("stAlert")).to_contain_text("Something went wrong on this screen")
    assert parameters(page)["degree_a"] == "5"
    slide(page, "degree_a", 1)  # it goes on
    assert soon(page, lambda: parameters(page)["degree_a"] == "6")
    _assert_said(page, "Something went wrong on this screen", "Reset this screen")
    assert soon(page, lambda: "degree_a" not in parameters(page))


def test_so_is_a_fragments_in_the_visitors_language(visit: Visit, failing: str) -> None:
    page = visit("/overfitting", base=failing, locale="zh-CN")
    rested(page)
    slide(page, "degree_a", 2)
    _assert_said(page, "本页出了问题", "重置本页")


def test_where_a_preview_fails_the_run_answers(visit: Visit, failing: str) -> None:
    page = visit("/overfitting?view=complexity", base=failing)
    rested(page)
    answers: list[int] = []
    page.on("response", lambda r: "/preview/" in r.url and answers.append(r.status))
    slide(page, "degree_a", 2)
    expect(page.locator(".readouts").first).to_contain_text("5")
    assert answers
    assert set(answers) == {500}
