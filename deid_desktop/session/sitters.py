"""The job that finds one identity for faces in several photos."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from deid_desktop.core.types import (
    Cancelled,
    Company,
    Face,
    Identity,
    Photo,
    Request,
    ShouldStop,
    Sitting,
    State,
)
from deid_desktop.session.jobs import Redactor
from deid_desktop.session.picture import reach_of

LARGE_ENOUGH = 600.0
"""Pixels of a face's longer side to which it is made smaller: it is only looked for an identity."""


@dataclass(frozen=True, eq=False)
class Sitter:
    """A face that an identity is sought for. ``photo``: its pixels, if they are in memory."""

    path: Path
    page: int
    key: str
    photo: Photo | None
    face: Face
    company: Company

    def sit(self) -> Sitting | None:
        """Return the face with what surrounds it only; ``None`` if the file is another one now.

        Several photos of 24 megapixels would not fit into the memory that is there for one.
        """
        import cv2

        from deid_desktop.core.sandbox import reader

        photo = self.photo or reader().decode(self.path, page=self.page).photo
        if photo.key != self.key:
            return None
        height, width = photo.pixels.shape[:2]
        x, y, w, h = reach_of(self.face.box)
        left, top = max(0, int(x)), max(0, int(y))
        cut = photo.pixels[top : min(height, int(y + h) + 1), left : min(width, int(x + w) + 1)]
        face_x, face_y, face_w, face_h = self.face.box
        scale = min(1.0, LARGE_ENOUGH / max(face_w, face_h))
        size = (max(1, round(scale * cut.shape[1])), max(1, round(scale * cut.shape[0])))
        small = np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_AREA), np.uint8)
        box = (scale * (face_x - left), scale * (face_y - top), scale * face_w, scale * face_h)
        points = (scale * (self.face.points - np.array([left, top]))).astype(np.float32)
        near = Photo(photo.name, small, f"{photo.key} {self.face.id}")
        return Sitting(near, replace(self.face, box=box, points=points), self.company)


@dataclass(frozen=True, eq=False)
class CastPerson:
    """Find an identity that hides a person in several photos. The first failed with another."""

    sitters: tuple[Sitter, ...]
    request: Request

    def run(self, pipeline: Redactor, should_stop: ShouldStop) -> Identity | None:
        """Return the identity; ``None`` where none was found that holds for the first."""
        sittings = []
        for sitter in self.sitters:
            if should_stop():
                raise Cancelled
            if (sitting := sitter.sit()) is None:
                return None
            sittings.append(sitting)
        identity = pipeline.cast(sittings, self.request, should_stop=should_stop)
        if identity is None:
            return None
        worn = pipeline.wear(sittings[0], self.request, identity, should_stop=should_stop)
        return identity if worn.verdict.state is State.VERIFIED else None
