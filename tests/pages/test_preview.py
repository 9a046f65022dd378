"""Previews: they say what a run of the screen would show, to the last digit."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from starlette.routing import Router
from streamlit.testing.v1 import AppTest

from tests.pages.conftest import Open, assert_well
from tests.waiting import awaited
from ui import preview, serve
from ui.controls import Number, Strength

VIEWS = {
    "overfitting": (
        "fit",
        "complexity",
        "bias_variance",
        "coefficients",
        "more_data",
        "penalty",
        "double_descent",
    ),
    "weight_decay": ("canyons", "regression", "l1_l2"),
    "dropout": ("masks", "samples", "ridge"),
    "optimizers": ("paths", "house_prices"),
}
every_view = pytest.mark.parametrize(
    ("name", "view"), [(name, view) for name, views in VIEWS.items() for view in views]
)
EDITED = {"moved": "3:0.1:1.5", "removed": "5", "added": "0.5:-1"}


def _listening(screen: AppTest) -> dict[str, Any]:
    """What the component that listens to the sliders is given."""
    sent = [json.loads(component.proto.json) for component in screen.get("bidi_component")]
    (data,) = (data for data in sent if "shape" in data)
    return data


def _shown(screen: AppTest) -> tuple[dict[str, Any], list[str]]:
    """The figures by their places, and the read-outs, that a run has put on the screen."""
    figures: dict[str, Any] = {}
    for component in screen.get("bidi_component"):
        if "figure" in (data := json.loads(component.proto.json)):
            figures[data["place"]] = data
    for chart in screen.get("vega_lite_chart"):
        (params,) = [p for p in json.loads(chart.proto.spec)["params"] if p["name"] == "preview"]
        frame = pa.ipc.open_stream(chart.proto.data.data).read_pandas()
        figures[params["bind"]["element"].removeprefix(".st-key-")] = frame
    bodies = [block.proto.body for block in screen.get("html")]
    return figures, [body for body in bodies if 'class="readouts' in body]


def _frame(cells: str, like: pd.DataFrame) -> pd.DataFrame:
    """Cells column by column, read as the browser does it: numbers where there are numbers."""
    columns = np.reshape([cell or np.nan for cell in cells.split("\t")], like.shape[::-1])
    return pd.DataFrame(dict(zip(like, columns, strict=True))).astype(like.dtypes)


def _assert_previewed(screen: AppTest, name: str, link: dict[str, str]) -> None:
    assert_well(screen)
    told, (figures, readouts) = preview.answer(name, link), _shown(screen)
    assert told["shape"] == _listening(screen)["shape"]
    assert told["readouts"] == readouts != []
    assert told["figures"].keys() == figures.keys() != set()
    for key, figure in told["figures"].items():
        if isinstance(figure, str):
            pd.testing.assert_frame_equal(
                _frame(figure, figures[key]), figures[key], check_exact=True
            )
        else:
            assert json.loads(json.dumps(figure)).items() <= figures[key].items()


@every_view
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_preview_is_what_a_run_shows(open_screen: Open, name: str, view: str, lang: str) -> None:
    open_screen(name)
    controls, views = preview._screens[name]
    assert set(views) == set(VIEWS[name])
    rng = np.random.default_rng(sum(map(ord, name + view + lang)))
    link = {"view": view, "lang": lang, "present": "1" if lang == "zh" else "0"}
    for control in controls:
        if isinstance(control, Strength):
            link[control.key] = control.format(rng.choice(control.options))
        elif isinstance(control, Number):
            steps = min(30, int((control.high - control.low) / control.step))
            link[control.key] = control.format(control.low + rng.integers(steps) * control.step)
    asked = link | {"present": str(link["present"] == "1").lower()}
    _assert_previewed(open_screen(name, **link), name, asked)


@pytest.mark.parametrize("view", ["fit", "penalty"])
def test_a_preview_keeps_what_a_hand_has_done(open_screen: Open, view: str) -> None:
    link = {"view": view, "degree_a": "6", "n_points": "9", **EDITED}
    _assert_previewed(open_screen("overfitting", **link), "overfitting", link)


@pytest.mark.parametrize("view", VIEWS["overfitting"])
def test_previews_of_all_values_fit_over_each_other(open_screen: Open, view: str) -> None:
    """Else a picture would stand still while its slider is dragged."""
    shape = _listening(open_screen("overfitting", view=view))["shape"]
    for n in (5, 19, 20, 21, 100, 101, 200):
        assert preview.answer("overfitting", {"view": view, "n_points": str(n)})["shape"] == shape
    for degree in range(0, 26, 5):
        link = {"view": view, "degree_a": str(degree), "degree_b": str(25 - degree)}
        assert preview.answer("overfitting", link)["shape"] == shape


def test_another_grammar_is_another_shape(open_screen: Open) -> None:
    open_screen("overfitting")
    shapes = {
        preview.answer("overfitting", {"view": "complexity", "noise": noise})["shape"]
        for noise in ("0", "0.05", "0.1", "0.3")
    }
    assert len(shapes) == 2, "the frame is deeper where there is hardly any noise"


def test_the_listener_knows_what_a_link_needs(open_screen: Open) -> None:
    link = {"degree_a": "5", "held_out": "true", "penalty_kind": "l1", "penalty": "1e-4"}
    data = _listening(open_screen("overfitting", **link))
    assert link.items() <= data["values"].items()
    assert data["values"]["noise"] == "0.3", "of sliders also what is at default"
    assert "moved" not in data["values"]
    assert data["listed"] == ["penalty"]


def test_sliders_run_nothing_where_a_listener_does(open_screen: Open) -> None:
    def ignoring(screen: AppTest) -> set[bool]:
        return {slider.proto.ignore_rerun for slider in screen.sidebar.slider}

    screen = open_screen("overfitting")
    assert ignoring(screen) == {True}
    screen.session_state["share"] = True  # its link has to follow: whole runs
    screen.run()
    assert ignoring(screen) == {False}
    assert len(screen.get("bidi_component")) == 1
    (data,) = (json.loads(c.proto.json) for c in screen.get("bidi_component"))
    assert "figure" in data, "no listener"


def _ask(path: str, query: str, method: str = "GET") -> tuple[int, Mapping[str, Any]]:
    """The answer of the server's routes: its status, and what its JSON says."""
    status, body = awaited(_asked(path, query, method))
    return status, json.loads(body)


async def _asked(path: str, query: str, method: str, routes: Any = None) -> tuple[int, bytes]:
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [],
    }
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(3600)
        return {}

    async def send(message: Any) -> None:
        sent.append(message)

    await Router(routes or serve.routes(""))(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


REFUSED = {
    "view=fit&degree_a=26": "`degree_a` must be a whole number from 0 to 25, not 26.",
    "view=fit&degree_a=nan": "not nan.",
    "view=fit&degree_a=" + "9" * 5000: f"not {'9' * 39}….",
    "view=fit&noise=inf": "`noise` must be a number from",
    "view=fit&penalty=1e400": "`penalty` must be 0, or a number from",
    "view=fit&moved=" + "9" * 9000: "`moved` must be",
    "view=fit&held_out=maybe": "`held_out` must be true or false, not maybe.",
    "view=fit&degree_c=3": "This screen has no control `degree_c`.",
    "view=fit&degree_a=3&degree_a=4": "`degree_a` is asked for twice.",
    "view=nothing": "There are no previews of a view `nothing` on a screen `overfitting`.",
    "": "There are no previews of a view",
}


@pytest.mark.parametrize("query", REFUSED)
def test_what_cannot_be_used_is_refused_with_a_sentence(open_screen: Open, query: str) -> None:
    open_screen("overfitting")
    status, told = _ask("/preview/overfitting", query)
    assert status == 400
    assert REFUSED[query] in told["error"]
    assert len(told["error"]) < 250


def test_a_refusal_speaks_the_visitors_language(open_screen: Open) -> None:
    open_screen("overfitting")
    told = _ask("/preview/overfitting", "view=fit&lang=zh&degree_a=26")[1]
    assert told["error"] == "`degree_a` 必须是0 到 25 之间的整数，而不是 26。"


@pytest.mark.parametrize("path", ["/preview", "/preview/", "/preview/x/y", "/preview/" + "z" * 999])
def test_no_address_of_previews_has_a_page(path: str) -> None:
    status, told = _ask(path, "view=fit")
    assert status == 400
    assert len(told["error"]) < 150


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_previews_can_be_read_and_nothing_else(method: str) -> None:
    assert _ask("/preview/overfitting", "view=fit", method)[0] == 405


def test_a_question_without_end_is_not_read() -> None:
    assert _ask("/preview/overfitting", "moved=" + "1" * 40_000)[0] == 414


def test_other_screens_have_none(open_screen: Open) -> None:
    assert _ask("/preview/recommender", "view=train")[0] == 400
    assert _ask("/preview/overfitting", "view=fit&lang=zh&degree_a=4")[0] == 200


def test_a_failing_view_says_so_in_the_log_alone(
    open_screen: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    open_screen("overfitting")
    monkeypatch.setattr("ui.views.overfitting.complexity.curve", lambda values: 1 / 0)
    status, told = _ask("/preview/overfitting", "view=complexity")
    assert (status, told) == (
        500,
        {"error": "This preview failed; the run that follows says more."},
    )
    assert "ZeroDivisionError" in caplog.text


def test_sliders_are_heard_also_where_the_picture_failed(
    open_screen: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("ui.views.overfitting.fit.fits", lambda values, train: 1 / 0)
        screen = open_screen("overfitting")
        assert "Something went wrong" in screen.error[0].value
        assert _listening(screen)["shape"] == "", "which no preview has"
    screen.slider(key="degree_a").set_value(4).run()
    assert_well(screen)
    assert _listening(screen)["shape"]
