"""What the photo says around one face, prepared once and used by every surrogate tried on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from deid_desktop.core import mesh
from deid_desktop.core.compose.beard import Beard, read_beard
from deid_desktop.core.compose.colour_rule import square
from deid_desktop.core.compose.glasses import GlassesModel
from deid_desktop.core.compose.in_front import in_front, on_chin
from deid_desktop.core.compose.occlusion import OcclusionModel
from deid_desktop.core.compose.relight import Light, bare, read_light, toning
from deid_desktop.core.compose.shape import ShapeFit, ShapeModel
from deid_desktop.core.compose.spots import Spots, read_spots
from deid_desktop.core.regions import regions
from deid_desktop.core.types import Analysis, Array, Pixels

_MARGIN = 0.55
"""Of the face's size, around it: as far as a change of shape may bend the picture."""
_SPOTTED = 256
"""Texels a side from which spots are seen."""
_WHOLE, _FIRM = 5, 1.6
"""Texels of 512 by which frames that are kept are widened, and how much more of them is: their
edges are mixed with skin, and half of that would leave them thin and pale."""
_WOMAN = -0.5
"""Gender below which dark chins are shadows."""


@dataclass(frozen=True, eq=False)
class Scene:
    """One face of one photo at working scale.

    ``left``, ``top``: corner of the crop in the photo; ``shape``: its height and width there.
    ``scale``: working pixels for one photo pixel. ``crop`` (h, w, 3) float32 0…255 and ``mesh``
    (478, 3) are at working scale. In texture space, at ``size``: ``texture`` (s, s, 3) the
    photo's own, ``seen`` (s, s) how well the photo shows it, ``hair`` (s, s) hair, hands and other
    things in front, ``beard`` or ``None``, ``skin`` (s, s) visible bare skin, ``light`` on it,
    its ``spots`` if there are many, ``frames`` and ``lenses`` (s, s) of glasses, dark lenses only,
    or ``None``. ``toning`` (3, 2) gives the two colour channels from lightness in a grey or toned
    photo, else ``None``. ``male`` 0…1: how far the subject is taken for a man.
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
    beard: Beard | None
    skin: Array
    light: Light
    spots: Spots | None
    frames: Array | None
    lenses: Array | None
    toning: Array | None
    male: float

    @cached_property
    def glasses(self) -> Array | None:
        """Where glasses are (s, s) 0…1, frames and dark lenses; ``None`` if none are worn."""
        worn = [part for part in (self.frames, self.lenses) if part is not None]
        if not worn:
            return None
        side = round(_WHOLE * self.size / 512) | 1
        grown = cv2.dilate(np.maximum.reduce(worn), np.ones((side, side), np.uint8))
        return np.clip(_FIRM * grown, 0, 1)

    @property
    def hidden(self) -> float:
        """How much of what would be replaced lies behind things, 0…1; beards hide nothing."""
        shown = regions(self.size).core * self.seen
        return float((self.hair * shown).sum() / max(float(shown.sum()), 1e-6))

    @property
    def far_side(self) -> float:
        """How much of what would be replaced is seen on the side that is turned away, 0…1."""
        core, half = regions(self.size).core, self.size // 2
        shown = core * self.seen
        sides = (slice(None, half), slice(half, None))
        return min(float(shown[:, side].sum() / core[:, side].sum()) for side in sides)

    @cached_property
    def skin_colour(self) -> Array:
        """The photo's typical skin colour (3,), 0…255."""
        bare = self.skin > 0.6
        if bare.sum() < 50:
            return np.full(3, 130, np.float32)
        return np.median(self.texture[bare], axis=0)

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
    occlusion: OcclusionModel,
    size: int,
    work: tuple[float, float],
) -> Scene:
    """Prepare the scene of a face.

    Args:
        pixels: the photo.
        analysis: of the face.
        shapes: the linear shape model.
        glasses: the glasses discriminant.
        occlusion: the network that says what lies in front.
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
    woman = analysis.gender < _WOMAN
    found = occlusion.look(texture, seen)
    hair, lenses = in_front(texture, seen, found)
    frames = glasses.rims(texture)
    covered = hair if lenses is None else np.maximum(hair, lenses)
    skin = regions(size).skin * seen * (1 - cv2.dilate(covered, square(9, size)))
    skin = skin.astype(np.float32)
    beard = None if woman else read_beard(texture, skin, on_chin(found.beard))
    if beard is not None:
        skin = skin * (1 - beard.cover)
    light = read_light(texture, seen, skin, vertices=local, hair=hair, frames=frames)
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
        light=light,
        spots=None if size < _SPOTTED else read_spots(texture, light.low, bare(skin, frames)),
        frames=frames,
        lenses=lenses,
        toning=toning(pixels),
        male=(analysis.gender + 1) / 2,
    )
