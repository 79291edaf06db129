"""A clip being worked on: its tracks and people, the edits made to them, and what runs for it.

Lives between the video package and the timeline's widgets, as the document does for photos. One
worker of its own; a picture that is wanted replaces the one wanted before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, Signal

from deid_desktop.core.types import Method, Request, State
from deid_desktop.session.clip_jobs import (
    Dressed,
    DressJob,
    ExportJob,
    FindJob,
    Found,
    PictureJob,
    PlayJob,
    Shot,
)
from deid_desktop.session.jobs import Redactor
from deid_desktop.session.worker import Failure, Stopped, Worker, make_pipeline
from deid_desktop.video.editing import Add, Ask, Edit, Join, Remove, Split

if TYPE_CHECKING:
    from deid_desktop.core.types import Box
    from deid_desktop.video.people import Person
    from deid_desktop.video.tracks import Timeline, Track


@dataclass(frozen=True)
class Run:
    """Frames of a track, one after the other, in one state; ``None``: not rendered yet."""

    first: int
    last: int
    state: State | None


class ClipModel(QObject):
    """All there is to know of one clip; the only place that changes it."""

    changed = Signal()
    moved = Signal(int)  # the frame that is shown
    pictured = Signal(object)  # Shot
    progressed = Signal(str, int, int)  # find, cast, render, join; all 0 when it has ended
    failed = Signal(str)
    exported = Signal(object)  # the record
    stopped = Signal(bool)  # an export; whether for good
    _told = Signal(str, int, int)
    _shown = Signal(object)

    def __init__(
        self, path: Path, request: Request, factory: Callable[[], Redactor] = make_pipeline,
        parent: QObject | None = None,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self.path, self.request = path, request
        self.found: Found | None = None
        self.dressed: Dressed | None = None
        self.edits: list[Edit] = []
        self.undone: list[Edit] = []
        self.approved: set[int] = set()
        self.index, self.selected = 0, -1
        self.doing = ""
        self._states: dict[int, dict[int, State]] = {}
        self._reasons: dict[int, dict[int, str]] = {}
        self._worker = Worker(factory, self)
        self._worker.reported.connect(self._reported)
        queued = Qt.ConnectionType.QueuedConnection
        self._told.connect(self.progressed, queued)
        self._shown.connect(self._show, queued)
        self._token = 0
        self._next: tuple[str, Any] | None = None
        self._target: Path | None = None
        self._cancelled: Path | None = None

    # What is known

    @property
    def timeline(self) -> Timeline | None:
        """The frames and tracks, with all edits."""
        if self.dressed is not None:
            return self.dressed.timeline
        return self.found.timeline if self.found else None

    @property
    def people(self) -> list[Person]:
        """Who is in the clip, in order of appearance."""
        return self.dressed.people if self.dressed else []

    @property
    def frames(self) -> int:
        """How many frames there are."""
        return len(self.timeline.ticks) if self.timeline else 0

    @property
    def track(self) -> Track | None:
        """The selected track."""
        tracks = self.timeline.tracks if self.timeline else []
        return next((track for track in tracks if track.id == self.selected), None)

    def person_of(self, track: int) -> Person | None:
        """Return who is shown by a track."""
        return next((person for person in self.people if track in person.tracks), None)

    def seconds(self, index: int) -> float:
        """Return when a frame is shown."""
        if self.found is None or self.timeline is None:
            return 0.0
        clip = self.found.clip
        return float((self.timeline.ticks[index] - clip.start) * clip.tick)

    def runs(self, track: Track) -> list[Run]:
        """Return what is known of a track, stretch by stretch."""
        known = self._states.get(track.id, {})
        usual = self._expected(track.id)
        runs: list[Run] = []
        for index in range(track.first, track.last + 1):
            state = known.get(index, usual)
            if runs and runs[-1].state is state:
                runs[-1] = replace(runs[-1], last=index)
            else:
                runs.append(Run(index, index, state))
        return runs

    def _expected(self, track: int) -> State | None:
        """Return the state that a frame will have whatever is found: no surrogate, or kept."""
        person = self.person_of(track)
        if person is None or person.costume_of(track) is not None:
            return None
        kept = person.request_of(track).method is Method.KEEP
        return State.KEPT if kept else State.MASKED

    def reason(self, track: int, index: int) -> str:
        """Return why a track is masked in a frame, "" if it is not or nobody knows."""
        person = self.person_of(track)
        return self._reasons.get(track, {}).get(index) or (person.reason if person else "")

    def problems(self) -> list[tuple[int, int]]:
        """Return the first frames, with their tracks, of stretches that are masked unasked."""
        found = []
        for track in self.timeline.tracks if self.timeline else []:
            person = self.person_of(track.id)
            if person is None or person.request_of(track.id).method is not Method.SURROGATE:
                continue
            if track.id in self.approved:
                continue
            found += [(r.first, track.id) for r in self.runs(track) if r.state is State.MASKED]
        return sorted(found)

    # What a person does

    def begin(self) -> None:
        """Find the faces."""
        self._post("find", FindJob(self.path, self._told.emit))

    def go(self, index: int) -> None:
        """Show another frame; playing ends."""
        if not self.frames:
            return
        self.index = min(max(0, index), self.frames - 1)
        self.moved.emit(self.index)
        self._picture()

    def select(self, track: int) -> None:
        """Select a track."""
        self.selected = track
        self.changed.emit()

    def next_problem(self) -> bool:
        """Go to the next stretch that is masked unasked; return whether there is one."""
        problems = self.problems()
        if not problems:
            return False
        later = [p for p in problems if p[0] > self.index]
        index, track = (later or problems)[0]
        self.select(track)
        self.go(index)
        return True

    def approve(self, track: int, approved: bool) -> None:
        """Note that somebody has looked at a track and is content."""
        (self.approved.add if approved else self.approved.discard)(track)
        self.changed.emit()

    def play(self) -> None:
        """Play from here on, rendered as it will be exported; stops what plays."""
        if self.doing == "play":
            self.stop()
        elif self.dressed is not None and self.found is not None and not self.busy:
            start = 0 if self.index >= self.frames - 1 else self.index
            job = PlayJob(
                self.path, self.found.clip, self.dressed.timeline, self.people, start,
                self._shown.emit,
            )  # fmt: skip
            self._post("play", job)

    def edit(self, edit: Edit) -> None:
        """Change the tracks; who is who is worked out again."""
        self.edits.append(edit)
        self.undone.clear()
        self._dress()

    def split(self) -> None:
        """Let the selected track end before the frame that is shown."""
        track = self.track
        if track is not None and track.first < self.index <= track.last:
            self.edit(Split(track.id, self.index))

    def join(self, other: int, *, same: bool = True) -> None:
        """Say that another track shows the same person as the selected one, or does not."""
        if self.selected >= 0 and other != self.selected:
            self.edit(Join(self.selected, other, same))

    def remove(self) -> None:
        """Say that the selected track shows no face."""
        if self.selected >= 0:
            self.edit(Remove(self.selected))

    def add(self, first: int, first_box: Box, last: int, last_box: Box) -> None:
        """Add a face that goes from one box to another."""
        self.edit(Add(first, first_box, last, last_box))

    def ask(self, request: Request, *, alone: bool = False) -> None:
        """Say what is to become of the person of the selected track, or of that track ``alone``."""
        if self.selected >= 0:
            self._take_back(alone)
            # A person's own seed is made of the clip's.
            wish = replace(request, seed=self.request.seed)
            self.edit(Ask(self.selected, wish, alone))

    def ask_as_elsewhere(self) -> None:
        """Let the selected track be treated as its person is."""
        if self._take_back(True):
            self._dress()

    def _take_back(self, alone: bool) -> bool:
        """Drop what was asked of the selected track before; return whether anything was."""
        own = [
            edit
            for edit in self.edits
            if isinstance(edit, Ask) and (edit.track, edit.alone) == (self.selected, alone)
        ]
        self.edits = [edit for edit in self.edits if edit not in own]
        return bool(own)

    def undo(self) -> None:
        """Take the last edit back."""
        if self.edits:
            self.undone.append(self.edits.pop())
            self._dress()

    def redo(self) -> None:
        """Make it again."""
        if self.undone:
            self.edits.append(self.undone.pop())
            self._dress()

    def export(self, target: Path, sound: str, *, overwrite: bool) -> None:
        """Write the clip in the background, or go on with a run that was stopped."""
        if self.found is not None and self.dressed is not None:
            job = ExportJob(
                self.path, target, self.found, self.dressed, tuple(self.edits), self.request,
                sound, overwrite, self._told.emit,
            )  # fmt: skip
            self._target, self._cancelled = target, None
            self._post("export", job)

    def stop(self) -> None:
        """Stop what is running. An export can be taken up again."""
        self._next = None
        self._worker.stop(self._token)

    def cancel(self) -> None:
        """Stop an export for good: nothing of it is left."""
        self._cancelled = self._target
        self.stop()

    @property
    def busy(self) -> bool:
        """Tell whether something runs that a picture must wait for."""
        return self.doing in ("find", "cast", "export")

    def close(self) -> None:
        """End the thread."""
        self._worker.close()

    # What runs

    def _dress(self) -> None:
        if self.found is None:
            return
        self._states.clear()
        self._reasons.clear()
        edits = tuple(self.edits)
        self._post(
            "cast",
            DressJob(self.path, self.found, edits, self.request, self.dressed, self._told.emit),
        )

    def _picture(self) -> None:
        if self.found is None or self.timeline is None:
            return
        stage = self.dressed.stage if self.dressed else None
        self._post(
            "picture", PictureJob(self.path, self.found.clip, self.timeline, stage, self.index)
        )

    def _post(self, doing: str, job: Any) -> None:
        """Run a job now, or as soon as what runs has ended; pictures and playing make room."""
        if not self.doing:
            self.doing = doing
            self._token = self._worker.post(job)
            self.changed.emit()
            return
        # A picture never takes the place of a job that somebody waits for.
        if self._next is None or doing != "picture" or self._next[0] == "picture":
            self._next = (doing, job)
        if self.doing in ("picture", "play") or doing == self.doing == "cast":
            self._worker.stop(self._token)

    def _reported(self, token: int, outcome: object) -> None:
        if token != self._token:
            return
        doing, self.doing = self.doing, ""
        waiting, self._next = self._next, None
        if doing in ("find", "cast", "export"):
            self.progressed.emit(doing, 0, 0)
        match outcome:
            case Failure(reason=reason):
                self.failed.emit(reason)
            case Found():
                self.found = outcome
                self._dress()
            case Dressed():
                self.dressed = outcome
                if self.track is None:
                    tracks = outcome.timeline.tracks
                    self.selected = tracks[0].id if tracks else -1
                self.changed.emit()
                if waiting is None:
                    self._picture()
            case Shot():
                self._show(outcome)
            case dict():
                self.exported.emit(outcome)
            case Stopped() if doing == "export":
                self._export_stopped()
            case Stopped() | _:
                pass
        if waiting is not None:
            self._post(*waiting)
        self.changed.emit()

    def _export_stopped(self) -> None:
        if self._cancelled is not None:
            from deid_desktop.video.job import discard

            discard(self.path, self._cancelled)
        self.stopped.emit(self._cancelled is not None)

    def _show(self, shot: Shot) -> None:
        if self.doing == "play":
            self.index = shot.index
            self.moved.emit(shot.index)
        if shot.finished is not None and self.doing != "cast":
            for shown in shot.finished.shown:
                states = self._states.setdefault(shown.track, {})
                if self.doing == "play" or shot.index not in states:  # played frames are exact
                    states[shot.index] = shown.state
                    self._reasons.setdefault(shown.track, {})[shot.index] = shown.reason
        self.pictured.emit(shot)
