"""What can be wrong with a file from a visitor: a code, the values in it, and the English for both.

A page words the same error in another language by translating `MESSAGES[error.code]` and filling
in `error.values`.
"""


def N_(message: str) -> str:  # noqa: N802 - gettext's name for it
    """Mark a message for the catalogues, which are kept where it is shown."""
    return message


MESSAGES = {
    "empty": N_("{file} is empty; expected ratings, one in each row."),
    "too_large": N_("{file} is larger than {limit} MB, the most that is read here."),
    "too_many_ratings": N_("{file} has more than {limit} ratings, the most that are read here."),
    "not_text": N_(
        "{file} is not a text file; expected CSV, a MovieLens file, or either in a zip."
    ),
    "workbook": N_(
        "{file} is an Excel workbook; expected its sheet with the ratings, saved as a CSV file."
    ),
    "html": N_(
        "{file} is an HTML or XML page, not a table; expected CSV, a MovieLens file, or either in "
        "a zip."
    ),
    "json": N_("{file} is JSON, not a table; expected CSV, a MovieLens file, or either in a zip."),
    "empty_archive": N_("{file} is a .zip file with nothing in it; expected a file of ratings."),
    "damaged_archive": N_("{file} is damaged or not complete; expected a whole .zip or .gz file."),
    "encrypted_archive": N_("{file} is locked with a password; expected an open .zip file."),
    "unknown_compression": N_(
        "{file} is packed in an unusual way; expected an ordinary .zip file."
    ),
    "suspicious_archive": N_(
        "{file} unpacks to more than {ratio} times its size; nothing was read."
    ),
    "too_many_files": N_("{file} holds more than {limit} files; expected one with ratings."),
    "no_ratings_file": N_("{file} holds no ratings.csv, ratings.dat, u.data or other .csv file."),
    "not_a_table": N_(
        "{file}, row {row}: there is one column; expected user, item and rating between "
        "commas, semicolons or tabs."
    ),
    "no_user_column": N_(
        "{file}, row {row}: no column is called user; expected a header such as "
        "user,item,rating and found {found}."
    ),
    "no_item_column": N_(
        "{file}, row {row}: no column is called item, movie or book; expected a header "
        "such as user,item,rating and found {found}."
    ),
    "no_rating_column": N_(
        "{file}, row {row}: no column is called rating; expected a header such as "
        "user,item,rating and found {found}."
    ),
    "no_rows": N_("{file} has no ratings in it; expected one in each row after the header."),
    "few_columns": N_("{file}, row {row}: there are {found} columns; expected {expected}."),
    "no_id": N_("{file}, row {row}: the user or the item is missing; expected both."),
    "not_a_number": N_(
        "{file}, row {row}: the rating {found} is not a number; expected one such as 3.5."
    ),
    "too_far": N_(
        "{file}, row {row}: the rating {found} is too large; expected one from -{limit} to {limit}."
    ),
    "no_rating": N_("{file}, row {row}: the rating is missing; expected a number such as 3.5."),
    "too_many_columns": N_("{file} has more than {limit} columns, the most that are read here."),
    "too_long": N_("{file}, row {row}: a field is too long; expected at most {limit} characters."),
    "unreadable": N_(
        "{file} could not be read as a table; expected user, item and rating in each "
        "row, and every quotation mark closed."
    ),
    "bad_titles": N_("{file}: the titles could not be read; expected a MovieLens list of movies."),
    "few_ratings": N_("{file} has {found} different ratings; expected at least {expected}."),
    "one_user": N_("{file} has ratings by one user only; expected several users."),
    "one_item": N_("{file} has ratings of one item only; expected several items."),
    "too_close": N_(
        "{file}: all ratings lie between {low} and {high}, too close together to tell apart."
    ),
    "one_value": N_("{file} has the rating {found} in every row; expected different ones."),
}
"""An error's code -> its English sentence, with places for `UploadError.values`."""

LEFT_OUT = {
    "few_columns": N_("Too few columns"),
    "no_id": N_("The user or the item is missing"),
    "too_long": N_("The user or the item is too long"),
    "no_rating": N_("The rating is missing"),
    "not_a_number": N_("The rating is not a number"),
    "too_far": N_("The rating is too large"),
    "not_rated": N_("Not rated"),
}
"""Why rows are left out -> a few words for it."""


class UploadError(ValueError):
    """A visitor's file cannot be used: `code` is a key of MESSAGES, `values` fills its places."""

    def __init__(self, code: str, **values: str | int) -> None:
        super().__init__(MESSAGES[code].format(**values))
        self.code = code
        self.values = values

    def __reduce__(self) -> tuple[object, ...]:
        return _again, (self.code, self.values)


def _again(code: str, values: dict[str, str | int]) -> UploadError:
    return UploadError(code, **values)
