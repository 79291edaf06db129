"""Beards: a bearded photo gets a surrogate with a beard of its own, moustache and chin as one.

Where it grows is the photo's, coarsely and the same on both sides; its colour is three numbers of
the photo; each hair is drawn. Left bare, the middle of the face would be an island in the beard
that stays on cheeks and jaw.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from deid_desktop.core import mesh
from deid_desktop.core.geometry import LUMA, blur, weighted_blur
from deid_desktop.core.regions import BELOW_NOSE, hull, regions
from deid_desktop.core.types import Array

_FAR = 70.0
"""Texels of 512 over which bare skin tells the light where a beard hides it."""
_DARKER = (0.2, 0.55)
"""How much darker than skin a place is where hair begins, and where it covers all."""
_COARSE = 5.0
"""Texels of 512 below which the outline of a beard is the subject's own."""
_BEARDED = 0.0055
"""What the occlusion network says of the chin, on average, from which there is a beard."""
_MOUSTACHED = 0.3
"""How much darker than skin the place below the nose is, on average, from which there is a
moustache: the network sees none without a beard. Of every second portrait four with dark ones had
.34 to .60, one unshaven .36, thin grey ones and shadows of noses .24 at most."""
_ALONE = 0.15
"""How much darker than the chin it is then: an unshaven face is dark all over."""
_LEAST = 0.06
"""Share of the zone that has to be covered."""
_STRANDS = 2.2
"""How much denser single hairs are than what is between them."""
_WHITE = np.array([0.78, 0.8, 0.82], np.float32)
"""What white hair is of the light on skin."""
_MINGLED = 0.5
"""How much more some hairs grey than others."""
_ABOVE = 2
"""Vertex below the nose: cheeks above it are bare."""
_GROWING = [
    98, 2, 327, 426, 436, 432, 434, 364, 394, 395, 369, 396, 175, 171, 140, 170, 169, 135, 214,
    212, 216, 206,
]  # fmt: skip
"""Corners of where beards grow within the replaced region."""


@dataclass(frozen=True, eq=False)
class Beard:
    """``cover`` (s, s) 0…1: how densely hair grows; ``colour`` (3,) of the hair and ``bare``
    (s, s, 3) the light on the skin below, 0…255."""

    cover: Array
    colour: Array
    bare: Array


def read_beard(texture: Array, skin: Array, said: float) -> Beard | None:
    """Return the beard of a man's face, or ``None``.

    Args:
        texture: (s, s, 3) of the photo, 0…255.
        skin: (s, s) 0…1, visible bare skin; beards may count as such.
        said: what the occlusion network says of the chin, on average.
    """
    size = len(texture)
    unit, zone = size / 512, _zone(size)
    upper = skin * (1 - zone)
    upper[int(mesh.UV[_ABOVE, 1] * size) :] = 0
    bare, _ = weighted_blur(texture, upper + 1e-5, _FAR * unit)
    level = np.maximum(bare @ LUMA, 8)
    darker = 1 - (blur(texture, 1.5 * unit) @ LUMA) / level
    if said < _BEARDED:
        below_nose, chin, upper_lip = _moustache(size)
        lip, jaw = (float((darker * part).sum() / part.sum()) for part in (below_nose, chin))
        if lip < max(_MOUSTACHED, jaw + _ALONE):
            return None
        zone = zone * upper_lip
    start, full = _DARKER
    cover = np.clip((darker - start) / (full - start), 0, 1) * zone
    cover = blur(0.5 * (cover + cover[:, ::-1]), _COARSE * unit) * zone
    if cover.sum() < _LEAST * zone.sum():
        return None
    hairy = (darker > 0.5 * (start + full)) & (zone > 0.5)
    if not hairy.any():
        return None
    colour = np.percentile((texture / np.maximum(bare, 8))[hairy], 12, axis=0)
    return Beard(np.clip(1.15 * cover, 0, 1), colour.astype(np.float32), bare)


def grow(lit: Array, beard: Beard, seed: int, *, grey: float = 0.0) -> Array:
    """Return the lit texture (s, s, 3), 0…255, with hair where the ``beard`` grows.

    ``grey``: how far its hairs have turned white, 0…1.
    """
    hairs, shades = _hairs(seed % 4, len(lit))
    thin = _STRANDS * beard.cover * (1.2 - beard.cover)
    held = np.clip(beard.cover + thin * (hairs - 0.5), 0, 1)
    hair = beard.bare * beard.colour * (0.7 + 0.6 * shades)[..., None]
    if grey > 0:
        white = np.clip(grey * (0.6 + _MINGLED * (shades - 0.5)), 0, 1)[..., None]
        pale = (beard.bare @ LUMA * (0.85 + 0.3 * hairs))[..., None] * _WHITE
        hair = hair + white * np.maximum(pale - hair, 0)
    return lit + held[..., None] * (hair - lit)


@lru_cache(maxsize=4)
def _zone(size: int) -> Array:
    """Return where beards grow (s, s), 0…1, soft; not on lips nor below the nose."""
    lips = np.clip(2.2 * regions(512).lips, 0, 1)
    growing, nose = blur(hull(_GROWING), 4), blur(hull(BELOW_NOSE, 9), 3)
    zone = growing * (1 - nose) * (1 - lips) * regions(512).core
    return cv2.resize(zone, (size, size), interpolation=cv2.INTER_AREA)


@lru_cache(maxsize=4)
def _moustache(size: int) -> tuple[Array, Array, Array]:
    """Return where a moustache surely grows, the chin, and softly where a moustache may grow.

    Each (s, s), 0…1.
    """
    x = (np.arange(size, dtype=np.float32) + 0.5) / size
    y = x[:, None]
    nose, lip, lower, corner = mesh.UV[2], mesh.UV[0, 1], mesh.UV[17, 1], mesh.UV[61, 1]
    middle = (y > nose[1]) & (y < lip + 0.02) & (np.abs(x - nose[0]) < 0.09)
    may = np.clip((corner + 0.05 - y) / 0.05, 0, 1) * np.ones_like(x)
    zone = _zone(size)
    return zone * middle, zone * (y > lower + 0.01), may.astype(np.float32)


@lru_cache(maxsize=8)
def _hairs(variant: int, size: int) -> tuple[Array, Array]:
    """Return two fields (s, s) that are even between 0 and 1 and run as hairs do: down."""
    rng = np.random.default_rng([variant, 23])
    fields = []
    for across, along in ((0.7, 1.8), (0.8, 2.4)):
        noise = rng.standard_normal((512, 512), np.float32)
        noise = cv2.GaussianBlur(noise, (0, 0), sigmaX=across, sigmaY=along)
        if size != 512:
            noise = cv2.resize(noise, (size, size), interpolation=cv2.INTER_AREA)
        ranks = np.clip(0.5 + 0.29 * noise / float(noise.std()), 0, 1)
        fields.append(ranks.astype(np.float32))
    return fields[0], fields[1]
