"""A blind test with people: who is behind the surrogate, and is this face real at all?

``make`` writes one HTML page that works offline, and a key that stays with whoever runs the test.
The page shows original faces next to surrogates: it is as confidential as the photos themselves.
``score`` compares saved answers with the key.
"""

from __future__ import annotations

import base64
import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from deid_desktop.core.analyse import Analyser
from deid_desktop.core.geometry import similarity_2d, warp_crop
from deid_desktop.core.recognise import Recogniser
from deid_desktop.core.types import Array, Pixels
from deid_desktop.evaluation import binomial
from deid_desktop.evaluation.gallery import EvaluationError, Gallery, Problem, progress
from deid_desktop.evaluation.methods import SurrogateMaker
from deid_desktop.evaluation.recognisers import CHIP, CHIP_TEMPLATE
from deid_desktop.resources import resource

OPTIONS = 6
"""Faces to choose from when asked who it is."""
QUESTIONS = {"who": 1 / OPTIONS, "real": 1 / 2}
"""Kind of question → accuracy of a guess."""
_SIZE = 192


@dataclass(frozen=True)
class Score:
    """Answers of one kind against the key.

    ``low`` and ``high``: exact 95 % interval of the accuracy. ``p``: probability that guessing is
    right at least as often (exact binomial test, one-sided).
    """

    kind: str
    right: int
    answered: int
    unanswered: int
    chance: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class _Trial:
    """``shown``: JPEGs, for ``who`` the surrogate and then the options. ``right``: from 1."""

    kind: str
    shown: list[bytes]
    right: int


def make(gallery: Gallery, maker: SurrogateMaker, out: Path, *, seed: int) -> list[Problem]:
    """Write ``study.html`` and ``key.json``; return the people who could not take part.

    Everyone whose surrogate passed is asked for twice: who is it, and is this face real. The faces
    to choose from are of the same estimated gender where there are enough, and all are cut tight,
    so that clothes and background do not tell.

    Raises:
        EvaluationError: too few people for ``OPTIONS`` faces to choose from.
    """
    if len(gallery.subjects) < OPTIONS:
        raise EvaluationError(
            f"{len(gallery.subjects)} usable people are too few: each question offers {OPTIONS}; "
            "give a larger gallery"
        )
    generator = np.random.default_rng(seed)
    analyser = Analyser(Recogniser())
    originals, genders = [], []
    for picture in progress(gallery.known, "reading the faces"):
        photo = picture.load()
        originals.append(_jpeg(photo.pixels, picture.face.points))
        genders.append(analyser.analyse(photo.pixels, picture.face).gender > 0)
    first_probe = {picture.subject: picture for picture in reversed(gallery.probes)}
    trials: list[_Trial] = []
    problems = []
    for subject, picture in progress(sorted(first_probe.items()), "making surrogates"):
        outcome = maker.make(picture, seed * 1000 + subject)
        if outcome.after is None:
            problems.append(Problem(gallery.subjects[subject], outcome.reason))
            continue
        surrogate = _jpeg(outcome.after, picture.face.points)
        others = _others(subject, np.array(genders), generator)
        place = int(generator.integers(OPTIONS))
        faces = [originals[other] for other in others]
        faces.insert(place, originals[subject])
        trials.append(_Trial("who", [surrogate, *faces], place + 1))
        real = bool(generator.integers(2))
        trials.append(_Trial("real", [originals[subject] if real else surrogate], 2 - real))
    if not trials:
        raise EvaluationError("no surrogate passed its verification, so there is nothing to ask")
    order = generator.permutation(len(trials))
    # "Who" comes last: its options show which faces are real.
    ordered = sorted((trials[number] for number in order), key=lambda trial: trial.kind == "who")
    _write(ordered, out)
    return problems


def _others(subject: int, genders: Array, generator: np.random.Generator) -> list[int]:
    """Draw the wrong options: of the same gender as far as there are, then any."""
    candidates = [n for n in generator.permutation(len(genders)).tolist() if n != subject]
    candidates.sort(key=lambda n: bool(genders[n] != genders[subject]))
    return candidates[: OPTIONS - 1]


def _jpeg(pixels: Pixels, points: Array) -> bytes:
    """Return the aligned face as a JPEG of ``_SIZE`` pixels."""
    chip = warp_crop(pixels, similarity_2d(points, CHIP_TEMPLATE * (_SIZE / CHIP)), _SIZE)
    done, data = cv2.imencode(".jpg", chip[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
    assert done
    return data.tobytes()


def _write(trials: Sequence[_Trial], out: Path) -> None:
    shown = [
        {
            "kind": trial.kind,
            "faces": [base64.b64encode(face).decode() for face in trial.shown],
        }
        for trial in trials
    ]
    page = resource("study.html").read_text(encoding="utf-8")
    (out / "study.html").write_text(page.replace("TRIALS", json.dumps(shown)), encoding="utf-8")
    key = {
        str(number): {"kind": trial.kind, "right": trial.right}
        for number, trial in enumerate(trials, start=1)
    }
    (out / "key.json").write_text(json.dumps(key, indent=1) + "\n", encoding="utf-8")


def score(answers: Sequence[Path], key: Path) -> list[Score]:
    """Compare answers (CSV with the columns ``trial`` and ``answer``) with the key.

    Raises:
        EvaluationError: a file cannot be read, or answers a question that was not asked.
    """
    known = _read_key(key)
    given = [_read_answers(path, known) for path in answers]
    scores = []
    for kind, chance in QUESTIONS.items():
        asked = [trial for trial, entry in known.items() if entry["kind"] == kind]
        if not asked:
            continue
        answered = [(trial, found[trial]) for found in given for trial in asked if trial in found]
        right = sum(answer == known[trial]["right"] for trial, answer in answered)
        low, high = binomial.interval(right, len(answered)) if answered else (0.0, 1.0)
        p = binomial.tail(right, len(answered), chance)
        missing = len(asked) * len(given) - len(answered)
        scores.append(Score(kind, right, len(answered), missing, chance, low, high, p))
    return scores


def _read_key(path: Path) -> dict[str, dict[str, Any]]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {str(n): {"kind": e["kind"], "right": int(e["right"])} for n, e in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvaluationError(
            f"{path.name}: this is no key of a study; give the key.json that was made with the page"
        ) from error


def _read_answers(path: Path, known: dict[str, Any]) -> dict[str, int]:
    found: dict[str, int] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [(row["trial"], row["answer"]) for row in csv.DictReader(file)]
        for trial, answer in rows:
            if answer:
                found[trial] = int(answer)
    except (OSError, ValueError, KeyError) as error:
        raise EvaluationError(
            f"{path.name}: the answers cannot be read; give the file that the page saved"
        ) from error
    strange = [trial for trial, _ in rows if trial not in known]
    if strange or len(rows) != len({trial for trial, _ in rows}):
        raise EvaluationError(
            f"{path.name}: question {strange[0] if strange else 'numbers'} do not fit the key; "
            "answers and key must come from the same study"
        )
    return found
