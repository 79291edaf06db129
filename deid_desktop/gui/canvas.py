"""One view of the photo: zoom about the cursor, pan, fit, 100 %, drawing a box."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QLineF, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPen,
    QResizeEvent,
    QTransform,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QGraphicsItem,
    QGraphicsRectItem,
    QGraphicsScene,
    QGraphicsView,
    QStyleOptionGraphicsItem,
    QWidget,
)

from deid_desktop.gui.box_editing import MOVE, SMALLEST_BOX, dragged, wrapped
from deid_desktop.gui.brush_tool import BrushTool
from deid_desktop.gui.face_items import Divider, FaceItem
from deid_desktop.gui.qimage import images_of
from deid_desktop.gui.theme import Theme
from deid_desktop.session.model import Subject
from deid_desktop.session.picture import Patch, Picture

DEEPEST_ZOOM = 32.0
GRID_ZOOM = 12.0
"""Screen pixels per photo pixel from which the grid shows."""
STEP = 1.25
_TURNS = {Qt.Key.Key_PageUp: -5.0, Qt.Key.Key_PageDown: 5.0}
"""Degrees by which these keys turn a box."""


class PhotoItem(QGraphicsItem):
    """The photo: left of the divider as it is, right of it as it will be exported."""

    def __init__(self) -> None:
        super().__init__()
        self._before: tuple[QImage, ...] = ()
        self._after: tuple[QImage, ...] = ()
        self.divider = 0.0
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemUsesExtendedStyleOption)

    def show_pictures(self, before: Picture | None, after: Picture | None) -> None:
        """Show other pictures; ``None`` shows nothing."""
        self.prepareGeometryChange()
        self._before = images_of(before) if before else ()
        self._after = images_of(after) if after else ()
        self.update()

    def set_divider(self, fraction: float) -> None:
        """Show the original left of this fraction of the width: 1 is all of it, 0 none."""
        self.divider = fraction
        self.update()

    def boundingRect(self) -> QRectF:  # noqa: N802
        """Return the photo's rectangle."""
        return QRectF(self._before[0].rect()) if self._before else QRectF()

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Draw what is exposed from the level nearest to the size on screen."""
        whole = self.boundingRect()
        exposed = option.exposedRect & whole
        edge = self.divider * whole.width()
        left, right = QRectF(exposed), QRectF(exposed)
        left.setRight(min(edge, exposed.right()))
        right.setLeft(max(edge, exposed.left()))
        zoom = painter.worldTransform().m11() * painter.device().devicePixelRatioF()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, zoom < 4)
        for images, part in ((self._before, left), (self._after, right)):
            if part.width() > 0 and images:
                level, scale = 0, 1.0
                while level + 1 < len(images) and zoom * scale * 2 <= 1.0:
                    level, scale = level + 1, scale * 2
                source = QRectF(
                    part.left() / scale,
                    part.top() / scale,
                    part.width() / scale,
                    part.height() / scale,
                )
                painter.drawImage(part, images[level], source)
        if zoom >= GRID_ZOOM:
            self._draw_grid(painter, exposed)

    def _draw_grid(self, painter: QPainter, exposed: QRectF) -> None:
        """Part the pixels by hairlines, so that single ones can be told."""
        pen = QPen(QColor(128, 128, 128, 110), 1)
        pen.setCosmetic(True)
        painter.setPen(pen)
        left, right = math.floor(exposed.left()), math.ceil(exposed.right())
        top, bottom = math.floor(exposed.top()), math.ceil(exposed.bottom())
        painter.drawLines([QLineF(x, top, x, bottom) for x in range(left, right + 1)])
        painter.drawLines([QLineF(left, y, right, y) for y in range(top, bottom + 1)])


class Canvas(QGraphicsView):
    """A zoomable view with the faces' outlines on top."""

    view_moved = Signal()
    face_picked = Signal(int, bool)  # id; whether it joins the selected ones
    box_moved = Signal(int, QRectF, float)  # id, new box, its angle
    box_nudged = Signal(int, QRectF, float)  # the same, by a key: repeated presses are one gesture
    box_drawn = Signal(QRectF)
    marking_ended = Signal()
    stroked = Signal(list)  # of QPointF: the way of the brush over the photo
    brush_put_away = Signal()

    def __init__(self, name: str, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.viewport().setAccessibleName(name)
        self.setScene(QGraphicsScene(self))
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setResizeAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.SmartViewportUpdate)
        self.setAcceptDrops(False)
        self.photo = PhotoItem()
        self.scene().addItem(self.photo)
        self._theme = theme
        self._faces: dict[int, FaceItem] = {}
        self._selected: int | None = None
        self._outlines = True
        self._fitted, self._centre = True, QPointF()
        self._marking = False
        self._pan_from: QPoint | None = None
        self._box_from: QPointF | None = None
        self._box = QGraphicsRectItem()
        self._box.setZValue(4)
        self._box.hide()
        self.scene().addItem(self._box)
        self.brush = BrushTool(theme, self.stroked.emit)
        self.scene().addItem(self.brush)
        self.viewport().setMouseTracking(True)
        self._split = Divider(theme, self._move_divider)
        self._split.hide()
        self.scene().addItem(self._split)

    # What is shown

    def show_pictures(self, before: Picture | None, after: Picture | None) -> None:
        """Show another photo, fitted."""
        self.photo.show_pictures(before, after)
        rect = self.photo.boundingRect()
        # Room around the photo, so that any point of it can be brought to the middle.
        room = max(rect.width(), rect.height())
        self.setSceneRect(rect.adjusted(-room, -room, room, room))
        self.scene().setProperty("photo", rect)
        self._split.place(self.photo.divider, rect)
        self.fit()

    def repaint_patch(self, patch: Patch) -> None:
        """Draw a region again whose pixels are new."""
        self.photo.update(QRectF(*patch.corner, *patch.size))

    def show_faces(
        self, subjects: tuple[Subject, ...], selected: int | None, also: frozenset[int]
    ) -> None:
        """Show these faces and no others; ``also`` are selected together with the first."""
        self._selected = selected
        wanted = {subject.face.id: subject for subject in subjects}
        for face_id in list(self._faces.keys() - wanted.keys()):
            self.scene().removeItem(self._faces.pop(face_id))
        for face_id, subject in wanted.items():
            if face_id not in self._faces:
                self._faces[face_id] = FaceItem(
                    subject, self._theme, self.face_picked.emit, self.box_moved.emit
                )
                self.scene().addItem(self._faces[face_id])
            item = self._faces[face_id]
            item.refresh(
                subject,
                chosen=face_id == selected,
                also=face_id in also,
                result_side=self.photo.divider < 1,
            )
            item.setVisible(self._outlines)

    def show_outlines(self, visible: bool) -> None:
        """Show or hide the faces' outlines."""
        self._outlines = visible
        for item in self._faces.values():
            item.setVisible(visible)

    def set_divider(self, fraction: float, *, draggable: bool) -> None:
        """Place the boundary between original and result."""
        self.photo.set_divider(fraction)
        self._split.setVisible(draggable)
        self._split.place(fraction, self.photo.boundingRect())

    def _move_divider(self, fraction: float) -> None:
        self.set_divider(min(1.0, max(0.0, fraction)), draggable=True)

    # Zoom and pan

    @property
    def zoom(self) -> float:
        """Return screen pixels per photo pixel."""
        return self.transform().m11()

    @property
    def centre(self) -> QPointF:
        """Return the photo point in the middle of the view."""
        return self.mapToScene(self.viewport().rect().center())

    @property
    def fitted(self) -> bool:
        """Return whether the photo follows the size of the view."""
        return self._fitted

    def fit(self) -> None:
        """Show the whole photo."""
        rect = self.photo.boundingRect()
        view = self.viewport().rect()
        if rect.isEmpty() or view.isEmpty():
            return
        zoom = min((view.width() - 24) / rect.width(), (view.height() - 24) / rect.height())
        self._place(rect.center(), min(max(zoom, 0.01), DEEPEST_ZOOM), fitted=True)

    def look_at(self, centre: QPointF, zoom: float) -> None:
        """Bring a photo point to the middle at a zoom."""
        self._place(centre, zoom, fitted=False)

    def _place(self, centre: QPointF, zoom: float, *, fitted: bool) -> None:
        self._fitted, self._centre = fitted, QPointF(centre)
        self.setTransform(QTransform.fromScale(zoom, zoom))
        self.centerOn(centre)
        self.view_moved.emit()

    def zoom_by(self, factor: float, about: QPoint | None = None) -> None:
        """Zoom, keeping the photo point under ``about`` (view pixels) where it is."""
        spot = about or self.viewport().rect().center()
        zoom = min(DEEPEST_ZOOM, max(0.02, self.zoom * factor))
        under = self.mapToScene(spot)
        offset = QPointF(self.viewport().rect().center() - spot) / zoom
        self.look_at(under + offset, zoom)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Zoom about the cursor."""
        turns = event.angleDelta().y() / 120
        if turns:
            self.zoom_by(STEP**turns, event.position().toPoint())
        event.accept()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Stay fitted, or keep what is in the middle there."""
        super().resizeEvent(event)
        if self._fitted:
            self.fit()
        else:
            self.centerOn(self._centre)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Pan with the arrow keys (the divider, while split), leave marking with Escape.

        With Alt they move the selected box, with Alt and Shift its lower right corner; Alt with
        Page Up and Page Down turns it.
        """
        steps = {
            Qt.Key.Key_Left: (-1, 0),
            Qt.Key.Key_Right: (1, 0),
            Qt.Key.Key_Up: (0, -1),
            Qt.Key.Key_Down: (0, 1),
        }
        key = Qt.Key(event.key())
        if self.brush.active and self._brush_key(key, steps.get(key)):
            return
        if key == Qt.Key.Key_Escape and self._marking:
            self.set_marking(False)
            self.marking_ended.emit()
        elif key in _TURNS and event.modifiers() & Qt.KeyboardModifier.AltModifier:
            self._turn(_TURNS[key])
        elif key in steps:
            x, y = steps[key]
            if event.modifiers() & Qt.KeyboardModifier.AltModifier:
                resize = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
                self._nudge(QPointF(x, y), resize=resize)
            elif self._split.isVisible() and y == 0:
                self._move_divider(self.photo.divider + 0.02 * x)
            else:
                self.look_at(self.centre + QPointF(x, y) * 60 / self.zoom, self.zoom)
        else:
            super().keyPressEvent(event)

    def _brush_key(self, key: Qt.Key, step: tuple[int, int] | None) -> bool:
        """Move the brush with the arrow keys, dab with Space, put it away with Escape."""
        if key == Qt.Key.Key_Escape:
            self.brush_put_away.emit()
        elif key == Qt.Key.Key_Space:
            self.brush.press(self.brush.spot or self.centre)
            self.brush.release()
        elif step is not None:
            by = QPointF(*step) * max(1.0, self.brush.radius / 3)
            self.brush.hover((self.brush.spot or self.centre) + by)
        else:
            return False
        return True

    def _nudge(self, by: QPointF, *, resize: bool) -> None:
        item = self._faces.get(self._selected) if self._selected is not None else None
        if item is not None:
            step = max(1.0, 4 / self.zoom)
            grip = (1, 1) if resize else MOVE
            box = dragged(item.box, grip, by * step, self.photo.boundingRect())
            self.box_nudged.emit(item.face_id, box, item.angle)

    def _turn(self, degrees: float) -> None:
        item = self._faces.get(self._selected) if self._selected is not None else None
        if item is not None:
            self.box_nudged.emit(item.face_id, item.box, wrapped(item.angle + degrees))

    # Mouse: select, pan, draw a box

    def set_marking(self, marking: bool) -> None:
        """Let the next drag draw a box."""
        self._marking = marking
        self._box.hide()
        self._box_from = None
        cursor = Qt.CursorShape.CrossCursor if marking else Qt.CursorShape.ArrowCursor
        self.viewport().setCursor(cursor)
        for item in (*self._faces.values(), self._split):
            item.setAcceptedMouseButtons(
                Qt.MouseButton.NoButton if marking else Qt.MouseButton.AllButtons
            )

    def take_brush(self, into: bool | None, radius: float) -> None:
        """Let drags paint into the mask or out of it, or pan again. ``radius``: photo pixels."""
        self.brush.take(into, radius)
        cursor = Qt.CursorShape.BlankCursor if self.brush.active else Qt.CursorShape.ArrowCursor
        self.viewport().setCursor(cursor)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Show no brush where the mouse is not."""
        if self.brush.active and not self.brush.pressed:
            self.brush.spot = None
            self.brush.update()
        super().leaveEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Start a stroke, a box or a pan, or let an outline take the click."""
        spot = event.position().toPoint()
        if self.brush.active and event.button() == Qt.MouseButton.LeftButton:
            self.brush.press(self.mapToScene(spot))
            return
        if self._marking and event.button() == Qt.MouseButton.LeftButton:
            self._box_from = self.mapToScene(spot)
            return
        super().mousePressEvent(event)
        middle = event.button() == Qt.MouseButton.MiddleButton
        left = event.button() == Qt.MouseButton.LeftButton
        grabber = self.scene().mouseGrabberItem()
        held = grabber is self._split or (isinstance(grabber, FaceItem) and grabber.grip)
        if middle or (left and not held):
            self._pan_from = spot

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Draw the stroke or the box, or pan."""
        spot = event.position().toPoint()
        if self.brush.active and self._pan_from is None:
            self.brush.hover(self.mapToScene(spot))
        elif self._box_from is not None:
            pen = self._box.pen()
            pen.setCosmetic(True)
            pen.setWidth(2)
            pen.setColor(self._theme.colours.accent)
            self._box.setPen(pen)
            self._box.setRect(self._drawn(spot))
            self._box.show()
        elif self._pan_from is not None:
            moved = QPointF(self._pan_from - spot) / self.zoom
            self._pan_from = spot
            self.look_at(self.centre + moved, self.zoom)
        else:
            super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Finish the stroke, the box or the pan."""
        if self.brush.pressed:
            self.brush.release()
            return
        if self._box_from is not None:
            box = self._drawn(event.position().toPoint())
            self.set_marking(False)
            if min(box.width(), box.height()) >= SMALLEST_BOX:
                self.box_drawn.emit(box)
            self.marking_ended.emit()
            return
        self._pan_from = None
        super().mouseReleaseEvent(event)

    def _drawn(self, spot: QPoint) -> QRectF:
        assert self._box_from is not None
        rect = QRectF(self._box_from, self.mapToScene(spot)).normalized()
        return rect & self.photo.boundingRect()
