"""What the worker of a clip's window can be asked to do. Jobs hold all they need, change nothing.

Their progress is told through functions that emit queued signals, as they run in another thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deid_desktop.core.types import Cancelled, Identity, Request, ShouldStop
from deid_desktop.session.jobs import Redactor

if TYPE_CHECKING:
    from deid_desktop.core.pipeline import Pipeline
    from deid_desktop.video.clip import Clip
    from deid_desktop.video.editing import Edit
    from deid_desktop.video.finding import Stretch
    from deid_desktop.video.glances import Glance
    from deid_desktop.video.people import Person
    from deid_desktop.video.rendering import Finished, Renderer
    from deid_desktop.video.tracks import Timeline

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Found:
    """What the first pass gave."""

    clip: Clip
    stretches: list[Stretch]
    timeline: Timeline


@dataclass(frozen=True, eq=False)
class Dressed:
    """Who is who, and who plays them; ``seen`` by track. ``stage`` renders single frames."""

    timeline: Timeline
    people: list[Person]
    seen: dict[int, list[Glance]]
    stage: Renderer


@dataclass(frozen=True, eq=False)
class FindJob:
    """Read a clip and find all its faces."""

    path: Path
    progress: Progress

    def run(self, pipeline: Redactor, should_stop: ShouldStop) -> Found:
        """Do it."""
        from deid_desktop.video.finding import Finder
        from deid_desktop.video.reading import frames, read_clip
        from deid_desktop.video.tracks import link

        clip = read_clip(self.path)
        total, done, stretches = round(clip.seconds * clip.rate), 0, []
        flow = frames(self.path, clip, deep=False)
        for stretch in Finder().stretches(flow, clip, should_stop=should_stop):
            stretches.append(stretch)
            done += len(stretch.ticks)
            self.progress("find", done, total)
        return Found(clip, stretches, link(stretches, rate=float(clip.rate)))


@dataclass(frozen=True, eq=False)
class DressJob:
    """Tell who is who after all edits, and give everybody a surrogate.

    ``before``: the last outcome; what has not changed since is taken from it.
    """

    path: Path
    found: Found
    edits: tuple[Edit, ...]
    request: Request
    before: Dressed | None
    progress: Progress

    def run(self, pipeline: Pipeline, should_stop: ShouldStop) -> Dressed:
        """Do it."""
        from deid_desktop.video.editing import edited, regrouped, requests_of, stretches_of
        from deid_desktop.video.glances import look, photos
        from deid_desktop.video.people import cast, group
        from deid_desktop.video.rendering import Renderer
        from deid_desktop.video.tracks import Timeline

        clip, timeline = self.found.clip, edited(self.found.timeline, self.edits)
        self.progress("cast", 0, 0)
        known = self._unchanged(timeline)
        new = Timeline(
            timeline.ticks, timeline.lengths, timeline.broken, timeline.scenes,
            [track for track in timeline.tracks if track.id not in known],
        )  # fmt: skip
        seen = known | look(self.path, clip, new, pipeline, should_stop=should_stop)
        if should_stop():
            raise Cancelled
        groups = regrouped(group(timeline, seen), self.edits)
        requests = requests_of(groups, self.edits, self.request)
        identities = self._identities(groups, requests)
        people = cast(
            groups, seen, pipeline, requests, photos(self.path, clip, timeline),
            stretches=stretches_of(self.edits),
            identities=identities, should_stop=should_stop,
        )  # fmt: skip
        stage = Renderer(timeline, people, rate=timeline.quickest(clip))
        return Dressed(timeline, people, seen, stage)

    def _unchanged(self, timeline: Timeline) -> dict[int, list[Glance]]:
        if self.before is None:
            return {}
        spans = {t.id: (t.first, t.last) for t in self.before.timeline.tracks}
        same = [t.id for t in timeline.tracks if spans.get(t.id) == (t.first, t.last)]
        return {number: self.before.seen[number] for number in same if number in self.before.seen}

    def _identities(
        self, groups: list[tuple[int, ...]], requests: dict[int, Request]
    ) -> dict[int, Identity]:
        """Return the identities of people of whom the same is wished as before.

        Of a person who was parted, the one with the first track keeps the surrogate.
        """
        kept: dict[int, Identity] = {}
        for person in self.before.people if self.before else []:
            first = min(person.tracks)
            number = next((n for n, tracks in enumerate(groups) if first in tracks), None)
            if person.identity is None or number is None or number in kept:
                continue
            if replace(requests[number], seed=person.request.seed) == person.request:
                kept[number] = person.identity
        return kept


@dataclass(frozen=True, eq=False)
class PictureJob:
    """Show one frame: as it is, and as it may become."""

    path: Path
    clip: Clip
    timeline: Timeline
    stage: Renderer | None
    index: int

    def run(self, pipeline: Redactor, should_stop: ShouldStop) -> Shot:
        """Do it."""
        from deid_desktop.video.reading import frames

        since = self.timeline.ticks[self.index]
        frame = next(frames(self.path, self.clip, since=since, deep=False))
        if should_stop() or self.stage is None:
            return Shot(self.index, frame.pixels, None)
        return Shot(self.index, frame.pixels, self.stage.preview(self.index, frame))


@dataclass(frozen=True, eq=False)
class Shot:
    """One frame for the eye: ``pixels`` of the original, and how it will be, if that is known."""

    index: int
    original: Any
    finished: Finished | None


@dataclass(frozen=True, eq=False)
class PlayJob:
    """Render from a frame on, exactly as the export does, never faster than real time."""

    path: Path
    clip: Clip
    timeline: Timeline
    people: list[Person]
    start: int
    show: Callable[[Shot], None]

    def run(self, pipeline: Redactor, should_stop: ShouldStop) -> None:
        """Do it, until the end or until it is stopped."""
        from deid_desktop.video.reading import frames
        from deid_desktop.video.rendering import BEHIND, Renderer

        renderer = Renderer(self.timeline, self.people, rate=self.timeline.quickest(self.clip))
        warm = max(0, self.start - BEHIND)
        began, first = 0.0, self.timeline.ticks[self.start]

        def shown(finished: Finished) -> None:
            nonlocal began
            if finished.index < self.start:
                return
            now = time.monotonic()
            began = began or now
            due = began + float((finished.frame.at - first) * self.clip.tick)
            time.sleep(max(0.0, due - now))
            self.show(Shot(finished.index, finished.frame.pixels, finished))

        index = warm
        flow = frames(self.path, self.clip, since=self.timeline.ticks[warm], deep=False)
        for index, frame in enumerate(flow, start=warm):
            if should_stop():
                raise Cancelled
            for finished in renderer.feed(index, frame):
                shown(finished)
        for finished in renderer.flush(index):
            if should_stop():
                raise Cancelled
            shown(finished)


@dataclass(frozen=True, eq=False)
class ExportJob:
    """Write the clip as it was shown; a run that was stopped before goes on where it was."""

    path: Path
    target: Path
    found: Found
    dressed: Dressed
    edits: tuple[Edit, ...]
    request: Request
    sound: str
    overwrite: bool
    progress: Progress

    def run(self, pipeline: Pipeline, should_stop: ShouldStop) -> dict[str, Any]:
        """Do it; return the record for the report."""
        from deid_desktop.video.job import Wish, redact_clip
        from deid_desktop.video.sound import Sound

        wish = Wish(self.request, Sound(self.sound), self.edits, overwrite=self.overwrite)
        return redact_clip(
            pipeline, self.path, self.target, wish, found=self.found.stretches,
            identities={p.id: p.identity for p in self.dressed.people if p.identity},
            should_stop=should_stop, progress=self.progress,
        )  # fmt: skip
