"""A person's own films: read from the files of four sites, found in other ways of writing."""

from __future__ import annotations

import csv
import io
import unicodedata

import numpy as np
import pytest

from sim.recommender.exports import Rated, read_export
from sim.recommender.own_films import match, match_movielens, movielens_years
from sim.recommender.ratings import movielens

LETTERBOXD = """Date,Name,Year,Letterboxd URI,Rating
2024-01-01,The Matrix,1999,https://boxd.it/a,4.5
2024-01-02,Star Wars,1977,https://boxd.it/b,0.5
2024-01-02,Watched Only,2022,https://boxd.it/c,
2023-01-03,The Matrix,1999,https://boxd.it/a,3
2024-01-02,The Empire Strikes Back,1980,https://boxd.it/d,2
2024-01-02,No Such Film At All,1980,https://boxd.it/e,2
"""
IMDB = """Const,Your Rating,Date Rated,Title,Original Title,URL,Title Type,IMDb Rating,Year
tt0047478,10,2024-01-01,Seven Samurai,Shichinin no samurai,https://x,Movie,8.6,1954
tt0211915,4,2024-01-01,Le Fabuleux Destin d'Amélie Poulain,,https://x,Movie,8.3,2001
"""
DOUBAN = """标题,个人评分,打分日期,简介,条目链接
肖申克的救赎 / The Shawshank Redemption,5,2020/1/1,1994-09-10(多伦多电影节) / 美国,https://x
盗梦空间 Inception,力荐,2020/1/2,2010-09-01(中国大陆),https://x
霸王别姬,★★★★,2020/1/2,1993-01-01,https://x
"""
DOUBAN_ALL = """电影/电视剧/番组,个人评分,打分日期,我的短评,上映日期,制片国家,条目链接
肖申克的救赎 / The Shawshank Redemption,5,2020/01/02,好看，推荐,1994/09/10,美国,https://x
"""
SITE = "movie_id,imdb_id,tmdb_id,rating,average_rating,title\n1,tt1,2,4.5,3.9,Toy Story (1995)\n"


def found(text: str) -> dict[str, float]:
    export = read_export(text)
    assert export
    matched = match_movielens(export.rated)
    assert len(export.rated) == len(matched.found) + matched.duplicates + len(matched.missing)
    return {movielens().titles[movie]: one.rating for movie, one in matched.found.items()}


def test_the_files_of_the_sites() -> None:
    assert found(LETTERBOXD) == {
        "Matrix, The": 4.5,  # the later one of two
        "Star Wars: Episode IV - A New Hope": 0.5,
        "Star Wars: Episode V - The Empire Strikes Back": 2.0,
    }
    assert found(IMDB) == {
        "Seven Samurai (Shichinin no samurai)": 5.0,
        "Amelie (Fabuleux destin d'Amélie Poulain, Le)": 2.0,
    }
    assert found(DOUBAN) == {"Shawshank Redemption, The": 5.0, "Inception": 5.0}
    assert found(SITE) == {"Toy Story": 4.5}
    assert found(DOUBAN_ALL) == {"Shawshank Redemption, The": 5.0}


def test_what_was_taken_is_said() -> None:
    imdb, douban = read_export(IMDB), read_export(DOUBAN_ALL)
    assert imdb
    assert douban
    assert imdb.columns == {"title": 3, "rating": 1, "date": 2, "year": 8}
    assert douban.columns == {"title": 0, "rating": 1, "date": 2, "year": 4}


def test_chosen_columns_are_taken_whatever_they_are_called() -> None:
    other = read_export(IMDB, {"title": 4, "rating": 7})
    assert other
    assert [(one.name, one.rating) for one in other.rated] == [("Shichinin no samurai (1954)", 4.5)]
    assert (other.top, other.unrated) == (10.0, 1), "the other row has no such title"
    bare = read_export("3,Heat (1995)\n5,1984\n", {"title": 1, "rating": 0}, header=False)
    assert bare
    assert [(one.name, one.rating, one.row) for one in bare.rated] == [
        ("Heat (1995)", 3.0, 1),
        ("1984", 5.0, 2),
    ]


def test_every_line_is_counted() -> None:
    export = read_export(LETTERBOXD)
    assert export
    assert (len(export.rated), export.unrated, export.top) == (5, 1, 5.0)
    matched = match_movielens(export.rated)
    assert matched.duplicates == 1
    assert [one.name for one in matched.missing] == ["No Such Film At All (1980)"]
    assert matched.missing[0].row == 7


@pytest.mark.parametrize(
    "text",
    [
        "user,title,rating\n1,Heat,5\n",
        "userId,movieId,rating\n1,1,5\n",
        "movie,rating\n17,5\n",  # ids
        "title,year\nHeat,1995\n",
        "1,2,3\n",
        "",
        '"',
    ],
)
def test_other_tables_are_none(text: str) -> None:
    assert read_export(text) is None


def spellings(title: str, rng: np.random.Generator) -> str:
    """The title as another site might write it."""
    if title.endswith(", The") and rng.random() < 0.8:
        title = "The " + title.removesuffix(", The")
    if rng.random() < 0.3:
        title = title.upper()
    if rng.random() < 0.5:
        marks = unicodedata.normalize("NFD", title)
        title = "".join(c for c in marks if not unicodedata.combining(c))
    if rng.random() < 0.3:
        title = title.replace(":", " -").replace("'", "’")
    if rng.random() < 0.3:
        title = title.replace(" & ", " and ").replace("-", " ")
    return f"  {title} " if rng.random() < 0.2 else title


@pytest.mark.parametrize("seed", range(3))
def test_movielens_own_titles_are_found_however_they_are_written(seed: int) -> None:
    """An oracle: the file is made of MovieLens' films, so it is known which each one is."""
    rng, films, years = np.random.default_rng(seed), movielens(), movielens_years()
    known = [movie for movie in range(films.n_movies) if years[movie] is not None]
    chosen = rng.choice(known, 1000, replace=False)
    given = {int(movie): rng.integers(1, 11) / 2 for movie in chosen}
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(["Date", "Name", "Year", "Letterboxd URI", "Rating"])
    for movie, rating in given.items():
        name = spellings(films.titles[movie], rng)
        table.writerow(["2024-01-01", name, years[movie], "https://x", rating])
    export = read_export(out.getvalue())
    assert export
    matched = match_movielens(export.rated)
    ratings = {movie: one.rating for movie, one in matched.found.items()}
    assert ratings.items() <= given.items(), "no false one"
    assert len(matched.found) > 995
    assert len(matched.found) + len(matched.missing) == 1000


def test_films_that_are_not_there_are_not_found() -> None:
    """Each is taken out of the list and looked for in what is left."""
    films, years = movielens(), movielens_years()
    rng = np.random.default_rng(0)
    out = set(rng.choice(films.n_movies, 3000, replace=False).tolist())
    kept = [movie for movie in range(films.n_movies) if movie not in out]
    rated = [Rated((films.titles[movie],), years[movie], 3.0, 1) for movie in sorted(out)]
    matched = match(rated, [films.titles[m] for m in kept], [years[m] for m in kept])
    # those few are of the same name, and a year apart at most: remakes
    assert len(matched.found) <= 10


def test_what_could_be_two_is_none() -> None:
    titles, years = ["Hamlet", "Hamlet", "Heat", "Heat"], [2000, 2000, 1995, 1996]

    def looked_for(title: str, year: int | None) -> list[int]:
        return list(match([Rated((title,), year, 3.0, 1)], titles, years).found)

    assert looked_for("Hamlet", 2000) == []
    assert looked_for("Heat", None) == []
    assert looked_for("Heat", 1995) == [2]
    assert looked_for("Heat", 1997) == [3]
    assert looked_for("Heat", 1998) == []


def test_a_scale_of_ten_is_halved_and_nothing_is_below_a_half() -> None:
    text = "Title,Year,Rating\n" + "".join(f"Heat,1995,{rating}\n" for rating in range(1, 11))
    export = read_export(text)
    assert export
    assert export.top == 10
    assert [one.rating for one in export.rated] == [k / 2 for k in range(1, 11)]
