"""Figures drawn in the browser: what holds for all of them."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import Visit, frames, slide, soon

COUNT = """
window.watching = new Set();
window.ResizeObserver = class extends ResizeObserver {
  observe(place, ...rest) {
    if (place.getRootNode() instanceof ShadowRoot) window.watching.add(this);
    super.observe(place, ...rest);
  }
  disconnect() { window.watching.delete(this); super.disconnect(); }
};
"""


@pytest.mark.parametrize(
    ("path", "key"),
    [("/overfitting", "degree_a"), ("/constraints", "angle"), ("/optimizers", "learning_rate")],
)
def test_a_figure_is_watched_once_however_often_it_changes(
    visit: Visit, path: str, key: str
) -> None:
    # Streamlit calls a component again for every change of its data, and cleans up only at the
    # end: what each call left behind would paint old pictures over the new one.
    page = visit(path, watch=lambda page: page.add_init_script(COUNT))
    root = page.locator(":is(.player, .figure)[data-painted]")
    for _ in range(4):
        before = int(root.get_attribute("data-painted") or 0)
        slide(page, key, 1)
        assert soon(page, lambda: int(root.get_attribute("data-painted") or 0) > before)  # noqa: B023
        frames(page, 20)
    assert page.evaluate("window.watching.size") == 1
