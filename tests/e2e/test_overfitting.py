"""Points moved by hand, in a real browser: with the mouse, a finger and the keyboard."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.e2e.conftest import PHONE, Visit, frames, number, parameters, rested, soon

READOUTS = ("train_mse_a", "test_mse_a", "train_mse_b", "test_mse_b", "largest_coefficient_b")


def _wait(page: Page) -> None:
    page.wait_for_selector(".st-key-figure [data-painted]")
    rested(page)


def _place(page: Page, index: int) -> tuple[float, float]:
    box = page.locator(f".st-key-figure .handles button[data-id='{index}']").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def _shown(page: Page) -> list[float]:
    return [number(page, key) for key in READOUTS]


def test_a_dragged_point_is_answered_while_it_moves_and_its_link_is_the_same(visit: Visit) -> None:
    page = visit("/overfitting?residuals=true")
    _wait(page)
    before, (x, y) = _shown(page), _place(page, 19)
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 16):
        page.mouse.move(x, y + 8 * step)
        frames(page, 4)
    page.wait_for_function("location.search.includes('moved=19')")
    assert soon(page, lambda: _shown(page) != before), "they answer before the button is released"
    under_way = _shown(page)
    for step in range(16, 21):
        page.mouse.move(x, y + 8 * step)
    page.mouse.up()
    dropped = y + 8 * 20
    assert soon(page, lambda: abs(_place(page, 19)[1] - dropped) < 2)
    assert soon(page, lambda: _shown(page) not in (before, under_way))
    _wait(page)
    index, _x, new_y = parameters(page)["moved"].split(":")
    assert index == "19"
    assert float(new_y) < 0
    guest = visit(page.url)
    _wait(guest)
    assert soon(page, lambda: _shown(guest) == _shown(page))
    assert soon(page, lambda: _place(guest, 19) == _place(page, 19))
    page.locator(".st-key-figure .restore").click()
    page.wait_for_function("!location.search.includes('moved')")
    assert soon(page, lambda: _shown(page) == before)


def test_keys_move_remove_and_add_points(visit: Visit) -> None:
    page = visit("/overfitting")
    _wait(page)
    page.locator(".st-key-figure .handles button[data-id='19']").focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowRight"):
        page.keyboard.press(key)
    assert soon(page, lambda: parameters(page).get("moved") == "19:0.315:0.953")
    _wait(page)
    page.keyboard.press("PageDown")
    page.keyboard.press("Delete")
    page.wait_for_function("location.search.includes('removed=')")
    expect(page.locator(".st-key-figure .handles button")).to_have_count(19)
    page.locator(".st-key-figure .add").click()
    page.keyboard.press("ArrowUp")
    assert soon(page, lambda: parameters(page).get("added") == "0:0.05")
    expect(page.locator(".st-key-figure .handles button")).to_have_count(20)


def test_a_finger_drags_a_point_and_scrolls_elsewhere(visit: Visit) -> None:
    page = visit("/overfitting", size=PHONE, has_touch=True)
    _wait(page)
    page.locator(".st-key-figure").scroll_into_view_if_needed()
    x, y = _place(page, 19)
    cdp = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        touches = [{"x": px, "y": py} for px, py in points]
        cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    touch("touchStart", (x, y))
    for step in range(1, 11):
        touch("touchMove", (x, y + 8 * step))
        frames(page, 3)
    touch("touchEnd")
    page.wait_for_function("location.search.includes('moved=19')")
    assert soon(page, lambda: float(parameters(page)["moved"].split(":")[2]) < 0.5)


def test_the_table_moves_points_and_says_what_it_cannot_do(visit: Visit) -> None:
    page = visit("/overfitting")
    before = number(page, "test_mse_b")
    page.locator(".st-key-tab").get_by_text("The data").click()
    table = page.locator(".stDataFrame").first
    table.locator("canvas").first.wait_for()
    table.scroll_into_view_if_needed()
    row = 35  # pixels
    cell = page.locator("#portal :is(input, textarea)")

    def write(text: str) -> None:
        page.keyboard.press("Enter")
        cell.fill(text)
        cell.press("Enter")  # and to the cell below
        cell.wait_for(state="detached")

    def pick(across: float, down: float, marked: str) -> None:
        def picked() -> int:
            box = table.bounding_box()
            assert box is not None
            page.mouse.click(box["x"] + across * box["width"], box["y"] + down * row)
            frames(page, 30)
            return table.locator(f"{marked}[aria-selected=true]").count()

        assert soon(page, picked), "the table draws itself before it listens"

    pick(0.9, 1.5, "[role=gridcell]")
    write("-1")
    page.wait_for_function("location.search.includes('moved=0')")
    assert parameters(page).get("moved") == "0:0.901:-1"
    write("7")
    page.get_by_text("Point 1 stays where it was").wait_for()
    write("1")
    page.wait_for_function("location.search.includes('2%3A')")
    assert parameters(page).get("moved") == "0:0.901:-1,2:-0.984:1", (
        "the hand kept its place in the table"
    )
    assert soon(page, lambda: number(page, "test_mse_b") != before)
    expect(page.locator(".st-key-figure .handles button")).to_have_count(20)
    _wait(page)
    pick(0.02, 3.5, "[role=row]")
    page.keyboard.press("Delete")
    page.wait_for_function("location.search.includes('removed=2')")
    assert soon(page, lambda: parameters(page).get("moved") == "0:0.901:-1")
    expect(page.locator(".st-key-figure .handles button")).to_have_count(19)


def test_the_pointer_reads_the_curves(visit: Visit) -> None:
    page = visit("/overfitting")
    _wait(page)
    box = page.locator(".st-key-figure canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    tip = page.locator(".st-key-figure .tip")
    expect(tip).to_contain_text("polynomial B")
    lines = dict(line.rsplit(" ", 1) for line in tip.inner_text().splitlines())
    assert set(lines) == {"x", "truth: sin πx", "polynomial A", "polynomial B"}
    assert abs(float(lines["truth: sin πx"])) < 0.2, "in the middle it is near zero"
    x, y = _place(page, 19)
    page.mouse.move(x, y)
    assert soon(page, lambda: tip.inner_text() == "x 0.295\ny 0.853")


def test_another_data_set_is_one_click(visit: Visit) -> None:
    page = visit("/overfitting?view=bias_variance")
    _wait(page)
    hint = page.locator(".st-key-figure .hint")
    first = hint.inner_text()
    page.locator(".st-key-figure .another").click()
    expect(hint).to_contain_text("Set 2 of 100")
    assert hint.inner_text() != first
