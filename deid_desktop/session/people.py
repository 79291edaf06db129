"""Who is who among the faces of a session, and what follows: one surrogate for one person.

Follows the document. Who is who is worked out from embeddings, which the worker makes and which
stay in memory; what a person says about it is a pin in a face's edit, and can be undone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand

from deid_desktop.core.people import Sighting, group
from deid_desktop.core.types import (
    ALONE,
    Company,
    Face,
    Identity,
    Method,
    Photo,
    Request,
    State,
)
from deid_desktop.session.jobs import RedactFace
from deid_desktop.session.language import tr
from deid_desktop.session.model import Edit, PhotoEntry, Seen, Subject

if TYPE_CHECKING:
    from deid_desktop.session.document import Document

Member = tuple[PhotoEntry, Subject]
"""A face, and the photo it is in."""


@dataclass(frozen=True, eq=False)
class Part:
    """What a face is redacted with. ``shared``: other faces have to wear the same identity."""

    identity: Identity | None
    company: Company
    shared: bool

    def job(self, photo: Photo, face: Face, request: Request) -> RedactFace:
        """Return the job that redacts it for good."""
        return RedactFace(
            photo, face, request, self.identity, False, company=self.company, shared=self.shared
        )


class People(QObject):
    """The people of a session. ``same``: all faces of a person wear one identity."""

    changed = Signal()
    warned = Signal(str)  # what a person should know before they go on

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self.same = True
        self._document = document
        self._groups: list[list[Member]] | None = None
        document.photos_changed.connect(self._forget)
        document.faces_changed.connect(self._forget)

    # Who is who

    def all(self) -> list[list[Member]]:
        """Return the faces of each person, people and faces in the order of the photos."""
        if self._groups is None:
            known = [
                (entry, subject)
                for entry in self._document.entries
                for subject in entry.present()
                if subject.embedding is not None
            ]
            sightings = [
                Sighting(entry.path, subject.embedding, subject.edit.pin)
                for entry, subject in known
                if subject.embedding is not None
            ]
            self._groups = [[known[index] for index in members] for members in group(sightings)]
        return self._groups

    def number(self, subject: Subject) -> int | None:
        """Return which person a face is, from 0; ``None`` while that is not known."""
        found = (n for n, own in enumerate(self.all()) if any(s is subject for _, s in own))
        return next(found, None)

    def members(self, subject: Subject) -> list[Member]:
        """Return all faces of a face's person, itself included."""
        number = self.number(subject)
        return [] if number is None else self.all()[number]

    def unknown(self, entry: PhotoEntry) -> list[Subject]:
        """Return the faces of a photo that have to be looked at first; masks need no look."""
        faces = [s for s in entry.present() if s.located and not s.face.region and s.face.score > 0]
        wanted = any(s.request.method is Method.SURROGATE for s in faces)
        return [s for s in faces if not s.looked_at] if wanted else []

    def accept(self, found: Mapping[int, Seen], entry: PhotoEntry) -> None:
        """Take what was seen of a photo's faces; a face that is new to a person takes its seed."""
        for face_id, seen in found.items():
            entry.subjects[face_id].seen = seen
        self._forget()
        for face_id in found:
            subject = entry.subjects[face_id]
            lead = self._lead(subject, any_seed=True)
            new = not subject.results and subject.saved is None
            if self.same and lead is not None and new:
                request = replace(subject.request, seed=lead.request.seed)
                subject.edit = replace(subject.edit, request=request)
        self.align()
        self.changed.emit()

    # What follows

    def part(self, subject: Subject) -> Part:
        """Return what a face is redacted with."""
        lead = self._lead(subject)
        identity = lead.identity if lead is not None else subject.identity
        wearing = [s for _, s in self.members(subject) if s.request.method is Method.SURROGATE]
        return Part(identity, self.company(subject), self.same and len(wearing) > 1)

    def company(self, subject: Subject) -> Company:
        """Return the originals that a face's surrogate is held against, as far as known."""
        everybody = [s for own in self.all() for _, s in own]
        if not everybody:
            return ALONE
        own = {id(s) for _, s in self.members(subject)}
        embeddings = np.stack([s.embedding for s in everybody if s.embedding is not None])
        return Company(embeddings, np.array([id(s) in own for s in everybody]))

    def align(self) -> None:
        """Have faces made again that wear another identity than their person."""
        for own in self.all() if self.same else []:
            for entry, subject in own:
                lead, result = self._lead(subject), subject.result
                if lead is None or result is None or result.verdict.state is not State.VERIFIED:
                    continue
                if _base(result.identity) != _base(lead.identity):
                    self._document.retry(entry, subject.face.id)

    def _lead(self, subject: Subject, *, any_seed: bool = False) -> Subject | None:
        """Return the first face of the person that wears an identity, if it is another face."""
        if not self.same:
            return None
        for _, other in self.members(subject):
            result = other.result
            if result is None or result.verdict.state is not State.VERIFIED:
                continue
            wishes = (
                (other.request.k, other.request.seed),
                (subject.request.k, subject.request.seed),
            )
            if any_seed or wishes[0] == wishes[1]:
                return None if other is subject else other
        return None

    # What a person says: all of it can be undone

    def merge(self, faces: Iterable[Subject]) -> None:
        """Say that these faces and all others of their people are one person."""
        members = self._whole(faces)
        seed = self._fresh_seed(members)
        pin = self._fresh_pin()
        self._push(tr("Merge people"), members, lambda e: _reseeded(replace(e, pin=pin), seed))

    def split(self, faces: Iterable[Subject]) -> None:
        """Say that these faces are another person than the rest of theirs."""
        chosen = {id(subject) for subject in faces}
        members = self._whole(s for own in self.all() for _, s in own if id(s) in chosen)
        pin, seed = self._fresh_pin(), self._fresh_seed(members)
        edits = {
            id(s): _reseeded(replace(s.edit, pin=pin), seed)
            if id(s) in chosen
            else replace(s.edit, pin=s.edit.pin if s.edit.pin is not None else pin + 1)
            for _, s in members
        }
        self._push_edits(tr("Split person"), members, edits)

    def set_same(self, same: bool) -> None:
        """Let all faces of a person wear one identity, or each its own."""
        if same == self.same:
            return
        edits = {}
        repeated = [own for own in self.all() if len(own) > 1]
        for own in repeated:
            seed = own[0][1].request.seed
            for n, (_, subject) in enumerate(own):
                edits[id(subject)] = _reseeded(subject.edit, seed if same else seed + n)
        members = [member for own in repeated for member in own]
        text = tr("One surrogate for each person") if same else tr("A surrogate for each face")
        self._push_edits(text, members, edits, same=same)
        if same:
            self.align()

    def reseed(self, change: Callable[[int], int]) -> None:
        """Give the selected faces, and all others of their people, the surrogate of a new seed."""
        document = self._document
        members = self._whole(document.chosen) if self.same else []
        if any(s.face.id in entry.out for entry, s in self._concerned(members)):
            self.warned.emit(
                tr(
                    "This face was exported before. Two exports of one face can be linked with "
                    "each other: publish only one of them."
                )
            )
        if len(members) <= len(document.chosen):
            document.edit(tr("Another face"), lambda r: replace(r, seed=change(r.seed)))
            return
        seed = change(max(subject.request.seed for _, subject in members))
        self._push(tr("Another face"), members, lambda edit: _reseeded(edit, seed))

    def _concerned(self, members: list[Member]) -> list[Member]:
        entry = self._document.current
        own = [] if entry is None else [(entry, subject) for subject in self._document.chosen]
        return [*members, *own]

    def _whole(self, faces: Iterable[Subject]) -> list[Member]:
        """Return all faces of the people whom these faces show."""
        numbers = {self.number(subject) for subject in faces}
        return [m for n, own in enumerate(self.all()) if n in numbers for m in own]

    def _fresh_pin(self) -> int:
        entries = self._document.entries
        pins = [s.edit.pin or 0 for entry in entries for s in entry.subjects.values()]
        return max(pins, default=0) + 1

    def _fresh_seed(self, members: list[Member]) -> int:
        return max((subject.request.seed for _, subject in members), default=0) + 1

    def mask(self, entries: Iterable[PhotoEntry]) -> None:
        """Hide all faces of these photos that need attention under solid masks, in one step."""
        members = [(e, s) for e in entries for s in e.present() if s.state is State.ATTENTION]
        if members:
            self._push(
                tr("Mask what needs attention"),
                members,
                lambda edit: replace(edit, request=replace(edit.request, method=Method.SOLID)),
            )

    def _push(self, text: str, members: list[Member], change: Callable[[Edit], Edit]) -> None:
        self._push_edits(text, members, {id(s): change(s.edit) for _, s in members})

    def _push_edits(
        self,
        text: str,
        members: list[Member],
        edits: Mapping[int, Edit],
        *,
        same: bool | None = None,
    ) -> None:
        after = self.same if same is None else same
        changes = [(entry, s, s.edit, edits[id(s)]) for entry, s in members]
        self._document.undo_stack.push(_ChangePeople(self, changes, (self.same, after), text))

    def apply(self, changes: Iterable[tuple[PhotoEntry, Subject, Edit]], *, same: bool) -> None:
        """Put edits of faces in several photos in place, without leaving the photo in view."""
        self.same = same
        touched = list(changes)
        for entry, subject, edit in touched:
            entry.exported = False
            subject.edit = edit
        self._forget()
        for entry, subject, _ in touched:
            self._document.subject_changed.emit(entry, subject.face.id)
        self.changed.emit()

    def _forget(self) -> None:
        self._groups = None
        self.changed.emit()


class _ChangePeople(QUndoCommand):
    """New edits for faces of several photos: (photo, face, before, after) of each."""

    def __init__(
        self,
        people: People,
        changes: list[tuple[PhotoEntry, Subject, Edit, Edit]],
        same: tuple[bool, bool],
        text: str,
    ) -> None:
        super().__init__(text)
        self._people, self._changes, self._same = people, changes, same

    def redo(self) -> None:
        """Apply the step."""
        self._people.apply([(p, s, after) for p, s, _, after in self._changes], same=self._same[1])

    def undo(self) -> None:
        """Take the step back."""
        self._people.apply([(p, s, old) for p, s, old, _ in self._changes], same=self._same[0])


def _reseeded(edit: Edit, seed: int) -> Edit:
    return replace(edit, request=replace(edit.request, seed=seed))


def _base(identity: Identity | None) -> Identity | None:
    """Return who somebody is, however hard it had to be pushed."""
    return None if identity is None else replace(identity, push=0)
