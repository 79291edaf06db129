"""Decides what the worker does next, by looking at what the document still lacks.

There is no queue that could fall out of step with undo: whenever something changes, the most
urgent missing piece is worked out anew. It takes the worker's single slot when that is free; a
job that is no longer wanted, or less urgent than the new one, is told to stop, and its outcome
is dropped by its token if it comes nevertheless. Order: paint what is known, preview the face
whose slider moves, export, finish the photo that is looked at, then the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from deid_desktop.core.types import Face, FaceResult
from deid_desktop.session import jobs
from deid_desktop.session.alternatives import Alternatives
from deid_desktop.session.casting import Casting
from deid_desktop.session.document import Document
from deid_desktop.session.exporting import NOTHING_WRITTEN, export_task, objection
from deid_desktop.session.language import tr
from deid_desktop.session.looking import looking
from deid_desktop.session.model import PhotoEntry, Stage, Subject, attention
from deid_desktop.session.painting import painting
from deid_desktop.session.picture import Picture
from deid_desktop.session.tasks import CANCELLED, Order, Task, View
from deid_desktop.session.worker import Failure, Stopped, Worker, make_pipeline

IDLE_MS = 400
"""A slider that rests this long after its preview gets the full quality, even while held."""


class Renderer(QObject):
    """Feeds the worker from the document and the document from the worker."""

    viewed = Signal()  # ``view`` was replaced
    painted = Signal(object)  # Patch: a region of ``view.after`` is new
    progressed = Signal(str, int, int)  # words, done, total; total 0 when idle
    exported = Signal(object, str)  # PhotoEntry, name of the file
    export_refused = Signal(object, str)  # PhotoEntry, reason
    device_changed = Signal(str)
    not_found = Signal(str)  # why no photo was found among what was to be opened
    broke = Signal(str)  # trace of an unexpected error, for the diagnostics

    def __init__(
        self,
        document: Document,
        factory: Callable[[], jobs.Redactor] = make_pipeline,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.document = document
        self.view: View | None = None
        self._worker = Worker(factory, self)
        self._worker.reported.connect(self._arrived)
        self._worker.device_changed.connect(self._note_device)
        self.device = ""
        self._running: Task | None = None
        self._token = 0
        self._orders: list[Order] = []
        self._searches: list[jobs.FindPhotos] = []
        self._live: tuple[PhotoEntry, int] | None = None
        self._loaded: tuple[PhotoEntry, Picture] | None = None
        self._done = 0
        self._closed = False
        self._idle = self._once(IDLE_MS, self._rest)
        self._soon = self._once(0, self._look)
        document.anything_changed(self._soon.start)
        self.alternatives = Alternatives(document, self)
        self.alternatives.changed.connect(self._soon.start)
        self.casting = Casting(document, self)
        document.current_changed.connect(self._leave_view)

    def _once(self, interval: int, slot: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(interval)
        timer.timeout.connect(slot)
        return timer

    # Asked for by the window

    def live(self) -> None:
        """The selected face's slider moves: preview it until it rests or is released."""
        if self.document.current is not None and self.document.selected is not None:
            self._live = (self.document.current, self.document.selected.face.id)
            self._idle.start()
            self._look()

    def settle(self) -> None:
        """The slider was released or rests: full quality and verification."""
        self._idle.stop()
        if self._live is not None:
            self._live = None
            self._soon.start()

    def _rest(self) -> None:
        if next(self._previews(), None) is not None:
            self._idle.start()
        else:
            self.settle()

    def open(self, inputs: Iterable[Path]) -> None:
        """Open the photos among files and folders. Folders can be slow: the worker looks."""
        self._searches.append(jobs.FindPhotos(tuple(inputs)))
        self._soon.start()

    def export(
        self,
        entry: PhotoEntry,
        target: Path,
        *,
        overwrite: bool = False,
        finish: jobs.Finish | None = None,
    ) -> None:
        """Confirm and write a photo as soon as the worker is free."""
        self._orders.append(Order(entry, target, overwrite, finish or jobs.Finish()))
        self._soon.start()

    def cancel(self) -> None:
        """Stop all work. What is unfinished needs attention, and so blocks the export."""
        self._worker.stop(self._token)
        # A running export reports for itself whether it was still in time to leave.
        for order in self._waiting_orders():
            self._ended(order, tr(NOTHING_WRITTEN))
        self._live = None
        self._searches.clear()
        for entry in self.document.entries:
            if entry.stage is Stage.WAITING:
                reason = tr(
                    "{name}: cancelled before the faces were found; try again.", name=entry.name
                )
                self.document.fail_photo(entry, reason)
            for subject in entry.unfinished():
                self.document.fail_face(entry, subject.face.id, subject.request, tr(CANCELLED))

    def cancel_exports(self) -> None:
        """Write nothing more; what is written already stays. Other work goes on."""
        for order in self._waiting_orders():
            self._ended(order, tr(NOTHING_WRITTEN))
        if self._running is not None and self._running.order is not None:
            self._worker.stop(self._token)

    def close(self) -> None:
        """End the thread and the timers; nothing arrives after this."""
        self._closed = True
        self._idle.stop()
        self._soon.stop()
        self._worker.close()

    @property
    def busy(self) -> bool:
        """Return whether there is work in hand or waiting."""
        return self._running is not None or self._soon.isActive() or self._live is not None

    def _note_device(self, device: str) -> None:
        self.device = device
        self.device_changed.emit(device)

    # The loop

    def _look(self) -> None:
        if self._closed:
            return
        self._refuse_unready()
        task = next(self._missing(), None)
        running = self._running
        if running is None:
            self._start(task)
        elif running.order is None and (
            not running.wanted() or (task is not None and task.rank < running.rank)
        ):
            self._worker.stop(self._token)
        self._report_progress()

    def _waiting_orders(self) -> list[Order]:
        running = self._running.order if self._running else None
        return [order for order in self._orders if order is not running]

    def _refuse_unready(self) -> None:
        for order in self._waiting_orders():
            if reason := objection(self.document, order):
                self._ended(order, reason)

    def _ended(self, order: Order, reason: str) -> None:
        self._orders.remove(order)
        if reason:
            self.export_refused.emit(order.entry, reason)
        else:
            self.exported.emit(order.entry, order.target.name)

    def _start(self, task: Task | None) -> None:
        if task is not None:
            self._running = task
            self._token = self._worker.post(task.job)

    def _arrived(self, token: int, outcome: object) -> None:
        task = self._running
        if self._closed or task is None or token != self._token:
            return
        self._running = None
        if isinstance(outcome, Failure):
            if not outcome.expected:
                self.broke.emit(outcome.trace)
            if task.wanted():
                task.fail(outcome.reason)
        elif isinstance(outcome, Stopped):
            if task.order is not None:
                task.fail(tr(NOTHING_WRITTEN))
        elif task.wanted():
            task.accept(outcome)
        self._look()

    def _report_progress(self) -> None:
        entries = self.document.entries
        left = (
            len(self._orders)
            + len(self._searches)
            + sum(
                1 if entry.stage is Stage.WAITING else len(entry.unfinished()) for entry in entries
            )
        )
        if self._running is None or left == 0:
            self._done = 0
            self.progressed.emit("", 0, 0)
        else:
            self._done = max(self._done, left)
            self.progressed.emit(self._running.words, self._done - left, self._done)

    # What is missing, the most urgent first

    def _missing(self) -> Iterator[Task]:
        current = self.document.current
        if self._searches:
            yield self._searching(self._searches[0])
        if self.view is not None:
            view = self.view
            yield from painting(
                self.document, view, painted=self.painted.emit, wanted=lambda: self.view is view
            )
        yield from self._previews()
        if self._orders:
            yield from self._exporting(self._orders[0])
        if self._live is not None:
            return  # Anything else would delay the next preview.
        if current is not None:
            yield from self._finishing(current, rank=10)
        yield from self.alternatives.missing(rank=16)
        ahead = [entry for entry in self.document.ahead() if entry is not current]
        # What a person comes to next is made ready. The others are looked at before any surrogate
        # is made for them: the more is known of who is who, the fewer have to be made again.
        yield from self._going_over(ahead[:1], rank=20)
        yield from self._going_over(ahead[1:], rank=30, only_look=True)
        yield from self.casting.missing(rank=40)
        yield from self._going_over(ahead[1:], rank=40)
        self._hold(current)

    def _going_over(
        self, entries: list[PhotoEntry], *, rank: int, only_look: bool = False
    ) -> Iterator[Task]:
        """Yield what photos out of sight lack; the pixels of one of them are held at a time."""
        for entry in entries:
            for task in self._finishing(entry, rank=rank, only_look=only_look):
                self._hold(entry)
                yield task

    def _hold(self, entry: PhotoEntry | None) -> None:
        """Let go of the pixels of all photos but this one and the one on screen."""
        for other in self.document.entries:
            if other.photo is not None and other not in (entry, self.document.current):
                self.document.release(other)

    def _searching(self, search: jobs.FindPhotos) -> Task:
        def accept(paths: list[Path]) -> None:
            self._searches.remove(search)
            self.document.open(paths)

        def fail(reason: str) -> None:
            self._searches.remove(search)
            self.not_found.emit(reason)

        words = tr("Looking for photos")
        return Task(0, words, search, accept, fail, lambda: search in self._searches)

    def _previews(self) -> Iterator[Task]:
        if self._live is None:
            return
        entry, face_id = self._live
        subject = entry.subjects[face_id]
        newest = subject.latest
        if entry.photo is None or subject.result or subject.previewed == subject.request:
            return
        request, face = subject.request, subject.face

        def accept(result: FaceResult) -> None:
            self.document.accept_preview(entry, request, result)
            if self._live is not None:
                self._idle.start()

        yield Task(
            1,
            tr("Previewing face {number}", number=subject.number),
            jobs.RedactFace(
                entry.photo,
                face,
                request,
                self.document.people.part(subject).identity,
                preview=True,
            ),
            accept,
            lambda reason: accept(attention(face, request, reason)),
            # An older value of the same gesture is shown on the way to the newest one.
            lambda: self._live == (entry, face_id) and subject.latest is newest,
        )

    def _exporting(self, order: Order) -> Iterator[Task]:
        self.document.unshelve(order.entry)
        if order.entry.photo is None:
            yield self._loading(order.entry, rank=2)
            return
        yield from self._redactions(order.entry, rank=2)
        yield export_task(self.document, order, rank=2, ended=self._ended)

    def _finishing(
        self, entry: PhotoEntry, *, rank: int, only_look: bool = False
    ) -> Iterator[Task]:
        if entry.stage not in (Stage.WAITING, Stage.READY):
            return
        on_screen = entry is self.document.current
        seen = self.view is not None and (self.view.entry, self.view.key) == (entry, entry.key)
        viewless = on_screen and not seen
        unseen = self.document.people.unknown(entry)
        lacking = unseen if only_look else entry.unfinished()
        if entry.photo is None:
            if viewless or entry.stage is Stage.WAITING or lacking:
                yield self._loading(entry, rank=rank)
            return
        if viewless:
            yield self._viewing(entry, rank=rank)
        if entry.stage is Stage.WAITING:
            yield self._finding(entry, rank=rank + 1)
            return
        if only_look:
            yield from self._looking(entry, rank=rank + 2)
        else:
            yield from self._redactions(entry, rank=rank + 2)

    def _looking(self, entry: PhotoEntry, *, rank: int) -> Iterator[Task]:
        if entry.photo is not None:
            recheck = self.casting.recheck
            yield from looking(self.document, entry, entry.photo, rank=rank, looked=recheck)

    def _redactions(self, entry: PhotoEntry, *, rank: int) -> Iterator[Task]:
        on_screen = entry is self.document.current
        yield from self._looking(entry, rank=rank)
        unfinished = sorted(
            entry.unfinished(),
            key=lambda s: (s.located, not (on_screen and s is self.document.selected)),
        )
        for subject in unfinished:
            if subject.located:
                yield self._redacting(entry, subject, rank=rank + 1)
            else:
                yield self._locating(entry, subject, rank=rank)

    def _loading(self, entry: PhotoEntry, *, rank: int) -> Task:
        def accept(found: jobs.Loaded) -> None:
            self._loaded = (entry, found.picture) if entry is self.document.current else None
            entry.notes, entry.pages = found.notes, found.pages
            self.document.accept_photo(entry, found.photo, found.thumbnail, found.sha256)

        def fail(reason: str) -> None:
            self._orders = [order for order in self._orders if order.entry is not entry]
            self.document.fail_photo(entry, reason)

        words, page = tr("Opening {name}", name=entry.name), entry.page
        job = jobs.LoadPhoto(entry.path, page)
        return Task(rank, words, job, accept, fail, lambda: entry.page == page)

    def _viewing(self, entry: PhotoEntry, *, rank: int) -> Task:
        assert entry.photo is not None
        loaded, key = self._loaded, entry.key
        before = loaded[1] if loaded is not None and loaded[0] is entry else None

        def accept(pictures: tuple[Picture, Picture]) -> None:
            self._loaded = None
            self.view = View(entry, key, *pictures)
            self.viewed.emit()

        return Task(
            rank,
            tr("Opening {name}", name=entry.name),
            jobs.PrepareView(entry.photo, before),
            accept,
            lambda reason: self.document.fail_photo(entry, f"{entry.name}: {reason}"),
            lambda: self.document.current is entry and entry.key == key,
        )

    def _finding(self, entry: PhotoEntry, *, rank: int) -> Task:
        assert entry.photo is not None
        key = entry.key  # faces of one page are none of another's
        return Task(
            rank,
            tr("Looking for faces in {name}", name=entry.name),
            jobs.FindFaces(entry.photo),
            lambda faces: self.document.accept_faces(entry, faces),
            lambda reason: self.document.fail_photo(entry, reason),
            lambda: entry.stage is Stage.WAITING and entry.key == key,
        )

    def _locating(self, entry: PhotoEntry, subject: Subject, *, rank: int) -> Task:
        assert entry.photo is not None
        key = entry.key
        face: Face = subject.face
        return Task(
            rank,
            tr("Looking at face {number}", number=subject.number),
            jobs.LocateFace(entry.photo, face),
            lambda located: self.document.accept_located(entry, located),
            lambda reason: self.document.fail_face(entry, face.id, subject.request, reason),
            lambda: (
                entry.key == key
                and subject.face is face
                and subject.present
                and not subject.located
            ),
        )

    def _redacting(self, entry: PhotoEntry, subject: Subject, *, rank: int) -> Task:
        assert entry.photo is not None
        key = entry.key
        face, request, place = subject.face, subject.request, subject.place
        part = self.document.people.part(subject)
        return Task(
            rank,
            tr("Replacing face {number} in {name}", number=subject.number, name=entry.name),
            part.job(entry.photo, face, request),
            lambda result: self.document.accept_result(entry, place, result),
            lambda reason: self.document.fail_face(entry, face.id, request, reason),
            lambda: (
                entry.key == key
                and subject.present
                and subject.place == place
                and subject.result is None
            ),
        )

    def _leave_view(self) -> None:
        self._live = None
        if self.view is not None and self.view.entry is not self.document.current:
            self.view = None
            self.viewed.emit()
