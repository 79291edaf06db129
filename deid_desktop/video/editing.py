"""What a person changes about tracks: split, merge, add, remove, another method. Values only.

Edits are applied in order to what the first pass found, which stays as it is; so they can be undone
by leaving one out, and a run that goes on makes the same tracks again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from deid_desktop.core.types import Box, Request
from deid_desktop.video.tracks import Timeline, Track

_POINTS = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.78], [0.65, 0.78]])
"""Where eyes, nose and mouth are in a box that a person drew, if anywhere."""


@dataclass(frozen=True)
class Split:
    """A track ends before the frame ``index``; the rest is a track of its own."""

    track: int
    index: int


@dataclass(frozen=True)
class Remove:
    """A track shows no face."""

    track: int


@dataclass(frozen=True)
class Add:
    """A face that was not found goes from one box to another, evenly."""

    first: int
    first_box: Box
    last: int
    last_box: Box


@dataclass(frozen=True)
class Join:
    """Two tracks show one person, or, if not ``same``, two."""

    one: int
    other: int
    same: bool = True


@dataclass(frozen=True)
class Ask:
    """What is to become of the person whom a track shows, or of them in this track ``alone``."""

    track: int
    request: Request
    alone: bool = False


Edit = Split | Remove | Add | Join | Ask


def edited(timeline: Timeline, edits: Sequence[Edit]) -> Timeline:
    """Return the timeline with its tracks split, added and removed; the tracks given stay.

    New tracks get the next free number, so that the same edits give the same numbers.
    """
    tracks = {track.id: track for track in timeline.tracks}
    free = max(tracks, default=-1) + 1
    for edit in edits:
        match edit:
            case Split(number, index) if number in tracks:
                track = tracks[number]
                if track.first < index <= track.last:
                    cut = index - track.first
                    tracks[number] = replace(track, rows=track.rows[:cut])
                    tracks[free] = replace(track, id=free, first=index, rows=track.rows[cut:])
                    free += 1
            case Remove(number):
                tracks.pop(number, None)
            case Add():
                tracks[free] = _drawn(free, edit)
                free += 1
            case _:
                pass
    return replace(timeline, tracks=[tracks[number] for number in sorted(tracks)])


def _drawn(number: int, edit: Add) -> Track:
    first, last = sorted([(edit.first, edit.first_box), (edit.last, edit.last_box)])
    count = last[0] - first[0] + 1
    share = np.linspace(0, 1, count)[:, None]
    boxes = (1 - share) * np.array(first[1]) + share * np.array(last[1])
    points = boxes[:, None, :2] + _POINTS * boxes[:, None, 2:]
    rows = np.c_[boxes, points.reshape(count, 10), np.zeros(count)].astype(np.float32)
    return Track(number, first[0], rows, by_person=True)


def regrouped(groups: Sequence[tuple[int, ...]], edits: Sequence[Edit]) -> list[tuple[int, ...]]:
    """Return the tracks of each person as a person has joined and parted them."""
    people = [set(group) for group in groups]

    def of(track: int) -> set[int]:
        return next((person for person in people if track in person), set())

    for edit in edits:
        if isinstance(edit, Join):
            one, other = of(edit.one), of(edit.other)
            if edit.same and one is not other:
                one |= other
                people.remove(other)
            elif not edit.same and one is other:
                one.discard(edit.other)
                people.append({edit.other})
    return sorted(tuple(sorted(person)) for person in people if person)


def requests_of(
    groups: Sequence[tuple[int, ...]], edits: Sequence[Edit], usual: Request
) -> dict[int, Request]:
    """Return what is to become of each person, by number; the latest wish counts."""
    requests = dict.fromkeys(range(len(groups)), usual)
    for edit in edits:
        if isinstance(edit, Ask) and not edit.alone:
            for number, tracks in enumerate(groups):
                if edit.track in tracks:
                    requests[number] = edit.request
    return requests


def stretches_of(edits: Sequence[Edit]) -> dict[int, Request]:
    """Return what is to become of single tracks, whatever becomes of their person elsewhere."""
    return {edit.track: edit.request for edit in edits if isinstance(edit, Ask) and edit.alone}
