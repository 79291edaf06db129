"""Portraits for statistics over many people: which files, and who sits for each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deid_desktop.core.imaging import find_photos, read_photo
from deid_desktop.core.pipeline.studio import Studio
from deid_desktop.core.types import Sitting


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
