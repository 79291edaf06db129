"""Plans a run over several photos: who is who, and who shares a surrogate identity.

It computes no pixel. A run has three steps, and whoever does the work decides where: look at every
photo (`Survey`), find an identity for everybody who is there more than once (`Casting`), and
treat every photo, each face in its `Role`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from deid_desktop.core.people import Sighting, group, own_seed
from deid_desktop.core.types import ALONE, Array, Company, Face, Identity, Request, Role

VIEWS = 3
"""Faces of one person, the largest, for which an identity is found together."""

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


class Run:
    """All faces of a run. ``people``: for each person the numbers of their faces."""

    def __init__(self, surveys: Sequence[Survey], request: Request, *, same: bool) -> None:
        """Work out who is who.

        Args:
            surveys: one for each photo, in order.
            request: for every face.
            same: one identity for all faces of a person, or a new one for each face.
        """
        self._spots = [(at, face) for at, s in enumerate(surveys) for face in s.faces]
        self._photos = len(surveys)
        self._request = request
        self._same = same
        self._everybody = np.concatenate([ALONE.everybody, *(s.embeddings for s in surveys)])
        sightings = [
            Sighting(at, embedding)
            for (at, _), embedding in zip(self._spots, self._everybody, strict=True)
        ]
        self.people = group(sightings)
        self._person = {face: n for n, faces in enumerate(self.people) for face in faces}

    def castings(self) -> list[Casting]:
        """Return whose identity has to be found before any photo is treated."""
        return [self._casting(person) for person in self._repeated()]

    def roles(self, identities: Sequence[Identity | None]) -> list[dict[int, Role]]:
        """Return the roles of each photo's faces, given the identities of the castings."""
        cast = dict(zip(self._repeated(), identities, strict=True))
        roles: list[dict[int, Role]] = [{} for _ in range(self._photos)]
        for number, (at, face) in enumerate(self._spots):
            person = self._person[number]
            roles[at][face.id] = Role(
                person,
                self._own(person if self._same else number),
                cast.get(person),
                self._company(person),
                refused=_NOT_FOUND if person in cast and cast[person] is None else "",
            )
        return roles

    def _repeated(self) -> list[int]:
        return [n for n, faces in enumerate(self.people) if self._same and len(faces) > 1]

    def _casting(self, person: int) -> Casting:
        largest = sorted(self.people[person], key=self._area, reverse=True)[:VIEWS]
        company = self._company(person)
        spots = [self._spots[number] for number in largest]
        return Casting(self._own(person), tuple((at, face, company) for at, face in spots))

    def _area(self, number: int) -> float:
        _, _, width, height = self._spots[number][1].box
        return width * height

    def _own(self, number: int) -> Request:
        return replace(self._request, seed=own_seed(self._request.seed, number))

    def _company(self, person: int) -> Company:
        own = np.zeros(len(self._spots), np.bool_)
        own[list(self.people[person])] = True
        return Company(self._everybody, own)
