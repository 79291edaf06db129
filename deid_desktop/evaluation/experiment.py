"""The experiment: hide every face with every method, then let attackers try to recognise people.

Attackers as in the k-Same literature. *Naive* knows originals and sees de-identified pictures;
*reverse* knows de-identified pictures and sees originals; *parrot* knows de-identified pictures and
sees others that were made with the same settings. All align a face by what the detector finds in
the picture, or where it finds nothing by where the face was before, which flatters the attacker.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from deid_desktop.core import mesh
from deid_desktop.core.analyse import Analyser
from deid_desktop.core.detect import Detector
from deid_desktop.core.recognise import Recogniser as SFaceNetwork
from deid_desktop.core.types import Analysis, Array, Face, Pixels
from deid_desktop.evaluation import metrics, utility
from deid_desktop.evaluation.gallery import Gallery, Picture, Problem, progress
from deid_desktop.evaluation.methods import Hide, Outcome
from deid_desktop.evaluation.metrics import Figure, Roc, Scores
from deid_desktop.evaluation.recognisers import Recogniser

ATTACKERS = ("naive", "reverse", "parrot")


@dataclass(frozen=True, eq=False)
class Attack:
    """One recogniser in the hands of one attacker.

    ``probes`` were compared with ``people``; ``excluded`` probes could not be, because a picture
    was not exported. ``thresholds``: false-accept rate → score at which this table reaches it.
    ``fixed``: the same for originals; ``accepted``: share of probes taken for their person there.
    """

    attacker: str
    recogniser: str
    model: str
    in_loop: bool
    people: int
    probes: int
    excluded: int
    figures: dict[str, Figure]
    thresholds: dict[float, float]
    fixed: dict[float, float]
    accepted: dict[float, Figure]
    cmc: NDArray[np.float64]
    roc: Roc

    @property
    def chance(self) -> float:
        """Rank-1 of a guess."""
        return 1 / self.people


@dataclass(frozen=True, eq=False)
class MethodResult:
    """What was measured of one method.

    ``pictures`` were to be de-identified, ``blocked`` would not have been exported. ``detected`` is
    the share of exported faces in which a face is found again, ``utility`` what was kept in those.
    """

    name: str
    pictures: int
    blocked: list[Problem]
    detected: Figure | None
    utility: dict[str, Figure]
    loop: dict[str, Any]
    attacks: list[Attack] = field(default_factory=list)


@dataclass(eq=False)
class View:
    """What an attacker holds: embeddings of pictures; ``seen`` (n,) where there was one."""

    subjects: NDArray[np.int64]
    seen: NDArray[np.bool_]
    embeddings: dict[str, Array]


class Experiment:
    """One gallery before several recognisers."""

    def __init__(
        self,
        gallery: Gallery,
        recognisers: Sequence[Recogniser],
        attackers: Sequence[str],
        detector: Detector,
        *,
        seed: int = 0,
        resamples: int = metrics.RESAMPLES,
        inside: bool = False,
    ) -> None:
        """``inside``: attackers see nothing but faces, of originals and of what was made of them.

        What they still recognise is not hair, head, clothes or room.
        """
        self._gallery = gallery
        self._recognisers = recognisers
        self._attackers = attackers
        self._detector = detector
        self._analyser = Analyser(SFaceNetwork())
        self._analyses: dict[tuple[Path, tuple[int, int]], Analysis] = {}
        self._inside = inside
        self._seed = seed
        self._resamples = resamples
        self._probes = self._originals(gallery.probes, "looking at the originals")
        self._known = (
            self._probes
            if gallery.same_pictures
            else self._originals(gallery.known, "looking at the originals")
        )

    def run(self, name: str, hide: Hide) -> MethodResult:
        """Hide all faces with one method and measure what is left."""
        probes = self._gallery.probes
        seeds = [self._seed + 2 * number for number in range(len(probes))]
        tally = _Tally()
        hidden = self._hidden(probes, hide, seeds, name, tally)
        known = hidden
        same = self._gallery.same_pictures
        if "parrot" in self._attackers or ("reverse" in self._attackers and not same):
            # Another export of the same person never has the same seed.
            others = [self._seed + 2 * number + 1 for number in range(len(self._gallery.known))]
            known = self._hidden(self._gallery.known, hide, others, f"{name}, gallery", None)
        views = {
            "naive": (self._known, hidden),
            "reverse": (known, self._probes),
            "parrot": (known, hidden),
        }
        attacks = [
            self._attack(attacker, recogniser, *views[attacker])
            for attacker in self._attackers
            for recogniser in self._recognisers
        ]
        return MethodResult(
            name=name,
            pictures=len(probes),
            blocked=tally.blocked,
            detected=metrics.share(sum(tally.found), len(tally.found)) if tally.found else None,
            utility=tally.utility(self._resamples),
            loop=tally.loop(),
            attacks=[attack for attack in attacks if attack is not None],
        )

    def _originals(self, pictures: Sequence[Picture], label: str) -> View:
        rows = [
            self._embed(picture.load().pixels, picture.face)
            for picture in progress(pictures, label)
        ]
        return _view(pictures, rows)

    def _hidden(
        self, pictures: Sequence[Picture], hide: Hide, seeds: Sequence[int], label: str,
        tally: _Tally | None,
    ) -> View:  # fmt: skip
        rows: list[dict[str, Array] | None] = []
        outcomes = hide(pictures, seeds)
        for picture in progress(pictures, label):
            outcome = next(outcomes)
            again = None
            if outcome.after is None:
                rows.append(None)
            else:
                again = self._detector.detect_near(outcome.after, outcome.face.box)
                rows.append(self._embed(outcome.after, again or outcome.face))
            if tally is not None:
                tally.count(picture, outcome, found=again is not None)
                if again is not None and outcome.after is not None:
                    before = self._before(picture, outcome)
                    after = self._analyser.analyse(outcome.after, again)
                    pixels = (outcome.before, outcome.after)
                    tally.compare(picture, utility.compare(before, after, pixels))
        return _view(pictures, rows)

    def _before(self, picture: Picture, outcome: Outcome) -> Analysis:
        """Read the original, once for all methods that leave it where it was."""
        if outcome.face is not picture.face:
            return self._analyser.analyse(outcome.before, outcome.face)
        key = (picture.path, picture.corner)
        if key not in self._analyses:
            self._analyses[key] = self._analyser.analyse(outcome.before, outcome.face)
        return self._analyses[key]

    def _embed(self, pixels: Pixels, face: Face) -> dict[str, Array]:
        if self._inside:
            pixels = face_only(pixels, self._analyser.landmarks(pixels, face))
        return {r.name: r.embed(pixels, face.points) for r in self._recognisers}

    def _attack(
        self, attacker: str, recogniser: Recogniser, known: View, probes: View
    ) -> Attack | None:
        table, excluded = compare(recogniser, known, probes)
        if table is None:
            return None
        curve = metrics.roc(table)
        return Attack(
            attacker=attacker,
            recogniser=recogniser.name,
            model=recogniser.model,
            in_loop=recogniser.in_loop,
            people=table.matrix.shape[1],
            probes=table.matrix.shape[0],
            excluded=excluded,
            figures=metrics.evaluate(table, resamples=self._resamples),
            thresholds={far: curve.at_far(far)[1] for far in metrics.FARS},
            fixed=recogniser.thresholds,
            accepted={
                far: metrics.share_above(table, score)
                for far, score in recogniser.thresholds.items()
            },
            cmc=metrics.cmc(table),
            roc=curve,
        )


_INNER = 0.96
"""Of the face's outline about its middle: what is left shows no hair at the sides."""


def face_only(pixels: Pixels, vertices: Array) -> Pixels:
    """Return a picture that is grey beside the face with landmarks (478, 3)."""
    outline = vertices[mesh.OVAL, :2]
    middle = outline.mean(0)
    corners = np.round((outline - middle) * _INNER + middle).astype(np.int32)
    beside = np.ones(pixels.shape[:2], np.uint8)
    cv2.fillPoly(beside, [corners], 0)
    shown = pixels.copy()
    shown[beside > 0] = 128
    return shown


def compare(recogniser: Recogniser, known: View, probes: View) -> tuple[Scores | None, int]:
    """Return the table of scores, and how many probes cannot be in it.

    The table is ``None`` if fewer than two people or no probe are left.
    """
    column = np.cumsum(known.seen) - 1
    by_subject = dict(zip(known.subjects[known.seen], column[known.seen], strict=True))
    usable = probes.seen & np.isin(probes.subjects, list(by_subject))
    excluded = int((~usable).sum())
    if known.seen.sum() < 2 or not usable.any():
        return None, excluded
    name = recogniser.name
    matrix = recogniser.scores(probes.embeddings[name][usable], known.embeddings[name][known.seen])
    subjects = np.array([by_subject[subject] for subject in probes.subjects[usable]])
    return Scores(matrix, subjects), excluded


def _view(pictures: Sequence[Picture], rows: Sequence[dict[str, Array] | None]) -> View:
    seen = np.array([row is not None for row in rows])
    names = next((row.keys() for row in rows if row is not None), ())
    stacked = {
        name: np.stack([np.full(128, np.nan) if row is None else row[name] for row in rows])
        for name in names
    }
    return View(np.array([picture.subject for picture in pictures]), seen, stacked)


class _Tally:
    """Collects what becomes of the probes of one method."""

    def __init__(self) -> None:
        self.blocked: list[Problem] = []
        self.found: list[bool] = []
        self._subjects: list[int] = []
        self._kept: list[dict[str, float]] = []
        self._facts: list[dict[str, Any]] = []

    def count(self, picture: Picture, outcome: Outcome, *, found: bool) -> None:
        """Count one picture; ``found``: a face was found afterwards."""
        if outcome.facts is not None:
            self._facts.append(outcome.facts)
        if outcome.after is None:
            self.blocked.append(Problem(picture.path.name, outcome.reason))
        else:
            self.found.append(found)

    def compare(self, picture: Picture, kept: dict[str, float]) -> None:
        """Note what was kept of one face that was found again."""
        self._subjects.append(picture.subject)
        self._kept.append(kept)

    def utility(self, resamples: int) -> dict[str, Figure]:
        """Return the mean of every utility figure."""
        if not self._kept:
            return {}
        subjects = np.array(self._subjects)
        return {
            name: metrics.mean(
                np.array([kept[name] for kept in self._kept]), subjects, resamples=resamples
            )
            for name in utility.UNITS
        }

    def loop(self) -> dict[str, Any]:
        """Return what the program's own verdicts said; empty for methods that have none."""
        verified = [facts for facts in self._facts if facts["state"] == "verified"]
        if not verified:
            return {}
        original = np.array([facts["similarity_to_original"] for facts in verified])
        donor = np.array([facts["similarity_to_nearest_donor"] for facts in verified])
        return {
            "verified": len(verified),
            "made": len(self._facts),
            "threshold": verified[0]["threshold"],
            "similarity to original, mean": float(original.mean()),
            "similarity to original, largest": float(original.max()),
            "similarity to nearest donor, mean": float(donor.mean()),
            "similarity to nearest donor, largest": float(donor.max()),
            "rounds": dict(Counter(str(facts["push"]) for facts in verified)),
        }
