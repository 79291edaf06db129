"""Glasses: are there any, and which texels are frame. Those pixels stay the photo's own."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from deid_desktop.core import mesh
from deid_desktop.core.geometry import blur
from deid_desktop.core.regions import regions
from deid_desktop.core.types import Array, Pixels

_EYES = (slice(140, 290), slice(50, 462))
"""Rows and columns of a 512-texel texture in which glasses lie."""

_LENS = 15.0
"""Difference in CIELAB (lightness at 0.6) between skin and eye sockets that only a dark or
mirrored lens makes."""


def thin_structures(texture: Pixels) -> Array:
    """Return the features of the glasses discriminant for a (512, 512, 3) texture.

    Thin dark (black-hat) and thin bright (top-hat) lines relative to the light around them, at a
    tenth of the size: (2 · 19 · 52,) float32.
    """
    grey = cv2.cvtColor(texture, cv2.COLOR_RGB2GRAY).astype(np.float32)[_EYES]
    grey = blur(grey, 1.5)
    grey = grey / np.maximum(blur(grey, 25), 10)
    kernel = np.ones((15, 15), np.uint8)
    maps = [
        np.minimum(cv2.morphologyEx(grey, operation, kernel), 0.35)
        for operation in (cv2.MORPH_BLACKHAT, cv2.MORPH_TOPHAT)
    ]
    small = [cv2.resize(m, (52, 19), interpolation=cv2.INTER_AREA).ravel() for m in maps]
    return np.concatenate(small).astype(np.float32)


def dark_lines(texture: Pixels, width: int = 15) -> Array:
    """Return the depth of thin dark lines (512, 512), relative to the light around them."""
    grey = cv2.cvtColor(texture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    relative = blur(grey, 1.5) / np.maximum(blur(grey, 30), 15)
    kernel = np.ones((width, width), np.uint8)
    lines: Array = cv2.morphologyEx(relative, cv2.MORPH_BLACKHAT, kernel)
    return np.minimum(lines, 0.35)


_CHEEKS, _FOREHEAD = [50, 280, 205, 425], [151, 9, 108, 337, 67, 297]
_EYES_SHOW = 20.0
"""Range of lightness in the eyes from which they are seen: no dark lens is before them."""


class GlassesModel:
    """The trained discriminant and where frames lie; see ``training.glasses``."""

    def __init__(self, tensors: dict[str, Array]) -> None:
        self._mean, self._weight = tensors["mean"], tensors["weight"]
        self._threshold = float(tensors["threshold"][0])
        self._zone = tensors["frames"]

    def worn(self, texture: Array) -> bool:
        """Say whether the (s, s, 3) texture, 0…255, shows glasses."""
        features = thin_structures(_large(texture))
        return float((features - self._mean) @ self._weight) > self._threshold

    def rims(self, texture: Array) -> Array | None:
        """Return 0…1 (s, s) where frames are, or ``None`` if no glasses are worn."""
        if not self.worn(texture):
            return None
        large = _large(texture)
        grey = blur(cv2.cvtColor(large, cv2.COLOR_RGB2GRAY).astype(np.float32), 1)
        light = np.maximum(blur(grey, 30), 15)
        dark = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, np.ones((19, 19), np.uint8)) / light
        bright = cv2.morphologyEx(grey, cv2.MORPH_TOPHAT, np.ones((15, 15), np.uint8)) / light
        maps = regions(512)
        lines = np.maximum(
            np.clip((dark - 0.10) / 0.12, 0, 1), 0.7 * np.clip((bright - 0.14) / 0.14, 0, 1)
        )
        matte = cv2.dilate(lines * self._zone, np.ones((3, 3), np.uint8))
        matte = matte * (1 - maps.eyes) * (1 - 0.85 * maps.brows)
        matte[:110] = 0  # rows above any frame, and from the nose tip down
        matte[int(mesh.UV[4, 1] * 512) :] = 0
        soft = np.clip(1.3 * blur(matte.astype(np.float32), 1.5), 0, 1)
        size = texture.shape[0]
        return soft if size == 512 else cv2.resize(soft, (size, size), None, 0, 0, cv2.INTER_AREA)


def dark_lenses(texture: Array) -> Array | None:
    """Return 0…1 (s, s) where sunglasses are, or ``None``: around both eyes nothing is skin."""
    size = texture.shape[0]
    maps = regions(size)
    side = round(0.07 * size) | 1
    lab = cv2.cvtColor(blur(texture, 0.004 * size) / 255, cv2.COLOR_RGB2LAB)
    away = _away(lab, _CHEEKS)
    around = (cv2.dilate(maps.eyes, np.ones((side, side))) > 0.5) & (maps.eyes < 0.3)
    around &= maps.brows < 0.3
    # Cheeks may be flushed, foreheads be in the shadow of hair; then eyes must not be seen.
    least = np.minimum(away, _away(lab, _FOREHEAD))
    eyes = lab[..., 0][maps.eyes > 0.6]
    seen = np.percentile(eyes, 90) - np.percentile(eyes, 10) > _EYES_SHOW
    if _both_sides(least if seen else away, around) < _LENS:
        return None
    near = cv2.dilate(maps.eyes, np.ones((3 * side, 3 * side))) > 0.3
    lens = ((away > 0.6 * _LENS) & near).astype(np.float32)
    closed = cv2.morphologyEx(lens, cv2.MORPH_CLOSE, np.ones((2 * side, 2 * side)))
    opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((side, side)))
    return np.clip(blur(opened, 0.004 * size), 0, 1)


def _away(lab: Array, places: list[int]) -> Array:
    """Return how far from the skin at some vertices each texel's colour (s, s, 3) is."""
    size = len(lab)
    skin = np.median([lab[y, x] for x, y in (mesh.UV[places] * size).astype(int)], axis=0)
    away: Array = np.hypot(
        0.6 * (lab[..., 0] - skin[0]), np.hypot(*np.moveaxis(lab - skin, 2, 0)[1:])
    )
    return away


def _both_sides(away: Array, where: NDArray[np.bool_]) -> float:
    """Return the median of ``away`` (s, s) there, on the side of the face where it is less."""
    half = away.shape[1] // 2
    sides = (slice(None, half), slice(half, None))
    return min(float(np.median(away[:, side][where[:, side]])) for side in sides)


def _large(texture: Array) -> NDArray[np.uint8]:
    """Return the texture at 512 texels, 8 bit, as the discriminant was trained."""
    if texture.shape[0] != 512:
        texture = cv2.resize(texture, (512, 512), interpolation=cv2.INTER_CUBIC)
    return np.clip(texture, 0, 255).astype(np.uint8)
