"""Measures how well surrogates sit in their photos, and shows those that sit worst.

    python -m bench.composition PHOTO-OR-FOLDER... [--faces N] [--smallest PX]
        [--sheets DIR] [--keep FILE]

Of all faces found, ``--faces`` evenly spaced ones get a surrogate (all by default). Printed are,
by class of size: how many got one, found again by a detector that is not told where; errors of
pose, landmarks and gaze, agreement of expression, skin and seam beside their targets. ``--sheets``
writes the hundred hardest, the worst first, each with what is wrong with it by these numbers.
``--keep`` remembers the faces and the identities chosen for them in a file: a second run with it
shows the same surrogates, and what differs is the composer's doing. Small faces are measured with
landmarks that are themselves off by some percent, so pose and what follows is told from 48 pixels.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bench.likeness import compare
from bench.surrogates import Sheets, pair
from deid_desktop.core.compose import SurrogateLayer
from deid_desktop.core.imaging import find_photos, read_photo
from deid_desktop.core.people import own_seed
from deid_desktop.core.pipeline import Pipeline
from deid_desktop.core.types import (
    Face,
    FaceResult,
    Identity,
    Look,
    Photo,
    Pixels,
    Request,
    State,
)

TARGETS: dict[str, tuple[str, float, float]] = {
    "pose": ("pose error, median (°)", 50, 2.0),
    "pose 95": ("pose error, 95th percentile (°)", 95, 6.0),
    "landmarks": ("landmarks that stay, mean / distance of eyes", 0, 0.03),
    "gaze": ("gaze error, median (°)", 50, 4.0),
    "expression": ("expression agreement, median cosine", 50, 0.9),
    "skin": ("cheeks, median ΔE2000", 50, 3.0),
    "seam": ("edge of the mask, median ΔE2000", 50, 2.0),
    "changed": ("pixels changed beyond the face, most", 100, 0.0),
    "colour": ("channels of a grey face apart, most (levels)", 100, 2.0),
}
"""Measure → what it says, the percentile that counts (0: the mean), and the target."""
CLASSES = ((0, 16), (16, 32), (32, 48), (48, 100_000))
FINDABLE = {16: 0.95, 32: 0.99, 48: 0.99}
"""Smallest height of a class → share that has to be found again."""
MEASURABLE = 48.0
"""Height in pixels from which landmarks are measured, not guessed."""
HARDEST = 100
_AROUND = 2.5
"""Side of the crop in which a surrogate is looked for, in sizes of its box."""


@dataclass(frozen=True, eq=False)
class Reading:
    """What became of one face."""

    name: str
    height: float
    state: State
    reason: str
    likeness: float | None
    found: bool
    values: dict[str, float]
    pair: Pixels

    @property
    def hardness(self) -> float:
        """How far beyond its targets the face is; without a surrogate, as far as can be."""
        if self.state is not State.VERIFIED:
            return 100.0
        return sum(_excess(self.values).values()) + 10.0 * (not self.found)

    @property
    def label(self) -> str:
        """What is wrong, by the numbers."""
        if self.state is not State.VERIFIED:
            return self.reason
        bad = [
            f"{name} {self.values[name]:.2g}" for name, e in _excess(self.values).items() if e > 0.5
        ]
        return " ".join([*([] if self.found else ["not found again"]), *bad]) or "-"


def _excess(values: dict[str, float]) -> dict[str, float]:
    """Return how far each value is beyond its target, in targets."""
    excess = {}
    for name in ("pose", "landmarks", "gaze", "skin", "seam"):
        if name in values:
            excess[name] = max(0.0, values[name] / TARGETS[name][2] - 1)
    if "expression" in values:
        excess["expression"] = max(0.0, (0.9 - values["expression"]) / 0.1)
    return excess


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--faces", type=int, default=1_000_000)
    parser.add_argument("--smallest", type=float, default=0, help="height of a face in pixels")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sheets", type=Path, help="folder for contact sheets")
    parser.add_argument("--keep", type=Path, help="file that remembers faces and identities")
    options = parser.parse_args()
    begun = time.process_time()
    memory = Memory(options.keep)
    pipeline = Pipeline("cpu")
    readings = list(_measure(pipeline, memory, options))
    report(readings)
    print(f"{len(readings)} faces, {time.process_time() - begun:.0f} processor seconds")
    if options.sheets:
        hardest = sorted(readings, key=lambda reading: -reading.hardness)[:HARDEST]
        cells = [(r.pair, f"{r.name} {r.height:.0f}px {r.label}"[:74]) for r in hardest]
        sheets = Sheets(options.sheets, "hardest")
        for cell in cells:
            sheets.add(*cell)
        sheets.write()


class Memory:
    """Faces of photos and identities of faces, in a file of JSON."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        there = path is not None and path.exists()
        self._data: dict[str, Any] = (
            json.loads(path.read_text()) if path and there else {"faces": {}, "identities": {}}
        )

    def faces(self, path: Path, pipeline: Pipeline) -> list[Face]:
        """Return the faces of a photo, found now or earlier."""
        if str(path) not in self._data["faces"]:
            found = pipeline.detect(read_photo(path))
            self._data["faces"][str(path)] = [
                {**asdict(face), "points": face.points.tolist()} for face in found
            ]
            self._save()
        return [
            Face(**{**face, "box": tuple(face["box"]), "points": np.array(face["points"], "f4")})
            for face in self._data["faces"][str(path)]
        ]

    def identity(self, key: str) -> Identity | None:
        """Return the identity that was chosen for a face, if any."""
        known = self._data["identities"].get(key)
        if known is None:
            return None
        return Identity(
            tuple(known["donors"]), tuple(known["weights"]), known["seed"], known["push"],
            Look(**known["look"]) if known["look"] else None,
        )  # fmt: skip

    def remember(self, key: str, identity: Identity) -> None:
        """Keep the identity of a face."""
        self._data["identities"][key] = asdict(identity)
        self._save()

    def _save(self) -> None:
        if self._path:
            self._path.write_text(json.dumps(self._data))


def _measure(pipeline: Pipeline, memory: Memory, options: argparse.Namespace) -> Iterator[Reading]:
    paths = find_photos(options.photos)
    everything = [
        (path, face)
        for path in paths
        for face in memory.faces(path, pipeline)
        if face.box[3] >= options.smallest
    ]
    count = min(options.faces, len(everything))
    chosen = {round((i + 0.5) * len(everything) / count - 0.5) for i in range(count)}
    photo: Photo | None = None
    source: Path | None = None
    for number, (path, face) in enumerate(everything):
        if number not in chosen:
            continue
        if photo is None or path != source:
            photo, source = read_photo(path), path
        request = Request(seed=own_seed(options.seed, face.id))
        key = f"{path} {face.id} {options.seed}"
        result = pipeline.redact(photo, face, request, identity=memory.identity(key))
        if result.identity is not None and result.verdict.state is State.VERIFIED:
            memory.remember(key, result.identity)
        yield read(pipeline, photo, result, f"{path.stem[-16:]}#{face.id}")


def read(pipeline: Pipeline, photo: Photo, result: FaceResult, name: str) -> Reading:
    """Measure one result."""
    face, verdict, layer = result.face, result.verdict, result.layer
    found, values, made = verdict.detected_again is not False, {}, photo.pixels
    if isinstance(layer, SurrogateLayer):
        made = pipeline.render(photo, [result])
        again = _found_again(pipeline, made, face)
        found = again is not None
        if again is not None and face.box[3] >= MEASURABLE:
            changed = Photo("", made, f"{photo.key} {result.identity} {time.monotonic_ns()}")
            before, after = pipeline.analyse(photo, face), pipeline.analyse(changed, again)
            values = compare(before, after, photo.pixels, made, layer)
    return Reading(
        name, float(face.box[3]), verdict.state, verdict.reason, verdict.similarity_to_original,
        found, values, pair(photo, made, face),
    )  # fmt: skip


def _found_again(pipeline: Pipeline, pixels: Pixels, face: Face) -> Face | None:
    """Look for a face around the box, without telling where in it one should be."""
    x, y, width, height = face.box
    half = _AROUND * max(width, height) / 2
    limit = pixels.shape[1::-1]
    left, top = np.clip(np.floor([x + width / 2 - half, y + height / 2 - half]), 0, limit)
    right, bottom = np.clip(np.ceil([x + width / 2 + half, y + height / 2 + half]), 0, limit)
    part = np.ascontiguousarray(pixels[int(top) : int(bottom), int(left) : int(right)])
    for found in pipeline.detect(Photo("", part, "")):
        moved = (found.box[0] + left, found.box[1] + top, *found.box[2:])
        away = [moved[i] + moved[i + 2] / 2 - face.box[i] - face.box[i + 2] / 2 for i in (0, 1)]
        if np.hypot(*away) < 0.35 * max(width, height):
            points = found.points + np.array([left, top], np.float32)
            return replace(face, box=moved, points=points, score=found.score)
    return None


def report(readings: list[Reading]) -> None:
    """Print the figures."""
    states = Counter(r.state for r in readings)
    print(f"{len(readings)} faces: " + ", ".join(f"{n} {s.value}" for s, n in states.items()))
    for reason, n in Counter(
        r.reason for r in readings if r.state is not State.VERIFIED
    ).most_common():
        print(f"  {n:4d} {reason}")
    made = [r for r in readings if r.state is State.VERIFIED]
    likeness = [r.likeness for r in made if r.likeness is not None]
    if likeness:
        print(f"  SFace to the original: mean {np.mean(likeness):.3f}, max {max(likeness):.3f}")
    for low, high in CLASSES:
        tried = [r for r in readings if low <= r.height < high and r.likeness is not None]
        tried += [r for r in readings if low <= r.height < high and not r.found]
        again = [r for r in tried if r.found]
        target = f"target {100 * FINDABLE[low]:.0f}" if low in FINDABLE else "no target"
        if tried:
            span = f"{low}–{high} px" if high < 100_000 else f"from {low} px"
            share = 100 * len(again) / len(tried)
            print(f"  found again, {span}: {share:.1f} % of {len(tried)} ({target})")
    for measure, (words, percentile, target_value) in TARGETS.items():
        values = [r.values[measure.split()[0]] for r in made if measure.split()[0] in r.values]
        if not values:
            continue
        value = np.mean(values) if percentile == 0 else np.percentile(values, percentile)
        good = value >= target_value if measure == "expression" else value <= target_value
        print(
            f"  {words:<46} {value:8.3f}  target {target_value:<5} "
            f"{'reached' if good else 'missed':<8} n {len(values)}"
        )


if __name__ == "__main__":
    cv2.setNumThreads(1)
    main()
