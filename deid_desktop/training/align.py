"""Brings the donors' features together in texture space, so that their mixes stay sharp.

The mesh alone leaves brows, lids and lips a few texels apart between people. The hand-placed
points of the donors (189 of WebMorph, neutral pictures) say where each feature really is; every
donor is warped so that they lie on their median, and the smiling picture follows its neutral one.
Then hair, collars and what the frontal photo does not show are filled from the group's mean.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator

from deid_desktop.core import mesh
from deid_desktop.core.geometry import blur, weighted_blur
from deid_desktop.core.regions import regions
from deid_desktop.core.types import Array
from deid_desktop.training.dataset import TEXTURE_SIZE, Sample

_SIZE = TEXTURE_SIZE
_LIMIT = 18.0
"""Texels beyond which a displacement is a wrong landmark rather than a face."""


def displacements(samples: list[Sample]) -> dict[str, Array]:
    """Return person → (512, 512, 2) texels by which to look aside so that features align."""
    neutral = {s.person: s for s in samples if s.points is not None and len(s.points) == 189}
    placed = np.stack([_to_texture(s) for s in neutral.values()])
    median = np.median(placed, axis=0)
    spread = placed.std(0).mean(1)
    used = _well_inside(median) & (spread < 14)
    _, unique = np.unique(np.round(median[used], 1), axis=0, return_index=True)
    anchors = mesh.UV[mesh.OVAL] * _SIZE - 0.5
    sources = np.r_[median[used][unique], anchors]
    step = 8
    lattice = np.stack(np.meshgrid(*[np.arange(0, _SIZE, step)] * 2), -1).reshape(-1, 2)
    fields = {}
    for person, points in zip(neutral, placed, strict=True):
        offsets = np.r_[(points - median)[used][unique], np.zeros((len(anchors), 2))]
        field = RBFInterpolator(
            sources, offsets, kernel="thin_plate_spline", smoothing=20, neighbors=60
        )(lattice.astype(float))
        small = field.reshape(_SIZE // step, _SIZE // step, 2).astype(np.float32)
        large = cv2.resize(small, (_SIZE, _SIZE), interpolation=cv2.INTER_CUBIC)
        fields[person] = np.clip(large, -_LIMIT, _LIMIT)
    return fields


def aligned(sample: Sample, field: Array) -> Array:
    """Return the sample's texture (512, 512, 3) float32 with ``field`` applied."""
    y, x = np.mgrid[0:_SIZE, 0:_SIZE].astype(np.float32)
    texture: Array = cv2.remap(
        sample.texture.astype(np.float32),
        x + field[..., 0],
        y + field[..., 1],
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.clip(texture, 0, 255)


def skin_validity(texture: Array) -> Array:
    """Return 0…1 (512, 512): where a donor's texture shows face rather than hair or collar.

    Texels whose colour is far from that of the cheeks are not skin; features are always valid.
    """
    maps = regions(_SIZE)
    lab = cv2.cvtColor(texture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    cheek = mesh.UV[[205, 425]] * _SIZE
    x0, x1 = int(cheek[:, 0].min()) - 25, int(cheek[:, 0].max()) + 25
    y = int(cheek[:, 1].mean())
    zone = np.zeros((_SIZE, _SIZE), bool)
    zone[y - 40 : y + 30, x0:x1] = True
    reference = np.median(lab[zone & (maps.skin > 0.5)], axis=0)
    difference = blur(lab, 3) - reference
    light, chroma = difference[..., 0], np.hypot(difference[..., 1], difference[..., 2])
    strange = (light < -18) | (light > 24) | (chroma > 26)
    strange &= maps.features < 0.5
    grown = cv2.morphologyEx(strange.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    grown = cv2.dilate(grown, np.ones((13, 13), np.uint8))
    valid = blur(1 - grown.astype(np.float32), 4) * mesh.uv_grid(_SIZE).inside
    return np.maximum(valid, maps.centre) * maps.core


def filled(texture: Array, valid: Array, mean: Array) -> Array:
    """Return ``texture`` with what is not ``valid`` taken from ``mean``, in its tone."""
    maps = regions(_SIZE)
    own, _ = weighted_blur(texture, valid * maps.skin, 28)
    common, _ = weighted_blur(mean, valid * maps.skin, 28)
    stand_in = np.clip((mean + 8) * (own + 8) / (common + 8) - 8, 0, 255)
    mixed = texture * valid[..., None] + stand_in * (1 - valid[..., None])
    core = blur(cv2.erode(maps.core, np.ones((9, 9))), 4)[..., None]
    far, _ = weighted_blur(mixed, maps.core, 20)
    return np.clip(mixed * core + far * (1 - core), 0, 255).astype(np.float32)


def _to_texture(sample: Sample) -> NDArray[np.float64]:
    """Return where the hand-placed points of a sample lie in its texture, in texels."""
    assert sample.points is not None
    texels = mesh.UV * _SIZE - 0.5
    into = RBFInterpolator(
        sample.vertices[: mesh.VERTICES, :2].astype(float),
        texels.astype(float),
        neighbors=24,
        kernel="thin_plate_spline",
        smoothing=0.5,
    )
    placed: NDArray[np.float64] = into(sample.points.astype(float))
    return placed


def _well_inside(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    texels = mesh.UV * _SIZE - 0.5
    centre = texels.mean(0)
    outline = ((texels[mesh.OVAL] - centre) * 0.93 + centre).astype(np.float32).reshape(-1, 1, 2)
    return np.array(
        [cv2.pointPolygonTest(outline, (float(x), float(y)), False) > 0 for x, y in points]
    )
