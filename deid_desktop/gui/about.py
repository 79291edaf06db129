"""What the program is, and what it does not promise."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QMessageBox,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from deid_desktop import __version__
from deid_desktop.gui.theme import title_font
from deid_desktop.licences import components
from deid_desktop.session.language import later, tr

_ABOUT = (
    later("Replaces faces in photos with synthetic surrogates, verified, offline. Apache-2.0."),
    later(
        "A verified surrogate means that a face recogniser no longer links the face to the person. "
        "Hair, ears, clothes, tattoos, name tags and places still can: look at them before you "
        "publish."
    ),
)


def show_about(parent: QWidget) -> None:
    """Show it without blocking the window."""
    box = QMessageBox(parent)
    box.setWindowTitle(tr("About Deid Desktop"))
    words = "".join(f"<p>{tr(text)}</p>" for text in _ABOUT)
    box.setText(f"<h3>Deid Desktop {__version__}</h3>{words}")
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.addButton(QMessageBox.StandardButton.Close)
    licences = box.addButton(tr("&Licences…"), QMessageBox.ButtonRole.ActionRole)
    licences.clicked.connect(partial(show_licences, parent))
    box.open()


def show_licences(parent: QWidget) -> None:
    """Show whose work is inside, without blocking the window."""
    LicencesDialog(parent).open()


class LicencesDialog(QDialog):
    """Everything the program contains, with its licence, and the whole text of the chosen one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Licences"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(860, 560)
        self._components = components()
        title = QLabel(tr("What others have given"))
        title.setFont(title_font(self.font()))
        words = QLabel(tr("Deid Desktop is under Apache-2.0 and contains these works:"))
        words.setWordWrap(True)
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Works"))
        self.list.addItems([f"{one.name} {one.version}" for one in self._components])
        self.licence = QLabel()
        self.licence.setWordWrap(True)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setAccessibleName(tr("Text of the licence"))
        self.list.currentRowChanged.connect(self._show)
        self.list.setCurrentRow(0)
        close = QPushButton(tr("Close"))
        close.setDefault(True)
        close.clicked.connect(self.close)
        self._lay_out(title, words, close)

    def _lay_out(self, title: QLabel, words: QLabel, close: QPushButton) -> None:
        right = QWidget()
        texts = QVBoxLayout(right)
        texts.setContentsMargins(8, 0, 0, 0)
        texts.addWidget(self.licence)
        texts.addWidget(self.text, 1)
        both = QSplitter()
        both.addWidget(self.list)
        both.addWidget(right)
        both.setStretchFactor(1, 1)
        both.setSizes([240, 620])
        last = QHBoxLayout()
        last.addStretch(1)
        last.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(12)
        column.addWidget(title)
        column.addWidget(words)
        column.addWidget(both, 1)
        column.addLayout(last)

    def _show(self, row: int) -> None:
        self.licence.setText(self._components[row].licence)
        self.text.setPlainText(self._components[row].text)
