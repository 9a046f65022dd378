"""A visitor's own file on the screen: what is what, choosing otherwise, and keeping it."""

from __future__ import annotations

import contextlib
import gzip
import io
import threading
import zipfile
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from sim.recommender.exports import Export, Rated
from sim.recommender.own_films import Match, movielens_years
from sim.recommender.ratings import movielens
from sim.recommender.scale import Scale
from sim.recommender.upload import Choices
from tests.pages.conftest import Open, assert_well, readout, wait
from tests.pages.test_recommender_own import look, table
from tests.waiting import until
from ui import visits
from ui.views.recommender import given as given_file
from ui.views.recommender import own_films, training
from ui.views.recommender.dataset import bundled
from ui.views.recommender.films import MOST, Mine, mine_control

FOREIGN = ("alpha", "beta", "gamma")


def rows(header: tuple[str, ...], n: int = 9, scale: int = 5) -> bytes:
    lines = [f"u{u},i{i},{(u * i) % scale + 1}" for u in range(n) for i in range(n)]
    return "\n".join([",".join(header), *lines]).encode()


def give(screen: AppTest, name: str, data: bytes) -> AppTest:
    return screen.file_uploader(key="upload").set_value((name, data, "text/csv")).run()


@pytest.fixture
def screen(open_screen: Open) -> AppTest:
    return open_screen("recommender", view="data")


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("my.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "is an Excel workbook"),
        ("my.json", b'[{"user": 1, "item": 2, "rating": 3}]', "is JSON, not a table"),
        ("my.html", b"<html>a,b,c</html>", "is an HTML or XML page, not a table"),
        ("my.zip", b"PK\x05\x06" + bytes(18), "is a .zip file with nothing in it"),
        ("my.csv", b"user,item,rating\n1,2,1e60\n", "is too large; expected one from"),
    ],
)
def test_a_file_of_any_kind_is_taken_and_gets_its_sentence(
    screen: AppTest, name: str, data: bytes, said: str
) -> None:
    assert not screen.file_uploader(key="upload").proto.type, "Streamlit itself refuses none"
    give(screen, name, data)
    assert not screen.exception
    assert [said in error.value for error in screen.error] == [True]
    assert not screen.info, "nothing is asked about it"


def choose(screen: AppTest, **columns: int) -> AppTest:
    for role, column in columns.items():
        screen.selectbox(key=f"column_{role}").set_value(column)
    screen.run()
    return screen.button(key="read_again").click().run()


def accounted(screen: AppTest) -> bool:
    """Whether every row is a rating, a duplicate, or left out and counted."""
    parts = sum(readout(screen, key) for key in ("n_ratings", "duplicates", "left_out"))
    return parts == readout(screen, "lines")


def test_foreign_headers_lead_to_a_choice(screen: AppTest) -> None:
    assert_well(give(screen, "foreign.csv", rows(FOREIGN)))
    assert "Which columns are they?" in screen.info[0].value
    assert any("works with MovieLens" in caption.value for caption in screen.caption)
    assert screen.button(key="read_again").disabled
    (shown,) = [frame.value for frame in screen.dataframe if "1: alpha" in frame.value]
    assert shown.iloc[0].tolist() == ["u0", "i0", "1"], "its own rows, to tell the columns by"
    boxes = screen.selectbox(key="column_user").options
    assert boxes == ["—", "alpha · u0", "beta · i0", "gamma · 1"]
    assert_well(choose(screen, user=0, item=1, rating=2))
    assert not screen.info
    assert readout(screen, "n_users") == readout(screen, "n_items") == 9
    assert accounted(screen)


def test_what_was_found_can_be_chosen_otherwise(screen: AppTest) -> None:
    data = rows(("user", "item", "rating")).replace(b"u8", b"u0")
    assert_well(give(screen, "own.csv", data))
    assert screen.selectbox(key="column_item").value == 1
    label = next(box.label for box in screen.expander if "How it was read" in box.label)
    assert "User = user, Item = item, Rating = rating" in label
    assert readout(screen, "n_users") == 8
    assert_well(choose(screen, user=1, item=0))
    assert (readout(screen, "n_users"), readout(screen, "n_items")) == (9, 8)
    assert screen.selectbox(key="column_item").value == 0
    assert accounted(screen)
    screen.selectbox(key="column_rating").set_value(0).run()
    assert screen.button(key="read_again").disabled, "one column cannot be two things"


def test_a_choice_that_cannot_be_read_is_a_sentence_with_the_choice_open(screen: AppTest) -> None:
    give(screen, "own.csv", rows(("user", "item", "rating", "x")))
    choose(screen, rating=0, user=2)
    assert "not a number" in screen.error[0].value
    assert not screen.exception
    assert_well(choose(screen, rating=2, user=0))


def test_a_value_apart_is_asked_about(screen: AppTest) -> None:
    data = rows(("user", "item", "rating")).replace(b",5", b",-1")
    assert_well(give(screen, "own.csv", data))
    toggle = screen.toggle(key="not_rated_-1")
    assert toggle.value
    assert "it means “not rated”" in toggle.label
    without = readout(screen, "n_ratings")
    assert without < 81
    assert accounted(screen)
    assert_well(toggle.set_value(False).run())
    assert readout(screen, "n_ratings") == 81
    assert accounted(screen)
    assert_well(screen.toggle(key="not_rated_-1").set_value(True).run())
    assert readout(screen, "n_ratings") == without


def test_another_table_and_another_encoding_act_at_once(screen: AppTest) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a/ratings.csv", rows(("user", "item", "rating")))
        archive.writestr("b/more.csv", rows(("user", "item", "rating"), n=12))
    assert_well(give(screen, "both.zip", file.getvalue()))
    assert readout(screen, "n_users") == 9
    screen.selectbox(key="read_table").set_value("b/more.csv").run()
    assert_well(screen)
    assert readout(screen, "n_users") == 12

    names = "user,title,rating\n" + "\n".join(
        f"{u},Фильм {i} о любви и смерти,{(u * i) % 5 + 1}" for u in range(9) for i in range(9)
    )
    give(screen, "ru.csv", names.encode("cp1251"))
    assert screen.selectbox(key="read_encoding").value == "cp1251"
    assert "Фильм 0" in screen.session_state["_dataset"].everything.titles[0]
    other = next(e for e in screen.selectbox(key="read_encoding").options if e != "cp1251")
    screen.selectbox(key="read_encoding").set_value(other).run()
    assert screen.session_state["_given"].choices.encoding == other
    assert "Фильм" not in "".join(screen.session_state["_dataset"].everything.titles)


def test_a_reset_keeps_the_file_and_what_was_chosen(screen: AppTest) -> None:
    give(screen, "foreign.csv", rows(FOREIGN))
    choose(screen, user=0, item=1, rating=2)
    ours = screen.session_state["_dataset"]
    screen.button(key="reset").click().run()
    assert_well(screen)
    assert screen.session_state["_dataset"] is ours
    assert {"_dataset", "_given"} <= visits.LASTING
    look(screen, "data")
    assert readout(screen, "n_users") == 9
    assert screen.selectbox(key="column_rating").value == 2


def test_resetting_a_screen_that_fails_keeps_the_file(
    screen: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(screen, "own.csv", rows(("user", "item", "rating")))
    ours = screen.session_state["_dataset"]
    with monkeypatch.context() as broken:
        broken.setattr(training, "too_large", lambda *_: 1 / 0)
        screen.segmented_control(key="view").set_value("train").run()
        assert screen.error, "it fails"
    (button,) = [b for b in screen.button if b.key.startswith("recover")]
    button.click().run()
    assert_well(screen)
    assert screen.session_state["_dataset"] is ours
    assert screen.session_state["_given"].name == "own.csv"


def test_the_bytes_are_kept_once(screen: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    dropped = []
    monkeypatch.setattr("ui.sessions.drop", lambda session, file: dropped.append(file))
    give(screen, "own.csv", rows(("user", "item", "rating")))
    assert dropped == [screen.session_state["_uploaded"]]
    assert screen.session_state["_given"].data == rows(("user", "item", "rating"))
    screen.button(key="bundled").click().run()
    assert_well(screen)
    assert "_given" not in screen.session_state


def test_one_file_is_read_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    @contextlib.contextmanager
    def spinner(text: str) -> Iterator[None]:
        said.append(text)
        yield

    monkeypatch.setattr(given_file.st, "spinner", spinner)
    monkeypatch.setattr(given_file, "most_bytes", lambda: 1 << 20)
    data = rows(("user", "item", "rating"))
    reading = threading.Thread(target=given_file.read, args=("own.csv", data, Choices()))
    with given_file._turn():
        reading.start()
        until(lambda: len(said) == 2)
        assert "yours is next" in said[1]
        assert reading.is_alive()
    reading.join()
    assert said.count(said[0]) == 2, "then it was read"
    with pytest.raises(ZeroDivisionError), given_file._turn():
        raise ZeroDivisionError
    assert given_file._READING.acquire(blocking=False), "and given back whatever happens"
    given_file._READING.release()


def export(n: int) -> tuple[bytes, list[int]]:
    """A file of Letterboxd's with `n` of MovieLens' films, and which they are."""
    films, years = movielens(), movielens_years()
    rng = np.random.default_rng(1)
    known = [movie for movie in range(films.n_movies) if years[movie] is not None]
    chosen = rng.choice(known, n, replace=False).tolist()
    lines = [f'2024-01-01,"{films.titles[m]}",{years[m]},https://x,4' for m in chosen]
    head = "Date,Name,Year,Letterboxd URI,Rating"
    return "\n".join([head, *lines, "2024-01-01,Nowhere,2030,https://x,1"]).encode(), chosen


def test_ones_own_films_lead_to_what_is_recommended(screen: AppTest) -> None:
    data, chosen = export(30)
    assert_well(give(screen, "ratings.csv", data))
    assert readout(screen, "films_found") == 30
    assert readout(screen, "films_missing") == 1
    (shown,) = [frame.value for frame in screen.dataframe if "In MovieLens" in frame.value]
    first, second = shown.iloc[0].tolist(), shown.iloc[1].tolist()
    assert first == ["Nowhere (2030)", "not found", 1.0], "what was not found stands first"
    assert second[1] == movielens().titles[chosen[0]]
    assert second[0].startswith(second[1]), "the file's own title"
    screen.button(key="see_films").click().run()
    assert_well(screen)
    assert screen.session_state["view"] == "films"
    assert screen.session_state["_run"].settings == training.suited(training.QUICK, bundled())
    wait(screen, lambda: any("**For you**" in text.value for text in screen.markdown))
    places = [text.value for text in screen.markdown if text.value.startswith("**")]
    assert places[0].startswith("**For you**"), "the answer before what it is made of"
    given = dict(pair.split(":") for pair in screen.query_params["mine"].split(","))
    assert given == {bundled().everything.movie_ids[movie]: "4" for movie in chosen}
    screen.button(key="reset").click().run()
    assert readout(look(screen, "data"), "films_found") == 30, "a reset leaves them"


def test_ones_own_films_are_read_with_chosen_columns(screen: AppTest) -> None:
    text = "作品,打几颗星,别人,年份\n" + "".join(
        f"{name},{stars},1,{year}\n"
        for name, stars, year in (("Heat", 4, 1995), ("教父 / The Godfather", 5, 1972))
    )
    assert_well(give(screen, "mine.csv", text.encode("gb18030")))
    assert "leave the user empty" in screen.info[0].value
    assert screen.button(key="read_again").disabled
    assert "missing: the column of the item" in " ".join(c.value for c in screen.caption)
    screen.selectbox(key="column_title").set_value(0).run()
    assert "missing: the column of the rating" in " ".join(c.value for c in screen.caption)
    assert_well(choose(screen, rating=1))
    assert not screen.info
    assert readout(screen, "films_found") == 2
    assert_well(screen.selectbox(key="read_encoding").set_value("cp1250").run())
    assert readout(screen, "films_found") == 1, "read as Czech"
    assert_well(screen.selectbox(key="read_encoding").set_value("gb18030").run())
    assert readout(screen, "films_found") == 2
    (label,) = [box.label for box in screen.expander if "How it was read" in box.label]
    assert label.endswith("Rating = 打几颗星, Title = 作品, Year = 年份")
    assert_well(choose(screen, rating=2))
    (shown,) = [frame.value for frame in screen.dataframe if "In your file" in frame.value]
    assert shown["Rating"].tolist() == [1.0, 1.0]
    assert shown["In your file"].tolist() == ["Heat (1995)", "教父 / The Godfather (1972)"]


def test_what_was_read_of_an_export_is_shown_and_can_be_chosen(screen: AppTest) -> None:
    rows = "".join(f"tt{i},{i},2024-01-0{i},Heat,1995,9\n" for i in (1, 2))
    text = "Const,Your Rating,Date Rated,Title,Year,IMDb Rating\n" + rows
    assert_well(give(screen, "imdb.csv", text.encode()))
    (label,) = [box.label for box in screen.expander if "How it was read" in box.label]
    for part in ("Rating = Your Rating", "Title = Title", "Time = Date Rated", "Year = Year"):
        assert part in label
    assert screen.selectbox(key="column_rating").value == 1
    assert not screen.button(key="read_again").disabled
    assert_well(choose(screen, rating=5))
    (shown,) = [frame.value for frame in screen.dataframe if "In your file" in frame.value]
    assert shown["Rating"].tolist() == [4.5]


def test_the_boxes_are_open_while_they_are_asked_about(screen: AppTest) -> None:
    """Not in an expander, which one may have closed beforehand: Streamlit remembers that."""

    def folded() -> bool:
        boxes = [box for box in screen.expander if "How it was read" in box.label]
        return any(b.key == "column_user" for box in boxes for b in box.selectbox)

    assert_well(give(screen, "own.csv", rows(("user", "item", "rating"))))
    assert folded()
    assert_well(give(screen, "foreign.csv", rows(FOREIGN)))
    assert screen.selectbox(key="column_user").options
    assert not folded()


def test_the_name_of_a_file_stands_there_when_the_box_has_forgotten_it(screen: AppTest) -> None:
    assert_well(give(screen, "own *1*.csv", rows(("user", "item", "rating"))))
    assert not any("Your file" in caption.value for caption in screen.caption)
    assert_well(look(look(screen, "films"), "data"))
    (told,) = [c.value for c in screen.caption if "Your file" in c.value]
    assert "own" in told


def test_a_number_of_one_fits_its_sentence(screen: AppTest) -> None:
    data = rows(("user", "item", "rating")) + b"\nu0,i0,1"
    assert_well(give(screen, "own.csv", data))
    (told,) = [c.value for c in screen.caption if "82 rows" in c.value]
    assert "duplicates: 1" in told


def test_ones_own_films_that_cannot_be_read_are_a_sentence_with_the_choice_open(
    screen: AppTest,
) -> None:
    text = "alpha,beta\n" + "Heat,4\n" * 600 + "x" * 200_000 + ",4\n"
    give(screen, "mine.csv", text.encode())
    choose(screen, title=0, rating=1)
    assert "could not be read as a table" in screen.error[0].value
    assert not screen.exception
    assert screen.selectbox(key="column_title").value == 0


def test_a_column_is_as_wide_as_its_titles() -> None:
    assert own_films.wide(["Heat"], 230) == own_films.wide([], 230) == 110, "its name fits"
    assert own_films.wide(["Up"] * 9 + ["Shawshank Redemption, The"], 230) == 18 + 162
    assert own_films.wide(["教父 / The Godfather"], 290) == 18 + 130
    assert own_films.wide(["x" * 99], 230) == 230


def test_an_archive_of_letterboxd_is_taken_as_it_comes(screen: AppTest) -> None:
    file, (data, _chosen) = io.BytesIO(), export(12)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("profile.csv", "Date Joined,Username\n2020-01-01,ann\n")
        seen = "".join(f"2024-01-01,Film {i},1999,https://x\n" for i in range(400))
        archive.writestr("watched.csv", "Date,Name,Year,Letterboxd URI\n" + seen)
        archive.writestr("likes/films.csv", "Date,Name,Year,Letterboxd URI\n" + seen)
        archive.writestr("ratings.csv", data)
    assert_well(give(screen, "letterboxd-ann.zip", file.getvalue()))
    assert readout(screen, "films_found") == 12


def test_a_list_of_films_that_unpacks_to_too_much_is_a_sentence(
    screen: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = export(12)[0] + b"".join(b"\n2024-01-01,Nowhere %d,2030,u,1" % i for i in range(99_999))
    monkeypatch.setattr(given_file, "most_bytes", lambda: 2 << 20)
    give(screen, "ratings.csv.gz", gzip.compress(data))
    assert "larger than" in screen.error[0].value
    assert not screen.exception


def test_ones_own_films_take_the_place_of_own_ratings(screen: AppTest) -> None:
    give(screen, "own.csv", table(1, 10, 1))
    give(screen, "ratings.csv", export(5)[0])
    screen.button(key="see_films").click().run()
    assert_well(screen)
    assert screen.session_state["_dataset"] is None
    assert len(screen.session_state["mine"].split(",")) == 5


def test_a_link_holds_the_films_that_most_have_rated() -> None:
    films = bundled()
    count = np.bincount(films.everything.movie, minlength=films.everything.n_movies)
    one = Rated(("x",), None, 4.0, 2)
    found = dict.fromkeys(range(MOST + 200), one)
    text = own_films.mine(own_films.Films(Export((one,), 0, 5.0), Match(found, 0, ())), films)
    kept = {films.everything.movie_ids.index(pair.split(":")[0]) for pair in text.split(",")}
    assert len(kept) == MOST
    assert min(count[list(kept)]) >= max(count[list(set(found) - kept)])
    assert len(text) < 6000


IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(st.dictionaries(IDS, st.integers(1, 10).map(lambda k: k / 2), min_size=1, max_size=9))
def test_whatever_the_ids_are_ones_ratings_come_back_from_the_link(given: dict[str, float]) -> None:
    mine = Mine(
        key="mine",
        label="",
        ids={name: place for place, name in enumerate(given)},
        scale=Scale(0.5, 5.0, 0.5, 1.0, 1.0),
    )
    text = mine.format(given)
    assert mine.parse(text) == text
    assert mine._read(text) == given


def test_a_model_that_is_too_large_is_not_begun(
    open_screen: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("sim.recommender.size", "ui.views.recommender.training"):
        monkeypatch.setattr(f"{module}.MOST_WEIGHTS", 500_000)
    screen = open_screen("recommender", n_factors="60")
    assert_well(screen)
    assert screen.button(key="start").disabled
    assert "choose at most 50 factors" in screen.progress[0].text
    screen.slider(key="n_factors").set_value(50).run()
    assert not screen.button(key="start").disabled


def test_all_that_is_set_is_in_the_link(open_screen: Open) -> None:
    screen = open_screen("recommender", view="sweep", sweep_patience="3")
    assert_well(screen)
    assert screen.session_state["sweep_patience"] == "3"
    screen.session_state["sweep_patience"] = "5"
    screen.run()
    assert screen.query_params["sweep_patience"] in ("5", ["5"])
    screen.session_state["sweep_patience"] = "none"
    screen.run()
    assert "sweep_patience" not in screen.query_params
    (warning,) = open_screen("recommender", view="sweep", sweep_patience="4").warning
    assert "`sweep_patience` must be" in warning.value
    (warning,) = open_screen("recommender", view="learned", what="bad").warning
    assert "`what` must be" in warning.value


def test_a_star_is_in_the_link_before_the_screen_is_drawn_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A run of a fragment draws no controls: what the star says is written where it is heard."""
    monkeypatch.setattr(given_file.st, "query_params", written := {"mine": "1:2"})
    monkeypatch.setattr(given_file.st, "session_state", {"mine": "1:2", "stars_1": 4})
    mine = mine_control(bundled())
    mine.rate(1, bundled(), "stars_1")
    name = bundled().everything.movie_ids[1]
    assert written["mine"].endswith(f"{name}:5")
    monkeypatch.setitem(given_file.st.session_state, "stars_1", None)
    mine.rate(1, bundled(), "stars_1")
    assert written["mine"] == "1:2"
