"""Shows one frame of a clip, original or result, with the boxes of its tracks; draws new boxes."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from deid_desktop.core.types import Box
from deid_desktop.gui.theme import Theme
from deid_desktop.session.clip_jobs import Shot
from deid_desktop.session.clip_model import ClipModel
from deid_desktop.session.language import tr


class ClipView(QWidget):
    """One frame as large as it fits."""

    drawn = Signal(object)  # Box

    def __init__(self, model: ClipModel, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model, self._theme = model, theme
        self.setAccessibleName(tr("Frame"))
        self.setMinimumSize(320, 180)
        self.original = False
        self.drawing = False
        self._shot: Shot | None = None
        self._image = QImage()
        self._from: QPointF | None = None
        self._to: QPointF | None = None
        model.pictured.connect(self.show_shot)
        model.changed.connect(self.update)

    def show_shot(self, shot: Shot) -> None:
        """Show a frame."""
        self._shot = shot
        result = shot.finished is not None and not self.original
        pixels = shot.finished.pixels if result and shot.finished else shot.original
        height, width = pixels.shape[:2]
        image = QImage(pixels.data, width, height, pixels.strides[0], QImage.Format.Format_RGB888)
        self._image = image.copy()  # the array may be gone before the picture is
        self.update()

    def show_original(self, original: bool) -> None:
        """Show the original instead of the result, or the other way round."""
        self.original = original
        if self._shot is not None:
            self.show_shot(self._shot)

    def begin_box(self) -> None:
        """Let the next drag draw a box."""
        self.drawing = True
        self.setCursor(Qt.CursorShape.CrossCursor)

    def cancel_box(self) -> None:
        """Draw none after all."""
        self.drawing, self._from = False, None
        self.unsetCursor()
        self.update()

    def _place(self) -> QRectF:
        size = self._image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        left, top = (self.width() - size.width()) / 2, (self.height() - size.height()) / 2
        return QRectF(left, top, size.width(), size.height())

    def _scale(self) -> float:
        return self._place().width() / max(1, self._image.width())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the frame and the boxes of its tracks."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self._theme.colours.stage))
        if not self._image.isNull():
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(self._place(), self._image)
            self._draw_boxes(painter)
        if self._from is not None and self._to is not None:
            painter.setPen(QPen(QColor(self._theme.colours.accent), 2, Qt.PenStyle.DashLine))
            painter.drawRect(QRectF(self._from, self._to).normalized())
        painter.end()

    def _draw_boxes(self, painter: QPainter) -> None:
        model, place, scale = self._model, self._place(), self._scale()
        if model.timeline is None or self._shot is None:
            return
        index = self._shot.index
        for track in model.timeline.tracks:
            if not track.first <= index <= track.last:
                continue
            x, y, width, height = (float(v) for v in track.rows[index - track.first][:4])
            chosen = track.id == model.selected
            colour = QColor(self._theme.colours.accent if chosen else self._theme.colours.faint)
            painter.setPen(QPen(colour, 2 if chosen else 1))
            box = QRectF(place.left() + x * scale, place.top() + y * scale, width * scale,
                         height * scale)  # fmt: skip
            painter.drawRect(box)
            person = model.person_of(track.id)
            if person is not None:
                painter.drawText(box.topLeft() + QPointF(0, -4), str(person.id + 1))

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Begin a box, or select the track that is there."""
        if self.drawing:
            self._from = self._to = event.position()
            return
        at = self._to_frame(event.position())
        timeline, shot = self._model.timeline, self._shot
        for track in timeline.tracks if timeline and shot else []:
            if shot and track.first <= shot.index <= track.last:
                x, y, width, height = track.rows[shot.index - track.first][:4]
                if x <= at.x() <= x + width and y <= at.y() <= y + height:
                    self._model.select(track.id)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Draw on."""
        if self._from is not None:
            self._to = event.position()
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Finish a box that is large enough to hold a face."""
        if self._from is None:
            return
        one, other = self._to_frame(self._from), self._to_frame(event.position())
        self.cancel_box()
        box = QRectF(one, other).normalized()
        if min(box.width(), box.height()) >= 6:
            found: Box = (box.left(), box.top(), box.width(), box.height())
            self.drawn.emit(found)

    def _to_frame(self, at: QPointF) -> QPointF:
        return (at - self._place().topLeft()) / max(1e-6, self._scale())
