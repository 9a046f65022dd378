"""Reading the recommender's ratings as code to take home: the bundled ones, or a visitor's file."""

from __future__ import annotations

from sim.recommender.upload import Origin

_BUNDLED = """\
frame = data("dslabs", "movielens")
user, item = (torch.tensor(frame[name].factorize()[0]) for name in ("userId", "movieId"))
"""
_OWN = """\
frame = frame.drop_duplicates(["user", "item"], keep="last")
user, item = (torch.tensor(frame[name].factorize()[0]) for name in ("user", "item"))
"""
_STRETCHED = """\
low, span = {low!r}, {span!r}  # predictions lie in this range, a little beyond the ratings
rating = 5.5 * (rating - low) / span  # the rates are tuned for a range of this length
"""
_SPLIT = """\
n_users, n_items = int(user.max()) + 1, int(item.max()) + 1
order = torch.tensor(np.random.RandomState(0).permutation(len(rating)))
n_valid = round(0.2 * len(rating))
valid, train = order[:n_valid], order[n_valid:]
"""


def needs(origin: Origin | None) -> tuple[str, ...]:
    """The modules of the standard library that reading the file takes."""
    return ("io", "zipfile") if origin is not None and origin.packed == "zip" else ()


def read(origin: Origin | None, rating_range: tuple[float, float]) -> str:
    """The ratings as tensors `user`, `item` and `rating`, and the rows of `train` and `valid`."""
    low, high = rating_range
    stretched = "" if origin is None else _STRETCHED.format(low=low, span=high - low)
    return (
        (_BUNDLED if origin is None else _frame(origin) + _OWN)
        + 'rating = torch.tensor(frame["rating"].to_numpy(), dtype=torch.float32)\n'
        + stretched
        + _SPLIT
    )


def column(origin: Origin | None, role: str) -> str:
    """The column of the table that holds the ids of a role, user or item, as code."""
    own = {"user": "userId", "item": "movieId"}[role] if origin is None else role
    return f'frame["{own}"]'


def names(origin: Origin | None) -> str:
    """The line that makes `names`, what each item is called, in the order of their numbers."""
    if origin is None:
        return 'names = frame.drop_duplicates("movieId")["title"].tolist()'
    return 'names = frame["item"].unique().tolist()'


def _frame(origin: Origin) -> str:
    """The lines that read the file into `frame`, with the columns user, item and rating."""
    unpacked, file = "", repr(origin.name)
    if origin.packed == "zip":
        unpacked = (
            f"with zipfile.ZipFile({origin.name!r}) as archive:\n"
            "    inside = {name.split('/')[-1]: name for name in reversed(archive.namelist())}\n"
            f"    file = io.BytesIO(archive.read(inside[{origin.file!r}]))\n"
        ).replace("'/'", '"/"')
        file = "file"
    lines = [f"    {argument}," for argument in (file, *_arguments(origin))]
    text = "\n".join(["frame = pd.read_csv(", *lines, ")", ""])
    if origin.text_ids:
        text += 'for name in ("user", "item"):\n    frame[name] = frame[name].str.strip()\n'
    return unpacked + text


def _arguments(origin: Origin) -> list[str]:
    form = origin.form
    places = sorted((form.columns[role], role) for role in ("user", "item", "rating"))
    arguments = [
        f"header={0 if form.header else None}",
        f"usecols={[place for place, _role in places]}",
        f"names={[role for _place, role in places]}".replace("'", '"'),
        "keep_default_na=False",
    ]
    if form.separator != ",":
        arguments.insert(0, f"sep={form.separator!r}".replace("'", '"'))
    if form.separator == "::":
        arguments.append('engine="python"')
    if form.decimal != ".":
        arguments.append(f'decimal="{form.decimal}"')
    if origin.encoding != "utf-8":
        arguments.append(f'encoding="{origin.encoding}"')
    if origin.packed == "gz":
        arguments.append('compression="gzip"')
    if not form.header and form.separator != "::":
        arguments.append("quoting=3")
    if origin.text_ids:
        arguments.append('dtype={"user": str, "item": str}')
    return arguments
