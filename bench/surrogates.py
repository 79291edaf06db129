"""Redacts every photo of some folders and counts what became of the faces.

    python -m bench.surrogates FOLDER... [--sheets DIR] [--limit N] [--seed N]

Prints how many faces of each photo were verified without help, and every surrogate that failed with
size, pose, likeness and that of its photo without any face; for each folder also why others were
not verified, how alike the surrogates are to the originals and to the donors, and how similar
expression and pose stayed. Writes contact sheets as it goes (original and surrogate side by side,
100 % or enlarged to 256 pixels) to look at.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from bench.threshold import STRICT
from deid_desktop.core.analyse import agreement
from deid_desktop.core.geometry import warp_crop
from deid_desktop.core.imaging import find_photos, read_photo
from deid_desktop.core.pipeline import Pipeline
from deid_desktop.core.types import Face, FaceResult, Photo, Pixels, Request, State

CELL = 256


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--sheets", type=Path, help="folder for contact sheets")
    parser.add_argument("--limit", type=int, default=10_000, help="photos a folder")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    pipeline = Pipeline()
    for folder in options.folders:
        measure(pipeline, folder, options)


def measure(pipeline: Pipeline, folder: Path, options: argparse.Namespace) -> None:
    """Redact the photos of one folder, print the counts, write the sheets."""
    sheets = Sheets(options.sheets, folder.name) if options.sheets else None
    results: list[FaceResult] = []
    changes: list[tuple[float, float]] = []
    seconds = 0.0
    for path in find_photos([folder])[: options.limit]:
        photo = read_photo(path)
        start = time.perf_counter()
        done = pipeline.redact_photo(photo, Request(seed=options.seed))
        seconds += time.perf_counter() - start
        pixels = done.pixels[..., :3]
        verified = [r for r in done.results if r.verdict.state is State.VERIFIED]
        print(f"  {path.name}: {len(verified)} of {len(done.results)} verified", flush=True)
        for result in done.results:
            if result.verdict.state is State.ATTENTION and result.verdict.threshold:
                print(f"    {_failure(pipeline, photo, result)}", flush=True)
            if sheets:
                sheets.add(pair(photo, pixels, result.face), _caption(path, result))
        changes += [_changes(pipeline, photo, pixels, result.face) for result in verified]
        results += done.results
    if sheets:
        sheets.write()
    _report(folder, results, changes, seconds)


def _report(
    folder: Path, results: list[FaceResult], changes: list[tuple[float, float]], seconds: float
) -> None:
    states = Counter(r.verdict.state for r in results)
    count = len(results)
    print(
        f"{folder.name}: {count} faces in {seconds:.0f} s, {states[State.VERIFIED]} verified "
        f"({100 * states[State.VERIFIED] / max(count, 1):.1f} %), SFace, see core/verify.py"
    )
    for reason, number in Counter(
        r.verdict.reason for r in results if r.verdict.state is not State.VERIFIED
    ).most_common():
        print(f"  {number:4d} {reason}")
    made = [r.verdict.similarity_to_original for r in results if r.verdict.threshold]
    apart = sum(similarity is not None and similarity < STRICT for similarity in made)
    print(
        f"  of {len(made)} surrogates {apart} ({100 * apart / max(len(made), 1):.1f} %) are below "
        f"{STRICT} to the original (SFace, FAR 1e-3)"
    )
    good = [r for r in results if r.verdict.state is State.VERIFIED]
    if good:
        original = np.array([r.verdict.similarity_to_original for r in good], float)
        donor = np.array([r.verdict.similarity_to_nearest_donor for r in good], float)
        print(
            f"  cosine to original: mean {original.mean():.3f}, max {original.max():.3f}; "
            f"to nearest donor: mean {donor.mean():.3f}, max {donor.max():.3f}"
        )
        change = np.array(changes)
        print(
            f"  expression agreement (cosine of blendshapes): median "
            f"{np.median(change[:, 0]):.3f}; pose error: median {np.median(change[:, 1]):.1f}°"
        )


def _changes(pipeline: Pipeline, photo: Photo, pixels: Pixels, face: Face) -> tuple[float, float]:
    """Return expression agreement and the pose error in degrees."""
    before = pipeline.analyse(photo, face)
    after = pipeline.analyse(Photo("", pixels, photo.key + " after"), face)
    kept = agreement(before.blendshapes, after.blendshapes)
    return kept, float(np.abs(np.subtract(before.pose, after.pose)).max())


def _failure(pipeline: Pipeline, photo: Photo, result: FaceResult) -> str:
    """Return what is known of a face whose surrogates all failed."""
    face, verdict = result.face, result.verdict
    seen = pipeline.analyse(photo, face)
    yaw, pitch, roll = seen.pose
    return (
        f"#{face.id}: {max(face.box[2:]):.0f} px, yaw {yaw:.0f}, pitch {pitch:.0f}, "
        f"roll {roll:.0f}, score {face.score:.2f}, gender {seen.gender:.2f}, age {seen.age:.0f}, "
        f"original {verdict.similarity_to_original or 0:.3f} (without any face "
        f"{_faceless(pipeline, photo, face):.3f}), "
        f"donor {verdict.similarity_to_nearest_donor or 0:.3f}, "
        f"bystander {verdict.similarity_to_nearest_bystander or 0:.3f}: {verdict.reason}"
    )


def _faceless(pipeline: Pipeline, photo: Photo, face: Face) -> float:
    """Return how like the original its photo stays when the face is painted out: what lies around
    it, which no surrogate changes."""
    seen = pipeline.analyse(photo, face)
    hull = cv2.convexHull(np.round(seen.mesh[:, :2]).astype(np.int32))
    low = np.maximum(hull.min((0, 1)) - 2 * face.box[3], 0).astype(int)
    high = (hull.max((0, 1)) + 2 * face.box[3]).astype(int)
    part = photo.pixels[low[1] : high[1], low[0] : high[0]].copy()
    inside = np.zeros(part.shape[:2], np.uint8)
    cv2.fillConvexPoly(inside, hull - low, 255)
    part = cv2.inpaint(part, inside, 3, cv2.INPAINT_TELEA)
    there = replace(face, points=face.points - low.astype(np.float32))
    bare = pipeline.embed(Photo("", part, f"{photo.key} {face.id} faceless"), there)
    return float(bare @ seen.embedding)


def _caption(path: Path, result: FaceResult) -> str:
    likeness = result.verdict.similarity_to_original
    number = "" if likeness is None else f"{likeness:.2f}"
    size = max(result.face.box[2:])
    return (
        f"{path.stem[-14:]}#{result.face.id} {size:.0f}px {result.verdict.state.value[:8]} {number}"
    )


def pair(photo: Photo, pixels: Pixels, face: Face) -> Pixels:
    """Return original and result side by side."""
    return np.hstack([_crop(photo.pixels, face), _crop(pixels, face)])


def _crop(pixels: Pixels, face: Face) -> Pixels:
    x, y, width, height = face.box
    side = 1.7 * max(width, height)
    scale = CELL / side
    matrix = np.array([[scale, 0, 0], [0, scale, 0]])
    matrix[:, 2] = CELL / 2 - scale * np.array([x + width / 2, y + height / 2])
    return warp_crop(pixels, matrix, CELL)


class Sheets:
    """Contact sheets of pairs with their captions, fifteen a sheet, each written when full."""

    columns, rows = 3, 5

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.name = folder, name
        self.number, self.cells = 0, list[tuple[Pixels, str]]()

    def add(self, pair: Pixels, caption: str) -> None:
        """Take one pair, ``CELL`` high and twice as wide."""
        self.cells.append((pair, caption))
        if len(self.cells) == self.columns * self.rows:
            self.write()

    def write(self) -> None:
        """Write what was taken since the last sheet, if anything."""
        if not self.cells:
            return
        height, width = CELL + 18, 2 * CELL + 6
        sheet = np.full((self.rows * height, self.columns * width, 3), 30, np.uint8)
        for k, (pair, caption) in enumerate(self.cells):
            top, left = k // self.columns * height, k % self.columns * width
            sheet[top : top + CELL, left : left + 2 * CELL] = pair
            place = (left + 2, top + CELL + 13)
            font, colour = cv2.FONT_HERSHEY_SIMPLEX, (230, 230, 230)
            cv2.putText(sheet, caption, place, font, 0.42, colour, 1, cv2.LINE_AA)
        path = self.folder / f"{self.name}_{self.number:02d}.png"
        cv2.imwrite(str(path), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
        self.number, self.cells = self.number + 1, []


if __name__ == "__main__":
    main()
