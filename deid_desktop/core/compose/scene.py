"""What the photo says around one face, prepared once and used by every surrogate tried on it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from deid_desktop.core import mesh
from deid_desktop.core.compose.glasses import GlassesModel, dark_lenses
from deid_desktop.core.compose.relight import Light, read_light, toning
from deid_desktop.core.compose.shape import ShapeFit, ShapeModel
from deid_desktop.core.geometry import blur, weighted_blur
from deid_desktop.core.regions import regions
from deid_desktop.core.types import Analysis, Array, Pixels

_MARGIN = 0.55
"""Of the face's size, around it: as far as a change of shape may bend the picture."""


@dataclass(frozen=True, eq=False)
class Scene:
    """One face of one photo at working scale.

    ``left``, ``top``: corner of the crop in the photo; ``shape``: its height and width there.
    ``scale``: working pixels for one photo pixel. ``crop`` (h, w, 3) float32 0…255 and ``mesh``
    (478, 3) are at working scale. In texture space, at ``size``: ``texture`` (s, s, 3) the
    photo's own, ``seen`` (s, s) how well the photo shows it, ``hair`` (s, s) hair, hands and other
    things in front, ``beard`` (s, s), ``skin`` (s, s) visible bare skin, ``light`` on it,
    ``frames`` and ``lenses`` (s, s) of glasses, dark lenses only, or ``None``. ``toning`` (3, 2)
    gives the two colour channels from lightness in a grey or toned photo, else ``None``.
    """

    left: int
    top: int
    shape: tuple[int, int]
    scale: float
    crop: Array
    mesh: Array
    shapes: ShapeModel
    fit: ShapeFit
    size: int
    texture: Array
    seen: Array
    hair: Array
    beard: Array
    skin: Array
    light: Light
    frames: Array | None
    lenses: Array | None
    toning: Array | None

    @property
    def bespectacled(self) -> bool:
        """Whether glasses of any kind are worn."""
        return self.frames is not None or self.lenses is not None

    @property
    def face_size(self) -> float:
        """Larger side of the face's extent in working pixels."""
        return float(np.ptp(self.mesh[: mesh.VERTICES, :2], axis=0).max())


def prepare(
    pixels: Pixels,
    analysis: Analysis,
    *,
    shapes: ShapeModel,
    glasses: GlassesModel,
    size: int,
    work: tuple[float, float],
) -> Scene:
    """Prepare the scene of a face.

    Args:
        pixels: the photo.
        analysis: of the face.
        shapes: the linear shape model.
        glasses: the glasses discriminant.
        size: texels a side.
        work: smallest and largest face size in pixels to work at; small faces are enlarged so
            that they keep soft edges, large ones reduced.
    """
    vertices = analysis.mesh
    low, high = vertices[: mesh.VERTICES, :2].min(0), vertices[: mesh.VERTICES, :2].max(0)
    extent = float((high - low).max())
    limit = np.array(pixels.shape[1::-1])
    start = np.clip(np.floor(low - _MARGIN * extent), 0, limit - 1).astype(int)
    stop = np.clip(np.ceil(high + _MARGIN * extent), start + 1, limit).astype(int)
    part = pixels[start[1] : stop[1], start[0] : stop[0]]
    scale = float(np.clip(extent, *work) / extent)
    if scale == 1:
        crop = part.astype(np.float32)
    else:
        flags = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
        target = (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
        crop = cv2.resize(part, target, interpolation=flags).astype(np.float32)
    local = vertices.copy()
    local[:, :2] = (local[:, :2] - start + 0.5) * scale - 0.5
    local[:, 2] *= scale
    texture = mesh.unwrap(crop, local, size)
    seen = mesh.visibility(local, size)
    strange = _strange(texture, seen)
    in_front = _reaching_in(strange)
    hair, beard = _hair_and_beard(in_front)
    lenses, frames = dark_lenses(texture), glasses.rims(texture)
    covered = in_front if lenses is None else np.maximum(in_front, lenses)
    skin = regions(size).skin * seen * (1 - cv2.dilate(covered, _kernel(9, size)))
    skin = skin.astype(np.float32)
    return Scene(
        left=int(start[0]),
        top=int(start[1]),
        shape=(part.shape[0], part.shape[1]),
        scale=scale,
        crop=crop,
        mesh=local,
        shapes=shapes,
        fit=shapes.fit(local),
        size=size,
        texture=texture,
        seen=seen,
        hair=hair,
        beard=beard,
        skin=skin,
        light=read_light(texture, seen, skin, frames=frames),
        frames=frames,
        lenses=lenses,
        toning=toning(pixels),
    )


def _kernel(texels: int, size: int) -> NDArray[np.uint8]:
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
    opened: Array = cv2.morphologyEx(strange.astype(np.float32), cv2.MORPH_OPEN, _kernel(5, size))
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
    closed = cv2.morphologyEx(in_front, cv2.MORPH_CLOSE, _kernel(21, size))
    grown = cv2.dilate(np.where(maps.stubble > 0.2, closed, in_front), _kernel(7, size))
    soft = np.clip(1.3 * blur(grown, 3 * size / 512), 0, 1)
    upper = soft * (1 - maps.centre) * (1 - maps.features)
    return upper, soft * maps.centre * maps.stubble
