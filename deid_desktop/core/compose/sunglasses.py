"""Sunglasses: plain ones are drawn where the subject's own would leave it recognisable.

Their outline is the surrogate's, from its landmarks; only the tint is the photo's. What is
mirrored in the subject's lenses, and what shines through them, goes.
"""

from __future__ import annotations

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
_DEEPEST = 75.0
"""Level of a channel above which a tint would not look like a dark lens."""


def lens_tint(texture: Array, lenses: Array) -> Array:
    """Return the colour (3,), 0…255, of dark lenses in a texture (s, s, 3), given where they are
    (s, s)."""
    worn = texture[lenses > 0.8]
    tint = np.median(worn, axis=0) if len(worn) else np.full(3, 30.0)
    return np.minimum(tint, _DEEPEST).astype(np.float32)


def draw_sunglasses(rendered: Array, vertices: Array, tint: Array, *, frame: float) -> None:
    """Draw sunglasses into ``rendered`` (h, w, 3), 0…255.

    Args:
        rendered: the surrogate, changed in place.
        vertices: (478, 3) its landmarks there.
        tint: (3,) of the lenses.
        frame: width of the frame, as a share of the distance between the eyes.
    """
    apart = float(np.linalg.norm(vertices[263, :2] - vertices[33, :2]))
    soft = max(0.5, 0.006 * apart)
    width = max(1, round(frame * apart))
    glass = np.zeros(rendered.shape[:2], np.uint8)
    lines = np.zeros_like(glass)
    for outline in _LENSES:
        curve = _smooth(vertices[outline, :2])
        cv2.fillPoly(glass, [curve], 255, cv2.LINE_AA, _BITS)
        cv2.polylines(lines, [curve], True, 255, width, cv2.LINE_AA, _BITS)
    for line in (_BRIDGE, *_TEMPLES):
        points = np.round(vertices[list(line), :2] * 2**_BITS).astype(np.int32)
        cv2.polylines(lines, [points], False, 255, width, cv2.LINE_AA, _BITS)
    top = float(vertices[[46, 276], 1].min())
    height = max(float(vertices[[119, 348], 1].max()) - top, 1.0)
    rows = np.arange(rendered.shape[0], dtype=np.float32)[:, None, None]
    down = np.clip((rows - top) / height, 0, 1)
    lens = tint * (0.75 + 0.6 * down)
    held = (_HELD - 0.12 * down) * blur(glass.astype(np.float32) / 255, soft)[..., None]
    rendered[:] = rendered * (1 - held) + lens * held
    rim = 0.96 * blur(lines.astype(np.float32) / 255, soft)[..., None]
    rendered[:] = rendered * (1 - rim) + 0.45 * tint * rim


_BITS = 4
_HELD = 0.97
"""Share of the light that a lens holds back at its upper edge."""


def _smooth(points: Array) -> Array:
    """Return a closed curve through about ``points`` (n, 2), in sixteenths of a pixel."""
    count = len(points)
    spectrum = np.fft.fft(points[:, 0] + 1j * points[:, 1])
    order = np.abs(np.fft.fftfreq(count, 1 / count))
    spectrum[order > 4] = 0
    full = np.zeros(8 * count, complex)
    full[: count // 2], full[-(count // 2) :] = spectrum[: count // 2], spectrum[count // 2 :]
    curve = np.fft.ifft(full) * 8
    return np.round(np.stack([curve.real, curve.imag], 1) * 2**_BITS).astype(np.int32)
