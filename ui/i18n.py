"""English and Chinese: gettext catalogues, and which of them speaks in this run.

The active language is a context variable, not session state, so charts can be translated without
knowing Streamlit and two visitors' runs can never mix.

>>> activate("zh")
>>> _("Overfitting")
'过拟合'
>>> activate("en")
"""

from __future__ import annotations

import gettext
from contextvars import ContextVar
from functools import cache
from pathlib import Path

LANGUAGES = {"en": "EN", "zh": "中文"}
LOCALES = Path(__file__).with_name("locale")
DOMAIN = "lab"

_language: ContextVar[str] = ContextVar("language", default="en")


def activate(language: str) -> None:
    """Let `_` speak this language for the rest of the run."""
    _language.set(language if language in LANGUAGES else "en")


def language() -> str:
    """The code of the active language."""
    return _language.get()


def from_locale(locale: str | None) -> str:
    """The language for a browser's locale: Chinese for any `zh`, else English.

    >>> from_locale("zh-TW"), from_locale("de-AT"), from_locale(None)
    ('zh', 'en', 'en')
    """
    return "zh" if (locale or "").lower().startswith("zh") else "en"


@cache
def _catalogue(code: str) -> gettext.NullTranslations:
    # The messages in the code are the English catalogue.
    return gettext.translation(DOMAIN, LOCALES, [code], fallback=True)


def _(message: str) -> str:
    """The message in the active language."""
    return _catalogue(_language.get()).gettext(message)


def N_(message: str) -> str:  # noqa: N802 (gettext's own name)
    """Mark a message for the catalogues where it is not yet shown."""
    return message
