"""Where a box can be taken hold of, and what becomes of it when it is dragged there."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt

REACH = 7.0
"""How near to a border, in screen pixels, the mouse takes hold of it."""
SMALLEST_BOX = 8.0
"""Photo pixels that a box keeps in width and height."""

Grip = tuple[int, int]
"""Which sides move: −1 left or top, 1 right or bottom, 0 neither. ``MOVE`` is the whole box."""
MOVE: Grip = (0, 0)
TURN: Grip = (2, 2)
"""Takes hold of the handle above the box."""


def grip_at(box: QRectF, spot: QPointF, zoom: float) -> Grip | None:
    """Return what a press at ``spot`` takes hold of; corners resize, borders move the box."""
    reach = REACH / zoom
    outer = box.adjusted(-reach, -reach, reach, reach)
    inner = box.adjusted(reach, reach, -reach, -reach)
    if not outer.contains(spot) or inner.contains(spot):
        return None
    corner = reach * 2
    across = _side(spot.x(), box.left(), box.right(), corner)
    down = _side(spot.y(), box.top(), box.bottom(), corner)
    return (across, down) if across and down else MOVE


def _side(value: float, low: float, high: float, reach: float) -> int:
    if abs(value - low) <= reach:
        return -1
    return 1 if abs(value - high) <= reach else 0


def cursor_of(grip: Grip | None) -> Qt.CursorShape:
    """Return the cursor that says what a drag would do."""
    if grip is None:
        return Qt.CursorShape.PointingHandCursor
    if grip == MOVE:
        return Qt.CursorShape.SizeAllCursor
    falling = grip[0] == grip[1]
    return Qt.CursorShape.SizeFDiagCursor if falling else Qt.CursorShape.SizeBDiagCursor


def wrapped(angle: float) -> float:
    """Return the same angle within −180…180 degrees, to a tenth."""
    return round((angle + 180) % 360 - 180, 1)


def turn_handle(box: QRectF) -> QPointF:
    """Return where a box is taken hold of to turn it: above the middle of its upper side."""
    return QPointF(box.center().x(), box.top() - 0.22 * max(box.width(), box.height()))


def dragged(box: QRectF, grip: Grip, by: QPointF, limits: QRectF) -> QRectF:
    """Return the box after a drag; it stays inside the photo and never collapses."""
    if grip == MOVE:
        x = min(
            max(box.x() + by.x(), limits.left()), max(limits.left(), limits.right() - box.width())
        )
        y = min(
            max(box.y() + by.y(), limits.top()), max(limits.top(), limits.bottom() - box.height())
        )
        return QRectF(x, y, box.width(), box.height())
    new = QRectF(box)
    if grip[0] < 0:
        new.setLeft(min(max(box.left() + by.x(), limits.left()), box.right() - SMALLEST_BOX))
    else:
        new.setRight(max(min(box.right() + by.x(), limits.right()), box.left() + SMALLEST_BOX))
    if grip[1] < 0:
        new.setTop(min(max(box.top() + by.y(), limits.top()), box.bottom() - SMALLEST_BOX))
    else:
        new.setBottom(max(min(box.bottom() + by.y(), limits.bottom()), box.top() + SMALLEST_BOX))
    return new
