"""How one composed face compares with the photo it came from: the numbers of ``bench.composition``.

All of them are measured on the finished picture, by networks and colours that know nothing of how
it was made; only where landmarks belong, and where the mask ends, is taken from the layer.
"""

from __future__ import annotations

import cv2
import numpy as np

from deid_desktop.core import mesh
from deid_desktop.core.analyse import agreement
from deid_desktop.core.compose import SurrogateLayer
from deid_desktop.core.geometry import blur
from deid_desktop.core.types import Analysis, Array, Pixels
from deid_desktop.evaluation.utility import ciede2000

STAYING = (*mesh.LEFT_EYE, *mesh.RIGHT_EYE, *mesh.LIPS, *mesh.INNER_LIPS, 1, 4)
"""Vertices of what a surrogate keeps where the photo has it: lids, lips, tip of the nose."""
_CHEEKS = ((50, 205), (280, 425))
_SEEN = 0.6
"""Visibility from which a cheek's colour or an eye's gaze says anything."""
_EYE_WIDTH = 2.5
"""Width of an open eye, in radii of the eyeball (30 and 12 mm)."""
_FEATHER = (0.25, 0.75)
"""Coverage that belongs to the edge of the mask."""
_STEP = 0.02
"""Of the face's size: colours on the mask's edge are averaged over this much."""
_GREY = 2
"""Levels by which the channels of a grey photo differ at most."""


def compare(
    before: Analysis, after: Analysis, photo: Pixels, made: Pixels, layer: SurrogateLayer
) -> dict[str, float]:
    """Compare a face in ``photo`` with what is ``made`` of it, both whole pictures.

    Returns a number for each measure that this face allows: ``pose`` (degrees, the largest of
    three), ``landmarks`` and ``landmarks unbent`` (share of the distance between the eyes, with and
    without the deliberate change of shape), ``gaze`` (degrees), ``expression`` (cosine), ``skin``
    and ``seam`` (CIEDE2000), ``changed`` (pixels outside the layer that are not as they were) and,
    of grey photos, ``colour`` (levels between channels).
    """
    eyes = [before.mesh[eye, :2].mean(0) for eye in (mesh.LEFT_EYE, mesh.RIGHT_EYE)]
    apart = float(np.linalg.norm(eyes[1] - eyes[0]))
    parts = list(STAYING)
    belongs = bent_points(layer, before.mesh[parts, :2])
    found = after.mesh[parts, :2]
    values = {
        "pose": float(np.abs(_turns(before.pose, after.pose)).max()),
        "landmarks": float(np.linalg.norm(found - belongs, axis=1).mean()) / apart,
        "landmarks unbent": float(
            np.linalg.norm(found - before.mesh[parts, :2], axis=1).mean() / apart
        ),
        "expression": agreement(before.blendshapes, after.blendshapes),
        "changed": float(_changed_outside(photo, made, layer)),
    }
    maybe = {
        "gaze": gaze_error(before.mesh, after.mesh),
        "skin": skin_difference(before.mesh, after.mesh, photo, made),
        "seam": seam(photo, layer, size=float(np.ptp(before.mesh[:468, :2], axis=0).max())),
        "colour": colour_in_grey(photo, made, layer),
    }
    return values | {name: value for name, value in maybe.items() if value is not None}


def _turns(before: tuple[float, ...], after: tuple[float, ...]) -> Array:
    return (np.subtract(after, before) + 180) % 360 - 180


def bent_points(layer: SurrogateLayer, points: Array) -> Array:
    """Return where the layer's bending takes ``points`` (n, 2) of the photo.

    The field says of each new place where it comes from, so the new place is found by going there
    and correcting.
    """
    corner = np.array([layer.left, layer.top], np.float32)
    start = points.astype(np.float32) - corner
    at = start.copy()
    for _ in range(8):
        x, y = np.ascontiguousarray(at[:, 0]), np.ascontiguousarray(at[:, 1])
        offset = cv2.remap(layer.field, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        at = start - offset.reshape(-1, 2)
    return at + corner


def gaze(vertices: Array) -> tuple[Array, Array]:
    """Return horizontal and vertical gaze in degrees (2, 2) of both eyes, and whether each shows.

    The iris is taken to lie on a ball behind the lids, its middle between the corners of the eye.
    """
    offsets, opened = mesh.iris_offsets(vertices)
    angles = np.degrees(np.arcsin(np.clip(_EYE_WIDTH * offsets, -1, 1)))
    towards = -mesh.normals(vertices)[:, 2]
    seen = [float(towards[eye].mean()) > _SEEN for eye in (mesh.LEFT_EYE, mesh.RIGHT_EYE)]
    return angles, opened & seen


def gaze_error(before: Array, after: Array) -> float | None:
    """Return by how many degrees the gaze changed, or ``None`` where no eye is open and shown."""
    (own, shown), (new, _) = gaze(before), gaze(after)
    if not shown.any():
        return None
    return float(np.linalg.norm(new - own, axis=1)[shown].mean())


def skin_difference(before: Array, after: Array, photo: Pixels, made: Pixels) -> float | None:
    """Return the mean CIEDE2000 between the cheeks that face the camera, each with its own."""
    towards = -mesh.normals(before)[:, 2]
    found = []
    for cheek in _CHEEKS:
        if towards[list(cheek)].min() < _SEEN:
            continue
        colours = [
            _patch_colour(picture, vertices, cheek)
            for picture, vertices in ((photo, before), (made, after))
        ]
        found.append(ciede2000(colours[0], colours[1]))
    return float(np.mean(found)) if found else None


def _patch_colour(pixels: Pixels, vertices: Array, cheek: tuple[int, int]) -> Array:
    """Return the median CIELAB colour (3,) of a disc between two vertices."""
    centre = vertices[list(cheek), :2].mean(0)
    radius = max(1, round(0.05 * float(np.ptp(vertices[: mesh.VERTICES, 1]))))
    height, width = pixels.shape[:2]
    x, y = np.clip(np.round(centre), 0, [width - 1, height - 1]).astype(int)
    part = pixels[max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1]
    lab = cv2.cvtColor(part.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return np.median(lab.reshape(-1, 3), axis=0)


def seam(photo: Pixels, layer: SurrogateLayer, *, size: float) -> float | None:
    """Return the median CIEDE2000, along the edge of the mask, between surrogate and photo there.

    Both are averaged over a fiftieth of the face's ``size``; the photo is bent as it is in the
    result. This is the step that the feathered edge has to hide.
    """
    region = photo[layer.top :, layer.left :][: layer.alpha.shape[0], : layer.alpha.shape[1]]
    rows, columns = np.mgrid[: region.shape[0], : region.shape[1]].astype(np.float32)
    bent = cv2.remap(
        region.astype(np.float32), columns + layer.field[..., 0], rows + layer.field[..., 1],
        cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    sigma = max(0.7, _STEP * size)
    weight = np.maximum(blur(layer.alpha, sigma), 1e-3)[..., None]
    own = blur(bent * layer.alpha[..., None], sigma) / weight
    new = blur(layer.colour.astype(np.float32), sigma) / weight
    edge = (layer.alpha > _FEATHER[0]) & (layer.alpha < _FEATHER[1])
    if edge.sum() < 12:
        return None
    pair = [
        cv2.cvtColor(np.clip(p[edge], 0, 255)[None] / 255, cv2.COLOR_RGB2LAB)[0]
        for p in (own.astype(np.float32), new.astype(np.float32))
    ]
    step = max(1, int(edge.sum()) // 300)
    return float(np.median(ciede2000(pair[0][::step], pair[1][::step])))


def colour_in_grey(photo: Pixels, made: Pixels, layer: SurrogateLayer) -> float | None:
    """Return how far the channels differ in the face of a grey photo; ``None`` of others."""
    height, width = layer.alpha.shape
    window = (slice(layer.top, layer.top + height), slice(layer.left, layer.left + width))
    if _spread(photo[window]) > _GREY:
        return None
    return _spread(made[window])


def _spread(pixels: Pixels) -> float:
    return float((pixels.max(2).astype(int) - pixels.min(2)).max())


def _changed_outside(photo: Pixels, made: Pixels, layer: SurrogateLayer) -> int:
    """Return how many pixels changed farther from the face than a change of shape may reach."""
    height, width = layer.alpha.shape
    different = (photo != made).any(2)
    inner = different[layer.top : layer.top + height, layer.left : layer.left + width]
    untouched = (layer.alpha == 0) & (np.abs(layer.field).max(2) <= 0.02)
    return int(different.sum() - inner.sum() + (inner & untouched).sum())
