"""The status bar's account of running work, with its cancel button."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from deid_desktop.session.language import tr
from deid_desktop.session.render import Renderer


class ProgressStrip(QWidget):
    """Words, bar and cancel; empty while nothing is done."""

    def __init__(self, renderer: Renderer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words = QLabel()
        self.words.setTextFormat(Qt.TextFormat.PlainText)  # names come from strangers
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(180)
        self.bar.setAccessibleName(tr("Progress"))
        self.cancel = QPushButton(tr("Cancel"))
        self.cancel.setProperty("flat", "true")
        self.cancel.clicked.connect(renderer.cancel)
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 0, 0, 0)
        for widget in (self.words, self.bar, self.cancel):
            row.addWidget(widget)
        # Else the photo would jump each time that work begins or ends.
        self.setMinimumHeight(self.cancel.sizeHint().height())
        renderer.progressed.connect(self.show_progress)
        self.show_progress("", 0, 0)

    def show_progress(self, words: str, done: int, total: int) -> None:
        """Follow the renderer; ``total`` 0 means idle."""
        self.words.setText(f"{words} …")
        # A single piece of work has no measure: the bar then only shows that something moves.
        self.bar.setRange(0, total if total > 1 else 0)
        self.bar.setValue(done)
        for widget in (self.words, self.bar, self.cancel):
            widget.setVisible(total > 0)
