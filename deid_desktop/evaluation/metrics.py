"""Biometric figures of a table of scores: CMC, rank-1, ROC, AUC, EER, TAR at FAR, with intervals.

Terms as in ISO/IEC 19795-1. A *genuine* pair shows one person twice, an *impostor* pair two people;
FAR is the share of impostor pairs accepted, TAR that of genuine pairs. Confidence intervals come
from a bootstrap that draws people, not pairs: pairs of one person depend on each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deid_desktop.core.types import Array
from deid_desktop.evaluation import binomial

FARS = (0.01, 0.001)
RESAMPLES = 500

_Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scores:
    """``matrix`` (p, g): likeness of each probe to each of the g people of the gallery, higher is
    more alike. ``subjects`` (p,): the column of the person whom the probe really shows."""

    matrix: Array
    subjects: NDArray[np.int64]

    @property
    def genuine(self) -> NDArray[np.bool_]:
        """Which pairs (p, g) show one person."""
        return np.asarray(self.subjects[:, None] == np.arange(self.matrix.shape[1]))


@dataclass(frozen=True)
class Figure:
    """A measured value with its 95 % confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Roc:
    """Operating points from strict to lax: accept scores ≥ ``threshold`` (n,)."""

    threshold: _Float
    far: _Float
    tar: _Float

    @property
    def auc(self) -> float:
        """Chance that a genuine pair scores higher than an impostor pair; ties count half."""
        return float(np.trapezoid(self.tar, self.far))

    @property
    def eer(self) -> float:
        """Error rate where false accepts and false rejects are equally many, interpolated."""
        gap = self.far - (1 - self.tar)  # rises from −1 to 1
        after = int(np.argmax(gap >= 0))
        before = after - 1
        share = -gap[before] / (gap[after] - gap[before])
        return float(self.far[before] + share * (self.far[after] - self.far[before]))

    def at_far(self, far: float) -> tuple[float, float]:
        """Return TAR and threshold of the laxest point with a false-accept rate ≤ ``far``."""
        point = int(np.searchsorted(self.far, far, side="right")) - 1
        return float(self.tar[point]), float(self.threshold[point])


class _Sorted:
    """The pairs in the order of their scores, so that each resample only sums weights."""

    def __init__(self, scores: Scores) -> None:
        flat = scores.matrix.astype(np.float64).ravel()
        self.order = np.argsort(-flat, kind="stable")
        ordered = flat[self.order]
        self.genuine = scores.genuine.ravel()[self.order]
        # Equal scores are accepted together: only the last of each run is an operating point.
        self.ends = np.flatnonzero(np.r_[np.diff(ordered) != 0, True])
        self.threshold = np.r_[np.inf, ordered[self.ends]]

    def roc(self, weights: _Float) -> Roc:
        """Return the curve of pairs weighted by ``weights`` (p · g,)."""
        sorted_weights = weights[self.order]
        rates = []
        for chosen in (~self.genuine, self.genuine):
            total = np.cumsum(sorted_weights * chosen)
            rates.append(np.r_[0.0, total[self.ends] / total[-1]])
        return Roc(self.threshold, *rates)


def roc(scores: Scores) -> Roc:
    """Return the ROC curve over all pairs."""
    return _Sorted(scores).roc(np.ones(scores.matrix.size))


def cmc(scores: Scores, weights: _Float | None = None) -> _Float:
    """Return (g,): the share of probes whose person is among the best 1, 2, … g.

    Among equal scores the attacker guesses, so the person counts with that probability. Chance is
    ``(1 … g) / g``.
    """
    own = np.take_along_axis(scores.matrix, scores.subjects[:, None], axis=1)
    better = (scores.matrix > own).sum(axis=1)
    equal = (scores.matrix == own).sum(axis=1)
    ranks = np.arange(1, scores.matrix.shape[1] + 1)
    chances = np.clip((ranks[None] - better[:, None]) / equal[:, None], 0, 1)
    return np.asarray(np.average(chances, axis=0, weights=weights))


def evaluate(scores: Scores, *, resamples: int = RESAMPLES, seed: int = 0) -> dict[str, Figure]:
    """Return ``rank-1``, ``auc``, ``eer`` and ``tar@<far>``, each with its interval.

    The bootstrap cannot see beyond its sample: where it gives no width (none or all of the people
    were recognised) the exact binomial interval over the people takes its place.
    """
    sorted_pairs = _Sorted(scores)
    people = scores.matrix.shape[1]
    probed = np.unique(scores.subjects)
    values = _values(scores, sorted_pairs, np.ones(people))
    generator = np.random.default_rng(seed)
    drawn: list[dict[str, float]] = []
    while len(drawn) < resamples:
        counts = np.bincount(generator.integers(people, size=people), minlength=people)
        weights = counts.astype(np.float64)
        if np.count_nonzero(weights) > 1 and weights[probed].any():
            drawn.append(_values(scores, sorted_pairs, weights))
    figures = {}
    for name, value in values.items():
        low, high = np.percentile([sample[name] for sample in drawn], [2.5, 97.5])
        if low == high == value and value in (0, 1) and name not in ("auc", "eer"):
            low, high = binomial.interval(round(value * len(probed)), len(probed))
        figures[name] = Figure(value, float(low), float(high))
    return figures


def _values(scores: Scores, sorted_pairs: _Sorted, people: _Float) -> dict[str, float]:
    """Return all figures with each person counted ``people`` (g,) times."""
    own = people[scores.subjects]
    weights = np.where(scores.genuine, own[:, None], own[:, None] * people)
    curve = sorted_pairs.roc(weights.ravel())
    values = {
        "rank-1": float(cmc(scores, own)[0]),
        "auc": curve.auc,
        "eer": curve.eer,
    }
    return values | {f"tar@{far:g}": curve.at_far(far)[0] for far in FARS}


def share_above(scores: Scores, threshold: float) -> Figure:
    """Return the share of probes that score ≥ ``threshold`` with their own person.

    The interval is exact binomial over the probes.
    """
    own = np.take_along_axis(scores.matrix, scores.subjects[:, None], axis=1)
    return share(int((own >= threshold).sum()), len(own))


def share(count: int, total: int) -> Figure:
    """Return a share of independent trials with its exact binomial interval."""
    return Figure(count / total, *binomial.interval(count, total))


def mean(
    values: Array, subjects: NDArray[np.int64], *, resamples: int = RESAMPLES, seed: int = 0
) -> Figure:
    """Return the mean of ``values`` (n,) with an interval from a bootstrap over people."""
    people = np.unique(subjects, return_inverse=True)[1]
    totals, counts = np.bincount(people, weights=values), np.bincount(people)
    drawn = np.random.default_rng(seed).integers(len(totals), size=(resamples, len(totals)))
    means = totals[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Figure(float(np.mean(values)), float(low), float(high))
