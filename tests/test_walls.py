"""The walls of the house: which room may import what. See "For builders" in the README."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import LIMIT

ROOT = Path(__file__).parents[1]
FORBIDDEN = {
    "app.py": {"sim", "torch", "pages", "tests"},
    "pages": {"torch", "pages", "tests", "distributed", "dask"},
    "sim": {"streamlit", "altair", "ui", "pages", "tests"},
    "ui/charts": {"streamlit", "torch", "pages", "tests", "random"},
    "ui/code": {"streamlit", "torch", "pages", "tests"},
    "ui": {"torch", "pages", "tests", "distributed", "dask"},
}
OUTSIDE = {
    *("os", "subprocess", "socket", "pathlib", "urllib", "requests", "shutil", "tempfile", "http"),
    *("ssl", "asyncio", "multiprocessing", "signal", "ctypes", "distributed", "dask"),
}
"""What reaches files, processes or the network."""
REACHING_OUT = {
    "sim/compute/__main__.py",
    "sim/compute/cluster.py",
    "sim/compute/memory.py",
    "sim/compute/nodes.py",
    "sim/compute/operator.py",
    "sim/compute/remote.py",
    "sim/compute/worker.py",
    "sim/recommender/download.py",
    "sim/recommender/layouts.py",
    "sim/recommender/ratings.py",
    "sim/recommender/upload/archives.py",
}
"""The files of `sim` that may."""


def _files() -> list[Path]:
    return [
        path
        for room in ("app.py", "pages", "sim", "ui")
        for path in ([ROOT / room] if room.endswith(".py") else sorted((ROOT / room).rglob("*.py")))
    ]


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _imported(path: Path) -> set[str]:
    """By their full names, for `from a import b` both `a` and `a.b`."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: import by full name"
            assert node.module
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def _imports(path: Path) -> set[str]:
    return {name.split(".")[0] for name in _imported(path)}


def _opens(path: Path) -> bool:
    calls = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return any(isinstance(n, ast.Call) and getattr(n.func, "id", "") == "open" for n in calls)


@pytest.mark.parametrize("path", _files(), ids=_name)
def test_a_room_imports_only_what_it_may(path: Path) -> None:
    name = _name(path)
    room = next(room for room in FORBIDDEN if name == room or name.startswith(f"{room}/"))
    room = next((r for r in ("ui/charts", "ui/code") if name.startswith(r)), room)
    assert not _imports(path) & FORBIDDEN[room]


def test_no_room_is_left_out() -> None:
    """An empty one would hold to any rule."""
    names = [_name(path) for path in _files()]
    for room in FORBIDDEN:
        assert sum(name == room or name.startswith(f"{room}/") for name in names) >= 1, room


def test_a_topic_has_the_same_name_in_every_room() -> None:
    from ui.lecture import TOPICS

    for topic in TOPICS:
        core = ROOT / "sim" / topic.name
        assert core.is_dir() or core.with_suffix(".py").is_file()
        for room in ("pages", "ui/charts", "ui/code"):
            assert (ROOT / room / f"{topic.name}.py").is_file()


def test_a_view_knows_no_other_topic() -> None:
    from ui.lecture import TOPICS

    topics = {topic.name for topic in TOPICS}
    assert {path.name for path in (ROOT / "ui/views").iterdir() if path.is_dir()} >= topics
    for topic in topics:
        for path in sorted((ROOT / "ui/views" / topic).rglob("*.py")):
            for other in topics - {topic}:
                rooms = ("pages", "sim", "ui.charts", "ui.code", "ui.views")
                names = [f"{room}.{other}" for room in rooms]
                assert not [m for m in _imported(path) if m.startswith(tuple(names))], path


def test_only_the_recommender_and_the_cluster_touch_the_outside() -> None:
    """No file, process or network access in `sim` but where the plan of the house has it."""
    files = sorted((ROOT / "sim").rglob("*.py"))
    reaching = {_name(path) for path in files if _imports(path) & OUTSIDE or _opens(path)}
    assert reaching == REACHING_OUT


def test_no_torch_in_the_web_process_after_every_page() -> None:
    script = """
import sys
from pathlib import Path
from streamlit.testing.v1 import AppTest
from ui.lecture import TOPICS
pages = sorted(Path("pages").glob("*.py"))
assert len(pages) > len(TOPICS), pages
started = set()
for page in pages:
    screen = AppTest.from_file(str(Path("app.py").resolve()), default_timeout=LIMIT)
    screen.switch_page(str(page.resolve()))
    screen.run()
    assert not screen.exception and not screen.error, page
    for button in [button for button in screen.button if button.key == "start"]:
        button.click().run()
        started.add(page.stem)
assert started == {"recommender"}, started
assert "torch" not in sys.modules, "torch is in the web process"
assert "sim.recommender.training" not in sys.modules
""".replace("LIMIT", str(LIMIT))
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=LIMIT
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_only_the_start_walks_through_the_loaded_libraries() -> None:
    """threadpoolctl meanwhile, and an import in another visitor's thread: a server that stands."""
    walking = {_name(path) for path in _files() if "threadpoolctl" in _imports(path)}
    assert walking == {"ui/sweeper.py"}


@pytest.mark.parametrize("path", sorted((ROOT / "pages").glob("*.py")), ids=lambda path: path.name)
def test_no_page_has_a_bare_value_that_streamlit_would_show(path: Path) -> None:
    """A string below a constant explains it elsewhere; on a page it appears on the screen."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    bare = [node for node in body[1:] if isinstance(node, ast.Expr)]
    assert all(isinstance(node.value, ast.Call) for node in bare)
