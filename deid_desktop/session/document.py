"""The session's photos and faces, what the person asked for, and what came of it.

This is the only place where they change: edits by the person arrive as undo commands, results
by the worker through the ``accept`` methods; widgets and the renderer listen to the signals.
No pixel is computed here and nothing is stored on disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from deid_desktop.core.naming import printable
from deid_desktop.core.types import Box, Face, FaceResult, Method, Photo, Request
from deid_desktop.session.commands import ChangeFaces, ClosePhotos
from deid_desktop.session.language import tr
from deid_desktop.session.memory import forget_earlier, shelve_excess
from deid_desktop.session.model import (
    STAYS,
    Edit,
    PhotoEntry,
    Place,
    Stage,
    Subject,
    abandons,
    attention,
    face_from_box,
    moved,
    spot_of,
)
from deid_desktop.session.people import People
from deid_desktop.session.picture import Picture
from deid_desktop.session.words import method_name

RESULTS_KEPT = 12
"""Finished results remembered per face, so that undo shows them at once."""


class Document(QObject):
    """Photos, faces, requests, results, selection and the undo stack of one session."""

    photos_changed = Signal()
    photo_changed = Signal(object)  # PhotoEntry: loaded, detected, failed, exported
    faces_changed = Signal(object)  # PhotoEntry: a face was added, moved, removed or located
    subject_changed = Signal(object, int)  # PhotoEntry, face id: request, preview, result, review
    current_changed = Signal()
    refused = Signal(str)  # why an edit was not made
    selection_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.entries: list[PhotoEntry] = []
        self.current: PhotoEntry | None = None
        self.selected_id: int | None = None
        self.also_selected: frozenset[int] = frozenset()
        self.approval_needed = False
        self.reviewer = ""
        self.standard = Request()
        self.undo_stack = QUndoStack(self)
        self._gesture = 0
        self.people = People(self)

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

    @property
    def chosen(self) -> tuple[Subject, ...]:
        """Return all selected faces: an edit of settings reaches every one of them."""
        if self.current is None or self.selected is None:
            return ()
        wanted = self.also_selected | {self.selected.face.id}
        return tuple(s for s in self.current.present() if s.face.id in wanted)

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

    def replace_all(self, entries: Iterable[PhotoEntry], *, approval_needed: bool) -> None:
        """Put another session in place of this one; it starts with an empty history."""
        self.undo_stack.clear()
        self.current, self.selected_id, self.also_selected = None, None, frozenset()
        self.current_changed.emit()
        self.entries = list(entries)
        self.approval_needed = approval_needed
        self.photos_changed.emit()
        if self.entries:
            self.show_photo(self.entries[0])

    def put(self, entries: Iterable[PhotoEntry], show: PhotoEntry | None = None) -> None:
        """Put photos in place of those that are open; stay at the one in view, or near it."""
        before = self.entries.index(self.current) if self.current is not None else 0
        self.entries = list(entries)
        wanted = show or self.current
        if wanted not in self.entries:
            wanted = self.entries[min(before, len(self.entries) - 1)] if self.entries else None
        self.current, self.selected_id, self.also_selected = None, None, frozenset()
        self.photos_changed.emit()
        if wanted is not None:
            self.show_photo(wanted)
        else:
            self.current_changed.emit()

    def close_photos(self, entries: Iterable[PhotoEntry]) -> None:
        """Take photos out of the session; their files stay as they are."""
        if closed := [entry for entry in entries if entry in self.entries]:
            self.undo_stack.push(ClosePhotos(self, closed))

    def show_photo(self, entry: PhotoEntry) -> None:
        """Make a photo the current one."""
        if entry is self.current:
            return
        self.current = entry
        self.unshelve(entry)
        self.current_changed.emit()
        first = next(iter(entry.present()), None)
        self.select(first.face.id if first else None)

    def ahead(self) -> list[PhotoEntry]:
        """Return the photos in the order in which a person will come to them."""
        start = self.entries.index(self.current) if self.current is not None else 0
        return self.entries[start:] + self.entries[:start]

    def step_photo(self, by: int) -> None:
        """Show the next or previous photo."""
        if self.current is not None:
            index = self.entries.index(self.current) + by
            if 0 <= index < len(self.entries):
                self.show_photo(self.entries[index])

    def select(self, face_id: int | None, also: Iterable[int] = ()) -> None:
        """Select one face of the current photo, or none; ``also`` shares its edits."""
        self.selected_id = face_id
        self.also_selected = frozenset(also)
        self.selection_changed.emit()

    def step_face(self, by: int) -> None:
        """Select the next or previous face of the photo, going round."""
        if self.current is None:
            return
        ids = [subject.face.id for subject in self.current.present()]
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
        """Change the request of the selected faces; nothing happens where it stays the same."""
        if self.current is not None:
            self.edit_faces(self.current, self.chosen, text, change, gesture=gesture)

    def edit_faces(
        self,
        entry: PhotoEntry,
        subjects: Iterable[Subject],
        text: str,
        change: Callable[[Request], Request],
        *,
        gesture: int = 0,
    ) -> None:
        """Change the requests of several faces in one step. Regions keep to masks."""
        self.push(
            entry,
            subjects,
            text,
            lambda edit: replace(edit, request=_fitting(edit.face, change(edit.request))),
            gesture=gesture,
        )

    def push(
        self,
        entry: PhotoEntry,
        subjects: Iterable[Subject],
        text: str,
        change: Callable[[Edit], Edit],
        *,
        gesture: int = 0,
    ) -> None:
        """Make one undo step of a change to several faces, unless it changes nothing."""
        before = {subject.face.id: subject.edit for subject in subjects}
        after = {face_id: change(edit) for face_id, edit in before.items()}
        if before != after:
            self.undo_stack.push(ChangeFaces(self, entry, before, after, text, gesture))

    def another_face(self) -> None:
        """Ask for another surrogate of the selected faces."""
        self.people.reseed(lambda seed: seed + 1)

    def set_method(self, method: Method, *, everywhere: bool = False) -> None:
        """Set the method of the selected faces, or of every face of the photo."""
        if self.current is not None:
            subjects = self.current.present() if everywhere else self.chosen
            text = tr("Method: {method}", method=method_name(method))
            self.edit_faces(self.current, subjects, text, lambda r: replace(r, method=method))

    def add_face(self, box: Box, *, region: bool = False) -> None:
        """Add a face that a person marked, or a region that is none (it starts solid).

        The pipeline looks into the box of a face next.
        """
        entry = self.current
        if entry is None or entry.stage is not Stage.READY:
            return
        face_id = max(entry.subjects, default=-1) + 1
        face = face_from_box(box, face_id, region=region)
        request = _fitting(face, self.standard)
        subject = Subject(Edit(face, request, present=False, located=region))
        entry.subjects[face_id] = subject
        text = tr("Mark region {number}") if region else tr("Mark face {number}")
        self.push(
            entry, [subject], text.format(number=subject.number), lambda e: replace(e, present=True)
        )

    def remove_face(self) -> None:
        """Declare that the selected boxes hold no face."""
        if self.current is not None and self.chosen:
            numbers = ", ".join(str(subject.number) for subject in self.chosen)
            text = tr("Not a face: {number}", number=numbers)
            self.push(self.current, self.chosen, text, lambda e: replace(e, present=False))

    def move_face(self, face_id: int, box: Box, *, angle: float = 0.0, gesture: int = 0) -> None:
        """Move, resize or turn (degrees, clockwise) a face's box; it is looked into anew."""
        if self.current is not None:
            subject = self.current.subjects[face_id]
            text = tr("Move box {number}", number=subject.number)
            if abandons(subject.face, box, angle):
                self.refused.emit(tr(STAYS))
                self.faces_changed.emit(self.current)  # it is shown where it was
                return
            change = partial(moved, box=box, angle=angle)
            self.push(self.current, [subject], text, change, gesture=gesture)

    def set_approval_needed(self, needed: bool) -> None:
        """Let an export ask for the approval of every face, or not."""
        if needed != self.approval_needed:
            self.approval_needed = needed
            self.photos_changed.emit()

    def retry(self, entry: PhotoEntry, face_id: int | None = None) -> None:
        """Forget a failure: of one face, or of a photo, which is then read again."""
        if face_id is not None:
            subject = entry.subjects[face_id]
            subject.results.pop(subject.place, None)
            self.subject_changed.emit(entry, face_id)
            return
        entry.stage = Stage.READY if entry.subjects else Stage.WAITING
        entry.problem = ""
        self.photo_changed.emit(entry)

    # Called by the commands only

    def apply(self, entry: PhotoEntry, edits: Mapping[int, Edit]) -> None:
        """Put edits in place and show where that happened."""
        entry.exported = False
        self.show_photo(entry)
        shape_changed = False
        for face_id, edit in edits.items():
            subject = entry.subjects[face_id]
            now = (subject.face, subject.present)
            shape_changed = shape_changed or (edit.face, edit.present) != now
            subject.edit = edit
        if shape_changed:
            self.faces_changed.emit(entry)
        if self.selected_id not in edits or self.selected is None or not self.selected.present:
            self._select_near(entry, edits)
        for face_id in edits:
            self.subject_changed.emit(entry, face_id)

    def _select_near(self, entry: PhotoEntry, edits: Mapping[int, Edit]) -> None:
        alive = [face_id for face_id, edit in edits.items() if edit.present]
        gone = next(iter(edits))
        left = alive or [subject.face.id for subject in entry.present()]
        self.select(min(left, key=lambda other: abs(other - gone), default=None))

    # Results of the worker

    def accept_photo(
        self, entry: PhotoEntry, photo: Photo, thumbnail: Picture, sha256: str = ""
    ) -> None:
        """Take the pixels of a photo.

        A file that changed since it was first read starts anew: faces found in other pixels
        would let those of the new ones through. One that changed since its project was saved
        waits for the person's word, so that no work is lost by it.
        """
        if entry.key == "" and entry.sha256 not in ("", sha256):
            entry.stage = Stage.CHANGED
            entry.problem = tr(
                "{name}: the photo has changed since the project was saved; bring the old file "
                "back, or start anew and lose the work on its faces.",
                name=entry.name,
            )
            self.photo_changed.emit(entry)
            return
        if entry.key not in ("", photo.key):
            self._start_anew(entry)
        entry.photo, entry.key, entry.thumbnail = photo, photo.key, thumbnail
        entry.sha256 = sha256
        self.photo_changed.emit(entry)

    def start_anew(self, entry: PhotoEntry) -> None:
        """Give up the work on a photo whose file is another one now, and look for faces again."""
        self._start_anew(entry)
        entry.problem = ""
        self.photo_changed.emit(entry)

    def turn_to(self, entry: PhotoEntry, page: int) -> None:
        """Show another picture of a file with several; the work on the one before is given up."""
        entry.page, entry.photo, entry.thumbnail = page, None, None
        self.start_anew(entry)

    def _start_anew(self, entry: PhotoEntry) -> None:
        self.undo_stack.clear()
        entry.subjects, entry.stage, entry.exported = {}, Stage.WAITING, False
        entry.key, entry.sha256 = "", ""
        self.faces_changed.emit(entry)

    def release(self, entry: PhotoEntry) -> None:
        """Let go of a photo's pixels; they are read again when needed.

        Its layers follow when those of all photos that are not looked at become too many.
        """
        entry.photo = None
        shelve_excess([other for other in self.entries if other is not self.current])

    def unshelve(self, entry: PhotoEntry) -> None:
        """Have the layers of a photo made again, because it is looked at or exported."""
        if entry.shelved:
            entry.shelved = False
            for subject in entry.subjects.values():
                subject.unshelve()
            self.faces_changed.emit(entry)

    def accept_faces(self, entry: PhotoEntry, faces: Iterable[Face]) -> None:
        """Take the faces that were found."""
        entry.subjects = {face.id: Subject(Edit(face, self.standard)) for face in faces}
        entry.stage = Stage.READY
        self.photo_changed.emit(entry)
        self.faces_changed.emit(entry)
        if entry is self.current:
            first = next(iter(entry.present()), None)
            self.select(first.face.id if first else None)

    def accept_located(self, entry: PhotoEntry, face: Face) -> None:
        """Take what the pipeline found in a drawn box; the box stays as the person drew it."""
        subject = entry.subjects[face.id]
        located = replace(face, box=subject.face.box, angle=subject.face.angle)
        subject.edit = replace(subject.edit, face=located, located=True)
        self.faces_changed.emit(entry)

    def accept_result(self, entry: PhotoEntry, place: Place, result: FaceResult) -> None:
        """Take a full-quality result; it counts for exactly the box and request it answers.

        ``result.request`` may differ: the search strengthens the shape when it has to.
        """
        subject = entry.subjects[result.face.id]
        subject.results.pop(place, None)
        subject.results[place] = result
        subject.latest, subject.previewed = result, None
        while len(subject.results) > RESULTS_KEPT:
            del subject.results[next(p for p in subject.results if p != subject.place)]
        forget_earlier(entry)
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
        subject.edit = replace(subject.edit, located=True)
        place = (spot_of(subject.face), request)
        subject.broke = place
        self.accept_result(entry, place, attention(subject.face, request, reason))

    def fail_photo(self, entry: PhotoEntry, reason: str, stage: Stage = Stage.FAILED) -> None:
        """Mark a photo as unusable, with the reason."""
        entry.stage, entry.problem = stage, printable(reason)
        self.photo_changed.emit(entry)


def _fitting(face: Face, request: Request) -> Request:
    """Return the request; a region that is no face gets a mask or is kept, never a surrogate."""
    if face.region and request.method is Method.SURROGATE:
        return replace(request, method=Method.SOLID)
    return request
