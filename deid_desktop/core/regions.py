"""Regions of the face in texture space: where skin, brows, eyes and lips are on every mesh.

Maps are float32 (size, size), 0…1, computed once per size from the canonical mesh. The generator
weighs skin detail with them, the composer blends with them, the training code normalises with
them, so that all three mean the same thing by "skin".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from deid_desktop.core import mesh
from deid_desktop.core.geometry import blur
from deid_desktop.core.types import Array

_REFERENCE = 512

BELOW_NOSE = [98, 97, 2, 326, 327, 1]
"""Vertices around and between the nostrils, whose shadow is no beard's."""
_NOSTRILS = [*BELOW_NOSE, 19]
_CENTRE = [
    70, 300, 105, 334, 66, 296, 425, 205, 18, 50, 280, 57, 287, 116, 345, 175, 171, 396, 199, 32,
    262, 140, 369, 176, 400, 170, 395,
]  # fmt: skip
_STUBBLE = [
    205, 425, 206, 426, 98, 327, 2, 57, 287, 43, 273, 202, 422, 175, 171, 396, 136, 365, 150, 379,
    152, 148, 377, 176, 400, 149, 378, 172, 397,
]  # fmt: skip
_FRONT = [
    70, 300, 105, 334, 66, 296, 425, 205, 280, 50, 287, 57, 116, 345, 175, 171, 396, 18, 6, 197,
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Regions:
    """Maps of one size; see the module docstring.

    ``covered``: inside the mesh and not at its very rim. ``facing``: cosine between the canonical
    normal and the view, 1 where the skin faces the camera. ``front``: what a frontal photo shows
    well. ``core``: what is replaced. ``blend``: the feathered mask of that. ``features``: brows,
    eyes, nostrils, lips. ``skin``: core without features. ``brows``, ``lips``, ``eyes``,
    ``nostrils``, ``stubble``: feathered. ``centre``: never hidden by hair; feathered.
    """

    size: int
    covered: Array
    facing: Array
    front: Array
    core: Array
    blend: Array
    features: Array
    skin: Array
    brows: Array
    lips: Array
    inner_lips: Array
    eyes: Array
    stubble: Array
    centre: Array


@cache
def regions(size: int) -> Regions:
    """Return the regions for textures of ``size`` texels a side."""
    if size == _REFERENCE:
        return _reference()
    reference = vars(_reference())
    maps = {
        name: cv2.resize(value, (size, size), interpolation=cv2.INTER_AREA)
        for name, value in reference.items()
        if name != "size"
    }
    return Regions(size=size, **maps)


def _points(vertices: list[int]) -> Array:
    return mesh.UV[vertices] * _REFERENCE - 0.5


def hull(vertices: list[int], grow: int = 0, *, size: int = _REFERENCE) -> Array:
    """Return 1 in the convex hull of ``vertices``, (size, size), widened by ``grow`` texels."""
    region = np.zeros((size, size), np.float32)
    corners = cv2.convexHull(mesh.UV[vertices] * size - 0.5).astype(np.int32)
    cv2.fillConvexPoly(region, corners, 1.0)
    return cv2.dilate(region, np.ones((grow, grow))) if grow else region


def _outline(vertices: list[int]) -> Array:
    region = np.zeros((_REFERENCE, _REFERENCE), np.float32)
    cv2.fillPoly(region, [np.round(_points(vertices)).astype(np.int32)], 1.0)
    return region


def _reference() -> Regions:
    grid = mesh.uv_grid(_REFERENCE)
    facing = np.clip(-grid.interpolate(mesh.normals(mesh.XYZ)[:, 2]), 0, 1)
    inside = grid.inside.astype(np.float32)
    core = ((facing > 0.42) & grid.inside).astype(np.float32)
    core = cv2.morphologyEx(core, cv2.MORPH_CLOSE, np.ones((15, 15)))
    core = cv2.morphologyEx(core, cv2.MORPH_OPEN, np.ones((25, 25)))
    eyes = np.maximum(hull(mesh.LEFT_EYE, 17), hull(mesh.RIGHT_EYE, 17))
    brows = np.maximum(hull(mesh.LEFT_BROW, 15), hull(mesh.RIGHT_BROW, 15))
    features = np.maximum.reduce([eyes, brows, hull(mesh.LIPS, 11), hull(_NOSTRILS, 9)])
    skin = core * (1 - features)
    inner = _outline(mesh.INNER_LIPS)
    lips = hull(mesh.LIPS)
    stubble = blur(hull(_STUBBLE), 5) * (1 - blur(cv2.dilate(lips, np.ones((3, 3))), 1.5)) * core
    return Regions(
        size=_REFERENCE,
        covered=cv2.erode((facing > 0.12).astype(np.float32), np.ones((5, 5))) * inside,
        facing=facing,
        front=_front(facing),
        core=core,
        blend=_feathered(core),
        features=features,
        skin=skin,
        brows=blur(cv2.dilate(brows, np.ones((5, 5))), 5),
        lips=blur(lips, 3) * (1 - blur(inner, 1.5)),
        inner_lips=inner,
        eyes=blur(eyes, 3),
        stubble=stubble,
        centre=blur(hull(_CENTRE), 7),
    )


def _feathered(core: Array) -> Array:
    eroded = cv2.erode(core, np.ones((15, 15)))
    eroded[:4] = 0
    soft = np.clip(blur(eroded, 9) * 1.6 - 0.3, 0, 1)
    return blur(soft, 2)


def _front(facing: Array) -> Array:
    front = np.clip((facing - 0.5) / 0.2, 0, 1)
    top = int(_points([10])[0, 1])
    front *= np.clip((np.arange(_REFERENCE) - top - 26) / 26.0, 0, 1)[:, None]
    return blur(np.maximum(front, hull(_FRONT)).astype(np.float32), 7)
