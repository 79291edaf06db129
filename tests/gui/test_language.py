"""Every word of the interface can be translated, and is, into every language that ships."""

import ast
import re
from pathlib import Path

import pytest
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QLabel,
    QLineEdit,
    QSpinBox,
    QTabWidget,
    QWidget,
)

import deid_desktop
from deid_desktop.core.types import Method
from deid_desktop.gui.main_window import MainWindow
from deid_desktop.gui.theme import Theme
from deid_desktop.session import language
from deid_desktop.session.language import LANGUAGES, catalogue, tr, use_language, use_words
from deid_desktop.session.settings import SCHEMES, Settings
from deid_desktop.session.words import summary

PACKAGE = Path(deid_desktop.__file__).parent
SHIPPED = [code for code in LANGUAGES if code not in ("system", "en")]


def texts_in(source: str) -> set[str]:
    """Return what is handed to ``tr`` and ``later``."""
    return {
        call.args[0].value
        for call in ast.walk(ast.parse(source))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in ("tr", "later")
        and isinstance(call.args[0], ast.Constant)
    }


def core_reasons() -> set[str]:
    """Return the fixed sentences of the core's verdicts."""
    found = set()
    for name in ("pipeline/__init__.py", "pipeline/studio.py", "verify.py", "analyse.py"):
        nodes = list(ast.walk(ast.parse((PACKAGE / "core" / name).read_text(encoding="utf-8"))))
        docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        texts = (n.value for n in nodes if isinstance(n, ast.Constant) and id(n) not in docstrings)
        found |= {t for t in texts if isinstance(t, str) and re.fullmatch(r"[A-Z][^\n]{14,}\.", t)}
    # A warning for whoever runs the program in a terminal; the window has its own words for it.
    return {text for text in found if not text.startswith("The graphics card")}


@pytest.fixture
def in_code():
    sources = [*PACKAGE.glob("session/*.py"), *PACKAGE.glob("gui/*.py")]
    found = set().union(*(texts_in(path.read_text(encoding="utf-8")) for path in sources))
    found |= set(SCHEMES) | core_reasons()
    return found | {f"This face is hidden ({m})." for m in ("solid", "blur", "pixelate")}


@pytest.fixture
def english():
    yield
    use_words({})


@pytest.mark.parametrize("code", SHIPPED)
def test_every_text_is_translated_and_no_translation_is_left_over(in_code, code):
    words = catalogue(code)
    assert sorted(in_code - words.keys()) == []
    assert sorted(words.keys() - in_code) == []


@pytest.mark.parametrize("code", SHIPPED)
def test_placeholders_survive_translation(code):
    for text, words in catalogue(code).items():
        assert words.strip()
        places = [sorted(re.findall(r"{[^}]*}", each)) for each in (text, words)]
        assert places[0] == places[1], text


@pytest.mark.parametrize("code", ["en", *SHIPPED])
def test_menu_letters_are_unique_within_their_menu(code):
    from deid_desktop.gui.actions import ACTIONS, MENUS

    words = catalogue(code)
    titles = {entry.key: words.get(entry.text, entry.text) for entry in ACTIONS}
    for keys in [[titles[key] for key in menu if key] for menu in MENUS.values()]:
        letters = re.findall(r"&(\w)", " ".join(keys).lower())
        assert len(letters) == len(set(letters)), keys
    letters = [re.findall(r"&(\w)", words.get(title, title).lower())[0] for title in MENUS]
    assert len(letters) == len(set(letters))


class Marked(dict):
    """Stands for a language in which every text is put into brackets."""

    def get(self, text, default=None):
        return f"⟦{text}⟧"


def shown_texts(root: QWidget):
    for widget in (root, *root.findChildren(QWidget)):
        if isinstance(widget, QLabel | QAbstractButton):
            yield widget, widget.text()
        if isinstance(widget, QComboBox):
            yield from ((widget, widget.itemText(row)) for row in range(widget.count()))
        if isinstance(widget, QTabWidget):
            yield from ((widget, widget.tabText(row)) for row in range(widget.count()))
        if isinstance(widget, QLineEdit):
            yield widget, widget.placeholderText()
        if isinstance(widget, QSpinBox):
            yield widget, widget.prefix()
        yield widget, widget.toolTip()
        yield widget, widget.accessibleName()
        yield widget, widget.windowTitle()


def test_no_word_on_the_screen_goes_around_the_catalogue(
    document, renderer, theme, photo_file, settle, tmp_path, qtbot, monkeypatch, english
):
    monkeypatch.setattr(language, "_words", Marked())
    window = MainWindow(document, renderer, theme, Settings(tmp_path / "settings" / "w.ini"))
    qtbot.addWidget(window)
    window.show()
    window.open_paths([photo_file("1.png"), photo_file("2.png")])
    settle()
    document.select(1)
    document.set_method(Method.BLUR)
    window.review.decide(approved=True)
    settle()
    window.export_photo()
    window.show_settings()
    roots = (window, window.export_dialog, window.settings_dialog)
    plain = {"Deid Desktop", "CPU", "CUDA", "MPS", "JPEG", "PNG", "WebP", "TIFF", "AVIF"}
    plain |= set(LANGUAGES.values())
    bare = set()
    for root in roots:
        for widget, text in shown_texts(root):
            rest = re.sub(r"⟦.*⟧", "", text, flags=re.DOTALL)
            words = re.search(r"[A-Za-z]{3,}", rest.replace("[*]", ""))
            inner = widget.objectName().startswith("qt_") or text.startswith("Scroll ")
            if words and not inner and rest not in plain and ".png" not in rest:
                if "Ctrl" in rest or "Del" in rest or "Deid Desktop" in rest or "/" in rest:
                    continue
                bare.add(f"{type(widget).__name__}: {text}")
    assert sorted(bare) == []


def test_german_and_chinese_are_spoken(document, photo_file, english):
    document.open([photo_file()])
    for code, words in (("de", "Gesichter werden gesucht …"), ("zh", "正在查找人脸…")):
        use_language(code)
        assert summary(document.current).text == words
    use_language("en")
    assert tr("Verified") == "Verified"


def test_the_window_comes_up_in_every_language(
    document, renderer, theme: Theme, tmp_path, qtbot, english
):
    use_language("de")
    window = MainWindow(document, renderer, theme, Settings(tmp_path / "settings" / "w.ini"))
    qtbot.addWidget(window)
    assert window.actions_by_key["undo"].text().startswith("&Rückgängig")


def test_a_mnemonic_in_brackets_is_no_part_of_the_words():
    from deid_desktop.gui.actions import plain

    assert plain("打开照片(&O)…") == "打开照片…"
    assert plain("&Open photos …") == "Open photos …"
