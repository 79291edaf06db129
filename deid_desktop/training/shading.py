"""Learns the light of photos, and what mixes lack in it: the statistics of ``compose.shading``.

Portraits and random mixes in their light are laid side by side in texture space. What the two
differ in on average, by gender, age and smile, is what all surrogates lack: the studio's light is
taken out by it, and what exaggerated forms have too much of, folds and hollows are put in, and from
lips the dark line is taken, which lies elsewhere in each donor; on lids and brows, where nothing is
compared, only the usual light is taken out. As later steps of relighting give part of it another
contrast, what is left over is added in further rounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from deid_desktop.core import mesh
from deid_desktop.core.compose import landmarks
from deid_desktop.core.compose.relight import relight
from deid_desktop.core.compose.shading import (
    SIZE,
    TRUST,
    Learned,
    averaged,
    band,
    fitted_light,
    relief,
    traits,
)
from deid_desktop.core.generate import TINY, Generator
from deid_desktop.core.geometry import LUMA, blur
from deid_desktop.core.regions import regions
from deid_desktop.core.types import Array, Request
from deid_desktop.training.portraits import Seen, mixes
from deid_desktop.training.regression import TRAITS, regressed

_EVEN = np.eye(9, dtype=np.float32)[0]
_FREE = 0.002
"""Weight of even light in what is measured of one photo: next to none."""
_REQUEST = Request()
_ROUNDS = 6
_SOFT = 0.7
"""Texels over which what was learned of skin goes over into lips and lids."""


@dataclass(frozen=True, eq=False)
class Report:
    """How many ``portraits`` there were, and how far mixes are from them (natural logarithms, root
    mean square over skin) before anything is added and after each round, ``off``; ``photos``: how
    much there is to be told."""

    portraits: int
    photos: float
    off: tuple[float, ...]


def learn(seen: Sequence[Seen]) -> tuple[Learned, Report]:
    """Return the statistics over portraits, and how much they tell."""
    lights = np.stack([_light(one, _EVEN, _FREE) for one in seen])
    usual = np.asarray(lights.mean(0), np.float32)
    usual[[1, 4, 5]] = 0  # as often from one side as from the other
    seen = [_lit(one, _light(one, usual, TRUST)) for one in seen]
    generator = Generator("cpu")
    lack: Array = np.zeros((TRAITS, SIZE, SIZE), np.float32)
    lack[:2] = -relief(usual, mesh.XYZ)  # as if mixes held the usual light
    off: list[float] = []
    for number in range(_ROUNDS + 1):
        compared = _Compared(seen, generator, lack, seed=number * len(seen))
        off.append(compared.size(compared.difference))
        if number < _ROUNDS:
            lack = lack + compared.mean_difference()
    lack = np.stack([blur(trait, _SOFT) for trait in lack])
    return Learned(usual, lack), Report(len(seen), compared.size(compared.photos), tuple(off))


def save(learned: Learned, path: Path) -> None:
    """Write the statistics."""
    lack = np.ascontiguousarray(learned.lack, np.float16)  # in memory order it would be scrambled
    save_file({"usual": learned.usual, "lack": lack}, path)


def _light(seen: Seen, usual: Array, trust: float) -> Array:
    return fitted_light(
        seen.scene.light.texture, seen.skin, seen.scene.mesh, usual=usual, trust=trust
    )


def _lit(seen: Seen, shading: Array) -> Seen:
    light = replace(seen.scene.light, shading=shading)
    return replace(seen, scene=replace(seen.scene, light=light))


class _Compared:
    """Portraits beside random mixes in their light: the band of shading of n ``photos`` (n, s, s),
    its ``difference`` from the mixes', ``weight`` of what is compared, and ``traits`` (n, 5)."""

    def __init__(
        self, seen: Sequence[Seen], generator: Generator, lack: Array, *, seed: int
    ) -> None:
        photos, mixed, found = [], [], []
        compared = [_compared(one) for one in seen]
        for number, (one, shown) in enumerate(zip(seen, compared, strict=True)):
            surrogate = mixes(one, generator, seed=seed + number)[0]
            vertices = landmarks(one.scene, surrogate, shape_strength=_REQUEST.shape_strength)
            lit = relight(one.scene.light, surrogate, vertices, tinted=True, lack=lack)
            photos.append(_band(one.scene.light.texture, shown))
            mixed.append(_band(lit, shown))
            found.append(traits(surrogate))
        self.photos, self.traits = np.array(photos), np.array(found)
        self.difference = self.photos - np.array(mixed)
        self.weight = np.array([shown * (shown > 0.5) for shown in compared])

    def size(self, values: Array) -> float:
        """Return the root mean square of ``values`` (n, s, s) on skin."""
        return float(np.sqrt((self.weight * values**2).sum() / self.weight.sum()))

    def mean_difference(self) -> Array:
        """Return the regression of the difference on the traits (5, s, s), alike on both sides."""
        weight, difference, like = (
            np.concatenate([a, b])
            for a, b in (
                (self.weight, self.weight[..., ::-1]),
                (self.difference, self.difference[..., ::-1]),
                (self.traits, self.traits),
            )
        )
        squares = np.einsum("nij,na,nb->ijab", weight, like, like)
        products = np.einsum("nij,na->ija", weight * difference, like)
        found = regressed(squares, products[..., None], count=len(like))[..., 0]
        return np.moveaxis(found, 2, 0).astype(np.float32)


def _compared(seen: Seen) -> Array:
    """Return where a portrait is compared (s, s), 0…1: on bare skin and lips."""
    return np.asarray(np.maximum(seen.skin, regions(TINY).lips * seen.scene.light.seen[..., 0]))


def _band(texture: Array, skin: Array) -> Array:
    return band(averaged(np.clip(texture, 0, 255) @ LUMA, skin))
