"""Which column of a table has which role: told by its name, or by what stands in it."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Literal

from sim.recommender.upload.values import number

Role = Literal["user", "item", "rating", "title", "genres", "time"]
ESSENTIAL: tuple[Role, ...] = ("user", "item", "rating")

_NAMES: dict[Role, str] = {
    "user": "user u username reviewer reader customer rater viewer member profile profilename "
    "reviewername author 用户 读者 会员 "
    "用戶 使用者 讀者 會員 ユーザー ユーザ 利用者",
    "item": "item movie film book product song track artist anime manga game show series isbn asin "
    "parentasin recipe place business restaurant beer wine joke hotel course article podcast video "
    "venue 电影 影片 书 图书 物品 商品 菜谱 電影 書 圖書 映画",
    "rating": "rating ratings score stars star overall rate vote grade 评分 打分 分数 評分 分數 "
    "評価 点数 レーティング 我的评分 个人评分 我的評分 個人評分",
    "title": "title name movietitle moviename filmtitle booktitle itemname itemtitle 标题 片名 "
    "书名 名称 標題 書名 名稱 タイトル",
    "genres": "genres genre category categories tags 类型 類型 ジャンル",
    "time": "timestamp time datetime date unixreviewtime reviewtime reviewdate ratingdate ratedat "
    "daterated createdat ts 时间戳 时间 日期 评分时间 時間 時間戳 日時 日付",
}
_KIND = re.compile(r":(token|float)(_seq)?$")  # RecBole: "user_id:token"
_DATE = re.compile(r"\d{4}-\d\d?-\d\d?([T ].*)?|\d{4}/\d\d?/\d\d?.*|\d\d?/\d\d?/\d{2,4}.*")
_MOST_LEVELS = 21
_WIDEST = 16
_EARLIEST = 1e8  # seconds since 1970: a number above this is a time, in 1973 or later


def by_name(fields: Sequence[str]) -> dict[Role, int]:
    """The roles that a header names, in any of their common names."""
    whole = [_plain(field) for field in fields]
    ends = [_plain(re.split(r"[./_]", field)[-1]) for field in fields]  # "review/userId"
    found: dict[Role, int] = {}
    for role, names in _NAMES.items():
        wanted = [name + ending for ending in ("id", "编号", "編號", "") for name in names.split()]
        for header in (whole, ends) if role in ESSENTIAL else (whole,):
            place = next((header.index(name) for name in wanted if name in header), None)
            if place is not None and place not in found.values():
                found.setdefault(role, place)
    for role in ("user", "rating"):  # "Book-Rating", "review_overall": where only one says so
        words = ("rating", "overall", "stars") if role == "rating" else ("user", "reviewer")
        near = [i for i, name in enumerate(whole) if any(word in name for word in words)]
        if role not in found and len(near) == 1 and near[0] not in found.values():
            found[role] = near[0]
    if "item" not in found and "title" in found:  # a table that names its films only
        found["item"] = found["title"]
    return found


def by_content(rows: Sequence[Sequence[str]], width: int) -> dict[Role, int]:
    """The roles in a table without a header: user and item first, as everywhere, then the rating.

    The rating is the third column where that can be one; else the one that looks most like one: of
    few different numbers, not a feature of the user or of the item alone, not a time. The time is
    a column of dates or of seconds since 1970, or whole numbers behind the three. A wide table is
    no list of ratings: it may be a matrix with a column for each item.
    """
    if not 3 <= width <= _WIDEST:
        return {}
    cells = [[row[place] for row in rows if place < len(row)] for place in range(width)]
    numbers = [[number(cell, ",", math.inf) for cell in column if cell] for column in cells]
    numeric = [
        len(column) > 0 and sum(n is not None for n in column) > 0.5 * len(column)
        for column in numbers
    ]
    times = [_is_time(cells[i], numbers[i]) for i in range(width)]
    scores = {
        place: _score([n for n in numbers[place] if n is not None])
        - 5 * any(_follows(rows, place, other) for other in (0, 1))
        for place in range(2, width)
        if numeric[place] and not times[place]
    }
    if not scores and not (len(rows[0]) > 2 and number(rows[0][2], ",") is not None):
        return {}
    rating = (
        2
        if not scores or (width < 5 and 2 in scores)
        else max(scores, key=lambda p: (scores[p], -p))
    )
    found: dict[Role, int] = {"user": 0, "item": 1, "rating": rating}
    later = [place for place in range(2, width) if times[place]]
    if later:
        found["time"] = later[0]
    elif width == 4 and rating == 2 and numeric[3]:
        found["time"] = 3
    return found


def named(columns: Mapping[Role, int]) -> dict[Role, int]:
    """`columns`, where a title may stand for the item too."""
    return {"item": columns["title"], **columns} if "title" in columns else dict(columns)


def _plain(field: str) -> str:
    return re.sub(r"[\W_]+", "", _KIND.sub("", field.strip()).casefold())


def _is_time(cells: Sequence[str], numbers: Sequence[float | None]) -> bool:
    filled = [cell for cell in cells if cell]
    dates = sum(_DATE.fullmatch(cell) is not None for cell in filled)
    late = sum(n is not None and n > _EARLIEST for n in numbers)
    return bool(filled) and max(dates, late) > 0.5 * len(filled)


def _score(numbers: Sequence[float]) -> int:
    """How much some numbers look like ratings."""
    levels = len(set(numbers))
    top = max(numbers)
    return (
        2 * (3 <= levels <= 11)
        - 3 * (levels < 2)
        + (levels <= _MOST_LEVELS)
        + (top in (5, 10))
        + (top <= 100)
    )


def _follows(rows: Sequence[Sequence[str]], place: int, other: int) -> bool:
    """Whether a column says the same wherever `other` does, as a genre does of an item."""
    pairs = {(row[other], row[place]) for row in rows if place < len(row)}
    keys = {key for key, _ in pairs}
    return len(pairs) == len(keys) < len(rows) and len({value for _, value in pairs}) > 1
