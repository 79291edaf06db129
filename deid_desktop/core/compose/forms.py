"""Forms: how much contrast the light gives to nose, folds and cheeks, place by place.

Donors were photographed in other light, and what makes a mix somebody is exaggerated: its folds are
cuts and its skin is mottled where the photo's light is soft. Of the photo only the strength of its
forms is read, blurred and the same on both sides, never a form.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from deid_desktop.core.geometry import blur
from deid_desktop.core.regions import regions
from deid_desktop.core.types import Array

_BANDS = (3.0, 9.0)
"""Texels of 512 between and above which forms lie; what is finer is skin, what is coarser light."""
_WIDE = 20.0
"""Texels of 512 over which their strength is measured."""
_GAIN = (np.array([0.4, 0.4], np.float32), np.array([1.2, 2.0], np.float32))
"""Least and greatest change of contrast by band: broad forms tell a surrogate from its subject."""
_MOST = np.array([1.8, 4.0], np.float32)
"""How far a form may go, in strengths of the photo's around it: the rest is bent down."""
_ASIDE = (0.27, 0.33)
"""Distance from the middle of the texture, as a share of it, from which stains may be, and are."""
_STAINED = 0.85
"""Share of the forms that goes there: its light is the photo's all the same."""


def read_forms(texture: Array, low: Array, skin: Array) -> Array:
    """Return the strength of a photo's forms (s / 2, s / 2, bands), relative to the light on them.

    Args:
        texture: (s, s, 3) of the photo, 0…255.
        low: (s, s, 3) the light on it.
        skin: (s, s) 0…1, visible bare skin.
    """
    weight = _halved(skin)
    both = [a + a[:, ::-1] for a in (_power(_forms(texture, low, weight), weight), weight)]
    return _strength(both[0], both[1])


def mould(flat: Array, own: Array, strength: Array, *, wear: float) -> Array:
    """Return what is to be added to a surrogate's lightness (s, s), as a share of its light.

    Args:
        flat: (s, s, 3) the surrogate's texture in even light, 0…255.
        own: (s, s, 3) its low-pass.
        strength: of the photo's forms, from `read_forms`.
        wear: how much stronger than the photo's they are to be.
    """
    size = len(flat)
    skin = _halved(regions(size).skin)
    forms = _forms(flat, own, skin)
    strength = wear * strength
    gain = np.clip(strength / _strength(_power(forms, skin), skin), *_GAIN)
    most = _MOST * strength
    aside = _aside(size // 2)[..., None]
    wanted = most * np.tanh(gain * forms / most) * (1 - aside) + (1 - _STAINED) * forms * aside
    change = (wanted - forms).sum(2) * _halved(soft_skin(size))
    large: Array = cv2.resize(change, (size, size), interpolation=cv2.INTER_LINEAR)
    return large


@cache
def soft_skin(size: int) -> Array:
    """Return 0…1 (s, s), where skin is, with soft borders."""
    return blur(regions(size).skin, size / 128)


def _halved(picture: Array) -> Array:
    half = (picture.shape[1] // 2, picture.shape[0] // 2)
    return np.asarray(cv2.resize(picture, half, interpolation=cv2.INTER_AREA))


def _forms(texture: Array, low: Array, skin: Array) -> Array:
    """Return how much brighter than the light on it each form is, by band (s / 2, s / 2, bands)."""
    small, light = (cv2.cvtColor(_halved(p), cv2.COLOR_RGB2GRAY) for p in (texture, low))
    weight = skin + np.float32(1e-3)
    relative = small / np.maximum(light, 8) - 1
    unit = len(small) / 512
    fine, coarse = (
        blur(relative * weight, b * unit) / np.maximum(blur(weight, b * unit), 1e-4) for b in _BANDS
    )
    return np.dstack([fine - coarse, coarse])


def _power(forms: Array, weight: Array) -> Array:
    return forms**2 * weight[..., None]


def _strength(power: Array, weight: Array) -> Array:
    """Return the strength around each place: where little skin is seen, that of the whole face."""
    sigma = _WIDE * len(weight) / 512
    whole = power.sum((0, 1)) / max(float(weight.sum()), 1.0)
    share = (blur(power, sigma) + 0.05 * whole) / (blur(weight, sigma)[..., None] + 0.05)
    return np.sqrt(np.maximum(share, 1e-6)).astype(np.float32)


@cache
def _aside(size: int) -> Array:
    """Return 0…1 (1, s): columns beside the face, where donors' hair and ears leave stains."""
    away = np.abs((np.arange(size, dtype=np.float32) + 0.5) / size - 0.5)
    start, full = _ASIDE
    return np.clip((away - start) / (full - start), 0, 1)[None]
