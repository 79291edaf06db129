"""Says that a face's mask was brushed, and takes it back."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from deid_desktop.gui.theme import Theme
from deid_desktop.gui.wrapping import WrappingRow
from deid_desktop.session import brushing
from deid_desktop.session.document import Document
from deid_desktop.session.language import tr


class BrushRow(QWidget):
    """Hidden while there is no stroke."""

    def __init__(self, document: Document, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document, self._theme = document, theme
        self.words = QLabel()
        self.clear = QPushButton(tr("Clear the brush"))
        self.clear.clicked.connect(lambda: brushing.clear(document))
        self.setLayout(WrappingRow((self.words, self.clear)))
        for signal in (document.selection_changed, document.subject_changed):
            signal.connect(self._refresh)
        theme.changed.connect(self._style)
        self._style()
        self._refresh()

    def _refresh(self) -> None:
        subject = self._document.selected
        count = len(subject.request.strokes) if subject is not None else 0
        one, many = tr("1 stroke of the brush"), tr("{count} strokes of the brush", count=count)
        self.words.setText(one if count == 1 else many)
        self.setVisible(count > 0)

    def _style(self) -> None:
        self.clear.setIcon(self._theme.icon("mdi6.layers-remove"))
