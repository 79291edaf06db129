"""Opposites: of the shapes that people could have, one that is far from the subject's.

To exaggerate how a surrogate differs from the subject makes it unlike anybody, and that is seen
before it hides enough. What is as likely as the subject and farthest from it lies on the other side
of the average, in all that people differ in at once: who has a long chin gets a short one, as far
from the usual as people's are. Something of the surrogate's own shape is added, so that one subject
has many opposites, and all of them are equally far from the average, whoever's they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from deid_desktop.core import mesh
from deid_desktop.core.types import Array
from deid_desktop.core.weights import model_path

FILE = "population.safetensors"
AXES = 16
"""Directions in which people differ that are told apart: nearly all that the shape model tells."""
_FARTHEST = 17.0
"""Distance of an opposite from the average, in standard deviations over all axes together; people's
own is some 4. ``compose.anatomy`` brings it back to what their features can measure."""
_OWN = 0.5
"""How much of the surrogate's own shape goes into the direction, the subject's opposite being 1."""


@dataclass(frozen=True, eq=False)
class Population:
    """How the shapes of people differ: the means ``women`` and ``men`` (468, 3), canonical, the
    ``axes`` (n, 1404), orthonormal, and the ``deviations`` (n,) of people along them; all without
    expression, and the same on both sides of a face."""

    women: Array
    men: Array
    axes: Array
    deviations: Array

    def opposite(self, own: Array, drawn: Array, *, male: float) -> Array:
        """Return the change (468, 3) of shape from the subject's to its opposite.

        Args:
            own: (468, 3) the subject's, canonical.
            drawn: (468, 3) the surrogate's.
            male: 0…1, how far it is to be a man's.
        """
        subject, surrogate = self.place(own, male), self.place(drawn, male)
        direction = _OWN * surrogate - subject
        place = _FARTHEST * direction / max(float(np.linalg.norm(direction)), 1e-6)
        change = ((place - surrogate) * self.deviations) @ self.axes
        return np.asarray(drawn - own + change.reshape(-1, 3))

    def place(self, shape: Array, male: float) -> Array:
        """Return where a shape (468, 3) lies from the mean (n,), in standard deviations."""
        mean = self.women + male * (self.men - self.women)
        return np.asarray(self.axes @ mesh.even(shape - mean).ravel() / self.deviations)


def measured(women: Array, men: Array) -> Population:
    """Return the population of shapes (…, 468, 3) of women and of men."""
    means = [mesh.even(shapes).mean(0) for shapes in (women, men)]
    apart = np.concatenate([
        mesh.even(shapes) - mean for shapes, mean in zip((women, men), means, strict=True)
    ])  # fmt: skip
    _, scales, axes = np.linalg.svd(apart.reshape(len(apart), -1), full_matrices=False)
    deviations = scales[:AXES] / np.sqrt(len(apart))
    return Population(means[0], means[1], axes[:AXES], deviations)


def save(population: Population, path: Path) -> None:
    """Write a population."""
    tensors = {name: np.asarray(value, np.float32) for name, value in vars(population).items()}
    save_file(tensors, path)


@cache
def learned() -> Population:
    """Return the population that surrogates come from.

    Measured by ``python -m deid_desktop.training anatomy``.

    Raises:
        ModelError: the file is missing or altered.
    """
    return Population(**load_file(model_path(FILE)))
