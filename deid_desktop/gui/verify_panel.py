"""The verdict on the selected face: words first, what to do next, numbers below."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from deid_desktop.core.types import Method, State
from deid_desktop.gui.theme import Theme, icon_side, title_font
from deid_desktop.gui.wrapping import WrappingRow
from deid_desktop.session.document import Document
from deid_desktop.session.language import tr
from deid_desktop.session.words import finding


class VerifyPanel(QFrame):
    """A card that follows the selected face."""

    def __init__(self, document: Document, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._document, self._theme = document, theme
        self._symbol = QLabel()
        self.headline = QLabel()
        self.headline.setFont(title_font(self.font(), scale=1.2))
        self.reason = self._words()
        self.advice = self._words()
        self.advice.setProperty("role", "faint")
        self.figure = self._words()
        self.solid = QPushButton(tr("Use a solid mask"))
        self.again = QPushButton(tr("Try again"))
        self.no_face = QPushButton(tr("Not a face"))
        self.no_face.setToolTip(tr("Remove the selected box: it holds no face"))
        self.numbers = QPushButton()
        self.numbers.setProperty("flat", "true")
        self.numbers.setCheckable(True)
        self._grid_holder = QWidget()
        self._grid = QGridLayout(self._grid_holder)
        self._figures: list[tuple[QLabel, QLabel]] = []
        self._lay_out()
        self.solid.clicked.connect(lambda: document.set_method(Method.SOLID))
        self.again.clicked.connect(self._retry)
        self.no_face.clicked.connect(document.remove_face)
        self.numbers.toggled.connect(self._show_numbers)
        self._show_numbers(False)
        document.selection_changed.connect(self._select)
        document.subject_changed.connect(self._refresh)
        document.faces_changed.connect(self._refresh)
        theme.changed.connect(self._refresh)
        self._refresh()

    def _words(self) -> QLabel:
        label = QLabel()
        label.setWordWrap(True)
        return label

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 12, 14, 10)
        column.setSpacing(6)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._symbol)
        head.addWidget(self.headline, 1)
        column.addLayout(head)
        column.addWidget(self.reason)
        column.addWidget(self.figure)
        column.addWidget(self.advice)
        column.addLayout(WrappingRow((self.again, self.no_face, self.solid)))
        column.addWidget(self.numbers, 0, Qt.AlignmentFlag.AlignLeft)
        self._grid.setContentsMargins(6, 0, 0, 2)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(3)
        self._grid.setColumnStretch(0, 1)
        column.addWidget(self._grid_holder)
        column.addStretch(1)

    def _select(self) -> None:
        self.setMinimumHeight(0)
        self._refresh()

    def _refresh(self) -> None:
        subject = self._document.selected
        self.setVisible(subject is not None)
        if subject is None:
            return
        found = finding(subject)
        state = subject.state
        side = icon_side(self.font()) + 2
        self._symbol.setPixmap(self._theme.state_icon(state).pixmap(QSize(side, side)))
        self.headline.setText(found.headline)
        colour = f"color: {self._theme.state_colour(state).name()}"
        if self.headline.styleSheet() != colour:  # setting it works the whole style out again
            self.headline.setStyleSheet(colour)
        self.reason.setText(found.reason)
        self.figure.setText(found.figure)
        self.figure.setVisible(bool(found.figure))
        self.advice.setText(found.advice)
        self.advice.setVisible(bool(found.advice))
        stuck = state is State.ATTENTION
        self.solid.setVisible(stuck)
        # Where nothing broke, the same would come of it again: "another face" is below.
        self.again.setVisible(stuck and subject.broke == subject.place)
        self.no_face.setVisible(found.no_face)
        self._fill(found.numbers)
        # The card never shrinks under a moving slider: what lies below would jump away.
        layout = self.layout()
        height = layout.heightForWidth(self.width()) if layout else 0
        self.setMinimumHeight(max(self.minimumHeight(), height))

    def _fill(self, rows: tuple[tuple[str, str], ...]) -> None:
        while len(self._figures) < len(rows):
            name, figure = QLabel(), QLabel()
            name.setProperty("role", "faint")
            self._grid.addWidget(name, len(self._figures), 0)
            self._grid.addWidget(figure, len(self._figures), 1, Qt.AlignmentFlag.AlignRight)
            self._figures.append((name, figure))
        for number, labels in enumerate(self._figures):
            for column, label in enumerate(labels):
                label.setVisible(number < len(rows))
                label.setText(rows[number][column] if number < len(rows) else "")
        self.numbers.setVisible(bool(rows))
        self._grid_holder.setVisible(bool(rows) and self.numbers.isChecked())

    def _show_numbers(self, visible: bool) -> None:
        self.numbers.setText(tr("Hide the numbers") if visible else tr("All numbers"))
        self._grid_holder.setVisible(visible)

    def _retry(self) -> None:
        entry, subject = self._document.current, self._document.selected
        if entry is not None and subject is not None:
            self._document.retry(entry, subject.face.id)
