"""Eyewear: other glasses are drawn where the subject's own would leave it recognisable.

Their outline is the surrogate's, from its landmarks; only the tint of lenses and the colour of
frames are the photo's. What is mirrored in the subject's lenses, and what shines through, goes.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from deid_desktop.core.geometry import blur
from deid_desktop.core.types import Array

_LENSES = (
    [46, 53, 52, 65, 221, 189, 244, 233, 128, 121, 120, 119, 118, 117, 111, 35],
    [276, 283, 282, 295, 441, 413, 464, 453, 357, 350, 349, 348, 347, 346, 340, 265],
)
"""Vertices around each eye, from the outer end of the brow over the nose and below the lid back."""
_BRIDGE = (189, 168, 413)
_TEMPLES = ((46, 34, 127), (276, 264, 356))
_DARK = 75.0
"""Level of a channel above which a tint would not look like a dark lens, nor a frame like one."""
_BITS = 4
_HELD = 0.97
"""Share of the light that a dark lens holds back at its upper edge."""
_OUTLINE = 4
"""Fourier terms of a lens's outline: as smooth as glass is ground."""


@dataclass(frozen=True, eq=False)
class Eyewear:
    """Glasses to draw: ``frame`` (3,) its colour, ``width`` of the frame as a share of the distance
    between the outer corners of the eyes, ``tint`` (3,) of dark lenses or ``None``; 0…255."""

    frame: Array
    width: float
    tint: Array | None


def other_eyewear(
    texture: Array, *, frames: Array | None, lenses: Array | None, seed: int
) -> Eyewear:
    """Return glasses in the colours of those in the photo's ``texture`` (s, s, 3).

    Args:
        texture: of the photo, 0…255.
        frames: (s, s) 0…1, where frames are.
        lenses: (s, s) 0…1, where dark lenses are; ``None``: the lenses are clear.
        seed: of the frame's width.
    """
    width = 0.012 + 0.008 * (seed % 3)
    if lenses is not None:
        tint = _colour(texture, lenses)
        return Eyewear(0.45 * tint, width + 0.01, tint)
    return Eyewear(_colour(texture, frames), width, None)


def _colour(texture: Array, where: Array | None) -> Array:
    worn = texture[where > 0.7] if where is not None else texture[:0, 0]
    colour = np.median(worn, axis=0) if len(worn) else np.full(3, 30.0)
    return np.minimum(colour, _DARK).astype(np.float32)


def draw_eyewear(rendered: Array, vertices: Array, eyewear: Eyewear) -> None:
    """Draw glasses into ``rendered`` (h, w, 3), 0…255, of a face with landmarks (478, 3)."""
    apart = float(np.linalg.norm(vertices[263, :2] - vertices[33, :2]))
    soft = max(0.5, 0.006 * apart)
    thick = max(1, round(eyewear.width * apart))
    curves = [_smooth(vertices[outline, :2]) for outline in _LENSES]
    if eyewear.tint is not None:
        _darken(rendered, vertices, curves, eyewear.tint, soft)
    lines = np.zeros(rendered.shape[:2], np.uint8)
    cv2.polylines(lines, curves, True, 255, thick, cv2.LINE_AA, _BITS)
    arms = [np.round(vertices[list(a), :2] * 2**_BITS).astype(np.int32) for a in _TEMPLES]
    bridge = np.round(vertices[list(_BRIDGE), :2] * 2**_BITS).astype(np.int32)
    cv2.polylines(lines, [bridge, *arms], False, 255, thick, cv2.LINE_AA, _BITS)
    rim = 0.94 * blur(lines.astype(np.float32) / 255, soft)[..., None]
    rendered[:] = rendered * (1 - rim) + eyewear.frame * rim


def _darken(
    rendered: Array, vertices: Array, curves: list[Array], tint: Array, soft: float
) -> None:
    """Lay dark glass over what is inside the ``curves``, a little lighter towards the cheeks."""
    glass = np.zeros(rendered.shape[:2], np.uint8)
    for curve in curves:
        cv2.fillPoly(glass, [curve], 255, cv2.LINE_AA, _BITS)
    top = float(vertices[[46, 276], 1].min())
    height = max(float(vertices[[119, 348], 1].max()) - top, 1.0)
    rows = np.arange(rendered.shape[0], dtype=np.float32)[:, None, None]
    down = np.clip((rows - top) / height, 0, 1)
    held = (_HELD - 0.12 * down) * blur(glass.astype(np.float32) / 255, soft)[..., None]
    rendered[:] = rendered * (1 - held) + tint * (0.75 + 0.6 * down) * held


def _smooth(points: Array) -> Array:
    """Return a closed curve through about ``points`` (n, 2), in sixteenths of a pixel."""
    count = len(points)
    spectrum = np.fft.fft(points[:, 0] + 1j * points[:, 1])
    spectrum[np.abs(np.fft.fftfreq(count, 1 / count)) > _OUTLINE] = 0
    full = np.zeros(8 * count, complex)
    full[: count // 2], full[-(count // 2) :] = spectrum[: count // 2], spectrum[count // 2 :]
    curve = np.fft.ifft(full) * 8
    return np.round(np.stack([curve.real, curve.imag], 1) * 2**_BITS).astype(np.int32)
