"""What became of a clip: the part of the report that tells about people, tracks and frames."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from deid_desktop.core.export import ExportBlocked
from deid_desktop.core.types import State
from deid_desktop.video import sound as sounds
from deid_desktop.video.clip import Clip
from deid_desktop.video.people import Person
from deid_desktop.video.rendering import Finished
from deid_desktop.video.tracks import Timeline

_POOLED_FRAMES = 10
"""Frames below which a mean over them says no more than each of them."""


@dataclass
class Count:
    """What became of one track: frames by state, reasons for masks, similarities."""

    states: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    highest: float = -1.0
    total: float = 0.0

    def mean(self) -> float | None:
        """Return the mean similarity of the verified frames."""
        verified = self.states[str(State.VERIFIED)]
        return self.total / verified if verified else None


@dataclass
class Tally:
    """What became of all tracks in some frames, and ``pooled`` similarities by person."""

    tracks: dict[int, Count] = field(default_factory=dict)
    pooled: dict[int, float] = field(default_factory=dict)

    def add(self, finished: Finished) -> None:
        """Count one frame."""
        for shown in finished.shown:
            count = self.tracks.setdefault(shown.track, Count())
            count.states[str(shown.state)] += 1
            if shown.reason:
                count.reasons[shown.reason] += 1
            if shown.similarity is not None:
                count.highest = max(count.highest, shown.similarity)
                count.total += shown.similarity

    def merge(self, other: Tally) -> None:
        """Add what follows."""
        for track, theirs in other.tracks.items():
            count = self.tracks.setdefault(track, Count())
            count.states += theirs.states
            count.reasons += theirs.reasons
            count.highest = max(count.highest, theirs.highest)
            count.total += theirs.total
        self.pooled |= other.pooled

    def check(self, name: str, people: list[Person], threshold: float) -> None:
        """Refuse a clip in which all frames together give somebody away.

        Raises:
            ExportBlocked: naming the person.
        """
        for person in people:
            count = sum(
                self.tracks[t].states[str(State.VERIFIED)]
                for t in person.tracks
                if t in self.tracks
            )
            if count >= _POOLED_FRAMES and self.pooled.get(person.id, -1.0) >= threshold:
                raise ExportBlocked(
                    f"{name}: over all frames together the recogniser takes person "
                    f"{person.id + 1} for the original; mask them, or choose another seed"
                )

    def written(self) -> dict[str, Any]:
        """Return the tally as JSON knows it."""
        return {
            "pooled": self.pooled,
            "tracks": {track: vars(count) for track, count in self.tracks.items()},
        }

    @staticmethod
    def read(text: dict[str, Any]) -> Tally:
        """Return what `written` gave."""
        tally = Tally(pooled={int(n): alike for n, alike in text["pooled"].items()})
        for track, own in text["tracks"].items():
            tally.tracks[int(track)] = Count(
                Counter(own["states"]), Counter(own["reasons"]), own["highest"], own["total"]
            )
        return tally


def clip_record(
    clip: Clip,
    timeline: Timeline,
    people: list[Person],
    tally: Tally,
    sound: sounds.Sound,
    damaged_sound: int,
    output: str,
) -> dict[str, Any]:
    """Return what the report says of a clip: no pixels, no embeddings, no paths."""

    def second(index: int) -> float:
        return round(float((timeline.ticks[index] - clip.start) * clip.tick), 3)

    what = str(sound) if clip.sound else "none"
    return {
        "input": clip.name,
        "output": output,
        "status": "exported",
        "reason": "",
        "frames": len(timeline.ticks),
        "seconds": round(float((timeline.ticks[-1] - timeline.ticks[0]) * clip.tick), 3),
        "scenes": timeline.scenes[-1] + 1,
        "sound": what,
        "damaged_sound_packets": damaged_sound,
        "damaged": [
            {"from": second(first), "to": second(last)} for first, last in _runs(timeline.broken)
        ],
        "people": [_person(person, timeline, tally, second) for person in people],
    }


def _person(person: Person, timeline: Timeline, tally: Tally, second: Any) -> dict[str, Any]:
    pooled = tally.pooled.get(person.id)
    own = {track.id: track for track in timeline.tracks}
    return {
        "person": person.id + 1,
        "method": str(person.request.method),
        "k": person.request.k,
        "seed": person.request.seed,
        "reason": person.reason,
        "similarity_over_all_frames": None if pooled is None else round(pooled, 4),
        "tracks": [
            {
                "track": number,
                "method": str(person.request_of(number).method),
                "from": second(own[number].first),
                "to": second(own[number].last),
                **_counted(tally.tracks.get(number, Count())),
            }
            for number in person.tracks
        ],
    }


def _counted(count: Count) -> dict[str, Any]:
    mean = count.mean()
    return {
        "frames": dict(count.states),
        "masked_because": dict(count.reasons),
        "highest_similarity_to_original": None if mean is None else round(count.highest, 4),
        "mean_similarity_to_original": None if mean is None else round(mean, 4),
        "verified": count.states[str(State.VERIFIED)] > 0,
    }


def _runs(flags: list[bool]) -> list[tuple[int, int]]:
    """Return first and last index of every run of true flags."""
    runs: list[tuple[int, int]] = []
    for index, flag in enumerate(flags):
        if flag and runs and runs[-1][1] == index - 1:
            runs[-1] = (runs[-1][0], index)
        elif flag:
            runs.append((index, index))
    return runs
