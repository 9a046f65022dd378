"""The recommender beside a visitor's own ratings: axes, controls and words come from the data."""

from __future__ import annotations

import dataclasses
import re
from types import SimpleNamespace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from sim.recommender import EpochRecord, Knobs, Settings, Trainer, movielens, split
from sim.recommender.grid import Cell, CellResult, best, summary
from sim.recommender.ratings import rating_range
from sim.recommender.scale import histogram
from tests.pages.conftest import ROOT, Open, assert_well, readout_text
from ui.charts import recommender as charts
from ui.theme import Figure
from ui.views.recommender import films, train, training
from ui.views.recommender.dataset import Dataset, bundled


def table(low: float, high: float, step: float) -> bytes:
    """Ratings of 25 items by 40 users on a scale, with ids that an address must not split."""
    rng = np.random.default_rng(0)
    liking = rng.normal(size=(40, 2)) @ rng.normal(size=(2, 25))
    share = (liking - liking.min()) / np.ptp(liking)
    ratings = low + step * np.round(share * (high - low) / step)
    rows = [
        f'{user},"Part: {item}, a",{ratings[user, item]:g}'
        for user in range(40)
        for item in range(25)
        if rng.random() < 0.7
    ]
    return ("user,item,rating\n" + "\n".join(rows)).encode()


def with_ratings(open_screen: Open, scale: tuple[float, float, float]) -> AppTest:
    screen = open_screen("recommender", view="data")
    screen.file_uploader(key="upload").set_value(("own.csv", table(*scale), "text/csv")).run()
    assert_well(screen)
    return screen


def look(screen: AppTest, view: str) -> AppTest:
    screen.segmented_control(key="view").set_value(view).run()
    assert_well(screen)
    assert screen.session_state["view"] == view
    return screen


def words(screen: AppTest) -> str:
    """All that the page says, but for the sentence of the scene, which names its data."""
    parts = [*screen.markdown, *screen.caption, *screen.get("text"), *screen.info]
    said = [part.value for part in parts if not part.value.startswith("Written for MovieLens: ")]
    said += [bar.text for bar in screen.progress]
    said += [f"{widget.label} {widget.help}" for widget in (*screen.button, *screen.selectbox)]
    said += [block.proto.body for block in screen.get("html")]
    return re.sub("<style>.*?</style>|<[^>]*>", " ", " ".join(said), flags=re.DOTALL)


def with_a_past_run(screen: AppTest) -> None:
    """As if the visitor had trained one: here, without a worker to wait for."""
    dataset = screen.session_state["_dataset"]
    settings = Settings(epochs=3, rating_range=dataset.rating_range)
    trainer = Trainer(dataset.train, dataset.valid, settings)
    progress = trainer.run_for(float("inf"), Knobs())
    screen.session_state["_past"] = [
        training.PastRun(1, settings, Knobs(), progress, trainer.best())
    ]


def test_every_view_speaks_of_the_visitors_ratings(open_screen: Open) -> None:
    screen = with_ratings(open_screen, (0, 100, 1))
    assert readout_text(screen, "n_items") == "25"
    with_a_past_run(screen)
    for view in ("train", "films", "learned", "sweep"):
        said = words(look(screen, view))
        assert not re.search(r"film|movie|MovieLens|\bstars\b", said, re.IGNORECASE), (view, said)
    look(screen, "films")
    (first, *_) = [box for box in screen.number_input if box.key.startswith("stars_")]
    assert (first.min, first.max, first.step) == (0, 100, 1)
    first.set_value(37.0).run()
    assert_well(screen)
    assert screen.session_state["mine"].startswith("Part%3A%20")
    assert screen.session_state["mine"].endswith(":37")
    assert len(screen.dataframe) == 2, "folded in, and for the chosen user"
    screen.segmented_control(key="view").set_value("learned").run()
    for what in ("similar", "map"):
        screen.segmented_control(key="what").set_value(what).run()
        assert_well(screen)


def test_a_quoted_sentence_has_other_quotes_inside(open_screen: Open) -> None:
    screen = with_ratings(open_screen, (1, 5, 1))
    screen.session_state["_language"] = "zh"
    screen.query_params["lang"] = "zh"
    screen.session_state["view"] = "train"
    screen.run()
    (said,) = (text.value for text in screen.markdown if "针对 MovieLens" in text.value)
    assert "“点‘开始’。" in said


def test_the_last_scene_is_about_the_ratings_at_hand(open_screen: Open) -> None:
    screen = with_ratings(open_screen, (1, 5, 1))
    screen.get("button_group")  # the pills
    screen.session_state["_scene"] = 10
    screen.run()
    assert_well(screen)
    screen.button(key="reset").click().run()
    assert_well(screen)
    assert screen.session_state["mine"] == ""
    said = " ".join(text.value for text in screen.markdown)
    assert "crime" not in said
    assert "Rate some items of your data" in said
    screen.session_state["tab"] = "The code"
    for view in ("train", "films", "learned", "sweep", "data"):
        (block,) = look(screen, view).code
        assert "'own.csv'" in block.value
        assert "movielens" not in block.value


SCALES = [(0.0, 100.0), (5.0, 50.0), (0.0, 1.0), (1.0, 5.0), (-10.0, 10.0)]


def on_scale(low: float, high: float) -> Dataset:
    """Some of the bundled ratings, stretched to another scale."""
    ratings = movielens().take(np.arange(4000))
    stretched = low + (ratings.rating - np.float32(0.5)) / np.float32(4.5) * (high - low)
    everything = dataclasses.replace(ratings, rating=stretched.astype(np.float32))
    return Dataset(everything, *split(everything), rating_range=rating_range(everything))


def domain(figure: Figure) -> list[float]:
    """Of the axis of losses."""
    layers = figure.specification(presenting=False)["layer"]
    axes = [layer.get("encoding", {}).get("y", {}) for layer in layers]
    (found,) = {tuple(axis["scale"]["domain"]) for axis in axes if "scale" in axis}
    return list(found)


@pytest.mark.parametrize("ends", SCALES)
@pytest.mark.parametrize("learning_rate", [1e-3, 0.05])
def test_all_curves_lie_inside_the_figure(ends: tuple[float, float], learning_rate: float) -> None:
    dataset = on_scale(*ends)
    settings = Settings(
        epochs=8, learning_rate=learning_rate, batch_size=256, rating_range=dataset.rating_range
    )
    trainer = Trainer(dataset.train, dataset.valid, settings)
    points, tops = [], []
    for _ in range(settings.epochs):
        progress = trainer.run_epoch(Knobs(0.0))
        points += progress.points
        figure = charts.figure(points, progress, 8, dataset.scale, {1: progress.history})
        losses = figure.frame[["train", "valid", "ghost_loss", "best_loss"]].to_numpy()
        low, top = domain(figure)
        assert low == 0 <= np.nanmin(losses) <= np.nanmax(losses) <= top
        assert np.nanmax(losses) > top / 4, "and they fill it"
        tops.append(top)
    assert len(set(tops)) <= 3, "the chart is hardly ever built anew"


def test_a_run_at_the_defaults_never_builds_its_figure_anew() -> None:
    dataset = bundled()
    trainer = Trainer(dataset.train, dataset.valid, Settings(epochs=3, learning_rate=1e-3))
    progress = trainer.run_for(float("inf"), Knobs(0.0))
    shown = [
        charts.figure(progress.points[:n], None, 3, dataset.scale).arguments
        for n in range(len(progress.points) + 1)
    ]
    assert set(shown) == {(3, 1.8)}


@pytest.mark.parametrize("ends", SCALES)
def test_the_map_of_a_sweep_has_all_colours_and_one_best_cell(ends: tuple[float, float]) -> None:
    dataset = on_scale(*ends)
    span = (ends[1] - ends[0]) ** 2
    losses = {(0.0, 0.0): 0.05, (0.1, 0.0): 0.04, (0.0, 0.5): 0.045, (0.1, 0.5): 0.044}
    results = [
        CellResult(Cell(*cell, None, seed), "finished", span * (loss + seed * 1e-3), 3, 20, 1.0)
        for cell, loss in losses.items()
        for seed in range(2)
    ]
    results.append(CellResult(Cell(0.2, 0.0, None, 0), "finished", span * 0.03, 3, 20, 1.0))
    decays, dropouts = (0.0, 0.1, 0.2), (0.0, 0.5)
    figure = charts.heat_map(summary(results), decays, dropouts, dataset.scale)
    known = figure.frame.dropna(subset="loss")
    assert figure.arguments[2:] == (known["loss"].min(), known["loss"].max())
    assert set(figure.frame["ink"]) == {"#FFFFFF", "#10131A"}
    assert known["text"].nunique() == len(known) == 5
    (best_cell,) = figure.frame[figure.frame["best"]][["weight_decay", "dropout"]].to_numpy()
    least = best(results)
    assert list(best_cell) == [f"{least.weight_decay:g}", f"{least.dropout:g}"], "as the read-out"


def test_a_map_of_equal_losses_does_not_make_much_of_noise() -> None:
    low, high = charts.colour_range([0.8, 0.8001])
    assert (high - low) / high > 0.019
    assert charts.colour_range([]) == (0.0, 1.0)


def history(*losses: float) -> tuple[EpochRecord, ...]:
    return tuple(EpochRecord(i, 1.0, loss, 0.1) for i, loss in enumerate(losses, start=1))


@pytest.mark.parametrize(
    ("state", "patience", "kept"),
    [
        ("stopped_early", 1, 1),
        ("stopped_early", 2, 1),
        ("stopped_early", 3, None),  # it might have gone on to a better one
        ("finished", 3, 1),
        ("running", 3, 1),
        ("diverged", 3, 1),
    ],
)
def test_a_patience_is_told_what_it_keeps_where_that_is_known(
    state: str, patience: int, kept: int | None
) -> None:
    progress = SimpleNamespace(history=history(0.9, 1.0, 1.1), state=state)
    told = train.told(SimpleNamespace(progress=progress), patience)  # type: ignore[arg-type]
    assert (told and told.best_epoch) == kept


@pytest.mark.parametrize("decay", [0.0, 1.0])
def test_what_it_learned_says_the_counts_of_its_tables(open_screen: Open, decay: float) -> None:
    dataset = bundled()
    screen = open_screen("recommender", view="learned")
    settings = Settings(epochs=1, batch_size=4096)
    trainer = Trainer(dataset.train, dataset.valid, settings)
    progress = trainer.run_for(float("inf"), Knobs(decay))
    past = training.PastRun(1, settings, Knobs(decay), progress, trainer.best())
    screen.session_state["_past"] = [past]
    screen.run()
    assert_well(screen)
    captions = [text.value for text in screen.caption]
    for number, name in enumerate(("bias", "mean rating")):
        counts = screen.dataframe[number].value["Ratings"]
        said = f"{min(counts):,}–{max(counts):,}"
        assert any(name in text and text.endswith(f": {said}") for text in captions), captions


@pytest.mark.parametrize("model", ["ncf", "neumf", "attention", "dot"])
def test_what_it_learned_stands_for_every_model(open_screen: Open, model: str) -> None:
    dataset = on_scale(0.0, 100.0)
    screen = open_screen("recommender", view="learned")
    settings = Settings(epochs=1, n_factors=1, rating_range=dataset.rating_range, model=model)  # type: ignore[arg-type]
    trainer = Trainer(dataset.train, dataset.valid, settings)
    progress = trainer.run_for(float("inf"), Knobs(0.0))
    past = training.PastRun(1, settings, Knobs(0.0), progress, trainer.best())
    screen.session_state["_dataset"] = dataset
    screen.session_state["_past"] = [past]
    for what in ("liked", "similar", "map"):
        screen.session_state["what"] = what
        screen.run()
        assert_well(screen)
    look(screen, "films")


def test_a_quick_run_is_restored(open_screen: Open) -> None:
    """It had no patience, which the slider does not know."""
    dataset = bundled()
    screen = open_screen("recommender")
    settings, knobs = training.suited(training.QUICK, dataset), Knobs(0.2)
    trainer = Trainer(dataset.train, dataset.valid, settings)
    progress = trainer.run_for(float("inf"), knobs)
    entry = training.PastRun(1, settings, knobs, progress, trainer.best())
    screen.session_state["_past"] = [entry]
    screen.session_state["past_table"] = {"selection": {"rows": [0], "columns": []}}
    screen.run()
    screen.button(key="restore").click().run()
    assert_well(screen)
    assert screen.slider(key="patience").value == 30
    assert screen.slider(key="epochs").value == 5
    assert screen.session_state["_restored"] is entry.model


def test_other_ratings_take_what_was_about_the_last_ones_out_of_the_link(open_screen: Open) -> None:
    screen = open_screen("recommender", view="data", user="5", batch_size="1024", mine="1:5")
    for action in ("upload", "back"):
        if action == "upload":
            screen.file_uploader(key="upload").set_value(("own.csv", table(1, 5, 1), "text/csv"))
            screen.run()
        else:
            screen.button(key="bundled").click().run()
        assert_well(screen)
        assert not {"user", "batch_size", "mine"} & set(screen.query_params)
        ours = screen.session_state["_dataset"]
        assert (ours is None) == (action == "back")
        assert screen.selectbox(key="user").value == ("0" if ours else "73")
        own_size = training.batch_size(len((ours or bundled()).train))
        assert screen.selectbox(key="batch_size").value == own_size
        screen.selectbox(key="user").set_value("5")
        screen.selectbox(key="batch_size").set_value("1024")
        for key, value in (("user", "5"), ("batch_size", "1024")):
            screen.query_params[key] = value  # as the browser does
        screen.run()
        assert_well(screen)
        assert {"user", "batch_size"} < set(screen.query_params)


def test_the_link_of_a_sweep_is_answered_in_sentences(open_screen: Open) -> None:
    bad = {"sweep_decays": "nan", "sweep_dropouts": "2", "sweep_seeds": "2.5"}
    screen = open_screen("recommender", view="sweep", **bad)
    (warning,) = screen.warning
    assert "`sweep_seeds` must be a whole number from 1 to 5; the lab uses 1" in warning.value
    assert "`sweep_decays` must be some of 0, 0.05, 0.1, 0.2, 0.5, 1;" in warning.value
    assert "`sweep_dropouts` must be some of 0, 0.1, 0.3, 0.5, 0.7;" in warning.value
    assert not set(bad) & set(screen.query_params)


def test_a_good_link_of_a_sweep_is_followed(open_screen: Open) -> None:
    screen = open_screen("recommender", view="sweep", sweep_decays=["0", "0.2"], sweep_seeds="3")
    assert not screen.warning
    assert screen.multiselect(key="sweep_decays").value == [0.0, 0.2]
    assert screen.number_input(key="sweep_seeds").value == 3


def test_what_a_sweep_is_set_to_comes_back_into_the_link(open_screen: Open) -> None:
    screen = open_screen("recommender", view="sweep")
    screen.multiselect(key="sweep_decays").set_value([0.0, 0.2])
    screen.number_input(key="sweep_seeds").set_value(3)
    screen.session_state["sweep_patience"] = "5"
    screen.run()
    screen.switch_page(str(ROOT / "pages" / "overfitting.py")).run()
    assert not {"sweep_decays", "sweep_seeds", "sweep_patience"} & set(screen.query_params)
    screen.switch_page(str(ROOT / "pages" / "recommender.py")).run()
    assert_well(screen)
    assert screen.query_params["sweep_decays"] == ["0", "0.2"]
    assert screen.query_params["sweep_seeds"] in ("3", ["3"])
    assert screen.query_params["sweep_patience"] in ("5", ["5"])
    assert "sweep_dropouts" not in screen.query_params, "a default is left out"


def test_no_own_ratings_are_called_none(open_screen: Open) -> None:
    (warning,) = open_screen("recommender", mine="1:99").warning
    assert "the lab uses none" in warning.value


def test_the_axis_of_losses_has_plain_numbers() -> None:
    """With type g, Vega cuts the digits to those that tell the ticks apart: 2e+2 for 200."""
    figure = charts.figure([], None, 3, on_scale(0.0, 100.0).scale)
    layers = figure.specification(presenting=False)["layer"]
    axes = [layer.get("encoding", {}).get("y", {}).get("axis") for layer in layers]
    assert {axis["format"] for axis in axes if axis} == {",~r"}


def test_the_description_says_which_training_loss_it_has() -> None:
    dataset = bundled()
    progress = Trainer(dataset.train, dataset.valid, Settings(epochs=1, batch_size=4096)).run_epoch(
        Knobs()
    )
    said = charts.description(progress, dataset.scale)
    loss = dataset.scale.loss(progress.history[-1].train_loss)
    assert f"The mean training loss of epoch 1 is {loss}, the validation loss at its end" in said


def test_a_histogram_of_decimals_has_bins_on_a_linear_axis() -> None:
    rating = np.random.default_rng(0).normal(3, 0.4, 600).astype(np.float32)
    bars = histogram(rating)
    figure = charts.histogram(bars)
    x = figure.specification(presenting=False)["encoding"]["x"]
    assert (x["type"], x["bin"]) == ("quantitative", "binned")
    assert x["scale"]["domain"] == [bars[0].low, bars[-1].high]
    assert x["axis"]["format"] == ",~r", "of type g, 10 is 1e+1 where the digits are few"
    assert figure.frame["count"].sum() == 600
    assert (figure.frame["high"][:-1].to_numpy() == figure.frame["low"][1:].to_numpy()).all()
    few = charts.histogram(histogram(np.float32([1, 2, 2, 5])))
    assert few.specification(presenting=False)["encoding"]["x"]["type"] == "ordinal"
    assert few.frame["count"].tolist() == [1, 2, 1]


@pytest.mark.parametrize("ends", [(-10, 10, 0.03125), (0, 5, 0.001)])
def test_stars_stand_for_the_ends_of_the_scale(
    open_screen: Open, ends: tuple[float, float, float]
) -> None:
    screen = with_ratings(open_screen, ends)
    with_a_past_run(screen)
    look(screen, "films")
    scale = screen.session_state["_dataset"].scale
    assert not [box for box in screen.number_input if box.key.startswith("stars_")]
    assert f"the lowest rating, {scale.low:.3g}" in words(screen)


@pytest.mark.parametrize("ends", SCALES)
@pytest.mark.parametrize("star", range(5))
def test_a_star_gives_a_rating_of_the_scale(
    ends: tuple[float, float], star: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = on_scale(*ends)
    page = SimpleNamespace(
        session_state={"widget": star if dataset.scale.by_stars else dataset.scale.five[star]}
    )
    monkeypatch.setattr(films, "st", page)
    monkeypatch.setattr(films.Mine, "value", lambda _self: "")
    monkeypatch.setattr(films.Mine, "write", lambda _self: None)
    mine = films.mine_control(dataset)
    mine.rate(0, dataset, "widget")
    name, rating = page.session_state["mine"].split(":")
    assert name == dataset.everything.movie_ids[0]
    assert float(rating) == pytest.approx(dataset.scale.five[star])
    assert mine.parse(page.session_state["mine"]) == page.session_state["mine"]


def test_ratings_without_genres_have_no_column_of_them(open_screen: Open) -> None:
    screen = with_ratings(open_screen, (1, 5, 1))
    with_a_past_run(screen)
    look(screen, "films")
    assert "Genres" not in screen.dataframe[0].value
