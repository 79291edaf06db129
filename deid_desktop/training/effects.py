"""Measures what each donor brings to a finished face: the table by which the search forecasts.

How a surrogate is embedded hangs on the photo (hair, light, outline stay) and on who is mixed. Of
what differs between the surrogates of one photo, a map that is linear in the donors' weights tells
half (`fit` says how much, on people whom it has not seen). Learned from sketches of many photos; a
table of averages, nothing of a person who was looked at is in it.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from deid_desktop.core.pipeline.forecast import mixed
from deid_desktop.core.pipeline.studio import Studio
from deid_desktop.core.types import Array, Request, never
from deid_desktop.training.portraits import portraits, sitting_for

DRAWN = (20, 8)
"""Identities looked at on each portrait, for the first pushes."""
_RIDGE = 0.2
"""Weight of the squared effects beside that of the squared errors; 0.03 to 0.3 do as well."""
_FOLDS = 5


@dataclass(frozen=True, eq=False)
class Looks:
    """What n sketches show; ``group`` (n,) tells which are of one photo at one push.

    ``weights`` (n, donors) of the mixes, ``embedding`` (n, 128) of the sketches.
    """

    group: NDArray[np.int64]
    weights: Array
    embedding: Array


def look(folders: Sequence[Path], *, skip: int = 0, jobs: int | None = None) -> Looks:
    """Sketch random identities on the portraits of ``folders``.

    Args:
        folders: of portraits.
        skip: leave out the first so many of the first folder: those that are kept for evaluation.
        jobs: processes; as many as there are cores unless told.
    """
    paths = portraits(folders, skip=skip)
    jobs = jobs or os.cpu_count() or 1
    shares = [(paths[start::jobs], start, jobs) for start in range(jobs)]
    if jobs == 1:
        parts = [_look(*shares[0])]
    else:
        with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
            parts = list(pool.map(_look, *zip(*shares, strict=True)))
    return Looks(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("group", "weights", "embedding")
        )
    )


def _look(paths: Sequence[Path], start: int, step: int) -> Looks:
    import cv2
    import torch

    if step > 1:
        cv2.setNumThreads(1)
        torch.set_num_threads(1)
    studio = Studio("cpu")
    rows = [
        row
        for number, path in enumerate(paths)
        for row in _look_at(studio, path, start + number * step)
    ]
    group, weights, embedding = zip(*rows, strict=True)
    return Looks(np.array(group), np.stack(weights), np.stack(embedding))


def _look_at(studio: Studio, path: Path, number: int) -> Iterator[tuple[int, Array, Array]]:
    """Yield group, weights and embedding of each identity drawn for one portrait."""
    sitting = sitting_for(studio, path)
    if sitting is None:
        return
    request, drawn = Request(seed=number), 0
    for push, count in enumerate(DRAWN):
        identities = studio.drawn([sitting], request, range(drawn, drawn + count), push=push)
        drawn += count
        seen = studio.sketched(sitting, request, identities, never)
        weights = mixed(identities, len(studio.donor_embeddings))
        for row, shown in zip(weights, seen, strict=True):
            yield number * len(DRAWN) + push, row, shown.embedding


def fit(looks: Looks) -> tuple[Array, float]:
    """Return the table (donors, 128) and the share of the variance within photos that it tells.

    The share is measured on photos that were left out of the fit, a fifth of them at a time.
    """
    x, y = _within(looks.weights, looks.group), _within(looks.embedding, looks.group)
    errors = np.zeros_like(y)
    for fold in range(_FOLDS):
        out = looks.group // len(DRAWN) % _FOLDS == fold
        errors[out] = y[out] - x[out] @ _ridge(x[~out], y[~out])
    return _ridge(x, y), float(1 - np.square(errors).sum() / np.square(y).sum())


def _within(values: Array, groups: NDArray[np.int64]) -> Array:
    """Return ``values`` (n, d) without the mean of their groups (n,)."""
    _, index = np.unique(groups, return_inverse=True)
    sums = np.zeros((index.max() + 1, values.shape[1]))
    np.add.at(sums, index, values)
    means: Array = sums[index] / np.bincount(index)[index, None]
    return values - means


def _ridge(x: Array, y: Array) -> Array:
    solved: Array = np.linalg.solve(x.T @ x + _RIDGE * np.eye(x.shape[1]), x.T @ y)
    return solved


def save(table: Array, path: Path) -> None:
    """Write the table as the search reads it."""
    save_file({"effects": table.astype(np.float16)}, path)
