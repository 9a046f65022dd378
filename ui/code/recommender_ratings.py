"""Reading the recommender's ratings as code to take home: the bundled ones, or a visitor's file."""

from __future__ import annotations

from sim.recommender.upload import Origin

_BUNDLED = """\
frame = data("dslabs", "movielens")
user, item = (torch.tensor(frame[name].factorize()[0]) for name in ("userId", "movieId"))
"""
_OWN = """\
frame = frame.drop_duplicates(["user", "item"], keep="last"){in_order}
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
_BY_LINE = """\
def fields(line):  # quotation marks enclose a field where they can, else they are a part of it
    try:
        return next(csv.reader([line], delimiter={separator}, skipinitialspace=True, strict=True))
    except csv.Error:
        parts = line.split({separator})
        return [part.strip('" ') for part in parts] if line.startswith('"') else parts


with {opened} as text:
    rows = [fields({line}) for line in text.read().split("\\n")[{start}:] if line.strip()]
frame = pd.DataFrame(rows).fillna("").iloc[:, {places}].set_axis({names}, axis=1)
"""
_TIME = """\
time = {time}
frame = frame.assign(time=time).sort_values("time", kind="stable", na_position="first")
"""


def needs(origin: Origin | None) -> tuple[str, ...]:
    """The modules of the standard library that reading the file takes."""
    if origin is None:
        return ()
    by_line = origin.form.quotes == "line"
    packed = {"zip": ("io", "zipfile"), "gz": ("gzip",) if by_line else (), "": ()}[origin.packed]
    return (*packed, "csv") if by_line else packed


def read(origin: Origin | None, rating_range: tuple[float, float]) -> str:
    """The ratings as tensors `user`, `item` and `rating`, and the rows of `train` and `valid`."""
    low, high = rating_range
    stretched = "" if origin is None else _STRETCHED.format(low=low, span=high - low)
    return (
        (_BUNDLED if origin is None else _own(origin))
        + 'rating = torch.tensor(frame["rating"].to_numpy(), dtype=torch.float32)\n'
        + stretched
        + _SPLIT
    )


def column(origin: Origin | None, role: str) -> str:
    """The column of the table that holds the ids of a role, user or item, as code."""
    own = {"user": "userId", "item": "movieId"}[role] if origin is None else role
    return f'frame["{own}"]'


def text_ids(origin: Origin) -> bool:
    """Whether the code has users and items as texts; else as whole numbers."""
    return origin.text_ids or bool(origin.left_out - {"not_rated"}) or _by_text(origin)


def names(origin: Origin | None) -> str:
    """The line that makes `names`, what each item is called, in the order of their numbers."""
    if origin is None:
        return 'names = frame.drop_duplicates("movieId")["title"].tolist()'
    return 'names = frame["item"].unique().tolist()'


def _own(origin: Origin) -> str:
    """The lines that read the file into `frame`, one row for each pair of a user and an item."""
    in_order = ".sort_index()" if origin.time_form else ""
    return (
        (_by_line(origin) if origin.form.quotes == "line" else _frame(origin))
        + _cleaned(origin)
        + (_TIME.format(time=_time(origin.time_form)) if origin.time_form else "")
        + _OWN.format(in_order=in_order)
    )


def _time(form: str) -> str:
    if form == "number":
        return 'pd.to_numeric(frame["time"], errors="coerce")'
    dates = 'frame["time"].str.strip()'
    return f'pd.to_datetime({dates}, format="{form}", errors="coerce", utc=True)'


def _frame(origin: Origin) -> str:
    """The lines that read the file into `frame`, with the columns user, item and rating."""
    unpacked, file = "", _text(origin.name)
    if origin.packed == "zip":
        unpacked = (
            f"with zipfile.ZipFile({file}) as archive:\n"
            f"    file = io.BytesIO(archive.read({_text(origin.file)}))\n"
        )
        file = "file"
    lines = [f"    {argument}," for argument in (file, *_arguments(origin))]
    end = ")"
    if "few_columns" in origin.left_out:
        roles = [role for _place, role in _places(origin)]
        end = f").set_axis({roles}, axis=1)".replace("'", '"')
    return unpacked + "\n".join(["frame = pd.read_csv(", *lines, end, ""])


def _by_line(origin: Origin) -> str:
    """The same for a file in which some quotation marks enclose a field, and others do not."""
    encoding = "utf-8-sig" if origin.encoding == "utf-8" else origin.encoding
    errors = "" if origin.fits else ', errors="replace"'
    name, encoded = _text(origin.name), f'encoding="{encoding}"{errors}'
    opened, before = f"open({name}, {encoded})", ""
    if origin.packed == "gz":
        opened = f'gzip.open({name}, "rt", {encoded})'
    elif origin.packed == "zip":
        before = f"archive = zipfile.ZipFile({name})\n"
        opened = f"io.TextIOWrapper(archive.open({_text(origin.file)}), {encoded})"
    places, roles = zip(*_places(origin), strict=True)
    return before + _BY_LINE.format(
        separator=_text(origin.form.separator),
        line='" ".join(line.split())' if origin.form.separator == " " else "line",
        opened=opened,
        start=origin.form.start or "",
        places=list(places),
        names=str(list(roles)).replace("'", '"'),
    )


def _cleaned(origin: Origin) -> str:
    """The lines that make numbers of texts, and leave out the rows that are no ratings."""
    text = ""
    if text_ids(origin):
        text += 'for name in ("user", "item"):\n    frame[name] = frame[name].str.strip()\n'
    if _text_ratings(origin):
        comma = '.str.replace(",", ".")' if origin.form.decimal == "," else ""
        text += f'rating = pd.to_numeric(frame["rating"]{comma}, errors="coerce")\n'
        text += "frame = frame.assign(rating=rating)\n"
    conditions = []
    if origin.left_out & {"empty", "few_columns", "no_id"}:
        conditions.append('(frame[["user", "item"]] != "").all(axis=1)')
    if "too_long" in origin.left_out:
        conditions.append('(frame["user"].str.len() <= 256) & (frame["item"].str.len() <= 256)')
    if origin.left_out & {"few_columns", "no_rating", "not_a_number", "too_far"}:
        conditions.append('(frame["rating"].abs() <= 1e6)')
    if origin.not_rated:
        conditions.append(f'~frame["rating"].isin({list(origin.not_rated)})')
    return text + "".join(f"frame = frame[{condition}]\n" for condition in conditions)


def _text_ratings(origin: Origin) -> bool:
    return origin.form.decimal == "," or bool(origin.left_out - {"not_rated"}) or _by_text(origin)


def _by_text(origin: Origin) -> bool:
    return origin.form.quotes == "line"


def _places(origin: Origin) -> list[tuple[int, str]]:
    roles = ("user", "item", "rating", *(("time",) if origin.time_form else ()))
    return sorted((origin.form.columns[role], role) for role in roles)  # type: ignore[index]


def _arguments(origin: Origin) -> list[str]:
    form = origin.form
    places = _places(origin)
    short = "few_columns" in origin.left_out
    texts = [*(("user", "item") if text_ids(origin) else ())]
    texts += [*(("rating",) if _text_ratings(origin) else ())]
    arguments = [
        "header=None",
        f"usecols={[place for place, _role in places]}",
        # where the first row may be too short, pandas has to be told how many columns there are
        f"names=range({origin.form.width}), index_col=False"
        if short
        else f"names={[role for _place, role in places]}".replace("'", '"'),
        "keep_default_na=False",
    ]
    if form.start:
        arguments.insert(1, f"skiprows={form.start}")
    if form.separator == " ":
        arguments.insert(0, 'sep=r"\\s+"')
    elif form.separator != ",":
        arguments.insert(0, f"sep={_text(form.separator)}")
    if form.separator == "::":
        arguments += ['engine="python"', "quoting=3"]
    if form.quotes == "table":
        arguments.append("skipinitialspace=True")
    if origin.encoding != "utf-8":
        arguments.append(f'encoding="{origin.encoding}"')
    if not origin.fits:
        arguments.append('encoding_errors="replace"')
    if origin.packed == "gz":
        arguments.append('compression="gzip"')
    if texts:
        keys = {role: place if short else f'"{role}"' for place, role in places}
        types = ", ".join(f"{keys[name]}: str" for name in texts)
        arguments.append(f"dtype={{{types}}}")
    return arguments


def _text(text: str) -> str:
    """A string literal."""
    return repr(text)
