"""What the recommender screen claims, on the real ratings, with the run that it would start."""

from __future__ import annotations

import dataclasses
import re
import time
from functools import cache
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from sim.recommender import Knobs, Progress, Settings, Trainer, movielens, split
from tests.pages.conftest import Open, assert_well


def _settings() -> Settings:
    """The screen's own settings, with larger batches: the same curve in less time."""
    source = (Path(__file__).parents[2] / "pages/recommender.py").read_text(encoding="utf-8")
    (line,) = re.findall(r"^SETTINGS = (.*)$", source, re.MULTILINE)
    return dataclasses.replace(eval(line, {"Settings": Settings}), batch_size=1024)


@cache
def _run(weight_decay: float = 0.0, dropout: float = 0.0, patience: int = 30) -> Progress:
    trainer = Trainer(*split(movielens()), _settings())
    return trainer.run_for(float("inf"), Knobs(weight_decay, dropout, patience))


def _scene(open_screen: Open, number: int) -> Progress:
    screen = open_screen("recommender", scene=str(number))
    (decay,) = screen.select_slider
    return _run(
        decay.value, screen.slider(key="dropout").value, screen.slider(key="patience").value
    )


def _losses(progress: Progress) -> list[float]:
    return [record.valid_loss for record in progress.history]


def test_it_memorises(open_screen: Open) -> None:
    progress = _scene(open_screen, 1)
    training = [record.train_loss for record in progress.history]
    assert training == sorted(training, reverse=True)
    assert training[-1] < 0.1
    assert 2 <= (progress.best_epoch or 0) <= 8
    assert _losses(progress)[-1] > min(_losses(progress)) + 0.25


def test_weight_decay_fits(open_screen: Open) -> None:
    progress = _scene(open_screen, 2)
    assert min(_losses(progress)) == pytest.approx(min(_losses(_run())), abs=0.01)
    assert _losses(progress)[-1] < min(_losses(progress)) + 0.02


def test_too_much_weight_decay(open_screen: Open) -> None:
    progress, fit = _scene(open_screen, 3), _run(0.2)
    assert min(_losses(progress)) > min(_losses(fit)) + 0.15
    assert progress.history[-1].train_loss > 0.9


def test_dropout_instead(open_screen: Open) -> None:
    with_dropout, without = _losses(_scene(open_screen, 4)), _losses(_run())
    assert with_dropout[-1] - min(with_dropout) < 0.25 * (without[-1] - min(without))


def test_stop_in_time(open_screen: Open) -> None:
    progress = _scene(open_screen, 5)
    assert progress.state == "stopped_early"
    assert len(progress.history) == (progress.best_epoch or 0) + 3


def test_fewer_ratings_than_weights() -> None:
    train, _ = split(movielens())
    assert len(train) < 50 * (train.n_users + train.n_movies)


def _wait(screen: AppTest, pattern: str, seconds: float = 60) -> None:
    """Rerun, as the ticks of the fragment would, until the status says `pattern`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        (bar,) = screen.progress
        if re.search(pattern, bar.text):
            return
        time.sleep(0.2)
        screen.run()
        assert_well(screen)
    raise AssertionError(f"still: {bar.text}")


def test_a_run_starts_takes_changes_stops_and_recommends(open_screen: Open) -> None:
    screen = open_screen("recommender", patience="1")
    screen.button(key="start").click().run()
    _wait(screen, r"^Epoch [1-9]")
    screen.select_slider(key="weight_decay").set_value(0.05).run()
    _wait(screen, "^Stopped .* are back$")
    run = screen.session_state["_run"]
    assert [(c.name, c.value) for c in run.progress.changes] == [("weight_decay", 0.05)]
    assert run.progress.changes[0].epoch > 0.9, "the run went on, it did not restart"
    for _ in range(20):
        screen.run()
        if len(screen.dataframe) == 2:
            break
        time.sleep(0.2)
    liked, recommended = (frame.value for frame in screen.dataframe[:2])
    assert len(liked) == len(recommended) == 10
    assert not set(recommended["Title"]) & set(liked["Title"])
    assert recommended["Predicted"].is_monotonic_decreasing
    assert recommended["Genres"].str.len().gt(0).all()
    screen.button(key="reset_weights").click().run()
    assert "Press Start" in screen.progress[0].text


def test_pause_and_resume(open_screen: Open) -> None:
    screen = open_screen("recommender")
    screen.button(key="start").click().run()
    _wait(screen, r"^Epoch \d")
    screen.button(key="pause").click().run()
    _wait(screen, "^Paused")
    for _ in range(3):
        time.sleep(0.3)
        screen.run()
    here = screen.session_state["_run"].progress.step
    time.sleep(0.5)
    assert screen.run().session_state["_run"].progress.step == here
    screen.button(key="resume").click().run()
    _wait(screen, "^Epoch")
    end = time.monotonic() + 20
    while screen.session_state["_run"].progress.step == here and time.monotonic() < end:
        time.sleep(0.2)
        screen.run()
    assert screen.session_state["_run"].progress.step > here
    screen.button(key="reset_weights").click().run()


def test_the_code_trains_as_the_screen_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The plain PyTorch loop reaches the trainer's validation losses within 0.02."""
    from ui.code.recommender import source

    monkeypatch.chdir(tmp_path)  # it saves its best weights
    settings = dataclasses.replace(_settings(), epochs=3)
    exec(source(settings, Knobs(0.2, 0.3, 30)), {})
    printed = [float(loss) for loss in re.findall(r"loss (\S+)", capsys.readouterr().out)]
    ours = _losses(_run(0.2, 0.3))[:3]
    assert printed == pytest.approx(ours, abs=0.02)
