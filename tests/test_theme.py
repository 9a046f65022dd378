"""The palette: one in code, one in the configuration, and the same."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
from streamlit import config

from ui import theme

CONFIG = tomllib.loads((Path(__file__).parents[1] / ".streamlit/config.toml").read_text("utf-8"))
PALETTES = {"light": theme.LIGHT, "dark": theme.DARK}


@pytest.mark.parametrize("scheme", PALETTES)
def test_the_configuration_has_the_palette(scheme: str) -> None:
    configured = CONFIG["theme"][scheme]
    assert configured["chartCategoricalColors"] == [PALETTES[scheme][r] for r in theme.ROLES]
    assert configured["primaryColor"] == theme.ACCENT[scheme]


def _luminance(colour: str) -> float:
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("scheme", PALETTES)
@pytest.mark.parametrize("role", theme.ROLES)
def test_colours_stand_out_from_the_background(scheme: str, role: str) -> None:
    """WCAG contrast: 3 for dark backgrounds and strong colours; Okabe and Ito's light ones on
    white have at least 2, and are used for thick marks only."""
    lights = sorted(
        (_luminance(PALETTES[scheme][role]), _luminance(CONFIG["theme"][scheme]["backgroundColor"]))
    )
    contrast = (lights[1] + 0.05) / (lights[0] + 0.05)
    assert contrast >= (4 if scheme == "dark" else 2)


def test_every_role_has_its_own_place_in_the_range() -> None:
    domain = theme.colour().to_dict()["scale"]["domain"]
    assert domain == list(theme.ROLES) == list(theme.LIGHT) == list(theme.DARK)


def test_a_legend_calls_roles_by_their_names() -> None:
    names = {"truth": 'the "truth"', "data": "points"}
    legend = theme.colour(names, ["truth"]).to_dict()["legend"]
    assert legend["values"] == ["truth"]
    expression = legend["labelExpr"].removesuffix("[datum.value]")
    assert json.loads(expression) == names


@pytest.mark.parametrize("section", sorted(CONFIG.keys() - {"theme"}))
def test_streamlit_knows_every_option(section: str) -> None:
    """One of them is undocumented, and what Streamlit does not know it leaves out."""
    for name, value in CONFIG[section].items():
        assert config.get_option(f"{section}.{name}") == value
