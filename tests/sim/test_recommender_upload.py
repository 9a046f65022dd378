"""A visitor's file: every layout and encoding reads alike, and what is wrong is said with its row.

The oracle is the list of rows that a file was written from.
"""

import contextlib
import csv
import gzip
import io
import pickle
import random
import string
import tracemalloc
import zipfile
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.recommender.ratings import Ratings, movielens
from sim.recommender.upload import (
    LEFT_OUT,
    MESSAGES,
    Choices,
    Upload,
    UploadError,
    read_upload,
)

Row = tuple[str, str, float, str]
AS_IT_IS = Choices(not_rated=())
WORDS = {
    "ascii": ["Toy Story", 'Good, the "Bad" and the Ugly, The', "Se7en; a film"],
    "western": ["Léon: the Professional", "Amélie – déjà vu", "Niña, Ñandú, œuvre"],
    # each accent and the letter after it would be a Chinese character too
    "accents": ["Léon: the Professional", "Amélie", "Señora"],
    "chinese": ["霸王别姬", "卧虎藏龙 (2000)", "大话西游之月光宝盒"],
}


def rows(titles: str = "ascii", n: int = 60, seed: int = 0) -> list[Row]:
    """n different pairs of 8 users and 12 items, each item with a title."""
    draw = random.Random(seed)
    pairs = draw.sample([(u, i) for u in range(8) for i in range(12)], n)
    names = WORDS[titles]
    return [
        (str(100 + u * 7), str(5 + i * 10), draw.randint(1, 10) / 2, f"{names[i % 3]} {i}")
        for u, i in pairs
    ]


def table(data: list[Row], separator: str = ",", header: str = "user,item,rating,title") -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator)
    writer.writerow(header.split(","))
    for user, item, rating, title in data:
        writer.writerow([user, item, rating, title])
    return out.getvalue()


def back(ratings: Ratings) -> list[Row]:
    return [
        (ratings.user_ids[u], ratings.movie_ids[m], float(r), ratings.titles[m])
        for u, m, r in zip(ratings.user, ratings.movie, ratings.rating, strict=True)
    ]


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def fault(data: bytes | str, name: str = "my.csv", **limits: Any) -> UploadError:
    raw = data.encode() if isinstance(data, str) else data
    with pytest.raises(UploadError) as caught:
        read_upload(raw, name, **limits)
    error = caught.value
    assert isinstance(error, ValueError)
    assert str(error) == MESSAGES[error.code].format(**error.values)
    assert str(error).endswith(".")
    assert "{" not in MESSAGES[error.code].format(**error.values)
    return error


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize(
    "header",
    [
        "user,item,rating,title",
        "userId,movieId,rating,title",
        "USER_ID,Book-ID,Stars,Name",
        '"User ID",ISBN,Book-Rating,Book-Title',
        "用户,电影,评分,片名",
        "用戶,電影,評分,片名",
        "用户编号,影片,打分,标题",
        "用户,电影,我的评分,片名",
        "ユーザー,映画,評価,タイトル",
        "ユーザーID,映画ID,評価,タイトル",
    ],
)
def test_columns_are_found_by_their_names(separator: str, header: str) -> None:
    data = rows()
    upload = read_upload(table(data, separator, header).encode(), "my.csv")
    assert back(upload.ratings) == data
    assert (upload.header, upload.duplicates, upload.untitled) == (True, 0, 0)


def test_columns_may_stand_in_any_order_among_others() -> None:
    data = rows()
    lines = ["date,stars,genre,item,movie title,user"]
    lines += [
        f'today,{r},War|Drama,{i},"{t.replace(chr(34), chr(34) * 2)}",{u}' for u, i, r, t in data
    ]
    ratings = read_upload("\r\n".join(lines).encode(), "my.csv").ratings
    assert back(ratings) == data
    assert set(ratings.genres) == {("War", "Drama")}


@pytest.mark.parametrize(
    ("titles", "encoding", "found"),
    [
        ("ascii", "utf-8", "utf-8"),
        ("chinese", "utf-8", "utf-8"),
        ("western", "utf-8-sig", "utf-8"),
        ("chinese", "utf-16", "utf-16"),
        ("western", "utf-16", "utf-16"),
        ("western", "cp1252", "cp1252"),
        ("accents", "cp1252", "cp1252"),
        ("chinese", "gb18030", "gb18030"),
        ("chinese", "gbk", "gb18030"),
    ],
)
def test_encodings(titles: str, encoding: str, found: str) -> None:
    data = rows(titles)
    upload = read_upload(table(data).encode(encoding), "my.csv")
    assert back(upload.ratings) == data
    assert upload.encoding == found


@settings(max_examples=25, derandomize=True, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.text(string.ascii_letters + string.digits + " ,;'", min_size=1, max_size=8),
            st.integers(-(10**25), 10**25),
            st.sampled_from([0.0, -1.0, 3.5, 1e-3, 99999.0]),
        ),
        min_size=25,
        max_size=60,
        unique_by=lambda row: (row[0].strip(), row[1]),
    ),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["plain", "zip", "gz"]),
)
def test_what_was_written_is_what_is_read(
    data: list[tuple[str, int, float]], separator: str, packing: str
) -> None:
    # ids with separators and blanks, and numbers beyond 64 bits
    triples = [(f"x{user.strip()}", str(item), rating) for user, item, rating in data]
    raw = table([(*t, "") for t in triples], separator).encode()
    packed = {"plain": raw, "zip": zipped({"a/b/my.csv": raw}), "gz": gzip.compress(raw)}[packing]
    for column, code in enumerate(["one_user", "one_item", "one_value"]):
        if len({triple[column] for triple in triples}) == 1:
            assert fault(packed, choices=AS_IT_IS).code == code
            return
    ratings = read_upload(packed, "my.csv", choices=AS_IT_IS).ratings
    assert [row[:2] for row in back(ratings)] == [t[:2] for t in triples]
    np.testing.assert_array_equal(ratings.rating, np.float32([t[2] for t in triples]))


@pytest.mark.parametrize("layout", ["csv", "dat", "data"])
def test_a_movielens_zip(layout: str) -> None:
    data = rows("western")
    titles = {item: title for _, item, _, title in data}
    if layout == "csv":
        files = {
            "ratings.csv": table(data, header="userId,movieId,rating,timestamp"),
            "movies.csv": "movieId,title,genres\n"
            + "".join(f'{i},"{t}",War\n' for i, t in titles.items()),
        }
    elif layout == "dat":
        files = {
            "ratings.dat": "".join(f"{u}::{i}::{r}::88\n" for u, i, r, _ in data),
            "movies.dat": "".join(f"{i}::{t}::War\n" for i, t in titles.items()),
        }
    else:
        flags = "|".join(["0"] * 17 + ["1", "0"])
        files = {
            "u.data": "".join(f"{u}\t{i}\t{r}\t88\n" for u, i, r, _ in data),
            "u.item": "".join(f"{i}|{t}|1990||url|{flags}\n" for i, t in titles.items()),
            "u1.base": "1\t1\t1\t1\n",
        }
    raw = {f"ml-x/{name}": text.encode("cp1252") for name, text in files.items()}
    raw |= {"ml-x/README.txt": b"read me", "__MACOSX/ratings.csv": b"\0\0", "links.csv": b"a,b"}
    upload = read_upload(zipped(raw), "ml-x.zip")
    assert back(upload.ratings) == data
    assert set(upload.ratings.genres) == {("War",)}
    assert upload.file == next(iter(files))
    # alone, the file of ratings reads the same, but for the titles: ids stand in for them
    (name, content), *_ = raw.items()
    alone = read_upload(content, name.split("/")[1])
    assert [row[:3] for row in back(alone.ratings)] == [row[:3] for row in data]
    if layout != "csv":
        assert alone.untitled == len(titles)
        assert alone.ratings.titles == alone.ratings.movie_ids
        assert not alone.header


def test_the_bundled_ratings_come_back() -> None:
    ratings = movielens()
    ids = np.array(ratings.user_ids), np.array(ratings.movie_ids), np.array(ratings.titles)
    out = io.StringIO()
    csv.writer(out).writerows(
        [
            ("userId", "movieId", "rating", "title"),
            *zip(
                ids[0][ratings.user],
                ids[1][ratings.movie],
                ratings.rating,
                ids[2][ratings.movie],
                strict=True,
            ),
        ]
    )
    upload = read_upload(out.getvalue().encode(), "mine.csv")
    assert np.array_equal(upload.ratings.user, ratings.user)
    assert np.array_equal(upload.ratings.movie, ratings.movie)
    assert np.array_equal(upload.ratings.rating, ratings.rating)
    assert upload.ratings.titles == ratings.titles
    assert upload.rating_range == (0.0, 5.5)


def test_the_last_of_several_ratings_counts() -> None:
    data = rows()
    again = [(u, i, 0.5 if r > 2 else 5.0, t) for u, i, r, t in data[:7]]
    upload = read_upload(table(data + again).encode(), "my.csv")
    assert upload.duplicates == 7
    assert back(upload.ratings) == data[7:] + again


def test_decimal_commas() -> None:
    data = rows()
    lines = ["user;item;rating", *(f"{u};{i};{str(r).replace('.', ',')}" for u, i, r, _ in data)]
    assert [r[:3] for r in back(read_upload("\n".join(lines).encode(), "x.csv").ratings)] == [
        r[:3] for r in data
    ]
    both = read_upload("\n".join([*lines, "1;2;3.5", "1;3;1.000,5"]).encode(), "x.csv")
    assert back(both.ratings)[60][:3] == ("1", "2", 3.5)
    assert [(one.reason, one.row) for one in both.left_out] == [("not_a_number", 63)]


def test_titles_are_plain_text() -> None:
    evil = [
        "=HYPERLINK(1)",
        "<script>alert(1)</script>",
        "a\nb\u202ec\0".replace("\0", ""),
        "x" * 999,
    ]
    data = [(u, i, r, evil[int(i) // 10 % 4] if t else t) for u, i, r, t in rows()]
    titles = set(read_upload(table(data).encode(), "my.csv").ratings.titles)
    assert titles == {evil[0], evil[1], "a b c", "x" * 299 + "…"}


GOOD = table(rows())


def many(form: str) -> str:
    return "user,item,rating\n" + "".join(form.format(i=i, r=i % 5) + "\n" for i in range(40))


@pytest.mark.parametrize(
    ("text", "code", "values"),
    [
        ("", "empty", {}),
        ("\n  \n", "empty", {}),
        ("user,item,rating\n", "no_rows", {}),
        ("user,item,rating\n\n\n", "no_rows", {}),
        ("hello\nworld\n", "not_a_table", {"row": 1}),
        ("user,item,points\n1,2,3\n", "no_rating_column", {"row": 1, "found": "user,item,points"}),
        ("item,rating\n1,2\n", "no_user_column", {"row": 1}),
        ("\nuser;rating\n1;2\n", "no_item_column", {"row": 2}),
        ("1::2::3::9\n1:2:3:9\n", "few_columns", {"row": 2}),
        ("1\t2\t3\n4\t5\tx\n", "not_a_number", {"row": 2}),
        ("user,item,rating\n1,2,3\n", "few_ratings", {"found": 1, "expected": 20}),
        ("user,item,rating\n" + "1,2,3\n" * 40, "few_ratings", {"found": 1}),
        (many("1,{i},{r}"), "one_user", {}),
        (many("{i},1,{r}"), "one_item", {}),
        (many("{i},{i},4"), "one_value", {"found": "4"}),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(99), "not_text", {}),
        (b"PK\x03\x04 and no more", "damaged_archive", {}),
        (gzip.compress(GOOD.encode())[:-9], "damaged_archive", {}),
        (zipped({"a.txt": GOOD.encode()})[:-30], "damaged_archive", {}),
        (zipped({"[Content_Types].xml": b"<x/>", "xl/sheet.xml": b"<x/>"}), "workbook", {}),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "workbook", {}),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "WordDocument".encode("utf-16-le") + bytes(9),
            "not_text",
            {},
        ),
        (zipped({}), "empty_archive", {}),
        ("\n <!DOCTYPE html><html><body>user,item,rating</body></html>\n", "html", {}),
        ('<?xml version="1.0"?>\n<a>1,2,3</a>\n', "html", {}),
        ('{"user": 1, "item": 2, "rating": 3}\n' * 30, "json", {}),
        ("{'user': 1, 'item': 2, 'rating': 3}\n" * 30, "json", {}),
        ('[{"user": 1, "item": 2, "rating": 3}, {"user": 1}]', "json", {}),
        ("[[1, 2, 3],\n [1, 3, 4]]", "json", {}),
        (zipped({"page.csv": b"<html>a,b,c</html>"}), "html", {"file": "page.csv"}),
        ("1,2,1e60\n1,3,4\n", "too_far", {"row": 1, "found": "'1e60'", "limit": "1,000,000"}),
        ("1,2,-1000001\n", "too_far", {"row": 1}),
        ("user,item,rating\n1,2,1e999\n", "too_far", {"row": 2}),
        (zipped({"a.csv": GOOD.encode()}, zipfile.ZIP_BZIP2), "unknown_compression", {}),
        (zipped({f"{i}.csv": b"" for i in range(1001)}), "too_many_files", {"limit": 1000}),
        (zipped({"ratings.csv": GOOD.encode(), "movies.csv": b"a,b\n"}), "bad_titles", {}),
    ],
)  # fmt: skip
def test_errors_say_what_and_where(
    text: str | bytes, code: str, values: dict[str, str | int]
) -> None:
    error = fault(text)
    assert error.code == code
    assert values.items() <= error.values.items()
    again = pickle.loads(pickle.dumps(error))
    assert (again.code, again.values, str(again)) == (error.code, error.values, str(error))


@pytest.mark.parametrize(
    ("rows", "reason", "row"),
    [
        ("1,2,good,t\n", "not_a_number", 62),
        ("1,2,,t\n", "no_rating", 62),
        ("\n1,2,nan,t\n", "not_a_number", 63),
        ("1,2,inf,t\n", "not_a_number", 62),
        ("1,2,1e40,t\n", "too_far", 62),
        ("1,2,1_0,t\n", "not_a_number", 62),
        ("1,2,٣,t\n", "not_a_number", 62),
        ("1,2\n", "few_columns", 62),
        ('1,2,"3\n', "not_a_number", 62),
        (",2,3,t\n", "no_id", 62),
        ("ann, ,3,t\n", "no_id", 62),
        ("u" * 257 + ",2,3,t\n", "too_long", 62),
        ("u" * 200_000 + ",2,x,t\n", "too_long", 62),
    ],
)
def test_rows_that_are_no_ratings_are_left_out_and_counted(
    rows: str, reason: str, row: int
) -> None:
    upload = read_upload((GOOD + 3 * rows).encode(), "my.csv")
    (left,) = upload.left_out
    assert (left.reason, left.count, left.row) == (reason, 3, row)
    assert left.reason in LEFT_OUT
    assert left.example.rstrip("…") in rows
    assert len(left.example) <= 60
    assert back(upload.ratings) == back(read_upload(GOOD.encode(), "my.csv").ratings)
    assert upload.lines == 63
    # where most rows are such, the sentence says what is wrong with the first of them
    error = fault(GOOD + 60 * rows)
    assert (error.code, error.values["row"]) == (reason, row)


def test_limits() -> None:
    raw = GOOD.encode()
    assert fault(raw, max_bytes=len(raw) - 1).code == "too_large"
    assert fault(gzip.compress(raw), max_bytes=len(raw) - 1).code == "too_large"
    assert fault(zipped({"a.csv": raw}), max_bytes=len(raw) - 1).code == "too_large"
    assert fault(raw, max_ratings=59).code == "too_many_ratings"
    for packed in (raw, gzip.compress(raw), zipped({"a.csv": raw})):
        fits = read_upload(packed, "a.csv", max_bytes=len(raw), max_ratings=60)
        assert len(fits.ratings) == 60


WIDE = "1," * 500_000


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("user,item,rating," + WIDE + "\n", "too_many_columns"),
        (GOOD + "1,2,3," + WIDE + WIDE + "\n", "too_long"),
        (GOOD + "\n" * 5_000_000, None),
        (GOOD + "   \n" * 70, None),
        (GOOD + '1,2,3,"' + "\n" * 100_000, None),
    ],
    ids=["columns", "a row", "empty rows", "rows of blanks", "an open mark"],
)
def test_what_one_file_costs_is_bounded(text: str, code: str | None) -> None:
    raw = text.encode()
    tracemalloc.start()
    try:
        if code:
            assert fault(raw).code == code
        else:
            upload = read_upload(raw, "my.csv")
            assert len(upload.ratings) in (60, 61)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < (20 << 20) + 32 * len(raw)


@pytest.mark.parametrize(
    ("ratings", "code"), [("1 1.0000004", "too_close"), ("5 5", "one_value"), ("1 1.001", None)]
)
def test_ratings_too_close_together_get_a_sentence(ratings: str, code: str | None) -> None:
    low, high = ratings.split()
    text = "user,item,rating\n" + "".join(
        f"{u},{i},{high if (u + i) % 2 else low}\n" for u in range(6) for i in range(6)
    )
    if code:
        assert fault(text).code == code
    else:
        assert len(read_upload(text.encode(), "my.csv").ratings) == 36


@pytest.mark.parametrize("kind", ["zip", "gz", "lying zip"])
def test_a_bomb_is_not_unpacked(kind: str) -> None:
    size = 100 << 20
    packed = zlib.compress(bytes(size), 9)
    assert size / len(packed) > 900
    if kind == "gz":
        data = gzip.compress(bytes(size))
        expected = {"suspicious_archive"}
    else:
        data = zipped({"ratings.csv": bytes(size)})
        expected = {"suspicious_archive"}
        if kind == "lying zip":  # it declares 100 bytes, both times
            data = data.replace(size.to_bytes(4, "little"), (100).to_bytes(4, "little"))
            expected = {"damaged_archive"}
    tracemalloc.start()
    try:
        error = fault(data, "bomb")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert error.code in expected
    assert peak < 40 << 20  # 250 times the 100 kB of it, and once more in joining


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.integers(0, 10_000), st.binary(max_size=20), st.integers(0, 60))
def test_a_damaged_archive_is_a_sentence(place: int, put: bytes, cut: int) -> None:
    """Wherever it is damaged; where the damage does not matter it reads as before."""
    whole = zipped({"ml/ratings.csv": GOOD.encode(), "ml/movies.csv": b"movieId,title\n5,A\n"})
    place %= len(whole)
    data = whole[:place] + put + whole[place + cut :]
    with contextlib.suppress(UploadError):
        assert len(read_upload(data, "my.zip").ratings) == 60


def test_a_locked_zip() -> None:
    data = bytearray(zipped({"a.csv": GOOD.encode()}))
    place = data.index(b"PK\x01\x02")
    data[place + 8] |= 1
    assert fault(bytes(data)).code == "encrypted_archive"


def test_folders_in_a_zip_are_only_names() -> None:
    raw = GOOD.encode()
    for name in ("../../etc/ratings.csv", "/root/x.csv", "C:\\x\\ratings.csv", "a/../b.csv"):
        upload = read_upload(zipped({name: raw}), "x.zip")
        assert isinstance(upload, Upload)
        assert upload.file == name.replace("\\", "/").rsplit("/", 1)[1]


def test_many_different_ids_are_numbered_compactly() -> None:
    n = 100_000
    users = np.random.default_rng(0).permutation(n) * 10**12 + 7
    lines = "".join(f"{u},{10**17 - i},{i % 5}\n" for i, u in enumerate(users.tolist()))
    ratings = read_upload(("user,item,rating\n" + lines).encode(), "my.csv").ratings
    assert (ratings.n_users, ratings.n_movies) == (n, n)
    assert ratings.user_ids[0] == str(7)
    assert np.array_equal(ratings.user, (users - 7) // 10**12)
