"""Run a screen without a browser: the real `app.py`, at one page, with a URL's parameters."""

from __future__ import annotations

import contextlib
import html
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from streamlit.testing.v1 import AppTest

from tests.waiting import LIMIT, nap, until

ROOT = Path(__file__).parents[2]

Open = Callable[..., AppTest]


@pytest.fixture(scope="session")
def open_screen() -> Open:
    """`open_screen("overfitting", degree_a="5")`: that screen, as the link with these opens it."""

    def run(name: str, **parameters: str | list[str]) -> AppTest:
        screen = AppTest.from_file(str(ROOT / "app.py"), default_timeout=LIMIT)
        if name != "home":
            screen.switch_page(str(ROOT / "pages" / f"{name}.py"))
        for key, value in ({"lang": "en"} | parameters).items():
            screen.query_params[key] = value
        return screen.run()

    return run


def readout(screen: AppTest, key: str) -> float:
    """The number that a read-out shows."""
    return float(readout_text(screen, key).replace(",", "").removeprefix("× "))


def readout_text(screen: AppTest, key: str) -> str:
    """What a read-out shows."""
    page = "".join(block.proto.body for block in screen.get("html"))
    (found,) = re.findall(rf'st-key-readout_{key}".*?<dd>(.*?)</dd>', page)
    return html.unescape(found)


def painted(screen: AppTest) -> str:
    """What the figure that the browser paints is given, as JSON."""
    sent: list[str] = [component.proto.json for component in screen.get("bidi_component")]
    (data,) = (data for data in sent if "figure" in json.loads(data))  # another hears the sliders
    return data


def remarks(screen: AppTest) -> list[str]:
    """The sentences beside the figure."""
    page = "".join(block.proto.body for block in screen.get("html"))
    found = re.findall(r'<div class="readouts remark[^>]*>(.+?)</div>', page)
    return [html.unescape(re.sub("<[^>]*>", "", text)) for text in found]


def wait(screen: AppTest, state: Callable[[], object]) -> None:
    """Rerun, as the ticks of a fragment would, until `state` is true."""

    def tick() -> None:
        nap()
        assert_well(screen.run())

    until(state, tick)


def wait_for_status(screen: AppTest, pattern: str) -> None:
    """Rerun until the words beside the bar of progress match."""
    wait(screen, lambda: re.search(pattern, screen.progress[0].text))


def assert_well(screen: AppTest) -> None:
    """No exception, no error message: the screen stands."""
    assert not screen.exception, screen.exception
    assert not screen.error, [error.value for error in screen.error]
    assert screen.title


def printed(screen: AppTest) -> str:
    """What the code in "The code" prints. Its settings of torch end with it."""
    screen.session_state["tab"] = "The code"
    screen.run()
    (block,) = screen.code
    out, dtype = io.StringIO(), torch.get_default_dtype()
    try:
        with contextlib.redirect_stdout(out):
            exec(block.value, {"__name__": "__main__"})
    finally:
        torch.set_default_dtype(dtype)
    return out.getvalue()


def run_code(screen: AppTest) -> list[float]:
    """The numbers that it prints, in order."""
    return [float(v) for v in re.findall(r"-?\d+\.?\d*(?:e[+-]?\d+)?", printed(screen))]
