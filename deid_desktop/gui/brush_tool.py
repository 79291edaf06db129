"""The mask brush over a photo: a ring that follows the mouse, and the strokes as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen, QPolygonF, QTransform
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from deid_desktop.core.types import Face, Stroke
from deid_desktop.gui.theme import Theme

_CLEAR = 90
"""Alpha of the strokes, 0…255."""


class BrushTool(QGraphicsItem):
    """Shows the strokes of one face while the brush is out; ``stroked`` takes each new one's way.

    Strokes into the mask are filled, strokes out of it hatched, so that colour is not alone.
    """

    def __init__(self, theme: Theme, stroked: Callable[[list[QPointF]], None]) -> None:
        super().__init__()
        self._theme, self._stroked = theme, stroked
        self.into: bool | None = None
        self.radius = 10.0
        self.spot: QPointF | None = None
        self._way: list[QPointF] = []
        self._strokes: list[tuple[bool, QPolygonF, float]] = []
        self.setZValue(6)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self.hide()

    @property
    def active(self) -> bool:
        """Return whether the brush is out."""
        return self.into is not None

    @property
    def pressed(self) -> bool:
        """Return whether a stroke is being drawn."""
        return bool(self._way)

    def take(self, into: bool | None, radius: float) -> None:
        """Take the brush out, to paint into the mask or out of it; ``None`` puts it away.

        ``radius``: in photo pixels.
        """
        self.into, self.radius = into, radius
        self._way = []
        self.setVisible(self.active)
        self.update()

    def show_strokes(self, strokes: Sequence[Stroke], face: Face) -> None:
        """Show the strokes that a face has."""
        box = QRectF(*face.box)
        side = max(box.width(), box.height())
        to_photo = QTransform.fromTranslate(box.center().x(), box.center().y()).rotate(face.angle)
        self._strokes = []
        for stroke in strokes:
            way = QPolygonF([to_photo.map(QPointF(x, y) * side) for x, y in stroke.points])
            self._strokes.append((stroke.into, way, stroke.radius * side))
        self.update()

    def hover(self, spot: QPointF) -> None:
        """Follow the mouse, painting while it is pressed; only what changed is drawn again."""
        before, self.spot = self.spot or spot, spot
        if self._way:
            self._way.append(spot)
        reach = self.radius + self._pixel() * 4
        changed = QRectF(before, spot).normalized().adjusted(-reach, -reach, reach, reach)
        self.update(changed)

    def _pixel(self) -> float:
        """Return how many photo pixels one pixel of the screen is."""
        views = self.scene().views() if self.scene() else []
        return 1 / views[0].transform().m11() if views else 1.0

    def press(self, spot: QPointF) -> None:
        """Begin a stroke."""
        self.spot, self._way = spot, [spot]
        self.update()

    def release(self) -> None:
        """End the stroke and hand it over."""
        way, self._way = self._way, []
        if way:
            self._stroked(way)
        self.update()

    def boundingRect(self) -> QRectF:  # noqa: N802
        """Return the photo, and what may reach beyond it."""
        photo = self.scene().property("photo") if self.scene() else None
        rect = photo if isinstance(photo, QRectF) else QRectF()
        reach = max(rect.width(), rect.height())
        return rect.adjusted(-reach, -reach, reach, reach)

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Draw the strokes and the ring."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        strokes = list(self._strokes)
        if self._way and self.into is not None:
            strokes.append((self.into, QPolygonF(self._way), self.radius))
        for into, way, radius in strokes:
            self._draw(painter, way, into=into, radius=radius)
        if self.spot is not None:
            for colour, width in ((QColor(0, 0, 0, 160), 3), (QColor("#ffffff"), 1.5)):
                pen = QPen(colour, width)
                pen.setCosmetic(True)
                painter.setPen(pen)
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawEllipse(self.spot, self.radius, self.radius)
            arm = 5 / painter.worldTransform().m11()
            painter.drawLine(self.spot - QPointF(arm, 0), self.spot + QPointF(arm, 0))
            if self.into:
                painter.drawLine(self.spot - QPointF(0, arm), self.spot + QPointF(0, arm))

    def _draw(self, painter: QPainter, way: QPolygonF, *, into: bool, radius: float) -> None:
        """Draw a stroke in one go, as wide as it is: an outline would cost seconds when long."""
        colours = self._theme.colours
        colour = QColor(colours.accent if into else colours.attention)
        colour.setAlpha(_CLEAR if into else 255)
        fill = QBrush(colour, Qt.BrushStyle.SolidPattern if into else Qt.BrushStyle.BDiagPattern)
        fill.setTransform(painter.worldTransform().inverted()[0])
        round_cap, round_join = Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin
        painter.setPen(QPen(fill, 2 * radius, Qt.PenStyle.SolidLine, round_cap, round_join))
        if way.count() == 1:
            painter.drawPoint(way.first())
        else:
            painter.drawPolyline(way)
