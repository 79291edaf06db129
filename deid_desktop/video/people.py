"""Whose tracks they are, and who plays them: between the first pass and the second.

A few good frames of every track are looked at: their embeddings join tracks to people, and the
usual search finds one surrogate that holds for all of a person's frames at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np

from deid_desktop.core.imaging import photo_from_pixels
from deid_desktop.core.people import ALIKE, own_seed
from deid_desktop.core.pipeline import CHILD_REASON, Pipeline
from deid_desktop.core.pipeline.costume import Costume
from deid_desktop.core.recognise import Recogniser
from deid_desktop.core.types import (
    Array,
    Cancelled,
    Company,
    Face,
    Identity,
    Method,
    Photo,
    Request,
    ShouldStop,
    Sitting,
    State,
    never,
)
from deid_desktop.core.verify import THRESHOLD, judge, similarity
from deid_desktop.video.clip import Clip
from deid_desktop.video.reading import frames
from deid_desktop.video.tracks import Timeline, Track

LOOKS = 5
"""Frames of a track that are looked at."""
SITTINGS = 2
"""Frames of a person that the search looks at."""
_FINALISTS = 4
"""Identities that are tried on, as long as none holds."""
_FEW = 0.1
"""Share of the frames in which an identity may miss the margin, pushed as hard as it can be."""
_LARGE = 90.0
"""Height in pixels from which a larger face makes no better look."""
REHEARSED = 10
"""Frames of a person that the surrogate is tried on before it is taken."""
PUSHES = 4
"""How hard an identity can be pushed, see ``Identity.push``."""
WORK = (160.0, 420.0)
"""Smallest and largest size in pixels at which a face of a clip is composed."""
_MARGIN = 0.05
"""What a similarity should stay below the threshold by, since frames differ."""
_PLAIN = 0.25
"""Least quality of a look that an embedding is believed for."""


@dataclass(frozen=True, eq=False)
class Glance:
    """A face as one good frame shows it. ``quality``: 0…1. ``colour``: its middle colour, RGB."""

    index: int
    photo: Photo
    face: Face
    embedding: Array
    quality: float
    colour: tuple[int, int, int]


@dataclass(eq=False)
class Person:
    """Somebody in a clip. Embeddings live in memory only.

    ``tracks``: ids of the tracks that show them. ``originals`` (n, 128), ``others`` (m, 128): what
    their surrogate must not come near to, their own face and everybody else's. ``colour``: of
    their mask. ``reason``: why there is no ``costume``. ``stretches``: what is wished of single
    tracks, with the same identity; ``costumes``: for these.
    """

    id: int
    tracks: tuple[int, ...]
    request: Request
    colour: tuple[int, int, int]
    originals: Array
    others: Array
    identity: Identity | None = None
    costume: Costume | None = None
    reason: str = ""
    glances: list[Glance] = field(default_factory=list)
    stretches: dict[int, Request] = field(default_factory=dict)
    costumes: dict[int, Costume] = field(default_factory=dict)

    def request_of(self, track: int) -> Request:
        """Return what is to become of a track."""
        return self.stretches.get(track, self.request)

    def costume_of(self, track: int) -> Costume | None:
        """Return what is worn in a track, ``None`` for a mask or the face itself."""
        if self.request_of(track).method is not Method.SURROGATE:
            return None
        return self.costumes.get(track) if track in self.stretches else self.costume


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
    for index in sorted(wanted):
        if should_stop():
            break
        frame = next(frames(path, clip, since=timeline.ticks[index], deep=False))
        photo = photo_from_pixels(frame.pixels, clip.name)
        for track in wanted[index]:
            face = track.face(index)
            seen[track.id].append(
                Glance(
                    index, photo, face, pipeline.embed(photo, face),
                    quality(track.rows[index - track.first]), _colour(photo, face),
                )
            )  # fmt: skip
    return seen


def best_frames(track: Track) -> list[int]:
    """Return the frames of the clip, up to ``LOOKS`` over the whole track, that show it best."""
    scores = np.array([quality(row) for row in track.rows])
    chosen = []
    for part in np.array_split(np.arange(len(scores)), min(LOOKS, len(scores))):
        best = int(part[scores[part].argmax()])
        if scores[best] > 0:
            chosen.append(track.first + best)
    return chosen


def quality(row: Array) -> float:
    """Return how well a row (15,) of the detector shows a face: sure, large and frontal, 0…1."""
    points = row[4:14].reshape(5, 2)
    middle, across = points[:2].mean(0), points[1] - points[0]
    width = float(np.linalg.norm(across))
    aside = abs(float((points[2] - middle) @ across)) / max(width**2, 1e-6)
    frontal = float(np.clip(1.2 - 1.6 * aside, 0.05, 1)) if width > 0 else 0.05
    return float(row[14]) * min(1.0, float(row[3]) / _LARGE) ** 0.5 * frontal


def _colour(photo: Photo, face: Face) -> tuple[int, int, int]:
    """Return the middle colour of the inner face: all that a mask shows of it."""
    x, y, width, height = face.box
    limit = np.array(photo.pixels.shape[1::-1])
    low = np.clip([x + 0.3 * width, y + 0.3 * height], 0, limit - 1).astype(int)
    high = np.clip([x + 0.7 * width, y + 0.7 * height], low + 1, limit).astype(int)
    inner = photo.pixels[low[1] : high[1], low[0] : high[0]].reshape(-1, 3)
    red, green, blue = np.median(inner, axis=0).astype(int).tolist()
    return red, green, blue


def group(timeline: Timeline, seen: dict[int, list[Glance]]) -> list[tuple[int, ...]]:
    """Return the tracks of each person, in order of appearance.

    Tracks whose faces are most alike are joined first, as long as their mean cosine reaches
    ``core.people.ALIKE``. Two tracks that are seen at once are two people. What was only seen badly
    stays by itself.
    """
    clear = [t for t in timeline.tracks if any(g.quality >= _PLAIN for g in seen[t.id])]
    groups = [[track] for track in timeline.tracks]
    means = [_mean(seen[track.id]) if track in clear else None for track in timeline.tracks]
    while True:
        best, pair = ALIKE, None
        for a in range(len(groups)):
            for b in range(a):
                one, other = means[a], means[b]
                if one is None or other is None or _together(groups[a], groups[b]):
                    continue
                alike = float(one @ other)
                if alike >= best:
                    best, pair = alike, (b, a)
        if pair is None:
            break
        first, second = pair
        one, other = means[first], means[second]
        assert one is not None and other is not None
        share = len(groups[first]) / (len(groups[first]) + len(groups[second]))
        means[first] = share * one + (1 - share) * other
        groups[first] += groups.pop(second)
        means.pop(second)
    people = [tuple(sorted(track.id for track in tracks)) for tracks in groups]
    return sorted(people)


def _mean(glances: Sequence[Glance]) -> Array:
    """Return the mean embedding of a track, weighted by quality, of unit length."""
    mean = sum(g.quality * g.embedding for g in glances)
    assert not isinstance(mean, int)
    return mean / max(float(np.linalg.norm(mean)), 1e-6)


def _together(some: Sequence[Track], others: Sequence[Track]) -> bool:
    return any(a.first <= b.last and b.first <= a.last for a in some for b in others)


def cast(
    groups: Sequence[tuple[int, ...]],
    seen: dict[int, list[Glance]],
    pipeline: Pipeline,
    requests: dict[int, Request],
    *,
    stretches: dict[int, Request] | None = None,
    identities: dict[int, Identity] | None = None,
    should_stop: ShouldStop = never,
) -> list[Person]:
    """Give every person one surrogate, or the reason why there is none.

    Args:
        groups: tracks of each person.
        seen: from `look`.
        pipeline: that searches.
        requests: by the person's number; the seed becomes that person's own.
        stretches: by the track's number, where it is to be treated apart from its person.
        identities: found in an earlier run, by the person's number.
        should_stop: asked between steps.
    """
    glances = [[g for track in group for g in seen[track]] for group in groups]
    people = []
    for number, (tracks, own) in enumerate(zip(groups, glances, strict=True)):
        others = [g.embedding for n, more in enumerate(glances) if n != number for g in more]
        request = requests[number]
        person = Person(
            number,
            tracks,
            _with_seed(request, number),
            max(own, key=lambda g: g.quality).colour if own else (96, 96, 96),
            _stacked([g.embedding for g in own]),
            _stacked(others),
            glances=own,
            stretches={
                track: _with_seed(wish, number)
                for track, wish in (stretches or {}).items()
                if track in tracks
            },
        )
        wishes = [person.request, *person.stretches.values()]
        dressing = [wish for wish in wishes if wish.method is Method.SURROGATE]
        if dressing:
            known = (identities or {}).get(number)
            _dress(person, dressing[0], pipeline, known, should_stop)
        people.append(person)
    return people


def _with_seed(request: Request, number: int) -> Request:
    return replace(request, seed=own_seed(request.seed, number))


def _stacked(embeddings: Sequence[Array]) -> Array:
    return np.array(embeddings, np.float32).reshape(-1, 128)


def _dress(
    person: Person, request: Request, pipeline: Pipeline, known: Identity | None,
    should_stop: ShouldStop,
) -> None:  # fmt: skip
    """Find the person's surrogate as ``request`` says, or the reason why there is none."""
    ranked = sorted(person.glances, key=lambda g: -g.quality)
    reasons = [pipeline.why_not(g.photo, g.face, request) for g in ranked]
    able = [g for g, reason in zip(ranked, reasons, strict=True) if not reason]
    if not able:
        person.reason = reasons[0] if reasons else "No frame shows this face."
        return
    if reasons.count(CHILD_REASON) > len(able):  # one frame in which they look older is chance
        person.reason = CHILD_REASON
        return
    # Faces too alike to their own are no bystanders: a track that was not joined is the same.
    apart = [similarity(other[None], person.originals) < ALIKE for other in person.others]
    strangers = person.others[np.array(apart, np.bool_)]
    company = Company(
        np.concatenate([person.originals, strangers]),
        np.arange(len(person.originals) + len(strangers)) < len(person.originals),
    )
    sittings = [Sitting(g.photo, g.face, company) for g in able]
    person.others = strangers
    if known is not None:
        person.identity = known
        person.costume = pipeline.costume(sittings[0], request, known)
    else:
        _rehearse(person, request, sittings, pipeline, should_stop)
    if person.identity is None:
        person.reason = "No surrogate was found that hides this person; another seed may."
        return
    for track, wish in person.stretches.items():
        if wish.method is Method.SURROGATE:
            person.costumes[track] = pipeline.costume(sittings[0], wish, person.identity)


def _rehearse(
    person: Person, request: Request, sittings: Sequence[Sitting], pipeline: Pipeline,
    should_stop: ShouldStop,
) -> None:  # fmt: skip
    """Take the identity that holds, with a margin, in most frames looked at, drawn as for video.

    Each is pushed until it holds in all: small and turned faces hold less well, and a surrogate
    that only holds in most frames would flicker between face and mask.
    """
    recogniser, shown = Recogniser(), sittings[:REHEARSED]
    best = (len(shown) + 1, len(shown))
    finalists = pipeline.finalists(sittings[:SITTINGS], request, should_stop=should_stop)
    for identity in islice(finalists, _FINALISTS):
        for push in range(identity.push, PUSHES):
            if should_stop():
                raise Cancelled
            tried = replace(identity, push=push)
            costume = pipeline.costume(sittings[0], request, tried)
            failed = _failures(person, costume.scaled(256), shown, pipeline, recogniser, best[0])
            if failed < best and failed[1] < len(shown):
                person.identity, person.costume, best = tried, costume, failed
            if not failed[0]:
                return
        if best[0] <= _FEW * len(shown):
            return


def _failures(
    person: Person, costume: Costume, sittings: Sequence[Sitting], pipeline: Pipeline,
    recogniser: Recogniser, most: int,
) -> tuple[int, int]:  # fmt: skip
    """Return in how many frames a costume, drawn as for video, hides the person not well enough.

    First with the margin, of which no more than ``most`` and one are counted, then without.
    """
    near = failed = 0
    for sitting in sittings:
        vertices = pipeline.analyse(sitting.photo, sitting.face).mesh
        layer = costume.layer(costume.scene(sitting.photo.pixels, vertices, work=WORK))
        points = sitting.face.points - np.array([layer.left, layer.top], np.float32)
        found = recogniser.embed_face(layer.changed(sitting.photo.pixels), points)[None]
        states = [
            judge(person.originals, found, costume.donors, person.others, limit).state
            for limit in (THRESHOLD - _MARGIN, THRESHOLD)
        ]
        near += states[0] is not State.VERIFIED
        failed += states[1] is not State.VERIFIED
        if near > most:
            break
    return near, failed
