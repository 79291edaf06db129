"""The MediaPipe face mesh: topology, texture coordinates, and the two ways through it.

``unwrap`` takes a photo into the mesh's texture space (UV), ``rasterise`` says for each pixel of
a picture which point of that space it shows. Topology and texture coordinates are those of the
canonical face model of MediaPipe (Apache-2.0), 468 vertices and 898 triangles; the ten iris
landmarks that the detector adds have no triangles. Texture space is (u, v) in 0…1, forehead at
the top. Canonical positions are in centimetres, x to the right of the picture, y down, z away
from the camera.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from deid_desktop.core.geometry import blur
from deid_desktop.core.types import Array, Pixels
from deid_desktop.resources import resource

VERTICES = 468


def _load() -> tuple[Array, Array, NDArray[np.int32]]:
    with np.load(resource("mesh", "facemesh.npz")) as data:
        xyz = data["xyz"] * np.array([1, -1, -1], np.float32)
        uv = data["uv"].copy()
        triangles = data["tri"].astype(np.int32)
    if uv[10, 1] > uv[152, 1]:  # vertex 10 is the top of the forehead, 152 the chin
        uv[:, 1] = 1 - uv[:, 1]
    return xyz.astype(np.float32), uv.astype(np.float32), triangles


XYZ, UV, TRIANGLES = _load()

LEFT_EYE = [33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7]
"""Lid contour of the eye on the left of the picture: outer corner, upper lid, inner corner,
lower lid."""
RIGHT_EYE = [263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249]
LEFT_BROW = [70, 63, 105, 66, 107, 55, 65, 52, 53, 46]
RIGHT_BROW = [336, 296, 334, 293, 300, 276, 283, 282, 295, 285]
LIPS = [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185]
INNER_LIPS = [
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191,
]  # fmt: skip
OVAL = [
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
]  # fmt: skip
LEFT_IRIS = [468, 469, 470, 471, 472]
"""Centre and four rim points of the iris on the left of the picture."""
RIGHT_IRIS = [473, 474, 475, 476, 477]
EYES = ((LEFT_EYE, LEFT_IRIS), (RIGHT_EYE, RIGHT_IRIS))


def _mirror() -> NDArray[np.int64]:
    mirrored = XYZ * np.array([-1, 1, 1], np.float32)
    distance = ((XYZ[:, None] - mirrored[None]) ** 2).sum(-1)
    return distance.argmin(0)


MIRROR = _mirror()
"""``XYZ[MIRROR]`` with x negated is ``XYZ``: the vertex on the other side of the face."""


def even(shapes: Array) -> Array:
    """Return the mean of shapes or changes of shape (…, 468, 3) and their mirror images."""
    return np.asarray((shapes + (shapes * [-1, 1, 1])[..., MIRROR, :]) / 2)


@dataclass(frozen=True, eq=False)
class UvGrid:
    """Texture space at one size: the mesh point under each texel.

    ``inside`` (s, s) bool; ``vertices`` (n, 3) and ``weights`` (n, 3) for the inside texels in
    row order.
    """

    size: int
    inside: NDArray[np.bool_]
    vertices: NDArray[np.int32]
    weights: Array

    def interpolate(self, values: NDArray[np.floating]) -> Array:
        """Spread per-vertex ``values`` (468, c) or (468,) over the texels; 0 outside the mesh."""
        flat = values.astype(np.float32).reshape(VERTICES, -1)
        spread = np.zeros((self.size, self.size, flat.shape[1]), np.float32)
        parts = [flat[self.vertices[:, i]] * self.weights[:, i, None] for i in range(3)]
        spread[self.inside] = parts[0] + parts[1] + parts[2]
        return spread[..., 0] if values.ndim == 1 else spread


@cache
def uv_grid(size: int) -> UvGrid:
    """Return the texture space of ``size`` texels a side."""
    points = UV * size - 0.5
    index = _paint(points, np.arange(len(TRIANGLES)), (size, size))
    inside = index >= 0
    chosen = index[inside]
    y, x = np.nonzero(inside)
    weights = _barycentric(points[TRIANGLES[chosen]], np.c_[x, y].astype(np.float32))
    return UvGrid(size, inside, TRIANGLES[chosen], weights)


def _paint(points: Array, order: NDArray[np.integer], shape: tuple[int, int]) -> NDArray[np.int32]:
    """Draw the triangles in ``order``; return the last triangle drawn at each pixel, or −1."""
    index = np.full(shape, -1, np.int32)
    corners = np.round(points[TRIANGLES] * 16).astype(np.int32)
    for triangle in order.tolist():
        cv2.fillConvexPoly(index, corners[triangle], triangle, cv2.LINE_8, 4)
    return index


def _barycentric(corners: Array, points: Array) -> Array:
    """Return the barycentric weights (n, 3) of ``points`` (n, 2) in ``corners`` (n, 3, 2)."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    ab, ac, ap = b - a, c - a, points - a
    area = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
    area = np.where(np.abs(area) < 1e-9, 1e-9, area)
    second = (ap[:, 0] * ac[:, 1] - ap[:, 1] * ac[:, 0]) / area
    third = (ab[:, 0] * ap[:, 1] - ab[:, 1] * ap[:, 0]) / area
    weights = np.stack([1 - second - third, second, third], 1)
    weights = np.clip(weights, 0, 1)
    weights /= weights.sum(1, keepdims=True)
    return weights.astype(np.float32)


def rasterise(vertices: Array, shape: tuple[int, int]) -> tuple[Array, NDArray[np.bool_]]:
    """Project the mesh into a picture of ``shape`` (height, width).

    Args:
        vertices: (≥ 468, 3) landmarks in picture coordinates; nearer ones hide farther ones.

    Returns:
        (h, w, 2) texture coordinates 0…1 of each pixel, and where the mesh covers it.
    """
    flat = vertices[:VERTICES, :2].astype(np.float32)
    depth = vertices[TRIANGLES, 2].mean(1)
    index = _paint(flat, np.argsort(-depth, kind="stable"), shape)
    covered = index >= 0
    affine = _affine(flat).astype(np.float32)
    y, x = np.nonzero(covered)
    chosen = index[covered]
    uv = np.zeros((*shape, 2), np.float32)
    uv[covered] = np.stack(
        [a.take(chosen) * x + b.take(chosen) * y + c.take(chosen) for a, b, c in affine], 1
    )
    return uv, covered


def _affine(flat: Array) -> NDArray[np.float64]:
    """Return what takes picture to texture coordinates in each triangle: (2, 3, triangles)."""
    origin, second, third = flat[TRIANGLES].astype(np.float64).transpose(1, 2, 0)  # (2, n) each
    start, to_second, to_third = UV[TRIANGLES].astype(np.float64).transpose(1, 2, 0)
    ab, ac, uv_ab, uv_ac = second - origin, third - origin, to_second - start, to_third - start
    area = ab[0] * ac[1] - ab[1] * ac[0]
    narrow = np.abs(area) < 1e-6
    area[narrow] = np.inf
    across = (uv_ab * ac[1] - uv_ac * ab[1]) / area
    down = (uv_ac * ab[0] - uv_ab * ac[0]) / area
    shift = start - across * origin[0] - down * origin[1]
    shift[:, narrow] = (start + to_second + to_third)[:, narrow] / 3
    return np.stack([across, down, shift], 1)


def unwrap(pixels: Pixels | Array, vertices: Array, size: int) -> Array:
    """Take a picture into texture space.

    Args:
        pixels: (h, w, c) picture.
        vertices: (≥ 468, 3) landmarks in picture coordinates.
        size: texels a side.

    Returns:
        (size, size, c) float32, 0 outside the mesh.
    """
    grid = uv_grid(size)
    at = grid.interpolate(vertices[:VERTICES, :2])
    extent = np.ptp(vertices[:VERTICES, :2], axis=0)
    shrink = float(np.sqrt(extent.prod() / (size * size * 0.8)))
    source = pixels.astype(np.float32)
    if shrink > 1.4:
        source = blur(source, 0.35 * shrink)
    flags = cv2.INTER_CUBIC if shrink < 2 else cv2.INTER_LINEAR
    texture = cv2.remap(source, at, None, flags, borderMode=cv2.BORDER_REPLICATE)
    texture[~grid.inside] = 0
    return texture


def iris_offsets(vertices: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Return where the irises of landmarks (478, 3) are between the lids, and which eyes are open.

    Of each eye (2, 2): how far the iris lies from the middle of the corners, to the right along
    them and down across them, in widths of the eye.
    """
    offsets, opened = [], []
    for eye, iris in EYES:
        axis, width = eye_axis(vertices, eye)
        middle = (vertices[eye[0], :2] + vertices[eye[8], :2]) / 2
        offset = vertices[iris[0], :2] - middle
        offsets.append([offset @ axis / width, offset @ [-axis[1], axis[0]] / width])
        lids = vertices[eye[4], :2] - vertices[eye[12], :2]
        opened.append(float(np.linalg.norm(lids)) > _OPEN * width)
    return np.array(offsets), np.array(opened)


def lids_apart(vertices: Array, eye: Sequence[int]) -> tuple[Array, Array]:
    """Return how far each point of a lower lid lies below that of the upper one (7,), in pixels.

    And the direction (2,) from brow to cheek, at right angles to the line between the corners.
    """
    across = vertices[eye[8], :2] - vertices[eye[0], :2]
    inwards = across / max(float(np.linalg.norm(across)), 1e-6)
    down = np.array([-inwards[1], inwards[0]]) * (1 if eye[0] == LEFT_EYE[0] else -1)
    return (vertices[eye[:8:-1], :2] - vertices[eye[1:8], :2]) @ down, down


def eye_axis(vertices: Array, eye: Sequence[int]) -> tuple[Array, float]:
    """Return the direction (2,) from an eye's left corner to its right one, and its width."""
    across = vertices[eye[8], :2] - vertices[eye[0], :2]
    width = max(float(np.linalg.norm(across)), 1e-6)
    return across / width * (1 if across[0] >= 0 else -1), width


_OPEN = 0.15
"""Height of an eye, in its widths, from which it is open."""


def normals(vertices: NDArray[np.floating]) -> Array:
    """Return unit vertex normals (468, 3); z is negative where the mesh faces the camera."""
    corners = vertices[:VERTICES][TRIANGLES]
    face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.zeros((VERTICES, 3))
    for i in range(3):
        np.add.at(total, TRIANGLES[:, i], face)
    total /= np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-9)
    return (total * _OUTWARD).astype(np.float32)


def visibility(vertices: Array, size: int) -> Array:
    """Return 0…1 (size, size): how well a picture shows each texel.

    What is turned away is told from the mesh's normals, what the nose or a cheek hides from depth.
    """
    towards = np.clip((-normals(vertices)[:, 2] - 0.15) / 0.3, 0, 1)
    return uv_grid(size).interpolate(towards) * (1 - _hidden_by_itself(vertices, size))


_DEPTH = 96
"""Pixels a side of the picture in which the mesh is drawn to find what it hides of itself."""
_BEHIND = 0.09
"""Depth, in sizes of the face, from which one part lies behind another and not beside it."""


def _hidden_by_itself(vertices: Array, size: int) -> Array:
    """Return 0…1 (size, size): which texels lie behind another part of the mesh."""
    own = vertices[:VERTICES].astype(np.float32)
    low = own.min(0)
    extent = float(np.ptp(own[:, :2], axis=0).max())
    placed = (own - low) * ((_DEPTH - 5) / max(extent, 1e-6)) + [2, 2, 0]
    uv, covered = rasterise(placed, (_DEPTH, _DEPTH))
    grid = uv_grid(_DEPTH)
    inside = grid.inside.astype(np.float32)
    depths = grid.interpolate(placed[:, 2])
    beyond = blur(depths, 1.5) / np.maximum(blur(inside, 1.5), 1e-3)  # for the very rim
    depths = np.where(grid.inside, depths, beyond)
    depth = cv2.remap(depths, uv * _DEPTH - 0.5, None, cv2.INTER_LINEAR)
    nearest = np.where(covered, depth, np.inf).astype(np.float32)
    there = grid.interpolate(placed)
    shown = cv2.remap(nearest, np.ascontiguousarray(there[..., :2]), None, cv2.INTER_NEAREST)
    behind = (there[..., 2] - shown) / (_BEHIND * _DEPTH)
    hidden = np.where(grid.inside, np.clip(2 * behind - 1, 0, 1), 0).astype(np.float32)
    opened = cv2.morphologyEx(hidden, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    soft = blur(cv2.dilate(opened, np.ones((3, 3), np.uint8)), 0.8)
    return cv2.resize(soft, (size, size), interpolation=cv2.INTER_LINEAR)


def _outward() -> int:
    corners = XYZ[TRIANGLES]
    face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return 1 if face[:, 2].sum() < 0 else -1


_OUTWARD = _outward()
