"""A box to tick, with a tick: colour alone would not tell."""

from __future__ import annotations

from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QCheckBox, QStyle, QStyleOptionButton

from deid_desktop.gui.theme import Theme


class Tick(QCheckBox):
    """A check box whose mark is drawn over the style's box in the theme's colours."""

    def __init__(self, theme: Theme, text: str) -> None:
        super().__init__(text)
        self._theme = theme

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the mark where it is checked."""
        super().paintEvent(event)
        if not self.isChecked():
            return
        option = QStyleOptionButton()
        self.initStyleOption(option)
        element = QStyle.SubElement.SE_CheckBoxIndicator
        spot = self.style().subElementRect(element, option, self)
        painter = QPainter(self)
        self._theme.icon("mdi6.check-bold", self._theme.colours.on_accent).paint(painter, spot)
        painter.end()
