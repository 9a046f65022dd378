"""The walls of the house: which room may import what. See "For builders" in the README."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = {"sim", "ui", "pages", "tests", "app"}
FORBIDDEN = {
    "app.py": {"sim", "torch", "pages", "tests"},
    "pages": {"torch", "pages", "tests", "distributed", "dask"},
    "sim": {"streamlit", "altair", "ui", "pages", "tests"},
    "ui/charts": {"streamlit", "torch", "pages", "tests", "random"},
    "ui/code": {"streamlit", "torch", "pages", "tests"},
    "ui": {"torch", "pages", "tests", "distributed", "dask"},
}


def _files() -> list[Path]:
    return [
        path
        for room in ("app.py", "pages", "sim", "ui")
        for path in ([ROOT / room] if room.endswith(".py") else sorted((ROOT / room).rglob("*.py")))
    ]


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: import by full name"
            found.add((node.module or "").split(".")[0])
    return found


@pytest.mark.parametrize("path", _files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_imports_only_what_it_may(path: Path) -> None:
    name = path.relative_to(ROOT).as_posix()
    room = next(room for room in FORBIDDEN if name == room or name.startswith(f"{room}/"))
    room = next((r for r in ("ui/charts", "ui/code") if name.startswith(r)), room)
    assert not _imports(path) & FORBIDDEN[room]


def test_a_topic_has_the_same_name_in_every_room() -> None:
    from ui.lecture import TOPICS

    for topic in TOPICS:
        core = ROOT / "sim" / topic.name
        assert core.is_dir() or core.with_suffix(".py").is_file()
        for room in ("pages", "ui/charts", "ui/code"):
            assert (ROOT / room / f"{topic.name}.py").is_file()


def test_only_the_recommender_and_the_cluster_touch_the_outside() -> None:
    """No file, process or network access in `sim` but where the plan of the house has it."""
    outside = {"os", "subprocess", "socket", "pathlib", "urllib", "requests", "shutil"}
    allowed = {"ratings.py", "layouts.py", "download.py", "archives.py"}
    for path in sorted((ROOT / "sim").rglob("*.py")):
        if path.name not in allowed and path.parent.name != "compute":
            assert not _imports(path) & outside, path


def test_no_torch_in_the_web_process_after_every_page() -> None:
    script = """
import sys
from pathlib import Path
from streamlit.testing.v1 import AppTest
for page in sorted(Path("pages").glob("*.py")):
    screen = AppTest.from_file(str(Path("app.py").resolve()), default_timeout=60)
    screen.switch_page(str(page.resolve()))
    screen.run()
    assert not screen.exception and not screen.error, page
    start = [button for button in screen.button if button.key == "start"]
    if start:
        start[0].click().run()
assert "torch" not in sys.modules, "torch is in the web process"
assert "sim.recommender.training" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-3000:]
