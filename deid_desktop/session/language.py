"""The words of the interface in the person's language.

English is written in the code; a catalogue per language (``resources/translations``) maps each
English text to its translation. A text without one stays English, and a test fails.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from PySide6.QtCore import QLocale

from deid_desktop.resources import resource

LANGUAGES = {"system": "", "en": "English", "de": "Deutsch", "zh": "中文"}
"""Codes that the settings know, each with its own name for itself."""

_words: dict[str, str] = {}


def catalogue(code: str) -> dict[str, str]:
    """Return English text → translation; empty for English and for languages not shipped."""
    path = resource("translations", f"{code}.json")
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def use_language(code: str) -> None:
    """Speak this language from now on; ``system`` is the one of the desktop."""
    use_words(catalogue(QLocale.system().name()[:2] if code == "system" else code))


def use_words(words: Mapping[str, str]) -> None:
    """Speak the language of this catalogue from now on."""
    _words.clear()
    _words.update(words)


def later(text: str) -> str:
    """Mark a text in a table that is translated when it is shown."""
    return text


def tr(text: str, **values: object) -> str:
    """Return the text in the chosen language, its ``{names}`` filled in."""
    words = _words.get(text, text)
    return words.format(**values) if values else words
