"""The player in a real browser: its keys and buttons, its labels, its speed."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import PHONE, Visit, frames, soon

LARGEST = "/dropout?samples=8&hidden_layers=4&hidden_units=16"


def _player(page: Page) -> Locator:
    return page.locator(".st-key-player .player")


def _painted(player: Locator) -> int:
    """How many pictures it has painted."""
    return int(player.get_attribute("data-painted") or 0)


def _paused(page: Page) -> Locator:
    player = _player(page)
    player.locator(".play").click()
    expect(player.locator(".play")).to_have_attribute("aria-label", "Play")
    return player


def test_the_keys_play_step_and_jump(visit: Visit) -> None:
    page = visit("/dropout")
    player = _paused(page)
    player.focus()
    page.keyboard.press("Home")
    expect(player).to_have_attribute("data-frame", "0")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    expect(player).to_have_attribute("data-frame", "1")
    page.keyboard.press("End")
    expect(player).to_have_attribute("data-frame", "99")
    page.keyboard.press("ArrowRight")
    expect(player).to_have_attribute("data-frame", "0")
    page.keyboard.press("Space")
    expect(player.locator(".play")).to_have_attribute("aria-label", "Pause")
    player.locator(".scrub").focus()  # its arrows are its own, its space is the player's
    page.keyboard.press("Space")
    expect(player.locator(".play")).to_have_attribute("aria-label", "Play")


def test_without_the_loop_it_stops_at_the_end(visit: Visit) -> None:
    page = visit("/dropout")
    player = _paused(page)
    player.locator(".loop").click()
    expect(player.locator(".loop")).to_have_attribute("aria-pressed", "false")
    player.locator(".speed").select_option("10")
    player.locator(".scrub").fill("97")
    player.locator(".play").click()
    expect(player).to_have_attribute("data-frame", "99")
    expect(player.locator(".play")).to_have_attribute("aria-label", "Play")
    player.locator(".play").click()  # from the beginning
    expect(player).not_to_have_attribute("data-frame", "99")


def test_a_screen_reader_hears_what_it_shows(visit: Visit) -> None:
    page = visit("/dropout")
    player = _paused(page)
    for name in ("play", "back", "forward", "scrub", "speed", "loop"):
        assert player.locator(f".{name}").get_attribute("aria-label")
    assert "every hidden unit is dropped" in (
        player.locator("canvas").get_attribute("aria-label") or ""
    )
    caption = player.locator(".caption")
    expect(caption).to_have_attribute("aria-live", "polite")
    assert player.locator(".scrub").get_attribute("aria-valuetext") == caption.inner_text()
    player.locator(".play").click()
    expect(caption).to_have_attribute("aria-live", "off")


def test_the_counter_of_a_weight(visit: Visit) -> None:
    """After the last pass it has the count that the run has; pointing picks another weight."""
    page = visit("/dropout?p=0", reduced_motion="reduce")
    player = _player(page)
    player.focus()
    page.keyboard.press("End")
    expect(player.locator(".caption")).to_contain_text("updated in 100 of 100 passes")
    half = visit("/dropout", reduced_motion="reduce")
    player = _player(half)
    player.focus()
    half.keyboard.press("End")
    seen = set()
    box = player.locator("canvas").bounding_box()
    assert box is not None
    for x, y in ((0.2, 0.25), (0.5, 0.3), (0.85, 0.35)):
        before = _painted(player)
        half.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        assert soon(half, lambda: _painted(player) > before)  # noqa: B023
        seen.add(player.locator(".caption").inner_text())
    assert len(seen) > 1


def test_a_step_with_reduced_motion_is_one_picture(visit: Visit) -> None:
    page = visit("/dropout", reduced_motion="reduce")
    player = _player(page)
    frames(page, 30)
    before = _painted(player)
    player.locator(".forward").click()
    expect(player).to_have_attribute("data-frame", "1")
    frames(page, 60)
    assert 1 <= _painted(player) - before <= 2


def test_while_it_plays_the_network_is_silent(visit: Visit) -> None:
    page = visit("/dropout")
    page.wait_for_load_state("networkidle")
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.evaluate("""() => {
        const send = WebSocket.prototype.send;
        window.sent = 0;
        WebSocket.prototype.send = function (data) {
          window.sent += 1;
          return send.call(this, data);
        };
      }""")
    player = _player(page)
    player.locator(".speed").select_option("10")
    before = _painted(player)
    assert soon(page, lambda: _painted(player) > before + 60)
    assert requests == []
    assert page.evaluate("window.sent") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_picture_has_the_colours_of_the_theme(visit: Visit, scheme: str) -> None:
    """The input units are discs of the theme's text colour, which turns with it."""
    page = visit("/dropout", scheme=scheme, reduced_motion="reduce")
    colour, share = _player(page).evaluate("""(player) => {
        const colour = getComputedStyle(player).color.match(/\\d+/g).slice(0, 3).map(Number);
        const canvas = player.querySelector("canvas");
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        let same = 0;
        for (let i = 0; i < data.length; i += 4) {
          const near = colour.every((c, k) => Math.abs(c - data[i + k]) < 3);
          if (data[i + 3] === 255 && near) same += 1;
        }
        return [colour, same / (data.length / 4)];
      }""")
    assert (sum(colour) < 3 * 128) == (scheme == "light")
    assert share > 1e-3


COUNT = """(player) => new Promise((done) => {
    const first = Number(player.dataset.painted), start = performance.now();
    let given = 0;
    (function next() {
      given += 1;
      const seconds = (performance.now() - start) / 1000;
      if (seconds < 2) requestAnimationFrame(next);
      else done([given / seconds, (Number(player.dataset.painted) - first) / seconds]);
    })();
  })"""
"""The frames a second that the browser gives the page, and the pictures the player paints."""


@pytest.mark.parametrize("size", [(1440, 900), PHONE])
def test_the_largest_network_holds_sixty_frames_a_second(
    visit: Visit, size: tuple[int, int]
) -> None:
    """A picture for nearly every frame that the browser gives the page when nothing moves.

    Playing and paused take turns, up to six windows of two seconds each; of either the best counts,
    as other work on the machine only takes from them.
    """
    page = visit(LARGEST, size=size)
    frames(page, 60)
    player = _player(page)
    painted, idle = [], []
    for _ in range(6):
        painted.append(player.evaluate(COUNT)[1])
        player.locator(".play").click()
        frames(page, 20)
        given, still = player.evaluate(COUNT)
        assert still == 0, "paused, it draws nothing"
        idle.append(given)
        if max(painted) > 0.85 * min(60, max(idle)):
            break
        player.locator(".play").click()
        frames(page, 20)
    assert max(painted) > 0.85 * min(60, max(idle))
