"""Glasses that a surrogate keeps: they stay stiff.

The picture is bent to another face, and frames with it. Metal does not bend, and a crooked frame is
seen at once; so where glasses are, the mesh moves by one affine map, the nearest to what it would.
"""

from __future__ import annotations

import cv2
import numpy as np

from deid_desktop.core import mesh
from deid_desktop.core.geometry import blur
from deid_desktop.core.types import Array

_NEAR = 7.0
"""Texels of 512 around frames that move with them."""
_STIFF = 2.5
"""How much of a frame, averaged over that, makes a vertex move with it altogether: its inverse."""
_LEAST = 8.0
"""Vertices on frames that tell how they move; where fewer are, nothing is held."""


def stiffened(vertices: Array, moved: Array, glasses: Array) -> Array:
    """Return landmarks (478, 3) that were moved, those beside glasses by one affine map.

    Args:
        vertices: (478, 3) where they were.
        moved: (478, 3) where they are to be.
        glasses: (s, s) 0…1, frames and dark lenses in texture space.
    """
    weight = _beside(glasses)
    if weight.sum() < _LEAST:
        return moved
    change = (moved - vertices)[: mesh.VERTICES, :2]
    terms = np.c_[vertices[: mesh.VERTICES, :2], np.ones(mesh.VERTICES)]
    root = np.sqrt(weight)[:, None]
    affine = np.linalg.lstsq(root * terms, root * change, rcond=None)[0]
    held = np.zeros_like(moved)
    held[: mesh.VERTICES, :2] = weight[:, None] * (terms @ affine - change)
    for eye, iris in mesh.EYES:
        held[iris] = held[[eye[0], eye[8]]].mean(0)
    return moved + held


def _beside(glasses: Array) -> Array:
    """Return 0…1 (468,): how far each vertex moves with the glasses."""
    near = blur(glasses, _NEAR * len(glasses) / 512)
    at = (mesh.UV[None] * len(glasses) - 0.5).astype(np.float32)
    seen = cv2.remap(near, at, None, cv2.INTER_LINEAR)[0]
    return np.clip(_STIFF * seen, 0, 1)
