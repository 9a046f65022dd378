"""What a visitor may choose about a file, what a look at it shows, and what was read from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sim.recommender.ratings import Ratings
from sim.recommender.upload.columns import Role
from sim.recommender.upload.rows import LeftOut
from sim.recommender.upload.tables import Form


@dataclass(frozen=True, slots=True)
class Choices:
    """How a file is to be read where it is not to be as found; None means as found."""

    table: str | None = None
    """One of `Look.tables`."""
    encoding: str | None = None
    """One of `Look.encodings`, or another of `sim.recommender.encodings.KNOWN`."""
    columns: Mapping[Role, int] | None = None
    """Which column has which role, from 0; a role that is not named has none."""
    not_rated: tuple[float, ...] | None = None
    """The values that say "not rated"; () for none."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the beginning of a file shows."""

    tables: tuple[str, ...]
    """The tables in the archive that could be the one, the most likely first."""
    table: str
    """The one looked at."""
    encoding: str
    """The encoding found or chosen, as Python names it."""
    encodings: tuple[str, ...]
    """Those that the file could be in, the most likely first."""
    header: bool
    """Whether the first row names the columns."""
    names: tuple[str, ...]
    """The columns' names; "1", "2", … without a header."""
    sample: tuple[tuple[str, ...], ...]
    """The first rows, at most 20, a text for each name."""
    columns: Mapping[Role, int]
    """Which column has which role, as found or chosen; some may be lacking."""


@dataclass(frozen=True, slots=True)
class Origin:
    """How ratings stand in a visitor's file: what it takes to read them again elsewhere."""

    name: str
    """The name of the file that was given."""
    packed: Literal["", "gz", "zip"]
    """How it is packed."""
    file: str
    """The full name of the table, in the archive if there is one."""
    encoding: str
    """As in `Upload`."""
    form: Form
    """Separator, columns, header, quotation marks and decimal sign."""
    text_ids: bool
    """Whether users and items are named by texts; else by whole numbers."""
    left_out: frozenset[str] = frozenset()
    """The reasons for which some rows are no ratings (see `LeftOut`), "empty" among them."""
    not_rated: tuple[float, ...] = ()
    """As in `Upload`."""
    fits: bool = True
    """Whether all of the file fits its encoding."""
    time_form: str = ""
    """How the times are written, "number" or as pandas has it, where they decide between several
    ratings of an item by one user; else ""."""


@dataclass(frozen=True, slots=True, eq=False)
class Upload:
    """What was read, and what there is to say about it.

    Every row is accounted for: len(ratings) + duplicates + the counts of `left_out` == lines.
    """

    ratings: Ratings
    rating_range: tuple[float, float]
    """The range for `Settings.rating_range` (see `ratings.rating_range`)."""
    file: str
    """The name of the file of ratings, in the archive if there was one."""
    encoding: str
    """The encoding found or chosen, as Python names it."""
    header: bool
    """Whether the first row names the columns."""
    duplicates: int
    """Rows left out because another one rates the same item by the same user: the latest counts,
    by the column of times where there is one, else by the order of the rows."""
    untitled: int
    """Items without a title; their id stands in for it."""
    origin: Origin
    """How to read the same ratings from the file."""
    look: Look
    """What the file looks like, and how it was taken."""
    lines: int
    """Rows of the table that are not empty, without its header."""
    left_out: tuple[LeftOut, ...] = ()
    """Rows that are no ratings, by reason, the most frequent first."""
    not_rated: tuple[float, ...] = ()
    """The values that were taken for "not rated"."""
    apart: tuple[tuple[float, int], ...] = ()
    """Values that stand apart from the scale of the others and how often each is given, whether or
    not they were left out: to be asked about."""
    titles: str = ""
    """The name of the table that the titles come from; "" where it is none beside the ratings."""
