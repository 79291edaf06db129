"""Layers: what the stages hand on. Each changes one region of the whole photo, in place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from deid_desktop.core.compose.shape import bend
from deid_desktop.core.types import Array, Deep, Face, Method, Pixels

_SOLID = (24, 24, 24)
_BLOCKS = 8
"""Blocks along the longer side of a pixelated face."""


@dataclass(frozen=True, eq=False)
class SurrogateLayer:
    """A surrogate at the photo's own scale.

    The region's picture is first bent by ``field`` (h, w, 2), then covered by ``colour``
    (h, w, 3), already multiplied by ``alpha`` (h, w). Pixels with neither stay as they are, bit
    for bit, at 8 as at 16 bits.
    """

    left: int
    top: int
    field: Array
    colour: Array
    alpha: Array

    def apply(self, pixels: Pixels | Deep) -> None:
        """Change ``pixels`` (the whole photo, 8 or 16 bit) in place."""
        self._region(pixels)[:] = self.changed(pixels)

    def changed(self, pixels: Pixels | Deep) -> NDArray[Any]:
        """Return the layer's region of ``pixels`` (the whole photo) as it will be."""
        region = self._region(pixels)
        bent = bend(region.astype(np.float32), self.field)
        full = np.iinfo(pixels.dtype).max
        covered = bent * (1 - self.alpha[..., None]) + self.colour * (full / 255)
        touched = (self.alpha > 0) | (np.abs(self.field).max(2) > 0.02)
        rounded = np.clip(np.round(covered), 0, full).astype(pixels.dtype)
        return np.where(touched[..., None], rounded, region)

    def _region(self, pixels: Pixels | Deep) -> NDArray[Any]:
        height, width = self.alpha.shape
        return pixels[self.top : self.top + height, self.left : self.left + width]


@dataclass(frozen=True, eq=False)
class MaskLayer:
    """A face hidden by a filled ellipse, a region by its box: solid, blurred or pixelated."""

    face: Face
    method: Method

    def apply(self, pixels: Pixels | Deep) -> None:
        """Change ``pixels`` (the whole photo, 8 or 16 bit) in place."""
        x, y, width, height = self.face.box
        limit = np.array(pixels.shape[1::-1])
        start = np.clip(np.floor([x - 0.15 * width, y - 0.15 * height]), 0, limit - 1).astype(int)
        stop = np.ceil([x + 1.15 * width, y + 1.15 * height])
        stop = np.clip(stop, start + 1, limit).astype(int)
        region = pixels[start[1] : stop[1], start[0] : stop[0]]
        # The ellipse is drawn on the whole box, so that a border of the photo does not shrink it.
        centre = (x + width / 2 - start[0], y + height / 2 - start[1])
        inside = np.zeros(region.shape[:2], np.uint8)
        if self.face.region:
            low = np.floor([x, y]).astype(int) - start
            high = np.ceil([x + width, y + height]).astype(int) - start
            inside[max(0, low[1]) : max(0, high[1]), max(0, low[0]) : max(0, high[0])] = 1
        else:
            axes = (round(0.65 * width), round(0.65 * height))
            cv2.ellipse(inside, np.round(centre).astype(int).tolist(), axes, 0, 0, 360, 1, -1)
        region[inside > 0] = self._content(region)[inside > 0]

    def _content(self, region: Pixels | Deep) -> Pixels | Deep:
        size = max(self.face.box[2:])
        if self.method is Method.SOLID:
            return np.full_like(region, np.array(_SOLID) * (np.iinfo(region.dtype).max // 255))
        if self.method is Method.BLUR:
            return cv2.GaussianBlur(region, (0, 0), max(2.0, size / 6))
        block = max(2.0, size / _BLOCKS)
        blocks = np.maximum(1, np.round(np.array(region.shape[1::-1]) / block)).astype(int)
        small = cv2.resize(region, blocks.tolist(), interpolation=cv2.INTER_AREA)
        back = cv2.resize(small, region.shape[1::-1], interpolation=cv2.INTER_NEAREST)
        return back
