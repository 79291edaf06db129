"""Contact sheets of the generator: random people, and what each slider does to three of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from deid_desktop.core.generate import LARGE, Attribute, Generator
from deid_desktop.core.types import Identity, Pixels, Surrogate

_SKIN = np.array([190, 140, 115], np.float32)
"""A neutral skin tone to look at normalised textures in."""
_CELL = 256
_CROP = (slice(55, 480), slice(60, 452))


def write_sheets(folder: Path) -> None:
    """Write ``people.png`` and ``sweeps.png`` for the weights in place."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = Generator()
    _write(folder / "people.png", _people(generator))
    _write(folder / "sweeps.png", _sweeps(generator))


def _people(generator: Generator) -> list[list[Pixels]]:
    rows = []
    for gender in (-1.0, 1.0):
        for age in (25, 40, 55, 72):
            attribute = Attribute(gender, age)
            people = [generator.draw_identity(attribute, k=5, seed=s) for s in range(8)]
            made = generator.generate(people, [attribute] * len(people), size=LARGE)
            rows.append([_picture(s) for s in made])
    return rows


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
    picture = np.clip(surrogate.texture[_CROP] * _SKIN, 0, 255).astype(np.uint8)
    return cv2.resize(picture, (_CELL, _CELL), interpolation=cv2.INTER_AREA)


def _write(path: Path, rows: list[list[Pixels]]) -> None:
    width = max(len(row) for row in rows)
    blank = np.zeros((_CELL, _CELL, 3), np.uint8)
    full = [np.hstack(row + [blank] * (width - len(row))) for row in rows]
    cv2.imwrite(str(path), cv2.cvtColor(np.vstack(full), cv2.COLOR_RGB2BGR))
