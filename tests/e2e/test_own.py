"""A visitor's own file in a real browser: what only one can show."""

from __future__ import annotations

import csv
import io
from urllib.parse import urlsplit

from playwright.sync_api import Page, Request, expect

from sim.recommender.own_films import movielens_years
from sim.recommender.ratings import movielens
from tests.e2e.conftest import Visit, number, parameters, settle, soon

EVIL = [
    "![a](http://127.0.0.1:9/evil.png)",
    "<img src=http://127.0.0.1:9/evil.png>",
    "[b](http://127.0.0.1:9/) http://127.0.0.1:9/c",
    "www.example.org, me@example.org",
    ":material/warning: :smile: :red[red] :streamlit:",
    "$x^2$ and $$y$$",
    "**bold** _it_ ~~gone~~ `code` &amp; \\* \\",
    "# head",
    "1. one",
    "a -> b <- c -- d >= e | f",
]
"""Texts that Markdown, and what Streamlit adds to it, would make something else of."""


def give(page: Page, name: str, text: str) -> None:
    """Choose a file of this name with this text."""
    page.locator(".st-key-upload input[type=file]").set_input_files(
        {"name": name, "mimeType": "text/csv", "buffer": text.encode()}
    )


def pick(page: Page, key: str, name: str) -> None:
    """Choose an option of a box by the beginning of its name."""
    page.locator(f".st-key-{key} input").click()
    page.get_by_role("option", name=name).click()
    expect(page.locator(f".st-key-{key} input")).to_have_value(name)


def ratings(header: str, titles: list[str] | None = None) -> str:
    """Ratings of 9 items by 9 users; the second column is the item."""
    names = titles or [f"item {i}" for i in range(9)]
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(header.split(","))
    for u in range(9):
        for i, name in enumerate(names):
            table.writerow([name, f"guest {u}", (u * i) % 5 + 1])
    return out.getvalue()


def test_a_foreign_header_is_read_by_choosing_its_columns(visit: Visit) -> None:
    page = visit("/recommender?view=data&lang=en")
    give(page, "dinners.csv", ratings("alpha,beta,gamma"))
    expect(page.get_by_test_id("stAlert")).to_contain_text("Which columns are they?")
    read = page.locator(".st-key-read_again button").first
    expect(read).to_be_disabled()
    for key, name in (
        ("user", "beta · guest 0"),
        ("item", "alpha · item 0"),
        ("rating", "gamma · 1"),
    ):
        pick(page, f"column_{key}", name)
    read.click()
    expect(page.locator(".st-key-readout_n_users dd")).to_have_text("9")
    assert number(page, "n_ratings") == number(page, "lines") == 81
    expect(page.locator(".st-key-reading summary")).to_contain_text(
        "User = beta, Item = alpha, Rating = gamma"
    )
    expect(page.get_by_test_id("stAlert")).to_have_count(0)


def test_ones_own_films_are_two_clicks_from_what_is_recommended(visit: Visit) -> None:
    films, years = movielens(), movielens_years()
    rows = ["Date,Name,Year,Letterboxd URI,Rating"]
    known = [films.movie_ids.index(movie) for movie in ("318", "296", "593", "2571", "260")]
    for place, movie in enumerate(known):
        rows.append(f'2024-01-01,"{films.titles[movie]}",{years[movie]},https://x,{5 - place / 2}')
    rows.append("2024-01-01,Made Last Year,2025,https://x,1")
    page = visit("/recommender?view=data&lang=en")
    give(page, "ratings.csv", "\n".join(rows))  # the first
    expect(page.locator(".st-key-readout_films_missing dd")).to_have_text("1")
    page.locator(".st-key-see_films button").click()  # the second
    page.locator(".st-key-for_you [data-testid=stDataFrame]").wait_for()
    assert parameters(page)["mine"] == "318:5,296:4.5,593:4,2571:3.5,260:3"

    star = page.locator(".st-key-stars_" + str(known[4]) + " button").first
    star.click()  # one star for Star Wars
    assert soon(page, lambda: parameters(page)["mine"].endswith(",260:1"))
    page.reload()
    # whether or not the session, and its model with it, is still there
    page.locator(".st-key-for_you, .st-key-train_quickly").first.wait_for()
    assert parameters(page)["mine"] == "318:5,296:4.5,593:4,2571:3.5,260:1"


def test_a_moved_point_is_there_after_a_reload(visit: Visit) -> None:
    page = visit("/overfitting?lang=en")
    page.locator(".st-key-figure .handles button[data-id='19']").focus()
    page.keyboard.press("ArrowUp")
    assert soon(page, lambda: "moved" in parameters(page))
    settle(page)
    moved = parameters(page)["moved"]
    page.reload()
    settle(page)
    assert parameters(page)["moved"] == moved


def test_what_a_visitor_wrote_is_text(visit: Visit) -> None:
    asked: list[str] = []

    def hear(request: Request) -> None:
        if urlsplit(request.url).port == 9:
            asked.append(request.url)

    page = visit("/recommender?view=data&lang=en", watch=lambda page: page.on("request", hear))
    give(
        page,
        "![b](http:∕∕127.0.0.1:9∕f.png) **x** :material∕home:.csv",
        f"user,item,rating\n1,2,{EVIL[0]}\n",
    )
    alert = page.get_by_test_id("stAlert")
    expect(alert).to_contain_text("is not a number")
    assert "**x**" in shown(alert.inner_text())
    assert EVIL[0] in shown(alert.inner_text())
    assert alert.locator("img, a, strong").count() == 0

    give(page, "evil.csv", ratings(f"{EVIL[0]},{EVIL[2]},www.example.org"))
    expect(alert).to_contain_text("Which columns are they?")
    for key, name in (("user", "guest 0"), ("item", "item 0"), ("rating", "www.example.org")):
        page.locator(f".st-key-column_{key} input").click()
        page.get_by_role("option").filter(has_text=name).click()
    page.locator(".st-key-read_again button").first.click()
    label = page.locator(".st-key-reading summary")
    expect(label).to_contain_text("User = ")
    assert f"User = {EVIL[2][:23]}…, Item = {EVIL[0][:23]}…" in shown(label.inner_text())

    give(page, "titles.csv", ratings("item,user,rating", EVIL))
    expect(page.locator(".st-key-readout_n_items dd")).to_have_text(str(len(EVIL)))
    page.get_by_role("radio", name="Recommendations").click()
    page.locator(".st-key-train_quickly button").click()
    page.locator(".st-key-recommended [data-testid=stDataFrame]").wait_for()
    lines = page.locator("[data-testid=stMarkdownContainer]")
    texts = {shown(text) for text in lines.all_inner_texts()}
    assert set(EVIL) <= texts, set(EVIL) - texts
    main = page.locator("[data-testid=stMain]")
    assert main.locator("img, a[href*='127.0.0.1'], a[href*=example]").count() == 0
    assert asked == []


def shown(text: str) -> str:
    """Without the marks that keep a text from being taken for something else."""
    return text.replace("\u2060", "")
