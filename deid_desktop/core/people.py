"""Tells which faces of several photos belong to one person.

Stands beside the flow: it knows embeddings, not pixels. Faces are joined by average linkage, the
two groups that are most alike first, down to a threshold (Sokal, Michener 1958). Two faces of one
photo are never one person, unless a person says so (a mirror, a poster). What a person decided
is a *pin*: faces with the same pin belong together, faces with different pins never do.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deid_desktop.core.types import Array

ALIKE = 0.45
"""Mean cosine (SFace) from which two groups of faces are taken for one person.

Among 717 photos of 607 people, 110 of them with two photos, 93 % of the pairs it joins are right
and 99 % of the right ones are joined; at 0.363, the threshold of the verdict, 34 % are right
(``python -m bench.people``)."""

SEED_BITS = 52
"""Of a seed that is drawn: too many to try them all, and few enough that every reader of JSON keeps
them exactly, with room for those that are counted up from it."""

ALIKE_AT_ALL = 0.363
"""The same where two people taken for one do no harm, but one taken for two does: in k-Same."""


@dataclass(frozen=True, eq=False)
class Sighting:
    """A face as one photo shows it. ``embedding`` (128,): unit length; ``photo``: any name of it.

    ``pin``: the number of the person whom someone said this is, ``None`` if nobody did.
    """

    photo: Hashable
    embedding: Array
    pin: int | None = None


def group(sightings: Sequence[Sighting], *, threshold: float = ALIKE) -> list[tuple[int, ...]]:
    """Return the people: for each the indices of their sightings, both in order of appearance."""
    if not sightings:
        return []
    groups = _Groups(sightings)
    pinned: defaultdict[int, list[int]] = defaultdict(list)
    for index, sighting in enumerate(sightings):
        if sighting.pin is not None:
            pinned[sighting.pin].append(index)
    for first, *rest in pinned.values():
        for other in rest:
            groups.join(first, other)
    groups.join_alike(threshold)
    return sorted(tuple(sorted(members)) for members in groups.members if members)


def fresh_seed() -> int:
    """Return a seed that nobody can guess, for a run or a session whose seed nobody chose.

    Who holds the original and knows the seed can make the very same surrogate, so it must not be
    found by trying, either.
    """
    return secrets.randbits(SEED_BITS)


def own_seed(seed: int, person: int) -> int:
    """Return the seed of one person (a number from 0) of a run; the first has the run's own."""
    if person == 0:
        return seed
    state = np.random.SeedSequence([seed, person]).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(64 - SEED_BITS))


def k_same_groups(vectors: Array, k: int) -> list[list[int]]:
    """Split people (n, d) into groups of at least ``k``: each time the first and its k − 1 nearest.

    When fewer than 2k are left they are one group (k-Same: Newton, Sweeney, Malin 2005).
    """
    left = list(range(len(vectors)))
    groups = []
    while len(left) >= 2 * k:
        distance = np.linalg.norm(vectors[left] - vectors[left[0]], axis=1)
        nearest = [left[number] for number in np.argsort(distance, kind="stable")[:k]]
        groups.append(nearest)
        left = [number for number in left if number not in nearest]
    return [*groups, left]


class _Groups:
    """Groups of faces; a group lives at the index of its first face, those it took in are empty.

    The mean cosine between two groups is the product of their mean embeddings, so means are kept
    instead of all pairs.
    """

    def __init__(self, sightings: Sequence[Sighting]) -> None:
        count = len(sightings)
        self.members: list[list[int]] = [[index] for index in range(count)]
        self._means = np.stack([s.embedding for s in sightings]).astype(np.float64)
        self._apart = _apart(sightings)
        self._alive = np.ones(count, np.bool_)

    def join(self, first: int, second: int) -> None:
        """Put the second group into the first."""
        a, b = self.members[first], self.members[second]
        total = len(a) * self._means[first] + len(b) * self._means[second]
        self._means[first] = total / (len(a) + len(b))
        self._apart[first] |= self._apart[second]
        self._apart[:, first] = self._apart[first]
        self._apart[first, first] = True
        self._alive[second] = False
        self.members[first], self.members[second] = a + b, []

    def join_alike(self, threshold: float) -> None:
        """Join the two groups that are most alike, as long as any are."""
        alike = np.stack([self._alike(index) for index in range(len(self.members))])
        best = alike.argmax(1)
        likeness = alike.max(1)
        while likeness.max() >= threshold:
            first = int(likeness.argmax())
            first, second = sorted((first, int(best[first])))
            self.join(first, second)
            alike[second] = alike[:, second] = likeness[second] = -np.inf
            alike[first] = alike[:, first] = self._alike(first)
            # A mean is never more alike than the nearer of its two: only these can have changed.
            for index in {first, *np.flatnonzero(np.isin(best, (first, second)) & self._alive)}:
                best[index] = alike[index].argmax()
                likeness[index] = alike[index].max()

    def _alike(self, index: int) -> NDArray[np.float64]:
        row = self._means @ self._means[index]
        row[self._apart[index] | ~self._alive] = -np.inf
        return row if self._alive[index] else np.full_like(row, -np.inf)


def _apart(sightings: Sequence[Sighting]) -> NDArray[np.bool_]:
    """Return which faces (n, n) must not be one person: themselves included."""
    names: dict[Hashable, int] = {}
    photos = np.array([names.setdefault(s.photo, len(names)) for s in sightings])
    pins = np.array([-1 if s.pin is None else s.pin for s in sightings])
    pinned = (pins[:, None] >= 0) & (pins[None] >= 0)
    return (photos[:, None] == photos[None]) | (pinned & (pins[:, None] != pins[None]))
