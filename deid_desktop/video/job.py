"""Takes one clip through both passes, and goes on where a run that was stopped left off.

Beside the result, while it is being made, lies a hidden folder: what was found (boxes and points),
which identities were chosen, and finished parts. No pixel of an original and no embedding is in it;
it is named after the file and the settings, and goes when the result has its name.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from deid_desktop.core.pipeline import Pipeline
from deid_desktop.core.pipeline.threads import shared_by
from deid_desktop.core.types import Cancelled, Identity, Look, Request, ShouldStop, never
from deid_desktop.core.verify import THRESHOLD
from deid_desktop.video import VideoError
from deid_desktop.video.clip import Clip
from deid_desktop.video.editing import Edit, edited, regrouped, requests_of, stretches_of
from deid_desktop.video.finding import Finder, Stretch
from deid_desktop.video.glances import look, photos
from deid_desktop.video.people import Person, cast, group
from deid_desktop.video.reading import frames, read_clip
from deid_desktop.video.record import Tally, clip_record
from deid_desktop.video.rehearsal import THREADS
from deid_desktop.video.rendering import BEHIND, Finished, Renderer
from deid_desktop.video.sound import Sound
from deid_desktop.video.tracks import Timeline, link
from deid_desktop.video.writing import Part, PartWriter, join

PART_SECONDS = 10.0
"""Length of a part: as much is lost when a run is stopped."""
_FORMAT = 2
"""Of the files in the folder; another number starts anew."""

Progress = Callable[[str, int, int], None]
"""Called with what is being done ("find", "cast", "render", "join"), the frames done, and all."""


@dataclass(frozen=True)
class Wish:
    """What is to become of a clip. ``edits``: what a person changed about its tracks.

    ``any_seed``: nobody chose the request's seed, so that a run which goes on keeps the one it had.
    """

    request: Request
    sound: Sound
    edits: tuple[Edit, ...] = ()
    overwrite: bool = False
    threshold: float = THRESHOLD
    any_seed: bool = False


def redact_clip(
    pipeline: Pipeline,
    source: Path,
    target: Path,
    wish: Wish,
    *,
    found: list[Stretch] | None = None,
    identities: dict[int, Identity] | None = None,
    should_stop: ShouldStop = never,
    progress: Progress = lambda doing, done, total: None,
) -> dict[str, Any]:
    """Write ``source`` to ``target`` with every face replaced, masked or kept; return the record.

    ``found``: what the first pass gave, ``identities``: who plays whom, by the person's number,
    where somebody has done that already. A run that goes on keeps its own.

    Raises:
        VideoError: the clip cannot be read, or the result not be written.
        ExportBlocked: over all frames a surrogate can be told to be the person after all.
        Cancelled: ``should_stop`` answered yes; the next call goes on from there.
    """
    clip = read_clip(source)
    if os.path.lexists(target) and not wish.overwrite:
        raise VideoError(
            f"{target.name}: this name is taken; choose another folder or allow overwriting"
        )
    folder = Folder(_place(source, target))
    wish = folder.keep_wish(wish)
    if found is not None:
        folder.keep_found(found)
        folder.end_found()
    timeline = find(source, clip, folder, should_stop=should_stop, progress=progress)
    timeline = edited(timeline, wish.edits)
    if not timeline.ticks:
        raise VideoError(f"{clip.name}: the video holds no frames; get the file again")
    progress("cast", 0, 1)
    people = dress(
        source, clip, timeline, pipeline, wish, folder, identities=identities,
        should_stop=should_stop,
    )  # fmt: skip
    progress("cast", 1, 1)
    with shared_by(THREADS):
        tally = render(
            source, clip, timeline, people, wish, folder, should_stop=should_stop, progress=progress
        )
    tally.check(clip.name, people, wish.threshold)
    damaged = join(
        folder.parts(),
        clip,
        source,
        target,
        sound=wish.sound,
        last=last_length(timeline),
        overwrite=wish.overwrite,
        progress=lambda share: progress("join", round(1000 * share), 1000),
    )
    folder.remove()
    return clip_record(clip, timeline, people, tally, wish.sound, damaged, target.name)


def last_length(timeline: Timeline) -> int:
    """Return the ticks that the last frame is shown: as said, or as the frames before it."""
    if timeline.lengths[-1] or len(timeline.ticks) < 2:
        return max(1, timeline.lengths[-1])
    return int(np.median(np.diff(timeline.ticks)))


def find(
    source: Path, clip: Clip, folder: Folder, *, should_stop: ShouldStop = never,
    progress: Progress = lambda doing, done, total: None,
) -> Timeline:  # fmt: skip
    """Do the first pass, or what is left of it.

    Raises:
        Cancelled: ``should_stop`` answered yes.
    """
    found, complete = folder.found()
    total = round(clip.seconds * clip.rate)
    if not complete:
        again = found.pop() if found else None  # its faces were not yet followed to the next
        folder.keep_found(found)
        done = sum(len(stretch.ticks) for stretch in found)
        rest = frames(source, clip, since=again.ticks[0] if again else None, deep=False)
        for stretch in Finder().stretches(rest, clip, should_stop=should_stop):
            if again is not None:  # only the frame before can tell whether it begins a scene
                stretch = replace(stretch, cuts=(again.cuts[0], *stretch.cuts[1:]))
                again = None
            folder.add_found(stretch)
            found.append(stretch)
            done += len(stretch.ticks)
            progress("find", done, total)
        folder.end_found()
    return link(found, rate=float(clip.rate))


def dress(
    source: Path, clip: Clip, timeline: Timeline, pipeline: Pipeline, wish: Wish, folder: Folder,
    *, identities: dict[int, Identity] | None = None, should_stop: ShouldStop = never,
) -> list[Person]:  # fmt: skip
    """Join tracks to people and give each a surrogate, that of an earlier run if there was one.

    Else that of ``identities``, by the person's number.

    Raises:
        Cancelled: ``should_stop`` answered yes.
    """
    seen = look(source, clip, timeline, pipeline, should_stop=should_stop)
    if should_stop():
        raise Cancelled
    groups = regrouped(group(timeline, seen), wish.edits)
    requests = requests_of(groups, wish.edits, wish.request)
    people = cast(
        groups, seen, pipeline, requests, photos(source, clip, timeline),
        stretches=stretches_of(wish.edits),
        identities=(identities or {}) | folder.identities(), should_stop=should_stop,
    )  # fmt: skip
    folder.keep_identities(people)
    return people


def render(
    source: Path, clip: Clip, timeline: Timeline, people: list[Person], wish: Wish, folder: Folder,
    *, should_stop: ShouldStop = never, progress: Progress = lambda doing, done, total: None,
) -> Tally:  # fmt: skip
    """Do the second pass, part by part, or what is left of it.

    Raises:
        Cancelled: ``should_stop`` answered yes.
    """
    tally = folder.tally()
    begin = sum(len(part.ticks) for part in folder.parts())
    total = len(timeline.ticks)
    if begin == total:
        return tally
    rate = timeline.quickest(clip)
    renderer = Renderer(timeline, people, rate=rate, threshold=wish.threshold)
    writer = _Parts(folder, clip, max(1, round(PART_SECONDS * clip.rate)), total, tally, renderer)
    warm = max(0, begin - BEHIND)
    try:
        index = warm - 1
        for index, frame in enumerate(frames(source, clip, since=timeline.ticks[warm]), start=warm):
            if should_stop():
                raise Cancelled
            if index >= total or frame.at != timeline.ticks[index]:
                raise VideoError(f"{clip.name}: the file has changed meanwhile; start again")
            for finished in renderer.feed(index, frame):
                if finished.index >= begin:
                    writer.write(finished)
                    progress("render", finished.index + 1, total)
        for finished in renderer.flush(index):
            if should_stop():
                raise Cancelled
            if finished.index >= begin:
                writer.write(finished)
                progress("render", finished.index + 1, total)
        if index + 1 != total:
            raise VideoError(f"{clip.name}: the file has changed meanwhile; start again")
    finally:
        writer.discard()
    return tally


def discard(source: Path, target: Path) -> None:
    """Forget a run that was stopped: nothing of it is left beside ``target``."""
    shutil.rmtree(_place(source, target), ignore_errors=True)


def _place(source: Path, target: Path) -> Path:
    return target.parent / f".{_digest(source, target)}.clip"


class _Parts:
    """Writes finished frames into one part after another."""

    def __init__(
        self, folder: Folder, clip: Clip, length: int, total: int, tally: Tally, renderer: Renderer
    ) -> None:
        self._folder, self._clip, self._length, self._total = folder, clip, length, total
        self._tally, self._renderer = tally, renderer
        self._part: PartWriter | None = None
        self._ticks: list[int] = []
        self._own = Tally()

    def write(self, finished: Finished) -> None:
        if self._part is None:
            self._part = PartWriter(self._folder.part(finished.index), self._clip)
        self._part.write(finished.frame.at, finished.pixels)
        self._ticks.append(finished.frame.at)
        self._own.add(finished)
        if len(self._ticks) == self._length or finished.index + 1 == self._total:
            self._part.close()
            self._part = None
            self._own.pooled = self._renderer.pooled()
            self._folder.add_part(finished.index + 1 - len(self._ticks), self._ticks, self._own)
            self._tally.merge(self._own)
            self._ticks, self._own = [], Tally()

    def discard(self) -> None:
        if self._part is not None:
            self._part.discard()


class Folder:
    """The hidden folder of a run: what it has found, chosen and finished so far."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.mkdir(exist_ok=True)
        except OSError as error:
            raise VideoError(
                f"{path.parent.name}: nothing can be written here ({error.strerror}); "
                "choose another folder"
            ) from error
        for name in ("found", "wish", "people", "parts"):
            self._mend(path / name)

    def remove(self) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self._path, ignore_errors=True)

    def keep_wish(self, wish: Wish) -> Wish:
        """Go on with an earlier run if it had the same wish; else only what it found counts.

        Returns the wish with the seed that counts.
        """
        # What the sound becomes is decided at the very end.
        text = repr((_FORMAT, replace(wish.request, seed=0), wish.edits, wish.threshold))
        for line in self._lines("wish"):
            seed = int(line.get("seed", 0))
            if line["wish"] == text and (wish.any_seed or seed == wish.request.seed):
                return replace(wish, request=replace(wish.request, seed=seed))
        for path in self._path.iterdir():
            if path.name != "found":
                path.unlink()
        self._append("wish", {"wish": text, "seed": wish.request.seed})
        return wish

    def part(self, first: int) -> Path:
        """Return where the part goes whose first frame has this index."""
        return self._path / f"{first:08d}.mp4"

    def found(self) -> tuple[list[Stretch], bool]:
        """Return what was found so far, and whether that is all."""
        lines = self._lines("found")
        complete = bool(lines) and lines[-1] == {"end": True}
        return [_stretch_of(line) for line in lines if "ticks" in line], complete

    def keep_found(self, stretches: list[Stretch]) -> None:
        """Go back to these."""
        lines = [json.dumps(_of_stretch(stretch)) + "\n" for stretch in stretches]
        (self._path / "found").write_text("".join(lines))

    def add_found(self, stretch: Stretch) -> None:
        """Write down one more stretch."""
        self._append("found", _of_stretch(stretch))

    def end_found(self) -> None:
        """Write down that there is no more."""
        self._append("found", {"end": True})

    def identities(self) -> dict[int, Identity]:
        """Return the identities that were chosen, by the person's number."""
        chosen = {}
        for line in self._lines("people"):
            own = line["identity"]
            look = Look(**own.pop("look")) if own.get("look") else None
            own["donors"], own["weights"] = tuple(own["donors"]), tuple(own["weights"])
            chosen[int(line["person"])] = Identity(**{**own, "look": look})
        return chosen

    def keep_identities(self, people: list[Person]) -> None:
        """Write down who plays whom."""
        known = self.identities()
        for person in people:
            if person.identity is not None and person.id not in known:
                self._append("people", {"person": person.id, "identity": asdict(person.identity)})

    def parts(self) -> list[Part]:
        """Return the finished parts in order."""
        return [
            Part(self.part(int(line["first"])), tuple(line["ticks"]))
            for line in self._lines("parts")
        ]

    def tally(self) -> Tally:
        """Return what became of the faces in the finished parts."""
        tally = Tally()
        for line in self._lines("parts"):
            tally.merge(Tally.read(line["tally"]))
        return tally

    def add_part(self, first: int, ticks: list[int], tally: Tally) -> None:
        """Write down that a part is finished."""
        self._append("parts", {"first": first, "ticks": ticks, "tally": tally.written()})

    def _lines(self, name: str) -> list[dict[str, Any]]:
        """Return the whole lines of a file; the last may have been cut off."""
        path = self._path / name
        lines: list[dict[str, Any]] = []
        if path.exists():
            for text in path.read_text().splitlines():
                try:
                    lines.append(json.loads(text))
                except ValueError:
                    break
        return lines

    def _mend(self, path: Path) -> None:
        """Take off a last line that was cut short."""
        if path.exists() and not path.read_bytes().endswith(b"\n"):
            lines = [json.dumps(line) + "\n" for line in self._lines(path.name)]
            path.write_text("".join(lines))

    def _append(self, name: str, line: dict[str, Any]) -> None:
        with (self._path / name).open("a") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())


def _of_stretch(stretch: Stretch) -> dict[str, Any]:
    return {
        "ticks": stretch.ticks,
        "lengths": stretch.lengths,
        "cuts": stretch.cuts,
        "broken": stretch.broken,
        "rows": [rows.tolist() for rows in stretch.rows],
    }


def _stretch_of(line: dict[str, Any]) -> Stretch:
    return Stretch(
        tuple(line["ticks"]),
        tuple(line["lengths"]),
        tuple(line["cuts"]),
        tuple(line["broken"]),
        tuple(np.array(rows, np.float32).reshape(-1, 15) for rows in line["rows"]),
    )


def _digest(source: Path, target: Path) -> str:
    """Name the run: the same file, unchanged, goes on; anything else starts anew."""
    status = source.stat()
    said = (_FORMAT, source.name, status.st_size, status.st_mtime_ns, target.name)
    return hashlib.blake2b(repr(said).encode(), digest_size=8).hexdigest()
