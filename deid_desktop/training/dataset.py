"""Unwraps donors and portraits into texture space.

Donors give identities: they agreed to it. Portraits of public figures give only statistics over
many people (see ``statistics``), because nobody asked them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from deid_desktop.core import mesh
from deid_desktop.core.analyse import BLENDSHAPES, Analyser
from deid_desktop.core.detect import Detector
from deid_desktop.core.imaging import read_photo
from deid_desktop.core.recognise import Recogniser
from deid_desktop.core.types import Array, Pixels

TEXTURE_SIZE = 512
PORTRAIT_YEAR = 2010
"""The portraits with birth years were taken about then, give or take five years."""

ANCESTRIES = ("white", "black", "east_asian", "west_asian")


@dataclass(frozen=True, eq=False)
class Sample:
    """One picture in texture space.

    ``texture`` (512, 512, 3) uint8 RGB; ``vertices`` (478, 3) in picture pixels; ``gender`` −1 or
    1; ``age`` in years, known or (``age_known`` false) estimated; ``smile`` 0…1; ``ancestry`` one
    of ``ANCESTRIES`` or empty; ``points`` (189, 2) hand-placed, donors' neutral pictures only.
    """

    name: str
    person: str
    texture: Pixels
    vertices: Array
    embedding: Array
    gender: float
    age: float
    age_known: bool
    smile: float
    ancestry: str = ""
    glasses: bool = False
    smiling: bool = False
    points: Array | None = None


class Reader:
    """Turns picture files into samples."""

    def __init__(self) -> None:
        self._detector = Detector()
        self._analyser = Analyser(Recogniser())

    def donors(self, folder: Path) -> Iterator[Sample]:
        """Read the donors, neutral and smiling; pictures without a face are left out."""
        for row in _rows(folder / "donors.csv"):
            path = folder / row["file"]
            points = path.with_suffix(".pts")
            yield from self._read(
                path,
                person=row["donor"],
                gender=row["gender"],
                age=None if row["age"] == "NA" else float(row["age"]),
                ancestry=_ancestry(row["ethnicity"]),
                smiling=row["expression"] == "smiling",
                points=np.loadtxt(points, dtype=np.float32) if points.exists() else None,
            )

    def portraits(self, folder: Path) -> Iterator[Sample]:
        """Read the labelled portraits."""
        for row in _rows(folder / "portraits.csv"):
            born = row["birth_year"]
            yield from self._read(
                folder / row["file"],
                person=row["file"],
                gender=row["gender"],
                age=PORTRAIT_YEAR - int(born) if born else None,
                glasses=row["glasses"] == "yes",
            )

    def unlabelled(self, folder: Path) -> Iterator[Sample]:
        """Read portraits about which nothing is known; gender and age are estimated."""
        for path in sorted(folder.glob("*.jpg")):
            yield from self._read(path, person=path.name, gender="", age=None)

    def _read(
        self,
        path: Path,
        *,
        person: str,
        gender: str,
        age: float | None,
        ancestry: str = "",
        glasses: bool = False,
        smiling: bool = False,
        points: Array | None = None,
    ) -> Iterator[Sample]:
        pixels = read_photo(path).pixels
        height, width = pixels.shape[:2]
        # These are head crops: the face fills the middle.
        middle = (0.2 * width, 0.2 * height, 0.6 * width, 0.6 * height)
        face = self._detector.detect_near(pixels, middle)
        if face is None:
            return
        analysis = self._analyser.analyse(pixels, face)
        smiles = [BLENDSHAPES.index("mouthSmileLeft"), BLENDSHAPES.index("mouthSmileRight")]
        sides = {"male": 1.0, "female": -1.0}
        yield Sample(
            name=path.name,
            person=person,
            texture=np.clip(
                np.round(mesh.unwrap(pixels, analysis.mesh, TEXTURE_SIZE)), 0, 255
            ).astype(np.uint8),
            vertices=analysis.mesh,
            embedding=analysis.embedding,
            gender=sides.get(gender, float(np.sign(analysis.gender))),
            age=analysis.age if age is None else age,
            age_known=age is not None,
            smile=float(analysis.blendshapes[smiles].mean()),
            ancestry=ancestry,
            glasses=glasses,
            smiling=smiling,
            points=points,
        )


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _ancestry(label: str) -> str:
    """Return the donor's own group; mixed labels go with the first group they name."""
    parts = label.replace("/", " ").split()
    return parts[0] if parts and parts[0] in ANCESTRIES else ""


def save_samples(samples: list[Sample], path: Path) -> None:
    """Store samples as one ``.npz`` without pickles, so that unwrapping happens once."""
    no_points = np.full((189, 2), np.nan, np.float32)
    columns: dict[str, list[Any]] = {f.name: [getattr(s, f.name) for s in samples] for f in _FIELDS}
    columns["points"] = [no_points if p is None else p for p in columns["points"]]
    np.savez(path, allow_pickle=False, **{name: np.array(c) for name, c in columns.items()})


def load_samples(path: Path) -> list[Sample]:
    """Read what ``save_samples`` stored."""
    with np.load(path, allow_pickle=False) as stored:
        columns = {f.name: stored[f.name] for f in _FIELDS}
    samples = []
    for i in range(len(columns["name"])):
        row = {name: column[i] for name, column in columns.items()}
        row = {k: v.item() if v.ndim == 0 else v for k, v in row.items()}
        row["points"] = None if np.isnan(row["points"]).any() else row["points"]
        samples.append(Sample(**row))
    return samples


_FIELDS = fields(Sample)
