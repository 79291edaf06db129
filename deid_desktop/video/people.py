"""Whose tracks they are, and who plays them: between the first pass and the second.

Embeddings of a few frames of every track join tracks to people, and the usual search finds one
surrogate that holds for all of a person's frames at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from deid_desktop.core.people import ALIKE, own_seed
from deid_desktop.core.pipeline import CHILD_REASON, Pipeline
from deid_desktop.core.pipeline.costume import Costume
from deid_desktop.core.types import (
    Array,
    Company,
    Identity,
    Method,
    Request,
    ShouldStop,
    Sitting,
    never,
)
from deid_desktop.core.verify import similarity
from deid_desktop.video.glances import Glance, PhotoAt, most_telling
from deid_desktop.video.rehearsal import REHEARSED, rehearse
from deid_desktop.video.tracks import Timeline, Track

_READ = 2 * REHEARSED
"""Frames of a person that are read, before those are left out that can have no surrogate."""
_PLAIN = 0.25
"""Least quality of a look that an embedding is believed for."""


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
    photo_at: PhotoAt,
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
        photo_at: reads frames of the clip.
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
            _dress(person, dressing[0], pipeline, photo_at, known, should_stop)
        people.append(person)
    return people


def _with_seed(request: Request, number: int) -> Request:
    return replace(request, seed=own_seed(request.seed, number))


def _stacked(embeddings: Sequence[Array]) -> Array:
    return np.array(embeddings, np.float32).reshape(-1, 128)


def _dress(
    person: Person, request: Request, pipeline: Pipeline, photo_at: PhotoAt,
    known: Identity | None, should_stop: ShouldStop,
) -> None:  # fmt: skip
    """Find the person's surrogate as ``request`` says, or the reason why there is none."""
    shown = [(photo_at(g.index), g.face) for g in most_telling(person.glances)[:_READ]]
    reasons = pipeline.why_not_each(shown, request)
    able = [seen for seen, reason in zip(shown, reasons, strict=True) if not reason]
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
    sittings = [Sitting(photo, face, company) for photo, face in able]
    person.others = strangers
    if known is not None:
        person.identity = known
        person.costume = pipeline.costume(sittings[0], request, known)
    else:
        found = rehearse(sittings, request, person.originals, strangers, pipeline, should_stop)
        person.identity, person.costume = found or (None, None)
    if person.identity is None:
        person.reason = "No surrogate was found that hides this person; another seed may."
        return
    for track, wish in person.stretches.items():
        if wish.method is Method.SURROGATE:
            person.costumes[track] = pipeline.costume(sittings[0], wish, person.identity)
