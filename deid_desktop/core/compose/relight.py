"""Light: gives the surrogate's texture the tone, light and colouring of the photo's skin."""

from __future__ import annotations

import cv2
import numpy as np

from deid_desktop.core.compose.scene import Scene, lightness_terms
from deid_desktop.core.geometry import blur, weighted_blur
from deid_desktop.core.regions import Regions, regions
from deid_desktop.core.types import Array

_LIGHT = 36.0
"""Texels of 512 below which the photo's structure is light, not features. At 24 it looks best, at
60 it hides more of the subject but misses hard coloured light."""
_GREY_LEVEL = 120.0
_SHINE = 0.3
"""How much brighter than its surroundings skin may be."""


def relight(scene: Scene, texture: Array, *, tinted: bool) -> Array:
    """Return the surrogate's ``texture`` (s, s, 3), about 1, in the photo's light, 0…255.

    Args:
        scene: of the face.
        texture: the surrogate's.
        tinted: whether brows and lips take their colour from the photo's.
    """
    maps = regions(scene.size)
    unit = scene.size / 512
    flat = _calm(np.maximum(texture, 0.03)) * _GREY_LEVEL
    light = _skin_light(scene.texture, scene.skin, _LIGHT * unit)
    own, _ = weighted_blur(flat, maps.skin, _LIGHT * unit)
    gain = np.clip((light + 4) / (own + 4), 0.04, 4)
    lit: Array = np.clip((flat + 4) * gain - 4, 0, 255)
    lit = _continue_rim(scene, lit, maps, unit)
    if tinted:
        lit = _tint(scene, lit, maps, unit)
    return lit.astype(np.float32)


def _calm(texture: Array) -> Array:
    """Bend highlights down to what bare skin shows, so that no crease shines in hard light."""
    return np.where(texture > 1, 1 + _SHINE * np.tanh((texture - 1) / _SHINE), texture)


def _skin_light(texture: Array, skin: Array, sigma: float) -> Array:
    near, weight = weighted_blur(texture, skin, sigma)
    far, _ = weighted_blur(texture, skin, 2.5 * sigma)
    share = np.clip(weight / 0.15, 0, 1)[..., None]
    return near * share + far * (1 - share)  # far reaches where no skin is seen


def _continue_rim(scene: Scene, lit: Array, maps: Regions, unit: float) -> Array:
    """Add the photo's low-pass difference along the mask's rim, so that tone does not step."""
    rim = scene.skin * np.clip(1.15 - 1.3 * maps.blend, 0, 1) * np.clip(2 * scene.seen - 0.5, 0, 1)
    rim = np.where(maps.facing < 0.25, 0.3 * rim, rim).astype(np.float32)
    difference = scene.texture - lit
    near, near_weight = weighted_blur(difference, rim, 9 * unit)
    far, far_weight = weighted_blur(difference, rim, 22 * unit)
    a = np.clip(near_weight / 0.06, 0, 1)[..., None]
    b = np.clip(far_weight / 0.12, 0, 1)[..., None]
    step = np.clip(near * a + far * (1 - a) * b, -45, 45)
    return np.clip(lit + step, 0, 255)


def _tint(scene: Scene, lit: Array, maps: Regions, unit: float) -> Array:
    """Take the depth of the brows and the colour of the lips from the photo.

    Two times three numbers of the subject: enough that brows go with the hair and lips with the
    light. Their shape stays the surrogate's.
    """
    seen = np.clip(1.5 * scene.seen - 0.3, 0, 1)
    skin, _ = weighted_blur(scene.texture, scene.skin + 1e-4 * maps.skin, 20 * unit)
    own, _ = weighted_blur(lit, maps.skin, 20 * unit)
    if scene.frames is None:
        weight = (maps.brows * seen)[..., None]
        target = _mean(1 - scene.texture / np.maximum(skin, 8), weight)
        current = _mean(1 - lit / np.maximum(own, 8), weight)
        depth = np.clip(np.maximum(target, 0.03) / np.maximum(current, 0.03), 0.7, 1.25)
        lit = lit + blur(maps.brows, 2 * unit)[..., None] * (lit - own) * (depth - 1)
    weight = (maps.lips * seen)[..., None]
    target = _mean(scene.texture / np.maximum(skin, 8), weight)
    current = _mean(lit / np.maximum(own, 8), weight)
    ratio = np.clip(target / np.maximum(current, 1e-3), 0.75, 1.6)
    lit = lit * (1 + maps.lips[..., None] * (ratio - 1))
    return np.clip(lit, 0, 255)


def _mean(values: Array, weight: Array) -> Array:
    mean: Array = (weight * values).sum((0, 1)) / max(float(weight.sum()), 1e-6)
    return mean


def tone(picture: Array, toning: Array) -> Array:
    """Return ``picture`` (h, w, 3), 0…255, with the colours of a grey or toned photo.

    Args:
        picture: rendered face.
        toning: (3, 2) from ``scene.toning``.
    """
    exact = np.abs(toning - np.array([[128, 128], [0, 0], [0, 0]])).max() < 0.5
    if exact:  # a purely grey photo stays purely grey, without rounding through CIELAB
        grey = cv2.cvtColor(np.clip(picture, 0, 255).astype(np.float32), cv2.COLOR_RGB2GRAY)
        return np.repeat(grey[..., None], 3, axis=2)
    lab = cv2.cvtColor(np.clip(picture, 0, 255).astype(np.uint8), cv2.COLOR_RGB2LAB)
    lab = lab.astype(np.float32)
    lab[..., 1:] = lightness_terms(lab[..., 0]) @ toning
    rounded = np.clip(np.round(lab), 0, 255).astype(np.uint8)
    return cv2.cvtColor(rounded, cv2.COLOR_LAB2RGB).astype(np.float32)
