"""Outlines of the found faces over the photo: number, state symbol, line style, colour."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetricsF, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import (
    QApplication,
    QGraphicsItem,
    QGraphicsSceneHoverEvent,
    QGraphicsSceneMouseEvent,
    QStyleOptionGraphicsItem,
    QWidget,
)

from deid_desktop.core.types import State
from deid_desktop.gui.box_editing import (
    REACH,
    TURN,
    Grip,
    cursor_of,
    dragged,
    grip_at,
    turn_handle,
    wrapped,
)
from deid_desktop.gui.theme import Theme
from deid_desktop.session.language import tr
from deid_desktop.session.model import Subject, spot_of
from deid_desktop.session.words import state_words, title

SMALLEST_TURNABLE = 80.0
"""Screen pixels of a box from which it has a handle to turn it, clear of its label."""
TURN_STEP = 15.0
"""Degrees a step, with Shift."""
_LINES = {
    State.VERIFIED: Qt.PenStyle.SolidLine,
    State.MASKED: Qt.PenStyle.DashLine,
    State.KEPT: Qt.PenStyle.DotLine,
    State.ATTENTION: Qt.PenStyle.SolidLine,
    None: Qt.PenStyle.DashDotLine,
}


class Detail(Enum):
    """How much is told of a face where it is, so that labels never hide a crowd."""

    OUTLINE = 0
    SYMBOL = 1
    LABEL = 2


class _Chip(QGraphicsItem):
    """The label at the box's corner; its size on screen does not follow the zoom."""

    def __init__(self, parent: FaceItem) -> None:
        super().__init__(parent)
        self._face = parent
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIgnoresTransformations)

    def boundingRect(self) -> QRectF:  # noqa: N802
        """Return the label's rectangle in screen pixels."""
        font = QApplication.font()
        metrics = QFontMetricsF(font)
        height = metrics.height() + 4
        width = metrics.horizontalAdvance(str(self._face.number)) + height + 8
        return QRectF(-1, -height - 2, width, height)

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Draw number and symbol; of a face smaller than that the symbol, or nothing."""
        rect = self.boundingRect()
        detail = self._face.detail(rect.width())
        if detail is Detail.OUTLINE:
            return
        colour = self._face.colour()
        dark_text = colour.lightnessF() > 0.55
        text = QColor("#14161a") if dark_text else QColor("#ffffff")
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        symbol = rect.height() - 6
        if detail is Detail.SYMBOL:
            disc = QRectF(-symbol / 2, -symbol / 2, symbol, symbol)
            painter.drawEllipse(disc)
            icon = self._face.theme.state_icon(self._face.state, text.name())
            icon.paint(painter, disc.adjusted(3, 3, -3, -3).toRect())
            return
        painter.drawRoundedRect(rect, 4, 4)
        painter.setPen(text)
        painter.drawText(
            rect.adjusted(6, 0, -symbol - 4, 0),
            Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
            str(self._face.number),
        )
        spot = QRectF(rect.right() - symbol - 4, rect.top() + 3, symbol, symbol)
        icon = self._face.theme.state_icon(self._face.state, text.name())
        icon.paint(painter, spot.toRect())


class FaceItem(QGraphicsItem):
    """One face's outline.

    ``picked`` is called with the face's id when it is clicked, and whether it joins the faces
    selected already; ``moved`` with its id, new box and angle. Only the selected box can be
    dragged or turned. Of a turned box the item itself is turned, so that drawing and dragging are
    as if it was not.
    """

    def __init__(
        self,
        subject: Subject,
        theme: Theme,
        picked: Callable[[int, bool], None],
        moved: Callable[[int, QRectF, float], None],
    ) -> None:
        """Make the item. Its hatch says that a face in the result is not replaced."""
        super().__init__()
        self._moved = moved
        self._drawn: tuple[object, ...] = ()
        self.grip: Grip | None = None
        self._drag_from = QPointF()
        self._old_rect = QRectF()
        self.hatched = False
        self.face_id = subject.face.id
        self.number = subject.number
        self.theme = theme
        self.state: State | None = None
        self.also = self.approved = self.rejected = False
        self.chosen = self.hovered = False
        self._picked = picked
        self._rect = QRectF()
        self.angle = 0.0
        self._chip = _Chip(self)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAcceptHoverEvents(True)
        self.refresh(subject, chosen=False)

    def refresh(
        self, subject: Subject, *, chosen: bool, also: bool = False, result_side: bool = False
    ) -> None:
        """Follow the document. ``also``: selected together with the chosen one."""
        if self.grip is not None:
            return  # the person holds it
        shown = subject.shown
        bare = shown is None or shown.layer is None
        hatched = result_side and bare and subject.state in (None, State.ATTENTION)
        words = f"{title(subject)}: {state_words(subject)}"
        now = (spot_of(subject.face), subject.state, chosen, also, hatched, words, self.theme.dark)
        if now == self._drawn:
            return  # painting twenty outlines for the one that changed takes longer than a frame
        self._drawn = now
        self.also, self.hatched = also, hatched
        self.rejected = subject.rejected
        self.approved = subject.approved
        self.prepareGeometryChange()
        self._rect = QRectF(*subject.face.box)
        self.angle = subject.face.angle
        self.setTransformOriginPoint(self._rect.center())
        self.setRotation(self.angle)
        self._chip.setPos(self._rect.topLeft())
        self.state, self.chosen = subject.state, chosen
        self._raise()
        self.setToolTip(words)
        self.update()
        self._chip.update()

    def _raise(self) -> None:
        """Lie above the others while selected or pointed at."""
        self.setZValue(3 if self.hovered else 2 if self.chosen else 1)

    def detail(self, label: float) -> Detail:
        """Return how much to tell, given the width of the label in screen pixels."""
        wide = self._rect.width() * self._zoom()
        if self.chosen or self.also or self.hovered or wide >= 0.8 * label:
            return Detail.LABEL
        alarming = self.state is State.ATTENTION or self.rejected
        return Detail.SYMBOL if alarming or wide >= 0.4 * label else Detail.OUTLINE

    @property
    def box(self) -> QRectF:
        """Return the box as it is shown."""
        return QRectF(self._rect)

    def colour(self) -> QColor:
        """Return the colour of outline and label."""
        return self.theme.state_colour(self.state)

    def boundingRect(self) -> QRectF:  # noqa: N802
        """Return the box with room for the pen at any zoom."""
        # Photo pixels; a cosmetic pen is this wide when the photo is tiny.
        reach = max(60.0, 0.35 * max(self._rect.width(), self._rect.height()))
        return self._rect.adjusted(-reach, -reach, reach, reach)

    def shape(self) -> QPainterPath:
        """Return where a click selects the face."""
        path = QPainterPath()
        reach = REACH / self._zoom() if self.chosen else 0
        path.addRect(self._rect.adjusted(-reach, -reach, reach, reach))
        if self._turnable():
            path.addEllipse(turn_handle(self._rect), 1.5 * reach, 1.5 * reach)
        return path

    def _turnable(self) -> bool:
        """Return whether the handle is shown: the box is selected and not too small for it."""
        side = max(self._rect.width(), self._rect.height())
        return self.chosen and side * self._zoom() >= SMALLEST_TURNABLE

    def _zoom(self) -> float:
        views = self.scene().views() if self.scene() else []
        return views[0].transform().m11() if views else 1.0

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Draw the outline over a dark hairline, so that it shows on any photo."""
        # Of a turned box the first element of the matrix says nothing, and may be 0.
        zoom = math.sqrt(abs(painter.worldTransform().determinant()))
        radius = min(5 / zoom, min(self._rect.width(), self._rect.height()) / 4)
        width = 3.0 if self.chosen else 1.5
        if self.state is State.ATTENTION:
            width += 1
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.hatched:
            hatch = QBrush(self.colour(), Qt.BrushStyle.BDiagPattern)
            hatch.setTransform(painter.worldTransform().inverted()[0])
            painter.fillRect(self._rect, QColor(0, 0, 0, 110))
            painter.fillRect(self._rect, hatch)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        under = QPen(QColor(0, 0, 0, 130), width + 2)
        over = QPen(self.colour(), width, _LINES[self.state])
        for pen in (under, over):
            pen.setCosmetic(True)
            painter.setPen(pen)
            painter.drawRoundedRect(self._rect, radius, radius)
        if self.chosen:
            self._draw_handles(painter, zoom)
        if self.chosen or self.also:
            halo = QPen(QColor("#ffffff"), 1)
            halo.setCosmetic(True)
            painter.setPen(halo)
            reach = (width / 2 + 1.5) / zoom
            painter.drawRoundedRect(
                self._rect.adjusted(-reach, -reach, reach, reach), radius, radius
            )

    def _draw_handles(self, painter: QPainter, zoom: float) -> None:
        smaller = zoom * min(self._rect.width(), self._rect.height())
        if smaller < 24:
            return
        side = min(8.0, max(5.0, 0.1 * smaller)) / zoom
        edge = QPen(QColor(0, 0, 0, 160), 1)
        edge.setCosmetic(True)
        painter.setPen(edge)
        painter.setBrush(QColor("#ffffff"))
        rect = self._rect
        for corner in (rect.topLeft(), rect.topRight(), rect.bottomLeft(), rect.bottomRight()):
            painter.drawRect(QRectF(corner.x() - side / 2, corner.y() - side / 2, side, side))
        if self._turnable():
            spot = turn_handle(rect)
            for colour, width in ((QColor(0, 0, 0, 160), 3), (QColor("#ffffff"), 1)):
                stem = QPen(colour, width)
                stem.setCosmetic(True)
                painter.setPen(stem)
                painter.drawLine(QPointF(spot.x(), rect.top()), spot)
            painter.setPen(edge)
            painter.drawEllipse(spot, 0.6 * side, 0.6 * side)
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _grip_at(self, spot: QPointF) -> Grip | None:
        """Return what a press at a point of the item takes hold of."""
        if not self.chosen:
            return None
        away = spot - turn_handle(self._rect)
        if self._turnable() and away.manhattanLength() < 2 * REACH / self._zoom():
            return TURN
        return grip_at(self._rect, spot, self._zoom())

    def hoverEnterEvent(self, event: QGraphicsSceneHoverEvent) -> None:  # noqa: N802
        """Tell all of a face that the mouse points at."""
        self.hovered = True
        self._raise()
        self._chip.update()

    def hoverLeaveEvent(self, event: QGraphicsSceneHoverEvent) -> None:  # noqa: N802
        """Tell as much as there is room for again."""
        self.hovered = False
        self._raise()
        self._chip.update()

    def hoverMoveEvent(self, event: QGraphicsSceneHoverEvent) -> None:  # noqa: N802
        """Say with the cursor what a drag would do."""
        self.setCursor(cursor_of(self._grip_at(event.pos())))

    def mousePressEvent(self, event: QGraphicsSceneMouseEvent) -> None:  # noqa: N802
        """Take hold of the selected box, or select the face."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        if self.chosen:
            self.grip = self._grip_at(event.pos())
            self._drag_from, self._old_rect = event.pos(), QRectF(self._rect)
        if self.grip is None:
            extend = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
            self._picked(self.face_id, extend)

    def mouseMoveEvent(self, event: QGraphicsSceneMouseEvent) -> None:  # noqa: N802
        """Show the box where it would be; Shift turns it by steps."""
        if self.grip == TURN:
            away = event.scenePos() - self.mapToScene(self._rect.center())
            angle = math.degrees(math.atan2(away.x(), -away.y()))
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                angle = TURN_STEP * round(angle / TURN_STEP)
            self.setRotation(wrapped(angle))
        elif self.grip is not None:
            self.prepareGeometryChange()
            limits = self.scene().property("photo")
            if self.angle:  # the photo's border is no straight line in the turned frame
                limits = limits.adjusted(-1e5, -1e5, 1e5, 1e5)
            by = event.pos() - self._drag_from
            self._rect = dragged(self._old_rect, self.grip, by, limits)
            self._chip.setPos(self._rect.topLeft())
            self.update()

    def mouseReleaseEvent(self, event: QGraphicsSceneMouseEvent) -> None:  # noqa: N802
        """Let go of the box."""
        if self.grip is not None:
            self.grip, self._drawn = None, ()
            if self._rect != self._old_rect or self.rotation() != self.angle:
                # Back from the turned frame: the middle has moved with it.
                middle = self.mapToScene(self._rect.center())
                box = QRectF(self._rect)
                box.moveCenter(middle)
                self._moved(self.face_id, box, self.rotation())


class Divider(QGraphicsItem):
    """The line between original and result, moved with the mouse or the arrow keys."""

    def __init__(self, theme: Theme, moved: Callable[[float], None]) -> None:
        super().__init__()
        self._theme, self._moved = theme, moved
        self._size = QRectF()
        self.setCursor(Qt.CursorShape.SplitHCursor)
        self.setZValue(5)
        self.setToolTip(tr("Drag to compare. The left side is the original."))

    def place(self, fraction: float, size: QRectF) -> None:
        """Stand at ``fraction`` of the photo's width."""
        self.prepareGeometryChange()
        self._size = size
        self.setPos(QPointF(fraction * size.width(), 0))

    def boundingRect(self) -> QRectF:  # noqa: N802
        """Return a strip wide enough to take hold of."""
        reach = max(8.0, self._size.width() * 0.012)
        return QRectF(-reach, 0, 2 * reach, self._size.height())

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Draw the line and its handle."""
        zoom = painter.worldTransform().m11()
        for colour, width in ((QColor(0, 0, 0, 140), 4), (QColor("#ffffff"), 2)):
            pen = QPen(colour, width)
            pen.setCosmetic(True)
            painter.setPen(pen)
            painter.drawLine(QPointF(0, 0), QPointF(0, self._size.height()))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(QColor("#ffffff"))
        painter.drawEllipse(QPointF(0, self._size.height() / 2), 9 / zoom, 9 / zoom)

    def mousePressEvent(self, event: QGraphicsSceneMouseEvent) -> None:  # noqa: N802
        """Take hold."""
        event.setAccepted(event.button() == Qt.MouseButton.LeftButton)

    def mouseMoveEvent(self, event: QGraphicsSceneMouseEvent) -> None:  # noqa: N802
        """Follow the mouse."""
        if self._size.width():
            self._moved(event.scenePos().x() / self._size.width())
