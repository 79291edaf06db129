"""Layers: what the stages hand on. Each changes one region of the whole photo, in place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from deid_desktop.core import colour as colours
from deid_desktop.core.brush import corners, extent, painted
from deid_desktop.core.compose.shape import bend
from deid_desktop.core.geometry import thrice
from deid_desktop.core.types import SRGB, Array, Box, Deep, Face, Method, Pixels, Stroke

_SOLID = (24, 24, 24)
_BENT = 0.02
"""Pixels from which a bent picture is another one."""
_READ = 2
"""Pixels beside a bent one that are read for it."""
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

    def cropped(self) -> SurrogateLayer:
        """Return the same change without the borders where there is none."""
        height, width = self.alpha.shape
        bent = np.abs(self.field).reshape(height, 2 * width)
        rows = np.flatnonzero((bent.max(1) > _BENT) | self.alpha.any(1))
        columns = (bent.max(0).reshape(width, 2).max(1) > _BENT) | self.alpha.any(0)
        across = np.flatnonzero(columns)
        if not len(rows):
            return self
        top, left = (max(0, int(found[0]) - _READ) for found in (rows, across))
        part = (slice(top, int(rows[-1]) + 1 + _READ), slice(left, int(across[-1]) + 1 + _READ))
        parts = (a[part].copy() for a in (self.field, self.colour, self.alpha))
        return SurrogateLayer(self.left + left, self.top + top, *parts)

    def within(self, space: str) -> SurrogateLayer:
        """Return the same change for pixels of another space."""
        plain = self.colour / (255 * np.maximum(self.alpha, 1e-6)[..., None])
        converted = colours.between(np.clip(plain, 0, 1), SRGB, space)
        return replace(self, colour=converted * (255 * self.alpha[..., None]))

    def opaque(self) -> SurrogateLayer:
        """Return the layer that bends an opacity alike and fills it where this one covers."""
        return replace(self, colour=np.repeat(255 * self.alpha[..., None], 3, axis=2))

    def changed(self, pixels: Pixels | Deep) -> NDArray[Any]:
        """Return the layer's region of ``pixels`` (the whole photo) as it will be."""
        region = self._region(pixels)
        bent = bend(region.astype(np.float32), self.field)
        bent *= thrice(1 - self.alpha)
        share = np.iinfo(pixels.dtype).max / 255
        depth = cv2.CV_8U if pixels.dtype == np.uint8 else cv2.CV_16U
        covered = cv2.scaleAdd(self.colour, share, bent)
        across, down = cv2.split(np.abs(self.field))
        touched = (self.alpha > 0) | (across > _BENT) | (down > _BENT)
        rounded = cv2.add(covered, 0, dtype=depth)
        return cv2.copyTo(rounded, touched.view(np.uint8), region.copy())

    def _region(self, pixels: Pixels | Deep) -> NDArray[Any]:
        height, width = self.alpha.shape
        return pixels[self.top : self.top + height, self.left : self.left + width]


@dataclass(frozen=True, eq=False)
class MaskLayer:
    """A face hidden by a filled ellipse, a region by its box: solid, blurred or pixelated.

    ``strokes`` of the brush add to it anywhere. Of a face they take away only around its core, the
    ellipse that fills the box: a mask is never brushed off a face.
    """

    face: Face
    method: Method
    strokes: tuple[Stroke, ...] = ()
    tone: tuple[int, int, int] = _SOLID

    def within(self, space: str) -> MaskLayer:
        """Return this layer: what it fills with is grey, and looks the same in every space."""
        return self

    def opaque(self) -> MaskLayer:
        """Return the layer that fills an opacity wherever this one hides."""
        return replace(self, method=Method.SOLID, tone=(255, 255, 255))

    def apply(self, pixels: Pixels | Deep) -> None:
        """Change ``pixels`` (the whole photo, 8 or 16 bit) in place."""
        start, inside = self._hidden(pixels.shape)
        height, width = inside.shape
        region = pixels[start[1] : start[1] + height, start[0] : start[0] + width]
        region[inside] = self._content(region)[inside]

    def hides(self, shape: tuple[int, ...]) -> bool:
        """Return whether anything of a photo of this shape (height, width, …) is hidden."""
        return bool(self._hidden(shape)[1].any())

    def _hidden(self, shape: tuple[int, ...]) -> tuple[NDArray[np.int_], NDArray[np.bool_]]:
        """Return the corner (x, y) of the region and which of its pixels (h, w) are hidden."""
        x, y, width, height = self.face.box
        around = (x - 0.15 * width, y - 0.15 * height, 1.3 * width, 1.3 * height)
        if self.face.angle:
            reach = 0.65 * float(np.hypot(width, height))
            around = (x + width / 2 - reach, y + height / 2 - reach, 2 * reach, 2 * reach)
        left, top, right, bottom = _united(around, extent(self.strokes, self.face))
        limit = np.array(shape[1::-1])
        start = np.clip(np.floor([left, top]), 0, limit - 1).astype(int)
        stop = np.clip(np.ceil([right, bottom]), start + 1, limit).astype(int)
        columns, rows = (stop - start).tolist()
        inside = np.zeros((rows, columns), np.uint8)
        if self.face.region and self.face.angle:
            outline = np.round(corners(self.face.box, self.face.angle) - start).astype(np.int32)
            cv2.fillConvexPoly(inside, outline, 1)
            inside = np.asarray(cv2.dilate(inside, np.ones((3, 3))))
        elif self.face.region:
            low = np.floor([x, y]).astype(int) - start
            high = np.ceil([x + width, y + height]).astype(int) - start
            inside[max(0, low[1]) : max(0, high[1]), max(0, low[0]) : max(0, high[0])] = 1
        else:
            self._ellipse(inside, start, 0.65)
        if self.strokes:
            corner = (int(start[0]), int(start[1]))
            says = painted(self.strokes, self.face, corner=corner, shape=inside.shape)
            inside[says > 0] = 1
            inside[says < 0] = 0
            if not self.face.region:
                self._ellipse(inside, start, 0.5)
        return start, inside > 0

    def _ellipse(self, inside: Pixels, start: NDArray[np.int_], share: float) -> None:
        """Fill an ellipse with axes of this share of the box, also beyond the photo's border."""
        x, y, width, height = self.face.box
        centre = np.round([x + width / 2 - start[0], y + height / 2 - start[1]]).astype(int)
        axes = (round(share * width), round(share * height))
        cv2.ellipse(inside, centre.tolist(), axes, self.face.angle, 0, 360, 1, -1)

    def _content(self, region: Pixels | Deep) -> Pixels | Deep:
        size = max(self.face.box[2:])
        if self.method is Method.SOLID:
            return np.full_like(region, np.array(self.tone) * (np.iinfo(region.dtype).max // 255))
        if self.method is Method.BLUR:
            return cv2.GaussianBlur(region, (0, 0), max(2.0, size / 6))
        block = max(2.0, size / _BLOCKS)
        blocks = np.maximum(1, np.round(np.array(region.shape[1::-1]) / block)).astype(int)
        small = cv2.resize(region, blocks.tolist(), interpolation=cv2.INTER_AREA)
        back = cv2.resize(small, region.shape[1::-1], interpolation=cv2.INTER_NEAREST)
        return back


def _united(one: Box, other: Box) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of what holds both boxes."""
    left, top = min(one[0], other[0]), min(one[1], other[1])
    right = max(one[0] + one[2], other[0] + other[2])
    return left, top, right, max(one[1] + one[3], other[1] + other[3])
