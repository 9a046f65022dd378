"""A real server and a real browser. Without a browser these tests skip, and say what to do."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from tests.waiting import LIMIT, until

ROOT = Path(__file__).parents[2]
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP, PHONE, PROJECTOR = (1440, 900), (390, 844), (1280, 720)

Visit = Callable[..., Page]

expect.set_options(timeout=1000 * LIMIT)


def free_port() -> int:
    """A port that is free at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def serving(base: str = "", port: int | None = None, **environment: str) -> Iterator[str]:
    """The app on a port of its own, for as long as the block lasts; its address.

    `base` is the path that it lives under, as "/lab".
    """
    port = port or free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "streamlit", "run", "app.py"),
            *("--server.port", str(port), "--server.baseUrlPath", base),
        ],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://localhost:{port}{base}"

    def answers() -> bool:
        assert process.poll() is None, "the server ended at once"
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=LIMIT).close()
            return True
        return False

    try:
        until(answers)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with serving() as address:
        yield address


def _launch(playwright: Playwright) -> Browser:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    return playwright.chromium.launch(executable_path=path, args=ARGUMENTS)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        try:
            browser = _launch(playwright)
        except Exception as error:
            if os.environ.get("REQUIRE_BROWSER") == "1":
                raise
            pytest.skip(
                "No browser: install Chromium (Debian: apt install chromium), or let Playwright "
                f"fetch its own with `playwright install chromium`. ({type(error).__name__})"
            )
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, server: str) -> Iterator[Visit]:
    """`visit("/overfitting?degree_a=5")`: a new visitor at that address, when it has painted.

    No script on a visitor's page may fail, whatever the test does there.
    """
    errors: list[str] = []
    with contextlib.ExitStack() as stack:

        def open_page(
            path: str,
            *,
            size: tuple[int, int] = DESKTOP,
            locale: str = "en-US",
            scheme: str = "light",
            base: str = server,
            watch: Callable[[Page], None] = lambda page: None,
            **options: object,
        ) -> Page:
            width, height = size
            context = browser.new_context(
                viewport={"width": width, "height": height},
                locale=locale,
                color_scheme=scheme,
                **options,
            )
            stack.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(1000 * LIMIT)
            page.on("pageerror", lambda error: errors.append(f"{error.message}\n{error.stack}"))
            watch(page)
            page.goto(base + path if path.startswith("/") else path)
            settle(page)
            return page

        yield open_page
    assert errors == []


def settle(page: Page) -> None:
    """Wait until the screen is drawn and nothing runs any more."""
    page.wait_for_selector(".st-key-headline h1")
    page.wait_for_selector(
        "[data-testid=stVegaLiteChart] :is(canvas, svg), :is(.player, .figure)[data-painted]"
    )
    page.wait_for_function(
        "document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'"
    )


def soon(page: Page, holds: Callable[[], object]) -> bool:
    """Wait until it holds: a page answers when it can, not when a test looks."""
    return bool(until(holds, lambda: frames(page, 3)))


def frames(page: Page, n: int) -> None:
    """Let the browser draw so many frames, of which it has sixty a second or fewer.

    For what must *not* happen in the meantime, and for the pace of a hand.
    """
    page.evaluate(
        "n => new Promise(go => (function next() { n-- ? requestAnimationFrame(next) : go() })())",
        n,
    )


RESTED = """() => {
  const app = document.querySelector("[data-testid=stApp]");
  if (app.dataset.testScriptState !== "notRunning") return false;
  const nodes = [...document.querySelectorAll(".st-key-sliders, .st-key-sliders *")];
  const state = nodes.map((node) => (node.shadowRoot ?? node).state).find((state) => state);
  if (!state?.leave || state.asking || state.laid.length) return false;
  return state.now === new URLSearchParams(state.component.data.values).toString();
}"""
"""Whether somebody listens to the sliders, and the last run is of what they show."""


def rested(page: Page) -> None:
    """Wait until a screen with previews shows what its last run has drawn, and can be moved."""
    page.wait_for_function(RESTED)
    frames(page, 3)


def still(page: Page, selector: str) -> None:
    """Wait until it has not moved for twenty frames: a first paint is followed by small shifts."""
    page.evaluate(
        """(selector) => new Promise((done) => {
          let last = "", frames = 0;
          (function look() {
            const { top, left, height } = document.querySelector(selector).getBoundingClientRect();
            const now = `${top} ${left} ${height}`;
            frames = now === last ? frames + 1 : 0;
            last = now;
            if (frames > 20) done();
            else requestAnimationFrame(look);
          })();
        })""",
        selector,
    )


def parameters(page: Page) -> dict[str, str]:
    """What stands in the address after the question mark."""
    return {key: value[-1] for key, value in parse_qs(urlsplit(page.url).query).items()}


def slide(page: Page, key: str, presses: int) -> None:
    """Move a slider with the keyboard: right for positive, left for negative."""
    if not page.locator(f".st-key-{key}").is_visible():
        page.get_by_test_id("stExpandSidebarButton").click()
    handle = page.locator(f".st-key-{key} input[type=range]")
    handle.focus()
    for _ in range(abs(presses)):
        handle.press("ArrowRight" if presses > 0 else "ArrowLeft")


def number(page: Page, key: str) -> float:
    """The number that a read-out shows."""
    text = page.locator(f".st-key-readout_{key} dd").inner_text()
    return float(text.replace(",", "").removeprefix("× "))
