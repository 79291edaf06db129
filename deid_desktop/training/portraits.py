"""Portraits for statistics over many people: which files, and who sits for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from deid_desktop.core.compose import Scene
from deid_desktop.core.compose.relight import bare
from deid_desktop.core.generate import TINY, Generator
from deid_desktop.core.imaging import find_photos, read_photo
from deid_desktop.core.pipeline.studio import Studio
from deid_desktop.core.pipeline.wishes import wished_attribute
from deid_desktop.core.types import Analysis, Array, Face, Request, Sitting, Surrogate

PLAIN = 0.3
"""Gender from which somebody counts as a man, and below its negative as a woman."""
_WORK = (112.0, 128.0)
"""Size of the faces in pixels: that of the search."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A portrait: its ``scene`` for sketches, its face and analysis."""

    scene: Scene
    face: Face
    analysis: Analysis

    @cached_property
    def skin(self) -> Array:
        """Bare skin (TINY, TINY), away from glasses."""
        return bare(self.scene.skin, self.scene.frames)


def look(
    folders: Sequence[Path], *, skip: int = 0, size: int = TINY,
    work: tuple[float, float] = _WORK,
) -> Iterator[Seen]:  # fmt: skip
    """Look at the largest face of each portrait.

    Args:
        folders: of portraits.
        skip: leave out the first so many of the first folder: those that are kept for evaluation.
        size: texels a side of the scenes, by default those of sketches.
        work: smallest and largest size of faces in them, in pixels.
    """
    studio = Studio("cpu")
    for path in portraits(folders, skip=skip):
        sitting = sitting_for(studio, path)
        if sitting is not None:
            photo, face = sitting.photo, sitting.face
            yield Seen(studio.scene(photo, face, size, work), face, studio.analyse(photo, face))


def mixes(
    seen: Seen, generator: Generator, *, seed: int, draws: int = 1, size: int = TINY
) -> list[Surrogate]:
    """Return random mixes for a portrait, with the attributes that it has by default."""
    request = Request()
    attribute = wished_attribute(seen.analysis, request, None)
    identities = [
        generator.draw_identity(attribute, k=request.k, seed=seed, attempt=attempt)
        for attempt in range(draws)
    ]
    return generator.generate(identities, [attribute] * draws, size=size)


def portraits(folders: Sequence[Path], *, skip: int) -> list[Path]:
    """Return the photos of ``folders``, without the first so many of the first folder: those are
    kept for evaluation."""
    first, *others = folders
    return find_photos([first])[skip:] + [p for other in others for p in find_photos([other])]


def sitting_for(studio: Studio, path: Path) -> Sitting | None:
    """Return the largest face of a portrait, ``None`` if no surrogate can be made of it."""
    photo = read_photo(path)
    faces = studio.detector.detect(photo.pixels)
    if not faces:
        return None
    face = max(faces, key=lambda face: face.box[3])
    return None if studio.doubt(photo, face) else Sitting(photo, face)
