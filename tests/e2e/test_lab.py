"""A visitor's tour in a real browser."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from sim.compute import Compute
from tests.e2e.conftest import (
    DESKTOP,
    PHONE,
    PROJECTOR,
    Visit,
    frames,
    number,
    parameters,
    rested,
    serving,
    settle,
    slide,
    soon,
)
from tests.joining import as_an_operator
from tests.waiting import LIMIT
from ui.lecture import TOPICS

EPOCH = 626
"""Steps of an epoch of the recommender as the screen opens."""
SCREENS = ["/", *(f"/{topic.name}" for topic in TOPICS)]


def _wait_for_query(page: Page, **wanted: str) -> None:
    page.wait_for_function(
        """wanted => Object.entries(wanted).every(([key, value]) =>
             new URLSearchParams(location.search).get(key) === value)""",
        arg=wanted,
    )


def _scanned(code: Locator) -> str:
    """What a phone's camera reads there."""
    expect(code).to_be_visible()
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(code.screenshot())))
    return str(found.text)


def test_the_first_visitor_of_a_fresh_server_may_come_by_a_deep_link(visit: Visit) -> None:
    with serving() as address:
        page = visit("/constraints?budget=2", base=address)
        assert page.locator("h1").inner_text() == "Constraints"
        assert parameters(page)["budget"] == "2"


def _in_both_languages(page: Page) -> Iterator[str]:
    """English, as the page was opened, then Chinese."""
    yield "en"
    page.get_by_role("radio", name="中文").click()
    _wait_for_query(page, lang="zh")
    settle(page)
    yield "zh"


def _assert_fits(page: Page, size: tuple[int, int], lang: str) -> None:
    """Figure and read-outs are in sight without scrolling."""
    for selector in (".st-key-readouts", "[data-testid=stVegaLiteChart], .st-key-player, .figure"):
        box = page.locator(selector).first.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= size[1], (selector, lang)
        assert box["x"] + box["width"] <= size[0], (selector, lang)


@pytest.mark.parametrize("path", SCREENS)
def test_a_screen_opens_without_errors_without_the_network_and_fits(
    visit: Visit, path: str
) -> None:
    errors: list[str] = []
    asked: list[str] = []

    def watch(page: Page) -> None:
        # On a deep link Streamlit's page looks for the server at two paths; one is not there.
        page.on(
            "console",
            lambda line: (
                line.type == "error"
                and "/_stcore/" not in line.location["url"]
                and errors.append(f"{line.text} {line.location}")
            ),
        )
        page.on("request", lambda request: asked.append(urlsplit(request.url).hostname or ""))

    page = visit(path, watch=watch)
    assert "Regularization Lab" in page.title()
    for lang in _in_both_languages(page):
        assert page.locator("[data-testid=stAlert]").count() == 0
        if path != "/":
            _assert_fits(page, DESKTOP, lang)
            sidebar = page.locator("[data-testid=stSidebar]")
            expect(sidebar).to_have_attribute("data-collapsed", "false")
    page.wait_for_load_state("networkidle")
    frames(page, 30)
    assert errors == []
    assert set(asked) - {""} == {"localhost"}


def test_a_slider_moves_the_figure_in_place(visit: Visit) -> None:
    page = visit("/overfitting")
    page.locator(".figure").evaluate("figure => { figure.dataset.same = 'yes' }")
    before = number(page, "test_mse_b")
    slide(page, "degree_b", 3)
    expect(page.locator(".st-key-readouts")).to_contain_text("degree 18")
    _wait_for_query(page, degree_b="18")
    settle(page)
    assert soon(page, lambda: number(page, "test_mse_b") != before)
    assert page.locator(".figure[data-same=yes]").count() == 1, "the figure was built anew"
    described = page.locator("[data-testid=stText]", has_text="degree 3 and 18")
    expect(described.first).to_be_attached()


def test_a_slider_moves_a_chart_in_place(visit: Visit) -> None:
    page = visit("/overfitting?view=complexity")
    chart = page.locator("[data-testid=stVegaLiteChart] :is(canvas, svg)").first
    chart.evaluate("chart => { chart.dataset.same = 'yes' }")
    slide(page, "degree_b", 3)
    _wait_for_query(page, degree_b="18")
    settle(page)
    assert page.locator("[data-testid=stVegaLiteChart] [data-same=yes]").count() == 1, "remounted"


def test_a_shared_link_opens_the_same_screen_in_the_same_language(visit: Visit) -> None:
    page = visit("/overfitting?scene=7")
    slide(page, "degree_a", 2)
    slide(page, "penalty", -3)
    _wait_for_query(page, degree_a="5", penalty="1e-4")
    settle(page)
    page.locator(".st-key-share button").click()
    link = page.locator("[data-testid=stPopoverBody] code").inner_text().strip()
    assert _scanned(page.locator(".st-key-qr img")) == link
    guest = visit(link, locale="zh-CN", size=PHONE)
    assert guest.locator("h1").inner_text() == "Overfitting"
    assert (
        parameters(guest)
        == parameters(page)
        == {
            "lang": "en",
            "scene": "7",
            "degree_a": "5",
            "penalty": "1e-4",
        }
    )
    for key in ("train_mse_a", "test_mse_a", "train_mse_b", "test_mse_b", "largest_coefficient_b"):
        value = page.locator(f".st-key-readout_{key} dd").inner_text()
        expect(guest.locator(f".st-key-readout_{key} dd")).to_have_text(value)


def test_the_first_visit_follows_the_browser_and_the_choice_stays(visit: Visit) -> None:
    page = visit("/", locale="zh-CN")
    assert page.locator("h1").inner_text() == "正则化实验室"
    assert parameters(page) == {"lang": "zh"}
    page.locator(".st-key-tools").get_by_text("EN", exact=True).click()
    expect(page.locator("h1")).to_have_text("Regularization Lab")
    _wait_for_query(page, lang="en")
    page.get_by_role("link", name="Dropout").first.click()
    expect(page.locator("h1")).to_have_text("Dropout")
    _wait_for_query(page, lang="en")
    page.reload()
    settle(page)
    assert page.locator("h1").inner_text() == "Dropout"


def test_scenes_set_the_sliders_and_reset_returns(visit: Visit) -> None:
    page = visit("/overfitting")
    page.locator(".st-key-scene_pill").get_by_text("6 · More data").click()
    _wait_for_query(page, scene="6", n_points="200")
    slide(page, "n_points", -4)
    _wait_for_query(page, n_points="196")
    page.locator(".st-key-reset button").first.click()
    _wait_for_query(page, scene="6", n_points="200")
    page.locator(".st-key-scene_pill").get_by_text("1 · It memorises").click()
    page.wait_for_function("location.search === '?lang=en'")
    assert soon(page, lambda: number(page, "test_mse_b") == 0.399)


def test_returning_to_a_screen_does_not_carry_another_screens_values(visit: Visit) -> None:
    page = visit("/overfitting?seed=5")
    page.get_by_role("link", name="Dropout").first.click()
    expect(page.locator("h1")).to_have_text("Dropout")
    settle(page)
    expect(page.locator(".st-key-seed input")).to_have_value("1")
    assert soon(page, lambda: parameters(page) == {"lang": "en"})


@pytest.mark.parametrize("size", [DESKTOP, PHONE, PROJECTOR])
def test_the_navigation_stays_in_reach(visit: Visit, size: tuple[int, int]) -> None:
    page = visit("/overfitting", size=size)
    page.mouse.move(size[0] * 0.6, size[1] * 0.8)
    page.mouse.wheel(0, 2000)
    # Neither the page's head nor the button that opens the sidebar may lie over a link.
    for name, title in (("Recommender", "Recommender"), ("Home", "Regularization Lab")):
        page.locator(".st-key-navigation").get_by_role("link", name=name).click()
        expect(page.locator("h1")).to_have_text(title)


MARKUP = quote('<img src=x onerror="hostile=1"><script>hostile=1</script>')
"""In a page that takes it for its own, `hostile` is a variable or, at least, a word."""


@pytest.mark.parametrize(
    "query",
    [
        "degree_b=1e9&noise=NaN&lang=%3Cscript%3E",
        "penalty=-1&n_points=7.9",
        "seed=" + "9" * 10_000,
        "degree_a=3&degree_a=4",
        "scene=%F0%9F%92%A5&present=maybe",
        "&".join(f"{key}={MARKUP}" for key in ("degree_b", "seed", "penalty", "against", "moved")),
        "&".join(f"{key}={MARKUP}" for key in ("lang", "scene", "view", "present")),
    ],
)
def test_hostile_links(visit: Visit, query: str) -> None:
    page = visit(f"/overfitting?{query}")
    expect(page.locator(".st-key-notice")).to_contain_text("cannot be used")
    for key in query.split("&"):
        expect(page.locator(".st-key-notice")).to_contain_text(key.split("=")[0])
    assert number(page, "test_mse_b") == 0.399
    assert page.evaluate("typeof hostile") == "undefined"
    assert "hostile" not in page.content(), "nothing of the link's text is on the page"
    assert set(parameters(page)) == {"lang"}


def test_a_number_beyond_the_limits_is_refused_at_the_keyboard(visit: Visit) -> None:
    page = visit("/dropout")
    rested(page)
    control, box = page.locator(".st-key-seed"), page.locator(".st-key-seed input")
    texts = page.locator(".readouts")
    before = texts.all_inner_texts()
    for refused in ("-5", "99999999999", "1000000"):
        box.fill(refused)
        box.press("Enter")
        expect(control).to_contain_text("between 0 and 999999")
        rested(page)
        assert "seed" not in parameters(page)
        assert texts.all_inner_texts() == before, "it acts on nothing"
    box.fill("999999")
    box.press("Enter")
    _wait_for_query(page, seed="999999")
    assert soon(page, lambda: texts.all_inner_texts() != before)
    expect(control).not_to_contain_text("between")
    box.fill("-1")
    box.press("Enter")
    expect(control).to_contain_text("between 0 and 999999")
    rested(page)
    assert parameters(page)["seed"] == "999999", "the last that could be used"


def test_the_animation_plays_without_the_server(visit: Visit) -> None:
    page = visit("/dropout?samples=8&hidden_layers=4&hidden_units=16")
    player = page.locator(".st-key-player .player")
    page.wait_for_load_state("networkidle")
    rested(page)
    sent: list[object] = []
    # the socket is open already; a fresh one would be seen, too
    page.on("websocket", lambda socket: sent.append(socket))
    cdp = page.context.new_cdp_session(page)
    cdp.send("Network.enable")
    for event in ("webSocketFrameSent", "webSocketFrameReceived", "requestWillBeSent"):
        cdp.on(f"Network.{event}", lambda message: sent.append(message))
    first = int(player.get_attribute("data-frame") or 0)
    assert soon(page, lambda: int(player.get_attribute("data-frame") or 0) >= first + 2)
    player.locator(".play").click()
    here = player.get_attribute("data-frame")
    frames(page, 90)
    assert player.get_attribute("data-frame") == here
    player.locator(".forward").click()
    player.locator(".forward").click()
    player.locator(".back").click()
    expect(player).to_have_attribute("data-frame", str((int(here or 0) + 1) % 60))
    player.locator(".scrub").fill("42")
    expect(player).to_have_attribute("data-frame", "41")
    player.focus()
    page.keyboard.press("ArrowRight")
    expect(player).to_have_attribute("data-frame", "42")
    expect(player.locator(".caption")).to_contain_text("training pass 43")
    assert sent == []


def test_reduced_motion_is_honoured(visit: Visit) -> None:
    page = visit("/dropout", reduced_motion="reduce")
    player = page.locator(".st-key-player .player")
    frames(page, 150)
    assert player.get_attribute("data-frame") == "0"
    player.locator(".play").click()
    expect(player).not_to_have_attribute("data-frame", "0")


def _epoch(status: Locator) -> float:
    found = re.search(r"Epoch ([\d.]+)", status.inner_text())
    return float(found[1]) if found else 0.0


def test_the_recommender_trains_live_and_takes_a_new_weight_decay(visit: Visit) -> None:
    page = visit("/recommender")
    page.locator(".st-key-start button").click()
    status = page.locator(".st-key-status")
    expect(status).to_contain_text(re.compile(r"Epoch [1-9]"))
    slide(page, "weight_decay", 15)
    _wait_for_query(page, weight_decay="0.05")
    before = _epoch(status)
    assert soon(page, lambda: _epoch(status) > before), "the run goes on"
    assert number(page, "speed") > 1000
    page.locator(".st-key-pause button").click()
    expect(status).to_contain_text("Paused")
    page.locator(".st-key-view button", has_text="Recommendations").click()
    expect(page.locator(".st-key-recommended")).to_be_visible()
    page.locator(".st-key-view button", has_text="Training").click()
    page.locator(".st-key-resume button").click()
    expect(status).to_contain_text("Epoch")
    slide(page, "patience", -29)
    expect(status).to_contain_text("are back")
    page.locator(".st-key-reset_weights button").first.click()
    expect(status).to_contain_text("Press Start")


def test_a_sweep_is_a_map_before_its_first_cell(visit: Visit) -> None:
    page = visit("/recommender?view=sweep")  # settled: its figure is painted
    expect(page.locator(".st-key-sweep_start button:visible")).to_be_enabled()
    page.locator(".st-key-sweep_start button:visible").click()
    expect(page.locator(".st-key-readout_sweep_best dd")).to_contain_text("0.")
    settle(page)
    page.locator(".st-key-sweep_cancel button:visible").click()
    expect(page.locator(".st-key-sweep_start button:visible")).to_be_enabled()


@pytest.mark.parametrize("path", SCREENS)
def test_nothing_scrolls_sideways_on_a_phone(visit: Visit, path: str) -> None:
    page = visit(path, size=PHONE)
    for lang in _in_both_languages(page):
        for selector in ("html", "[data-testid=stMain]"):
            wide = page.evaluate(
                "e => e.scrollWidth - e.clientWidth", page.query_selector(selector)
            )
            assert wide <= 0, (selector, lang)


@pytest.mark.parametrize("path", SCREENS[1:])
def test_a_screen_fits_a_projector(visit: Visit, path: str) -> None:
    page = visit(f"{path}?present=1", size=PROJECTOR)
    for lang in _in_both_languages(page):
        _assert_fits(page, PROJECTOR, lang)
    expect(page.locator("[data-testid=stSidebar]")).to_have_attribute("data-collapsed", "true")


def test_presenter_mode_enlarges_and_folds(visit: Visit) -> None:
    page = visit("/overfitting", size=PROJECTOR)

    def font_size() -> float:
        return float(
            page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)")
        )

    before = font_size()
    page.locator(".st-key-presenter label").click()
    _wait_for_query(page, present="1")
    settle(page)
    assert soon(page, lambda: font_size() > before * 1.1)
    expect(page.locator(".st-key-fold")).to_have_count(1)
    expect(page.locator("[data-testid=stSidebar]")).to_have_attribute("data-collapsed", "true")
    page.locator(".st-key-presenter label").click()
    page.wait_for_function("!location.search.includes('present')")


def test_dark_and_light_differ_only_in_colour(visit: Visit) -> None:
    light, dark = visit("/overfitting"), visit("/overfitting", scheme="dark")
    shown = [
        page.evaluate(
            "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
        )
        for page in (light, dark)
    ]
    assert shown == ["rgb(255, 255, 255)", "rgb(18, 21, 28)"]
    texts, more = (page.locator(".readouts").all_inner_texts() for page in (light, dark))
    assert texts == more != []
    places = [page.locator(".figure, .player").first.bounding_box() for page in (light, dark)]
    assert places[0] == places[1]


def test_a_closed_tab_ends_its_training(visit: Visit, tmp_path: Path) -> None:
    """While another visitor trains, the run of the closed tab makes no step more."""
    compute = Compute.start()
    try:
        assert compute.wait(LIMIT) == "ready", compute.message

        def steps() -> list[int]:
            """Of the runs that stand in the worker, the oldest first."""

            def look(dask_worker: Any) -> list[int]:
                actors = filter(None, dask_worker.state.actors.values())
                return [actor._object._step for actor in actors]

            (made,) = compute.client().run(look).values()
            return list(made)

        with serving(**as_an_operator(compute, tmp_path)) as address:
            left = visit("/recommender?epochs=60&n_factors=5", base=address)
            left.locator(".st-key-start button").click()
            expect(left.locator(".st-key-status")).to_contain_text("Epoch")
            left.context.close()
            other = visit("/recommender?epochs=60&n_factors=5", base=address)
            other.locator(".st-key-start button").click()
            # what was under way when the tab was closed is done before the other's first epoch
            assert soon(other, lambda: len(steps()) == 2 and steps()[1] > EPOCH)
            stood, began = steps()
            assert soon(other, lambda: steps()[1] > began + EPOCH)
            assert steps()[0] == stood < 60 * EPOCH, "it had not come to its end"
    finally:
        compute.close()
