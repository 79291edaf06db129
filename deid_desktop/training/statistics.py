"""What age, gender and smile do to a face on average, learned over hundreds of portraits.

Textures are first normalised: divided by their own low-pass over visible skin, light and skin
tone go and what is left is around 1. Per gender and texel a weighted least-squares fit then gives
``base(age, smile)``, a face that belongs to nobody; the same is done for the shape. Nothing of a
single portrait survives in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from deid_desktop.core import mesh
from deid_desktop.core.geometry import procrustes, weighted_blur
from deid_desktop.core.regions import regions
from deid_desktop.core.types import Array
from deid_desktop.training.dataset import Sample

OLDEST = {-1.0: 72.0, 1.0: 80.0}
"""Ages up to which there are enough portraits, by gender."""
YOUNGEST = 30.0


def normalise(texture: Array, weight: Array) -> Array:
    """Divide light and tone out of ``texture`` (s, s, 3), 0…255, seen where ``weight`` is.

    Returns about 1 ± 0.5, float32; clipped at 3.
    """
    size = texture.shape[0]
    near, seen = weighted_blur(texture, weight, size * 60 / 512)
    far, _ = weighted_blur(texture, weight, size * 140 / 512)
    share = np.clip(seen / 0.1, 0, 1)[..., None]
    low = np.maximum(near * share + far * (1 - share), 6)
    return np.clip(texture / low, 0, 3)


@dataclass(frozen=True, eq=False)
class Portrait:
    """A normalised portrait (s, s, 3), what of it counts (s, s), and its labels."""

    texture: NDArray[np.float16]
    weight: NDArray[np.float16]
    gender: float
    age: float
    smile: float


def normalised_portraits(samples: list[Sample], size: int) -> list[Portrait]:
    """Return colour portraits without glasses, seen from the front, normalised at ``size``."""
    maps = regions(size)
    kept = []
    for sample in samples:
        if sample.glasses or _is_grey(sample):
            continue
        seen = mesh.visibility(sample.vertices, size)
        half = size // 2
        sides = seen[:, :half].mean(), seen[:, half:].mean()
        if min(sides) < 0.6 * max(sides):
            continue
        texture = cv2.resize(
            sample.texture.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA
        )
        flat = normalise(texture, maps.skin * seen)
        strange = np.clip((np.abs(flat - 1).max(2) - 0.55) / 0.3, 0, 1) * (1 - maps.features)
        weight = np.clip(seen * 1.4 - 0.3, 0, 1) * (1 - strange)
        kept.append(
            Portrait(
                flat.astype(np.float16),
                weight.astype(np.float16),
                sample.gender,
                sample.age,
                sample.smile,
            )
        )
    return kept


def terms(age: float | NDArray[np.floating], smile: float | NDArray[np.floating]) -> Array:
    """Return the regressors 1, a, a², smile with a = (age − 55) / 15."""
    a = (np.asarray(age, np.float32) - 55) / 15
    return np.stack([np.ones_like(a), a, a * a, np.asarray(smile, np.float32) + 0 * a], -1)


def fit_base(portraits: list[Portrait], gender: float) -> Array:
    """Return the coefficients (4, s, s, 3) of ``terms`` for one gender, mirror-averaged."""
    chosen = [p for p in portraits if p.gender == gender]
    x = terms(np.array([p.age for p in chosen]), np.array([p.smile for p in chosen]))
    size = chosen[0].texture.shape[0]
    ridge = np.diag([0.01, 1, 12, 1]).astype(np.float32)
    found = np.zeros((4, size, size, 3), np.float32)
    for row in range(size):
        y = np.stack([p.texture[row] for p in chosen]).astype(np.float32)
        w = np.stack([p.weight[row] for p in chosen]).astype(np.float32)
        left = np.einsum("np,nk,nl->pkl", w, x, x, optimize=True) + ridge
        right = np.einsum("np,npc,nk->pkc", w, y, x, optimize=True)
        found[:, row] = np.linalg.solve(left, right).transpose(1, 0, 2)
    return 0.5 * (found + found[:, :, ::-1])


def base(coefficients: Array, gender: float, age: float, smile: float) -> Array:
    """Evaluate ``fit_base`` at an age that its portraits cover."""
    covered = float(np.clip(age, YOUNGEST, OLDEST[gender]))
    return np.tensordot(terms(covered, smile), coefficients, 1).astype(np.float32)


def canonical_shapes(samples: list[Sample]) -> Array:
    """Return (n, 468, 3) meshes without pose and size, in the frame of the canonical mesh."""
    reference = mesh.XYZ.astype(np.float64)
    shapes = np.zeros((0,))
    for _ in range(3):
        shapes = np.stack(
            [
                procrustes(s.vertices[: mesh.VERTICES], reference).apply(
                    s.vertices[: mesh.VERTICES]
                )
                for s in samples
            ]
        )
        mean = shapes.mean(0)
        mirrored = (mean * [-1, 1, 1])[mesh.MIRROR]
        reference = (mean + mirrored) / 2
    return shapes.astype(np.float32)


def shape_slopes(samples: list[Sample], shapes: Array, gender: float) -> tuple[Array, Array]:
    """Return what a year of age and a full smile add to the shape of one gender, (468, 3) each."""
    chosen = [i for i, s in enumerate(samples) if s.gender == gender and s.age_known]
    ages = np.array([samples[i].age for i in chosen])
    smiles = np.array([samples[i].smile for i in chosen])
    x = terms(ages, smiles)[:, [0, 1, 3]].astype(np.float64)
    y = shapes[chosen].reshape(len(chosen), -1)
    solved = np.linalg.solve(x.T @ x + np.diag([0, 2.0, 2.0]), x.T @ y).reshape(3, -1, 3)
    even = 0.5 * (solved + (solved * [-1, 1, 1])[:, mesh.MIRROR])
    return (even[1] / 15).astype(np.float32), even[2].astype(np.float32)


def _is_grey(sample: Sample) -> bool:
    small = cv2.resize(sample.texture, (128, 128), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float32)
    return bool(np.abs(lab[40:90, 30:98, 1:] - 128).mean() < 5)
