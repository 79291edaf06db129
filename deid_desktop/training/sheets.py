"""Contact sheets of the generator: people, mixes, what each slider does, and expressions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from deid_desktop.core.attributes import Attribute
from deid_desktop.core.generate import LARGE, Generator
from deid_desktop.core.imaging import read_photo
from deid_desktop.core.pipeline import Pipeline
from deid_desktop.core.types import (
    EXPRESSIONS,
    Array,
    Attributes,
    Identity,
    Pixels,
    Request,
    Surrogate,
)
from deid_desktop.resources import resource
from deid_desktop.training.basis import attribute_of, donor_textures
from deid_desktop.training.dataset import Sample

_SKIN = np.array([190, 140, 115], np.float32)
"""A neutral skin tone to look at normalised textures in."""
_CELL = 256
_CROP = (slice(55, 480), slice(60, 452))


def write_sheets(folder: Path, donors: list[Sample] | None = None) -> None:
    """Write contact sheets of the weights in place into ``folder``.

    ``people.png``: 64 of both genders and four ages; ``mixes.png``: two to ten donors;
    ``sweeps.png``: each slider at three fixed identities; ``expressions.png``: at half and full
    strength, composed into the shipped portrait; with ``donors``, ``reconstructions.png``: each
    above what is kept of it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    generator = Generator()
    _write(folder / "people.png", _people(generator))
    _write(folder / "mixes.png", _mixes(generator))
    _write(folder / "sweeps.png", _sweeps(generator))
    _write(folder / "expressions.png", _expressions())
    if donors is not None:
        _write(folder / "reconstructions.png", _reconstructions(generator, donors[:_RECONSTRUCTED]))


def _people(generator: Generator) -> list[list[Pixels]]:
    rows = []
    for gender in (-1.0, 1.0):
        for age in (25, 40, 55, 72):
            attribute = Attribute(gender, age)
            people = [generator.draw_identity(attribute, k=5, seed=s) for s in range(8)]
            made = generator.generate(people, [attribute] * len(people), size=LARGE)
            rows.append([_picture(s) for s in made])
    return rows


def _mixes(generator: Generator) -> list[list[Pixels]]:
    rows = []
    for k in (2, 3, 5, 10):
        attribute = Attribute(-1.0 if k % 2 else 1.0, 30)
        people = [generator.draw_identity(attribute, k=k, seed=s) for s in range(8)]
        rows.append([_picture(s) for s in generator.generate(people, [attribute] * 8, size=LARGE)])
    return rows


def _expressions() -> list[list[Pixels]]:
    pipeline = Pipeline("cpu")
    photo = read_photo(resource("samples", "portrait.jpg"))
    face = pipeline.detect(photo)[0]
    x, y, width, height = (round(value) for value in face.box)
    part = (slice(max(0, y - height // 5), y + height), slice(max(0, x - width // 5), x + width))
    rows = []
    for seed, strength in ((0, 0.5), (0, 1.0), (1, 0.5), (1, 1.0)):
        found = pipeline.redact(photo, face, Request(seed=seed), preview=True)
        row = []
        for name in EXPRESSIONS:
            wish = Attributes(expression=name, strength=strength)
            request = Request(seed=seed, attributes=wish)
            result = pipeline.redact(photo, face, request, identity=found.identity)
            shown = pipeline.render(photo, [result])[part]
            row.append(cv2.resize(shown, (_CELL, _CELL), interpolation=cv2.INTER_AREA))
        rows.append(row)
    return rows


_RECONSTRUCTED = 16
"""Pictures of donors that are shown beside what the generator keeps of them."""


def _reconstructions(generator: Generator, donors: list[Sample]) -> list[list[Pixels]]:
    textures = [t for t in donor_textures(donors) if not t.sample.smiling]
    numbers = [[d.person for d in donors if not d.smiling].index(t.sample.person) for t in textures]
    alone = [Identity((n,), (1.0,), 2 * n) for n in numbers]
    made = generator.generate(alone, [attribute_of(t.sample) for t in textures], size=LARGE)
    originals = [cv2.resize(t.coarse, (LARGE, LARGE)) + t.fine[..., None] for t in textures]
    return [[_lit(o) for o in originals], [_picture(m) for m in made]]


def _sweeps(generator: Generator) -> list[list[Pixels]]:
    rows = []
    for seed in range(3):
        start = Attribute(-1.0 if seed % 2 else 1.0, 35)
        person = generator.draw_identity(start, k=5, seed=seed)
        rows += [
            _row(generator, person, [replace(start, gender=g) for g in np.linspace(-1, 1, 7)]),
            _row(generator, person, [replace(start, age=a) for a in np.linspace(20, 80, 7)]),
            _row(generator, person, [replace(start, smile=s) for s in np.linspace(0, 1, 7)]),
            _row(generator, person, [replace(start, ancestry=tuple(a)) for a in np.eye(4)]),
        ]
    return rows


def _row(generator: Generator, person: Identity, attributes: list[Attribute]) -> list[Pixels]:
    made = generator.generate([person] * len(attributes), attributes, size=LARGE)
    return [_picture(s) for s in made]


def _picture(surrogate: Surrogate) -> Pixels:
    return _lit(surrogate.texture)


def _lit(texture: Array) -> Pixels:
    picture = np.clip(texture[_CROP] * _SKIN, 0, 255).astype(np.uint8)
    return cv2.resize(picture, (_CELL, _CELL), interpolation=cv2.INTER_AREA)


def _write(path: Path, rows: list[list[Pixels]]) -> None:
    width = max(len(row) for row in rows)
    blank = np.zeros((_CELL, _CELL, 3), np.uint8)
    full = [np.hstack(row + [blank] * (width - len(row))) for row in rows]
    cv2.imwrite(str(path), cv2.cvtColor(np.vstack(full), cv2.COLOR_RGB2BGR))
