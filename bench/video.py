"""Measures clips: coverage in gaps, flicker, times and sound, speed, memory, pooled recognition.

    python -m bench.video coverage PHOTO… CLIP… [--frames 60]   every frame between two sightings
    python -m bench.video flicker [CLIP…]                   frame-to-frame change inside the face
    python -m bench.video times [CLIP…]                     frames, length and sound, in and out
    python -m bench.video speed [--frames 60]               640 × 360, one face, frames a second
    python -m bench.video memory [--frames 10000]           resident memory while it renders
    python -m bench.video damage [CLIP…] [--rounds 100]     clips broken at random, read
    python -m bench.video identities [CLIP…]                how alike the frames of a track are
    python -m bench.video recognise FOLDER [--people 20]    all frames of a person pooled, rank 1

Clips are built from photos by a camera whose motion is known, so truth is known too. Recogniser of
the last two: dlib's, which is not in the loop. Without PHOTO or CLIP the shipped samples are used.
"""

from __future__ import annotations

import argparse
import itertools
import math
import multiprocessing
import resource as limits
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench.clips import record, shots
from bench.coverage import coverage
from deid_desktop.core import mesh
from deid_desktop.core.analyse import Landmarker
from deid_desktop.core.detect import Detector
from deid_desktop.core.imaging import find_photos, read_photo
from deid_desktop.core.pipeline import Pipeline
from deid_desktop.core.regions import regions
from deid_desktop.core.types import Request
from deid_desktop.evaluation.recognisers import DlibResNet
from deid_desktop.resources import resource
from deid_desktop.video import VideoError
from deid_desktop.video.finding import Finder
from deid_desktop.video.job import Wish, redact_clip
from deid_desktop.video.reading import frames, read_clip, sound_blocks
from deid_desktop.video.sound import Sound
from deid_desktop.video.tracks import link


def _redacted(pipeline: Pipeline, source: Path, target: Path, **wish: Any) -> dict[str, Any]:
    return redact_clip(
        pipeline, source, target, Wish(Request(), wish.pop("sound", Sound.KEEP), overwrite=True)
    )


def _sources(options: argparse.Namespace, folder: Path) -> Iterator[tuple[str, Path]]:
    portrait = read_photo(resource("samples", "portrait.jpg")).pixels
    for name, still in (("still portrait, noise of 2 levels", True), ("moving portrait", False)):
        pictures = (picture for picture, _ in shots(portrait, options.frames, still=still))
        yield name, record(folder / f"{'still' if still else 'moving'}.mp4", pictures)
    for path in options.inputs:
        yield path.name, path


def flicker(options: argparse.Namespace) -> None:
    """Print the change from frame to frame inside the face, taken to texture space."""
    pipeline = Pipeline("cpu")
    with tempfile.TemporaryDirectory() as name:
        for label, source in _sources(options, Path(name)):
            target = Path(name) / "out.mp4"
            _redacted(pipeline, source, target)
            changes = list(_changes(source, target))
            before, after = np.mean(changes, axis=0)
            first = np.mean(changes[:10], axis=0)
            print(
                f"{label}: {len(changes)} steps, original {before:.2f}, surrogate {after:.2f} "
                f"levels, ratio {after / before:.2f}; in the first ten {first[1] / first[0]:.2f}"
            )


def _changes(source: Path, target: Path) -> Iterator[tuple[float, float]]:
    """Yield the mean change of the inner face from one frame to the next, before and after."""
    detector, landmarker, inner = Detector(), Landmarker(), regions(128).blend > 0.8
    box, vertices, last = None, None, None
    for original, result in zip(*(frames(p, read_clip(p)) for p in (source, target)), strict=True):
        pictures = original.pixels, result.pixels
        face = None if box is None else detector.detect_near(pictures[0], box)
        if face is None:
            found = detector.detect(pictures[0])
            face = max(found, key=lambda f: f.box[3]) if found else None
        if face is None:
            box = vertices = last = None
            continue
        box, before = face.box, vertices
        vertices = landmarker.mesh(pictures[0], face.points, before=before)
        if before is not None and last is not None:
            # One mesh for both, moved as a whole: the landmarks' own noise must not count.
            moved = before.copy()
            moved[:, :2] += (vertices - before)[: mesh.VERTICES, :2].mean(0)
            one, other = (
                np.abs(mesh.unwrap(a, before, 128)[inner] - mesh.unwrap(b, moved, 128)[inner])
                for a, b in zip(last, pictures, strict=True)
            )
            yield float(one.mean()), float(other.mean())
        last = pictures


def times(options: argparse.Namespace) -> None:
    """Print frames, length and the shift of the sound of each clip and its result."""
    pipeline = Pipeline("cpu")
    with tempfile.TemporaryDirectory() as name:
        for label, source in _sources(options, Path(name)):
            target = Path(name) / "out.mp4"
            _redacted(pipeline, source, target)
            clips = [(read_clip(path), path) for path in (source, target)]
            ticks = [[f.at * c.tick for f in frames(p, c)] for c, p in clips]
            off = max(abs(float(a - b)) for a, b in zip(*ticks, strict=True))
            line = f"{label}: {len(ticks[0])} frames in, {len(ticks[1])} out, "
            line += f"{clips[0][0].seconds:.3f} s in, {clips[1][0].seconds:.3f} s out, "
            line += f"time stamps off by at most {1000 * off:.1f} ms"
            if clips[0][0].sound:
                line += f", sound off by {_sound_shift(*clips)} ms"
            print(line)


def _sound_shift(*clips: Any) -> int:
    loud = []
    for clip, path in clips:
        samples = np.concatenate(list(sound_blocks(path, clip, [0])), axis=1)[0]
        loud.append(np.abs(samples[: len(samples) // 48 * 48]).reshape(-1, 48).mean(1))
    length = min(map(len, loud)) - 60
    fits = [
        np.corrcoef(loud[0][50 : length - 50], loud[1][50 + k : length - 50 + k])[0, 1]
        for k in range(-50, 51)
    ]
    return int(np.argmax(fits)) - 50


def speed(options: argparse.Namespace) -> None:
    """Print frames a second of a whole run, and the processor time of each frame."""
    pipeline = Pipeline("cpu")
    pipeline.warm()
    portrait = read_photo(resource("samples", "portrait.jpg")).pixels
    with tempfile.TemporaryDirectory() as name:
        pictures = (picture for picture, _ in shots(portrait, options.frames))
        source = record(Path(name) / "clip.mp4", pictures)
        start, work, last, spent = time.perf_counter(), time.process_time(), "", {}

        def progress(doing: str, done: int, total: int) -> None:
            nonlocal last
            if doing != last:
                spent[doing], last = (time.perf_counter(), time.process_time()), doing

        redact_clip(
            pipeline, source, Path(name) / "out.mp4", Wish(Request(), Sound.KEEP), progress=progress
        )
        wall, used = time.perf_counter() - start, time.process_time() - work
    print(
        f"{options.frames} frames of 640 × 360, one face: {options.frames / wall:.2f} frames a "
        f"second, {1000 * used / options.frames:.0f} ms of processor time each"
    )
    marks = [*spent.items(), ("end", (start + wall, work + used))]
    for (doing, (at, cpu)), (_, (then, after)) in itertools.pairwise(marks):
        print(f"  {doing}: {then - at:.1f} s, {after - cpu:.1f} s of processor time")


def memory(options: argparse.Namespace) -> None:
    """Render one face over many frames; print resident memory and that of decoders meanwhile."""
    pipeline = Pipeline("cpu")
    portrait = read_photo(resource("samples", "portrait.jpg")).pixels
    with tempfile.TemporaryDirectory() as name:
        pictures = (p for p, _ in shots(portrait, options.frames, size=(160, 120), face=50.0))
        source = record(Path(name) / "clip.mp4", pictures)
        marks: dict[str, list[str]] = {}

        def progress(doing: str, done: int, total: int) -> None:
            if doing in ("find", "render") and done >= len(marks.get(doing, [])) * total / 10:
                pids = ["self", *(child.pid for child in multiprocessing.active_children())]
                own, *decoders = (
                    int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                    * limits.getpagesize() / 2**20
                    for pid in pids
                )  # fmt: skip
                marks.setdefault(doing, []).append(f"{done}: {own:.0f} + {sum(decoders):.0f} MB")
                print(doing, marks[doing][-1], flush=True)

        redact_clip(
            pipeline, source, Path(name) / "out.mp4", Wish(Request(), Sound.DROP), progress=progress
        )


def damage(options: argparse.Namespace) -> None:
    """Break clips at random places, read them, and count what came of it."""
    chance, came = np.random.default_rng(0), Counter[str]()
    with tempfile.TemporaryDirectory() as name:
        sources = [path.read_bytes() for _, path in _sources(options, Path(name))]
        bad = Path(name) / "bad.mp4"
        for number in range(options.rounds):
            data = bytearray(sources[number % len(sources)])
            for _ in range(int(chance.integers(1, 20))):
                at = int(chance.integers(len(data)))
                junk = chance.bytes(int(chance.integers(1, 200)))[: len(data) - at]
                data[at : at + len(junk)] = junk
            bad.write_bytes(data[: None if number % 3 else int(chance.integers(1, len(data)))])
            try:
                clip = read_clip(bad)
                shown = list(frames(bad, clip))
                if clip.sound:
                    _ = list(sound_blocks(bad, clip, [0]))
                came["read, part of it grey" if any(f.broken for f in shown) else "read"] += 1
            except VideoError as error:
                came["broke the decoder" if "broke" in str(error) else "refused"] += 1
    print(", ".join(f"{kind}: {count}" for kind, count in sorted(came.items())))


def identities(options: argparse.Namespace) -> None:
    """Print how far the frames of each track are from the track's middle, in dlib's distance."""
    pipeline, attacker, detector = Pipeline("cpu"), DlibResNet(), Detector()
    with tempfile.TemporaryDirectory() as name:
        sources = options.inputs or [_crowd(Path(name), options.frames)]
        for source in sources:
            target = Path(name) / "out.mp4"
            _redacted(pipeline, source, target, sound=Sound.DROP)
            clip = read_clip(source)
            stretches = Finder().stretches(frames(source, clip), clip)
            timeline = link(list(stretches), rate=float(clip.rate))
            seen: dict[int, list[list[np.ndarray]]] = {t.id: [[], []] for t in timeline.tracks}
            flows = zip(*(frames(p, read_clip(p)) for p in (source, target)), strict=True)
            for number, pictures in enumerate(flows):
                for track in (t for t in timeline.tracks if t.seen(number)):
                    face = track.face(number)
                    if detector.detect_near(pictures[1].pixels, face.box) is not None:  # no mask
                        for picture, kept in zip(pictures, seen[track.id], strict=True):
                            kept.append(attacker.embed(picture.pixels, face.points))
            for number, both in seen.items():
                if len(both[0]) >= 10:
                    print(f"{source.name}, track {number + 1}: " + _spread(*map(np.stack, both)))


def _crowd(folder: Path, count: int) -> Path:
    crew = read_photo(resource("samples", "crew.jpg")).pixels
    pictures = (picture for picture, _ in shots(crew, count, size=(960, 540)))
    return record(folder / "crew.mp4", pictures)


def _spread(originals: np.ndarray, surrogates: np.ndarray) -> str:
    """Say how far frames (n, 128) are from their mean, and the first half from the second."""
    parts = []
    for label, own in (("originals", originals), ("surrogates", surrogates)):
        away = np.linalg.norm(own - own.mean(0), axis=1)
        halves = own[: len(own) // 2].mean(0) - own[len(own) // 2 :].mean(0)
        parts.append(f"{label} up to {away.max():.2f}, halves {np.linalg.norm(halves):.2f} apart")
    between = np.linalg.norm(originals.mean(0) - surrogates.mean(0))
    return f"{len(originals)} frames, {', '.join(parts)}; from each other {between:.2f}"


def recognise(options: argparse.Namespace) -> None:
    """Redact a clip of each person and ask whom all frames together look like."""
    pipeline, detector, attacker = Pipeline("cpu"), Detector(), DlibResNet()
    names, gallery, probes, own, states = [], [], [], [], Counter[str]()
    for path in find_photos(options.inputs)[: options.people]:
        photo = read_photo(path).pixels
        faces = detector.detect(photo)
        if not faces:
            continue
        face = max(faces, key=lambda f: f.box[3])
        gallery.append(attacker.embed(photo, face.points))
        with tempfile.TemporaryDirectory() as name:
            pictures = (p for p, _ in shots(photo, options.frames, size=(320, 240)))
            source = record(Path(name) / "clip.mp4", pictures)
            target = Path(name) / "out.mp4"
            result = _redacted(pipeline, source, target, sound=Sound.DROP)
            states += Counter(_states(result))
            seen = [[], []]
            clips = [(read_clip(p), p) for p in (source, target)]
            flows = [frames(p, c) for c, p in clips]
            for before, after in zip(*flows, strict=True):
                found = detector.detect_near(before.pixels, (110.0, 70.0, 100.0, 100.0))
                if found is not None:
                    for pixels, kept in zip((before.pixels, after.pixels), seen, strict=True):
                        kept.append(attacker.embed(pixels, found.points))
        names.append(path.stem)
        print(f"{path.stem}: {len(seen[0])} frames, {_states(result)}", file=sys.stderr, flush=True)
        own.append(np.mean(seen[0], axis=0))
        probes.append(np.mean(seen[1], axis=0))
    known = np.stack(gallery)
    print("frames: " + ", ".join(f"{count} {state}" for state, count in states.items()))
    for label, pooled in (("originals", own), ("surrogates", probes)):
        scores = attacker.scores(np.stack(pooled), known)
        right = scores.argmax(1) == np.arange(len(known))
        chance = _by_chance(int(right.sum()), len(known))
        print(
            f"{label}: rank 1 for {right.sum()} of {len(known)} people, all frames pooled; by "
            f"chance 1, and as many or more with a probability of {chance:.3f}"
        )
        print("  " + ", ".join(n for n, yes in zip(names, right, strict=True) if yes))


def _states(result: dict[str, Any]) -> dict[str, int]:
    """Return how many places in frames were verified, masked and kept."""
    counted = Counter[str]()
    for person in result["people"]:
        for track in person["tracks"]:
            counted += Counter(track["frames"])
    return dict(counted)


def _by_chance(right: int, people: int) -> float:
    """Return how likely guessing is right for so many or more, each once in ``people`` times."""
    below = (
        math.comb(people, k) * (people - 1) ** (people - k) / people**people for k in range(right)
    )
    return 1 - sum(below)


def main() -> None:
    """Run one of the measurements."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    measures = (coverage, flicker, times, speed, memory, damage, identities, recognise)
    kinds = {f.__name__: f for f in measures}
    parser.add_argument("what", choices=kinds)
    parser.add_argument("inputs", nargs="*", type=Path)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_intermixed_args()
    kinds[options.what](options)


if __name__ == "__main__":
    main()
