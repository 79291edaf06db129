"""Links what was found into tracks: one face through one scene, from the first frame to the last.

Only what is beyond doubt is linked. Where two faces come so near that motion cannot tell them
apart, their tracks end and new ones begin; whose they are is decided later by looking at the faces
(``people``). So a track never changes from one person to another on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from deid_desktop.core.types import Array, Box, Face
from deid_desktop.video.clip import Clip
from deid_desktop.video.finding import Stretch

BRIDGED = 1.0
"""Seconds that a face may be lost and still be the same track; it is filled in between."""
AROUND = 0.5
"""Seconds that a face is masked before it is first and after it is last found."""
GLIMPSE, BRIEFLY = 2, 0.12
"""So many sightings are most often none; then only so many seconds around them are masked."""
_REACH = 0.6
"""Heights of a face that its centre may be off the place that its motion leads to …"""
_WANDER = 0.08
"""… and so many more for every frame that it was lost."""
_GROWTH = 1.5
"""Ratio of heights or widths from which two boxes are not one face: a hidden one is now and then
found half beside itself, and its track would go on there."""
_CLEAR = 0.5
"""A link must cost less than this share of any other link of the same two faces."""
_NEAR = 1.0
"""Heights of a face within which another hides it when it is lost."""
_PACE = 0.5
"""Weight of the newest step in a face's speed."""


@dataclass(eq=False)
class Track:
    """One face through consecutive frames.

    ``first``: index of its first frame in the clip. ``rows``: (n, 15) float32, see `Stretch`; a
    score of 0 means that the row was filled in. ``by_person``: drawn by a person.
    """

    id: int
    first: int
    rows: Array
    by_person: bool = False

    @property
    def last(self) -> int:
        """Index of the last frame."""
        return self.first + len(self.rows) - 1

    def seen(self, index: int) -> bool:
        """Tell whether the face was found in this frame of the clip."""
        return self.first <= index <= self.last and bool(self.rows[index - self.first, 14] > 0)

    def face(self, index: int) -> Face:
        """Return the face in this frame of the clip, inside the track."""
        row = self.rows[index - self.first]
        left, top, width, height = (float(value) for value in row[:4])
        return Face(
            self.id, (left, top, width, height), row[4:14].reshape(5, 2).copy(), float(row[14]),
            by_person=self.by_person,
        )  # fmt: skip


@dataclass
class Timeline:
    """All frames of a clip as the first pass saw them. ``scenes``: number of each frame's scene."""

    ticks: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    broken: list[bool] = field(default_factory=list)
    scenes: list[int] = field(default_factory=list)
    tracks: list[Track] = field(default_factory=list)

    def span(self, index: int) -> tuple[int, int]:
        """Return the first and the last frame of the scene of a frame."""
        scene = self.scenes[index]
        return int(np.searchsorted(self.scenes, scene)), int(
            np.searchsorted(self.scenes, scene, "right") - 1
        )

    def quickest(self, clip: Clip) -> float:
        """Return the most frames that any second holds: a phone's rate varies."""
        ticks = np.array(self.ticks, np.float64)
        within = np.searchsorted(ticks, ticks + float(1 / clip.tick)) - np.arange(len(ticks))
        return max(float(clip.rate), float(within.max(initial=0)))


def link(stretches: Sequence[Stretch], *, rate: float) -> Timeline:
    """Make tracks of what was found, at ``rate`` frames a second."""
    timeline, linker, scene = Timeline(), _Linker(round(BRIDGED * rate)), 0
    for stretch in stretches:
        timeline.ticks.extend(stretch.ticks)
        timeline.lengths.extend(stretch.lengths)
        timeline.broken.extend(stretch.broken)
        for cut, rows in zip(stretch.cuts, stretch.rows, strict=True):
            scene += cut
            timeline.scenes.append(scene)
            if cut:
                linker.end_all()
            linker.add(len(timeline.scenes) - 1, rows)
    linker.end_all()
    for number, path in enumerate(sorted(linker.done, key=lambda path: path.indices[0])):
        timeline.tracks.append(_filled(number, path))
    return timeline


@dataclass(eq=False)
class _Path:
    indices: list[int]
    rows: list[Array]
    speed: Array = field(default_factory=lambda: np.zeros(2, np.float32))

    def ahead(self, index: int) -> Array:
        """Return the centre (2,) where the face should be in this frame."""
        steps = min(index - self.indices[-1], 5)
        return _centre(self.rows[-1]) + steps * self.speed

    def grow(self, index: int, row: Array) -> None:
        step = (_centre(row) - _centre(self.rows[-1])) / (index - self.indices[-1])
        self.speed = (1 - _PACE) * self.speed + _PACE * step
        self.indices.append(index)
        self.rows.append(row)


def _centre(row: Array) -> Array:
    return row[:2] + row[2:4] / 2


class _Linker:
    def __init__(self, patience: int) -> None:
        self._patience = patience
        self._active: list[_Path] = []
        self.done: list[_Path] = []

    def end_all(self) -> None:
        self.done += self._active
        self._active = []

    def add(self, index: int, rows: Array) -> None:
        """Go on with the faces of the next frame, (n, 15)."""
        self._end([p for p in self._active if index - p.indices[-1] > self._patience])
        taken, doubtful = self._matched(self._costs(index, rows))
        doubtful |= self._hidden(index, rows, taken)
        for other, one in taken.items():
            self._active[one].grow(index, rows[other])
        self._end([self._active[one] for one in doubtful if one not in taken.values()])
        self._active += [_Path([index], [r]) for n, r in enumerate(rows) if n not in taken]

    def _end(self, paths: list[_Path]) -> None:
        self.done += paths
        self._active = [path for path in self._active if path not in paths]

    def _matched(self, costs: Array) -> tuple[dict[int, int], set[int]]:
        """Return the path of each box that clearly has one, and the paths in doubt."""
        taken: dict[int, int] = {}
        doubtful: set[int] = set()
        order = np.dstack(np.unravel_index(np.argsort(costs, axis=None), costs.shape))[0]
        for one, other in order.tolist():
            if not np.isfinite(costs[one, other]):
                break
            if one in doubtful or other in taken or one in taken.values():
                continue
            rivals = np.r_[np.delete(costs[one], other), np.delete(costs[:, other], one)]
            if (costs[one, other] >= _CLEAR * rivals).any():
                doubtful.update(np.flatnonzero(np.isfinite(costs[:, other])).tolist())
            else:
                taken[other] = one
        return taken, doubtful

    def _hidden(self, index: int, rows: Array, taken: dict[int, int]) -> set[int]:
        """Take back the links of faces beside which another is lost just now, and return both.

        Which of the two is still seen, nobody knows.
        """
        doubtful: set[int] = set()
        for one, path in enumerate(self._active):
            if one in taken.values() or index - path.indices[-1] > 1:
                continue
            reach = _NEAR * float(path.rows[-1][2:4].max())
            away = np.linalg.norm(rows[:, :2] + rows[:, 2:4] / 2 - path.ahead(index), axis=1)
            for other in np.flatnonzero(away < reach).tolist():
                if other in taken:
                    doubtful.update((one, taken.pop(other)))
        return doubtful

    def _costs(self, index: int, rows: Array) -> Array:
        """Return how far apart (n, m) paths and boxes are, in heights of the face."""
        costs = np.full((len(self._active), len(rows)), np.inf, np.float32)
        for number, path in enumerate(self._active):
            size = float(path.rows[-1][2:4].max())
            away = rows[:, :2] + rows[:, 2:4] / 2 - path.ahead(index)
            distance = np.linalg.norm(away, axis=1) / size
            reach = _REACH + _WANDER * (index - path.indices[-1] - 1)
            ratios = np.maximum(rows[:, 2:4], 1e-6) / path.rows[-1][2:4]
            grown = np.maximum(ratios, 1 / ratios).max(axis=1)
            fits = (distance < reach) & (grown < _GROWTH)
            costs[number, fits] = distance[fits] + 0.3 * np.log(grown[fits]) + 1e-3
        return costs


def _filled(number: int, path: _Path) -> Track:
    """Return a track without holes: between two sightings a face moves evenly."""
    first, last = path.indices[0], path.indices[-1]
    rows, wanted = np.stack(path.rows), np.arange(first, last + 1)
    full = np.stack(
        [np.interp(wanted, path.indices, rows[:, column]) for column in range(15)], axis=1
    ).astype(np.float32)
    full[~np.isin(wanted, path.indices), 14] = 0
    return Track(number, first, full)


def around(track: Track, timeline: Timeline, *, rate: float) -> dict[int, Box]:
    """Return the boxes of the frames before and after a track, in which its face may be already.

    They move on as the face did, and grow, and end with the scene.
    """
    start, stop = timeline.span(track.first)
    reach = max(1, round(AROUND * rate))
    if _glimpse(track, timeline, reach):
        reach = max(1, round(BRIEFLY * rate))
    boxes = {}
    for index in range(max(start, track.first - reach), track.first):
        boxes[index] = _beyond(track.rows, track.first - index)
    for index in range(track.last + 1, min(stop, track.last + reach) + 1):
        boxes[index] = _beyond(track.rows[::-1], index - track.last)
    return boxes


def _glimpse(track: Track, timeline: Timeline, reach: int) -> bool:
    """Tell whether a face was hardly seen, and nothing else near it, in space and time."""
    if track.by_person or int((track.rows[:, 14] > 0).sum()) > GLIMPSE:
        return False
    for other in timeline.tracks:
        apart = max(other.first - track.last, track.first - other.last)
        if other is track or apart < 1 or apart > 2 * reach:
            continue
        one, two = (track.rows[-1], other.rows[0])
        if other.last < track.first:
            one, two = (track.rows[0], other.rows[-1])
        size = max(float(one[2:4].max()), float(two[2:4].max()))
        if float(np.linalg.norm(_centre(one) - _centre(two))) < 1.5 * size:
            return False
    return True


def _beyond(rows: Array, steps: int) -> Box:
    """Return the box ``steps`` frames before the first of ``rows``."""
    near = rows[: min(len(rows), 6)]
    speed = np.zeros(2)
    if len(near) > 1:
        speed = (_centre(near[0]) - _centre(near[-1])) / (len(near) - 1)
    x, y = _centre(near[0]) + min(steps, 6) * speed
    width, height = near[0][2:4] * (1 + 0.04 * min(steps, 6))
    return float(x - width / 2), float(y - height / 2), float(width), float(height)
