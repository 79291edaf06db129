"""Six other surrogates for the selected face, to pick one by its looks."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QGridLayout, QPushButton, QToolButton, QVBoxLayout, QWidget

from deid_desktop.gui.qimage import pixmap_of
from deid_desktop.gui.theme import Theme
from deid_desktop.session.alternatives import COUNT, Alternatives
from deid_desktop.session.language import tr

_SIDE = 84
_COLUMNS = 3


class AlternativesStrip(QWidget):
    """A button that opens the strip, and the strip."""

    def __init__(
        self, alternatives: Alternatives, theme: Theme, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._alternatives, self._theme = alternatives, theme
        self.open = QPushButton(tr("Choose from alternatives"))
        self.open.setCheckable(True)
        self.open.setProperty("flat", "true")
        self._holder = QWidget()
        grid = QGridLayout(self._holder)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        self.buttons: list[QToolButton] = []
        for number in range(COUNT):
            button = QToolButton()
            button.setIconSize(QSize(_SIDE, _SIDE))
            button.setMinimumSize(_SIDE + 12, _SIDE + 12)
            button.setAccessibleName(tr("Alternative {number}", number=number + 1))
            button.setToolTip(tr("Take this surrogate; it is then made in full and verified"))
            grid.addWidget(
                button, number // _COLUMNS, number % _COLUMNS, Qt.AlignmentFlag.AlignLeft
            )
            self.buttons.append(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.open, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self._holder)
        self._holder.hide()
        self.open.toggled.connect(self._holder.setVisible)
        self.open.toggled.connect(alternatives.show)
        for number, button in enumerate(self.buttons):
            button.clicked.connect(partial(self._take, number))
        alternatives.changed.connect(self._refresh)
        theme.changed.connect(self._refresh)
        self._refresh()

    def _refresh(self) -> None:
        made = self._alternatives.pictures()
        waiting = self._theme.icon("mdi6.timer-sand", self._theme.colours.faint)
        failed = self._theme.icon("mdi6.alert", self._theme.colours.attention)
        for number, button in enumerate(self.buttons):
            picture = made[number][1] if number < len(made) else None
            button.setEnabled(picture is not None)
            if picture is not None:
                button.setIcon(QIcon(pixmap_of(picture)))
            else:
                button.setIcon(failed if number < len(made) else waiting)

    def _take(self, number: int) -> None:
        made = self._alternatives.pictures()
        if number < len(made):
            self._alternatives.take(made[number][0])
