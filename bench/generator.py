"""Measures the generator: speed, sliders, likeness to donors, diversity, sharpness.

    python -m bench.generator [PHOTO-OR-FOLDER...] [--faces N] [--people N] [--full] [--json FILE]
                              [--only NAME...] [--sheets DIR]

Sliders and likeness are measured on the composed photo, at preview quality (``--full``: at that of
an export, five times as slow) and without the search unless a line says so, on the first face of
each photo that takes a surrogate (the shipped samples unless others are given). Gender and age are
told by the networks that also set the sliders: look at sheets, too (``--sheets``). Times stand
beside their ratio to a fixed piece of work, a Gaussian blur of 512 × 512 × 3 with sigma 4.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from scipy.stats import spearmanr

from bench.threshold import STRICT
from deid_desktop.core import mesh
from deid_desktop.core.analyse import BLENDSHAPES
from deid_desktop.core.attributes import Attribute
from deid_desktop.core.compose.glasses import dark_lenses
from deid_desktop.core.generate import LARGE, SMALL, TINY, Generator
from deid_desktop.core.imaging import find_photos, read_photo
from deid_desktop.core.pipeline import Pipeline
from deid_desktop.core.regions import regions
from deid_desktop.core.types import Analysis, Array, Attributes, Face, Identity, Photo, Request
from deid_desktop.core.verify import THRESHOLD
from deid_desktop.resources import resource

GENDERS = (-1.0, -0.5, 0.5, 1.0)
AGES = (20.0, 31.0, 42.0, 53.0, 64.0, 75.0)
SMALLEST = 80.0
"""Height in pixels below which a face is too small for the estimators."""
UNITS = {
    "happy": ("mouthSmile",),
    "sad": ("browInnerUp", "mouthFrown", "mouthShrugLower"),
    "angry": ("browDown", "eyeSquint"),
    "surprised": ("browInnerUp", "browOuterUp", "jawOpen"),
    "afraid": ("browInnerUp", "eyeWide", "mouthStretch"),
    "disgusted": ("browDown", "mouthShrugUpper", "mouthUpperUp"),
    "contemptuous": ("mouthDimpleLeft", "mouthSmileLeft", "mouthPressLeft"),
    "closed-eyes": ("eyeBlink",),
}
"""The blendshapes, without their side, that make up each expression."""
K = 5


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("photos", nargs="*", type=Path, default=[resource("samples")])
    parser.add_argument("--faces", type=int, default=12, help="faces to try the sliders on")
    parser.add_argument("--people", type=int, default=60, help="random surrogates to draw")
    parser.add_argument("--full", action="store_true", help="compose at full quality")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=list(MEASURES))
    parser.add_argument("--sheets", type=Path, help="also write contact sheets there")
    options = parser.parse_args()
    cv2.setNumThreads(2)
    torch.set_num_threads(2)
    stand = Stand(preview=not options.full)
    subjects = list(stand.subjects(options.photos, options.faces))
    if not subjects:
        raise SystemExit("no face of these photos takes a surrogate; choose others")
    print(f"{len(subjects)} faces")
    figures: dict[str, Any] = {}
    for name in options.only:
        figures[name] = MEASURES[name](stand, subjects, options.people)
        show(figures[name])
    if options.sheets:
        from deid_desktop.training.sheets import write_sheets

        write_sheets(options.sheets)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


Subject = tuple[Photo, Face, Analysis]


class Stand:
    """The pipeline, and a generator of its own to draw identities."""

    def __init__(self, *, preview: bool) -> None:
        self.preview = preview
        self.pipeline = Pipeline("cpu")
        self.generator = Generator()

    def subjects(self, inputs: Sequence[Path], count: int) -> Iterator[Subject]:
        """Yield one face a photo (all faces of the samples) that takes a surrogate."""
        found = 0
        for path in find_photos(inputs):
            photo = read_photo(path)
            faces = self.pipeline.detect(photo)
            faces = tuple(f for f in faces if f.box[3] >= SMALLEST and f.score > 0.8)
            for face in faces if path.parent == resource("samples") else faces[:1]:
                own = self.pipeline.analyse(photo, face)
                identity = self.draw(Attribute(own.gender, own.age), 0)
                if self.compose(photo, face, identity, Attributes()) is None:
                    continue
                yield photo, face, own
                found += 1
                if found == count:
                    return

    def draw(self, attribute: Attribute, seed: int) -> Identity:
        """Draw an identity of ``K`` donors."""
        return self.generator.draw_identity(attribute, k=K, seed=seed)

    def compose(
        self, photo: Photo, face: Face, identity: Identity, wish: Attributes
    ) -> Analysis | None:
        """Return what is read of the finished face, or ``None`` if none is made."""
        request = Request(k=K, attributes=wish)
        result = self.pipeline.redact(photo, face, request, identity=identity, preview=self.preview)
        if result.layer is None:
            return None
        pixels = self.pipeline.render(photo, [result])
        changed = Photo(photo.name, pixels, f"{photo.key} {identity} {wish}")
        return self.pipeline.analyse(changed, face)

    def searched(self, subject: Subject, seed: int) -> Array:
        """Return the embedding of the face that the search finds, before it is verified."""
        photo, face, _ = subject
        result = self.pipeline.redact(photo, face, Request(k=K, seed=seed), preview=True)
        pixels = self.pipeline.render(photo, [result])
        changed = Photo(photo.name, pixels, f"{photo.key} found {seed}")
        return self.pipeline.analyse(changed, face).embedding

    def drawn(self, subject: Subject, seed: int) -> Array:
        """Return the embedding of a random identity that its sketch shows like no donor."""
        photo, face, _ = subject
        identity = self.pipeline.draw(photo, face, Request(k=K, seed=seed))
        return self.made(subject, identity, Attributes()).embedding

    def blind(self, subject: Subject, seed: int) -> Array:
        """Return the embedding of a random identity that nobody has looked at."""
        own = subject[2]
        identity = self.draw(Attribute(own.gender, own.age), seed)
        return self.made(subject, identity, Attributes()).embedding

    def made(self, subject: Subject, identity: Identity, wish: Attributes) -> Analysis:
        """Return what is read of a finished face that is known to take a surrogate."""
        photo, face, _ = subject
        reading = self.compose(photo, face, identity, wish)
        assert reading is not None
        return reading


def milliseconds(work: Callable[[], object], repeats: int) -> float:
    """Return the shortest time of ``work``, which other load on the machine disturbs least."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def speed(generator: Generator) -> dict[str, Any]:
    """Return milliseconds and ratios to the reference."""
    picture = np.random.default_rng(0).random((LARGE, LARGE, 3), np.float32)
    fixed = milliseconds(lambda: cv2.GaussianBlur(picture, (0, 0), 4), 15)
    figures: dict[str, Any] = {"reference ms": fixed}
    for name, count, size, repeats in (
        ("one at 256", 1, SMALL, 15),
        ("one at 512", 1, LARGE, 15),
        ("32 at 128", 32, TINY, 5),
        ("32 at 256", 32, SMALL, 3),
    ):
        attribute = Attribute(1.0, 45.0)
        identities = [generator.draw_identity(attribute, k=K, seed=s) for s in range(count)]
        work = partial(generator.generate, identities, [attribute] * count, size=size)
        taken = milliseconds(work, repeats)
        figures[f"{name} ms"] = taken
        figures[f"{name} ratio"] = taken / fixed
    return figures


def gender(stand: Stand, subjects: Sequence[Subject]) -> dict[str, Any]:
    """Return how often the estimator's verdict is on the slider's side.

    ``new face``: an identity is drawn with the slider where it is, as after "another face".
    ``slider moved``: the identity drawn for the subject is kept, the slider goes to the other end.
    """
    right: dict[float, list[bool]] = {g: [] for g in GENDERS}
    moved = []
    for seed, subject in enumerate(subjects):
        own = subject[2]
        for g in GENDERS:
            identity = stand.draw(Attribute(g, own.age), seed)
            found = stand.made(subject, identity, Attributes(gender=g)).gender
            right[g].append(found * g > 0)
        other = -1.0 if own.gender > 0 else 1.0
        identity = stand.draw(Attribute(own.gender, own.age), seed)
        found = stand.made(subject, identity, Attributes(gender=other)).gender
        moved.append(found * other > 0)
    every = np.array(list(right.values()))  # slider, face
    bare = np.array([bare_eyed(subject) for subject in subjects])
    return {
        "gender, new face, agreement": every.mean(),
        "gender, the same without dark glasses": every[:, bare].mean(),
        **{f"  at {g:+.1f}": np.mean(values) for g, values in right.items()},
        "gender, slider moved to the other end, agreement": np.mean(moved),
        "gender n": every.size,
        "gender n without dark glasses": every[:, bare].size,
    }


def bare_eyed(subject: Subject) -> bool:
    """Say whether no dark glasses hide the eyes, by which age and gender are told."""
    photo, _, own = subject
    return dark_lenses(mesh.unwrap(photo.pixels, own.mesh, SMALL)) is None


def age(stand: Stand, subjects: Sequence[Subject]) -> dict[str, Any]:
    """Return rank correlation and error of the estimated age, the identity kept."""
    pairs, flipped, steps, sides, bare = [], [], [], [], []
    for seed, subject in enumerate(subjects):
        own = subject[2]
        identity = stand.draw(Attribute(own.gender, 40.0), seed)
        series = [stand.made(subject, identity, Attributes(age=a)) for a in AGES]
        sides += [own.gender] * len(AGES)
        bare += [bare_eyed(subject)] * len(AGES)
        pairs += [(a, found.age) for a, found in zip(AGES, series, strict=True)]
        flipped += [found.gender * own.gender < 0 for found in series]
        embeddings = np.stack([found.embedding for found in series])
        steps += (embeddings[1:] * embeddings[:-1]).sum(1).tolist()
    wished, found = np.array(pairs).T
    seen, women = np.array(bare), np.array(sides) < 0
    parts = {
        "": seen | True,
        " without dark glasses": seen,
        " women without": seen & women,
        " men without": seen & ~women,
    }
    return {
        **{
            f"age{name}, Spearman": _ranks(wished[part], found[part])
            for name, part in parts.items()
        },
        **{
            f"age{name}, mean absolute error, years": np.abs(found - wished)[part].mean()
            for name, part in parts.items()
        },
        **{f"  estimated at {a:.0f}": found[wished == a].mean() for a in AGES},
        "age, gender verdict changed": np.mean(flipped),
        "age, SFace between neighbouring steps": np.mean(steps),
        "age, such steps of at least .8": np.mean(np.array(steps) >= 0.8),
        "age n": len(pairs),
        "age n without dark glasses": int(seen.sum()),
    }


def _ranks(wished: Array, found: Array) -> float:
    """Return Spearman's rank correlation."""
    return float(spearmanr(wished, found).statistic)


def expression(stand: Stand, subjects: Sequence[Subject]) -> dict[str, Any]:
    """Return how often an expression raises its own units over those of the neutral face.

    ``half``: at half strength they have risen, and not beyond the full ones. ``rising``: a smile
    never falls in four steps. All as told by the landmarks of the composed photo.
    """
    raised: dict[str, list[bool]] = {name: [] for name in UNITS}
    half: dict[str, list[bool]] = {name: [] for name in UNITS}
    rising: list[bool] = []
    kept: list[float] = []
    for seed, subject in enumerate(subjects):
        identity = stand.draw(Attribute(subject[2].gender, subject[2].age), seed)
        made = partial(stand.made, subject, identity)
        calm = made(Attributes(expression="neutral")).blendshapes
        for name, units in UNITS.items():
            own = [any(b.startswith(u) for u in units) for b in BLENDSHAPES]
            levels = [
                float(made(Attributes(expression=name, strength=s)).blendshapes[own].sum())
                for s in (0.5, 1.0)
            ]
            start = float(calm[own].sum())
            raised[name].append(levels[1] > start + 0.05)
            half[name].append(start + 0.01 < levels[0] < levels[1] + 0.05)
        kept.append(float(np.abs(made(Attributes()).blendshapes - subject[2].blendshapes).mean()))
        smile = [b.startswith("mouthSmile") for b in BLENDSHAPES]
        steps = [made(Attributes(expression="happy", strength=s)) for s in (0.01, 0.34, 0.67, 1.0)]
        series = [found.blendshapes[smile].sum() for found in steps]
        rising.append(bool((np.diff(series) > -0.03).all()))
    return {
        **{f"expression, {name} raises its units": np.mean(v) for name, v in raised.items()},
        **{f"  {name} at half strength": np.mean(v) for name, v in half.items()},
        "expression, kept: mean change of the blendshapes": np.mean(kept),
        "expression, a smile never falls as happy rises": np.mean(rising),
        "expression n": len(subjects),
    }


def people(stand: Stand, subjects: Sequence[Subject], count: int) -> dict[str, Any]:
    """Return how alike random surrogates are to donors, to the subjects and to each other.

    Beside those that the pipeline draws, with its look at a sketch, stand a fifth as many without
    that look, a tenth as many that the search would show, and the subjects, who are no donors.
    """
    donors = stand.generator.donor_embeddings
    numbers = np.arange(count) % len(subjects)
    own = np.stack([subject[2].embedding for subject in subjects])
    drawn = np.stack([stand.drawn(subjects[n], 1000 + i) for i, n in enumerate(numbers)])
    blind = [stand.blind(subjects[n], 1000 + i) for i, n in enumerate(numbers[: count // 5])]
    found = [stand.searched(subjects[n], i) for i, n in enumerate(numbers[: count // 10])]
    groups = {"drawn": drawn, "drawn blindly": blind, "searched": found, "real people": own}
    nearest = {who: (np.stack(vectors) @ donors.T).max(1) for who, vectors in groups.items()}
    to_own = (drawn * own[numbers]).sum(1)
    sides = np.array([subject[2].gender for subject in subjects])
    donor_sides = stand.generator.tensors("donor.")["gender"]
    alike = {
        f"diversity, two {who} that are {gender}, mean likeness": _pairs(vectors, photos, side)
        for who, vectors, photos, genders in (
            ("surrogates", drawn, numbers, sides[numbers]),
            ("subjects", own, np.arange(len(own)), sides),
            ("donors", donors, np.arange(len(donors)), donor_sides),
        )
        for gender, side in (("men", genders > 0), ("women", genders < 0))
    }
    return {
        **{
            f"donors, {who} below {limit}": np.mean(near < limit)
            for who, near in nearest.items()
            for limit in (THRESHOLD, STRICT)
        },
        **{f"{who} n": len(near) for who, near in nearest.items()},
        "donors, mean likeness of the nearest": nearest["drawn"].mean(),
        "subject, mean likeness without a search": to_own.mean(),
        "subject, below the threshold without a search": np.mean(to_own < THRESHOLD),
        **alike,
    }


def _pairs(vectors: Array, photos: Array, members: Array) -> float:
    """Return the mean cosine of pairs of ``members`` on different photos."""
    vectors, photos = vectors[members], photos[members]
    apart = photos[:, None] != photos[None]
    return float((vectors @ vectors.T)[apart].mean()) if apart.any() else float("nan")


def sharpness(generator: Generator) -> dict[str, Any]:
    """Return the fine contrast of mixes on skin, relative to that of single donors."""
    attribute = Attribute(1.0, 25.0)
    single = [Identity((d,), (1.0,), 2 * d) for d in range(generator.donor_count)]
    mixed = [generator.draw_identity(attribute, k=K, seed=s) for s in range(40)]
    energy = []
    for identities in (mixed, single):
        values = [_fine(generator, i, attribute) for i in identities]
        energy.append(np.mean(values))
    return {
        f"sharpness, k = {K} over single donors": energy[0] / energy[1],
        "sharpness n": len(mixed),
    }


def _fine(generator: Generator, identity: Identity, attribute: Attribute) -> float:
    (made,) = generator.generate([identity], [attribute], size=LARGE)
    grey = made.texture.mean(2)
    return float((grey - cv2.GaussianBlur(grey, (0, 0), 2))[regions(LARGE).skin > 0.5].std())


def show(figures: dict[str, Any]) -> None:
    """Print one figure a line."""
    for name, value in figures.items():
        figures[name] = value = float(value) if not isinstance(value, int) else value
        print(f"{name:<56} {value:9.3f}" if isinstance(value, float) else f"{name:<56} {value:5d}")


Measure = Callable[[Stand, Sequence[Subject], int], dict[str, Any]]
MEASURES: dict[str, Measure] = {
    "speed": lambda stand, _, __: speed(stand.generator),
    "gender": lambda stand, subjects, _: gender(stand, subjects),
    "age": lambda stand, subjects, _: age(stand, subjects),
    "expression": lambda stand, subjects, _: expression(stand, subjects),
    "people": people,
    "sharpness": lambda stand, _, __: sharpness(stand.generator),
}


if __name__ == "__main__":
    main()
