"""Shape: whose face it is, what it expresses, and how the picture bends to another one.

A linear model splits the photo's mesh into identity, expression and pose. A surrogate's mesh is
the photo's plus a change to the opposite of its identity and a change of expression; the picture
around follows by a smooth field that fades outside the face, so there is no seam.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from deid_desktop.core import mesh
from deid_desktop.core.compose import opposite, proportions
from deid_desktop.core.compose.anatomy import kept_human
from deid_desktop.core.geometry import Pose3D, blur, procrustes
from deid_desktop.core.types import Array

_LANDMARK_NOISE = 0.12
"""Standard deviation of the landmarks in canonical centimetres."""
_PRIOR = 1.5
_ROUNDS = 4
_FAIR, _STIFF, _BESIDE = 12.0, 10.0, 0.7
"""How much smoothness of a change weighs beside keeping it, how much more eyes, brows and lips are
kept than skin, and centimetres within which vertices are neighbours. Without, the skin between
brows that stay and a forehead that rises is torn to a wedge."""
_CAP = 0.12
"""Largest displacement of a vertex, as a share of the face's size."""
_EXPRESSIVE = [0, 1, 2, 12, 13]
"""Expression components that an identity may not imitate: the main smiles and the lids. Brows,
jaw and mouth differ between people as much as between moods; without them too much stays."""
_CALM = 0.75
"""How much of a change of shape that looks like an expression is left out: with half of it dlib's
AUC is .004 lower, and so is expressions' agreement (470 unsearched sketches)."""
_WHOLE = 4.5
"""Strength that makes all of a change of shape."""
_NOSE_WHOLE = 0.5
"""How far a nose moves as a whole: it grew long and looked carved, and tells least of all who
somebody is (dlib's AUC of 470 unsearched sketches .776, with this .780)."""
_GROWTH = 0.12
"""How much larger or smaller eyes and mouth may become, as a share."""
_BROW = 0.7
"""Share with which a brow moves as its eye does, not by its own difference: a brow that moves by
itself says something else."""
_LOST = (0.4, 0.1)
"""What is added to yaw and pitch, as a share, for the head to look turned as far as it was: donors
are seen from the front, and what their skin tells of a nose and of cheeks is how they look from
there. Without it a surrogate's yaw was read as 31 % less than the photo's (38 portraits)."""
_MOST_TURNED = 10.0
"""Degrees of either."""
_FIELD = 96
"""Nodes a side of the field that bends the picture."""


@dataclass(frozen=True)
class Correction:
    """What one surrogate needs beyond others to look turned, and to look the way, as the photo's
    face does: ``turn`` are degrees of yaw and pitch, ``gaze`` moves of each iris to the right, in
    widths of the eye."""

    turn: tuple[float, float] = (0.0, 0.0)
    gaze: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, eq=False)
class ShapeFit:
    """A mesh explained: ``identity`` (468, 3) neutral and ``expression`` (468, 3) offsets, both
    canonical; ``pose`` takes canonical to picture coordinates; ``residual`` is what the model
    leaves over, root mean square in canonical centimetres: large where there is no face."""

    identity: Array
    expression: Array
    pose: Pose3D
    residual: float


class ShapeModel:
    """Linear identity and expression models in the canonical frame.

    ``excess`` (2, 468, 3) is the one that was learned, unless another is given.
    """

    def __init__(self, tensors: dict[str, Array], *, excess: Array | None = None) -> None:
        self._excess = excess
        self.mean = tensors["mean"]
        self._identity = tensors["basis"]
        basis = np.concatenate([self._identity, tensors["expression"]]).astype(np.float64)
        self._basis = basis
        expressive = tensors["expression"][_EXPRESSIVE].astype(np.float64)
        self._expressive = np.linalg.svd(expressive, full_matrices=False)[2]
        precision = basis @ basis.T / _LANDMARK_NOISE**2 + _PRIOR * np.eye(len(basis))
        self._solve = np.linalg.solve(precision, basis / _LANDMARK_NOISE**2)

    def fit(self, vertices: Array) -> ShapeFit:
        """Split landmarks (≥ 468, 3) by ridge regression, pose and coefficients in turn."""
        target = vertices[: mesh.VERTICES].astype(np.float64)
        current = self.mean.astype(np.float64)
        for _ in range(_ROUNDS):
            aligned = procrustes(target, current).apply(target)
            weights = self._solve @ (aligned - self.mean).ravel()
            current = self.mean + (weights @ self._basis).reshape(-1, 3)
        count = len(self._identity)
        identity = self.mean + (weights[:count] @ self._basis[:count]).reshape(-1, 3)
        expression = (weights[count:] @ self._basis[count:]).reshape(-1, 3)
        rest = procrustes(target, current).apply(target) - current
        return ShapeFit(
            identity.astype(np.float32),
            expression.astype(np.float32),
            procrustes(current, target),
            float(np.sqrt((rest**2).sum(1).mean())),
        )

    def identity_change(self, fit: ShapeFit, shape: Array, *, male: float) -> Array:
        """Return the change (468, 3) from a subject's identity to its opposite.

        Args:
            fit: of the subject.
            shape: (468, 3) the surrogate's, canonical.
            male: 0…1, how far it is to be a man's.
        """
        change = opposite.learned().opposite(fit.identity, shape, male=male)
        return self.calmed(change, share=_CALM)

    def calmed(self, change: Array, *, share: float = 1.0) -> Array:
        """Return a change of identity (468, 3) without ``share`` of what looks like an expression.

        It must not curl the mouth, close the eyes or set one higher than the other: what landmarks
        tell of one side of a face alone is mostly their error.
        """
        flat = change.ravel()
        calm = flat - share * (self._expressive @ flat) @ self._expressive
        return mesh.even(calm.reshape(-1, 3)).astype(np.float32)

    def excess(self, male: float) -> Array:
        """Return what faces, 0…1 a man's, have too much of when composed (468, 3), canonical."""
        women, men = proportions.learned() if self._excess is None else self._excess
        return np.asarray(women + male * (men - women))


def displaced(
    vertices: Array,
    fit: ShapeFit,
    change: Array,
    *,
    strength: float,
    expression: Array | None,
    correction: Correction,
    male: float,
    across: float = 0.0,
    excess: Array | float = 0.0,
) -> Array:
    """Return the surrogate's landmarks (478, 3) in the picture.

    Eyes and mouth move and grow as wholes: a jaw may become wider, but an eye must not be torn open
    nor a mouth be made to frown.

    Args:
        vertices: (478, 3) the photo's landmarks.
        fit: of these landmarks.
        change: (468, 3) canonical, from the subject's identity to its opposite.
        strength: of that change: 0 keeps the subject's shape, 4.5 makes all of it.
        expression: (468, 3) canonical change of expression, or ``None`` to keep it.
        correction: that the surrogate needs.
        male: 0…1, how far its proportions are to be a man's.
        across: 0…1, how far that is from the subject's gender.
        excess: (468, 3) canonical, what faces have too much of when composed.
    """
    spread = _spreading()
    # A cheek that is seen from the side is an outline: there a change of depth shows in full.
    frontal = abs(float(np.cos(np.radians(fit.pose.degrees()[0]))))
    share = frontal * strength / _WHOLE
    free = share * change
    wanted = free
    for eye, near in zip(_PARTS[:2], spread.brows, strict=True):
        wanted = wanted + _BROW * near[:, None] * (free[eye].mean(0) - wanted)
    for part, weight in zip(_PARTS, spread.parts, strict=True):
        whole = free[part].mean(0) + _growth(fit.identity, free, part)
        wanted = wanted * (1 - weight[:, None]) + whole * weight[:, None]
    wanted = wanted - min(1.0, share) * excess
    nose = spread.nose[:, None]
    wanted = wanted + _NOSE_WHOLE * nose * ((nose * wanted).sum(0) / nose.sum() - wanted)
    # Smooth faces look less of one gender: where the other is asked for, they stay rougher.
    wanted = wanted + (1 - across) * (spread.fair @ wanted - wanted)
    human = kept_human(fit.identity, wanted, male=male, across=across)  # last: nothing undoes it
    offsets = fit.pose.turn(_turned(fit, human, correction.turn)).astype(np.float32)
    size = np.ptp(vertices[: mesh.VERTICES, :2], axis=0).max()
    length = np.linalg.norm(offsets[:, :2], axis=1, keepdims=True)
    offsets *= np.minimum(1, _CAP * size / np.maximum(length, 1e-6))
    if expression is not None:
        offsets += fit.pose.turn(expression).astype(np.float32)
    moved = vertices.copy()
    moved[: mesh.VERTICES, :2] += offsets[:, :2]
    moved[: mesh.VERTICES, 2] += offsets[:, 2]
    if expression is not None:
        _part_lids(moved)
    for (contour, iris), right in zip(mesh.EYES, correction.gaze, strict=True):
        corners = [contour[0], contour[8]]  # expressions close lids, they do not move eyes
        axis, width = mesh.eye_axis(moved, contour)
        moved[iris, :2] += offsets[corners, :2].mean(0)
        moved[iris, :2] += width * right * axis
    return moved


def _part_lids(moved: Array) -> None:
    """Lift, in place, the upper lids of landmarks (478, 3) that an expression took below the lower.

    Eyes that the photo's expression narrows have less far to go than those that it does not.
    """
    for contour, _ in mesh.EYES:
        apart, down = mesh.lids_apart(moved, contour)
        moved[contour[1:8], :2] += np.minimum(apart, 0)[:, None] * down


def _turned(
    fit: ShapeFit, wanted: NDArray[np.floating], turn: tuple[float, float]
) -> NDArray[np.floating]:
    """Return a change (468, 3) that turns the head by ``turn`` and by what would be lost.

    What it would turn of itself is taken from it.
    """
    own = (fit.identity + fit.expression).astype(np.float64)
    changed = own + wanted
    middle = changed.mean(0)
    yaw, pitch = np.radians(
        np.clip(np.multiply(_LOST, fit.pose.degrees()[:2]) + turn, -_MOST_TURNED, _MOST_TURNED)
    )
    cos, sin = np.cos([yaw, pitch]), np.sin([yaw, pitch])
    aside = np.array([[cos[0], 0, -sin[0]], [0, 1, 0], [sin[0], 0, cos[0]]])
    down = np.array([[1, 0, 0], [0, cos[1], -sin[1]], [0, sin[1], cos[1]]])
    rotation = aside @ down @ procrustes(changed, own).rotation
    turned: NDArray[np.floating] = (changed - middle) @ rotation.T
    return turned + middle - own


def _growth(identity: Array, change: Array, part: list[int]) -> Array:
    """Return what growing or shrinking one part about its middle adds to all vertices (468, 3)."""
    ends = identity[[part[0], part[len(part) // 2]]]
    after = ends + change[[part[0], part[len(part) // 2]]]
    ratio = np.linalg.norm(after[1] - after[0]) / np.linalg.norm(ends[1] - ends[0])
    factor = np.clip(ratio, 1 - _GROWTH, 1 + _GROWTH)
    return (identity - ends.mean(0)) * (factor - 1)


@dataclass(frozen=True, eq=False)
class _Spreading:
    """``nose`` (468,), ``parts`` (3, 468) and ``brows`` (2, 468) say how much a vertex belongs to
    the nose, to the eyes and the lips, to the brows; ``fair`` (468, 468) is of `_fairing`."""

    nose: Array
    parts: Array
    brows: Array
    fair: Array


_PARTS = (mesh.LEFT_EYE, mesh.RIGHT_EYE, mesh.LIPS)
_BROWS = (mesh.LEFT_BROW, mesh.RIGHT_BROW)
_NOSE_VERTICES = [1, 2, 4, 5, 6, 195, 197, 98, 327, 129, 358, 48, 278, 115, 344, 19, 94]


@cache
def _spreading() -> _Spreading:
    distance = np.linalg.norm(mesh.XYZ[:, None] - mesh.XYZ[None], axis=2)
    radii = (0.55, 0.55, 0.6)
    parts = [
        np.exp(-((distance[:, part].min(1) / radius) ** 2))
        for part, radius in zip(_PARTS, radii, strict=True)
    ]
    parts[2][mesh.INNER_LIPS] = 1
    nose = np.exp(-((distance[:, _NOSE_VERTICES].min(1) / 0.4) ** 2))
    brows = [np.exp(-((distance[:, brow].min(1) / 0.6) ** 2)) for brow in _BROWS]
    return _Spreading(
        nose, np.stack(parts), np.stack(brows), _fairing(distance, np.max([*parts, *brows], axis=0))
    )


def _fairing(distance: Array, held: Array) -> Array:
    """Return what makes a change of shape smooth (468, 468), after Desbrun et al. (1999).

    It solves for the change that is near the given one and near the mean of its neighbours.

    Args:
        distance: (468, 468) between vertices, centimetres.
        held: (468,) 0…1, eyes, brows and lips: they move as wholes already.
    """
    near = np.exp(-((distance / _BESIDE) ** 2))
    np.fill_diagonal(near, 0)
    rough = np.eye(len(near)) - near / near.sum(1, keepdims=True)
    kept = np.diag(1 + _STIFF * held**4)
    return np.asarray(np.linalg.solve(kept + _FAIR * rough.T @ rough, kept))


def bending_field(vertices: Array, moved: Array, shape: tuple[int, int]) -> Array:
    """Return where each picture point comes from, as an offset (h, w, 2) in pixels.

    Inside the face the field is that of the mesh; outside it fades with the distance, and to
    nothing at the border of the crop.
    """
    height, width = shape
    step = np.array([width, height], np.float32) / _FIELD
    nodes = moved[: mesh.VERTICES].copy()
    nodes[:, :2] = nodes[:, :2] / step - 0.5
    uv, covered = mesh.rasterise(nodes, (_FIELD, _FIELD))
    grid = mesh.uv_grid(128).interpolate((moved - vertices)[: mesh.VERTICES, :2])
    at = uv * 128 - 0.5
    inner: Array = cv2.remap(grid, at, None, cv2.INTER_LINEAR)
    inside = covered.astype(np.float32)
    inner *= inside[..., None]
    near, weight = _spread(inner, inside, 3.5)
    far, _ = _spread(inner, inside, 9.0)
    share = np.clip(weight / 0.1, 0, 1)[..., None]
    outer = near * share + far * (1 - share)
    size = float(np.ptp(vertices[: mesh.VERTICES, :2], axis=0).max())
    away = cv2.distanceTransform((1 - covered).astype(np.uint8), cv2.DIST_L2, 5)
    fade = np.exp(-((away * float(step[0]) / size / 0.16) ** 2))[..., None]
    joined = blur(inner + outer * (1 - inside[..., None]), 1.0)
    field = np.where(inside[..., None] > 0, joined, outer * fade)
    edge = np.minimum(np.arange(_FIELD), np.arange(_FIELD)[::-1])
    field *= np.clip(np.minimum(edge[:, None], edge[None]) / 8, 0, 1)[..., None]
    field = blur(field.astype(np.float32), 1.2)
    large: Array = cv2.resize(-field, (width, height), interpolation=cv2.INTER_CUBIC)
    return large


def bend(picture: Array, field: Array, window: tuple[slice, slice] | None = None) -> Array:
    """Return ``picture`` (h, w, c) looked up at an offset of ``field`` (h, w, 2).

    Args:
        picture: to bend.
        field: offsets in pixels.
        window: rows and columns to return; all by default.
    """
    rows, columns = window or (slice(0, picture.shape[0]), slice(0, picture.shape[1]))
    right, down = cv2.split(field[rows, columns])
    right += np.arange(columns.start, columns.stop, dtype=np.float32)
    down += np.arange(rows.start, rows.stop, dtype=np.float32)[:, None]
    how = cv2.INTER_CUBIC
    bent: Array = cv2.remap(picture, right, down, how, borderMode=cv2.BORDER_REPLICATE)
    return bent


def _spread(values: Array, inside: NDArray[np.float32], sigma: float) -> tuple[Array, Array]:
    weight = cv2.GaussianBlur(inside, (0, 0), sigma)
    spread = cv2.GaussianBlur(values, (0, 0), sigma) / np.maximum(weight, 1e-9)[..., None]
    return spread, weight
