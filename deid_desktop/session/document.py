"""The session's photos and faces, what the person asked for, and what came of it.

This is the only place where they change: edits by the person arrive as undo commands, results
by the worker through the ``accept`` methods; widgets and the renderer listen to the signals.
No pixel is computed here and nothing is stored on disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from deid_desktop.core.types import (
    Box,
    Face,
    FaceResult,
    Identity,
    Method,
    Photo,
    Request,
    State,
    Verdict,
)
from deid_desktop.session.commands import ChangePresence, ChangeRequests
from deid_desktop.session.picture import Picture

RESULTS_KEPT = 12
"""Finished results remembered per face, so that undo shows them at once."""


class Stage(StrEnum):
    """How far a photo has come."""

    WAITING = "waiting"
    READY = "ready"
    FAILED = "failed"


@dataclass(eq=False)
class Subject:
    """One face of a photo.

    ``located`` is false until the pipeline has looked into a drawn box. ``latest`` is the newest
    thing there is to show, ``previewed`` the request it previews, if it is a preview.
    """

    face: Face
    request: Request = field(default_factory=Request)
    present: bool = True
    located: bool = True
    results: dict[Request, FaceResult] = field(default_factory=dict)
    latest: FaceResult | None = None
    previewed: Request | None = None

    @property
    def number(self) -> int:
        """Return the number a person sees, from 1."""
        return self.face.id + 1

    @property
    def result(self) -> FaceResult | None:
        """Return the full-quality result of exactly the current request."""
        return self.results.get(self.request)

    @property
    def shown(self) -> FaceResult | None:
        """Return what the picture shows: the result, else the newest thing there is."""
        return self.result or self.latest

    @property
    def state(self) -> State | None:
        """Return what is known of the current request; ``None`` while it is being worked on."""
        return self.result.verdict.state if self.result else None

    @property
    def identity(self) -> Identity | None:
        """Return the identity that a moved slider keeps; ``None`` asks for a new search."""
        for result in (self.result, self.latest, *reversed(self.results.values())):
            if result is not None and result.identity is not None:
                same = (result.request.k, result.request.seed) == (
                    self.request.k,
                    self.request.seed,
                )
                if same:
                    return result.identity
        return None


@dataclass(eq=False)
class PhotoEntry:
    """One photo of the session. ``photo`` is ``None`` while its pixels are not in memory."""

    path: Path
    stage: Stage = Stage.WAITING
    photo: Photo | None = None
    key: str = ""
    problem: str = ""
    subjects: dict[int, Subject] = field(default_factory=dict)
    thumbnail: Picture | None = None
    exported: bool = False

    @property
    def name(self) -> str:
        """Return the file's name without its folder."""
        return self.path.name

    def present(self) -> tuple[Subject, ...]:
        """Return the faces that count, in order of their numbers."""
        return tuple(subject for subject in self.subjects.values() if subject.present)

    def unfinished(self) -> tuple[Subject, ...]:
        """Return the faces whose current request has no result yet."""
        return tuple(subject for subject in self.present() if subject.result is None)

    def blocked(self) -> tuple[Subject, ...]:
        """Return the faces that stand in the way of an export, unfinished ones included."""
        return tuple(s for s in self.present() if s.state in (None, State.ATTENTION))


def attention(face: Face, request: Request, reason: str) -> FaceResult:
    """Return the result of a face that could not be finished; it blocks the export."""
    return FaceResult(face=face, request=request, verdict=Verdict(State.ATTENTION, reason))


def face_from_box(box: Box, face_id: int) -> Face:
    """Return a face for a box drawn by a person, its points where an upright face has them."""
    left, top, width, height = box
    places = ((0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8))
    points = np.array([(left + x * width, top + y * height) for x, y in places], np.float32)
    return Face(id=face_id, box=box, points=points, score=1.0, by_person=True)


class Document(QObject):
    """Photos, faces, requests, results, selection and the undo stack of one session."""

    photos_changed = Signal()
    photo_changed = Signal(object)  # PhotoEntry: loaded, detected, failed, exported
    faces_changed = Signal(object)  # PhotoEntry: a face was added, removed or located
    subject_changed = Signal(object, int)  # PhotoEntry, face id: request, preview or result
    current_changed = Signal()
    selection_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.entries: list[PhotoEntry] = []
        self.current: PhotoEntry | None = None
        self.selected_id: int | None = None
        self.undo_stack = QUndoStack(self)
        self._gesture = 0

    def anything_changed(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` on every change."""
        for signal in (
            self.photos_changed,
            self.photo_changed,
            self.faces_changed,
            self.subject_changed,
            self.current_changed,
            self.selection_changed,
        ):
            signal.connect(listener)

    # What is looked at

    @property
    def selected(self) -> Subject | None:
        """Return the selected face of the current photo."""
        if self.current is None or self.selected_id is None:
            return None
        return self.current.subjects.get(self.selected_id)

    def open(self, paths: Iterable[Path]) -> None:
        """Add photos and show the first new one; a photo that is open already is shown again."""
        known = {entry.path: entry for entry in self.entries}
        first: PhotoEntry | None = None
        for path in paths:
            resolved = path.absolute()
            if resolved not in known:
                known[resolved] = PhotoEntry(resolved)
                self.entries.append(known[resolved])
            first = first or known[resolved]
        if first is not None:
            self.photos_changed.emit()
            self.show_photo(first)

    def show_photo(self, entry: PhotoEntry) -> None:
        """Make a photo the current one."""
        if entry is self.current:
            return
        self.current = entry
        self.current_changed.emit()
        first = next(iter(entry.present()), None)
        self.select(first.face.id if first else None)

    def step_photo(self, by: int) -> None:
        """Show the next or previous photo."""
        if self.current is not None:
            index = self.entries.index(self.current) + by
            if 0 <= index < len(self.entries):
                self.show_photo(self.entries[index])

    def select(self, face_id: int | None) -> None:
        """Select one face of the current photo, or none."""
        if face_id != self.selected_id:
            self.selected_id = face_id
        self.selection_changed.emit()

    def step_face(self, by: int, *, only_blocked: bool = False) -> None:
        """Select the next or previous face, going round; on request only among blocked ones."""
        if self.current is None:
            return
        faces = self.current.blocked() if only_blocked else self.current.present()
        ids = [subject.face.id for subject in faces]
        if not ids:
            return
        if self.selected_id in ids:
            self.select(ids[(ids.index(self.selected_id) + by) % len(ids)])
        else:
            self.select(ids[0 if by > 0 else -1])

    # Edits by the person: all of them can be undone

    def new_gesture(self) -> int:
        """Return a number under which the edits of one gesture are merged into one step."""
        self._gesture += 1
        return self._gesture

    def edit(self, text: str, change: Callable[[Request], Request], *, gesture: int = 0) -> None:
        """Change the request of the selected face; nothing happens where it stays the same."""
        subject = self.selected
        if self.current is not None and subject is not None:
            self.edit_faces(self.current, (subject,), text, change, gesture=gesture)

    def edit_faces(
        self,
        entry: PhotoEntry,
        subjects: Iterable[Subject],
        text: str,
        change: Callable[[Request], Request],
        *,
        gesture: int = 0,
    ) -> None:
        """Change the requests of several faces in one step."""
        before = {subject.face.id: subject.request for subject in subjects}
        after = {face_id: change(request) for face_id, request in before.items()}
        if before != after:
            self.undo_stack.push(ChangeRequests(self, entry, before, after, text, gesture))

    def another_face(self) -> None:
        """Ask for another surrogate of the selected face."""
        self.edit("Another face", lambda request: replace(request, seed=request.seed + 1))

    def set_method(self, method: Method, *, everywhere: bool = False) -> None:
        """Set the method of the selected face, or of every face of the photo."""
        if self.current is None:
            return
        chosen = (self.selected,) if not everywhere else self.current.present()
        subjects = [subject for subject in chosen if subject is not None]
        self.edit_faces(
            self.current, subjects, f"Method: {method}", lambda r: replace(r, method=method)
        )

    def add_face(self, box: Box) -> None:
        """Add a face that a person marked; the pipeline looks into the box next."""
        if self.current is None or self.current.stage is not Stage.READY:
            return
        face_id = max(self.current.subjects, default=-1) + 1
        face = face_from_box(box, face_id)
        subject = Subject(face=face, present=False, located=False)
        self.current.subjects[face_id] = subject
        self.undo_stack.push(
            ChangePresence(self, self.current, face_id, True, f"Mark face {subject.number}")
        )

    def remove_face(self) -> None:
        """Declare that the selected box holds no face."""
        if self.current is not None and self.selected is not None:
            self.undo_stack.push(
                ChangePresence(
                    self,
                    self.current,
                    self.selected.face.id,
                    False,
                    f"Not a face: {self.selected.number}",
                )
            )

    def retry(self, entry: PhotoEntry, face_id: int | None = None) -> None:
        """Forget failures: of one face, or of a photo that could not be read."""
        if face_id is not None:
            subject = entry.subjects[face_id]
            subject.results.pop(subject.request, None)
            self.subject_changed.emit(entry, face_id)
        else:
            entry.stage, entry.problem = Stage.WAITING, ""
            self.photo_changed.emit(entry)

    # Called by the commands only

    def apply_requests(self, entry: PhotoEntry, requests: Mapping[int, Request]) -> None:
        """Put requests in place and show where that happened."""
        entry.exported = False
        self.show_photo(entry)
        if self.selected_id not in requests:
            self.select(next(iter(requests)))
        for face_id, request in requests.items():
            entry.subjects[face_id].request = request
            self.subject_changed.emit(entry, face_id)

    def apply_presence(self, entry: PhotoEntry, face_id: int, present: bool) -> None:
        """Let a face count or not count, and select it or its neighbour."""
        entry.exported = False
        self.show_photo(entry)
        entry.subjects[face_id].present = present
        self.faces_changed.emit(entry)
        if present:
            self.select(face_id)
        elif self.selected_id == face_id:
            left = [s.face.id for s in entry.present()]
            self.select(min(left, key=lambda other: abs(other - face_id), default=None))

    # Results of the worker

    def accept_photo(self, entry: PhotoEntry, photo: Photo, thumbnail: Picture) -> None:
        """Take the pixels of a photo.

        A file that changed since it was first read starts anew: faces found in other pixels
        would let those of the new ones through.
        """
        if entry.key not in ("", photo.key):
            self.undo_stack.clear()
            entry.subjects, entry.stage, entry.exported = {}, Stage.WAITING, False
            self.faces_changed.emit(entry)
        entry.photo, entry.key, entry.thumbnail = photo, photo.key, thumbnail
        self.photo_changed.emit(entry)

    def release(self, entry: PhotoEntry) -> None:
        """Let go of a photo's pixels; they are read again when needed."""
        entry.photo = None

    def accept_faces(self, entry: PhotoEntry, faces: Iterable[Face]) -> None:
        """Take the faces that were found."""
        entry.subjects = {face.id: Subject(face=face) for face in faces}
        entry.stage = Stage.READY
        self.photo_changed.emit(entry)
        self.faces_changed.emit(entry)
        if entry is self.current:
            first = next(iter(entry.present()), None)
            self.select(first.face.id if first else None)

    def accept_located(self, entry: PhotoEntry, face: Face) -> None:
        """Take what the pipeline found in a box drawn by a person."""
        subject = entry.subjects[face.id]
        subject.face, subject.located = face, True
        self.faces_changed.emit(entry)

    def accept_result(self, entry: PhotoEntry, request: Request, result: FaceResult) -> None:
        """Take a full-quality result; it counts for exactly the request it answers.

        ``result.request`` may differ: the search strengthens the shape when it has to.
        """
        subject = entry.subjects[result.face.id]
        subject.results.pop(request, None)
        subject.results[request] = result
        subject.latest, subject.previewed = result, None
        while len(subject.results) > RESULTS_KEPT:
            del subject.results[next(r for r in subject.results if r != subject.request)]
        self.subject_changed.emit(entry, result.face.id)

    def accept_preview(self, entry: PhotoEntry, request: Request, result: FaceResult) -> None:
        """Take a quick preview; it is shown, never exported."""
        subject = entry.subjects[result.face.id]
        subject.previewed, subject.latest = request, result
        self.subject_changed.emit(entry, result.face.id)

    def accept_export(self, entry: PhotoEntry, *, exported: bool) -> None:
        """Remember that a photo was exported in its present state."""
        entry.exported = exported
        self.photo_changed.emit(entry)

    def fail_face(self, entry: PhotoEntry, face_id: int, request: Request, reason: str) -> None:
        """Mark a face as needing attention."""
        subject = entry.subjects[face_id]
        subject.located = True
        self.accept_result(entry, request, attention(subject.face, request, reason))

    def fail_photo(self, entry: PhotoEntry, reason: str) -> None:
        """Mark a photo as unusable, with the reason."""
        entry.stage, entry.problem = Stage.FAILED, reason
        self.photo_changed.emit(entry)
