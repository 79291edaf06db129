"""The averaging attack: one photo exported many times with other seeds, and the exports averaged.

What the surrogates do not share cancels out; if what is left approached the subject, exporting
again would be dangerous.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deid_desktop.core.detect import Detector
from deid_desktop.core.types import Array
from deid_desktop.evaluation.gallery import Gallery, progress
from deid_desktop.evaluation.methods import SurrogateMaker
from deid_desktop.evaluation.recognisers import Recogniser

_COUNTS = (1, 2, 5, 10, 20, 50, 100, 200)
_FIRST_SEED = 1_000_000


@dataclass(frozen=True)
class AveragingResult:
    """Likeness of averages to the subject, for one recogniser and number of exports.

    ``pixels``: of the averaged picture; ``embeddings``: of the averaged embeddings; each the mean
    and the largest over ``people``. ``over``: people for whom one of both reaches the threshold.
    """

    recogniser: str
    model: str
    measure: str
    exports: int
    people: int
    pixels_mean: float
    pixels_largest: float
    embeddings_mean: float
    embeddings_largest: float
    threshold: float
    far: float
    over: int


def attack(
    gallery: Gallery,
    maker: SurrogateMaker,
    recognisers: Sequence[Recogniser],
    detector: Detector,
    *,
    exports: int,
    people: int,
    far: float = 0.001,
) -> list[AveragingResult]:
    """Average up to ``exports`` surrogates of each of the first ``people`` and compare.

    People with fewer verified surrogates than a count are left out of that count's ``people``.
    """
    counts = sorted({count for count in _COUNTS if count < exports} | {exports})
    likeness: dict[tuple[str, int], list[tuple[float, float]]] = {}
    pictures = gallery.known[:people]
    for picture in progress(pictures, "averaging people"):
        seeds = range(_FIRST_SEED, _FIRST_SEED + exports)
        outcomes = maker([picture] * exports, seeds)
        made = [outcome.after for outcome in outcomes if outcome.after is not None]
        original = picture.load().pixels
        for recogniser in recognisers:
            subject = recogniser.embed(original, picture.face.points)
            seen = []
            for pixels in made:
                again = detector.detect_near(pixels, picture.face.box) or picture.face
                seen.append(recogniser.embed(pixels, again.points))
            for count in (count for count in counts if count <= len(made)):
                mean = np.asarray(np.stack(made[:count]).mean(axis=0)).round().astype(np.uint8)
                again = detector.detect_near(mean, picture.face.box) or picture.face
                embedding = recogniser.embed(mean, again.points)
                pair = (
                    _score(recogniser, embedding, subject),
                    _score(recogniser, _average(np.stack(seen[:count])), subject),
                )
                likeness.setdefault((recogniser.name, count), []).append(pair)
    by_name = {recogniser.name: recogniser for recogniser in recognisers}
    return [
        _result(by_name[name], count, np.array(pairs), far)
        for (name, count), pairs in sorted(likeness.items())
    ]


def _average(embeddings: Array) -> Array:
    """Return the mean of embeddings (n, d), as long as they are on average."""
    mean = embeddings.mean(axis=0)
    length = np.linalg.norm(embeddings, axis=1).mean()
    return np.asarray(mean * (length / np.linalg.norm(mean)))


def _score(recogniser: Recogniser, embedding: Array, subject: Array) -> float:
    return float(recogniser.scores(embedding[None], subject[None])[0, 0])


def _result(recogniser: Recogniser, count: int, pairs: Array, far: float) -> AveragingResult:
    threshold = recogniser.thresholds[far]
    return AveragingResult(
        recogniser=recogniser.name,
        model=recogniser.model,
        measure=recogniser.measure,
        exports=count,
        people=len(pairs),
        pixels_mean=float(pairs[:, 0].mean()),
        pixels_largest=float(pairs[:, 0].max()),
        embeddings_mean=float(pairs[:, 1].mean()),
        embeddings_largest=float(pairs[:, 1].max()),
        threshold=threshold,
        far=far,
        over=int((pairs >= threshold).any(axis=1).sum()),
    )
