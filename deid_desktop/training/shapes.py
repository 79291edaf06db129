"""The shape models: who differs how (identity), and what expressions do.

Linear models on the 468 vertices in the canonical frame. Identity: principal components of the
neutral donors and their mirror images. Expression: principal components of what the donors'
smiles change, and hand-made directions for what nobody showed. Age: the portraits' slope.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deid_desktop.core import mesh
from deid_desktop.core.types import Array
from deid_desktop.training import statistics
from deid_desktop.training.basis import GENDERS
from deid_desktop.training.dataset import ANCESTRIES, Sample

_IDENTITY, _SMILES = 40, 8


@dataclass(frozen=True, eq=False)
class ShapeModel:
    """``mean`` (468, 3); ``basis`` (K, 1404) in units of one standard deviation; ``codes`` of the
    donors (n, K); ``expression`` (E, 1404); ``age`` (2, 468, 3) a year, women first;
    ``ancestry`` (3, 468, 3) what Black, East Asian and West Asian ancestry add."""

    mean: Array
    basis: Array
    codes: Array
    expression: Array
    age: Array
    ancestry: Array

    def tensors(self) -> dict[str, Array]:
        """Return the model as the generator's weights name it."""
        return {
            "shape.mean": self.mean,
            "shape.basis": self.basis,
            "shape.codes": self.codes,
            "shape.expression": self.expression,
            "shape.age": self.age,
            "shape.ancestry": self.ancestry,
        }


def shape_model(donors: list[Sample], neutral: list[int], portraits: list[Sample]) -> ShapeModel:
    """Fit the models; ``neutral`` are the donors' indices without a smile."""
    shapes = statistics.canonical_shapes(donors)
    people = shapes[neutral]
    mean = mesh.even(people.mean(0))
    both = np.concatenate([people, (people * [-1, 1, 1])[:, mesh.MIRROR]]) - mean
    basis = _principal(both, _IDENTITY)
    norms = (basis**2).sum(1)
    codes = (people - mean).reshape(len(people), -1) @ basis.T / norms
    of = {donors[i].person: i for i in neutral}
    smiles = np.stack([shapes[i] - shapes[of[s.person]] for i, s in enumerate(donors) if s.smiling])
    both = np.concatenate([smiles, (smiles * [-1, 1, 1])[:, mesh.MIRROR]])
    expression = np.concatenate([_principal(both, _SMILES), _hand_made(mean)])
    posed = statistics.canonical_shapes(portraits)
    slopes = [statistics.shape_slopes(portraits, posed, gender)[0] for gender in GENDERS]
    return ShapeModel(
        mean.astype(np.float32),
        basis.astype(np.float32),
        codes.astype(np.float32),
        expression.astype(np.float32),
        np.stack(slopes).astype(np.float32),
        _ancestries([donors[i] for i in neutral], people),
    )


def _ancestries(donors: list[Sample], shapes: Array) -> Array:
    """Return the groups' mean difference from the White donors of the same gender, shrunk."""
    white = {
        gender: np.mean(
            [s for s, d in zip(shapes, donors, strict=True)
             if d.ancestry == "white" and d.gender == gender], axis=0)
        for gender in GENDERS
    }  # fmt: skip
    found = []
    for ancestry in ANCESTRIES[1:]:
        pairs = zip(shapes, donors, strict=True)
        differences = [s - white[d.gender] for s, d in pairs if d.ancestry == ancestry]
        found.append(mesh.even(np.sum(differences, axis=0) / (len(differences) + 2.0)))
    return np.stack(found).astype(np.float32)


def _principal(offsets: NDArray[np.floating], count: int) -> NDArray[np.floating]:
    """Return components (count, 1404), each as long as its standard deviation."""
    flat = offsets.reshape(len(offsets), -1)
    _, values, vectors = np.linalg.svd(flat, full_matrices=False)
    return vectors[:count] * (values[:count] / np.sqrt(len(flat)))[:, None]


def _hand_made(mean: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return directions (7, 1404) for jaw, brows, mouth width, corners, lids and mouth sideways."""
    x, y = mean[:, 0], mean[:, 1]
    mouth = mean[[78, 308], 1].mean()
    upper = [13, 312, 311, 310, 415, 80, 81, 82, 191, 0, 37, 39, 40, 185, 267, 269, 270, 409, 12,
             11, 38, 72, 73, 302, 303, 268, 271, 272]  # fmt: skip
    lower = ((y > mouth) & ~np.isin(np.arange(len(y)), [*upper, 78, 308, 61, 291])).astype(float)
    jaw = lower * np.clip((y - mouth) / 1.5 + 0.4, 0, 1) * np.exp(-((x / 4.2) ** 2))
    brows = np.exp(-(((y - mean[[105, 334], 1].mean()) / 1.3) ** 2))
    around = np.exp(-(((y - mouth) / 1.3) ** 2)) * np.exp(-((np.abs(x) / 3.2) ** 4))
    lids = [np.isin(np.arange(len(y)), lid).astype(float) for lid in (
        mesh.LEFT_EYE[1:8], mesh.RIGHT_EYE[1:8])]  # fmt: skip
    moves = [
        (jaw, (0, 1, 0)), (brows, (0, -1, 0)), (around * x / 2.5, (1, 0, 0)),
        (around * (x / 2.5) ** 2, (0, 1, 0)), (lids[0], (0, 1, 0)), (lids[1], (0, 1, 0)),
        (around, (1, 0, 0)),
    ]  # fmt: skip
    fields = [np.outer(weight, direction).ravel() for weight, direction in moves]
    return np.stack([2.5 * f / np.linalg.norm(f) for f in fields])
