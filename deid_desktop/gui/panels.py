"""The columns left and right of the photo."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QUndoView,
    QVBoxLayout,
    QWidget,
)

from deid_desktop.session.language import tr


def broken_in_two(button: QAbstractButton, width: int) -> None:
    """Break a button's words near their middle where they are wider than so many pixels."""
    words = button.text().split(" ")
    if button.sizeHint().width() <= width or len(words) < 2:
        return
    ways = [(" ".join(words[:n]), " ".join(words[n:])) for n in range(1, len(words))]
    button.setText("\n".join(min(ways, key=lambda way: max(map(len, way)))))


def left_panel(faces: QWidget, mark: QPushButton, history: QUndoView) -> QWidget:
    """Return the column of the faces; the history is hidden until it is wanted."""
    panel = QFrame()
    panel.setProperty("role", "panel")
    broken_in_two(mark, 280)
    panel.setMinimumWidth(max(200, mark.sizeHint().width() + 24))
    panel.setMaximumWidth(max(380, mark.sizeHint().width() + 120))
    column = QVBoxLayout(panel)
    column.setContentsMargins(0, 12, 0, 8)
    column.setSpacing(8)
    title = QLabel(tr("Faces"))
    title.setProperty("role", "section")
    title.setContentsMargins(16, 0, 0, 0)
    column.addWidget(title)
    column.addWidget(faces, 1)
    row = QHBoxLayout()
    row.setContentsMargins(12, 0, 12, 4)
    row.addWidget(mark)
    column.addLayout(row)
    history.setEmptyLabel(tr("As it was opened"))
    history.setAccessibleName(tr("History of changes"))
    history.setMinimumHeight(180)
    history.setProperty("role", "history")
    history.hide()
    column.addWidget(history)
    return panel


def right_panel(*widgets: QWidget) -> QScrollArea:
    """Return the scrolling column of what belongs to the selected face."""
    inner = QFrame()
    column = QVBoxLayout(inner)
    column.setContentsMargins(16, 14, 16, 14)
    column.setSpacing(14)
    for widget in widgets:
        column.addWidget(widget)
    column.addStretch(1)
    for button in inner.findChildren(QAbstractButton):
        broken_in_two(button, 340)
    panel = QScrollArea()
    panel.setProperty("role", "panel")
    panel.setFrameShape(QFrame.Shape.NoFrame)
    panel.setWidgetResizable(True)
    panel.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    panel.setAccessibleName(tr("Settings of the selected face"))
    needed = inner.minimumSizeHint().width() + 16
    panel.setMinimumWidth(max(376, needed))
    panel.setMaximumWidth(max(440, needed + 64))
    panel.setWidget(inner)
    return panel
