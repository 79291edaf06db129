"""What the window shows before a photo is open."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from deid_desktop.gui.theme import Theme, icon_side, title_font
from deid_desktop.session.language import later, tr

_PROMISES = (
    ("mdi6.lan-disconnect", later("Works offline. Photos never leave this computer.")),
    (
        "mdi6.shield-check-outline",
        later("Every surrogate is checked by a face recogniser before export."),
    ),
    (
        "mdi6.file-lock-outline",
        later("The original is never changed, and no metadata is written."),
    ),
)


class Welcome(QFrame):
    """One invitation and three promises."""

    def __init__(
        self, open_photos: QAction, sample: QAction, theme: Theme, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._symbol = QLabel()
        self._symbols: list[tuple[str, QLabel]] = []
        title = QLabel(tr("Drop photos here"))
        title.setFont(title_font(self.font(), scale=2.0))
        words = QLabel(
            tr("Faces are found and replaced by synthetic ones. You decide, face by face.")
        )
        words.setProperty("role", "faint")
        also = QLabel(tr("Folders, clips and projects can be dropped, too."))
        also.setProperty("role", "faint")
        button = QPushButton(tr("Open photos …"))
        button.setProperty("primary", "true")
        button.clicked.connect(open_photos.trigger)
        try_out = QPushButton(tr("Try the sample photo"))
        try_out.clicked.connect(sample.trigger)
        column = QVBoxLayout(self)
        column.setSpacing(12)
        column.addStretch(3)
        for widget in (self._symbol, title, words, also):
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(10)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(button)
        row.addWidget(try_out)
        row.addStretch(1)
        column.addLayout(row)
        column.addSpacing(34)
        column.addWidget(self._promises(), 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(4)
        theme.changed.connect(self._style)
        self._style()

    def _promises(self) -> QWidget:
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setSpacing(10)
        for icon, text in _PROMISES:
            row = QHBoxLayout()
            row.setSpacing(10)
            symbol, label = QLabel(), QLabel(tr(text))
            label.setProperty("role", "faint")
            self._symbols.append((icon, symbol))
            row.addWidget(symbol)
            row.addWidget(label, 1)
            column.addLayout(row)
        return holder

    def _style(self) -> None:
        colours = self._theme.colours
        icon = self._theme.icon("mdi6.image-multiple-outline", colours.faint)
        self._symbol.setPixmap(icon.pixmap(QSize(72, 72)))
        side = icon_side(self.font())
        for name, label in self._symbols:
            label.setPixmap(self._theme.icon(name, colours.accent).pixmap(QSize(side, side)))
