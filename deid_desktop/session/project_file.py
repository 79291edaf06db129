"""Keeps a session in a project file: save, open, autosave, and one window per project.

Nothing is written before the person has chosen a place for the project: until then no trace of
who was worked on is left anywhere. From then on changes are also kept, seconds later, in a hidden
autosave beside the project; it is removed by saving and by closing, so one that is found when a
project is opened tells of a crash.
"""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import QLockFile, QObject, QTimer, Signal

from deid_desktop.core.project import (
    Project,
    ProjectError,
    SavedFace,
    SavedPhoto,
    read_project,
    relative_path,
    write_project,
)
from deid_desktop.session.document import Document
from deid_desktop.session.language import tr
from deid_desktop.session.model import Edit, PhotoEntry, Stage, Subject

AUTOSAVE_MS = 2000


def autosave_of(path: Path) -> Path:
    """Return where the autosave of a project lies."""
    return path.with_name(f".{path.name}.autosave")


def _saved_face(subject: Subject) -> SavedFace:
    return SavedFace(
        face=subject.face,
        located=subject.located,
        present=subject.present,
        request=subject.request,
        identity=subject.identity,
        decisions=subject.edit.decisions,
        pin=subject.edit.pin,
    )


def _saved_photo(entry: PhotoEntry, folder: Path) -> SavedPhoto:
    known = entry.stage is Stage.READY or entry.subjects
    faces = tuple(_saved_face(subject) for subject in entry.subjects.values()) if known else None
    return SavedPhoto(relative_path(entry.path, folder), entry.sha256, faces, entry.page)


def project_of(document: Document, folder: Path) -> Project:
    """Return the session as a project that is saved in ``folder``."""
    photos = tuple(_saved_photo(entry, folder) for entry in document.entries)
    return Project(photos, document.approval_needed, document.people.same)


def _subject(saved: SavedFace) -> Subject:
    edit = Edit(saved.face, saved.request, saved.present, saved.located, saved.decisions, saved.pin)
    subject = Subject(edit, saved=saved.identity)
    subject.saved_for = subject.place if saved.identity else None
    return subject


def _entry(photo: SavedPhoto, folder: Path) -> PhotoEntry:
    path = Path(os.path.normpath(folder / photo.path))
    beside = folder / path.name
    entry = PhotoEntry(path if path.is_file() or not beside.is_file() else beside)
    entry.page = photo.page
    # Without a digest nobody can tell whether these are the faces of that file: look anew.
    if photo.faces is not None and photo.sha256:
        entry.sha256 = photo.sha256
        entry.subjects = {saved.face.id: _subject(saved) for saved in photo.faces}
        entry.stage = Stage.READY
    if not entry.path.is_file():
        entry.stage = Stage.MISSING
        entry.problem = _missing_words(entry)
    return entry


def _missing_words(entry: PhotoEntry) -> str:
    return tr("{name}: the photo is not where it was; find its folder.", name=entry.name)


def entries_of(project: Project, folder: Path) -> list[PhotoEntry]:
    """Return the photos of a project in ``folder``; their results are all made anew."""
    return [_entry(photo, folder) for photo in project.photos]


class ProjectFile(QObject):
    """The file behind a session, if the person has chosen one."""

    changed = Signal()  # path or dirty
    autosave_failed = Signal(str)

    def __init__(self, document: Document, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.path: Path | None = None
        self._document = document
        self._lock: QLockFile | None = None
        self._photos_changed = False
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(AUTOSAVE_MS)
        self._soon.timeout.connect(self.autosave)
        document.undo_stack.indexChanged.connect(self._note)
        document.photos_changed.connect(self._note_photos)

    @property
    def dirty(self) -> bool:
        """Return whether there is a project, and it lacks something the person did."""
        if self.path is None:
            return False
        return self._photos_changed or not self._document.undo_stack.isClean()

    @property
    def at_risk(self) -> bool:
        """Return whether something the person did would be lost, in a project or in none."""
        return self.dirty or (self.path is None and not self._document.undo_stack.isClean())

    def save(self, path: Path | None = None) -> None:
        """Save where the project is, or from now on at ``path``.

        Raises:
            ProjectError: it cannot be written, or another window has that project open.
        """
        target = path or self.path
        assert target is not None
        lock = self._lock if target == self.path else self._take_lock(target)
        write_project(target, project_of(self._document, target.parent))
        if target != self.path:
            self._let_go()
            self.path, self._lock = target, lock
        self._saved()

    def open(self, path: Path, *, recover: bool = False) -> None:
        """Put a project, or on request its autosave, in place of the session.

        Raises:
            ProjectError: it cannot be read, or another window has it open; nothing changed then.
        """
        path = path.absolute()
        lock = self._lock if path == self.path else self._take_lock(path)
        project = read_project(autosave_of(path) if recover else path)
        if path != self.path:
            self._let_go()
        self.path, self._lock = path, lock
        entries = entries_of(project, path.parent)
        self._document.people.same = project.same_people
        self._document.replace_all(entries, approval_needed=project.approval_needed)
        if recover:
            self._photos_changed = True
            self.changed.emit()
        else:
            self._document.undo_stack.setClean()
            self._photos_changed = False
            self._soon.stop()
            self.changed.emit()

    def recoverable(self) -> bool:
        """Return whether a crash left an autosave of the open project that can be read."""
        try:
            return self.path is not None and bool(read_project(autosave_of(self.path)).photos)
        except ProjectError:
            return False

    def forget_autosave(self) -> None:
        """Remove the autosave."""
        self._soon.stop()
        if self.path is not None:
            autosave_of(self.path).unlink(missing_ok=True)

    def autosave(self) -> None:
        """Write the session beside the project; a full disk is said and costs nothing else."""
        if self.path is None or not self.dirty:
            return
        try:
            project = project_of(self._document, self.path.parent)
            write_project(autosave_of(self.path), project, durable=False)
        except ProjectError as error:
            self.autosave_failed.emit(str(error))

    def find_missing(self, folder: Path) -> int:
        """Look for missing photos below a folder, by name; return how many are still missing."""
        missing = {e.name: e for e in self._document.entries if e.stage is Stage.MISSING}
        for parent, _folders, names in os.walk(folder):
            for name in missing.keys() & set(names):
                entry = missing.pop(name)
                entry.path = Path(parent) / name
                self._photos_changed = True
                self._document.retry(entry)
            if not missing:
                break
        self._note()
        return len(missing)

    def close(self) -> None:
        """Let go of the project; what is unsaved is given up."""
        self._let_go()
        self._soon.stop()

    def _let_go(self) -> None:
        self.forget_autosave()
        if self._lock is not None:
            self._lock.unlock()
        self.path, self._lock = None, None

    def _take_lock(self, path: Path) -> QLockFile | None:
        lock = QLockFile(f"{path}.lock")
        lock.setStaleLockTime(0)  # never by age: only when its program is gone
        if lock.tryLock(0):
            return lock
        if lock.error() == QLockFile.LockError.LockFailedError:
            raise ProjectError(
                tr(
                    "{name}: another window has this project open; close it there first, or delete "
                    "the file {name}.lock if that computer was switched off.",
                    name=path.name,
                )
            )
        return None  # a folder that cannot be written to: nobody else can save there either

    def _saved(self) -> None:
        self._photos_changed = False
        self._document.undo_stack.setClean()
        self.forget_autosave()
        self.changed.emit()

    def _note_photos(self) -> None:
        self._photos_changed = True
        self._note()

    def _note(self) -> None:
        if self.path is not None and self.dirty:
            self._soon.start()
        self.changed.emit()
