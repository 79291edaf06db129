"""Image character: the surrogate's sharpness and grain are made those of the photo's own skin.

The photo's detail is only measured, never carried over: putting its fine band back would let
recognisers find the subject again.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from deid_desktop.core.geometry import blur, thrice
from deid_desktop.core.types import Array

_FINEST = 0.45
"""Sigma in working pixels below which there is only grain."""
_BANDS = 3
_MOST = 1.25
"""Largest gain of a band on skin: what photos have beyond it are shadows and hair."""
_ROUGHEST = 2.2
"""Largest gain where beards grow: stubble."""
_SHARPER = 1.5
"""Largest gain of a fine band on brows, lids and lips: mixes are softer there than any face."""
_COARSEST = 6.0
"""Largest standard deviation of grain, in levels."""
_TEXTURE = 0.012
"""Sigma, as a share of the face, from which a band holds features, which are never amplified."""
_ENOUGH = 400
"""Pixels from which a measurement is trusted."""
_PLENTY = 4_000
"""Pixels from which more of them make no measurement better."""


def match_detail(
    rendered: Array,
    photo: Array,
    *,
    skin: Array,
    features: Array,
    shaven: Array,
    enlarged: float,
    wear: float,
    seed: int,
) -> Array:
    """Return ``rendered`` (h, w, 3) with the photo's contrast in three fine bands, and its grain.

    Args:
        rendered: the surrogate in the picture, 0…255.
        photo: the crop of the photo, 0…255.
        skin: (h, w) 0…1, bare skin that both show.
        features: (h, w) 0…1, brows, eyes, lips.
        shaven: (h, w) 0…1, where beards grow: skin of its own, for it may be unshaven.
        enlarged: working pixels for one photo pixel; bands below the photo's own resolution hold
            nothing.
        wear: how much stronger than on the photo's the relief of skin is to be.
        seed: of the grain.
    """
    measured = _places((skin > 0.7) & (features < 0.5))
    if len(measured) < _ENOUGH:
        return rendered
    rough = _places((skin > 0.7) & (features < 0.5) & (shaven > 0.6))
    unit = max(1.0, enlarged)
    sigmas = [_FINEST * unit * 2**i for i in range(_BANDS + 1)]
    ours, theirs = _levels(rendered, sigmas), _levels(_grey(photo), sigmas)
    on_features = blur(features, 2.0)
    shown = _places((features > 0.5) & (blur(skin + features, 2.0) > 0.5))
    result = rendered.copy()
    coarse = _TEXTURE * float(np.sqrt((skin + features > 0.5).sum()))
    sharpness, grain = 1.0, 0.0
    for i in range(_BANDS):
        band, target = ours[i] - ours[i + 1], theirs[i] - theirs[i + 1]
        grey = _grey(band)
        most = _MOST if sigmas[i] < coarse else 1.0
        wanted, present = wear * _spread(target, measured), _spread(grey, measured)
        skin_gain = float(np.clip(wanted / present, 0.35, most * max(1.0, wear)))
        chin_gain = skin_gain
        if len(rough) > _ENOUGH // 2:
            ratio = wear * _spread(target, rough) / _spread(grey, rough)
            chin_gain = float(np.clip(ratio, 0.35, _ROUGHEST if sigmas[i] < coarse else 1.0))
        if i == 0:
            sharpness = min(1.0, skin_gain)
            missing = wanted**2 - (skin_gain * present) ** 2
            grain = np.sqrt(max(0.0, missing)) if sigmas[1] < coarse else 0.0
        feature_gain = 1.0
        if len(shown) > _ENOUGH // 2:
            ratio = target.take(shown).std() / max(grey.take(shown).std(), 1e-6)
            feature_gain = np.clip(ratio, 0.4, _SHARPER if sigmas[i] < coarse else 1.15)
        on_skin = (skin_gain - 1 + (chin_gain - skin_gain) * shaven) * (1 - on_features)
        result += band * thrice(on_skin + (feature_gain - 1) * on_features)
    result -= (1 - sharpness) * (rendered - ours[0])  # finer than a blurred photo can be
    grey_result = _grey(result)
    wanted = _spread(_grey(photo) - theirs[0], measured)
    present = _spread(grey_result - blur(grey_result, sigmas[0]), measured)
    if wanted > 1.1 * present:
        grain = np.hypot(grain, np.sqrt(wanted**2 - present**2))
    result += thrice(min(_COARSEST, float(grain)) * _grain(result.shape[:2], unit, seed))
    return result


def _levels(picture: Array, sigmas: list[float]) -> list[Array]:
    return [cv2.GaussianBlur(picture, (0, 0), s) for s in sigmas]


def _grey(picture: Array) -> Array:
    grey: Array = cv2.cvtColor(picture.astype(np.float32), cv2.COLOR_RGB2GRAY)
    return grey


def _places(where: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the flat indices of ``where``, evenly thinned out where there are plenty."""
    places = np.flatnonzero(where)
    return places[:: max(1, -(-len(places) // _PLENTY))]


def _spread(values: Array, places: NDArray[np.intp]) -> float:
    """Return a robust standard deviation of what ``values`` has at flat indices."""
    chosen = values.take(places)
    return _median(np.abs(chosen - _median(chosen))) * 1.48 + 1e-6


def _median(values: Array) -> float:
    """Return the upper median, in half of numpy's time."""
    middle = len(values) // 2
    return float(np.partition(values, middle)[middle])


def _grain(shape: tuple[int, int], unit: float, seed: int) -> Array:
    noise = np.random.default_rng(seed).standard_normal(shape, np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), _FINEST * unit)
    noise -= cv2.GaussianBlur(noise, (0, 0), 2 * _FINEST * unit)
    return noise / max(float(noise.std()), 1e-6)
