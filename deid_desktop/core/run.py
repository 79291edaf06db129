"""Plans a run over several photos: who is who, and who shares a surrogate identity.

It computes no pixel. A run has three steps, and whoever does the work decides where: look at every
photo (`Survey`), find an identity for everybody who is there more than once (`Casting`), and
treat every photo, each face in its `Role`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from deid_desktop.core.people import (
    ALIKE,
    ALIKE_AT_ALL,
    Sighting,
    group,
    k_same_groups,
    own_seed,
)
from deid_desktop.core.types import (
    ALONE,
    Array,
    Company,
    DeidError,
    Face,
    Identity,
    Request,
    Role,
)

VIEWS = 3
"""Faces of one person, the largest, for which an identity is found together; in k-Same one."""

_NOT_FOUND = "No surrogate was found that hides this person in all their photos; mask this face."


@dataclass(frozen=True, eq=False)
class Survey:
    """What a photo shows before anything is done to it. ``embeddings`` (n, 128) of its faces.

    It stays in memory: it says who somebody is. ``key``: of the photo's pixels.
    """

    key: str
    faces: tuple[Face, ...]
    embeddings: Array


NOTHING = Survey("", (), ALONE.everybody)
"""What a photo shows that cannot be read."""


@dataclass(frozen=True, eq=False)
class Casting:
    """Faces that are to get one identity: (number of the photo, face, company) of each."""

    request: Request
    sitters: tuple[tuple[int, Face, Company], ...]


class TooFewPeople(DeidError):
    """k-Same was asked for with a k that the photos do not have people for."""


class Run:
    """All faces of a run.

    ``people``: for each person the numbers of their faces. ``clusters``: for each set of people
    who share an identity their numbers; with k-Same at least k, or else one.
    """

    def __init__(
        self, surveys: Sequence[Survey], request: Request, *, same: bool, k_same: int | None = None
    ) -> None:
        """Work out who is who, and who shares an identity.

        Args:
            surveys: one for each photo, in order.
            request: for every face.
            same: one identity for all faces of a person, or a new one for each face.
            k_same: so many people at least share one identity; includes ``same``.

        Raises:
            TooFewPeople: fewer than ``k_same`` people are in the photos.
        """
        self._spots = [(at, face) for at, s in enumerate(surveys) for face in s.faces]
        self._photos = len(surveys)
        self._request = request
        self._same = same or k_same is not None
        self._k_same = k_same
        self._everybody = np.concatenate([ALONE.everybody, *(s.embeddings for s in surveys)])
        sightings = [
            Sighting(at, embedding)
            for (at, _), embedding in zip(self._spots, self._everybody, strict=True)
        ]
        self.people = group(sightings, threshold=ALIKE_AT_ALL if k_same else ALIKE)
        self.clusters = self._clusters()
        self._person = {face: n for n, faces in enumerate(self.people) for face in faces}
        self._cluster = {person: n for n, own in enumerate(self.clusters) for person in own}

    def _clusters(self) -> list[list[int]]:
        if self._k_same is None:
            return [[person] for person in range(len(self.people))]
        if len(self.people) < self._k_same:
            raise TooFewPeople(
                f"k-Same with k = {self._k_same} needs as many people at least, and "
                f"{len(self.people)} were found in these photos; choose a smaller k or add photos"
            )
        means = np.stack([self._everybody[list(faces)].mean(0) for faces in self.people])
        return k_same_groups(means, self._k_same)

    def castings(self) -> list[Casting]:
        """Return whose identity has to be found before any photo is treated."""
        return [self._casting(cluster) for cluster in self._cast()]

    def roles(self, identities: Sequence[Identity | None]) -> list[dict[int, Role]]:
        """Return the roles of each photo's faces, given the identities of the castings."""
        cast = dict(zip(self._cast(), identities, strict=True))
        roles: list[dict[int, Role]] = [{} for _ in range(self._photos)]
        for number, (at, face) in enumerate(self._spots):
            person = self._person[number]
            cluster = self._cluster[person]
            roles[at][face.id] = Role(
                person,
                self._own(cluster if self._same else number),
                cast.get(cluster),
                self._company(person),
                fixed=self._k_same is not None,
                refused=_NOT_FOUND if cluster in cast and cast[cluster] is None else "",
                cluster=None if self._k_same is None else cluster,
            )
        return roles

    def _cast(self) -> list[int]:
        """Return the clusters with more than one face."""
        faces = [sum(len(self.people[person]) for person in own) for own in self.clusters]
        return [n for n, count in enumerate(faces) if self._same and count > 1]

    def _casting(self, cluster: int) -> Casting:
        views = VIEWS if self._k_same is None else 1
        sitters = []
        for person in self.clusters[cluster]:
            company = self._company(person)
            for number in sorted(self.people[person], key=self._area, reverse=True)[:views]:
                at, face = self._spots[number]
                sitters.append((at, face, company))
        return Casting(self._own(cluster), tuple(sitters))

    def _area(self, number: int) -> float:
        _, _, width, height = self._spots[number][1].box
        return width * height

    def _own(self, number: int) -> Request:
        return replace(self._request, seed=own_seed(self._request.seed, number))

    def _company(self, person: int) -> Company:
        own = np.zeros(len(self._spots), np.bool_)
        own[list(self.people[person])] = True
        return Company(self._everybody, own)
