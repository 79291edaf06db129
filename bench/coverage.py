"""Counts faces in clips that are left bare where they are found before and after."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bench.clips import RATE, record, shots
from deid_desktop.core.detect import Detector
from deid_desktop.core.imaging import read_photo
from deid_desktop.core.types import Box
from deid_desktop.resources import resource
from deid_desktop.video import is_clip
from deid_desktop.video.finding import Finder, overlap
from deid_desktop.video.reading import frames, read_clip
from deid_desktop.video.tracks import Timeline, Track, around, link

SMALLEST = 20.0
"""Height in pixels from which faces of a photo count: what the detector sees of smaller ones, in
some frames only, is mostly no face."""


def coverage(options: argparse.Namespace) -> None:
    """Count the places without cover of faces that are found within half a second on both sides.

    Of a photo's faces, in a clip made of it, each is hidden for up to half a second now and then.
    Of a clip's, those count that the detector for photos finds in two frames within half a second:
    in the first of them and wherever it is between.
    """
    detector, total, bare = Detector(), 0, 0
    for path in options.inputs or [resource("samples", "crew.jpg")]:
        if is_clip(path):
            own, missed = _of_clip(path, detector)
            total, bare = total + own, bare + missed
            print(f"{path.name}: {own} places of faces, {missed} bare", flush=True)
            continue
        photo = read_photo(path).pixels
        boxes = [f.box for f in detector.detect(photo) if f.score > 0.6]
        shown = list(shots(photo, options.frames, face=45.0))
        pictures, truth = _with_gaps(shown, boxes)
        with tempfile.TemporaryDirectory() as folder:
            clip_path = record(Path(folder) / "clip.mp4", pictures)
            clip = read_clip(clip_path)
            found = list(frames(clip_path, clip))
            stretches = Finder().stretches(found, clip)
            timeline = link(list(stretches), rate=float(clip.rate))
        own, missed = _uncovered(timeline, truth, [f.pixels for f in found], detector)
        total, bare = total + own, bare + missed
        print(
            f"{path.name}: {len(boxes)} faces, {own} places between sightings, {missed} bare",
            flush=True,
        )
    print(f"coverage {100 * (1 - bare / max(total, 1)):.2f} % of {total}")


def _with_gaps(
    shown: list[tuple[np.ndarray, np.ndarray]], boxes: Sequence[Any]
) -> tuple[list[np.ndarray], list[list[np.ndarray]]]:
    """Blur every face beyond recognition for 3 to 11 frames now and then; return the truth too."""
    chance = np.random.default_rng(1)
    pictures = [picture.copy() for picture, _ in shown]
    truth: list[list[np.ndarray]] = [[] for _ in shown]
    for x, y, width, height in boxes:
        gap, length = int(chance.integers(4, 12)), 0
        for number, (_, matrix) in enumerate(shown):
            centre = matrix[:, :2] @ [x + width / 2, y + height / 2] + matrix[:, 2]
            scale = float(np.hypot(*matrix[:, 0]))
            size = scale * np.array([width, height])
            low = centre - size / 2
            truth[number].append(np.r_[low, size, np.zeros(11)].astype(np.float32))
            if number == gap + length:
                gap, length = number + int(chance.integers(8, 20)), int(chance.integers(3, 12))
            if gap <= number < gap + length:
                left, top = np.maximum(low - 0.2 * size, 0).astype(int)
                right, bottom = np.maximum(low + 1.2 * size, 0).astype(int)
                part = pictures[number][top:bottom, left:right]
                if part.size:
                    part[:] = cv2.GaussianBlur(part, (0, 0), 0.35 * float(size[0]))
    return pictures, truth


def _uncovered(
    timeline: Timeline,
    truth: list[list[np.ndarray]],
    pictures: list[np.ndarray],
    detector: Detector,
) -> tuple[int, int]:  # fmt: skip
    """Return the places that a detector sees within half a second on both sides, and the bare."""
    seen = np.zeros((len(truth), len(truth[0])), bool)
    for number, picture in enumerate(pictures):
        rows = np.array([[*f.box, *f.points.ravel(), f.score] for f in detector.detect(picture)])
        for face, box in enumerate(truth[number]):
            inside = box[0] > 0 and box[1] > 0 and box[0] + box[2] < picture.shape[1]
            inside = inside and box[1] + box[3] < picture.shape[0]
            seen[number, face] = inside and len(rows) and overlap(box, rows).max() > 0.3
    reach, total, bare = RATE // 2, 0, 0
    beside = _beside(timeline, RATE)
    for number, boxes in enumerate(truth):
        covers = _covers(beside, number)
        for face, box in enumerate(boxes):
            before = seen[max(0, number - reach) : number + 1, face].any()
            after = seen[number : number + reach + 1, face].any()
            if not (before and after) or box[3] < SMALLEST:
                continue
            total += 1
            bare += not _covered(box, covers)
    return total, bare


def _of_clip(path: Path, detector: Detector) -> tuple[int, int]:
    """Return the places of faces in a clip, found twice or between, and how many are bare."""
    clip = read_clip(path)
    shown = list(frames(path, clip))
    timeline = link(list(Finder().stretches(shown, clip)), rate=float(clip.rate))
    beside = _beside(timeline, timeline.quickest(clip))
    found = [
        np.array([f.box for f in detector.detect(frame.pixels)], np.float32).reshape(-1, 4)
        for frame in shown
    ]
    reach, places = round(float(clip.rate) / 2), list[tuple[int, np.ndarray]]()
    for number, boxes in enumerate(found):
        for box in boxes:
            for later in range(number + 1, min(number + reach + 1, len(found))):
                alike = overlap(box, found[later])
                if len(alike) and alike.max() > 0.3:
                    other = found[later][alike.argmax()]
                    places += [
                        (between, box + (between - number) / (later - number) * (other - box))
                        for between in range(number, later)
                    ]
                    break
    bare = sum(not _covered(box, _covers(beside, number)) for number, box in places)
    return len(places), int(bare)


def _beside(timeline: Timeline, rate: float) -> list[tuple[Track, dict[int, Box]]]:
    return [(track, around(track, timeline, rate=rate)) for track in timeline.tracks]


def _covers(beside: list[tuple[Track, dict[int, Box]]], number: int) -> list[np.ndarray]:
    """Return the boxes of all tracks in a frame, those before and after them too."""
    return [
        np.array(extra.get(number) or track.rows[number - track.first][:4], np.float32)
        for track, extra in beside
        if number in extra or track.first <= number <= track.last
    ]


def _covered(box: np.ndarray, covers: list[np.ndarray]) -> bool:
    centre = box[:2] + box[2:4] / 2
    return any(
        bool((np.abs(c[:2] + c[2:4] / 2 - centre) < 0.35 * c[2:4]).all()) and c[3] > 0.6 * box[3]
        for c in covers
    )
