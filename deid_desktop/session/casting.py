"""Keeps surrogates true while photos come: what no longer holds is made again, unasked.

A surrogate is held against every original that is known. Photos are read one after the other, so
one that was verified early may fail against an original that comes to light later, and the
identity that a person wears may not hide them in a further photo. A batch looks at all photos
first; the window mends it as it goes: a surrogate that fails is worn again, pushed harder, and
where that does not help, one identity is found for several faces of the person at once.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PySide6.QtCore import QObject, Signal

from deid_desktop.core.run import VIEWS
from deid_desktop.core.types import Company, FaceResult, Identity, Method, Request, State
from deid_desktop.core.verify import holds
from deid_desktop.session.document import Document
from deid_desktop.session.language import tr
from deid_desktop.session.model import PhotoEntry, Place, Stage, Subject
from deid_desktop.session.people import Member
from deid_desktop.session.sitters import CastPerson, Sitter
from deid_desktop.session.tasks import Task


class Casting(QObject):
    """Follows who is who; asks the worker for another identity where a person needs one."""

    told = Signal(str)  # that somebody wears another surrogate now, and why
    warned = Signal(str)  # what concerns a file that was written already

    def __init__(self, document: Document, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._tried: set[frozenset[tuple[int, Place]]] = set()

    def recheck(self) -> None:
        """Hold all verified surrogates against the originals known now; drop those that fail."""
        people = self._document.people.all()
        known = [(n, entry, subject) for n, own in enumerate(people) for entry, subject in own]
        if not known:
            return
        embeddings = np.stack([s.embedding for _, _, s in known if s.embedding is not None])
        person = np.array([number for number, _, _ in known])
        for number, entry, subject in known:
            company = Company(embeddings, person == number)
            spoiled = [place for place, r in subject.results.items() if _spoiled(r, company)]
            now = subject.place in spoiled
            for place in spoiled:
                del subject.results[place]
            if now:
                self._take_back(entry, subject)

    def _take_back(self, entry: PhotoEntry, subject: Subject) -> None:
        if subject.face.id in entry.out:
            self.warned.emit(
                tr(
                    "{name} was exported before, but face {number} does not hold against a photo "
                    "that was opened later. Export it again and publish only the new file.",
                    name=entry.name,
                    number=subject.number,
                )
            )
        entry.exported = False
        self._document.subject_changed.emit(entry, subject.face.id)

    def missing(self, *, rank: int) -> Iterator[Task]:
        """Yield the task that finds another identity for a person, if one needs it."""
        for own in self._document.people.all() if self._document.people.same else []:
            failed = [member for member in own if _does_not_hold(member[1])]
            if failed:
                yield from self._for_person(own, failed, rank)

    def _for_person(self, own: list[Member], failed: list[Member], rank: int) -> Iterator[Task]:
        base = _base(failed[0][1].request)
        wearing = [(e, s) for e, s in own if _base(s.request) == base and _replaceable(s)]
        key = frozenset((id(subject), subject.place) for _, subject in wearing)
        open_ = any(s.result is None or e.stage is not Stage.READY for e, s in wearing)
        decided = any(s.approved or s.face.id in e.out for e, s in wearing)
        if len(wearing) < 2 or open_ or decided or key in self._tried:
            return
        number = self._document.people.number(failed[0][1]) or 0
        where = failed[0][0].name

        def accept(identity: Identity | None) -> None:
            self._tried.add(key)
            if identity is None:
                return
            for entry, subject in wearing:
                # Earlier results wear the old identity: undo makes them anew.
                subject.results.clear()
                subject.saved, subject.saved_for = identity, subject.place
                entry.exported = False
            for entry, subject in wearing:
                self._document.subject_changed.emit(entry, subject.face.id)
            self.told.emit(
                tr(
                    "Person {number} wears another surrogate now: the first one did not hide them "
                    "in {name}.",
                    number=number + 1,
                    name=where,
                )
            )

        def fail(_reason: str) -> None:
            self._tried.add(key)

        sitters = sorted(wearing, key=lambda m: (not _does_not_hold(m[1]), -_area(m[1])))[:VIEWS]
        job = CastPerson(tuple(self._sitter(*member) for member in sitters), failed[0][1].request)
        words = tr("Finding one surrogate for person {number}", number=number + 1)
        yield Task(rank, words, job, accept, fail, lambda: self._same(wearing, key))

    def _same(self, wearing: list[Member], key: frozenset[tuple[int, Place]]) -> bool:
        """Return whether nothing was changed about these faces since they were put together."""
        return key == frozenset((id(s), s.place) for _, s in wearing if s.present and s.result)

    def _sitter(self, entry: PhotoEntry, subject: Subject) -> Sitter:
        company = self._document.people.company(subject)
        return Sitter(entry.path, entry.page, entry.key, entry.photo, subject.face, company)


def _spoiled(result: FaceResult, company: Company) -> bool:
    verdict = result.verdict
    if verdict.state is not State.VERIFIED or result.found is None or verdict.threshold is None:
        return False
    return not holds(result.found, company, verdict.threshold)


def _does_not_hold(subject: Subject) -> bool:
    """Return whether the identity is at fault, not what somebody chose for this face."""
    result, wish = subject.result, subject.request
    plain = not (wish.strokes or wish.attributes.keep_eyes or wish.attributes.keep_mouth)
    usual = wish.shape_strength >= Request().shape_strength
    return (
        result is not None
        and result.verdict.state is State.ATTENTION
        and result.verdict.similarity_to_original is not None
        and result.identity is not None
        and plain
        and usual
    )


def _replaceable(subject: Subject) -> bool:
    """Return whether the face wears a surrogate, or would if one held."""
    result = subject.result
    worn = result is None or result.identity is not None
    return subject.request.method is Method.SURROGATE and worn


def _base(request: Request) -> tuple[int, int]:
    return request.k, request.seed


def _area(subject: Subject) -> float:
    return subject.face.box[2] * subject.face.box[3]
