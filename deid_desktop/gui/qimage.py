"""The only crossing between numpy arrays and Qt images."""

from __future__ import annotations

import math

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QImage, QPixmap

from deid_desktop.core.types import Box, Pixels
from deid_desktop.session.picture import Picture


def image_of(level: Pixels) -> QImage:
    """Wrap one level (BGRA, contiguous) without a copy; patches written to it show at once."""
    height, width = level.shape[:2]
    return QImage(level.data, width, height, level.strides[0], QImage.Format.Format_RGB32)


def images_of(picture: Picture) -> tuple[QImage, ...]:
    """Wrap all levels of a picture."""
    return tuple(image_of(level) for level in picture.levels)


def crop_of(picture: Picture, box: Box, side: int, *, margin: float = 0.25) -> QPixmap:
    """Return a square cut around a face, ``side`` pixels wide, from the level that fits."""
    x, y, w, h = box
    reach = max(w, h) * (0.5 + margin)
    level = min(len(picture.levels) - 1, max(0, math.floor(math.log2(max(1.0, 2 * reach / side)))))
    scale = 1 << level
    image = image_of(picture.levels[level])
    square = QRect(
        round((x + w / 2 - reach) / scale),
        round((y + h / 2 - reach) / scale),
        max(1, round(2 * reach / scale)),
        max(1, round(2 * reach / scale)),
    )
    cut = image.copy(square & image.rect())
    smooth = Qt.TransformationMode.SmoothTransformation
    grow = Qt.AspectRatioMode.KeepAspectRatioByExpanding
    return QPixmap.fromImage(cut.scaled(side, side, grow, smooth))


def pixmap_of(picture: Picture) -> QPixmap:
    """Return the smallest level as a pixmap."""
    return QPixmap.fromImage(image_of(picture.levels[-1]))
