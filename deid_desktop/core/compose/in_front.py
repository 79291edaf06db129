"""Decides what lies in front of a face: the network's word, with the colour rule's where it is shy.

The network knows things, masks and sunglasses and is not misled by light; the colour rule knows
where exactly hair and beard are, and takes shadows and shine for them.
"""

from __future__ import annotations

import numpy as np

from deid_desktop.core.compose.colour_rule import by_colour
from deid_desktop.core.compose.glasses import dark_lenses
from deid_desktop.core.compose.occlusion import Occlusion
from deid_desktop.core.regions import regions
from deid_desktop.core.types import Array

_DOUBT = (0.35, 0.65)
"""What is said of a texel below which it is the face, above which it is in front."""
_AGREED = 0.3
"""What the colour rule adds to the network's word: where it is right, the network says 0.2 and more
as a rule; of shine and shadow, 0.05."""
_DARK = 0.45
"""Share of an eye that a dark lens hides, at least of one of them."""
_DARK_EYES = (0.36, 0.6)
"""Level of the eyes, the median and the 90th percentile, relative to skin, below which what the
colours take for dark lenses is: sockets in the shade show some white."""


def in_front(texture: Array, seen: Array, found: Occlusion) -> tuple[Array, Array | None]:
    """Return maps (s, s), 0…1: what hides the face, and dark lenses or ``None``.

    Args:
        texture: (s, s, 3) of the photo, 0…255.
        seen: (s, s) 0…1, how well the photo shows each texel.
        found: what the network says of it.
    """
    rule = by_colour(texture, seen)
    front = _sure(found.front + _AGREED * rule.front)
    return front, _lenses(texture, found)


def _sure(said: Array) -> Array:
    """Return what was said, 0…1, with its doubts decided, but soft at the edges."""
    return np.clip((said - _DOUBT[0]) / (_DOUBT[1] - _DOUBT[0]), 0, 1)


def on_chin(said: Array) -> float:
    """Return the mean of what was said of the places where beards grow."""
    maps = regions(len(said))
    zone = maps.stubble * maps.centre
    return float((said * zone).sum() / zone.sum())


def _lenses(texture: Array, found: Occlusion) -> Array | None:
    """Return where dark lenses are, or ``None``: they hide much of both eyes, or there are none.

    Where the network sees none, colours may, if nothing bright is in the eyes.
    """
    said = _sure(found.lenses)
    shares = _on_eyes(said)
    if max(shares) > _DARK and min(shares) > _DARK / 3:
        return said
    return dark_lenses(texture) if _dark_eyes(texture) else None


def _dark_eyes(texture: Array) -> bool:
    """Say whether both eyes are darker than eyes can be beside the skin around them."""
    maps, grey = regions(len(texture)), texture.mean(2)
    skin = float(np.median(grey[maps.skin * maps.centre > 0.5]))
    eyes = grey[maps.eyes > 0.6]
    return bool(
        np.median(eyes) < _DARK_EYES[0] * skin and np.percentile(eyes, 90) < _DARK_EYES[1] * skin
    )


def _on_eyes(said: Array) -> list[float]:
    """Return how much of each eye is covered by what was said, 0…1."""
    eyes, middle = regions(len(said)).eyes, len(said) // 2
    halves = (slice(None, middle), slice(middle, None))
    return [float((said[:, h] * eyes[:, h]).sum() / eyes[:, h].sum()) for h in halves]
