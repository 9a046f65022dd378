"""One person's own ratings as Letterboxd, IMDb, Douban and MovieLens hand them out: a CSV file."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from typing import Literal

Part = Literal["title", "rating", "date", "year"]
_CHOSEN: tuple[Part, ...] = ("title", "rating", "date")
_YEAR: Part = "year"
_LONGEST = 300
_TITLES = (
    *("name", "title", "primarytitle", "movietitle", "filmtitle", "movie", "film"),
    *(
        "标题",
        "片名",
        "电影名",
        "电影名称",
        "影片名",
        "影片名称",
        "电影",
        "中文名",
        "名称",
        "條目",
        "条目",
    ),
    *("標題", "電影名稱"),
)
_OTHERS = ("originaltitle", "originalname", "原名", "外文名", "英文名", "又名", "别名", "aka")
_YEARS = (
    *("year", "releaseyear", "releasedate", "年份", "年代", "上映年份", "上映日期", "上映时间"),
    *("发行年份", "简介"),
)
_RATINGS = (  # a person's own before anybody's
    *(
        "yourrating",
        "myrating",
        "userrating",
        "我的评分",
        "个人评分",
        "我的評分",
        "打分",
        "我的打分",
    ),
    *("rating", "星级", "评分", "評分", "score"),
)
_DATES = (
    "date",
    "daterated",
    "watcheddate",
    "timestamp",
    "打分日期",
    "评分日期",
    "创建时间",
    "标记日期",
)
_USERS = ("user", "userid", "uid", "username", "reviewer", "reviewerid", "member", "memberid")
_WORDS = {"很差": 1.0, "较差": 2.0, "还行": 3.0, "推荐": 4.0, "力荐": 5.0}
_FOUR_DIGITS = re.compile(r"(?<!\d)(1[89]\d\d|20\d\d)(?!\d)")
_NUMBER = re.compile(r"\d{1,3}(?:[.,]\d+)?")


@dataclass(frozen=True, slots=True)
class Rated:
    """A film that somebody rated."""

    titles: tuple[str, ...]
    """Its title, then its other ones."""
    year: int | None
    rating: float
    """From 0.5 to 5 in halves, as in MovieLens."""
    row: int
    """Of the file, from 1."""

    @property
    def name(self) -> str:
        """Title and year as text."""
        return self.titles[0] if self.year is None else f"{self.titles[0]} ({self.year})"


@dataclass(frozen=True, slots=True)
class Export:
    """A file of one person's own ratings: `len(rated) + unrated` lines after its header."""

    rated: tuple[Rated, ...]
    """In the order of their dates, else of the file."""
    unrated: int
    """Lines without a title or a rating: watched, or wished for."""
    top: float
    """The best that could be given there: 5, 10 or 100."""
    columns: Mapping[Part, int] = field(default_factory=dict)
    """Which column was taken for what."""


def read_export(
    text: str, chosen: Mapping[Part, int] | None = None, *, header: bool = True
) -> Export | None:
    """What `text` holds if it is such a file: a header with a title and a rating, and no user.

    None where it is none. Of a rating on another scale than MovieLens' the place between 0 and the
    best is kept, in halves; nothing is below 0.5. With `chosen`, a title and a rating at least,
    those columns are taken whatever they are called, and any table is such a file; only the year
    is still found by its name.
    """
    rows = _rows(text)
    if not rows:
        return None
    # "电影/电视剧/番组": a name may be several in one
    called = [[_plain(part) for part in (name, *name.split("/"))] for name in rows[0] if header]
    names = [parts[0] for parts in called]
    columns = {
        role: list(dict.fromkeys(i for n in wanted for i, p in enumerate(called) if n in p))
        for role, wanted in (
            ("title", _TITLES),
            ("other", _OTHERS),
            ("year", _YEARS),
            ("rating", _RATINGS),
            ("date", _DATES),
            ("user", _USERS),
        )
    }
    if chosen is not None:
        taken = set(chosen.values())
        columns = {
            "year": [i for i in columns["year"] if i not in taken],
            "other": [i for i in columns["other"] if i not in taken],
            **{part: [chosen[part]] if part in chosen else [] for part in _CHOSEN},
        }
    elif columns["user"] or not columns["title"] or not columns["rating"]:
        return None
    first = int(header)
    lines = [(number, row) for number, row in enumerate(rows[first:], first + 1) if any(row)]
    given = {number: _rating(_cell(row, columns["rating"][0])) for number, row in lines}
    name = _cell(names, columns["rating"][0])
    top = _top(name, names, [r for r in given.values() if r is not None])
    found = []
    for number, row in lines:
        one, rating = _titles(row, columns), given[number]
        if one and rating is not None and 0 < rating <= top:
            kept = max(0.5, round(rating / top * 10) / 2)
            found.append((_date(row, columns), Rated(one, _year(row, columns), kept, number)))
    if chosen is None and not any(re.search(r"[^\W\d_]", one.titles[0]) for _, one in found):
        return None  # numbers are ids of items, not titles
    found.sort(key=lambda pair: pair[0])  # a stable sort: without dates as in the file
    parts = {part: columns[part][0] for part in (*_CHOSEN, _YEAR) if columns[part]}
    return Export(tuple(one for _, one in found), len(lines) - len(found), top, parts)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()


def _rows(text: str) -> list[list[str]]:
    head = text.lstrip("\ufeff").split("\n", 1)[0]
    separator = max(",;\t|", key=head.count)
    try:
        reader = csv.reader(StringIO(text.lstrip("\ufeff"), newline=""), delimiter=separator)
        return [[cell.strip() for cell in row] for row in reader]
    except csv.Error:
        return []


def _cell(row: Sequence[str], column: int) -> str:
    return row[column] if column < len(row) else ""


def _titles(row: Sequence[str], columns: Mapping[str, list[int]]) -> tuple[str, ...]:
    first = _cell(row, columns["title"][0])
    others = [_cell(row, column) for column in (*columns["title"][1:], *columns["other"])]
    texts = [" ".join(text.split())[:_LONGEST] for text in (first, *others) if text]
    return tuple(dict.fromkeys(texts))


def _year(row: Sequence[str], columns: Mapping[str, list[int]]) -> int | None:
    for column in columns["year"]:
        if told := _FOUR_DIGITS.search(_cell(row, column)):
            return int(told[1])
    return None


def _date(row: Sequence[str], columns: Mapping[str, list[int]]) -> str:
    """A date that sorts as text, else ""."""
    date = _cell(row, columns["date"][0]) if columns["date"] else ""
    return date if re.match(r"\d{4}-\d\d-\d\d", date) else ""


def _rating(text: str) -> float | None:
    if text in _WORDS:
        return _WORDS[text]
    if "★" in text:
        return text.count("★") + 0.5 * text.count("½")
    number = _NUMBER.match(text)
    return float(number[0].replace(",", ".")) if number else None


def _top(rating: str, names: Sequence[str], given: Sequence[float]) -> float:
    """The best of the scale: that of the site whose columns these are, else what holds `given`."""
    if "const" in names and rating == "yourrating":
        return 10.0
    if "letterboxduri" in names:
        return 5.0
    most = max(given, default=0.0)
    return 5.0 if most <= 5 else 10.0 if most <= 10 else 100.0
