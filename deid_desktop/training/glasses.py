"""Learns to tell glasses from the texture around the eyes, and where their frames lie.

A linear discriminant on thin dark and thin bright structures; the composer needs it, because
frames and rims stay the photo's own. The features are the composer's (``core.compose.glasses``).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from deid_desktop.core.compose.glasses import dark_lines, thin_structures
from deid_desktop.core.types import Array
from deid_desktop.training.dataset import Sample

_RIDGE = 1.0
_FOLDS = 5


def fit_glasses(samples: list[Sample]) -> tuple[dict[str, Array], float]:
    """Return the discriminant's tensors and its accuracy over five folds.

    Tensors: ``glasses.mean``, ``glasses.weight`` (features,), ``glasses.threshold`` (1,),
    ``glasses.frames`` (512, 512): how much likelier a dark line is there with glasses than without.
    """
    wearing = np.array([s.glasses for s in samples])
    straight = np.stack([thin_structures(s.texture) for s in samples])
    mirrored = np.stack([thin_structures(s.texture[:, ::-1].copy()) for s in samples])
    fold = np.random.default_rng(0).permutation(len(samples)) % _FOLDS
    scores = np.zeros(len(samples))
    for k in range(_FOLDS):
        train = fold != k
        mean, weight = _discriminant(
            np.r_[straight[train], mirrored[train]], np.r_[wearing[train], wearing[train]]
        )
        scores[~train] = (straight[~train] - mean) @ weight
    candidates = np.quantile(scores, np.linspace(0.3, 0.999, 400))
    accuracy = [((scores > t) == wearing).mean() for t in candidates]
    mean, weight = _discriminant(np.r_[straight, mirrored], np.r_[wearing, wearing])
    tensors = {
        "glasses.mean": mean.astype(np.float32),
        "glasses.weight": weight.astype(np.float32),
        "glasses.threshold": np.array([candidates[int(np.argmax(accuracy))]], np.float32),
        "glasses.frames": _frames(samples, wearing),
    }
    return tensors, float(max(accuracy))


def wears_glasses(sample: Sample, tensors: dict[str, Array]) -> bool:
    """Say whether a portrait shows glasses, by its label or by the discriminant."""
    score = (thin_structures(sample.texture) - tensors["glasses.mean"]) @ tensors["glasses.weight"]
    return sample.glasses or bool(score > tensors["glasses.threshold"][0])


def _discriminant(
    x: NDArray[np.floating], wearing: NDArray[np.bool_]
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    mean = x.mean(0)
    centred = x - mean
    target = np.where(wearing, 1 / wearing.mean(), -1 / (~wearing).mean())
    dual = np.linalg.solve(centred @ centred.T + _RIDGE * np.eye(len(x)), target - target.mean())
    return mean, centred.T @ dual


def _frames(samples: list[Sample], wearing: NDArray[np.bool_]) -> Array:
    lines = [dark_lines(s.texture) > 0.1 for s in samples]
    worn = np.mean([line for line, w in zip(lines, wearing, strict=True) if w], axis=0)
    bare = np.mean([line for line, w in zip(lines, wearing, strict=True) if not w], axis=0)
    prior = np.maximum(worn - bare, 0)
    prior = cv2.GaussianBlur(np.maximum(prior, prior[:, ::-1]), (0, 0), 3)
    return np.clip(1.6 * prior / np.percentile(prior, 97), 0, 1).astype(np.float32)
