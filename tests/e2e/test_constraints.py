"""The constraints screen in a real browser: what moves there, moves everything else."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import (
    DESKTOP,
    PHONE,
    PROJECTOR,
    Visit,
    frames,
    number,
    parameters,
    settle,
    soon,
    still,
)

SILENCE = """
const send = WebSocket.prototype.send;
WebSocket.prototype.send = () => {};
window.speak = () => { WebSocket.prototype.send = send; };
"""
"""The server hears nothing of this page, until it may speak again."""

VIEWS = ["figure", "zeros", "path", "descent", "how_often", "one_dimension"]


def _place(page: Page) -> tuple[float, float]:
    box = page.locator(".handles button").first.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def _center(page: Page) -> tuple[float, float]:
    """Where the handle says it is."""
    label = page.locator(".handles button").first.get_attribute("aria-label") or ""
    x, y = map(float, re.findall(r"-?\d+\.\d+", label))
    return x, y


def _slider(page: Page, key: str) -> Locator:
    return page.locator(f".st-key-{key} [data-testid=stSliderThumbValue]")


def _wait_for(page: Page, key: str, text: str | None) -> None:
    page.wait_for_function(
        "([key, text]) => new URLSearchParams(location.search).get(key) === text", arg=[key, text]
    )


def test_a_drag_moves_the_solution_the_sliders_and_the_link(visit: Visit) -> None:
    page = visit("/constraints")
    expect(page.locator(".st-key-readout_zeros_l1 dd")).to_have_text("w₁")
    still(page, ".st-key-figure")
    x, y = _place(page)
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 16):
        page.mouse.move(x + 4 * step, y + 2.5 * step)
        frames(page, 1)
    expect(_slider(page, "center_x")).to_have_text(f"{_center(page)[0]:.2f}")
    settle(page)
    page.evaluate(SILENCE)
    page.mouse.move(x + 80, y + 50)
    assert soon(page, lambda: abs(_place(page)[0] - x - 80) < 3), "drawn without the server"
    page.evaluate("speak()")
    page.mouse.up()
    expect(page.locator(".st-key-readout_zeros_l1 dd")).to_have_text("none")
    center_x, center_y = _center(page)
    assert center_x > 2.5 > center_y
    for key, place in (("center_x", center_x), ("center_y", center_y)):
        _wait_for(page, key, f"{place:g}")
        expect(_slider(page, key)).to_have_text(f"{place:.2f}")
    settle(page)
    assert set(parameters(page)) == {"lang", "center_x", "center_y"}
    expect(_slider(page, "budget")).to_have_text("1.50")  # a drag moves no handle
    guest = visit(page.url)
    assert soon(page, lambda: number(guest, "w1_l2") == number(page, "w1_l2"))


def test_the_arrow_keys_do_the_same(visit: Visit) -> None:
    page = visit("/constraints")
    before = number(page, "w2_l2")
    handle = page.locator(".handles button").first
    handle.focus()
    for _ in range(5):
        handle.press("ArrowDown")
    _wait_for(page, "center_y", "2.5")
    assert soon(page, lambda: number(page, "w2_l2") < before)
    assert "w₂ 2.50" in (handle.get_attribute("aria-label") or "")


def test_budget_and_penalty_are_two_handles_of_one_thing(visit: Visit) -> None:
    page = visit("/constraints")
    expect(_slider(page, "penalty")).to_have_text("1.415")
    page.locator(".st-key-penalty input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    _wait_for(page, "penalty", "1.5")
    _wait_for(page, "formulation", "penalty")
    expect(page.locator(".st-key-readout_budget_l1")).to_be_visible()
    assert soon(page, lambda: float(_slider(page, "budget").inner_text()) < 1.5)
    page.keyboard.press("ArrowRight")  # it still has the focus
    _wait_for(page, "penalty", "2")
    page.locator(".st-key-budget input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    _wait_for(page, "penalty", None)
    expect(page.locator(".st-key-readout_multiplier_l1")).to_be_visible()


@pytest.mark.parametrize(("size", "link"), [(DESKTOP, ""), (PROJECTOR, "&present=1"), (PHONE, "")])
def test_each_view_fits(visit: Visit, size: tuple[int, int], link: str) -> None:
    page = visit(f"/constraints?norm_order=inf{link}", size=size)
    views = page.locator(".st-key-view").get_by_role("radio")
    assert views.count() == len(VIEWS)
    for place, view in enumerate(VIEWS):
        views.nth(place).click()
        _wait_for(page, "view", view if place else None)
        settle(page)
        wide = page.evaluate(
            "(e => e.scrollWidth - e.clientWidth)(document.querySelector('[data-testid=stMain]'))"
        )
        assert wide <= 0, view
        if size == PHONE:
            continue
        for selector in (".st-key-readouts .readouts", ".figure, .player"):
            box = page.locator(selector).first.bounding_box()
            assert box is not None
            assert box["y"] + box["height"] <= size[1], (selector, view)
            assert box["x"] + box["width"] <= size[0], (selector, view)
