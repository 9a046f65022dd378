"""The catalogues: complete, current, compiled, and never mixed between visitors."""

from __future__ import annotations

import ast
import gettext
import re
import threading
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from ui import i18n

ROOT = Path(__file__).parents[1]
PO = i18n.LOCALES / "zh/LC_MESSAGES/lab.po"


def _extracted() -> set[str]:
    keywords = {"_": None, "N_": None}
    return {
        message
        for room in ("ui", "pages", "sim")
        for _, _, message, _, _ in extract_from_dir(ROOT / room, keywords=keywords)
    }


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    with PO.open("rb") as file:
        return read_po(file, locale="zh")


def test_no_message_is_missing_or_unused(catalogue: Catalog) -> None:
    translated = {message.id for message in catalogue if message.id}
    assert len(translated) > 500
    assert _extracted() - translated == set(), "missing: run the three commands of the README"
    assert translated - _extracted() == set(), "unused"
    assert not catalogue.obsolete


def test_no_message_is_fuzzy_or_empty(catalogue: Catalog) -> None:
    for message in catalogue:
        if message.id:
            assert message.string, message.id
            assert not message.fuzzy, message.id


def test_a_translation_keeps_the_placeholders_and_the_keys(catalogue: Catalog) -> None:
    for message in catalogue:
        if message.id:
            for pattern in (r"\{[^}]*\}", r"`[^`]*`"):
                ours, theirs = (re.findall(pattern, t) for t in (message.id, message.string))
                assert sorted(ours) == sorted(theirs), message.id


def test_the_compiled_catalogue_is_the_written_one(catalogue: Catalog) -> None:
    """Messages and translations, not bytes: those carry the version of the tool that wrote them."""
    written = {message.id: message.string for message in catalogue if message.id}
    with PO.with_suffix(".mo").open("rb") as file:
        compiled = {message.id for message in read_mo(file) if message.id}
        file.seek(0)
        translate = gettext.GNUTranslations(file).gettext
    assert compiled == written.keys(), "run pybabel compile"
    assert {message: translate(message) for message in written} == written, "run pybabel compile"


def _hidden(source: str) -> list[str]:
    """The messages in f-strings: Babel does not look there on Python 3.11."""
    texts = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.JoinedStr)]
    calls = [node for text in texts for node in ast.walk(text) if isinstance(node, ast.Call)]
    marked = [call.args[0] for call in calls if getattr(call.func, "id", "") in ("_", "N_")]
    return [message.value for message in marked if isinstance(message, ast.Constant)]


def test_no_message_hides_in_an_f_string() -> None:
    assert _hidden("""f"<b>{_('Seed')}</b> {_(name)}" + _("Reset")""") == ["Seed"]
    for room in ("ui", "pages", "sim"):
        for path in (ROOT / room).rglob("*.py"):
            assert _hidden(path.read_text(encoding="utf-8")) == [], path


@pytest.mark.parametrize(
    ("locale", "language"),
    [("zh-CN", "zh"), ("zh", "zh"), ("ZH-tw", "zh"), ("en-US", "en"), ("fr", "en"), (None, "en")],
)
def test_the_first_visit_follows_the_browser(locale: str | None, language: str) -> None:
    assert i18n.from_locale(locale) == language


def test_threads_speak_their_own_language() -> None:
    heard: dict[str, str] = {}
    barrier = threading.Barrier(2)

    def visit(language: str) -> None:
        i18n.activate(language)
        barrier.wait()
        heard[language] = i18n._("Overfitting")

    visitors = [threading.Thread(target=visit, args=(code,)) for code in ("en", "zh")]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert heard == {"en": "Overfitting", "zh": "过拟合"}
