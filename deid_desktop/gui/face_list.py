"""The photo's faces: original and result side by side, number, state in words."""

from __future__ import annotations

from PySide6.QtCore import (
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
    QTimer,
)
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPainterPath, QPixmap
from PySide6.QtWidgets import (
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from deid_desktop.core.types import State
from deid_desktop.gui.qimage import crop_of
from deid_desktop.gui.theme import Theme, title_font
from deid_desktop.session.document import Document
from deid_desktop.session.language import tr
from deid_desktop.session.model import Subject
from deid_desktop.session.picture import Patch
from deid_desktop.session.render import Renderer
from deid_desktop.session.words import result_words, short, state_words, title

THUMBNAIL = 52
_SUBJECT = Qt.ItemDataRole.UserRole
_PICTURES = Qt.ItemDataRole.UserRole + 1
_SHOWN = Qt.ItemDataRole.UserRole + 2  # the face whose thumbnails these are


class FaceRow(QStyledItemDelegate):
    """Draws one face of the list."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(  # noqa: N802
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """Return room for the thumbnails."""
        return QSize(220, THUMBNAIL + 18)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Draw thumbnails, number, state."""
        subject: Subject = index.data(_SUBJECT)
        colours = self._theme.colours
        rect: QRect = option.rect.adjusted(6, 2, -6, -2)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setPen(Qt.PenStyle.NoPen)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setBrush(QColor(colours.raised))
            painter.drawRoundedRect(rect, 8, 8)
            painter.setBrush(QColor(colours.accent))
            painter.drawRoundedRect(
                QRect(rect.left(), rect.top() + 14, 3, rect.height() - 28), 1, 1
            )
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.setBrush(QColor(colours.hover))
            painter.drawRoundedRect(rect, 8, 8)
        left, top = rect.left() + 10, rect.center().y() - THUMBNAIL // 2 + 1
        for pixmap in index.data(_PICTURES) or ():
            painter.drawPixmap(left, top, pixmap)
            left += THUMBNAIL + 5
        text = QRect(left + 7, rect.top(), rect.right() - left - 8, rect.height())
        self._draw_words(painter, text, subject)
        painter.restore()

    def _draw_words(self, painter: QPainter, rect: QRect, subject: Subject) -> None:
        base = painter.font()
        painter.setFont(title_font(base, scale=1.0))
        line = QFontMetrics(painter.font()).height()
        middle = rect.center().y()
        painter.setPen(QColor(self._theme.colours.text))
        flags = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        upper = QRect(rect.left(), middle - line - 1, rect.width(), line)
        painter.drawText(upper, flags, title(subject))
        if subject.decision is not None:
            colours = self._theme.colours
            name = "mdi6.check" if subject.approved else "mdi6.close"
            colour = colours.verified if subject.approved else colours.attention
            width = QFontMetrics(painter.font()).horizontalAdvance(title(subject))
            spot = QRect(rect.left() + width + 5, upper.top(), line, line)
            self._theme.icon(name, colour).paint(painter, spot)
        painter.setFont(base)
        self._theme.state_icon(subject.state).paint(
            painter, QRect(rect.left() - 1, middle + 2, line, line)
        )
        pen = (
            self._theme.state_colour(subject.state)
            if subject.state is State.ATTENTION
            else QColor(self._theme.colours.faint)
        )
        painter.setPen(pen)
        lower = QRect(rect.left() + line + 4, middle + 2, rect.width() - line - 4, line)
        metrics = QFontMetrics(base)
        words = metrics.elidedText(
            result_words(subject), Qt.TextElideMode.ElideRight, lower.width()
        )
        painter.drawText(lower, flags, words)


def _rounded(picture: QPixmap, ratio: float) -> QPixmap:
    """Return a thumbnail as it is drawn, so that a list of many faces is painted fast."""
    drawn = QPixmap(round(THUMBNAIL * ratio), round(THUMBNAIL * ratio))
    drawn.setDevicePixelRatio(ratio)
    drawn.fill(Qt.GlobalColor.transparent)
    spot = QRectF(0, 0, THUMBNAIL, THUMBNAIL)
    path = QPainterPath()
    path.addRoundedRect(spot, 6, 6)
    painter = QPainter(drawn)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.setClipPath(path)
    painter.drawPixmap(spot, picture, QRectF(picture.rect()))
    painter.end()
    return drawn


class FaceList(QListWidget):
    """The list; selecting a row selects the face."""

    def __init__(
        self, document: Document, renderer: Renderer, theme: Theme, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Faces of this photo"))
        self.setItemDelegate(FaceRow(theme, self))
        self.setMouseTracking(True)
        self.setSelectionMode(QListWidget.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._document, self._renderer = document, renderer
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(60)
        self._soon.timeout.connect(self._refresh)
        for signal in (
            document.current_changed,
            document.faces_changed,
            document.subject_changed,
        ):
            signal.connect(self._refresh_soon)
        self._stale: set[int] = set()
        renderer.viewed.connect(self._forget_thumbnails)
        renderer.painted.connect(self._forget_thumbnail)
        theme.changed.connect(self.viewport().update)
        document.selection_changed.connect(self._select)
        self.itemSelectionChanged.connect(self._picked)

    def roomy_width(self) -> int:
        """Return the width at which no state has to be shortened."""
        metrics = QFontMetrics(self.font())
        words = max(metrics.horizontalAdvance(short(state)) for state in State)
        return max(272, 2 * THUMBNAIL + metrics.height() + words + 64)

    def _refresh_soon(self) -> None:
        if not self._soon.isActive():
            self._soon.start()

    def _forget_thumbnails(self) -> None:
        for row in range(self.count()):
            self.item(row).setData(_PICTURES, None)
        self._refresh_soon()

    def _forget_thumbnail(self, patch: Patch) -> None:
        region = QRectF(*patch.corner, *patch.size)
        for row in range(self.count()):
            subject: Subject = self.item(row).data(_SUBJECT)
            if region.intersects(QRectF(*subject.face.box)):
                self._stale.add(subject.face.id)
        self._refresh_soon()

    def _refresh(self) -> None:
        entry, view = self._document.current, self._renderer.view
        subjects = entry.present() if entry else ()
        self.blockSignals(True)
        while self.count() > len(subjects):
            self.takeItem(self.count() - 1)
        while self.count() < len(subjects):
            self.addItem(QListWidgetItem())
        for row, subject in enumerate(subjects):
            item = self.item(row)
            item.setData(_SUBJECT, subject)
            words = f"{title(subject)}: {state_words(subject)}"
            item.setData(Qt.ItemDataRole.AccessibleTextRole, words)
            item.setToolTip(words)
            same = item.data(_SHOWN) is subject.face
            if view is None or view.entry is not entry:
                item.setData(_PICTURES, None)
            elif not same or not item.data(_PICTURES) or subject.face.id in self._stale:
                ratio = self.devicePixelRatioF()
                cuts = [
                    _rounded(crop_of(picture, subject.face.box, THUMBNAIL * 2), ratio)
                    for picture in (view.before, view.after)
                ]
                item.setData(_PICTURES, tuple(cuts))
                item.setData(_SHOWN, subject.face)
        self._stale.clear()
        self.blockSignals(False)
        self._select()
        self.viewport().update()

    def _select(self) -> None:
        self.blockSignals(True)
        chosen = {subject.face.id for subject in self._document.chosen}
        self.setCurrentRow(-1)
        for row in range(self.count()):
            item = self.item(row)
            subject: Subject = item.data(_SUBJECT)
            if subject.face.id == self._document.selected_id:
                command = QItemSelectionModel.SelectionFlag.NoUpdate
                self.selectionModel().setCurrentIndex(self.indexFromItem(item), command)
            item.setSelected(subject.face.id in chosen)
        self.blockSignals(False)
        self.viewport().update()

    def _picked(self) -> None:
        chosen = [item.data(_SUBJECT).face.id for item in self.selectedItems()]
        current = self.currentItem()
        if chosen and current is not None:
            face_id = current.data(_SUBJECT).face.id
            self._document.select(face_id if face_id in chosen else chosen[0], chosen)
