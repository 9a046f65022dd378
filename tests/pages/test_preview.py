"""Previews: they say what a run of the screen would show, to the last digit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from starlette.requests import Request
from streamlit.testing.v1 import AppTest

from tests.pages.conftest import Open
from ui import preview

VIEWS = (
    "fit",
    "complexity",
    "bias_variance",
    "coefficients",
    "more_data",
    "penalty",
    "double_descent",
)
EDITED = {"moved": "3:0.1:1.5", "removed": "5", "added": "0.5:-1"}


def _listening(screen: AppTest) -> dict[str, Any]:
    """What the component that listens to the sliders is given."""
    sent = [json.loads(component.proto.json) for component in screen.get("bidi_component")]
    (data,) = (data for data in sent if "shape" in data)
    return data


def _shown(screen: AppTest) -> dict[str, Any]:
    """What a run has put on the screen, in the form of a preview."""
    figures: dict[str, Any] = {}
    for component in screen.get("bidi_component"):
        if "figure" in (data := json.loads(component.proto.json)):
            figures["figure"] = {name: data[name] for name in ("figure", "edits")}
    for chart in screen.get("vega_lite_chart"):
        (params,) = [p for p in json.loads(chart.proto.spec)["params"] if p["name"] == "preview"]
        frame = pa.ipc.open_stream(chart.proto.data.data).read_pandas()
        figures[params["bind"]["element"].removeprefix(".st-key-")] = frame.to_numpy(float)
    bodies = [block.proto.body for block in screen.get("html")]
    return {"figures": figures, "readouts": [b for b in bodies if 'class="readouts' in b]}


def _numbers(cells: str, like: np.ndarray) -> np.ndarray:
    flat = [float(cell) if cell else np.nan for cell in cells.split(",")]
    return np.reshape(flat, like.shape, order="F")


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("edits", [{}, EDITED])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_preview_is_what_a_run_shows(
    open_screen: Open, view: str, edits: dict[str, str], lang: str
) -> None:
    rng = np.random.default_rng(sum(map(ord, view + lang)) + len(edits))
    link = {
        "degree_a": str(rng.integers(26)),
        "degree_b": str(rng.integers(26)),
        "n_points": str(rng.integers(8, 61)),
        "noise": str(rng.choice([0.1, 0.25, 0.7])),
        "penalty": str(rng.choice(["1e-6", "0.01", "0"])),
        "n_datasets": str(rng.choice([20, 50])),
        "seed": str(rng.integers(1000)),
        "view": view,
        "lang": lang,
        **edits,
    }
    screen = open_screen("overfitting", **link)
    told, shown = preview.answer("overfitting", link), _shown(screen)
    assert told["shape"] == _listening(screen)["shape"]
    assert told["readouts"] == shown["readouts"]
    assert told["figures"].keys() == shown["figures"].keys()
    for key, figure in told["figures"].items():
        if isinstance(figure, str):
            numbers = _numbers(figure, shown["figures"][key])
            np.testing.assert_array_equal(numbers, shown["figures"][key])
        else:
            assert json.loads(json.dumps(figure)) == shown["figures"][key]


@pytest.mark.parametrize("view", VIEWS)
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


def _ask(path: str, query: str) -> tuple[int, Mapping[str, Any]]:
    scope = {
        "type": "http",
        "path": path,
        "query_string": query.encode(),
        "path_params": {"name": path.rsplit("/", 1)[-1]},
        "headers": [],
    }
    (route,) = preview.ROUTES
    response = route.endpoint(Request(scope))
    return response.status_code, json.loads(bytes(response.body))


@pytest.mark.parametrize(
    "query",
    [
        "view=fit&degree_a=26",
        "view=fit&degree_a=nan",
        "view=fit&noise=inf",
        "view=fit&penalty=1e400",
        "view=fit&moved=" + "9" * 9000,
        "view=nothing",
        "",
    ],
)
def test_what_cannot_be_used_is_refused_with_a_sentence(open_screen: Open, query: str) -> None:
    open_screen("overfitting")
    status, told = _ask("/preview/overfitting", query)
    assert status == 400
    assert told["error"]


def test_other_screens_have_none(open_screen: Open) -> None:
    assert _ask("/preview/recommender", "view=train")[0] == 400
    assert _ask("/preview/overfitting", "view=fit&lang=zh&degree_a=4")[0] == 200


def test_a_failing_view_says_so_in_the_log_alone(
    open_screen: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    open_screen("overfitting")
    monkeypatch.setattr("ui.views.overfitting.complexity.curve", lambda values: 1 / 0)
    status, told = _ask("/preview/overfitting", "view=complexity")
    assert (status, told) == (500, {"error": "the preview failed"})
    assert "ZeroDivisionError" in caplog.text
