"""What the worker can be asked to do. A job holds everything it needs and changes nothing.

The core is imported inside the jobs, that is, in the worker's thread: the window is on the
screen before the models' libraries load.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from deid_desktop.core.captions import Words
from deid_desktop.core.types import (
    ALONE,
    Array,
    Box,
    Cancelled,
    Company,
    Confirmed,
    Deep,
    Face,
    FaceResult,
    Identity,
    Keep,
    Photo,
    Pixels,
    Request,
    ShouldStop,
    Sitting,
    State,
)
from deid_desktop.session.comparison import beside, shown_on_purpose
from deid_desktop.session.label import with_label
from deid_desktop.session.language import later
from deid_desktop.session.memory import give_back
from deid_desktop.session.model import Seen
from deid_desktop.session.picture import (
    Patch,
    Picture,
    duplicate,
    patch_of,
    picture_of,
    reach_of,
    thumbnail,
    touch,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


_DOES_NOT_HOLD = later(
    "The surrogate of this person does not hide them here; choose another face for them, or a mask."
)


class Redactor(Protocol):
    """The part of ``core.pipeline.Pipeline`` that the window uses."""

    @property
    def device(self) -> str:
        """Where the torch stages run now."""

    def detect(self, photo: Photo, *, should_stop: ShouldStop = ...) -> tuple[Face, ...]:
        """Find the faces."""

    def mark(self, photo: Photo, box: Box, *, face_id: int, angle: float = ...) -> Face:
        """Find the face in a box drawn by a person."""

    def redact(
        self,
        photo: Photo,
        face: Face,
        request: Request,
        *,
        identity: Identity | None = None,
        company: Company = ...,
        preview: bool = False,
        should_stop: ShouldStop = ...,
    ) -> FaceResult:
        """Replace or mask one face."""

    def embed(self, photo: Photo, face: Face) -> Array:
        """Return the embedding by which people are told apart."""

    def cast(
        self, sittings: Sequence[Sitting], request: Request, *, should_stop: ShouldStop = ...,
    ) -> Identity | None:  # fmt: skip
        """Find one identity for several faces."""

    def wear(
        self, sitting: Sitting, request: Request, identity: Identity, *,
        should_stop: ShouldStop = ...,
    ) -> FaceResult:  # fmt: skip
        """Put a person's identity on one more of their faces."""

    def render(self, photo: Photo, results: Iterable[FaceResult]) -> Pixels:
        """Apply all layers to a copy of the photo."""

    def confirm(
        self,
        photo: Photo,
        results: Sequence[FaceResult],
        *,
        company: Mapping[int, Company],
        keep: Keep = ...,
    ) -> Confirmed:
        """Make the finished picture and verify every surrogate in it."""


class Job(Protocol):
    """One piece of work for the worker's thread."""

    def run(self, pipeline: Redactor, should_stop: ShouldStop) -> object:
        """Do it; raise ``Cancelled`` when ``should_stop`` answers yes."""


@dataclass(frozen=True)
class FindPhotos:
    """List the photos among files and folders."""

    inputs: tuple[Path, ...]

    def run(self, pipeline: Redactor, should_stop: ShouldStop) -> list[Path]:
        """Return the files."""
        from deid_desktop.core.imaging import find_photos

        return find_photos(self.inputs)


@dataclass(frozen=True, eq=False)
class Loaded:
    """A photo as it was read: its picture for the screen, a thumbnail, the file's SHA-256, and in
    ``notes`` what a person should know of how it was read. ``pages``: how many its file holds."""

    photo: Photo
    picture: Picture
    thumbnail: Picture
    sha256: str
    notes: tuple[str, ...]
    pages: int = 1


@dataclass(frozen=True)
class LoadPhoto:
    """Read a photo from its file; of one with several, that of number ``page``, from 0."""

    path: Path
    page: int = 0

    def run(self, pipeline: Redactor, should_stop: ShouldStop) -> Loaded:
        """Return the photo and what comes with it."""
        from deid_desktop.core.sandbox import reader

        give_back()
        decoded = reader().decode(self.path, page=self.page)
        with self.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        picture = picture_of(decoded.photo.pixels)
        small = thumbnail(picture)
        return Loaded(decoded.photo, picture, small, digest, decoded.notes, decoded.pages)


@dataclass(frozen=True, eq=False)
class FindFaces:
    """Find the faces of a photo."""

    photo: Photo

    def run(self, pipeline: Redactor, should_stop: ShouldStop) -> tuple[Face, ...]:
        """Return the faces."""
        return pipeline.detect(self.photo, should_stop=should_stop)


@dataclass(frozen=True, eq=False)
class LocateFace:
    """Look for the face in a box drawn by a person."""

    photo: Photo
    face: Face

    def run(self, pipeline: Redactor, should_stop: ShouldStop) -> Face:
        """Return the face with its points."""
        return pipeline.mark(self.photo, self.face.box, face_id=self.face.id, angle=self.face.angle)


@dataclass(frozen=True, eq=False)
class SeeFaces:
    """Look at faces before any is replaced: who they may be, and how they look small."""

    photo: Photo
    faces: tuple[Face, ...]

    def run(self, pipeline: Redactor, should_stop: ShouldStop) -> dict[int, Seen]:
        """Return what was seen, by the faces' numbers."""
        found = {}
        for face in self.faces:
            if should_stop():
                raise Cancelled
            crop = _cut_out(self.photo.pixels, face.box)
            found[face.id] = Seen(face, pipeline.embed(self.photo, face), crop)
        return found


@dataclass(frozen=True, eq=False)
class RedactFace:
    """Replace or mask one face, quickly or for good."""

    photo: Photo
    face: Face
    request: Request
    identity: Identity | None
    preview: bool
    company: Company = ALONE
    shared: bool = False

    def run(self, pipeline: Redactor, should_stop: ShouldStop) -> FaceResult:
        """Return the result; an identity that fails with the new settings is searched anew.

        One that other faces of the person wear too is pushed harder, never exchanged in silence.
        """
        if self.shared and self.identity is not None and not self.preview:
            sitting = Sitting(self.photo, self.face, self.company)
            result = pipeline.wear(sitting, self.request, self.identity, should_stop=should_stop)
            if result.verdict.state is State.ATTENTION and result.identity is not None:
                return replace(result, verdict=replace(result.verdict, reason=_DOES_NOT_HOLD))
            return result
        result = self._redact(pipeline, self.identity, should_stop)
        failed = result.verdict.state is State.ATTENTION
        if failed and not self.preview and self.identity is not None:
            return self._redact(pipeline, None, should_stop)
        return result

    def _redact(
        self, pipeline: Redactor, identity: Identity | None, should_stop: ShouldStop
    ) -> FaceResult:
        return pipeline.redact(
            self.photo,
            self.face,
            self.request,
            identity=identity,
            company=self.company,
            preview=self.preview,
            should_stop=should_stop,
        )


@dataclass(frozen=True, eq=False)
class TryFace:
    """Make a quick surrogate and show it small."""

    photo: Photo
    face: Face
    request: Request

    def run(self, pipeline: Redactor, should_stop: ShouldStop) -> Picture | None:
        """Return a picture of the face and what surrounds it; ``None`` where it failed."""
        result = pipeline.redact(
            self.photo, self.face, self.request, preview=True, should_stop=should_stop
        )
        if result.layer is None:
            return None
        if should_stop():
            raise Cancelled
        return _cut_out(pipeline.render(self.photo, [result]), self.face.box)


def _cut_out(pixels: Pixels, box: Box) -> Picture:
    """Return a small picture of a face and what surrounds it."""
    height, width = pixels.shape[:2]
    x, y, w, h = box
    reach = 0.7 * max(w, h)
    left, top = (max(0, int(v)) for v in (x + w / 2 - reach, y + h / 2 - reach))
    right, bottom = int(x + w / 2 + reach) + 1, int(y + h / 2 + reach) + 1
    cut = pixels[top : min(bottom, height), left : min(right, width)]
    return thumbnail(picture_of(np.ascontiguousarray(cut)))


@dataclass(frozen=True, eq=False)
class PrepareView:
    """Make the pictures of a photo that the window shows: as it is, and to be patched."""

    photo: Photo
    before: Picture | None

    def run(self, pipeline: Redactor, should_stop: ShouldStop) -> tuple[Picture, Picture]:
        """Return the original's picture and the result's, still equal."""
        before = self.before or picture_of(self.photo.pixels)
        return before, duplicate(before)


@dataclass(frozen=True, eq=False)
class PaintFaces:
    """Render the faces that look different now, and those near them; cut them out."""

    photo: Photo
    results: tuple[FaceResult, ...]
    changed: tuple[Box, ...]

    def run(self, pipeline: Redactor, should_stop: ShouldStop) -> tuple[Patch, ...]:
        """Return one patch per changed face."""
        near = [
            result
            for result in self.results
            if any(touch(_grown(result.face.box), _grown(box)) for box in self.changed)
        ]
        pixels = pipeline.render(self.photo, near)
        if should_stop():
            raise Cancelled
        return tuple(patch_of(pixels, box) for box in self.changed)


def _grown(box: Box) -> Box:
    # A patch is widened to whole pixels of its smallest level.
    x, y, w, h = reach_of(box)
    return x - 64, y - 64, w + 128, h + 128


@dataclass(frozen=True)
class Exported:
    """What came of an export: the results as confirmed, why it was refused, what to know of it."""

    results: tuple[FaceResult, ...]
    refused: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finish:
    """How an exported picture differs from the one on screen.

    ``longest``: pixels of the longer side, 0 for as it is. ``quality``: 1…100, ``None`` for
    ``types.QUALITY``. ``label``: a text to be seen in the picture, "" for none.
    ``comparison``: where a picture of original and result beside each other goes too, with
    ``titles`` in its halves; it shows every face as it is, so it is made on request only.
    ``keep``: what of the file's colours and transparency. ``words``: the text that goes along.
    """

    longest: int = 0
    quality: int | None = None
    label: str = ""
    comparison: Path | None = None
    titles: tuple[str, str] = ("", "")
    keep: Keep = field(default_factory=Keep)
    words: Words = field(default_factory=Words)

    def apply(self, pixels: Pixels | Deep) -> NDArray[Any]:
        """Return the picture made smaller, never larger, and labelled."""
        import cv2

        height, width = pixels.shape[:2]
        scale = self.longest / max(height, width)
        if 0 < scale < 1:
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))
        return with_label(pixels, self.label) if self.label else pixels


@dataclass(frozen=True, eq=False)
class ExportPhoto:
    """Confirm every surrogate on the finished picture at its full size, then write it."""

    photo: Photo
    faces: tuple[Face, ...]
    results: tuple[FaceResult, ...]
    target: Path
    sources: tuple[Path, ...]
    overwrite: bool = False
    finish: Finish = field(default_factory=Finish)
    company: Mapping[int, Company] = field(default_factory=dict)

    def run(self, pipeline: Redactor, should_stop: ShouldStop) -> Exported:
        """Return what came of it; nothing is written once ``should_stop`` answers yes."""
        from deid_desktop.core.export import ExportBlocked, write_photo

        confirmed = pipeline.confirm(
            self.photo, self.results, company=self.company, keep=self.finish.keep
        )
        pixels = self.finish.apply(confirmed.pixels)
        if should_stop():
            raise Cancelled
        try:
            write_photo(
                pixels,
                self.target,
                faces=self.faces,
                results=confirmed.results,
                sources=self.sources,
                overwrite=self.overwrite,
                quality=self.finish.quality,
                space=confirmed.space,
                words=self.finish.words,
            )
            if self.finish.comparison is not None:
                shown = pipeline.render(self.photo, confirmed.results)
                write_photo(
                    beside(self.photo.pixels, shown, self.finish.titles),
                    self.finish.comparison,
                    faces=self.faces,
                    results=shown_on_purpose(self.faces),
                    sources=self.sources,
                )
        except ExportBlocked as error:
            return Exported(confirmed.results, str(error))
        return Exported(confirmed.results, notes=confirmed.notes)
