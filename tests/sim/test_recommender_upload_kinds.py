"""Ratings as they come: every kind of table reads alike, and every row of it is accounted for.

The oracle is the list of ratings that a table was written from.
"""

import csv
import io
import random
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.recommender.ratings import Ratings, read_ratings
from sim.recommender.upload import Choices, Upload, UploadError, look, read_upload

CASES = Path(__file__).parents[3] / "shared" / "cases"
Row = tuple[str, str, str]


def made(
    users: int = 12, items: int = 9, seed: int = 0, grid: Sequence[str] = "12345"
) -> list[Row]:
    """Ratings by some users of most items, in the order of both."""
    draw = random.Random(seed)
    return [
        (str(user), str(item), draw.choice(grid))
        for user in range(1, users + 1)
        for item in range(1, items + 1)
        if draw.random() < 0.8
    ]


ROWS = made()


def back(ratings: Ratings) -> list[tuple[str, str, float]]:
    return [
        (ratings.user_ids[u], ratings.movie_ids[m], float(r))
        for u, m, r in zip(ratings.user, ratings.movie, ratings.rating, strict=True)
    ]


def numbers(rows: Sequence[Row]) -> list[tuple[str, str, float]]:
    return [(user, item, float(np.float32(rating))) for user, item, rating in rows]


def read(text: str | bytes, name: str = "my.csv", choices: Choices = Choices()) -> Upload:  # noqa: B008
    raw = text.encode() if isinstance(text, str) else text
    upload = read_upload(raw, name, choices=choices)
    left = sum(one.count for one in upload.left_out)
    assert len(upload.ratings) + upload.duplicates + left == upload.lines
    return upload


def table(rows: Sequence[Row], line: str = "{0},{1},{2}\n", header: str = "") -> str:
    return header + "".join(line.format(*row, i=i) for i, row in enumerate(rows))


def zipped(files: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


KINDS = {
    "ciao": table(ROWS, "{0},{1},{1},{i},{2},2001-03-01\n"),
    "ciao with genres": table(ROWS, "{0},{1},7,{i},{2},2001-03-01\n"),
    "a feature of the item": "".join(
        f"{u},{i},{1 + int(i) % 5},{n},{r},x\n" for n, (u, i, r) in enumerate(ROWS)
    ),
    "time before the rating": table(ROWS, "{0},{1},978300760,{2}\n"),
    "blanks": table(ROWS, "{0} {1} {2}\n"),
    "many blanks": table(ROWS, "  {0}   {1}\t{2}  978300760\n"),
    "blanks and a header": table(ROWS, "{0} {1} {2}\n", "user item rating\n"),
    "R": table(ROWS, '"{i}" "{0}" {1} {2}\n', '"user" "item" "rating"\n'),
    "RecBole": table(
        ROWS, "{0}\t{1}\t{2}\t{i}\n", "user_id:token\titem_id:token\trating:float\tt:float\n"
    ),
    "quoted": table(ROWS, '"{0}","{1}","{2}"\n'),
    "quoted with blanks": table(ROWS, '"{0}", "{1}", "{2}"\n', '"user", "item", "rating"\n'),
    "Excel": "\ufeffsep=;\r\n" + table(ROWS, "{0};{1};{2}\r\n", "User;Film;Rating\r\n"),
    "Excel, quoted": '"sep=,"\n' + table(ROWS, header="User,Film,Rating\n"),
    "bars": table(ROWS, "{0}|{1}|{2}\n"),
    "bars and a header": table(ROWS, "{0}|{1}|{2}\n", "user|item|rating\n"),
    "a comment": "# made today\n#\n" + table(ROWS, header="user,item,rating\n"),
    "a comment for a header": table(ROWS, header="# user,item,rating\n"),
    "Konect": "% bip weighted\n% 90 12 9\n" + table(ROWS, "{0} {1} {2} 978300760\n"),
    "Amazon": table(ROWS, "x,{1},{2},{0}\n", "reviewText,asin,overall,reviewerID\n"),
    "Amazon, nested": table(
        ROWS, "{1},{0},{2}\n", "product/productId,review/userId,review/score\n"
    ),
    "recipes": table(ROWS, "{0},{1},2001-01-01,{2},x\n", "user_id,recipe_id,date,rating,review\n"),
    "restaurants": table(
        ROWS, "{0},{1},{2},9,9\n", "userID,placeID,rating,food_rating,service_rating\n"
    ),
    "beers": table(ROWS, "{2},{0},{1}\n", "review_overall,review_profilename,beer_beerid\n"),
    "an index": table(ROWS, "{i},{0},{1},{2}\n", ",user,item,rating\n"),
    "old Mac": table(ROWS, header="user,item,rating\n").replace("\n", "\r"),
    "no last line break": table(ROWS, header="user,item,rating\n").rstrip("\n"),
    "empty rows": table(ROWS, "{0},{1},{2}\n\n   \n", "\n\nuser,item,rating\n"),
    "reviews over two lines": table(
        ROWS,
        '{0},{1},2003-02-17,{2},"Great, with ""salt""\nand more, too"\n',
        "user_id,recipe_id,date,rating,review\n",
    ),
    "longer rows": table(ROWS, header="user,item,rating\n").replace(",5\n", ",5,x,y\n"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_reads_alike(kind: str) -> None:
    upload = read(KINDS[kind])
    assert back(upload.ratings) == numbers(ROWS)
    assert (upload.lines, upload.left_out, upload.duplicates) == (len(ROWS), (), 0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_look_shows_the_columns_that_are_taken(kind: str) -> None:
    seen = look(KINDS[kind].encode(), "my.csv")
    assert seen == read(KINDS[kind]).look
    for row, rating in zip(seen.sample, ROWS, strict=False):
        assert tuple(row[seen.columns[role]] for role in ("user", "item", "rating")) == rating
        assert len(row) == len(seen.names)
    assert seen.names == tuple(map(str, range(1, len(seen.names) + 1))) or seen.header


def test_ids_are_texts() -> None:
    rows = [
        (f"{u:02d}" if u % 2 else f"{u // 2 + 1}", f"{i:0{3 + i % 2}d}", str(1 + (u + i) % 5))
        for u in range(8)
        for i in range(8)
    ]
    assert back(read(table(rows)).ratings) == numbers(rows)
    collide = [(user, zeros + item, r) for user, item, r in ROWS for zeros in ("", "0")]
    upload = read(table(collide, header="user,item,rating\n"))
    assert len(upload.ratings) == 2 * len(ROWS)
    assert upload.ratings.n_movies == 18


def test_ids_are_in_the_order_of_numbers_where_they_are_plain_ones() -> None:
    assert read(table(made(12, 11))).ratings.user_ids == tuple(str(n) for n in range(1, 13))
    rows = [(user.zfill(2), item, rating) for user, item, rating in made(12, 11)]
    ratings = read(table(rows)).ratings
    assert ratings.user_ids == tuple(f"{n:02d}" for n in range(1, 13))
    assert ratings.movie_ids == tuple(map(str, range(1, 12)))


@pytest.mark.parametrize("folder", [False, True])
def test_titles_are_found_by_ids_with_leading_zeros(tmp_path: Path, folder: bool) -> None:
    rows = [(user, item.zfill(7), rating) for user, item, rating in ROWS]
    files = {
        "ratings.dat": table(rows, "{0}::{1}::{2}::1360000000\n"),
        "movies.dat": "".join(f"{i:07d}::Film {i} (1980)::Drama|Crime\n" for i in range(1, 10)),
    }
    if folder:
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        ratings = read_ratings(tmp_path)
    else:
        ratings = read(zipped({f"latest/{name}": text for name, text in files.items()})).ratings
    assert back(ratings) == numbers(rows)
    assert ratings.titles == tuple(f"Film {i} (1980)" for i in range(1, 10))


STRAY = ['"Best" of', '"Half', 'of a "quotation"', "plain, with a comma", '12" long', '"']


@pytest.mark.parametrize("separator", ["\t", ";", "|", "::"])
@pytest.mark.parametrize("every", [1, 2, 7])
def test_stray_quotation_marks_swallow_nothing(separator: str, every: int) -> None:
    titles = {str(i): STRAY[i % len(STRAY)] if i % every == 0 else "A" for i in range(1, 10)}
    line = separator.join(["{0}", "{1}", "{2}", "{title}\n"])
    text = "".join(line.format(*row, title=titles[row[1]]) for row in ROWS)
    header = "" if separator == "::" else separator.join(["user", "item", "rating", "title\n"])
    upload = read(header + text)
    assert back(upload.ratings) == numbers(ROWS)
    if header:
        assert upload.ratings.titles == tuple(titles[name] for name in upload.ratings.movie_ids)


def test_quoted_fields_hold_separators_marks_and_line_breaks() -> None:
    names = ["Good, the Bad", 'The "Bad"', "two\nlines", '"', "a,\n,\nb"]
    out = io.StringIO()
    csv.writer(out).writerows(
        [("user", "title", "item", "rating"), *((u, names[int(i) % 5], i, r) for u, i, r in ROWS)]
    )
    upload = read(out.getvalue())
    assert back(upload.ratings) == numbers(ROWS)
    assert set(upload.ratings.titles) == {" ".join(name.split()) for name in names}
    assert upload.left_out == ()
    # rows are told by their numbers as a spreadsheet has them
    (left,) = read(out.getvalue() + '3,"x\ny",4,none\n').left_out
    assert (left.row, left.example) == (len(ROWS) + 2, '3,"x y",4,none')


def test_blank_ratings_are_left_out_and_said() -> None:
    rows = [(u, i, "" if n % 13 == 0 else r) for n, (u, i, r) in enumerate(ROWS)]
    upload = read(table(rows, header="user,movie,rating\n"))
    assert back(upload.ratings) == numbers([row for row in rows if row[2]])
    (left,) = upload.left_out
    assert (left.reason, left.count, left.row) == ("no_rating", 7, 2)
    assert left.example == ",".join(rows[0])


def test_users_and_items_without_a_rating_that_counts_are_not_known() -> None:
    rows = [*ROWS, ("nobody", "1", ""), ("1", "nothing", "x")]
    ratings = read(table(rows)).ratings
    assert (ratings.n_users, ratings.n_movies) == (12, 9)
    assert back(ratings) == numbers(ROWS)


@pytest.mark.parametrize(
    "times",
    [
        ("1000", "2000", "1500"),
        ("978300760.5", "978300761", "978300760.7"),
        ("2001-03-01", "2001-03-02", "2001-03-01"),
        ("2001-03-01T12:00:00", "2001-03-01T12:00:01", "2001-03-01T11:59:59"),
        ("", "1000", ""),
        ("31/12/2020", "13/01/2021", "01/01/2021"),
        ("1/31/2021 10:20", "2/1/2021 9:00", "01/31/2021 11:20"),
        ("31.12.2020", "1.2.2021", "30.1.2021"),
        ("2020年12月31日", "2021年2月1日", "2021年1月31日"),
        ('"12 31, 2020"', '"2 1, 2021"', '"01 31, 2021"'),
        ('"Dec 31, 2020"', '"Feb 1, 2021"', '"Jan 31, 2021"'),
        ("2021-01-09 10:00:00 UTC", "2021-01-10 09:00:00 UTC", "2021-01-10 08:59:59 UTC"),
    ],
)
@pytest.mark.parametrize("header", ["userId,movieId,rating,timestamp\n", "user,item,score,date\n"])
def test_the_latest_of_several_ratings_counts(times: tuple[str, str, str], header: str) -> None:
    old, new, between = times
    rows = [(u, i, "1", old) for u, i, _ in ROWS[:9]] + [(*row, new) for row in ROWS]
    rows += [(u, i, "2", between) for u, i, _ in ROWS[5:20]]
    upload = read(header + "".join(",".join(row) + "\n" for row in rows))
    assert sorted(back(upload.ratings)) == sorted(numbers(ROWS))
    assert upload.duplicates == 9 + 15
    without = Choices(columns={"user": 0, "item": 1, "rating": 2})
    last = read(header + "".join(",".join(row) + "\n" for row in rows), choices=without)
    assert sorted(back(last.ratings)) == sorted(
        numbers([*ROWS[:5], *((u, i, "2") for u, i, _ in ROWS[5:20]), *ROWS[20:]])
    )


@pytest.mark.parametrize(
    ("name", "line", "header"),
    [
        ("u.data", "{0}\t{1}\t{2}\t{3}\n", ""),
        ("ratings.dat", "{0}::{1}::{2}::{3}\n", ""),
        ("ratings.csv", "{0},{1},{2},{3}\n", "userId,movieId,rating,timestamp\n"),
    ],
)
def test_the_latest_counts_in_movielens_layouts_too(
    tmp_path: Path, name: str, line: str, header: str
) -> None:
    rows = [(*row, "2000") for row in ROWS] + [(u, i, "1", "1000") for u, i, _ in ROWS[::3]]
    text = header + "".join(line.format(*row) for row in rows)
    (tmp_path / name).write_text(text)
    assert back(read_ratings(tmp_path)) == numbers(ROWS)
    upload = read(text, name)
    assert back(upload.ratings) == numbers(ROWS)
    assert upload.duplicates == len(ROWS[::3])
    # without times the last one counts
    (tmp_path / name).write_text(
        "\n".join(
            row.rpartition("::" if "::" in row else "\t" if "\t" in row else ",")[0]
            for row in text.splitlines()
        )
        + "\n"
    )
    assert float(read_ratings(tmp_path).rating.mean()) < np.mean([float(r) for _, _, r in ROWS])


def test_the_table_with_ratings_is_found_in_an_archive() -> None:
    quoted = '"{0}";"{1}";"{2}"\r\n'
    files = {
        "BX-Books.csv": '"ISBN";"Book-Title";"Book-Author";"Image-URL-S"\r\n'
        + "".join(
            f'"{i}";"Film {i} &amp; more; or less";"A";"{"x" * 900}"\r\n' for i in range(1, 10)
        ),
        "BX-Book-Ratings.csv": table(ROWS, quoted, '"User-ID";"ISBN";"Book-Rating"\r\n'),
        "BX-Users.csv": '"User-ID";"Location";"Age"\r\n' + '"1";"town, there";NULL\r\n' * 500,
    }
    upload = read(zipped(files), "BX.zip")
    assert upload.file == "BX-Book-Ratings.csv"
    assert back(upload.ratings) == numbers(ROWS)
    assert (upload.untitled, upload.titles) == (0, "BX-Books.csv")
    assert upload.ratings.titles[0] == "Film 1 & more; or less", "an entity is the character"
    assert upload.look.tables == ("BX-Book-Ratings.csv",)
    assert look(zipped(files), "BX.zip") == upload.look


def test_titles_may_have_other_names_in_their_header_than_movielens_gives() -> None:
    files = {
        "ratings.csv": table(ROWS, header="user_id,movie_id,rating\n"),
        "movies.csv": "movie_id;name\n" + "".join(f"{i};Film {i}, a\n" for i in range(1, 10)),
    }
    upload = read(zipped(files), "x.zip")
    assert upload.ratings.titles == tuple(f"Film {i}, a" for i in range(1, 10))
    assert upload.titles == "movies.csv"


def test_a_stray_mark_makes_no_other_user_of_a_row() -> None:
    rows = [[f'"{user}"', f'"{item}"', f'"{rating}"', '"t"'] for user, item, rating in ROWS]
    rows[5][3] = '"The "best" of"'
    rows[7][3] = '"open'
    text = "".join(";".join(row) + "\n" for row in rows)
    upload = read("user;item;rating;title\n" + text)
    assert back(upload.ratings) == numbers(ROWS)
    assert upload.left_out == ()


@pytest.mark.parametrize("separator", [",", "::", " "])
def test_a_column_that_no_row_reaches_is_empty(separator: str) -> None:
    header = separator.join(["user", "item", "rating", "title", "time\n"])
    text = table(ROWS, separator.join(["{0}", "{1}", "{2}\n"]), header)
    upload = read(text + text.removeprefix(header))
    assert back(upload.ratings) == numbers(ROWS)
    assert upload.duplicates == len(ROWS)
    assert upload.ratings.titles == upload.ratings.movie_ids


def test_times_and_ids_beyond_what_machines_count_to() -> None:
    rows = [("9" * 20 + user, "1" + "0" * 19 + item, rating) for user, item, rating in ROWS]
    text = table(rows, "{0},{1},1,1025-01-01\n") + table(rows, "{0},{1},{2},7025-01-01\n")
    upload = read(text + table(rows, "{0},{1},1,2025-01-01\n"))
    assert back(upload.ratings) == numbers(rows)


def test_another_table_may_be_chosen() -> None:
    other = made(seed=1)
    files = {"a/one.csv": table([*ROWS, *made(30, 9)[-90:]], header="user,item,rating\n"),
             "b/two.csv": table(other, header="user,item,rating\n")}  # fmt: skip
    seen = look(zipped(files), "x.zip")
    assert seen.tables == ("a/one.csv", "b/two.csv")
    assert seen.table == "a/one.csv"
    upload = read(zipped(files), "x.zip", Choices(table="b/two.csv"))
    assert back(upload.ratings) == numbers(other)
    assert upload.look.table == "b/two.csv"


def test_any_columns_may_be_chosen() -> None:
    text = table(ROWS, "{2},x,{1},{0},T{1},978300760\n", "punkte,a,ding,person,text,b\n")
    with pytest.raises(UploadError, match="no column is called user"):
        read(text)
    seen = look(text.encode(), "my.csv")
    assert seen.names == ("punkte", "a", "ding", "person", "text", "b")
    assert not {"user", "item", "rating"} & set(seen.columns)
    choices = Choices(columns={"user": 3, "item": 2, "rating": 0, "title": 4, "time": 5})
    upload = read(text, choices=choices)
    assert back(upload.ratings) == numbers(ROWS)
    assert upload.ratings.titles[:2] == ("T1", "T2")
    assert dict(upload.look.columns) == dict(choices.columns or {})
    with pytest.raises(UploadError, match="no column is called rating"):
        read(text, choices=Choices(columns={"user": 3, "item": 2}))
    (tall,) = {read(KINDS["bars"], choices=Choices(columns={"user": 1, "item": 0, "rating": 2}))
               .ratings.n_users}  # fmt: skip
    assert tall == 9


def test_an_encoding_may_be_chosen() -> None:
    text = table(ROWS, "{0},Фильм номер {1} о любви,{2}\r\n", "user,title,rating\r\n")
    upload = read(text.encode("cp1251"))
    assert (upload.encoding, upload.untitled) == ("cp1251", 0)
    assert upload.ratings.titles[0] == "Фильм номер 1 о любви"
    assert {"cp1251", "koi8_r", "cp1252"} <= set(upload.look.encodings)
    other = read(text.encode("cp1251"), choices=Choices(encoding="koi8_r"))
    assert other.encoding == other.look.encoding == other.look.encodings[0] == "koi8_r"
    assert len(other.ratings) == len(ROWS)
    assert other.ratings.titles != upload.ratings.titles
    broken = read(text.encode("cp1251"), choices=Choices(encoding="utf-8"))
    assert len(broken.ratings) + broken.duplicates == len(ROWS)
    with pytest.raises(ValueError, match="is not one of utf-8"):
        read(text, choices=Choices(encoding="rot13"))


@settings(max_examples=200, derandomize=True, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["1", "01", "a", " b ", "", 'q"u', '"q"', "é", "x" * 300]),
            st.sampled_from(["1", "2", "02", "", "Film, the", 'A "B" C', '"open']),
            st.sampled_from(["1", "2.5", "5", "", "x", "nan", "3,5", "-1", "0", "99", "1e9"]),
            st.sampled_from(["", "A, b", '"', "two\nrows", 'and "three"\nlines\n']),
        ),
        max_size=60,
    ),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["written", "plain"]),
    st.booleans(),
)
def test_every_row_is_read_or_counted(
    rows: list[tuple[str, str, str, str]], separator: str, style: str, blank: bool
) -> None:
    """Whatever stands in them; of the plain style, each line is a row whatever its marks."""
    if style == "plain":
        rows = [
            tuple(cell.replace("\n", " ").replace(separator, "") for cell in row) for row in rows
        ]  # type: ignore[misc]
    rows = [*rows, *((u, i, r, "") for u, i, r in ROWS)]
    out = io.StringIO()
    if style == "written":
        writer = csv.writer(out, delimiter=separator, lineterminator="\n")
        writer.writerows([("user", "item", "rating", "title"), *rows])
    else:
        lines = [separator.join(row) for row in [("user", "item", "rating", "title"), *rows]]
        out.write("\n".join(lines) + "\n")
    text = out.getvalue().replace("\n", "\n\n") if blank and style == "plain" else out.getvalue()
    upload = read(text, choices=Choices(not_rated=()))
    n_empty = sum(not separator.join(row).strip() for row in rows)
    assert upload.lines == len(rows) - n_empty
    assert len(upload.ratings) >= len(ROWS) - 12 * 9
    reasons = {one.reason for one in upload.left_out}
    assert reasons <= {"few_columns", "no_id", "too_long", "no_rating", "not_a_number", "too_far"}


@pytest.mark.skipif(not CASES.is_dir(), reason="There is no folder ../shared/cases beside this.")
def test_the_cases_at_hand() -> None:
    for path in sorted(CASES.iterdir()):
        if path.name.startswith(("imdb", "letterboxd", "douban")):  # a person's own
            continue
        upload = read(path.read_bytes(), path.name)
        assert upload.lines in (592, 593, 1186, 132), path.name


def test_a_matrix_is_not_taken_for_a_list_of_ratings() -> None:
    matrix = np.random.default_rng(0).integers(1, 6, (50, 20)).tolist()
    with pytest.raises(UploadError) as caught:
        read("".join(",".join(map(str, row)) + "\n" for row in matrix))
    assert caught.value.code == "no_user_column"
