"""What a session holds: photos, their faces, and what the person decided about each.

Plain data that only ``document`` changes; everybody else reads it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path

import numpy as np

from deid_desktop.core.naming import printable
from deid_desktop.core.project import Decision
from deid_desktop.core.types import (
    Array,
    Box,
    Face,
    FaceResult,
    Identity,
    Photo,
    Request,
    State,
    Verdict,
)
from deid_desktop.session.language import later
from deid_desktop.session.picture import Picture

STAYS = later("A box stays on its face. If this is no face, press Del; mark others with M.")
Spot = tuple[float, ...]
"""Where a face is: its box, and the angle by which it is turned."""
Place = tuple[Spot, Request]
"""What a result answers: this request, for a face at this spot."""


def spot_of(face: Face) -> Spot:
    """Return where a face is."""
    return (*(float(value) for value in face.box), float(face.angle))


class Stage(StrEnum):
    """How far a photo has come. ``CHANGED``: its file is no longer the one that was worked on."""

    WAITING = "waiting"
    READY = "ready"
    FAILED = "failed"
    MISSING = "missing"
    CHANGED = "changed"


@dataclass(frozen=True)
class Edit:
    """Everything a person can change about a face: what undo goes back and forth between.

    ``pin``: the person whom someone said this is, see ``core.people``.
    """

    face: Face
    request: Request = field(default_factory=Request)
    present: bool = True
    located: bool = True
    decisions: tuple[Decision, ...] = ()
    pin: int | None = None

    @cached_property
    def place(self) -> Place:
        """Return what a result has to answer to count; it is asked for many times a frame."""
        return spot_of(self.face), self.request


@dataclass(frozen=True, eq=False)
class Seen:
    """What was seen of a face: who it may be, and how it looks small. In memory only.

    Both are ``None`` where looking at it failed.
    """

    face: Face
    embedding: Array | None = None
    crop: Picture | None = None


@dataclass(eq=False)
class Subject:
    """One face (or region) of a photo.

    ``edit.located`` is false until the pipeline has looked into a drawn box. ``latest`` is the
    newest thing there is to show, ``previewed`` the request it previews, if it is a preview.
    ``saved`` is the identity that a project file remembers for ``saved_for``. ``broke``: the place
    whose work ended in an error or was cancelled, so that trying again may help.
    """

    edit: Edit
    results: dict[Place, FaceResult] = field(default_factory=dict)
    latest: FaceResult | None = None
    previewed: Request | None = None
    saved: Identity | None = None
    saved_for: Place | None = None
    broke: Place | None = None
    seen: Seen | None = None

    @property
    def looked_at(self) -> bool:
        """Return whether the face was looked at as it is marked now."""
        return self.seen is not None and spot_of(self.seen.face) == spot_of(self.face)

    @property
    def embedding(self) -> Array | None:
        """Return the embedding of the face as it is marked now; ``None`` before it was seen."""
        return self.seen.embedding if self.seen is not None and self.looked_at else None

    @property
    def face(self) -> Face:
        """Return the face as it is marked now."""
        return self.edit.face

    @property
    def request(self) -> Request:
        """Return what is asked for now."""
        return self.edit.request

    @property
    def present(self) -> bool:
        """Return whether the face counts."""
        return self.edit.present

    @property
    def located(self) -> bool:
        """Return whether the pipeline has looked into the box."""
        return self.edit.located

    @property
    def number(self) -> int:
        """Return the number a person sees, from 1."""
        return self.face.id + 1

    @property
    def place(self) -> Place:
        """Return what a result has to answer to count."""
        return self.edit.place

    @property
    def result(self) -> FaceResult | None:
        """Return the full-quality result of exactly the current request and box."""
        return self.results.get(self.place)

    @property
    def shown(self) -> FaceResult | None:
        """Return what the picture shows: the result, else the newest thing made for this box."""
        if self.result is not None:
            return self.result
        latest = self.latest
        here = latest is not None and spot_of(latest.face) == spot_of(self.face)
        return latest if here else None

    @property
    def state(self) -> State | None:
        """Return what is known of the current request; ``None`` while it is being worked on."""
        return self.result.verdict.state if self.result else None

    @property
    def identity(self) -> Identity | None:
        """Return the identity that a moved slider keeps; ``None`` asks for a new search."""
        if self.result is None and self.saved_for == self.place:
            return self.saved
        for result in (self.result, self.latest, *reversed(self.results.values())):
            if result is not None and result.identity is not None:
                same = (result.request.k, result.request.seed) == (
                    self.request.k,
                    self.request.seed,
                )
                if same:
                    return result.identity
        return None

    def shelve(self) -> None:
        """Give up all layers; of the current result keep what is known, to make it again."""
        result = self.result
        self.results.clear()
        self.latest = self.previewed = None
        if result is not None:
            self.results[self.place] = replace(result, layer=None)

    def unshelve(self) -> None:
        """Ask for the current result again, with the same identity."""
        result = self.results.pop(self.place, None)
        if result is not None and result.identity is not None:
            self.saved, self.saved_for = result.identity, self.place

    @property
    def fingerprint(self) -> str:
        """Return what a review is about, as one word; empty while there is no result."""
        if self.result is None:
            return ""
        what = (spot_of(self.face), self.request, self.result.identity)
        return hashlib.sha256(repr(what).encode()).hexdigest()[:32]

    @property
    def decision(self) -> Decision | None:
        """Return the last decision, if it was about what is there now."""
        last = self.edit.decisions[-1] if self.edit.decisions else None
        return last if last is not None and last.about == self.fingerprint else None

    @property
    def approved(self) -> bool:
        """Return whether a reviewer approved what is there now."""
        return self.decision is not None and self.decision.approved

    @property
    def rejected(self) -> bool:
        """Return whether a reviewer rejected what is there now."""
        return self.decision is not None and not self.decision.approved


@dataclass(eq=False)
class PhotoEntry:
    """One photo of the session. ``photo`` is ``None`` while its pixels are not in memory.

    ``sha256``: digest of the file, "" until it was read once. ``key``: digest of the pixels.
    ``page``: which picture of a file with several, from 0; ``pages``: how many it has.
    ``notes``: what a person should know of how it was read, as the reader says it.
    ``shelved``: its verdicts are known, its layers were given up to save memory.
    ``last_export``: the results, without layers, as they were confirmed for the last export.
    ``out``: the faces of which a surrogate was written to a file in this session.
    """

    path: Path
    stage: Stage = Stage.WAITING
    photo: Photo | None = None
    key: str = ""
    sha256: str = ""
    problem: str = ""
    page: int = 0
    pages: int = 1
    notes: tuple[str, ...] = ()
    subjects: dict[int, Subject] = field(default_factory=dict)
    thumbnail: Picture | None = None
    exported: bool = False
    shelved: bool = False
    last_export: tuple[FaceResult, ...] = ()
    out: frozenset[int] = frozenset()

    @property
    def name(self) -> str:
        """Return the file's name without its folder, as it may be shown."""
        return printable(self.path.name)

    def present(self) -> tuple[Subject, ...]:
        """Return the faces that count, in order of their numbers."""
        return tuple(subject for subject in self.subjects.values() if subject.present)

    def unfinished(self) -> tuple[Subject, ...]:
        """Return the faces whose current request has no result yet."""
        return tuple(subject for subject in self.present() if subject.result is None)

    def blocked(self) -> tuple[Subject, ...]:
        """Return the faces that stand in the way of an export, unfinished ones included."""
        return tuple(s for s in self.present() if s.state in (None, State.ATTENTION) or s.rejected)

    def weight(self) -> int:
        """Return how many bytes the layers of its results hold."""
        kept = {id(r): r for s in self.subjects.values() for r in (*s.results.values(), s.latest)}
        arrays = (v for r in kept.values() if r and r.layer for v in vars(r.layer).values())
        return sum(array.nbytes for array in arrays if isinstance(array, np.ndarray))

    def unapproved(self) -> tuple[Subject, ...]:
        """Return the faces that no reviewer has approved as they are now."""
        return tuple(subject for subject in self.present() if not subject.approved)


def attention(face: Face, request: Request, reason: str) -> FaceResult:
    """Return the result of a face that could not be finished; it blocks the export."""
    return FaceResult(face=face, request=request, verdict=Verdict(State.ATTENTION, reason))


def face_from_box(box: Box, face_id: int, *, region: bool = False, angle: float = 0.0) -> Face:
    """Return a face for a box drawn by a person, its points where a face has them."""
    left, top, width, height = box
    places = ((-0.2, -0.1), (0.2, -0.1), (0.0, 0.1), (-0.15, 0.3), (0.15, 0.3))
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    offsets = [(x * width, y * height) for x, y in places]
    middle = np.array([left + width / 2, top + height / 2])
    points = np.array([(x * cos - y * sin, x * sin + y * cos) for x, y in offsets]) + middle
    return Face(
        id=face_id,
        box=box,
        points=points.astype(np.float32),
        score=0.0 if region else 1.0,
        by_person=True,
        region=region,
        angle=angle,
    )


def abandons(face: Face, box: Box, angle: float) -> bool:
    """Return whether a box in this place would leave out the middle of a face that was found.

    A slip of the mouse would uncover the face, and the photo would still count as finished.
    """
    if face.region or face.score == 0:
        return False
    left, top, width, height = box
    x, y = face.points.mean(0) - [left + width / 2, top + height / 2]
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return bool(abs(x * cos + y * sin) > width / 2 or abs(y * cos - x * sin) > height / 2)


def moved(edit: Edit, box: Box, angle: float) -> Edit:
    """Return the edit with its face in another box, to be looked into anew."""
    face = face_from_box(box, edit.face.id, region=edit.face.region, angle=angle)
    return replace(edit, face=face, located=edit.face.region)


def approval(entries: Sequence[PhotoEntry]) -> tuple[int, int]:
    """Return how many faces are approved, and how many there are."""
    faces = [subject for entry in entries for subject in entry.present()]
    return sum(subject.approved for subject in faces), len(faces)
