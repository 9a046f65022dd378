"""Sliders are answered while a hand holds them, and right when it lets go."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.conftest import Visit, frames, parameters, rested, slide, soon

VIEWS = {  # a view, and how far a slider there is dragged
    "/overfitting": ("degree_b", -40),
    "/overfitting?view=complexity": ("noise", 40),
    "/overfitting?view=bias_variance": ("degree_b", -40),
    "/overfitting?view=coefficients": ("penalty", 40),
    "/overfitting?view=more_data&present=1&lang=zh": ("n_points", 40),
    "/overfitting?view=penalty": ("degree_b", -40),
    "/overfitting?view=double_descent": ("n_points", 40),
    "/weight_decay": ("learning_rate", 60),
    "/weight_decay?view=l1_l2": ("l1_penalty", 40),
    "/dropout": ("p", 40),
    "/dropout?view=ridge": ("p", -40),
    "/optimizers": ("weight_decay", -40),
    "/optimizers?view=house_prices": ("house_weight_decay", 40),
}
SENT = """
window.sent = 0;
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (...args) { window.sent += 1; return send.apply(this, args); };
"""
PICTURES = """
window.pictures = new Set();
const ours = [...document.querySelectorAll(".st-key-figure *")].find(e => e.shadowRoot)?.shadowRoot;
(function look() {
  const canvas = ours?.querySelector("canvas");
  const chart = document.querySelector(".st-key-figure svg.marks");
  window.pictures.add(canvas?.toDataURL() ?? chart.outerHTML);
  requestAnimationFrame(look);
})();
"""


@contextmanager
def held(page: Page, key: str, dx: int) -> Iterator[None]:
    """A hand that has dragged a slider by `dx` pixels, and lets go at the end."""
    slider = page.locator(f".st-key-{key} [data-testid=stSlider]")
    thumb = slider.locator("[data-testid=stSliderThumbValue]").bounding_box()
    track = slider.locator("input[type=range]").bounding_box()
    assert thumb
    assert track
    x, y = thumb["x"] + thumb["width"] / 2, track["y"] + track["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx, y, steps=8)
    yield
    page.mouse.up()


def stands(page: Page, place: Locator) -> bool:
    """Whether it is on the screen, and where it was a moment ago."""
    before = place.bounding_box()
    frames(page, 5)
    return before is not None and before["x"] >= 0 and before == place.bounding_box()


def texts(page: Page) -> list[str]:
    return page.locator(".readouts").all_inner_texts()


def picture(page: Page) -> np.ndarray:
    shot = page.locator(".st-key-answer_row").screenshot()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"), dtype=int)


@pytest.mark.parametrize("path", VIEWS)
def test_the_picture_of_a_held_slider_is_that_of_its_run(visit: Visit, path: str) -> None:
    page = visit(path, reduced_motion="reduce", watch=lambda page: page.add_init_script(SENT))
    rested(page)
    before, (key, dx) = texts(page), VIEWS[path]
    if (button := page.get_by_test_id("stExpandSidebarButton")).is_visible():
        button.click()
        slider = page.locator(f".st-key-{VIEWS[path][0]}")
        assert soon(page, lambda: stands(page, slider)), "it slides in"
    sent = page.evaluate("window.sent")
    with held(page, key, dx):
        assert soon(page, lambda: texts(page) != before)
        frames(page, 75)  # longer than a slider rests before its run
        told, seen = texts(page), picture(page)
        assert page.evaluate("window.sent") == sent, "no script has run"
        value = page.locator(f".st-key-{key} input[type=range]").get_attribute("aria-valuetext")
    assert soon(page, lambda: page.evaluate("window.sent") > sent)
    rested(page)
    assert texts(page) == told
    assert np.abs(picture(page) - seen).max() <= 8, "but for the smoothing of letters"
    assert float(parameters(page)[key]) == float(value or "nan")
    page.reload()
    page.wait_for_selector(".readouts")
    assert soon(page, lambda: texts(page) == told), "the link shows it too"


@pytest.mark.parametrize("view", ["fit", "complexity"])
def test_the_run_changes_nothing_that_is_seen(visit: Visit, view: str) -> None:
    page = visit(f"/overfitting?view={view}")
    rested(page)
    before = texts(page)
    slide(page, "degree_a", 3)
    assert soon(page, lambda: texts(page) != before)
    frames(page, 20)
    page.evaluate(PICTURES)
    rested(page)
    assert page.evaluate("window.pictures.size") == 1


def test_the_fold_follows_when_the_slider_rests(visit: Visit) -> None:
    page = visit("/overfitting")
    page.get_by_role("radio", name="The code").click()
    code = page.locator("[data-testid=stCode]")
    expect(code).to_contain_text("3, 15")
    slide(page, "degree_a", 4)
    expect(code).to_contain_text("7, 15")


def test_another_move_is_never_undone_by_an_older_answer(visit: Visit) -> None:
    page = visit("/overfitting?view=complexity")
    rested(page)
    for _ in range(12):
        slide(page, "degree_a", 1)
        frames(page, 8)  # some of them meet the run after another
    assert soon(page, lambda: "degree 15" in texts(page)[0].replace("\xa0", " "))
    rested(page)
    assert "A · degree 15" in texts(page)[0].replace("\xa0", " ")
    assert parameters(page)["degree_a"] == "15"


@pytest.mark.parametrize("pace", [45, 48, 51])
def test_to_and_fro_the_picture_is_that_of_the_slider(visit: Visit, pace: int) -> None:
    """Moves that meet the run after the last: on its way out, while it draws, as it comes."""
    page = visit("/overfitting?view=double_descent")
    rested(page)
    for press, degree in ((-1, 18), (1, 19)) * 3:  # the peak is at degree n - 1
        slide(page, "n_points", press)
        told = f"Degree {degree}, peak"
        assert soon(page, lambda: told in texts(page)[0])  # noqa: B023
        frames(page, pace)
    rested(page)
    assert told in texts(page)[0]


def test_a_scene_right_after_a_move_is_the_scene(visit: Visit) -> None:
    page = visit("/overfitting")
    rested(page)
    scene = texts(visit("/overfitting?scene=7"))
    slide(page, "degree_b", -9)
    page.get_by_role("radio", name="7 · A penalty").click()
    assert soon(page, lambda: texts(page) == scene)
    rested(page)
    assert texts(page) == scene


def test_reset_right_after_a_move_leaves_nothing_of_it(visit: Visit) -> None:
    page = visit("/overfitting")
    rested(page)
    before, seen = texts(page), picture(page)
    slide(page, "degree_b", -9)
    assert soon(page, lambda: texts(page) != before)
    page.locator(".st-key-reset button:visible").click()
    assert soon(page, lambda: texts(page) == before)
    rested(page)
    assert texts(page) == before
    page.mouse.move(5, 5)
    assert np.abs(picture(page) - seen).max() <= 8
    assert "degree_b" not in parameters(page)


def test_a_control_beside_takes_the_slider_along(visit: Visit) -> None:
    page = visit("/overfitting?view=coefficients")
    rested(page)
    slide(page, "degree_b", -5)
    page.locator(".st-key-resample_seed button").click()
    assert soon(page, lambda: parameters(page).get("seed") == "38")
    rested(page)
    told = texts(page)
    assert "degree 10" in told[0].replace("\xa0", " ")
    assert told == texts(visit("/overfitting?view=coefficients&degree_b=10&seed=38"))


def test_without_previews_the_run_answers(visit: Visit) -> None:
    """Behind a proxy that lets nothing but Streamlit through, say."""

    def refuse(route: Route) -> None:
        route.abort()

    page = visit("/overfitting", watch=lambda page: page.route("**/preview/**", refuse))
    rested(page)
    before = texts(page)
    slide(page, "degree_a", 1)
    assert soon(page, lambda: texts(page) != before)
    rested(page)
    with held(page, "degree_b", -40):
        pass
    assert soon(page, lambda: texts(page)[0].count("15") == 0)
