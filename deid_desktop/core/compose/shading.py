"""Shading: the light that a surface gets by how it is turned, between low-pass light and pores.

Donors were photographed in the even light of a studio, and what it made of noses and cheeks is part
of a mix. What the photo's light makes of the surrogate's own form is put in its place: the quotient
image of Shashua and Riklin-Raviv (2001), with nine spherical harmonics (Ramamoorthi and Hanrahan
2001). The low-pass of the photo's light stays what it was; only the band below it is shaded anew,
so that no error of the fit can change the tone of a face.

What has to be taken from mixes for that, their studio's light, and what they lack, deep folds and
the hollows beside noses and lids, was learned over many people: it is the same for everybody of one
gender, age and smile, and so tells of nobody.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import cv2
import numpy as np

from deid_desktop.core import mesh
from deid_desktop.core.geometry import LUMA, blur
from deid_desktop.core.regions import regions
from deid_desktop.core.types import Array, Surrogate
from deid_desktop.core.weights import read_statistics

FILE = "shading.safetensors"
LIGHT = 36.0
"""Texels of 512 below which the photo's structure is light, not features. At 24 it looks best, at
60 it hides more of the subject but misses hard coloured light."""
SIZE = 128
"""Texels a side at which shading is painted: it is soft."""
_FINE = 6.0
"""Texels of 512 over which skin is averaged to tell how light it is where it is turned some way."""
TRUST = 0.02
"""Weight of the usual light beside what the photo shows."""
_DIMMEST = 0.15
"""Of the mean light: darkest shade that the harmonics may give."""
_MOST = 0.7
"""Bound of the change, in natural logarithms."""
_ENOUGH = 30.0
"""Vertices of skin from which a photo tells of its light."""


class Learned(NamedTuple):
    """Statistics over many portraits (``python -m deid_desktop.training shading``).

    ``usual`` (9,) the mean light of photos, taken to come as often from one side as from the other;
    ``lack`` (5, SIZE, SIZE) what has to be added to mixes in a photo's light, in natural
    logarithms, for each of the `traits`.
    """

    usual: Array
    lack: Array


@cache
def learned() -> Learned:
    """Return the statistics.

    Raises:
        ModelError: the file is missing or altered.
    """
    return Learned(**read_statistics(FILE))


def traits(surrogate: Surrogate) -> Array:
    """Return the numbers (5,) on which hangs what a mix lacks: gender, smile and age."""
    male, smile, age = surrogate.male, surrogate.smile, surrogate.age
    return np.array([1 - male, male, (1 - male) * smile, male * smile, (age - 50) / 30], np.float32)


def read_shading(texture: Array, skin: Array, vertices: Array) -> Array:
    """Return the light on a face as coefficients (9,) of harmonics, the first of them 1.

    Args:
        texture: (s, s, 3) of the photo, 0…255.
        skin: (s, s) 0…1, visible bare skin.
        vertices: (≥ 468, 3) landmarks of the face.
    """
    return fitted_light(texture, skin, vertices, usual=learned().usual, trust=TRUST)


def fitted_light(
    texture: Array, skin: Array, vertices: Array, *, usual: Array, trust: float
) -> Array:
    """Return the same by ridge regression towards a ``usual`` light (9,) of weight ``trust``."""
    size = (SIZE, SIZE)
    weight = cv2.resize(skin, size, interpolation=cv2.INTER_AREA)
    level = cv2.resize(texture, size, interpolation=cv2.INTER_AREA) @ LUMA
    level, shown = _at_vertices(averaged(level, weight)), _at_vertices(weight)
    shown = shown * (shown > 0.5)
    total = float(shown.sum())
    if total < _ENOUGH:
        return usual
    basis = _harmonics(vertices)
    relative = level / max(float(level @ shown) / total, 1.0)
    prior = trust * total * np.eye(9, dtype=np.float32)
    prior[0, 0] = 0
    weighted = basis * shown[:, None]
    found = np.linalg.solve(weighted.T @ basis + prior, weighted.T @ relative + prior @ usual)
    return (found / max(float(found[0]), _DIMMEST)).astype(np.float32)


def shade(light: Array, vertices: Array, lack: Array, size: int) -> Array:
    """Return by how much a mix's texture gets lighter (size, size).

    Args:
        light: (9,) of the photo, from `read_shading`.
        vertices: (≥ 468, 3) landmarks of the surrogate in the picture.
        lack: (SIZE, SIZE) what has to be added to such a mix, in natural logarithms.
        size: texels a side.
    """
    change = relief(light, vertices) + lack
    gain = np.exp(np.clip(change, -_MOST, _MOST))
    return np.asarray(cv2.resize(gain, (size, size), interpolation=cv2.INTER_CUBIC))


def relief(light: Array, vertices: Array) -> Array:
    """Return the logarithm of ``light`` (9,) on a face, without its low-pass (SIZE, SIZE)."""
    # Summed one by one: a matrix product rounds otherwise from one call to the next.
    lit = mesh.uv_grid(SIZE).interpolate((_harmonics(vertices) * light).sum(1))
    return band(np.maximum(lit, _DIMMEST))


def band(level: Array) -> Array:
    """Return the logarithm of ``level`` (SIZE, SIZE), above 0, without its low-pass over skin."""
    skin, total = _skin()
    low = blur(level * skin, LIGHT * SIZE / 512) / total
    return np.asarray(np.log(np.maximum(level, 1e-3) / np.maximum(low, 1e-3)) * _inside())


def averaged(level: Array, skin: Array) -> Array:
    """Return ``level`` (SIZE, SIZE) averaged over ``skin`` nearby: without pores and hairs."""
    sigma = _FINE * SIZE / 512
    return np.asarray(blur(level * skin, sigma) / np.maximum(blur(skin, sigma), 1e-3))


def _harmonics(vertices: Array) -> Array:
    """Return the spherical harmonics up to order two at each vertex (468, 9), unnormalised.

    Those that are not zero where a face looks into the camera are made nearly so.
    """
    x, y, z = mesh.normals(vertices).T * np.array([[1], [1], [-1]], np.float32)
    terms = [np.ones_like(x), x, y, z - 0.8, x * y, x * z, y * z, x * x - y * y, 3 * z * z - 2]
    return np.stack(terms, 1).astype(np.float32)


@cache
def _skin() -> tuple[Array, Array]:
    skin = regions(SIZE).skin + np.float32(1e-4) * mesh.uv_grid(SIZE).inside
    return skin, np.maximum(blur(skin, LIGHT * SIZE / 512), 1e-3)


@cache
def _inside() -> Array:
    """Return 0…1 (SIZE, SIZE) where the mesh is, soft at its border."""
    inside = mesh.uv_grid(SIZE).inside.astype(np.float32)
    return blur(cv2.erode(inside, np.ones((3, 3), np.uint8)), 1.0)


def _at_vertices(values: Array) -> Array:
    """Return what a map (SIZE, SIZE) holds at the vertices (468,)."""
    x, y = (mesh.UV[: mesh.VERTICES] * SIZE - 0.5).T
    at = np.ascontiguousarray(x, np.float32), np.ascontiguousarray(y, np.float32)
    return np.asarray(cv2.remap(values, *at, cv2.INTER_LINEAR)).ravel()
