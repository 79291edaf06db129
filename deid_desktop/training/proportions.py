"""Learns what composed faces have too much of: the statistics of ``compose.proportions``.

Random mixes are sketched on portraits, and the landmark network reads them as it read the photos.
What the two differ in on average, by gender, is taken from all surrogates. As the network sees only
part of what is taken, that is repeated on what is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from deid_desktop.core import mesh
from deid_desktop.core.analyse import Analyser
from deid_desktop.core.compose import ShapeModel, sketch
from deid_desktop.core.generate import Generator
from deid_desktop.core.recognise import Recogniser
from deid_desktop.core.types import Array, Request
from deid_desktop.training.portraits import PLAIN, Seen, mixes

_DRAWS = 2
"""Mixes on each portrait, in each round."""
_ROUNDS = 3
_STEP = 1.5
"""Share of a difference that is taken: the network sees some half of it."""


@dataclass(frozen=True)
class Report:
    """How many ``women`` and ``men`` there were, and the difference of surrogates from them (root
    mean square, centimetres) before anything is taken and after each round, ``off``."""

    women: int
    men: int
    off: tuple[float, ...]


def learn(seen: Sequence[Seen]) -> tuple[Array, Report]:
    """Return the excess (2, 468, 3) of women and men whose gender is plain, and what is left."""
    seen = [one for one in seen if abs(one.analysis.gender) > PLAIN]
    generator, analyser = Generator("cpu"), Analyser(Recogniser())
    tensors = generator.tensors("shape.")
    man = np.array([one.analysis.gender > 0 for one in seen])
    excess: Array = np.zeros((2, mesh.VERTICES, 3), np.float32)
    off = []
    for number in range(_ROUNDS + 1):
        shapes = ShapeModel(tensors, excess=excess)
        told = np.stack([
            _difference(one, shapes, generator, analyser, seed=number * len(seen) + i)
            for i, one in enumerate(seen)
        ])  # fmt: skip
        mean = np.stack([told[~man].mean(0), told[man].mean(0)])
        off.append(float(np.sqrt((mean**2).sum(2).mean())))
        if number < _ROUNDS:
            excess = excess + _STEP * mean
    return excess, Report(int((~man).sum()), int(man.sum()), tuple(off))


def save(excess: Array, path: Path) -> None:
    """Write the statistics."""
    save_file({"excess": excess.astype(np.float16)}, path)


def _difference(
    seen: Seen, shapes: ShapeModel, generator: Generator, analyser: Analyser, *, seed: int
) -> Array:
    """Return how mixes on a portrait differ from it (468, 3), as the landmark network sees them."""
    scene, request = replace(seen.scene, shapes=shapes), Request()
    differences = []
    for surrogate in mixes(seen, generator, seed=seed, draws=_DRAWS):
        drawn = sketch(
            scene, surrogate, seen.face.points, shape_strength=request.shape_strength, seed=seed
        )
        read = shapes.fit(analyser.drawn_mesh(drawn.picture, drawn.mesh))
        differences.append(shapes.calmed(read.identity - scene.fit.identity))
    mean: Array = np.mean(differences, axis=0)
    return mean
