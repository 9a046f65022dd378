"""One table of ratings as text: which separator and columns it has, and where a row is wrong."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from sim.recommender.upload.errors import UploadError

Role = str
_NAMES: dict[Role, str] = {
    "user": "user u username reader reviewer customer 用户",
    "item": "item movie film book product song track artist anime game show series isbn "
    "电影 影片 书 图书 物品 商品",
    "rating": "rating ratings score stars star bookrating grade 评分 打分",
    "title": "title name movietitle moviename filmtitle booktitle itemname 标题 片名 书名 名称",
    "genres": "genres genre category categories 类型",
}
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.ASCII | re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+", re.ASCII)
_LARGEST = 1e6  # far beyond any scale of ratings; its square is still well within float32
_LONGEST = 256  # characters of an id
_SHOWN = 60  # characters of a visitor's text quoted in an error


@dataclass(frozen=True, slots=True)
class Form:
    """How a table is written: `columns` says where each role is, `start` where its rows begin."""

    separator: str
    columns: dict[Role, int]
    start: int
    header: bool
    decimal: str


def find_form(name: str, raw: bytes) -> Form:
    """The form of the table in `raw` (UTF-8), from its first rows. Raises UploadError.

    With a header, its columns are found by their names in any order; without one the columns are
    user, item and rating, as in MovieLens' u.data and ratings.dat.
    """
    lines = list(enumerate(islice(_lines(raw), 100)))
    filled = [(number, line) for number, line in lines if line.strip()]
    if not filled:
        raise UploadError("empty", file=name)
    start, first = filled[0]
    if re.match(r"[^:]+::[^:]+::", first):
        return Form("::", {"user": 0, "item": 1, "rating": 2}, start, False, ".")
    options = {separator: _fields(first, separator) for separator in ("\t", ";", ",")}
    roles = {separator: _roles(fields) for separator, fields in options.items()}
    separator = max(options, key=lambda s: (len(roles[s]), len(options[s])))
    fields, columns = options[separator], roles[separator]
    if len(fields) < 2:
        raise UploadError("not_a_table", file=name, row=start + 1)
    sample = [_fields(line, separator) for _, line in filled]
    if not columns and len(fields) >= 3 and _is_number(fields[2], ",."):
        columns = {"user": 0, "item": 1, "rating": 2}
        return Form(separator, columns, start, False, _decimal(sample, 2))
    for role in ("user", "item", "rating"):
        if role not in columns:
            found = _shown(separator.join(fields))
            raise UploadError(f"no_{role}_column", file=name, row=start + 1, found=found)
    return Form(separator, columns, start + 1, True, _decimal(sample[1:], columns["rating"]))


def read_columns(name: str, raw: bytes, form: Form, max_ratings: int) -> pd.DataFrame:
    """The columns of `form` by their roles, one row per rating, in the file's order.

    Ids are integers where all of a file's ids are, else text without the blanks around it.
    Raises UploadError, naming the first row that is not a rating.
    """
    # pandas' fast reader takes one character only: "1::2" split at ":" has an empty field between
    step, separator = (2, ":") if form.separator == "::" else (1, form.separator)
    places = {role: place * step for role, place in form.columns.items()}
    options: dict[str, Any] = {
        "sep": separator,
        "decimal": form.decimal,
        "header": None,
        "skiprows": form.start,
        "usecols": sorted(set(places.values())),
        "nrows": max_ratings + 1,
        "keep_default_na": False,
        "encoding": "utf-8",
        "quoting": csv.QUOTE_MINIMAL if form.header else csv.QUOTE_NONE,
    }
    texts = {places[role]: str for role in ("title", "genres") if role in places}
    for ids in (np.int64, str):
        types = {places["user"]: ids, places["item"]: ids, places["rating"]: np.float64, **texts}
        try:
            frame = pd.read_csv(BytesIO(raw), dtype=types, **options)
            break
        except (ValueError, OverflowError):
            continue
    else:
        raise _explain(name, raw, form)
    if len(frame) > max_ratings:
        raise UploadError("too_many_ratings", file=name, limit=max_ratings)
    found = pd.DataFrame({role: frame[place] for role, place in places.items()}, copy=False)
    # written so that not-a-number fails too
    if not len(found) or not (found["rating"].abs() <= _LARGEST).all():
        raise _explain(name, raw, form)
    for role in ("user", "item"):
        if found[role].dtype != np.int64:
            found[role] = found[role].str.strip()
            length = found[role].str.len()
            if not length.between(1, _LONGEST).all():
                raise _explain(name, raw, form)
    return found


def _explain(name: str, raw: bytes, form: Form) -> UploadError:
    """The error for the first row that is not a rating. Slow, and so only after a fault."""
    lines = islice(_lines(raw), form.start, None)
    rows: Iterator[list[str]]
    if form.header:
        rows = csv.reader(lines, delimiter=form.separator)
    else:
        rows = (line.rstrip("\r\n").split(form.separator) for line in lines)
    needed = max(form.columns[role] for role in ("user", "item", "rating")) + 1
    number, any_row = form.start, False
    try:
        for number, row in enumerate(rows, start=form.start + 1):
            fields = [field.strip() for field in row]
            if not any(fields):
                continue
            any_row = True
            if len(fields) < needed:
                values = {"found": len(fields), "expected": needed}
                return UploadError("few_columns", file=name, row=number, **values)
            user, item, rating = (fields[form.columns[role]] for role in ("user", "item", "rating"))
            if not (user and item):
                return UploadError("no_id", file=name, row=number)
            if max(len(user), len(item)) > _LONGEST:
                return UploadError("too_long", file=name, row=number, limit=_LONGEST)
            if not _is_number(rating, form.decimal):
                found = _shown(repr(rating))
                return UploadError("not_a_number", file=name, row=number, found=found)
    except csv.Error:
        limit = csv.field_size_limit()
        return UploadError("too_long", file=name, row=number + 1, limit=limit)
    return UploadError("unreadable" if any_row else "no_rows", file=name)


def _lines(raw: bytes) -> Iterator[str]:
    return iter(TextIOWrapper(BytesIO(raw), encoding="utf-8", newline=""))


def _fields(line: str, separator: str) -> list[str]:
    try:
        return [field.strip() for field in next(csv.reader([line], delimiter=separator), [])]
    except csv.Error:
        return []


def _roles(fields: list[str]) -> dict[Role, int]:
    plain = [re.sub(r"[\W_]+", "", field.casefold()) for field in fields]
    found: dict[Role, int] = {}
    for role, names in _NAMES.items():
        for wanted in (name + ending for ending in ("id", "编号", "") for name in names.split()):
            if wanted in plain:
                found.setdefault(role, plain.index(wanted))
    if "item" not in found and "title" in found:  # a table that names its films only
        found["item"] = found["title"]
    return found


def _decimal(rows: list[list[str]], place: int) -> str:
    return (
        ","
        if any(_DECIMAL_COMMA.fullmatch(row[place]) for row in rows if place < len(row))
        else "."
    )


def _is_number(text: str, decimals: str) -> bool:
    for decimal in decimals:
        plain = text if decimal == "." else text.replace(".", "?").replace(decimal, ".")
        if _NUMBER.fullmatch(plain) and abs(float(plain)) <= _LARGEST:
            return True
    return False


def _shown(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
