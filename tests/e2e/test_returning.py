"""Pages that come back: after a reload, a sleep, and to a server that knows nothing of them."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Page

from tests.e2e.conftest import Visit, free_port, parameters, serving, settle, soon

RATINGS = "user,item,rating\n" + "\n".join(f"u{i % 40},i{i % 31},{1 + i % 5}" for i in range(1240))
SOCKETS = """
  window.sockets = [];
  window.WebSocket = class extends WebSocket {
    constructor(...how) { super(...how); window.sockets.push(this); }
  };
"""
KEY = "'regularization-lab'"
STORED = f"JSON.parse(sessionStorage.getItem({KEY}))"


def _start(page: Page) -> None:
    page.locator(".st-key-start button").click()
    soon(page, lambda: _epoch(page) > 0)


def _status(page: Page) -> str:
    return " ".join(page.locator(".st-key-status").all_inner_texts())


def _epoch(page: Page) -> float:
    """0 as long as nothing trains."""
    found = re.search(r"[Ee]poch (\d+\.?\d*)", _status(page))
    return float(found[1]) if found else 0.0


def _give(page: Page) -> None:
    file = {"name": "mine.csv", "mimeType": "text/csv", "buffer": RATINGS.encode()}
    page.locator(".st-key-upload input[type=file]").set_input_files(file)
    page.wait_for_selector(".st-key-bundled")


def _cut(page: Page) -> None:
    """The network is gone, as for a laptop that is asleep."""
    page.context.set_offline(True)
    page.evaluate("window.sockets.splice(0).forEach((socket) => socket.close())")
    app = page.get_by_test_id("stApp")
    soon(page, lambda: app.get_attribute("data-test-connection-state") != "CONNECTED")


def test_a_reload_keeps_the_run(visit: Visit) -> None:
    page = visit("/recommender?epochs=60&weight_decay=0.1")
    _start(page)
    before = _epoch(page)
    page.reload()
    soon(page, lambda: _epoch(page) > before)
    assert parameters(page)["weight_decay"] == "0.1"


def test_a_reload_elsewhere_keeps_what_waits_on_other_screens(visit: Visit) -> None:
    """The run comes back on its screen, and the address is that of where the visitor is."""
    page = visit("/recommender?epochs=60")
    _start(page)
    before = _epoch(page)
    page.locator(".st-key-navigation").get_by_text("Overfitting").click()
    page.wait_for_url("**/overfitting*")
    settle(page)
    page.reload()
    settle(page)
    token = page.evaluate(STORED)["token"]
    soon(page, lambda: page.evaluate(STORED)["had"] == ["run"])
    page.locator(".st-key-navigation").get_by_text("Recommender").click()
    soon(page, lambda: _epoch(page) >= before)
    assert page.evaluate(STORED)["token"] == token
    assert token not in page.url


def test_a_reload_keeps_ones_own_ratings_and_the_user_among_them(visit: Visit) -> None:
    page = visit("/recommender?view=data")
    _give(page)
    page.locator(".st-key-view").get_by_text("Recommendations").click()
    page.locator(".st-key-user input").first.fill("u12")
    page.keyboard.press("Enter")
    soon(page, lambda: parameters(page).get("user") == "u12")
    page.reload()
    box = page.locator(".st-key-user input").first
    soon(page, lambda: box.count() and box.input_value() == "u12")
    soon(page, lambda: parameters(page).get("user") == "u12")
    assert "Part of this link" not in " ".join(page.locator(".st-key-notice").all_inner_texts())


def test_two_tabs_share_nothing(visit: Visit) -> None:
    """Nor does a duplicated tab, which has a copy of what the first one has stored."""
    page = visit("/recommender?epochs=60")
    _start(page)
    stored = page.evaluate(STORED)
    copy = json.dumps(stored)
    other = page.context.new_page()
    other.add_init_script(f"sessionStorage.length || sessionStorage.setItem({KEY}, {copy!r})")
    other.goto(page.url)
    settle(other)
    soon(other, lambda: other.evaluate(STORED)["token"] != stored["token"])
    assert other.locator(".st-key-start button").is_enabled()
    assert "Press Start" in _status(other)
    assert other.get_by_test_id("stAlert").count() == 0
    before = _epoch(page)
    soon(page, lambda: _epoch(page) > before)
    page.close()


def test_a_sleep_that_is_not_too_long_changes_nothing(visit: Visit) -> None:
    page = visit("/recommender?epochs=60", watch=lambda page: page.context.add_init_script(SOCKETS))
    _start(page)
    token = page.evaluate(STORED)["token"]
    _cut(page)
    before = _epoch(page)
    page.context.set_offline(False)
    soon(page, lambda: _epoch(page) > before)
    assert page.evaluate(STORED)["token"] == token


def test_a_server_that_knows_nothing_is_given_the_file_again(visit: Visit) -> None:
    """As after too long a sleep: the address is kept, the file is read again, the rest is said."""
    port = free_port()
    with serving(port=port) as address:
        page = visit("/recommender?view=data&n_factors=7", base=address)
        _give(page)
        page.locator(".st-key-view").get_by_text("Training").click()
        page.locator(".st-key-start button").click()
        soon(page, lambda: page.evaluate(STORED)["had"] == ["run", "file"])
    with serving(port=port):
        soon(
            page,
            lambda: (
                "the training run" in " ".join(page.get_by_test_id("stAlert").all_inner_texts())
            ),
        )
        soon(page, lambda: page.evaluate(STORED)["had"] == ["file"])
        soon(page, lambda: "992 ratings to learn" in _status(page))
        (said,) = page.get_by_test_id("stAlert").all_inner_texts()
        assert "Press Start to train again." in said
        assert "your file of ratings" not in said, "it is back"
        assert parameters(page)["n_factors"] == "7"
        page.locator(".st-key-understood button").click()
        soon(page, lambda: page.get_by_test_id("stAlert").count() == 0)
        page.goto("about:blank")


def test_what_is_gone_is_said_after_a_reload(visit: Visit) -> None:
    """A page that was loaded anew has no file any more."""
    page = visit("/recommender?view=data")
    _give(page)
    soon(page, lambda: page.evaluate(STORED)["had"] == ["file"])
    page.evaluate(
        "sessionStorage.setItem('regularization-lab', JSON.stringify({token: 'x', had: ['file']}))"
    )
    page.reload()
    alert = page.get_by_test_id("stAlert")
    soon(
        page, lambda: "Choose the file again under Your data." in " ".join(alert.all_inner_texts())
    )
    _give(page)
    soon(page, lambda: alert.count() == 0)
