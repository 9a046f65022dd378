"""What axes and numbers go by, on scales of every kind; and how many weights a model has."""

import dataclasses
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.recommender import Ratings, Settings, Trainer, movielens, split
from sim.recommender.fold_in import fold_in, predict_new
from sim.recommender.ratings import distinct, rating_range
from sim.recommender.scale import Scale, histogram, scale_of, shown
from sim.recommender.size import n_weights

SCALES = [(1, 5, 1), (0.5, 5, 0.5), (0, 100, 1), (5, 50, 5), (-10, 10, 0.5), (0, 1, 1), (0, 1e6, 7)]


def ratings(low: float, high: float, step: float, seed: int = 0, n: int = 900) -> Ratings:
    rng = np.random.default_rng(seed)
    levels = np.arange(round((high - low) / step) + 1)
    found = (low + step * rng.choice(levels, n)).astype(np.float32)
    found[:2] = low, low + step * levels[-1]
    names = tuple(map(str, range(30)))
    user, movie = rng.integers(0, 30, (2, n))
    return Ratings(user, movie, found, names, ((),) * 30, names, names)


def scale(low: float, high: float, step: float, seed: int = 0) -> Scale:
    everything = ratings(low, high, step, seed)
    return scale_of(*split(everything), rating_range(everything))


@pytest.mark.parametrize("form", SCALES)
def test_an_untrained_and_a_trained_model_lie_within_the_axis(
    form: tuple[float, float, float],
) -> None:
    everything = ratings(*form)
    parts, ends = split(everything), rating_range(everything)
    found = scale_of(*parts, ends)
    settings = Settings(rating_range=ends, epochs=3, batch_size=64, n_factors=5)
    points = Trainer(*parts, settings).run_for(float("inf"), _knobs()).points
    most = max(max(point.train_loss, point.valid_loss) for point in points)
    assert most <= found.top(most)
    assert points[0].valid_loss <= found.top()
    floor = max(found.start_loss, found.mean_loss)
    assert floor <= found.top() <= 1.2 * floor
    assert (found.low, found.high, found.step) == (
        form[0],
        pytest.approx(form[1], rel=1e-5),
        form[2],
    )


def _knobs() -> object:
    from sim.recommender import Knobs

    return Knobs(0.1)


def test_on_the_bundled_ratings() -> None:
    parts = split(movielens())
    found = scale_of(*parts, (0.0, 5.5))
    assert found.mean_loss == pytest.approx(
        np.mean((parts[1].rating - parts[0].rating.mean(dtype=float)) ** 2), rel=1e-6
    )
    assert found.stars
    assert found.top() == 1.8
    assert (found.loss(0.81234), found.loss(0.81234, 5), found.rating(3.517)) == (
        "0.812",
        "0.8123",
        "3.52",
    )


@given(st.floats(1e-6, 1e12), st.floats(1e-6, 1e12))
def test_the_axis_has_room_for_every_loss_and_doubles_for_it(start: float, most: float) -> None:
    found = Scale(0, 5, 1, start / 2, start)
    top = found.top(most)
    assert top >= max(most, start)
    assert top == found.top() * 2 ** round(np.log2(top / found.top()))
    assert top == found.top() or top / 2 < most, "no more room than it takes"


def test_a_loss_without_bound_does_not_stop_the_figure() -> None:
    assert Scale(0, 5, 1, 1.0, 1.7).top(float("inf")) == 1.8


@pytest.mark.parametrize("form", SCALES)
def test_losses_are_told_apart_on_every_scale(form: tuple[float, float, float]) -> None:
    found = scale(*form)
    texts = {found.loss(found.mean_loss * share) for share in (1.0, 0.99, 0.9, 0.5)}
    assert len(texts) == 4
    assert max(map(len, texts)) <= 9
    assert found.loss(found.mean_loss * 0.8) == found.loss(found.rounded(found.mean_loss * 0.8)), (
        "a table says the same"
    )


@pytest.mark.parametrize("form", SCALES)
def test_stars_are_for_one_to_five_alone(form: tuple[float, float, float]) -> None:
    assert scale(*form).stars == (form[1] == 5)


def test_five_stars_reach_over_any_scale() -> None:
    assert scale(1, 5, 1).five == scale(0.5, 5, 0.5).five == (1, 2, 3, 4, 5)
    jester = Scale(-9.40625, 9.5625, 0.03125, 1.0, 1.0)
    assert [round(rating, 2) for rating in jester.five] == [-9.41, -4.66, 0.08, 4.82, 9.56]
    assert jester.by_stars
    assert not jester.stars
    for form in SCALES:
        found = scale(*form)
        stars = [found.stars_of(rating) for rating in found.five]
        assert stars == [1, 2, 3, 4, 5]
        assert found.low <= found.five[0] < found.five[4] == found.high
    assert [scale(*form).by_stars for form in SCALES] == [
        *(True, True, False, False), True, False, True
    ]  # fmt: skip
    assert Scale(1, 5, 1, 1.0, 1.0).stars_of(0.5) == 1


def test_one_star_lowers_and_five_stars_raise_what_is_predicted() -> None:
    """Below zero too, where the number 1 is above the mean."""
    everything = ratings(-10, 10, 0.03125)
    parts, ends = split(everything), rating_range(everything)
    run = Trainer(*parts, Settings(rating_range=ends, epochs=5, n_factors=5))
    run.run_for(float("inf"), _knobs())
    model = run.current()
    five = scale_of(*parts, ends).five
    means = [
        float(predict_new(model, fold_in(model, [3], [rating]), np.arange(30)).mean())
        for rating in five
    ]
    nobody = float(predict_new(model, fold_in(model, [], []), np.arange(30)).mean())
    assert means == sorted(means)
    assert means[0] < nobody < means[4]


@pytest.mark.parametrize("low", [1.0, 100.0, -3.0])
def test_the_closest_ratings_have_a_scale(low: float) -> None:
    found = np.float32([low, np.nextafter(np.float32(low), np.float32(1e9))] * 40)
    index = np.arange(80) % 8
    names = tuple(map(str, range(8)))
    everything = Ratings(index, index, found, names, ((),) * 8, names, names)
    ends = rating_range(everything)
    near = scale_of(*split(everything), ends)
    assert near.low < near.high
    assert sum(bar.count for bar in histogram(everything.rating)) == 80
    assert near.rating(low)
    assert near.loss(near.mean_loss)


@given(st.lists(st.integers(-500, 500), min_size=1, max_size=300), st.sampled_from([1, 0.1, 0.25]))
def test_a_histogram_counts_every_rating_once(numbers: list[int], unit: float) -> None:
    rating = (np.array(numbers) * unit).astype(np.float32)  # as a file's numbers are read
    bars = histogram(rating)
    assert sum(bar.count for bar in bars) == len(numbers)
    assert len(bars) <= 22
    written = np.round(np.array(numbers) * unit, 6)
    for bar in bars:
        inside = (written >= bar.low) & (written < bar.high)
        assert bar.count == (inside.sum() if bar.low < bar.high else (written == bar.low).sum())
        assert len(bar.label) <= 13, "round ends, without float32's noise"


def test_numbers_are_shown_as_they_were_written() -> None:
    assert list(shown(np.array([3.7, 0.1, 3.7, 99.9], np.float32))) == [0.1, 3.7, 99.9]


@pytest.mark.parametrize("model", ["dot", "ncf", "neumf", "attention"])
@pytest.mark.parametrize("k", [1, 5, 50])
def test_the_number_of_weights_is_that_of_the_finished_model(model: str, k: int) -> None:
    everything = ratings(1, 5, 1)
    settings = Settings(model=model, n_factors=k)  # type: ignore[arg-type]
    finished = Trainer(*split(everything), settings).current()
    assert n_weights(settings, 30, 30) == _count(finished)


def _count(model: object) -> int:
    """The entries of all float arrays, those of its parts and layers included."""
    if isinstance(model, np.ndarray):
        return model.size
    if isinstance(model, tuple):
        return sum(map(_count, model)) if model and isinstance(model[0], np.ndarray) else 0
    if dataclasses.is_dataclass(model):
        names = [f.name for f in dataclasses.fields(model) if f.name not in ("history", "liking")]
        return sum(_count(getattr(model, name)) for name in names)
    return 0


def test_numbers_that_were_looked_through_are_let_go() -> None:
    """NumPy 2.4.0 keeps a copy of all floats whose different ones were asked for."""
    values = np.random.default_rng(0).integers(1, 6, 100_000).astype(np.float32)
    scale_of(held := ratings(1, 5, 1), held, (0.5, 5.5))  # what is imported once
    tracemalloc.start()
    try:
        for _round in range(5):
            assert distinct(values).tolist() == [1, 2, 3, 4, 5]
            assert shown(values).tolist() == [1, 2, 3, 4, 5]
        assert tracemalloc.get_traced_memory()[0] < values.nbytes
    finally:
        tracemalloc.stop()
