"""The ways to hide a face that are compared: the product's own, and the baselines of the field.

A method takes pictures and gives, for each, what an attacker would get to see.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from deid_desktop import __version__
from deid_desktop.core.compose import MaskLayer
from deid_desktop.core.export import write_photo
from deid_desktop.core.geometry import similarity_2d, warp_crop
from deid_desktop.core.imaging import read_photo
from deid_desktop.core.people import k_same_groups, own_seed
from deid_desktop.core.pipeline import Pipeline
from deid_desktop.core.types import (
    Array,
    Face,
    FaceResult,
    Identity,
    Method,
    Photo,
    Pixels,
    Request,
    Sitting,
    State,
)
from deid_desktop.core.weights import checksums
from deid_desktop.crew import Alone, Crew, Dead
from deid_desktop.evaluation.gallery import EvaluationError, Picture, progress
from deid_desktop.evaluation.recognisers import CHIP, CHIP_TEMPLATE

DEFAULT_METHODS = (
    "none", "blur", "pixelate:16", "pixelate:8", "solid", "k-same-pixel", "surrogate"
)  # fmt: skip
K = 5


@dataclass(frozen=True, eq=False)
class Outcome:
    """One picture before and after; ``face`` says where, in the coordinates of both.

    ``after`` is ``None`` if nothing would have been exported; ``reason`` then says why. ``facts``
    are what the pipeline reported of a surrogate.
    """

    before: Pixels
    after: Pixels | None
    face: Face
    reason: str = ""
    facts: dict[str, Any] | None = None


class Hide(Protocol):
    """Hides the faces of ``pictures``, in order; ``seeds`` decide what is random."""

    def __call__(self, pictures: Sequence[Picture], seeds: Sequence[int]) -> Iterator[Outcome]:
        """Yield what becomes of each picture."""


def make_method(name: str, *, maker: SurrogateMaker) -> Hide:
    """Return the method called ``name``.

    ``blur:N`` has a σ of 1/N of the face's longer side (the program's own: 6), ``pixelate:N`` has N
    blocks along it (8), ``k-same-pixel:K`` averages K people (5), ``k-same:K`` gives one surrogate
    identity to K people (5). ``maker`` makes the surrogates.

    Raises:
        EvaluationError: there is no such method.
    """
    kind, _, number = name.partition(":")
    if number and not (number.isdecimal() and 2 <= int(number) <= 512):
        raise EvaluationError(f"{name}: the number after the colon must be from 2 to 512")
    match kind:
        case "none" if not number:
            return partial(_each, lambda photo, face: photo.pixels)
        case "solid" if not number:
            return partial(_each, _solid)
        case "blur":
            return partial(_each, partial(_blur, strength=int(number or 6)))
        case "pixelate":
            return partial(_each, partial(_pixelate, blocks=int(number or 8)))
        case "k-same-pixel":
            return partial(k_same_pixel, k=int(number or K))
        case "surrogate" if not number:
            return maker
        case "k-same":
            return partial(k_same, maker, k=int(number or K))
    raise EvaluationError(
        f"{name}: no such method; choose from none, blur[:N], pixelate[:N], solid, "
        "k-same-pixel[:K], surrogate, k-same[:K]"
    )


def _each(
    change: Callable[[Photo, Face], Pixels], pictures: Sequence[Picture], seeds: Sequence[int]
) -> Iterator[Outcome]:
    for picture in pictures:
        photo = picture.load()
        yield Outcome(photo.pixels, change(photo, picture.face), picture.face)


def _solid(photo: Photo, face: Face) -> Pixels:
    pixels = photo.pixels.copy()
    MaskLayer(face, Method.SOLID).apply(pixels)
    return pixels


def _blur(photo: Photo, face: Face, *, strength: int) -> Pixels:
    sigma = max(2.0, max(face.box[2:]) / strength)
    return _inside(photo.pixels, face, cv2.GaussianBlur(photo.pixels, (0, 0), sigma))


def _pixelate(photo: Photo, face: Face, *, blocks: int) -> Pixels:
    block = max(face.box[2:]) / blocks
    height, width = photo.pixels.shape[:2]
    size = (max(1, round(width / block)), max(1, round(height / block)))
    small = cv2.resize(photo.pixels, size, interpolation=cv2.INTER_AREA)
    coarse = cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST)
    return _inside(photo.pixels, face, coarse)


def _inside(pixels: Pixels, face: Face, changed: Pixels) -> Pixels:
    """Return ``changed`` in the ellipse that the program's masks fill, ``pixels`` elsewhere."""
    mask = np.zeros((*pixels.shape[:2], 3), np.uint8)
    MaskLayer(face, Method.SOLID).apply(mask)
    return np.where(mask > 0, changed, pixels)


_K_SAME_SCALE = 1.5


def k_same_pixel(
    pictures: Sequence[Picture], seeds: Sequence[int], *, k: int = K
) -> Iterator[Outcome]:
    """Give every person the average of k aligned faces (Newton, Sweeney, Malin 2005).

    A person with several pictures enters once, with their mean. What is seen is the average alone,
    a chip of 225 pixels.

    Raises:
        EvaluationError: fewer than ``k`` people.
    """
    size = round(CHIP * _K_SAME_SCALE)
    template = (CHIP_TEMPLATE * _K_SAME_SCALE).astype(np.float32)
    chips = [
        warp_crop(picture.load().pixels, similarity_2d(picture.face.points, template), size)
        for picture in pictures
    ]
    people = sorted({picture.subject for picture in pictures})
    if len(people) < k:
        raise EvaluationError(f"k-same-pixel: {len(people)} people are fewer than k = {k}")
    subjects = np.array([picture.subject for picture in pictures])
    stacked = np.stack(chips).astype(np.float32)
    own = {person: _mean(stacked[subjects == person]) for person in people}
    shown: dict[int, Pixels] = {}
    for group in k_same_groups(np.stack([_small(own[person]) for person in people]), k):
        members = [people[number] for number in group]
        mean = _mean(np.stack([own[person] for person in members]))
        shown.update((person, np.round(mean).astype(np.uint8)) for person in members)
    box = (0.15 * size, 0.1 * size, 0.7 * size, 0.8 * size)
    for chip, picture in zip(chips, pictures, strict=True):
        yield Outcome(chip, shown[picture.subject], Face(0, box, template, 1.0))


def _mean(chips: Array) -> Array:
    return np.asarray(chips.mean(axis=0))


def _small(chip: Array) -> Array:
    grey = cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA)).ravel()


def k_same(
    maker: SurrogateMaker, pictures: Sequence[Picture], seeds: Sequence[int], *, k: int = K
) -> Iterator[Outcome]:
    """Give at least k people one surrogate identity, as ``redact --k-same`` does.

    Who is who is taken from the gallery. A person with several pictures enters once, with their
    mean embedding, and has the first one looked at when an identity is found.

    Raises:
        EvaluationError: fewer than ``k`` people.
    """
    people = sorted({picture.subject for picture in pictures})
    if len(people) < k:
        raise EvaluationError(f"k-same: {len(people)} people are fewer than k = {k}")
    own = {person: [p for p in pictures if p.subject == person] for person in people}
    means = np.stack([np.mean([maker.embed(p) for p in own[person]], axis=0) for person in people])
    groups = [[people[member] for member in group] for group in k_same_groups(means, k)]
    cast: dict[int, Identity | None] = {}
    identities = maker.cast(
        [([own[person][0] for person in members], own_seed(seeds[0], number))
         for number, members in enumerate(groups)]
    )  # fmt: skip
    for members, identity in zip(progress(groups, "casting clusters"), identities, strict=True):
        cast.update((person, identity) for person in members)
    wearing = [
        (picture, seed, identity)
        for picture, seed in zip(pictures, seeds, strict=True)
        if (identity := cast[picture.subject]) is not None
    ]
    maker.prepare(wearing)
    for picture, seed in zip(pictures, seeds, strict=True):
        identity = cast[picture.subject]
        if identity is None:
            reason = "No surrogate was found that hides this cluster."
            yield Outcome(picture.load().pixels, None, picture.face, reason)
        else:
            yield maker.make(picture, seed, identity)


class SurrogateMaker:
    """Surrogates with the program's default settings, verified, and kept in a folder.

    Only what passes the gate of the export is written, so the folder holds surrogates, never the
    face of an original; further faces in the picture are masked. A run that was stopped goes on
    where it was. The names depend on picture, settings, weights and version of the program; after
    any other change of the program start with an empty folder. ``crew``: the processes that share
    the work; without, it is done here.
    """

    def __init__(self, pipeline: Pipeline, folder: Path, crew: Crew | Alone | None = None) -> None:
        self._pipeline = pipeline
        self._folder = folder
        self._crew = crew or Alone(pipeline)

    def __call__(self, pictures: Sequence[Picture], seeds: Sequence[int]) -> Iterator[Outcome]:
        """Yield what becomes of each picture."""
        self.prepare([(p, seed, None) for p, seed in zip(pictures, seeds, strict=True)])
        for picture, seed in zip(pictures, seeds, strict=True):
            yield self.make(picture, seed)

    def prepare(self, wanted: Sequence[tuple[Picture, int, Identity | None]]) -> None:
        """Make surrogates, of a picture by its seed and on request of one identity."""
        made = self._crew.map(_make, [(self._folder, *each) for each in wanted])
        for _ in progress(wanted, "making surrogates"):
            next(made)

    def make(self, picture: Picture, seed: int, identity: Identity | None = None) -> Outcome:
        """Return the surrogate of one picture, made before or now; on request of one identity."""
        photo, request = picture.load(), Request(seed=seed)
        target = self._folder / f"{_digest(photo, picture.face, request, identity)}.png"
        notes = target.with_suffix(".json")
        if not notes.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            facts = self._write(picture, photo, request, target, identity)
            notes.write_text(json.dumps(facts))
        facts = json.loads(notes.read_text())
        after = read_photo(target).pixels if target.exists() else None
        return Outcome(photo.pixels, after, picture.face, facts["reason"], facts)

    def embed(self, picture: Picture) -> Array:
        """Return the embedding (128,) of a picture's face."""
        return self._pipeline.embed(picture.load(), picture.face)

    def cast(self, groups: Sequence[tuple[list[Picture], int]]) -> Iterator[Identity | None]:
        """Yield one identity for each group of people, each on one picture, by a seed."""
        for identity in self._crew.map(_cast, groups):
            yield None if isinstance(identity, Dead) else identity

    def _write(
        self, picture: Picture, photo: Photo, request: Request, target: Path,
        identity: Identity | None,
    ) -> dict[str, Any]:  # fmt: skip
        subject, *others = (
            replace(face, id=i) for i, face in enumerate((picture.face, *picture.others))
        )
        faces = [subject, *others]
        solid = Request(method=Method.SOLID)
        results: list[FaceResult] = [
            self._pipeline.redact(photo, subject, request, identity=identity),
            *(self._pipeline.redact(photo, face, solid) for face in others),
        ]
        done = self._pipeline.confirm(photo, results)
        result = done.results[0]
        if result.verdict.state is State.VERIFIED:
            write_photo(
                done.pixels, target, faces=faces, results=done.results, sources=[picture.path],
                overwrite=True,
            )  # fmt: skip
        return {
            "state": result.verdict.state.value,
            "reason": result.verdict.reason,
            "similarity_to_original": result.verdict.similarity_to_original,
            "similarity_to_nearest_donor": result.verdict.similarity_to_nearest_donor,
            "threshold": result.verdict.threshold,
            "attempts": result.attempts,
            "push": result.identity.push if result.identity else None,
        }


def _make(
    pipeline: Pipeline, folder: Path, picture: Picture, seed: int, identity: Identity | None
) -> None:
    SurrogateMaker(pipeline, folder).make(picture, seed, identity)


def _cast(pipeline: Pipeline, pictures: list[Picture], seed: int) -> Identity | None:
    sittings = [Sitting(picture.load(), picture.face) for picture in pictures]
    return pipeline.cast(sittings, Request(seed=seed))


def _digest(photo: Photo, face: Face, request: Request, identity: Identity | None) -> str:
    weights = checksums()["generator.safetensors"]
    facts: tuple[Any, ...] = (__version__, weights, photo.key, face.box, request)
    facts = facts if identity is None else (*facts, identity)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:24]
