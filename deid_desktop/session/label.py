"""The visible label of a picture: drawn by Qt, whose fonts know every script, in the worker."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter


def with_label(pixels: NDArray[Any], text: str) -> NDArray[Any]:
    """Return a copy of RGB or RGBA pixels (8 or 16 bit) with a text in the lower left corner."""
    height, width = pixels.shape[:2]
    band = max(18, round(min(width, height) * 0.04))
    image = QImage(width, band, QImage.Format.Format_RGBA8888)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.TextAntialiasing)
    font = QFont()
    font.setPixelSize(round(band * 0.6))
    painter.setFont(font)
    room = QRectF(0, 0, width, band)
    flags = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    used = painter.boundingRect(room.adjusted(band * 0.4, 0, 0, 0), flags, text)
    painter.fillRect(
        QRectF(0, 0, min(width, used.right() + band * 0.4), band), QColor(0, 0, 0, 170)
    )
    painter.setPen(QColor("#ffffff"))
    painter.drawText(used, flags, text)
    painter.end()
    # Four bytes a pixel leave no padding at the ends of the rows.
    bits: NDArray[Any] = np.frombuffer(image.constBits(), np.uint8)
    drawn = bits.reshape(band, width, 4).astype(np.float32)
    full = np.iinfo(pixels.dtype).max
    alpha = drawn[..., 3:] / 255
    labelled = pixels.copy()
    region = labelled[height - band :]
    paint = drawn[..., :3]
    if pixels.shape[2] == 4:  # the label is opaque wherever it is
        paint = np.dstack([paint, np.full_like(alpha, 255)])
    mixed = region * (1 - alpha) + paint * (full / 255) * alpha
    region[:] = np.round(mixed).astype(pixels.dtype)
    return labelled
