"""Other surrogates for the selected face, made while nothing else is to be done.

They are previews: quick and not verified. Taking one asks for it like "another face" does, and
then it is made in full and verified.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from deid_desktop.core.types import Method, Request
from deid_desktop.session import jobs
from deid_desktop.session.document import Document
from deid_desktop.session.language import tr
from deid_desktop.session.model import PhotoEntry, Place, Subject
from deid_desktop.session.picture import Picture
from deid_desktop.session.tasks import Task

COUNT = 6


class Alternatives(QObject):
    """The alternatives of one face at a time; none are made unless they are looked at."""

    changed = Signal()

    def __init__(self, document: Document, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._wanted = False
        self._about: tuple[Subject, Place] | None = None
        self._pictures: dict[int, Picture | None] = {}
        document.anything_changed(self._follow)

    def show(self, wanted: bool) -> None:
        """Begin or end making them."""
        self._wanted = wanted
        self._follow()
        self.changed.emit()

    def pictures(self) -> list[tuple[int, Picture | None]]:
        """Return seeds and what was made of them so far; ``None`` for one that failed."""
        return list(self._pictures.items())

    def take(self, seed: int) -> None:
        """Give the selected face the surrogate of this seed."""
        self._document.people.reseed(lambda _seed: seed)

    def missing(self, *, rank: int) -> Iterator[Task]:
        """Yield the task that makes the next one."""
        entry, about = self._document.current, self._about
        if entry is None or entry.photo is None or about is None or len(self._pictures) >= COUNT:
            return
        subject, (_box, request) = about
        yield self._making(entry, subject, replace(request, seed=self._next_seed(request)), rank)

    def _next_seed(self, request: Request) -> int:
        return request.seed + len(self._pictures) + 1

    def _making(self, entry: PhotoEntry, subject: Subject, request: Request, rank: int) -> Task:
        assert entry.photo is not None
        about = self._about

        def accept(picture: Picture | None) -> None:
            self._pictures[request.seed] = picture
            self.changed.emit()

        return Task(
            rank,
            tr("Making alternatives for face {number}", number=subject.number),
            jobs.TryFace(entry.photo, subject.face, request),
            accept,
            lambda _reason: accept(None),
            lambda: self._about is about,
        )

    def _follow(self) -> None:
        subject = self._document.selected
        about = None
        if self._wanted and subject is not None and subject.request.method is Method.SURROGATE:
            about = (subject, subject.place) if subject.result is not None else None
        if about != self._about:
            self._about = about
            self._pictures.clear()
            self.changed.emit()
