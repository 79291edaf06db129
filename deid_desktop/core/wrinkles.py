"""Wrinkles of a surrogate: folds and lines where age draws them, each face its own.

Averages over many people blur folds, and patchworks of several people tear them apart; so lines
are drawn in texture space along the anatomy of the face (Lemperle et al. 2001 name them), with
places, lengths and depths that differ from face to face. They belong to nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from deid_desktop.core import mesh
from deid_desktop.core.geometry import blur
from deid_desktop.core.types import Array

Point = int | tuple[int, int, float]
"""A vertex, or two and how far to go from the first to the second."""


@dataclass(frozen=True)
class Line:
    """A wrinkle on the left of the picture; its mirror image is drawn with its own chance.

    ``path``: points it passes. ``onset``: years from which it shows; it is full 40 years later.
    ``depth``: how much darker than skin it becomes. ``width``: index of ``_WIDTHS``. ``wander``:
    how far it strays from its path, in texels of 512.
    """

    path: tuple[Point, ...]
    onset: float
    depth: float
    width: int
    wander: float = 4.0


_WIDTHS = (1.1, 1.8, 3.4)
"""Sigma of thin, middle and broad lines in texels of 512."""


def _forehead(height: float, depth: float, onset: float) -> Line:
    """Return half a line across the forehead, ``height`` 0…1 from the brows to the hair."""
    lower, upper = (9, 107, 66, 105, 63), (151, 108, 69, 104, 68)
    path = tuple((a, b, height) for a, b in zip(lower, upper, strict=True))
    return Line(path, onset, depth, 2, wander=2.0)


_LINES = (
    Line((129, (203, 36, 0.3), (206, 203, 0.1), (216, 186, 0.2), (212, 57, 0.4)), 26, 0.20, 2, 3),
    Line((129, (203, 36, 0.3), (206, 203, 0.1), (216, 186, 0.2)), 38, 0.12, 1, 3),
    Line(((57, 61, 0.5), (43, 57, 0.4), (202, 204, 0.3), (211, 204, 0.4)), 42, 0.16, 2),
    Line((233, 232, 231, 230, 229, 228), 30, 0.07, 1, 2),
    Line(((188, 128, 0.5), 121, (120, 119, 0.3), (119, 118, 0.4), (118, 117, 0.6)), 36, 0.10, 2, 3),
    Line((226, (35, 226, 0.1), (143, 35, 0.4)), 34, 0.08, 0),
    Line((226, (35, 156, 0.4), (143, 139, 0.5)), 38, 0.08, 0),
    Line(((31, 226, 0.4), (111, 35, 0.4), (116, 143, 0.3)), 40, 0.08, 0),
    Line(((31, 228, 0.3), (111, 117, 0.2), (116, 123, 0.3)), 50, 0.08, 0),
    _forehead(0.5, 0.04, 34),
    _forehead(0.85, 0.05, 30),
    _forehead(1.2, 0.045, 36),
    _forehead(1.5, 0.035, 44),
    Line(((107, 9, 0.45), (55, 8, 0.5), (193, 168, 0.25)), 36, 0.08, 2, 2),
    Line(((165, 40, 0.3), (40, 165, 0.1)), 56, 0.07, 0, 1),
    Line(((165, 39, 0.1), (39, 165, 0.05)), 58, 0.07, 0, 1),
    Line(((167, 37, 0.1), (37, 167, 0.1)), 60, 0.06, 0, 1),
    Line(((206, 207, 0.6), (216, 207, 0.6), (212, 214, 0.6), (202, 210, 0.7)), 54, 0.10, 1, 6),
    Line((117, (123, 50, 0.5), (147, 187, 0.5), (213, 192, 0.6)), 60, 0.08, 1, 9),
    Line((50, 187, 192, (214, 192, 0.4)), 64, 0.07, 1, 9),
    Line(((18, 83, 0.2), (83, 182, 0.5), (182, 204, 0.3)), 46, 0.08, 2, 3),
)  # fmt: skip
_STEPS = 80
_SHINE = 0.4
"""How bright, of its depth, the skin below a line is: it faces the light from above."""


def relief(age: float, *, seed: int, size: int) -> Array:
    """Return what the wrinkles of an age change in lightness (size, size), around 0.

    Args:
        age: years; lines deepen with it beyond all bounds, so callers bound it.
        seed: whose wrinkles they are.
        size: texels a side.
    """
    strokes = _strokes(seed)
    unit = size / 512
    result = np.zeros((size, size), np.float32)
    for number, width in enumerate(_WIDTHS):
        chosen = strokes.width == number
        depth = strokes.depth[chosen] * np.clip(age - strokes.onset[chosen], 0, None) / 40
        sigma = max(0.4, width * unit)
        # A line keeps its depth in the middle when it is blurred.
        canvas = _splat(strokes.points[chosen] * size - 0.5, depth * unit, size)
        valley = blur(canvas, sigma) * np.sqrt(2 * np.pi) * sigma
        below = np.roll(blur(valley, sigma), max(1, round(2.2 * sigma)), axis=0)
        result += _SHINE * below - valley
    return result


@dataclass(frozen=True, eq=False)
class _Strokes:
    """The lines of a face as dots: ``points`` (n, 2) in texture space, ``depth`` (n,) times the
    texels of 512 that a dot stands for, ``onset`` (n,) years and ``width`` (n,)."""

    points: NDArray[np.floating]
    depth: NDArray[np.floating]
    onset: NDArray[np.floating]
    width: NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class _Paths:
    """All lines and their mirror images, as nobody's face has them: ``points`` (lines, steps, 2) in
    texture space, 0…1, ``taper`` (lines, steps), how deep they are along their way."""

    points: NDArray[np.floating]
    taper: NDArray[np.floating]


@lru_cache(maxsize=1)
def _paths() -> _Paths:
    drawn = [_path(line, mirrored) for line in _LINES for mirrored in (False, True)]
    return _Paths(*(np.stack(part) for part in zip(*drawn, strict=True)))


@lru_cache(maxsize=64)
def _strokes(seed: int) -> _Strokes:
    rng = np.random.default_rng([seed, 7])
    paths = _paths()
    count = len(paths.points)
    shared, noise = np.empty((count, 1)), np.empty((count, _STEPS, 3))
    for number in range(0, count, 2):
        shared[number : number + 2] = rng.uniform(0.4, 1.2)
        for half in noise[number : number + 2]:
            half[:, :2] = rng.normal(size=(_STEPS, 2))
            half[:, 2] = rng.normal(size=_STEPS)
    slow = _smooth(noise)
    lines = [line for line in _LINES for _ in range(2)]
    wander = np.array([line.wander for line in lines])[:, None, None]
    places = paths.points + slow[..., :2] * wander / 512
    strength = shared * np.clip(0.75 + 0.5 * slow[..., 2], 0, 1.3) * paths.taper
    steps = np.linalg.norm(np.diff(places, axis=1), axis=2) * 512
    depth = np.array([line.depth for line in lines])[:, None]
    return _Strokes(
        points=((places[:, 1:] + places[:, :-1]) / 2).reshape(-1, 2),
        depth=(depth * steps * (strength[:, 1:] + strength[:, :-1]) / 2).ravel(),
        onset=np.repeat([line.onset for line in lines], _STEPS - 1),
        width=np.repeat([line.width for line in lines], _STEPS - 1),
    )


def _splat(points: NDArray[np.floating], values: NDArray[np.floating], size: int) -> Array:
    """Return a picture (size, size) of dots at ``points`` (n, 2) in texels."""
    corner = np.floor(points).astype(int)
    right, down = (points - corner).T
    at, shares = [], []
    for x, y in ((0, 0), (1, 0), (0, 1), (1, 1)):
        place = np.clip(corner + np.array([x, y]), 0, size - 1)
        at.append(place[:, 1] * size + place[:, 0])
        shares.append(values * np.abs(1 - x - right) * np.abs(1 - y - down))
    canvas = np.bincount(np.concatenate(at), np.concatenate(shares), size * size)
    return canvas.reshape(size, size).astype(np.float32)


def _path(line: Line, mirrored: bool) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return the line's points (steps, 2), 0…1 in texture space, and how it fades at its ends."""
    path = np.stack([_place(point, mirrored) for point in line.path])
    length = np.r_[0, np.linalg.norm(np.diff(path, axis=0), axis=1).cumsum()]
    along = np.linspace(0, length[-1], _STEPS)
    points = np.stack([np.interp(along, length, path[:, i]) for i in (0, 1)], 1)
    points = cv2.GaussianBlur(points, (1, 17), 4.0, borderType=cv2.BORDER_REPLICATE)
    taper = np.clip(np.minimum(np.arange(_STEPS) + 1, _STEPS - np.arange(_STEPS)) / 20, 0, 1)
    if line.path[0] in _MIDDLE or (isinstance(line.path[0], tuple) and line.path[0][0] in _MIDDLE):
        taper = np.clip((_STEPS - np.arange(_STEPS)) / 28, 0, 1)  # goes on in its mirror image
    return points, taper


_MIDDLE = (9, 18)
"""Vertices on the axis of the face at which lines of both sides meet."""


def _place(point: Point, mirrored: bool) -> Array:
    if not isinstance(point, tuple):
        point = (point, point, 0.0)
    first, second, share = point
    if mirrored:
        first, second = int(mesh.MIRROR[first]), int(mesh.MIRROR[second])
    place: Array = mesh.UV[first] * (1 - share) + mesh.UV[second] * share
    return place


def _smooth(noise: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return white noise (lines, steps, channels) made to change slowly along the steps, of about
    unit variance."""
    columns = np.ascontiguousarray(noise.transpose(1, 0, 2)).reshape(_STEPS, -1)
    smooth = cv2.GaussianBlur(columns, (1, 61), 10.0, borderType=cv2.BORDER_REFLECT_101)
    return 6.0 * smooth.reshape(_STEPS, len(noise), -1).transpose(1, 0, 2)
