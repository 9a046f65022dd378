"""What the server does where something is not as it should be, and where it stands elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Response, expect

from tests.e2e.conftest import ROOT, Visit, parameters, rested, serving, settle, slide, soon

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
    with serving("/lab") as address:
        yield address


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


def test_under_a_path_of_its_own_everything_is_below_it(visit: Visit, elsewhere: str) -> None:
    asked: list[str] = []
    statuses: set[tuple[int, str]] = set()

    def answered(response: Response) -> None:
        asked.append(response.url)
        if "/preview/" in response.url:
            statuses.add((response.status, response.headers["content-type"]))

    page = visit("/", base=elsewhere, watch=lambda page: page.on("response", answered))
    page.get_by_role("link", name="Overfitting").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overfitting")
    rested(page)
    before = page.locator(".readouts").first.inner_text()
    slide(page, "degree_a", 4)
    assert soon(page, lambda: page.locator(".readouts").first.inner_text() != before)
    assert soon(page, lambda: statuses)
    rested(page)
    assert statuses == {(200, "application/json")}
    assert [url for url in asked if not url.startswith((f"{elsewhere}/", "data:", "blob:"))] == []
    page.locator(".st-key-share button").click()
    link = page.locator("[data-testid=stPopoverBody] [data-testid=stCode]").inner_text().strip()
    assert link == f"{elsewhere}/overfitting?degree_a=7&lang=en"
    again = visit(link)
    assert again.locator(".st-key-degree_a input[type=range]").input_value() == "7"


@pytest.mark.parametrize("path", ["/nosuch", "/overfitting/x/y?degree_a=3", "/overfitting/x"])
@pytest.mark.parametrize(
    ("locale", "sentence", "home"),
    [("en-US", "There is no screen at", "Home"), ("zh-CN", "处没有页面", "首页")],
)
def test_where_no_screen_is_a_sentence_leads_home(
    browser: Browser, server: str, path: str, locale: str, sentence: str, home: str
) -> None:
    with browser.new_context(locale=locale) as context:
        page = context.new_page()
        response = page.goto(server + path)
        assert response
        assert response.status == 404
        expect(page.locator("p")).to_contain_text(sentence)
        expect(page.locator("p")).to_contain_text(path.split("?")[0])
        page.get_by_role("link", name=home).click()
        page.wait_for_url(f"{server}/**")
        settle(page)
        assert page.locator(".st-key-card_overfitting").is_visible()


def test_a_link_longer_than_a_qr_code_is_told_of(visit: Visit) -> None:
    moved = ",".join(f"{i}:0.{i + 101}:-1.{i + 101}" for i in range(150))
    page = visit(f"/overfitting?n_points=150&moved={moved}")
    page.locator(".st-key-share button").click()
    opened = page.locator("[data-testid=stPopoverBody]")
    expect(opened.locator("[data-testid=stCode]")).to_contain_text("149%3A0.25%3A-1.25")
    expect(opened).to_contain_text("It is too long for a QR code, which holds 2,953 characters")
    expect(opened.locator("img")).to_have_count(0)


def _chosen(page: Page, key: str) -> str:
    return page.locator(f".st-key-{key} [aria-checked=true]").inner_text()


def _box(page: Page, key: str) -> str:
    return page.locator(f".st-key-{key} input").input_value()


def test_back_undoes_what_a_hand_did_and_the_screen_follows(visit: Visit) -> None:
    page = visit("/optimizers?view=house_prices")
    before = page.evaluate("history.length")
    page.locator(".st-key-standardise input").click()
    page.get_by_role("option", name="areas and prices").click()
    assert soon(page, lambda: parameters(page).get("standardise") == "both")
    page.locator(".st-key-scene_pill button").nth(1).click()
    assert soon(page, lambda: parameters(page).get("scene") == "2")
    settle(page)
    assert page.evaluate("history.length") == before + 2
    page.go_back()
    assert soon(page, lambda: parameters(page).get("standardise") == "both")
    assert soon(page, lambda: _chosen(page, "view") == "House prices")
    assert soon(page, lambda: _box(page, "standardise") == "areas and prices")
    assert _chosen(page, "scene_pill").startswith("1 ")
    page.go_back()
    assert soon(page, lambda: _box(page, "standardise") == "nothing")
    page.go_forward()
    assert soon(page, lambda: _box(page, "standardise") == "areas and prices")
    assert parameters(page)["view"] == "house_prices"


def test_back_from_another_screen_finds_this_one_as_it_was_left(visit: Visit) -> None:
    page = visit("/overfitting")
    page.locator(".st-key-scene_pill button").nth(2).click()
    assert soon(page, lambda: _chosen(page, "view") == "Complexity")
    settle(page)
    left, before = page.url, page.evaluate("history.length")
    page.get_by_role("link", name="Constraints").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Constraints")
    settle(page)
    assert page.evaluate("history.length") == before + 1
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overfitting")
    assert soon(page, lambda: _chosen(page, "view") == "Complexity")
    assert _chosen(page, "scene_pill").startswith("3 ")
    assert page.url == left


def test_choices_speak_the_language_that_was_chosen_and_the_one_gone_back_to(visit: Visit) -> None:
    page = visit("/overfitting?view=complexity")
    page.locator(".st-key-language").get_by_text("中文").click()
    assert soon(page, lambda: _box(page, "against") == "次数")
    assert _chosen(page, "view") == "复杂度"
    page.go_back()
    assert soon(page, lambda: _box(page, "against") == "the degree")
    assert soon(page, lambda: _chosen(page, "view") == "Complexity")
