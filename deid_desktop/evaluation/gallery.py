"""Reads the people of an experiment: who is in the gallery, who is probed, and what was unusable.

A gallery is a folder with one sub-folder for each person, or a flat folder with one picture of
each. Nothing is dropped silently: what cannot be used is named in ``Gallery.problems`` and counted
in the report.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from deid_desktop.core.detect import Detector
from deid_desktop.core.imaging import find_photos, photo_from_pixels, read_photo
from deid_desktop.core.types import DeidError, Face, Photo

_MARGIN = 1.0
"""Of the face's longer side, kept around it: as much as surrogates need of the surroundings."""


_T = TypeVar("_T")


class EvaluationError(DeidError):
    """The experiment cannot be made with what was given."""


@dataclass(frozen=True)
class Problem:
    """A picture or person that could not be used, and why."""

    name: str
    reason: str


@dataclass(frozen=True, eq=False)
class Picture:
    """One person on one picture. Only the surroundings of the face are looked at.

    ``corner`` and ``size``: left, top and width, height of that part in the file's picture.
    ``face`` and ``others`` (further faces in the part) are in its coordinates.
    """

    subject: int
    path: Path
    corner: tuple[int, int]
    size: tuple[int, int]
    face: Face
    others: tuple[Face, ...]

    def load(self) -> Photo:
        """Read the picture again and return the part."""
        (left, top), (width, height) = self.corner, self.size
        pixels = read_photo(self.path).pixels[top : top + height, left : left + width]
        return photo_from_pixels(pixels, self.path.name)


@dataclass(frozen=True, eq=False)
class Gallery:
    """``subjects``: the names of the people, the columns of every table of scores.

    ``known``: one picture of each person, in their order. ``probes``: further pictures, or the same
    ones if ``same_pictures``. ``problems``: what could not be used.
    """

    subjects: list[str]
    known: list[Picture]
    probes: list[Picture]
    same_pictures: bool
    problems: list[Problem]


def read_gallery(
    folder: Path, detector: Detector, *, probes: Path | None = None, limit: int | None = None
) -> Gallery:
    """Find the people of an experiment and the face of each.

    Args:
        folder: one sub-folder for each person, or one picture of each. Of several pictures of a
            person the first usable one is the gallery's, the rest are probes.
        detector: finds the faces; the largest one of a picture counts.
        probes: the probes, arranged like ``folder`` and with the same names; all pictures in
            ``folder`` but the first of each person are then left out.
        limit: use the first so many people, by name.

    Raises:
        EvaluationError: a folder is missing, fewer than two people, or nobody to probe.
        ImageError: a folder holds no photos or cannot be read.
    """
    problems: list[Problem] = []
    people = _people(folder, problems)
    names = sorted(people)[:limit]
    flat = probes is None and all(files[0].parent == folder for files in people.values())
    chosen = {name: people[name] for name in names}
    reader = _Reader(detector, problems)
    if probes is not None:
        extra = _people(probes, problems)
        problems += [
            Problem(name, "probe of a person who is not in the gallery")
            for name in sorted(extra.keys() - people.keys())
        ]
        first = reader.first_of_each(chosen)
        rest = reader.all_of_each({name: extra.get(name, []) for name in first})
    else:
        first, rest = reader.first_and_rest(chosen)
    if len(first) < 2:
        raise EvaluationError(
            f"{folder.name}: {len(first)} usable of {len(names)} people in the gallery; "
            "recognition needs at least two people"
        )
    subjects = list(first)
    known = [replace(first[name], subject=number) for number, name in enumerate(subjects)]
    if flat:
        return Gallery(subjects, known, known, True, problems)
    found = [
        replace(picture, subject=number)
        for number, name in enumerate(subjects)
        for picture in rest.get(name, [])
    ]
    problems += [
        Problem(name, "only one usable picture: in the gallery, never probed")
        for name in subjects
        if not rest.get(name)
    ]
    if not found:
        raise EvaluationError(
            f"{folder.name}: no person has a second picture; add pictures, give --probes, or put "
            "one picture of each person into one folder"
        )
    return Gallery(subjects, known, found, False, problems)


def _people(folder: Path, problems: list[Problem]) -> dict[str, list[Path]]:
    """Return the pictures of each person: sub-folders if there are any, or else the single files.

    Raises:
        EvaluationError: ``folder`` is none.
        ImageError: it holds no photos or cannot be read.
    """
    if not folder.is_dir():
        raise EvaluationError(f"{folder.name}: there is no such folder; check the name")
    photos = find_photos([folder])
    nested = any(photo.parent != folder for photo in photos)
    people: dict[str, list[Path]] = {}
    for photo in photos:
        if nested and photo.parent == folder:
            problems.append(Problem(photo.name, "lies beside the people's folders"))
            continue
        place = photo.relative_to(folder)
        name = place.parts[0] if nested else place.stem
        people.setdefault(name, []).append(photo)
    if nested:
        folders = (part.name for part in folder.iterdir() if part.is_dir())
        empty = {name for name in folders if not name.startswith(".")} - people.keys()
        problems += [Problem(name, "the folder holds no photos") for name in sorted(empty)]
    return people


class _Reader:
    """Finds the largest face of each picture and notes what has none."""

    def __init__(self, detector: Detector, problems: list[Problem]) -> None:
        self._detector = detector
        self._problems = problems

    def first_of_each(self, people: dict[str, list[Path]]) -> dict[str, Picture]:
        """Return the first usable picture of each person."""
        found = {}
        for name, files in progress(list(people.items()), "reading the gallery"):
            picture = next(self._usable(files), None)
            if picture is not None:
                found[name] = picture
        return found

    def all_of_each(self, people: dict[str, list[Path]]) -> dict[str, list[Picture]]:
        """Return all usable pictures of each person."""
        return {
            name: list(self._usable(files))
            for name, files in progress(list(people.items()), "reading the probes")
        }

    def first_and_rest(
        self, people: dict[str, list[Path]]
    ) -> tuple[dict[str, Picture], dict[str, list[Picture]]]:
        """Return the first usable picture of each person, and the further ones."""
        pictures = self.all_of_each(people)
        first = {name: found[0] for name, found in pictures.items() if found}
        return first, {name: found[1:] for name, found in pictures.items()}

    def _usable(self, files: Sequence[Path]) -> Iterator[Picture]:
        for path in files:
            try:
                yield self._read(path)
            except DeidError as error:
                self._problems.append(Problem(path.name, str(error)))

    def _read(self, path: Path) -> Picture:
        pixels = read_photo(path).pixels
        faces = self._detector.detect(pixels)
        if not faces:
            raise EvaluationError("no face was found")
        largest = max(faces, key=lambda face: face.box[2] * face.box[3])
        x, y, width, height = largest.box
        margin = _MARGIN * max(width, height)
        limit = np.array(pixels.shape[1::-1])
        start = np.clip(np.floor([x - margin, y - margin]), 0, limit - 1).astype(int)
        stop = np.ceil([x + width + margin, y + height + margin])
        stop = np.clip(stop, start + 1, limit).astype(int)
        left, top = start.tolist()
        across, down = (stop - start).tolist()
        others = [
            _moved(face, start)
            for face in faces
            if face is not largest and _overlaps(face, start, stop)
        ]
        return Picture(0, path, (left, top), (across, down), _moved(largest, start), tuple(others))


def _moved(face: Face, start: NDArray[np.int64]) -> Face:
    x, y, width, height = face.box
    box = (x - float(start[0]), y - float(start[1]), width, height)
    return replace(face, box=box, points=face.points - start.astype(np.float32))


def _overlaps(face: Face, start: NDArray[np.int64], stop: NDArray[np.int64]) -> bool:
    x, y, width, height = face.box
    return bool((np.array([x + width, y + height]) > start).all() and ([x, y] < stop).all())


def progress(items: Sequence[_T], label: str) -> Iterator[_T]:
    """Go through ``items`` with a bar on a terminal, silently elsewhere."""
    yield from tqdm(items, desc=label, disable=not sys.stderr.isatty(), leave=False)
