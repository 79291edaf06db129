"""Expressions as displacements of the mesh, after the action units of FACS (Ekman and Friesen).

Canonical centimetres on the 468 vertices: x to the right of the picture, y down. Smiles come from
the donors (the shape model's first expression components); the others are built from face units.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from deid_desktop.core import mesh
from deid_desktop.core.compose.shape import ShapeFit
from deid_desktop.core.types import Array

_UPPER_LIP = [185, 40, 39, 37, 0, 267, 269, 270, 409, 191, 80, 81, 82, 13, 312, 311, 310, 415, 73,
              72, 11, 302, 303, 74, 304, 42, 41, 38, 12, 268, 271, 272]  # fmt: skip
_LOWER_LIP = [
    146, 91, 181, 84, 17, 314, 405, 321, 375, 95, 88, 178, 87, 14, 317, 402, 318, 324, 77, 90,
    180, 85, 16, 315, 404, 320, 307, 96, 89, 179, 86, 15, 316, 403, 319, 325,
]  # fmt: skip
_CORNERS = [61, 291, 78, 308, 76, 306, 62, 292]
_INNER_BROW = [55, 107, 65, 66, 285, 336, 295, 296]
_OUTER_BROW = [70, 300, 63, 293, 46, 276, 53, 283, 52, 282, 105, 334]
_LID_PAIRS = {
    246: 7, 161: 163, 160: 144, 159: 145, 158: 153, 157: 154, 173: 155,
    466: 249, 388: 390, 387: 373, 386: 374, 385: 380, 384: 381, 398: 382,
}  # fmt: skip
_LID_FOLDS = {
    247: 246, 30: 161, 29: 160, 27: 159, 28: 158, 56: 157, 190: 173,
    467: 466, 260: 388, 259: 387, 257: 386, 258: 385, 286: 384, 414: 398,
}  # fmt: skip


def expression_change(name: str, strength: float, fit: ShapeFit) -> Array | None:
    """Return the canonical offsets (468, 3) that turn the photo's expression into another.

    Args:
        name: one of ``types.EXPRESSIONS``; ``keep`` gives ``None``.
        strength: 0…1, from the photo's own expression to the full new one.
        fit: of the photo's landmarks.
    """
    if name == "keep" or strength == 0:
        return None
    target = _targets()[name]
    if name == "happy":
        target = _happier(fit.expression)
    elif name == "closed-eyes":  # wide eyes have further to go than narrow ones
        target = _closing(fit.identity)
    return (strength * (target - fit.expression)).astype(np.float32)


def smile_of(name: str, strength: float, own: float) -> float:
    """Return how much of a smile the texture should show, 0…1."""
    if name == "keep":
        return own
    return float(own * (1 - strength) + (strength if name == "happy" else 0.0))


def _happier(own: Array) -> NDArray[np.floating]:
    """Return the full smile of a face that shows ``own`` (468, 3): one that is there may grow.

    A laugh must not shrink to the smile that the others get.
    """
    full = _targets()["happy"]
    shown = float(np.clip((own * full).sum() / (full * full).sum(), 0, 1))
    return (1 - shown * shown) * full + shown * own


@cache
def _targets() -> dict[str, NDArray[np.floating]]:
    raise_inner, raise_outer = (
        _move(_INNER_BROW, 0.9, (0, -1, 0)),
        _move(_OUTER_BROW, 0.9, (0, -1, 0)),
    )
    nose = _move([129, 358, 98, 327], 0.7, (0, -1, 0))
    upper_lip = _move(_UPPER_LIP, 0.25, (0, -1, 0))
    lower_lip = _move(_LOWER_LIP, 0.25, (0, -1, 0))
    broad_lip = _move(_UPPER_LIP, 0.5, (0, -1, 0)) * (1 - _near(_CORNERS, 0.5))[:, None]
    return {
        "neutral": np.zeros((mesh.VERTICES, 3)),
        "happy": _corners(0.65, -0.45, -0.25) + _cheeks(0.35) - 0.25 * _closing()
        + 0.08 * upper_lip,
        "sad": 0.5 * raise_inner - 0.25 * raise_outer + 0.15 * _closing() + _corners(0.1, 0.65)
        + 0.08 * lower_lip + _chin(0.2),
        "angry": -0.45 * raise_inner + _together(0.22) - 0.35 * raise_outer + 0.15 * _closing()
        + _corners(-0.12, 0.12) + _press(0.1),
        "surprised": 0.75 * np.minimum(raise_inner, raise_outer) + _jaw(1.3) - 0.45 * _closing()
        + _corners(-0.25, 0.05),
        "afraid": 0.75 * np.minimum(raise_inner, 0.7 * raise_outer) + _together(0.1)
        - 0.6 * _closing() + _jaw(0.35) + _corners(0.4, 0.15),
        "disgusted": 0.4 * nose + 0.42 * broad_lip + 0.3 * lower_lip - 0.35 * raise_inner
        - 0.4 * raise_outer + _together(0.12) + 0.25 * _closing() + _cheeks(0.25)
        + _corners(0.12, 0.3) + _chin(0.15),
        "contemptuous": _one_sided(0.5, -0.5) - 0.12 * raise_outer + 0.2 * _closing()
        + _press(0.05) + _chin(0.1),
        "closed-eyes": _closing(),
    }  # fmt: skip


def _near(vertices: Sequence[int], radius: float) -> NDArray[np.floating]:
    """Return 0…1 (468,): a soft weight around some vertices."""
    flat = mesh.XYZ[:, :2]
    distance = np.linalg.norm(flat[:, None] - flat[None, list(vertices)], axis=2).min(1)
    return np.exp(-((distance / radius) ** 2))


def _move(
    vertices: Sequence[int], radius: float, direction: tuple[float, float, float]
) -> NDArray[np.floating]:
    return np.outer(_near(vertices, radius), direction)


def _side() -> NDArray[np.floating]:
    return np.sign(mesh.XYZ[:, 0])


def _corners(aside: float, down: float, back: float = 0.0) -> NDArray[np.floating]:
    """Pull the corners of the mouth apart, down and backwards."""
    weight = _near([61, 291], 1.1)
    return np.stack([weight * _side() * aside, weight * down, weight * -back], 1)


def _one_sided(aside: float, down: float) -> NDArray[np.floating]:
    """Pull one corner of the mouth aside, down and backwards, its cheek and lip following."""
    weight = _near([291], 1.0)
    cheek = 0.3 * _near([425, 280], 1.0)
    return np.stack([weight * aside, weight * down - cheek * abs(down), -0.25 * weight], 1)


def _chin(up: float) -> NDArray[np.floating]:
    """Push the boss of the chin and the lower lip up."""
    return _move([17, 18, 200, 199], 0.7, (0, -up, -0.5 * up))


def _cheeks(up: float) -> NDArray[np.floating]:
    return _move([50, 280, 205, 425, 101, 330], 1.1, (0, -up, -0.4 * up))


def _together(amount: float) -> NDArray[np.floating]:
    """Draw the inner brows together."""
    return np.outer(-_near(_INNER_BROW, 0.8) * _side() * amount, (1, 0, 0))


def _press(amount: float) -> NDArray[np.floating]:
    return _move(_UPPER_LIP, 0.25, (0, amount, 0)) - _move(_LOWER_LIP, 0.25, (0, amount, 0))


def _jaw(open_by: float) -> NDArray[np.floating]:
    """Drop the jaw: the lower lip and the chin go down, the upper lip stays."""
    x, y = mesh.XYZ[:, 0], mesh.XYZ[:, 1]
    weight = np.clip((y - mesh.XYZ[14, 1]) / 2.2, 0, 1) * np.exp(-((x / 5.0) ** 4))
    weight[_LOWER_LIP] = np.maximum(weight[_LOWER_LIP], 0.6)
    weight[_UPPER_LIP] = 0
    weight[_CORNERS] = 0.2
    return np.outer(weight, (0, open_by, 0.1 * open_by))


def _closing(shape: Array = mesh.XYZ) -> NDArray[np.floating]:
    """Shut the eyes of ``shape``: upper lids meet lower lids, the folds above follow half-way."""
    offsets = np.zeros((mesh.VERTICES, 3))
    for upper, lower in _LID_PAIRS.items():
        offsets[upper] = shape[lower] - shape[upper]
    for fold, upper in _LID_FOLDS.items():
        offsets[fold] = 0.45 * offsets[upper]
    return offsets
