"""A message above the photo that waits for an answer without stopping the work."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from deid_desktop.session.language import tr


class Notice(QFrame):
    """One sentence and its answers; every answer takes it away."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "notice")
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.PlainText)  # names come from strangers
        self.answers: list[QPushButton] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(14, 8, 10, 8)
        self._row.setSpacing(8)
        self._row.addWidget(self.words, 1)
        self.hide()

    def ask(self, words: str, *answers: tuple[str, Callable[[], object]]) -> None:
        """Show a sentence with its answers; "Close" is always one of them."""
        for button in self.answers:
            self._row.removeWidget(button)
            button.deleteLater()
        self.answers = []
        self.words.setText(words)
        for text, action in (*answers, (tr("Close"), self.hide)):
            button = QPushButton(text)
            button.clicked.connect(self.hide)
            button.clicked.connect(lambda _checked=False, action=action: action())
            self._row.addWidget(button)
            self.answers.append(button)
        self.show()
