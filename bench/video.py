"""Measures clips: coverage in gaps, flicker, times and sound, speed, memory, pooled recognition.

    python -m bench.video coverage PHOTO… [--frames 60]     every frame between two sightings
    python -m bench.video flicker [CLIP…]                   frame-to-frame change inside the face
    python -m bench.video times [CLIP…]                     frames, length and sound, in and out
    python -m bench.video speed [--frames 150]              640 × 360, one face, frames a second
    python -m bench.video memory [--frames 10000]           resident memory while it renders
    python -m bench.video damage [CLIP…] [--rounds 100]     clips broken at random, read
    python -m bench.video recognise FOLDER [--people 20]    all frames of a person pooled, rank 1

Clips are built from photos by a camera whose motion is known, so truth is known too. Recogniser of
the last: dlib's, which is not in the loop. Without PHOTO or CLIP the shipped samples are used.
"""

from __future__ import annotations

import argparse
import itertools
import math
import multiprocessing
import resource as limits
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

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
from deid_desktop.video.finding import Finder, overlap
from deid_desktop.video.job import Wish, redact_clip
from deid_desktop.video.reading import frames, read_clip, sound_blocks
from deid_desktop.video.sound import Sound
from deid_desktop.video.tracks import around, link

RATE = 25
SIZE = (640, 360)


def shots(
    pixels: np.ndarray, count: int, *, size: tuple[int, int] = SIZE, face: float = 90.0,
    still: bool = False, noise: float = 2.0, seed: int = 0,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:  # fmt: skip
    """Yield pictures of a photo under a moving camera, and the matrices (2, 3) that made them.

    The largest face is ``face`` pixels high. ``noise``: of the sensor, in levels.
    """
    found = max(Detector().detect(pixels), key=lambda f: f.box[3])
    x, y, width, height = found.box
    zoom = face / height
    centre = np.array([x + width / 2, y + height / 2])
    chance = np.random.default_rng(seed)
    for number in range(count):
        time_ = 0.0 if still else number / RATE
        angle = np.radians(6 * np.sin(1.3 * time_))
        scale = zoom * (1 + 0.15 * np.sin(0.9 * time_))
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        aim = np.array(size) / 2 + [60 * np.sin(1.1 * time_), 25 * np.sin(1.7 * time_)]
        matrix = np.c_[turn, aim - turn @ centre]
        how = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
        picture = cv2.warpAffine(pixels, matrix, size, flags=how, borderMode=cv2.BORDER_REPLICATE)
        noisy = picture + chance.normal(0, noise, picture.shape)
        yield np.clip(noisy, 0, 255).astype(np.uint8), matrix


def record(path: Path, pictures: Sequence[np.ndarray] | Iterator[np.ndarray]) -> Path:
    """Write pictures as a clip, with a buzz for its sound."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("mpeg4", rate=RATE)
        voice: Any = container.add_stream("aac", rate=48000, layout="mono")
        count = 0
        for number, picture in enumerate(pictures):
            if not count:
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt, stream.codec_context.bit_rate = "yuv420p", 6_000_000
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
            count += 1
        container.mux(stream.encode(None))
        time_ = np.arange(count * 48000 // RATE) / 48000
        sound = 0.3 * np.sign(np.sin(2 * np.pi * 150 * time_)) * (time_ % 1 < 0.5)
        for start in range(0, len(sound), 1024):
            block = av.AudioFrame.from_ndarray(
                sound[None, start : start + 1024].astype(np.float32), "fltp", "mono"
            )
            block.sample_rate, block.pts, block.time_base = 48000, start, Fraction(1, 48000)
            container.mux(voice.encode(block))
        container.mux(voice.encode(None))
    return path


def coverage(options: argparse.Namespace) -> None:
    """Hide faces for up to half a second and count the frames between that are not covered."""
    detector, total, bare = Detector(), 0, 0
    for path in options.inputs or [resource("samples", "crew.jpg")]:
        photo = read_photo(path).pixels
        boxes = [f.box for f in detector.detect(photo) if f.score > 0.6]
        shown = list(shots(photo, options.frames, face=45.0))
        pictures, truth = _with_gaps(shown, boxes)
        with tempfile.TemporaryDirectory() as folder:
            clip_path = record(Path(folder) / "clip.mp4", pictures)
            clip = read_clip(clip_path)
            found = list(frames(clip_path, clip))
            stretches = Finder().stretches(found, clip)
            timeline = link(list(stretches), rate=float(clip.rate))
        own, missed = _uncovered(timeline, truth, [f.pixels for f in found], detector)
        total, bare = total + own, bare + missed
        print(f"{path.name}: {len(boxes)} faces, {own} places between sightings, {missed} bare")
    print(f"coverage {100 * (1 - bare / max(total, 1)):.2f} % of {total}")


def _with_gaps(
    shown: list[tuple[np.ndarray, np.ndarray]], boxes: Sequence[Any]
) -> tuple[list[np.ndarray], list[list[np.ndarray]]]:
    """Blur every face beyond recognition for 3 to 11 frames now and then; return the truth too."""
    chance = np.random.default_rng(1)
    pictures = [picture.copy() for picture, _ in shown]
    truth: list[list[np.ndarray]] = [[] for _ in shown]
    for x, y, width, height in boxes:
        gap, length = int(chance.integers(4, 12)), 0
        for number, (_, matrix) in enumerate(shown):
            centre = matrix[:, :2] @ [x + width / 2, y + height / 2] + matrix[:, 2]
            scale = float(np.hypot(*matrix[:, 0]))
            size = scale * np.array([width, height])
            low = centre - size / 2
            truth[number].append(np.r_[low, size, np.zeros(11)].astype(np.float32))
            if number == gap + length:
                gap, length = number + int(chance.integers(8, 20)), int(chance.integers(3, 12))
            if gap <= number < gap + length:
                left, top = np.maximum(low - 0.2 * size, 0).astype(int)
                right, bottom = np.maximum(low + 1.2 * size, 0).astype(int)
                part = pictures[number][top:bottom, left:right]
                if part.size:
                    part[:] = cv2.GaussianBlur(part, (0, 0), 0.35 * float(size[0]))
    return pictures, truth


def _uncovered(
    timeline: Any, truth: list[list[np.ndarray]], pictures: list[np.ndarray], detector: Detector
) -> tuple[int, int]:
    """Return the places that a detector sees within half a second on both sides, and the bare."""
    seen = np.zeros((len(truth), len(truth[0])), bool)
    for number, picture in enumerate(pictures):
        rows = np.array([[*f.box, *f.points.ravel(), f.score] for f in detector.detect(picture)])
        for face, box in enumerate(truth[number]):
            inside = box[0] > 0 and box[1] > 0 and box[0] + box[2] < picture.shape[1]
            inside = inside and box[1] + box[3] < picture.shape[0]
            seen[number, face] = inside and len(rows) and overlap(box, rows).max() > 0.3
    reach, total, bare = RATE // 2, 0, 0
    beside = [(track, around(track, timeline, rate=RATE)) for track in timeline.tracks]
    for number, boxes in enumerate(truth):
        covers = [
            np.array(extra.get(number) or track.rows[number - track.first][:4], np.float32)
            for track, extra in beside
            if number in extra or track.first <= number <= track.last
        ]
        for face, box in enumerate(boxes):
            before = seen[max(0, number - reach) : number + 1, face].any()
            after = seen[number : number + reach + 1, face].any()
            if not (before and after):
                continue
            total += 1
            centre = box[:2] + box[2:4] / 2
            hit = any(
                (np.abs(c[:2] + c[2:4] / 2 - centre) < 0.35 * c[2:4]).all() and c[3] > 0.6 * box[3]
                for c in covers
            )
            bare += not hit
    return total, bare


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


def recognise(options: argparse.Namespace) -> None:
    """Redact a clip of each person and ask whom all frames together look like."""
    pipeline, detector, attacker = Pipeline("cpu"), Detector(), DlibResNet()
    names, gallery, probes, own = [], [], [], []
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
            _redacted(pipeline, source, target, sound=Sound.DROP)
            seen = [[], []]
            clips = [(read_clip(p), p) for p in (source, target)]
            flows = [frames(p, c) for c, p in clips]
            for before, after in zip(*flows, strict=True):
                found = detector.detect_near(before.pixels, (110.0, 70.0, 100.0, 100.0))
                if found is not None:
                    for pixels, kept in zip((before.pixels, after.pixels), seen, strict=True):
                        kept.append(attacker.embed(pixels, found.points))
        names.append(path.stem)
        own.append(np.mean(seen[0], axis=0))
        probes.append(np.mean(seen[1], axis=0))
    known = np.stack(gallery)
    for label, pooled in (("originals", own), ("surrogates", probes)):
        scores = attacker.scores(np.stack(pooled), known)
        right = scores.argmax(1) == np.arange(len(known))
        chance = _by_chance(int(right.sum()), len(known))
        print(
            f"{label}: rank 1 for {right.sum()} of {len(known)} people, all frames pooled; by "
            f"chance 1, and as many or more with a probability of {chance:.3f}"
        )
        print("  " + ", ".join(n for n, yes in zip(names, right, strict=True) if yes))


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
    kinds = {f.__name__: f for f in (coverage, flicker, times, speed, memory, damage, recognise)}
    parser.add_argument("what", choices=kinds)
    parser.add_argument("inputs", nargs="*", type=Path)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_intermixed_args()
    kinds[options.what](options)


if __name__ == "__main__":
    main()
