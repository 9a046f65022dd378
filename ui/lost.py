"""The page at an address where no screen is: it says so, and leads to those that are.

A page of its own without Streamlit, so it needs nothing but the address.
"""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from html import escape
from pathlib import Path
from urllib.parse import urlencode

from ui import i18n, theme
from ui.i18n import _
from ui.lecture import HOME, TOPICS
from ui.text import short

SCREENS = tuple(topic.name for topic in TOPICS)
"""Where screens are, beside the home screen at the root."""

_PAGE = """<!doctype html>
<html lang="{lang}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<link rel="icon" href="{icon}">
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 15vh auto; max-width: 40rem; padding: 0 1.5rem; font: 1.05rem/1.6 system-ui,
  sans-serif; color: light-dark({ink_light}, {ink_dark});
  background: light-dark(#FFFFFF, #12151C); }}
h1 {{ font-size: 1.9rem; line-height: 1.3; font-weight: 650; }}
code {{ overflow-wrap: anywhere; }}
a {{ color: light-dark(#5B55C9, #A5A0FF); }}
nav {{ display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; }}
</style>
<h1>{title}</h1>
<p>{sentence}</p>
<nav>{links}</nav>
"""


def page(path: str, asked: str | None, accepted: str | None) -> str:
    """The page for `path` (below the root of the lab), as HTML.

    In the language that the link has `asked` for, else in the one that the browser accepts. Its
    links are relative, so they are right behind a proxy, too.
    """
    i18n.activate(asked if asked in i18n.LANGUAGES else i18n.from_locale(accepted))
    sentence = escape(_("There is no screen at {path}. Go on to the home screen, or to any other:"))
    root = "../" * (path.count("/") - 1) or "./"
    query = f"?{urlencode({'lang': asked})}" if asked in i18n.LANGUAGES else ""
    targets = {"": _("Home")} | {topic.name: _(topic.title) for topic in TOPICS}
    return _PAGE.format(
        lang=i18n.language(),
        title=escape(_(HOME.title)),
        icon=_icon(),
        ink_light=theme.LIGHT["data"],
        ink_dark=theme.DARK["data"],
        sentence=sentence.format(path=f"<code>{escape(short(path, 80))}</code>"),
        links="".join(
            f'<a href="{root}{name}{query}">{escape(title)}</a>' for name, title in targets.items()
        ),
    )


@cache
def _icon() -> str:
    drawing = Path(__file__).with_name("favicon.svg").read_bytes()
    return f"data:image/svg+xml;base64,{b64encode(drawing).decode('ascii')}"
