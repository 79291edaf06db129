"""The session's photos in a row, each with its state."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QWidget

from deid_desktop.gui.qimage import pixmap_of
from deid_desktop.gui.theme import Theme
from deid_desktop.session.document import Document
from deid_desktop.session.language import tr
from deid_desktop.session.model import PhotoEntry
from deid_desktop.session.words import summary

_SIZE = QSize(112, 78)


class Filmstrip(QListWidget):
    """Shown when more than one photo is open."""

    def __init__(self, document: Document, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Photos"))
        self.setProperty("role", "film")
        self.setFlow(QListWidget.Flow.LeftToRight)
        self.setViewMode(QListWidget.ViewMode.IconMode)
        self.setMovement(QListWidget.Movement.Static)
        self.setWrapping(False)
        self.setIconSize(_SIZE)
        self.setUniformItemSizes(True)
        self.setSpacing(3)
        # Names as wide and as high as large text needs them.
        metrics = self.fontMetrics()
        self._room = QSize(
            max(_SIZE.width() + 12, 15 * metrics.averageCharWidth()),
            _SIZE.height() + metrics.height() + 13,
        )
        self.setFixedHeight(self._room.height() + 22)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setSelectionMode(QListWidget.SelectionMode.ExtendedSelection)
        self._document, self._theme = document, theme
        document.photos_changed.connect(self._rebuild)
        document.current_changed.connect(self._select)
        document.photo_changed.connect(self._refresh)
        document.subject_changed.connect(self._refresh)
        document.faces_changed.connect(self._refresh)
        theme.changed.connect(self._rebuild)
        self.currentRowChanged.connect(self._picked)
        self._badges: dict[PhotoEntry, tuple[object, ...]] = {}
        self._rebuild()

    def _rebuild(self) -> None:
        self.blockSignals(True)
        self.clear()
        self._badges.clear()
        for entry in self._document.entries:
            item = QListWidgetItem(entry.name)
            item.setSizeHint(self._room)
            self.addItem(item)
            self._refresh(entry)
        self.blockSignals(False)
        self.setVisible(self.count() > 1)
        self._select()

    def _refresh(self, entry: PhotoEntry) -> None:
        state = summary(entry).state
        approved = bool(entry.present()) and not entry.unapproved()
        badge = (state, entry.exported, approved, entry.thumbnail)
        if self._badges.get(entry) == badge or entry not in self._document.entries:
            return
        self._badges[entry] = badge
        item = self.item(self._document.entries.index(entry))
        marks = (
            summary(entry).text,
            approved and tr("Approved."),
            entry.exported and tr("Exported."),
        )
        words = f"{entry.name}: {' '.join(mark for mark in marks if mark)}"
        item.setToolTip(escape(words))  # names come from strangers, and tips know markup
        item.setData(Qt.ItemDataRole.AccessibleTextRole, words)
        icon = QIcon()
        for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected):
            icon.addPixmap(self._draw(entry), mode)
        item.setIcon(icon)

    def _draw(self, entry: PhotoEntry) -> QPixmap:
        canvas = QPixmap(_SIZE)
        canvas.fill(QColor(self._theme.colours.stage))
        painter = QPainter(canvas)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if entry.thumbnail is not None:
            keep, smooth = (
                Qt.AspectRatioMode.KeepAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
            photo = pixmap_of(entry.thumbnail).scaled(_SIZE, keep, smooth)
            painter.drawPixmap(canvas.rect().center() - photo.rect().center(), photo)
        state = summary(entry).state
        colour = self._theme.state_colour(state)
        icon = self._theme.state_icon(state)
        badges = [(icon, colour)]
        good = self._theme.colours.verified
        if entry.present() and not entry.unapproved():
            badges.append((self._theme.icon("mdi6.account-check", good), QColor(good)))
        if entry.exported:
            badges.append((self._theme.icon("mdi6.export-variant", good), QColor(good)))
        spot = canvas.rect().adjusted(_SIZE.width() - 24, 4, -4, -(_SIZE.height() - 24))
        for icon, colour in badges:
            painter.setBrush(QColor(self._theme.colours.window))
            painter.setPen(colour)
            painter.drawEllipse(spot)
            icon.paint(painter, spot.adjusted(3, 3, -3, -3))
            spot.translate(0, 23)
        painter.end()
        return canvas

    def selected_entries(self) -> list[PhotoEntry]:
        """Return the photos that are selected together; the current one if there are no others."""
        rows = sorted(self.row(item) for item in self.selectedItems())
        return [self._document.entries[row] for row in rows]

    def _select(self) -> None:
        current = self._document.current
        row = self._document.entries.index(current) if current else -1
        if row != self.currentRow():  # else several may be selected by the person's own click
            self.blockSignals(True)
            self.setCurrentRow(row)
            self.blockSignals(False)

    def _picked(self, row: int) -> None:
        if row >= 0:
            self._document.show_photo(self._document.entries[row])
