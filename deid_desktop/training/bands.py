"""Learns how light and dark skin, lids and lips are: the statistics of ``compose.bands``.

Portraits and random mixes that are composed into them are laid side by side in texture space. What
finished ones lack of people's on average, by gender, age and smile, is added in further rounds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np

from deid_desktop.core import mesh
from deid_desktop.core.compose import landmarks, sketch
from deid_desktop.core.compose.bands import BANDS, SIZE, Statistics, measured, read_bands
from deid_desktop.core.compose.colour_rule import square
from deid_desktop.core.compose.relight import relight
from deid_desktop.core.compose.shading import traits
from deid_desktop.core.generate import LARGE, Generator
from deid_desktop.core.types import Array, Request
from deid_desktop.training.portraits import Seen, mixes
from deid_desktop.training.regression import TRAITS, regressed

ROUNDS = 2
"""How often portraits are gone through: in the first nothing is added to mixes."""
NOTHING = Statistics(
    np.zeros((TRAITS, BANDS, SIZE, SIZE), np.float32),
    np.zeros((TRAITS, BANDS, SIZE, SIZE), np.float32),
    np.full((BANDS, SIZE, SIZE), 1e6, np.float32),
)
"""What changes nothing."""
WORK = (380.0, 1100.0)
"""Smallest and largest size of faces in pixels: those at which they are finished."""
_LEAST = 0.5
"""Least deviation between people, of its median: where few are seen it is not known."""
_SEEN = 0.6
"""How well a texel must be seen to be compared."""
_BESIDE = 41
"""Texels of 512 around glasses that are not compared."""


@dataclass(frozen=True)
class Report:
    """Over how many ``portraits``, and how far finished surrogates' means are from people's
    (natural logarithms, root mean square of the bands)."""

    portraits: int
    off: float


@dataclass
class _Sums:
    """Of regressions on traits, place by place: ``squares`` (n, n, 5, 5), ``products`` of people,
    lit mixes and finished ones (3, n, n, BANDS, 5), ``power`` (BANDS, n, n) of people's."""

    count: int = 0
    squares: Array = field(default_factory=lambda: np.zeros((SIZE, SIZE, TRAITS, TRAITS)))
    products: Array = field(default_factory=lambda: np.zeros((3, SIZE, SIZE, BANDS, TRAITS)))
    power: Array = field(default_factory=lambda: np.zeros((BANDS, SIZE, SIZE)))

    def add(self, weight: Array, like: Array, people: Array, lit: Array, finished: Array) -> None:
        """Add one portrait, and its mirror image."""
        for turned in (slice(None), slice(None, None, -1)):
            w = weight[:, turned]
            self.squares += w[..., None, None] * np.outer(like, like)
            for sums, bands in zip(self.products, (people, lit, finished), strict=True):
                sums += (w * bands[..., turned]).transpose(1, 2, 0)[..., None] * like
            self.power += w * people[..., turned] ** 2
        self.count += 1

    def solved(self) -> tuple[Array, Array, Array, Array]:
        """Return the regressions (5, BANDS, n, n) and the spread (BANDS, n, n) of people."""
        products = self.products.swapaxes(-1, -2)
        found = regressed(self.squares[None], products, count=2 * self.count)
        people, lit, finished = found.transpose(0, 3, 4, 1, 2)
        total = np.maximum(self.squares[..., :2, :2].sum((-1, -2)), 1e-6)
        told = np.einsum("ijba,abij->bij", self.products[0], people)
        spread = np.sqrt(np.maximum(self.power - told, 0) / total)
        return people, lit, finished, spread


def learn(seen: Iterable[Seen], before: Statistics) -> tuple[Statistics, Report]:
    """Return the statistics over portraits, whose scenes are of ``LARGE`` texels.

    Args:
        seen: the portraits.
        before: what is applied already, `NOTHING` at first.
    """
    generator, sums = Generator("cpu"), _Sums()
    for one in seen:
        _compare(one, generator, before, sums)
    people, lit, finished, spread = sums.solved()
    inside = measured(SIZE) > _SEEN
    least = _LEAST * np.median(spread[:, inside], axis=1)
    difference = (people - finished) * inside
    maps = (lit, before.lack + difference, np.maximum(spread, least[:, None, None]))
    statistics = Statistics(*(values.astype(np.float32) for values in maps))
    mean = difference[:2].mean(0)
    return statistics, Report(sums.count, float(np.sqrt((mean[:, inside] ** 2).mean())))


def _compare(seen: Seen, generator: Generator, before: Statistics, sums: _Sums) -> None:
    scene = seen.scene
    surrogate = mixes(seen, generator, seed=sums.count, size=LARGE)[0]
    strength = Request().shape_strength
    vertices = landmarks(scene, surrogate, shape_strength=strength)
    lit = relight(scene.light, surrogate, vertices, tinted=True)
    drawn = sketch(
        scene, surrogate, seen.face.points, shape_strength=strength, seed=sums.count, bands=before
    )
    finished = mesh.unwrap(drawn.picture.astype(np.float32), drawn.mesh, LARGE)
    hidden = scene.hair
    if scene.glasses is not None:
        hidden = np.maximum(hidden, cv2.dilate(scene.glasses, square(_BESIDE, LARGE)))
    shown = cv2.resize(scene.seen * (1 - hidden), (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    weight = measured(SIZE) * shown * (shown > _SEEN)
    read = [read_bands(texture, weight) for texture in (scene.texture, lit, finished)]
    sums.add(weight, traits(surrogate), *read)
