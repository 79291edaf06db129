"""The colour rule: what of a face's texture is not skin by its colour, so hair, hand or beard.

It is right on well-lit portraits, and labels those that the occlusion network learns from; in hard
light it takes shadows for hair, so it is asked together with the network (``in_front``).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from deid_desktop.core import mesh
from deid_desktop.core.geometry import blur, weighted_blur
from deid_desktop.core.regions import regions
from deid_desktop.core.types import Array


@dataclass(frozen=True, eq=False)
class Rule:
    """Maps (s, s), 0…1: ``front`` things in front of the face, ``beard``, and ``strange``: all that
    is not skin by its colour."""

    front: Array
    beard: Array
    strange: Array


def by_colour(texture: Array, seen: Array) -> Rule:
    """Say what is not skin in a texture (s, s, 3), 0…255, of which ``seen`` (s, s) is shown."""
    found = _strange(texture, seen)
    front, beard = _hair_and_beard(_reaching_in(found))
    return Rule(front, beard, found)


def square(texels: int, size: int) -> NDArray[np.uint8]:
    """Return the kernel of a square of ``texels`` of 512, for textures of ``size`` texels."""
    side = max(3, round(texels * size / 512) | 1)
    return np.ones((side, side), np.uint8)


def _strange(texture: Array, seen: Array) -> Array:
    """Return where (s, s) the photo's texture is not skin by its colour: hair, frames, hands."""
    size = texture.shape[0]
    unit = size / 512
    maps = regions(size)
    smooth = np.clip(blur(texture, 2 * unit), 0, 255).astype(np.uint8)
    lab = cv2.cvtColor(smooth, cv2.COLOR_RGB2LAB).astype(np.float32)
    nose = mesh.UV[1] * size
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    middle = np.hypot((x - nose[0]) / (150 * unit), (y - nose[1]) / (110 * unit)) < 1
    zone = maps.skin * seen * middle
    sure = zone > 0.6
    if sure.sum() < 500 * unit**2:
        sure = maps.skin * seen > 0.5
    if not sure.any():
        return np.zeros((size, size), np.float32)
    reference = np.median(lab[sure], axis=0)
    upper = zone * (y < mesh.UV[164, 1] * size)
    near, weight = weighted_blur(lab, upper, 36 * unit)
    far, _ = weighted_blur(lab, upper, 100 * unit)
    share = np.clip(weight / 0.1, 0, 1)[..., None]
    difference = lab - (near * share + far * (1 - share))
    strange = (
        (difference[..., 0] < -34 - 0.12 * reference[0])
        | (np.hypot(difference[..., 1], difference[..., 2]) > 20)
        | (difference[..., 0] > 70)
    )
    opened: Array = cv2.morphologyEx(strange.astype(np.float32), cv2.MORPH_OPEN, square(5, size))
    return opened


def _reaching_in(strange: Array) -> Array:
    """Keep what reaches in from outside: hair, hands, collars, beards.

    A dark island in the middle of the skin is a raised brow or a shadow of the subject's own
    face, and must go with it.
    """
    _, labels = cv2.connectedComponents((strange > 0.5).astype(np.uint8))
    outside = np.unique(labels[(regions(strange.shape[0]).blend < 0.3) & (labels > 0)])
    return np.isin(labels, outside).astype(np.float32)


def _hair_and_beard(in_front: Array) -> tuple[Array, Array]:
    """Return 0…1 (s, s) twice: what hides the face from outside, and what covers the chin.

    Between forehead and chin nothing hides the face but glasses, which are found on their own.
    """
    size = in_front.shape[0]
    maps = regions(size)
    closed = cv2.morphologyEx(in_front, cv2.MORPH_CLOSE, square(21, size))
    grown = cv2.dilate(np.where(maps.stubble > 0.2, closed, in_front), square(7, size))
    soft = np.clip(1.3 * blur(grown, 3 * size / 512), 0, 1)
    upper = soft * (1 - maps.centre) * (1 - maps.features)
    return upper, soft * maps.centre * maps.stubble
