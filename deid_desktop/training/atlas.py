"""The crease atlas: what skin of an age looks like in relief, from many people at once.

Of each portrait only what distinguishes its skin from the average of its age is used, a band of
medium detail, lightness only. Every map is a random patchwork of five people of that age, mirrored
at random: it says how such skin looks, not whose it is.
"""

from __future__ import annotations

import cv2
import numpy as np

from deid_desktop.core.generate import SMALL, texels
from deid_desktop.core.geometry import blur
from deid_desktop.core.regions import regions
from deid_desktop.core.types import Array
from deid_desktop.training import statistics
from deid_desktop.training.basis import GENDERS
from deid_desktop.training.statistics import Portrait

AGES = (33.0, 45.0, 55.0, 65.0, 76.0)
_PEOPLE = 5
_NEAREST = 40
_COARSEST = 3.0
"""Sigma in texels up to which relief is skin; what is broader becomes blotches in a patchwork."""


def crease_atlas(portraits: list[Portrait], *, variants: int, seed: int) -> Array:
    """Return (2 genders, ages, variants, texels) of lightness relief around 0."""
    rng = np.random.default_rng(seed)
    inside = texels(SMALL)
    maps = []
    for gender in GENDERS:
        chosen = [p for p in portraits if p.gender == gender]
        fitted = statistics.fit_base(portraits, gender)
        reliefs = [_relief(p, statistics.base(fitted, gender, p.age, p.smile)) for p in chosen]
        ages = np.array([p.age for p in chosen])
        for age in AGES:
            nearest = np.argsort(np.abs(ages - age))[:_NEAREST]
            for _ in range(variants):
                people = rng.choice(nearest, _PEOPLE, replace=False)
                maps.append(_patchwork([reliefs[i] for i in people], rng)[inside])
    stacked = np.stack(maps).reshape(len(GENDERS), len(AGES), variants, -1)
    return stacked.astype(np.float32)


def _relief(portrait: Portrait, average: Array) -> tuple[Array, Array]:
    """Return a portrait's relief and how much of it can be trusted (256, 256)."""
    difference = (portrait.texture.astype(np.float32) - average).mean(2)
    broad = blur(np.abs(difference - blur(difference, 15)), 3.5)
    band = np.clip(blur(difference, 0.5) - blur(difference, _COARSEST), -0.24, 0.16)
    trusted = portrait.weight.astype(np.float32) * (1 - np.clip((broad - 0.16) / 0.1, 0, 1))
    return band, trusted


def _patchwork(reliefs: list[tuple[Array, Array]], rng: np.random.Generator) -> Array:
    bands, weights = [], []
    for relief, trust in reliefs:
        mirrored = rng.random() < 0.5
        bands.append(relief[:, ::-1] if mirrored else relief)
        trust = trust[:, ::-1] if mirrored else trust
        noise = blur(rng.normal(size=(64, 64)).astype(np.float32), 5)
        field = cv2.resize(noise / noise.std(), (SMALL, SMALL), interpolation=cv2.INTER_CUBIC)
        weights.append(np.exp(2.6 * field) * (trust + 1e-3))
    share = np.stack(weights) / np.sum(weights, axis=0)
    mixed = (np.stack(bands) * share).sum(0) / np.sqrt((share**2).sum(0))
    result: Array = mixed * blur(regions(SMALL).skin, 2.5)
    return result
