"""The recommender screen: its transport, its runs and what it says of the ratings.

The sentences of its scenes are tested in `test_recommender_scenes`.
"""

from __future__ import annotations

import dataclasses
import re
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from sim.recommender import Knobs, Progress, Settings, Trainer, movielens, split, stopping
from tests.pages.conftest import Open, assert_well, readout, wait, wait_for_status
from ui.charts import recommender as charts
from ui.text import plain
from ui.views.recommender import training
from ui.views.recommender.dataset import Dataset, bundled

LIVE = Settings(epochs=30, batch_size=128, learning_rate=1e-3)
"""What the screen trains with at its defaults; a test holds the two together."""


PAST_ONE = r"^Epoch (1\.[1-9]|[2-9]|\d\d)"
"""The first epoch has ended: 1.0 may be 0.96, rounded."""


@cache
def _run(
    weight_decay: float = 0.0,
    dropout: float = 0.0,
    patience: int = 30,
    n_factors: int = 50,
    epochs: int = 30,
) -> Progress:
    """The run of the screen with larger batches: the same curve in less time."""
    settings = dataclasses.replace(LIVE, batch_size=1024, n_factors=n_factors, epochs=epochs)
    return Trainer(*split(movielens()), settings).run_for(
        float("inf"), Knobs(weight_decay, dropout, patience)
    )


def test_the_settings_are_those_of_the_screen(open_screen: Open) -> None:
    screen = open_screen("recommender")
    screen.button(key="start").click().run()
    assert screen.session_state["_run"].settings == LIVE
    screen.button(key="reset_weights").click().run()


def _losses(progress: Progress) -> list[float]:
    return [record.valid_loss for record in progress.history]


def test_fewer_ratings_than_weights(open_screen: Open) -> None:
    train, _ = split(movielens())
    weights = 51 * (train.n_users + train.n_movies)
    assert len(train) < weights
    words = " ".join(text.value for text in open_screen("recommender").markdown)
    assert f"{weights:,} weights, learned from {len(train):,} ratings" in words


def test_a_run_starts_takes_changes_stops_and_recommends(open_screen: Open) -> None:
    screen = open_screen("recommender", patience="1")
    screen.button(key="start").click().run()
    wait_for_status(screen, PAST_ONE)
    screen.select_slider(key="weight_decay").set_value(0.05).run()
    wait_for_status(screen, "^Stopped .* are back$")
    run = screen.session_state["_run"]
    assert [(c.name, c.value) for c in run.progress.changes] == [("weight_decay", 0.05)]
    assert run.progress.changes[0].epoch > 0.9, "the run went on, it did not restart"
    screen.button(key="reset_weights").click().run()
    assert "Press Start" in screen.progress[0].text
    (table,) = screen.dataframe
    assert len(table.value) == 1


def test_reset_goes_back_to_the_same_weights(open_screen: Open) -> None:
    screen = open_screen("recommender", batch_size="1024", epochs="2")
    courses = []
    for number in range(2):
        screen.button(key="start").click().run()
        wait_for_status(screen, "^Finished")
        courses.append(_losses(screen.session_state["_run"].progress))
        screen.button(key="reset_weights").click().run()
        assert len(screen.session_state["_past"]) == number + 1
    assert courses[0] == courses[1]
    assert list(screen.dataframe[0].value["Best validation"]) == [round(min(courses[0]), 4)] * 2


def test_what_another_patience_would_have_kept(open_screen: Open) -> None:
    """Read off the curve that is there: no step is trained for it."""
    screen = open_screen("recommender", batch_size="1024", epochs="12", learning_rate="0.01")
    screen.button(key="start").click().run()
    wait_for_status(screen, "^Finished")
    progress = screen.session_state["_run"].progress
    for patience in (1, 2, 12):
        screen.slider(key="patience").set_value(patience).run()
        told = stopping(progress.history, patience)
        assert told is not None
        assert readout(screen, "patience_keeps") == pytest.approx(told.best_valid_loss, abs=6e-4)
        page = "".join(block.proto.body for block in screen.get("html"))
        assert f"Patience {patience}: epoch {told.best_epoch}<" in page
    assert screen.session_state["_run"].progress.step == progress.step


def test_a_past_run_is_restored_with_its_settings_and_its_model(open_screen: Open) -> None:
    screen = open_screen("recommender", batch_size="1024", epochs="1", weight_decay="0.2")
    screen.button(key="start").click().run()
    wait_for_status(screen, "^Finished")
    _settle(screen)
    screen.button(key="reset_weights").click().run()
    screen.select_slider(key="weight_decay").set_value(0.05).run()
    screen.slider(key="epochs").set_value(3).run()
    (entry,) = screen.session_state["_past"]
    screen.session_state["past_table"] = {"selection": {"rows": [0], "columns": []}}
    screen.run()
    screen.button(key="restore").click().run()
    assert_well(screen)
    assert screen.select_slider(key="weight_decay").value == 0.2
    assert screen.slider(key="epochs").value == 1
    assert screen.session_state["_restored"] is entry.model


def test_the_training_curve_grows_between_its_points() -> None:
    trainer = Trainer(*split(movielens()), LIVE)
    progress = trainer.run_epoch(Knobs())
    for _ in range(40):
        progress = dataclasses.replace(trainer.run_for(0.0, Knobs()), points=progress.points)
    frame = charts.figure(progress.points, progress, LIVE.epochs, bundled().scale).frame
    *points, tip = frame[["epoch", "train", "valid"]].dropna(how="all").to_numpy()
    assert len(points) == LIVE.points_per_epoch
    assert tuple(tip[:2]) == progress.tip
    assert np.isnan(tip[2]), "the validation loss has been measured at the points only"


def test_one_epoch(open_screen: Open) -> None:
    screen = open_screen("recommender", batch_size="1024")
    screen.button(key="start").click().run()
    wait_for_status(screen, r"^Epoch \d")
    screen.button(key="pause").click().run()
    wait_for_status(screen, "^Paused")
    screen.button(key="one_epoch").click().run()
    wait_for_status(screen, r"^Paused at epoch \d+\.0 ")
    screen.button(key="reset_weights").click().run()


def test_a_lost_run_goes_on_from_its_best_weights(open_screen: Open) -> None:
    screen = open_screen("recommender", batch_size="1024")
    screen.button(key="start").click().run()
    wait_for_status(screen, PAST_ONE)
    screen.button(key="pause").click().run()
    run = screen.session_state["_run"]
    wait(screen, lambda: run.model)
    run.lost, run.playing, run._remote = True, False, None
    screen.run()
    assert "lost" in screen.progress[0].text
    screen.button(key="go_on").click().run()
    wait_for_status(screen, PAST_ONE)
    again = screen.session_state["_run"]
    first = again.progress.history[0].valid_loss
    assert first < run.progress.history[0].valid_loss, "it began where the lost one was"
    screen.button(key="reset_weights").click().run()


def test_your_ten_films(open_screen: Open) -> None:
    screen = open_screen("recommender", scene="10")
    assert len(screen.session_state["mine"].split(",")) == 10
    screen.button(key="train_quickly").click().run()
    wait(screen, lambda: len(screen.dataframe) >= 2)
    _settle(screen)
    for_you, for_user = (frame.value for frame in screen.dataframe[:2])
    assert len(for_you) == len(for_user) == 10
    assert for_you["Predicted"].is_monotonic_decreasing
    rated = {"Pulp Fiction", "Fargo", "Usual Suspects, The", "Titanic"}
    assert not rated & set(for_you["Title"])
    crime = for_you["Genres"].str.contains("Crime|Film-Noir|Thriller").sum()
    assert crime >= 3, "somebody who likes crime stories"
    assert set(for_you["Nearest to"]) - {""}


def _settle(screen: AppTest) -> None:
    wait(screen, lambda: screen.session_state["_run"].settled)
    screen.run()


@pytest.mark.parametrize("text", ["296", "296:9", "x:1", "296:nan", ",", "1:1," * 80])
def test_hostile_ratings_in_the_link(open_screen: Open, text: str) -> None:
    screen = open_screen("recommender", view="films", mine=text)
    assert_well(screen)
    assert "`mine`" in screen.warning[0].value
    assert screen.session_state["mine"] == ""


@pytest.mark.parametrize("bad", ["2:9", "zz:1", "2", "2:nan"])
def test_good_ratings_in_the_link_stay_beside_bad_ones(open_screen: Open, bad: str) -> None:
    screen = open_screen("recommender", view="films", mine=f"1:5,{bad},3:0.5")
    assert_well(screen)
    assert f"the lab leaves out {plain(bad)}" in screen.warning[0].value
    assert screen.session_state["mine"] == "1:5,3:0.5"
    assert screen.query_params["mine"] in ("1:5,3:0.5", ["1:5,3:0.5"])


def test_other_ratings_say_that_they_ended_the_run(open_screen: Open) -> None:
    screen = open_screen("recommender", view="train")
    screen.button(key="start").click().run()
    screen.session_state["view"] = "data"
    screen.run()
    rows = [f"{u},{i},{(u * i) % 5 + 1}" for u in range(1, 9) for i in range(1, 9)]
    good = "\n".join(["user,item,rating", *rows]).encode()
    screen.file_uploader(key="upload").set_value(("mine.csv", good, "text/csv")).run()
    assert_well(screen)
    said = "The run with the ratings before was ended."
    assert [info.value for info in screen.info].count(said) == 1
    screen.button(key="bundled").click().run()
    assert said not in [info.value for info in screen.info], "there was none to end"


def test_the_link_of_a_film_rated_twice_says_what_is_wrong(open_screen: Open) -> None:
    screen = open_screen("recommender", view="films", mine="1:5,1:3")
    assert "each once" in screen.warning[0].value


def test_a_sweep_counts_its_trainings_and_the_map_its_cells(
    open_screen: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sim.recommender.grid import CellResult, cells
    from ui.views.recommender import sweep

    grid = cells([0.0, 0.1], [0.0, 0.3], [*sweep.PATIENCES, None], range(2))
    results = tuple(CellResult(cell, "finished", 0.8, 3, 9, 1.0) for cell in grid)
    running = SimpleNamespace(
        results=results, n_runs=8, progress=1.0, ended=True, poll=lambda: (), cancel=lambda: None
    )
    screen = open_screen("recommender", view="sweep")
    screen.session_state["_sweep"] = running
    screen.session_state["_cells"] = results
    screen.session_state["_axes"] = ([0.0, 0.1], [0.0, 0.3])
    screen.run()
    assert_well(screen)
    assert screen.progress[0].text == "8 of 8 trainings"
    assert any("4 of 4 so far" in text.value for text in screen.text)


def test_chinese_counts_films_as_films(open_screen: Open) -> None:
    screen = open_screen("recommender", lang="zh")
    assert "9,066 部电影" in screen.progress[0].text


def test_own_ratings_are_taken_in_and_a_bad_file_is_a_sentence(open_screen: Open) -> None:
    screen = open_screen("recommender", view="data")
    rows = [f"{u},{i},{(u * i) % 5 + 1},<b>Film {i}</b>" for u in range(1, 9) for i in range(1, 9)]
    good = "user,item,rating,title\n" + "\n".join(rows)
    bad = b"user,item,rating\n1,2,good\n"
    screen.file_uploader(key="upload").set_value(("bad.csv", bad, "text/csv")).run()
    assert "row 2" in screen.error[0].value
    assert "not a number" in screen.error[0].value
    screen.file_uploader(key="upload").set_value(("mine.csv", good.encode(), "text/csv")).run()
    assert_well(screen)
    assert readout(screen, "n_ratings") == 64
    assert readout(screen, "n_users") == 8
    screen.button(key="bundled").click().run()
    assert readout(screen, "n_ratings") == 100_004


def test_many_ratings_are_trained_in_larger_batches() -> None:
    """What an epoch costs grows with the ratings, not with their square."""
    assert [training.batch_size(n) for n in (500, 80_003, 1_000_000, 10_000_000, 10**9)] == [
        "128",
        "128",
        "4096",
        "16384",
        "65536",
    ]
    ratings = movielens()
    many = ratings.take(np.tile(np.arange(80_000), 13))
    small, large = (
        training.suited(training.QUICK, Dataset(ratings, part, ratings, (0.5, 5.5)))
        for part in (split(ratings)[0], many)
    )
    assert (small.batch_size, small.rating_range) == (1024, (0.5, 5.5))
    assert (large.batch_size, large.rating_range) == (1024 * 13, (0.5, 5.5))


def test_pause_and_resume(open_screen: Open) -> None:
    screen = open_screen("recommender")
    screen.button(key="start").click().run()
    wait_for_status(screen, r"^Epoch \d")
    screen.button(key="pause").click().run()
    wait_for_status(screen, "^Paused")
    run = screen.session_state["_run"]
    wait(screen, lambda: run.settled)
    here = run.progress.step
    for _ in range(5):
        assert screen.run().session_state["_run"].progress.step == here
    assert not run._remote.busy, "nothing is under way that could come later"
    screen.button(key="resume").click().run()
    wait_for_status(screen, "^Epoch")
    wait(screen, lambda: run.progress.step > here)
    screen.button(key="reset_weights").click().run()


def test_the_code_trains_as_the_screen_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The plain PyTorch loop reaches the trainer's validation losses within 0.02."""
    from ui.code.recommender import source

    monkeypatch.chdir(tmp_path)  # it saves its best weights
    settings = dataclasses.replace(LIVE, batch_size=1024, epochs=3)
    exec(source(settings, Knobs(0.2, 0.3, 30)), {})
    printed = [float(loss) for loss in re.findall(r"loss (\S+)", capsys.readouterr().out)]
    ours = _losses(_run(0.2, 0.3))[:3]
    assert printed == pytest.approx(ours, abs=0.02)


def test_a_sweep_brings_a_dead_cluster_back(monkeypatch: pytest.MonkeyPatch) -> None:
    from ui.views.recommender import sweep

    cluster = SimpleNamespace(state="failed", restarts=0)

    def restart() -> None:
        cluster.restarts, cluster.state = cluster.restarts + 1, "starting"

    cluster.restart = restart
    monkeypatch.setattr(sweep.live, "compute", lambda: cluster)
    assert not sweep._waiting(), "its button can be pressed"
    sweep.begin([0.1], [0.0], 1)
    assert cluster.restarts == 1
    assert sweep._waiting(), "and the view looks again until it is ready"


def test_the_sweep_says_when_its_best_is_at_an_end_of_the_grid() -> None:
    from sim.recommender.grid import Cell, CellResult
    from ui.views.recommender import sweep

    def result(decay: float, dropout: float, loss: float) -> CellResult:
        return CellResult(Cell(decay, dropout, None, 0), "finished", loss, 3, 9, 1.0)

    inside = [result(0.1, 0.3, 0.76), result(0.5, 0.3, 0.8)]
    assert sweep._ends(inside, [0.0, 0.1, 0.5], [0.0, 0.3, 0.5]) == ""
    beyond = [*inside, result(0.5, 0.5, 0.7)]
    said = sweep._ends(beyond, [0.0, 0.1, 0.5], [0.0, 0.3, 0.5])
    assert "λ = 0.5 is the last one tried" in said
    assert "p = 0.5 is the last one tried" in said
    assert sweep._ends([], [0.1], [0.3]) == ""
