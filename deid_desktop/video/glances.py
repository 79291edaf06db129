"""Looks at a few frames of every track: enough to tell whose it is, and how a surrogate fits it.

Embeddings live in memory only. Frames are read again when they are wanted, since those of a long
clip with many tracks would not fit there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deid_desktop.core.imaging import photo_from_pixels
from deid_desktop.core.pipeline import Pipeline
from deid_desktop.core.types import Array, Face, Photo, ShouldStop, never
from deid_desktop.video.clip import Clip
from deid_desktop.video.reading import frames
from deid_desktop.video.tracks import Timeline, Track

LOOKS = 5
"""Frames of a track that are looked at since they show it well …"""
VARIED = 5
"""… and since they show it otherwise than these."""
_SHOWN = 0.4
"""Share of the best quality that a frame must have to be looked at for its pose."""
_LARGE = 90.0
"""Height in pixels from which a larger face makes no better look."""

PhotoAt = Callable[[int], Photo]
"""Gives the frame of an index in the clip as a photo."""


@dataclass(frozen=True, eq=False)
class Glance:
    """A face as one good frame shows it.

    ``quality``: 0…1. ``pose`` (3,): see `pose_of`. ``colour``: its middle colour, RGB.
    """

    index: int
    face: Face
    embedding: Array
    quality: float
    pose: Array
    colour: tuple[int, int, int]


def photos(path: Path, clip: Clip, timeline: Timeline) -> PhotoAt:
    """Return what reads single frames of a clip."""

    def photo_at(index: int) -> Photo:
        frame = next(frames(path, clip, since=timeline.ticks[index], deep=False))
        return photo_from_pixels(frame.pixels, clip.name)

    return photo_at


def look(
    path: Path, clip: Clip, timeline: Timeline, pipeline: Pipeline, *,
    should_stop: ShouldStop = never,
) -> dict[int, list[Glance]]:  # fmt: skip
    """Look at a few good frames of every track; return what was seen by the track's id."""
    wanted: dict[int, list[Track]] = {}
    for track in timeline.tracks:
        for index in best_frames(track):
            wanted.setdefault(index, []).append(track)
    seen: dict[int, list[Glance]] = {track.id: [] for track in timeline.tracks}
    photo_at = photos(path, clip, timeline)
    for index in sorted(wanted):
        if should_stop():
            break
        photo = photo_at(index)
        for track in wanted[index]:
            face, row = track.face(index), track.rows[index - track.first]
            seen[track.id].append(
                Glance(
                    index, face, pipeline.embed(photo, face),
                    quality(row), pose_of(row), _colour(photo, face),
                )
            )  # fmt: skip
    return seen


def best_frames(track: Track) -> list[int]:
    """Return the frames of the clip, up to ``LOOKS`` over the whole track, that show it best.

    And up to ``VARIED`` more, in which it is turned or sized most differently.
    """
    scores = np.array([quality(row) for row in track.rows])
    parts = np.array_split(np.arange(len(scores)), min(LOOKS, len(scores)))
    best = [int(part[scores[part].argmax()]) for part in parts]
    chosen = [number for number in best if scores[number] > 0]
    if chosen:
        able = [n for n in range(len(scores)) if scores[n] >= _SHOWN * scores.max()]
        poses = np.array([pose_of(row) for row in track.rows])
        rest = [n for n in able if n not in chosen]
        chosen += [rest[n] for n in varied(poses[rest], VARIED, beside=poses[chosen])]
    return sorted(track.first + number for number in chosen)


def varied(poses: Array, count: int, *, beside: Array) -> list[int]:
    """Return up to ``count`` of ``poses`` (n, 3), each the farthest from those before it.

    The first is the farthest from those ``beside`` (m, 3).
    """
    chosen: list[int] = []
    away = np.linalg.norm(poses[:, None] - beside, axis=2).min(1)
    for _ in range(min(count, len(poses))):
        chosen.append(int(away.argmax()))
        away = np.minimum(away, np.linalg.norm(poses - poses[chosen[-1]], axis=1))
        away[chosen] = -1.0
    return chosen


def quality(row: Array) -> float:
    """Return how well a row (15,) of the detector shows a face: sure, large and frontal, 0…1."""
    aside = abs(float(pose_of(row)[0]))
    frontal = float(np.clip(1.2 - 1.6 * aside, 0.05, 1))
    return float(row[14]) * min(1.0, float(row[3]) / _LARGE) ** 0.5 * frontal


def pose_of(row: Array) -> Array:
    """Return roughly how a row (15,) of the detector shows a face: turned, nodding, how large (3,).

    The first two say how far the tip of the nose is from the middle of the eyes, across and down,
    in distances of the eyes; the last is the logarithm of the height in pixels, a quarter of it.
    """
    points = row[4:14].reshape(5, 2)
    across = points[1] - points[0]
    width = max(float(np.linalg.norm(across)), 1e-3)
    right, nose = across / width, (points[2] - points[:2].mean(0)) / width
    down = np.array([-right[1], right[0]])
    return np.array([nose @ right, nose @ down, np.log(max(float(row[3]), 1.0)) / 4])


def _colour(photo: Photo, face: Face) -> tuple[int, int, int]:
    """Return the middle colour of the inner face: all that a mask shows of it."""
    x, y, width, height = face.box
    limit = np.array(photo.pixels.shape[1::-1])
    low = np.clip([x + 0.3 * width, y + 0.3 * height], 0, limit - 1).astype(int)
    high = np.clip([x + 0.7 * width, y + 0.7 * height], low + 1, limit).astype(int)
    inner = photo.pixels[low[1] : high[1], low[0] : high[0]].reshape(-1, 3)
    red, green, blue = np.median(inner, axis=0).astype(int).tolist()
    return red, green, blue


def most_telling(glances: Sequence[Glance]) -> list[Glance]:
    """Return the best glance, then always the one whose pose is farthest from those before it."""
    if not glances:
        return []
    best = max(range(len(glances)), key=lambda n: glances[n].quality)
    poses = np.array([glance.pose for glance in glances])
    rest = [n for n in range(len(glances)) if n != best]
    order = [rest[n] for n in varied(poses[rest], len(rest), beside=poses[[best]])]
    return [glances[n] for n in (best, *order)]
