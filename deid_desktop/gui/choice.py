"""A list to choose one thing from."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QComboBox

from deid_desktop.gui.theme import Theme


class Choice(QComboBox):
    """A combo box with an arrow in the theme's own line."""

    def __init__(self, theme: Theme, title: str, choices: Iterable[str] = ()) -> None:
        super().__init__()
        self._theme = theme
        self.setAccessibleName(title)
        self.addItems(list(choices))
        self.view().setAccessibleName(title)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the arrow over the style's frame."""
        super().paintEvent(event)
        painter = QPainter(self)
        spot = QRect(self.width() - 24, (self.height() - 16) // 2, 16, 16)
        self._theme.icon("mdi6.chevron-down", self._theme.colours.faint).paint(painter, spot)
        painter.end()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Leave the wheel to the panel: a choice is never changed by scrolling past it."""
        event.ignore()
