"""The lab takes ranges, whose floors and newest the gate tests; its tools are pinned."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def _lines(name: str) -> list[str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    return [line for line in lines if line]


@pytest.mark.parametrize("line", _lines("requirements.txt"))
def test_a_library_has_a_floor(line: str) -> None:
    assert line.count(">=") == 1, "which .ci/run turns into =="
    assert "==" not in line


def test_a_tool_has_one_version() -> None:
    lab, *tools = _lines("requirements-dev.txt")
    assert lab == "-r requirements.txt"
    assert len(tools) > 5
    for line in tools:
        name, pin, version = line.partition("==")
        assert name
        assert pin
        assert version.replace(".", "").isdecimal(), "no range, no *"
