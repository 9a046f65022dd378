"""All ways between all screens, in one visit: each keeps what was set on it, and nothing else."""

from __future__ import annotations

from itertools import combinations
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visit, parameters, settle, slide, soon
from ui.lecture import TOPICS

NAMES = [topic.name for topic in TOPICS]
FIRST = {
    "overfitting": "degree_a",
    "constraints": "budget",
    "weight_decay": "learning_rate",
    "optimizers": "weight_decay",
    "dropout": "p",
    "recommender": "weight_decay",
}
"""A slider of each screen; some share their keys with those of other screens."""


def test_all_ways(visit: Visit) -> None:
    fresh = {}
    for name in NAMES:
        page = visit(f"/{name}?lang=en")
        page.locator(".st-key-tab [role=radio]").first.wait_for()  # below all controls
        assert soon(page, lambda page=page, name=name: FIRST[name] in state(page))
        fresh[name] = state(page)
        page.close()  # its animation would go on
    page = visit("/?lang=en")
    left = dict(fresh)

    def go(name: str) -> None:
        if urlsplit(page.url).path == f"/{name}":
            return
        page.locator(f".st-key-navigation a[href*='{name}']").click()
        page.wait_for_url(f"**/{name}?*")
        settle(page)
        assert soon(page, lambda: state(page) == left[name]), (name, state(page), left[name])
        assert page.get_by_test_id("stAlert").count() == 0

    for name in NAMES:
        go(name)
        slide(page, FIRST[name], 1)
        assert soon(page, lambda: parameters(page).keys() > {"lang"})
        settle(page)  # on some screens another control follows
        left[name] = state(page)
        assert left[name] != fresh[name]
        if name == "recommender":
            page.locator(".st-key-start button").click()
            page.locator(".st-key-pause button").wait_for()
    for one, other in combinations(NAMES, 2):
        go(one)
        go(other)
        go(one)
    page.locator(".st-key-navigation a[href*='recommender']").click()
    page.locator(".st-key-pause button, .st-key-go_on button").first.wait_for()  # the run is there


def test_a_link_waits_for_what_is_told_late(visit: Visit) -> None:
    """A field that is typed into and an open popover tell of it when the link is pressed."""
    page = visit("/overfitting?lang=en&degree_b=9")
    links = page.locator(".st-key-navigation")
    page.locator(".st-key-seed input").fill("100")
    links.locator("a[href*='constraints']").click()
    expect(page).to_have_title("Constraints · Regularization Lab")
    settle(page)
    links.locator("a[href*='overfitting']").click()
    page.wait_for_url("**/overfitting?*seed=100*")
    settle(page)
    page.locator(".st-key-share button").first.click()
    page.locator(".st-key-qr img").wait_for()
    links.locator("a[href*='constraints']").click()
    expect(page).to_have_title("Constraints · Regularization Lab")
    settle(page)
    links.locator("a[href*='overfitting']").click()
    page.wait_for_url("**/overfitting?*seed=100*")
    settle(page)
    assert parameters(page) == {"lang": "en", "degree_b": "9", "seed": "100"}


def state(page: Page) -> dict[str, Any]:
    """What the screen's controls say, and the link."""
    shown = page.evaluate(
        """() => Object.fromEntries(
          [...document.querySelectorAll("[data-testid=stSidebar] [class*=st-key-]")]
            .flatMap((box) => [...box.querySelectorAll("input")].map((input) => [
              /st-key-(\\S+)/.exec(box.className)[1], input.type === "checkbox"
                ? input.checked : input.getAttribute("aria-valuetext") ?? input.value,
            ])))"""
    )
    return {**shown, "link": parameters(page)}
