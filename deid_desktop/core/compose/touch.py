"""What a person asks of one face besides its attributes: brush, skin tone, own eyes and mouth."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from deid_desktop.core import mesh
from deid_desktop.core.geometry import blur
from deid_desktop.core.types import Array

_MELANIN = np.array([0.84, 1.0, 1.16], np.float32)
"""Exponents of the channels when skin gets darker: melanin takes blue first, so red stays."""
_YELLOW = 17.0
"""Typical b* of skin, by which an ITA becomes a lightness."""
_GAMMA = 2.2
_SHOULDER = 170.0
"""Level from which brightened skin is bent towards white."""
_LID, _LIP = 0.16, 0.06
"""Margins around own eyes and an own mouth, in widths of the part."""


@dataclass(frozen=True, eq=False)
class Touch:
    """Wishes for one face.

    ``brush`` (h, w) of the scene's crop in photo pixels: 1 is taken into the mask, −1 out of it;
    ``None`` without strokes. ``skin`` (3,): how much brighter each channel of the skin gets.
    ``eyes``, ``mouth``: stay the photo's own. ``shaved``: no beard grows.
    """

    brush: Array | None = None
    skin: Array | None = None
    eyes: bool = False
    mouth: bool = False
    shaved: bool = False

    def at(self, shape: tuple[int, ...]) -> Array:
        """Return the brush at working scale, its borders softened by a pixel."""
        assert self.brush is not None
        return blur(cv2.resize(self.brush, shape[1::-1], interpolation=cv2.INTER_AREA), 0.7)


def skin_gain(own: float, wish: float) -> Array:
    """Return the factor (3,) of 8-bit RGB that takes skin from one ITA to another, in degrees.

    The ratio of the two luminances holds in any light.
    """
    ratio = _luminance(wish) / _luminance(own)
    gain: Array = (ratio ** (_MELANIN / _GAMMA)).astype(np.float32)
    return gain


def _luminance(ita: float) -> float:
    """Return Y, 0…1, of skin with this ITA (CIE 1976, inverted)."""
    lightness = np.clip(50 + _YELLOW * np.tan(np.radians(np.clip(ita, -55, 70))), 15, 92)
    return float(((lightness + 16) / 116) ** 3)


def toned(picture: Array, gain: Array) -> Array:
    """Return a ``picture`` (h, w, 3) of skin, 0…255, in another tone; highlights do not clip."""
    changed = picture * gain
    over = np.maximum(changed - _SHOULDER, 0)
    room = 255 - _SHOULDER
    if gain.max() > 1:
        changed = np.minimum(changed, _SHOULDER) + room * (1 - np.exp(-over / room))
    return np.clip(changed, 0, 255).astype(np.float32)


def skin_around(crop: Array, colour: Array, face: Array) -> Array:
    """Return 0…1 (h, w): skin that hangs together with the face, as ears, neck and forehead.

    Skin is what has the face's own hue; it fades towards the border of the crop, beyond which
    nothing is changed.

    Args:
        crop: (h, w, 3) of the photo, 0…255.
        colour: (3,) typical of the face's skin.
        face: (h, w) 0…1, what the surrogate covers.
    """
    height, width = face.shape
    soft = max(1.0, 0.004 * max(height, width))
    smooth = np.clip(blur(crop, soft), 0, 255).astype(np.uint8)
    lab = cv2.cvtColor(smooth, cv2.COLOR_RGB2LAB).astype(np.float32)
    typical = cv2.cvtColor(
        np.clip(colour, 0, 255).astype(np.uint8)[None, None], cv2.COLOR_RGB2LAB
    ).astype(np.float32)[0, 0]
    # Shadows have less of the same hue: compare directions, and how much colour there is.
    chroma, own = lab[..., 1:] - 128, typical[1:] - 128
    strength = np.hypot(chroma[..., 0], chroma[..., 1])
    along = (chroma @ own) / np.maximum(strength * np.linalg.norm(own), 1e-3)
    alike = (along > 0.94) & (strength > 0.45 * np.linalg.norm(own)) & (lab[..., 0] > 50)
    skin = (alike | (face > 0.3)).astype(np.uint8)
    _, labels = cv2.connectedComponents(skin)
    near = np.unique(labels[face > 0.5])
    connected = np.isin(labels, near[near > 0]) & alike
    y, x = np.mgrid[:height, :width].astype(np.float32)
    edge = np.minimum(np.minimum(x, width - 1 - x), np.minimum(y, height - 1 - y))
    fade = np.clip(edge / (0.12 * max(height, width)), 0, 1)
    return blur(connected.astype(np.float32), 1.5 * soft) * fade


def kept_parts(touch: Touch, vertices: Array, shape: tuple[int, ...]) -> Array:
    """Return 0…1 (h, w): the own eyes and the own mouth, as far as they stay.

    Args:
        touch: says which.
        vertices: (478, 3) landmarks in the finished picture.
        shape: of the picture.
    """
    kept = np.zeros(shape[:2], np.float32)
    parts = [(mesh.LEFT_EYE, _LID), (mesh.RIGHT_EYE, _LID)] if touch.eyes else []
    parts += [(mesh.LIPS, _LIP)] if touch.mouth else []
    for outline, margin in parts:
        points = vertices[outline, :2]
        reach = margin * float(np.ptp(points, axis=0).max())
        drawn = np.zeros(shape[:2], np.uint8)
        hull = np.round(points * 16).astype(np.int32)
        cv2.fillPoly(drawn, [hull], 255, cv2.LINE_AA, 4)
        cv2.polylines(drawn, [hull], True, 255, max(1, round(2 * reach)), cv2.LINE_AA, 4)
        kept = np.maximum(kept, blur(drawn.astype(np.float32) / 255, max(0.8, 0.5 * reach)))
    return kept


def untouched(field: Array, brush: Array) -> Array:
    """Return a bending ``field`` (h, w, 2) that leaves alone what the brush took out.

    It fades towards there, lest straight lines break.
    """
    out = np.clip(-brush, 0, 1)
    near = max(2.0, 0.012 * max(field.shape[:2]))
    fade = np.maximum(out, np.clip(2 * blur(out, near), 0, 1))
    return field * (1 - fade[..., None])
