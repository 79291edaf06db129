"""Renders the frames: the second pass over a clip, a few frames behind what is read.

Every face goes through five steps, each some frames after the one before, so that it can see both
sides: landmarks; the scene around smoothed landmarks; the surrogate in steady light; its verdict;
the mask, wherever any of that failed. A frame leaves only when every track in it is accounted for.
The first four work on different frames, so they run in threads at the same time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from deid_desktop.core import mesh
from deid_desktop.core.analyse import Landmarker, doubt
from deid_desktop.core.compose import MaskLayer, Scene, SurrogateLayer
from deid_desktop.core.export import ExportBlocked
from deid_desktop.core.geometry import procrustes
from deid_desktop.core.pipeline.costume import Costume
from deid_desktop.core.pipeline.studio import NO_FACE
from deid_desktop.core.recognise import Recogniser
from deid_desktop.core.types import Array, Box, Deep, Face, Method, Pixels, Request, State, Verdict
from deid_desktop.core.verify import THRESHOLD, judge
from deid_desktop.video.clip import Frame
from deid_desktop.video.finding import overlap
from deid_desktop.video.masking import cover, smooth_boxes
from deid_desktop.video.people import Person
from deid_desktop.video.rehearsal import THREADS, WORK, worn
from deid_desktop.video.steady import LIGHT_REACH, REACH, steady_mesh, steady_scene
from deid_desktop.video.tracks import Timeline, Track, around

FADE = 5
"""Frames over which a mask comes and goes over a surrogate."""
STAY = 10
"""Frames below which a surrogate does not show itself between two masks."""
_READ = REACH + 1
_DRAW = _READ + LIGHT_REACH + 1
_JUDGE = _DRAW + 1
"""Frames by which scene, surrogate and verdict are behind the landmarks."""
BEHIND = _JUDGE + STAY + FADE + 1
"""Frames that are read before the first is finished; it was judged a step before, so that it can be
written while others are drawn."""
BLIND = 2
"""Frames in a row in which a face is not found and its surrogate may go on all the same."""
_SAME = 0.4
"""Overlap with another track of the same person from which that track has the face."""
_FINE = 200.0
"""Height of a face in pixels from which its texture has 512 texels a side, not 256."""
_SHAKY = 0.06
"""Share of the face's size that landmarks may be off their own smooth course."""


@dataclass(frozen=True)
class Shown:
    """What became of one track in one frame."""

    track: int
    state: State
    reason: str = ""
    similarity: float | None = None


@dataclass(frozen=True, eq=False)
class Finished:
    """A frame as it will be written: ``pixels`` at 8 or, for a deep clip, 16 bits."""

    index: int
    frame: Frame
    pixels: Pixels | Deep
    shown: tuple[Shown, ...]


@dataclass(eq=False)
class _Part:
    """One track on its way through the steps; everything by the index of the frame."""

    track: Track
    person: Person
    boxes: Array
    around: dict[int, Box]
    request: Request
    costume: Costume | None
    work: tuple[float, float]
    blind: frozenset[int]
    meshes: dict[int, Array] = field(default_factory=dict)
    scenes: dict[int, Scene] = field(default_factory=dict)
    drawn: dict[int, SurrogateLayer] = field(default_factory=dict)
    layers: dict[int, SurrogateLayer] = field(default_factory=dict)
    reasons: dict[int, str] = field(default_factory=dict)
    verdicts: dict[int, Verdict] = field(default_factory=dict)
    worn: set[int] = field(default_factory=set)

    def box(self, index: int) -> Box | None:
        if index in self.around:
            return self.around[index]
        if self.track.first <= index <= self.track.last:
            x, y, width, height = self.boxes[index - self.track.first].tolist()
            return x, y, width, height
        return None

    def hidden(self, index: int, stay: int) -> bool:
        """Tell whether a mask hides the face wholly: none is worn, here or on both sides soon."""
        if self.bare(index):
            return True
        before = next((i for i in range(index - 1, index - stay, -1) if self.bare(i)), None)
        if before is None:
            return False
        return any(self.bare(i) for i in range(index + 1, before + stay + 1))

    def bare(self, index: int) -> bool:
        """Tell whether the track has no surrogate in a frame that it concerns."""
        return index not in self.worn and self.box(index) is not None

    def forget(self, read: int, done: int) -> None:
        """Let go of what no step needs any more, after ``read`` was read and ``done`` finished."""
        outdated: list[tuple[dict[int, Any], int]] = [
            (self.meshes, read - _READ - REACH),
            (self.scenes, read - _DRAW - LIGHT_REACH),
            (self.drawn, read - _JUDGE),
            (self.layers, done + 1),
            (self.reasons, done + 1),
            (self.verdicts, done + 1),
        ]
        for kept, before in outdated:
            for index in [i for i in kept if i < before]:
                del kept[index]
        self.worn = {i for i in self.worn if i > done - STAY - FADE}


class Renderer:
    """Takes frames in order and gives finished ones back, `BEHIND` frames later.

    Args:
        timeline: of the first pass.
        people: with costumes.
        rate: frames a second, the most where it varies.
        threshold: similarity from which a surrogate fails.
    """

    def __init__(
        self, timeline: Timeline, people: list[Person], *, rate: float,
        threshold: float = THRESHOLD,
    ) -> None:  # fmt: skip
        self._timeline, self._threshold = timeline, threshold
        self._landmarker, self._recogniser = Landmarker(), Recogniser()
        whose = {track: person for person in people for track in person.tracks}
        self._parts = [_part(track, whose[track.id], timeline, rate) for track in timeline.tracks]
        self._frames: dict[int, Frame] = {}
        self._sums: dict[int, Array] = {}
        self._pool = ThreadPoolExecutor(THREADS)

    def feed(self, index: int, frame: Frame) -> Iterator[Finished]:
        """Take the frame of this index, the one after the last; yield what is finished by it.

        Raises:
            ExportBlocked: a face is neither covered nor kept, which a fault alone can cause.
        """
        self._frames[index] = frame
        yield from self._step(index)

    def flush(self, last: int) -> Iterator[Finished]:
        """Yield the rest, after the frame ``last``."""
        for index in range(last + 1, last + 1 + BEHIND):
            yield from self._step(index)

    def pooled(self) -> dict[int, float]:
        """Return how alike each person's surrogate is to them over all frames so far, −1…1.

        The mean of all frames' embeddings, held against the mean of the originals: what someone
        finds who does not stop at one frame.
        """
        whose = {part.person.id: part.person for part in self._parts}
        alike = {}
        for number, total in list(self._sums.items()):  # others are drawn meanwhile
            original = whose[number].originals.mean(0)
            size = float(np.linalg.norm(total) * np.linalg.norm(original))
            alike[number] = float(total @ original) / max(size, 1e-9)
        return alike

    def preview(self, index: int, frame: Frame) -> Finished:
        """Return one frame quickly, without its neighbours: less steady than it will be.

        Call it only on a renderer that is not fed.
        """
        end = len(self._timeline.ticks) + BEHIND
        for part in self._parts:
            part.forget(end + BEHIND, end)
        self._frames = {index: frame}
        for part in self._parts:
            if part.costume is not None:
                self._place(part, index)
                self._read(part, index)
                self._draw(part, index)
                self._judge(part, index)
        return self._finish(index, fade=0, stay=0)

    def _step(self, index: int) -> Iterator[Finished]:
        first = min(self._frames, default=0)
        active = [p for p in self._parts if p.costume and p.track.first <= index + 1]
        active = [p for p in active if p.track.last >= index - BEHIND]
        work = [
            (self._draw, index - _DRAW), (self._read, index - _READ),
            (self._judge, index - _JUDGE), (self._place, index),
        ]  # fmt: skip

        def run(step: tuple[Callable[[_Part, int], None], int]) -> None:
            for part in active:
                step[0](part, step[1])

        drawing = [self._pool.submit(run, step) for step in work] if active else []
        done = index - BEHIND
        try:
            if done >= first and done in self._frames:
                yield self._finish(done)
        finally:
            for step in drawing:
                step.result()
        self._frames.pop(done, None)
        for part in self._parts:
            part.forget(index, done)

    def _place(self, part: _Part, index: int) -> None:
        """Find the landmarks in a frame that was just read."""
        track, frame = part.track, self._frames.get(index)
        if frame is None or not track.first <= index <= track.last:
            return
        if frame.broken:
            part.reasons[index] = "The file is damaged here."
        elif not track.seen(index) and index not in part.blind:
            part.reasons[index] = "The face is not found here."
        else:
            points = track.face(index).points
            before = part.meshes.get(index - 1)
            if before is None:
                part.meshes[index] = self._landmarker.settled(frame.pixels, points)
            else:
                part.meshes[index] = self._landmarker.mesh(frame.pixels, points, before=before)

    def _read(self, part: _Part, index: int) -> None:
        """Read the scene around smoothed landmarks, if they can be trusted."""
        if index not in part.meshes or index not in self._frames or part.costume is None:
            return
        near = _run(part.meshes, index, REACH)
        times = [float(self._timeline.ticks[i]) for i in near]
        raw = part.meshes[index]
        vertices = steady_mesh([part.meshes[i] for i in near], times, near.index(index))
        size = float(np.ptp(vertices[: mesh.VERTICES, :2], axis=0).max())
        reason = self._doubt(part.track.face(index), vertices)
        if not reason and float(np.abs(raw - vertices)[:, :2].mean()) > _SHAKY * size:
            reason = "The landmarks of this face could not be placed with certainty."
        if not reason:
            scene = part.costume.scene(self._frames[index].pixels, vertices, work=part.work)
            if scene.fit.residual > NO_FACE:
                reason = "What was found here may not be a face, or too much of it is hidden."
            else:
                part.scenes[index] = scene
        if reason:
            part.reasons[index] = reason

    def _doubt(self, face: Face, vertices: Array) -> str:
        pose = procrustes(mesh.XYZ, vertices[: mesh.VERTICES])
        return doubt(face, vertices, pose.degrees())

    def _draw(self, part: _Part, index: int) -> None:
        """Compose the surrogate in steady light."""
        if index not in part.scenes or part.costume is None:
            return
        near = _run(part.scenes, index, LIGHT_REACH)
        scene = steady_scene([part.scenes[i] for i in near], near.index(index))
        part.drawn[index] = part.costume.layer(scene)

    def _judge(self, part: _Part, index: int) -> None:
        """Verify what was drawn, and let the face wear it if it holds."""
        if index not in part.drawn or part.costume is None:
            return
        layer, pixels = part.drawn[index], self._frames[index].pixels
        found = worn(self._recogniser, layer, pixels, part.track.face(index))[None]
        person = part.person
        verdict = judge(
            person.originals, found, part.costume.donors, person.others, self._threshold
        )
        part.verdicts[index] = verdict
        if verdict.state is State.VERIFIED:
            part.layers[index] = layer
            part.worn.add(index)
            self._sums[person.id] = self._sums.get(person.id, np.zeros(128)) + found[0]
        else:
            part.reasons[index] = verdict.reason

    def _finish(self, index: int, *, fade: int = FADE, stay: int = STAY) -> Finished:
        """Put surrogates and masks into a frame; no track may be left over."""
        frame = self._frames[index]
        pixels = (frame.pixels if frame.deep is None else frame.deep).copy()
        here = [(part, part.box(index)) for part in self._parts]
        concerned = [(part, box) for part, box in here if box is not None]
        for part, _ in concerned:
            if index in part.layers:
                part.layers[index].apply(pixels)
        shown = []
        for part, box in concerned:
            state, reason = self._hide(part, index, box, pixels, fade, stay)
            verdict = part.verdicts.get(index)
            alike = verdict.similarity_to_original if verdict and not reason else None
            shown.append(Shown(part.track.id, state, reason, alike))
        return Finished(index, frame, pixels, tuple(shown))

    def _hide(
        self, part: _Part, index: int, box: Box, pixels: Pixels | Deep, fade: int, stay: int
    ) -> tuple[State, str]:
        """Mask a face as far as it must be; return what became of it."""
        method = part.request.method
        if method is Method.KEEP:
            return State.KEPT, ""
        if method is not Method.SURROGATE:
            face = Face(part.track.id, box, np.zeros((5, 2), np.float32), 1.0)
            MaskLayer(face, method).apply(pixels)
            return State.MASKED, f"This face is hidden ({method.value})."
        near = range(index - fade, index + fade + 1)
        away = min((abs(i - index) for i in near if part.hidden(i, stay)), default=fade + 1)
        strength = 1 - away / (fade + 1)
        if strength > 0:
            cover(pixels, box, part.person.colour, strength=strength)
        if strength == 1:
            reason = part.reasons.get(index) or part.person.reason
            if index in part.worn:
                reason = "The surrogate holds only for a moment here, so the mask stays."
            return State.MASKED, reason or "The face may be here before or after it is found."
        if index not in part.layers:
            raise ExportBlocked(
                f"frame {index}: a face is neither replaced nor masked; report this please"
            )
        return State.VERIFIED, ""


def _run(kept: dict[int, Array] | dict[int, Scene], index: int, reach: int) -> list[int]:
    """Return the frames around ``index``, up to ``reach`` away, without a hole between."""
    start = stop = index
    while start - 1 in kept and start > index - reach:
        start -= 1
    while stop + 1 in kept and stop < index + reach:
        stop += 1
    return list(range(start, stop + 1))


def _beside(track: Track, person: Person, timeline: Timeline, rate: float) -> dict[int, Box]:
    """Return the boxes around a track, except where another track of its person has the face."""
    own = [t for t in timeline.tracks if t.id in person.tracks and t is not track]

    def taken(index: int, box: Box) -> bool:
        row = np.array(box, np.float32)
        there = [t.rows[index - t.first] for t in own if t.first <= index <= t.last]
        return bool(there) and float(overlap(row, np.stack(there)).max()) > _SAME

    boxes = around(track, timeline, rate=rate)
    return {index: box for index, box in boxes.items() if not taken(index, box)}


def _part(track: Track, person: Person, timeline: Timeline, rate: float) -> _Part:
    large = float(track.rows[:, 3].max()) > _FINE
    costume = person.costume_of(track.id)
    return _Part(
        track,
        person,
        smooth_boxes(track.rows),
        _beside(track, person, timeline, rate),
        person.request_of(track.id),
        costume.scaled(512 if large else 256) if costume else None,
        (200.0, 700.0) if large else WORK,
        _blind(track),
    )


def _blind(track: Track) -> frozenset[int]:
    """Return the frames of short gaps, in which landmarks may be looked for all the same."""
    unseen = track.rows[:, 14] <= 0
    frames, run = [], list[int]()
    for number, hidden in enumerate([*unseen.tolist(), False]):
        if hidden:
            run.append(track.first + number)
        else:
            frames += run if len(run) <= BLIND else []
            run = []
    return frozenset(frames)
