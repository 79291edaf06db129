"""Bands: skin, lids and lips as light and dark, place by place and grain by grain, as people's are.

Mixes of donors differ from people in what all of them have in common: eyes too dark towards the
temple, too light towards the nose, cheeks too even. That was learned over many people, and is the
same for everybody of one gender, age and smile. What a single mix has beyond it may be as strong as
in people, no stronger: in those that are chosen for being unlike somebody it often is.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from safetensors.numpy import save_file

from deid_desktop.core import mesh
from deid_desktop.core.compose.shading import traits
from deid_desktop.core.geometry import LUMA, blur, thrice
from deid_desktop.core.regions import hull, regions
from deid_desktop.core.types import Array, Surrogate
from deid_desktop.core.weights import read_statistics

FILE = "bands.safetensors"
SIZE = 256
"""Texels a side of the maps that were learned."""
_SCALES = (2.5, 6.0, 14.0, 36.0)
"""Texels of 512 between which bands lie: what is finer is pores, what is coarser the photo's light.
"""
BANDS = len(_SCALES) - 1
_FREE, _FARTHEST = 1.0, 2.2
"""Deviations of people up to which a mix's own stays as it is, and which it never reaches."""
_MOST = 0.5
"""Bound of the change, in natural logarithms."""
_DARKEST = 2.0
"""Level of 255 below which nothing is told apart."""
_FAINT = np.float32(1e-4)
"""Weight of what does not count: where nothing does, something must be averaged."""
_SOFT = 2.0
"""Texels of 512 over which the change fades beside brows, eyes and the inside of the mouth."""


class Statistics(NamedTuple):
    """For each of the `traits` (5, BANDS, SIZE, SIZE), in natural logarithms of lightness:
    ``usual`` what mixes have on average, ``lack`` what people have more than finished surrogates;
    ``spread`` (BANDS, SIZE, SIZE) standard deviation between people."""

    usual: Array
    lack: Array
    spread: Array


def save(statistics: Statistics, path: Path) -> None:
    """Write the statistics."""
    tensors = {k: np.ascontiguousarray(v, np.float16) for k, v in statistics._asdict().items()}
    save_file(tensors, path)


@cache
def learned() -> Statistics:
    """Return the statistics over portraits (``python -m deid_desktop.training bands``).

    Raises:
        ModelError: the file is missing or altered.
    """
    return Statistics(**read_statistics(FILE))


def as_in_people(lit: Array, surrogate: Surrogate, statistics: Statistics | None = None) -> Array:
    """Return a surrogate's texture with the bands of people.

    Args:
        lit: (s, s, 3) in the photo's light, 0…255.
        surrogate: whose texture it is.
        statistics: if not as learned.
    """
    size = min(len(lit), SIZE)
    like = traits(surrogate)
    usual, lack, spread = _at_size(size) if statistics is None else scaled(statistics, size)
    beyond = _bands(lit, *_everywhere(size)) - np.tensordot(like, usual, 1)
    change = np.tensordot(like, lack, 1) + _bounded(beyond, spread) - beyond
    gain = np.exp(np.clip(change.sum(0) * _changed(size), -_MOST, _MOST))
    large = cv2.resize(gain, (len(lit), len(lit)), interpolation=cv2.INTER_LINEAR)
    return np.asarray(lit * thrice(large))


def _bounded(beyond: Array, spread: Array) -> Array:
    """Bend down what lies farther than ``_FREE`` deviations."""
    free, room = _FREE * spread, (_FARTHEST - _FREE) * spread
    near = np.clip(beyond, -free, free)
    return np.asarray(near + room * np.tanh((beyond - near) / room))


def read_bands(texture: Array, weight: Array) -> Array:
    """Return the bands (BANDS, n, n) of a texture.

    Args:
        texture: (s, s, 3) 0…255.
        weight: (n, n) 0…1, what counts.
    """
    weight = weight + _FAINT
    return _bands(texture, weight, _blurred(weight))


def _bands(texture: Array, weight: Array, totals: Sequence[Array]) -> Array:
    """Return the bands where ``weight`` (n, n), above 0, blurs to ``totals``."""
    small = cv2.resize(texture, weight.shape, interpolation=cv2.INTER_AREA)
    sums = _blurred(np.clip(small, 0, 255) @ LUMA * weight)
    layers = [
        np.log(np.maximum(level / total, _DARKEST))
        for level, total in zip(sums, totals, strict=True)
    ]
    return np.stack([fine - coarse for fine, coarse in pairwise(layers)])


def _blurred(level: Array) -> list[Array]:
    return [blur(level, scale * len(level) / 512) for scale in _SCALES]


@cache
def _everywhere(size: int) -> tuple[Array, list[Array]]:
    """Return the weight of a texture that is seen everywhere, and what it blurs to."""
    weight = measured(size) + _FAINT
    return weight, _blurred(weight)


@cache
def measured(size: int) -> Array:
    """Return 1 where bands are compared (size, size): not on brows, in eyes or in the mouth."""
    maps = regions(512)
    eyes = np.maximum(hull(mesh.LEFT_EYE, 1), hull(mesh.RIGHT_EYE, 1))
    mouth = cv2.dilate(maps.inner_lips, np.ones((3, 3)))
    shown = maps.core * (1 - np.clip(1.5 * maps.brows, 0, 1)) * (1 - eyes) * (1 - mouth)
    return np.asarray(cv2.resize(shown, (size, size), interpolation=cv2.INTER_AREA))


@cache
def _changed(size: int) -> Array:
    return blur(measured(size), _SOFT * size / 512)


@cache
def _at_size(size: int) -> Statistics:
    return scaled(learned(), size)


def scaled(statistics: Statistics, size: int) -> Statistics:
    """Return statistics with maps of ``size`` texels a side."""
    if size == SIZE:
        return statistics
    maps = [
        np.stack([
            cv2.resize(plane, (size, size), interpolation=cv2.INTER_AREA)
            for plane in values.reshape(-1, *values.shape[-2:])
        ]).reshape(*values.shape[:-2], size, size)
        for values in statistics
    ]  # fmt: skip
    return Statistics(*maps)
