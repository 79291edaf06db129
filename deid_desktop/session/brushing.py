"""The mask brush as the person uses it: from the way of the mouse to strokes of the request."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from deid_desktop.core.types import FARTHEST, THICKEST, Face, Method, Request, Stroke
from deid_desktop.session.document import Document
from deid_desktop.session.language import tr
from deid_desktop.session.model import Subject

SMALLEST, STANDARD = 0.01, 0.08
"""Radius of the brush, in longer sides of the face's box."""
STEP = 1.25
"""Factor between two sizes."""
_MOST_POINTS = 2000


def sized(radius: float, factor: float) -> float:
    """Return another radius, within bounds."""
    return min(THICKEST, max(SMALLEST, radius * factor))


def brushable(subject: Subject | None) -> bool:
    """Return whether a face has a mask to brush."""
    return subject is not None and subject.request.method is not Method.KEEP


def stroke_of(
    way: Sequence[tuple[float, float]], face: Face, *, into: bool, radius: float
) -> Stroke:
    """Return a way over the photo (x, y in its pixels) as a stroke in units of a face's box.

    Points closer than a quarter of the radius are left out; what lies too far away is drawn in.
    """
    left, top, width, height = face.box
    side = max(width, height)
    cos, sin = math.cos(math.radians(face.angle)), math.sin(math.radians(face.angle))
    middle = left + width / 2, top + height / 2
    points: list[tuple[float, float]] = []
    for x, y in way:
        right, down = (x - middle[0]) / side, (y - middle[1]) / side
        point = (_placed(right * cos + down * sin), _placed(down * cos - right * sin))
        if not points or math.dist(point, points[-1]) > radius / 4:
            points.append(point)
    return Stroke(into, radius, tuple(points[:_MOST_POINTS]))


def _placed(value: float) -> float:
    return round(min(FARTHEST, max(-FARTHEST, value)), 4)


def brush(document: Document, stroke: Stroke) -> None:
    """Add a stroke to the selected face's mask, as one step."""
    text = tr("Brush into the mask") if stroke.into else tr("Brush out of the mask")
    _change(document, text, lambda request: replace(request, strokes=(*request.strokes, stroke)))


def clear(document: Document) -> None:
    """Take all strokes back, as one step."""
    _change(document, tr("Clear the brush"), lambda request: replace(request, strokes=()))


def _change(document: Document, text: str, change: Callable[[Request], Request]) -> None:
    entry, subject = document.current, document.selected
    if entry is not None and subject is not None and brushable(subject):
        document.edit_faces(entry, [subject], text, change)


def with_settings(model: Request, own: Request) -> Request:
    """Return the settings of one face for another, which keeps its own seed and brush."""
    return replace(model, seed=own.seed, strokes=own.strokes)
