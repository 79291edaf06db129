"""Finds the faces in every frame: the first pass over a clip.

The detector for photos is thorough and slow, so it sees a key frame every quarter of a second and
the first and the last of each scene. In between one quick pass over the frame, and a look at where
each face was the frame before, forwards and then backwards: a face that the key frame found is
followed into both neighbours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from deid_desktop.core.detect import APART, SAME_FACE, Detector, merge
from deid_desktop.core.proposals import YuNet, resize, transform
from deid_desktop.core.types import Array, Cancelled, Face, Pixels, ShouldStop, never
from deid_desktop.video.clip import Clip, Frame

KEY_SECONDS = 0.25
"""Between two key frames."""
QUICK = 640
"""Longest side in pixels of the picture that the quick pass sees."""
QUICK_SCORE = 0.6
"""Score from which it takes a face."""
FOLLOWED = 0.5
"""Score from which a face is followed into the next frame."""
_STAYS, _GROWS = 0.4, 1.4
"""Overlap that a face keeps from one frame to the next, and how much larger it may get."""
_SMALL = (64, 36)
_CUT = 14.0
"""Mean change of a small copy, in levels, from which there may be a cut …"""
_OTHER = 0.25
"""… if so much of the frame also has other colours: a pan only moves them."""


@dataclass(frozen=True, eq=False)
class Stretch:
    """What was found in some frames that follow each other.

    ``ticks``, ``lengths``: of each frame, see `Frame`. ``cuts``, ``broken``: whether a new scene
    begins with it, whether it was damaged. ``rows``: for each, (n, 15) float32 as the detector's:
    box, five points, score.
    """

    ticks: tuple[int, ...]
    lengths: tuple[int, ...]
    cuts: tuple[bool, ...]
    broken: tuple[bool, ...]
    rows: tuple[Array, ...]


class CutFinder:
    """Tells where a new scene begins."""

    def __init__(self) -> None:
        self._small: NDArray[np.float32] | None = None
        self._colours: NDArray[np.float32] | None = None

    def __call__(self, pixels: Pixels) -> bool:
        """Take the next frame; return whether it begins a scene. The first does not."""
        copy = cv2.resize(pixels, _SMALL, interpolation=cv2.INTER_AREA)
        small, colours = copy.astype(np.float32), _colours(copy)
        before, seen = self._small, self._colours
        self._small, self._colours = small, colours
        if before is None or seen is None:
            return False
        changed = float(np.abs(small - before).mean())
        return changed > _CUT and float(np.abs(colours - seen).sum()) / 2 > _OTHER


def _colours(pixels: Pixels) -> NDArray[np.float32]:
    """Return the share (512,) of each of 512 colours, blurred a little."""
    ranges = [-0.001, 255.0] * 3
    table = cv2.calcHist([pixels], [0, 1, 2], None, [8, 8, 8], ranges).astype(np.float32)
    for axis in range(3):
        table = (np.roll(table, 1, axis) + 2 * table + np.roll(table, -1, axis)) / 4
    shares: NDArray[np.float32] = table.ravel() / table.sum()
    return shares


class Finder:
    """Finds and follows faces. Use from one thread."""

    def __init__(self) -> None:
        self._detector, self._quick = Detector(), YuNet()

    def stretches(
        self, frames: Iterable[Frame], clip: Clip, *, should_stop: ShouldStop = never
    ) -> Iterator[Stretch]:
        """Yield what is found, a key frame and those up to the next at a time.

        Raises:
            Cancelled: ``should_stop`` answered yes.
        """
        most = max(1, round(KEY_SECONDS * clip.rate))
        cut_at, waiting = CutFinder(), list[_Look]()
        for frame in frames:
            if should_stop():
                raise Cancelled
            cut = False if frame.broken else cut_at(frame.pixels)
            key = cut or not waiting or len(waiting) > most
            look = _Look(frame, cut, self._rows(frame, thorough=key))
            waiting.append(look)
            if key and len(waiting) > 1:
                if cut:
                    self._end(waiting[:-1])
                self._follow(waiting)
                yield _stretch(waiting[:-1])
                waiting = waiting[-1:]
        if waiting:
            self._end(waiting)
            self._follow(waiting)
            yield _stretch(waiting)

    def _end(self, looks: list[_Look]) -> None:
        """See the last frame of a scene as a key frame, too: no later one shows what it hides."""
        if len(looks) == 1:  # it is one
            return
        for row in self._rows(looks[-1].frame, thorough=True):
            looks[-1].add(row)

    def _rows(self, frame: Frame, *, thorough: bool) -> Array:
        if frame.broken:
            return np.zeros((0, 15), np.float32)
        if thorough:
            faces = self._detector.detect(frame.pixels)
            return np.array([_row(face) for face in faces], np.float32).reshape(-1, 15)
        height, width = frame.pixels.shape[:2]
        scale = min(1.0, QUICK / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        rows = self._quick(resize(frame.pixels, size), threshold=QUICK_SCORE)
        ratio = np.divide((width, height), size)
        rows = transform(rows, np.c_[np.diag(ratio), (ratio - 1) / 2])
        return merge(rows, overlap=SAME_FACE, nested=True)

    def _follow(self, looks: list[_Look]) -> None:
        """Look where faces were in the frame before, then where they are in the frame after.

        Whoever is not found is looked for again in the frames that follow: faces that are hard to
        see are seen in some frames only, and what lies between is filled in later.
        """
        pairs, lost = list(pairwise(looks)), list[Array]()
        for one, other in pairs:
            lost = [] if other.cut else self._look_for([*one.rows, *lost], other)
        lost = []
        for one, other in reversed(pairs):
            lost = [] if other.cut else self._look_for([*other.rows, *lost], one)

    def _look_for(self, rows: Sequence[Array], look: _Look) -> list[Array]:
        """Add faces that are where ``rows`` say; return the rows without one."""
        if look.frame.broken:
            return list(rows)
        lost = []
        for row in rows:
            if (overlap(row, look.rows) > APART).any():
                continue
            box = (float(row[0]), float(row[1]), float(row[2]), float(row[3]))
            found = self._detector.detect_near(look.frame.pixels, box)
            seen = None if found is None else np.array([_row(found)], np.float32)
            if seen is None or not _follows(seen[0], row):
                lost.append(row)
            else:
                look.add(seen[0])
        return lost


def _follows(seen: Array, row: Array) -> bool:
    """Tell whether what is seen may be the face that a row shows in a frame nearby."""
    grown = max(seen[3] / row[3], row[3] / max(seen[3], 1.0))
    return bool(seen[14] >= FOLLOWED and overlap(row, seen[None])[0] >= _STAYS and grown <= _GROWS)


@dataclass(eq=False)
class _Look:
    frame: Frame
    cut: bool
    rows: Array

    def add(self, row: Array) -> None:
        """Take a row (15,) of a face that is not known yet."""
        if not (overlap(row, self.rows) > SAME_FACE).any():
            self.rows = np.concatenate([self.rows, row[None]])


def _row(face: Face) -> list[float]:
    return [*face.box, *face.points.ravel().tolist(), face.score]


def _stretch(looks: list[_Look]) -> Stretch:
    return Stretch(
        tuple(look.frame.at for look in looks),
        tuple(look.frame.length for look in looks),
        tuple(look.cut for look in looks),
        tuple(look.frame.broken for look in looks),
        # As they will be written down, so that a run that goes on sees the same.
        tuple(np.round(look.rows, 2) for look in looks),
    )


def overlap(row: Array, others: Array) -> Array:
    """Return intersection over union, 0…1 (n,), of one box (≥ 4,) with others (n, ≥ 4)."""
    low = np.maximum(row[:2], others[:, :2])
    high = np.minimum(row[:2] + row[2:4], others[:, :2] + others[:, 2:4])
    shared = np.prod(np.maximum(high - low, 0), axis=1)
    total = row[2] * row[3] + others[:, 2] * others[:, 3] - shared
    ratio: Array = shared / np.maximum(total, 1e-6)
    return ratio
