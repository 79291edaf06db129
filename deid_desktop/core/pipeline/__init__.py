"""Joins the stages: photo → detect → analyse → generate → compose → verify. Nothing else does.

One ``Pipeline`` serves one thread, and has others work on the faces of a photo. Models load when
they are first needed; what was read of a face is kept, so that a slider only pays for what it
changes. ``studio`` makes one face, this module decides what happens to each and puts the picture
together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch

from deid_desktop.core.brush import turned
from deid_desktop.core.compose import MaskLayer
from deid_desktop.core.people import own_seed
from deid_desktop.core.pipeline.costume import Costume
from deid_desktop.core.pipeline.crew import shared_out
from deid_desktop.core.pipeline.finishing import (
    FLATTENED,
    finished,
    see_through,
    seen,
    with_layers,
    with_opacity,
)
from deid_desktop.core.pipeline.ranking import ROUNDS
from deid_desktop.core.pipeline.searching import Search
from deid_desktop.core.pipeline.studio import Studio
from deid_desktop.core.run import Survey
from deid_desktop.core.types import (
    ALONE,
    SRGB,
    Analysis,
    Array,
    Box,
    Company,
    Confirmed,
    Deep,
    DeidError,
    Face,
    FaceResult,
    Identity,
    Keep,
    Method,
    Photo,
    Pixels,
    Request,
    Role,
    ShouldStop,
    Sitting,
    State,
    Verdict,
    never,
)  # fmt: skip
from deid_desktop.core.verify import THRESHOLD

_PLAIN = Keep()
_MOST_CREW = 4
"""Faces at once: each takes a recogniser and its scenes, some 200 MB."""
CHILD = 0.65
"""Chance of being under 14 from which a face is masked unless the person chooses an age: the donors
are adults. Of children the network says 0.8 and more as a rule, of adults hardly ever over 0.6."""
CHILD_REASON = "This may be a child; the donors are adults. Mask it, or choose an age."


@dataclass(frozen=True, eq=False)
class PhotoResult:
    """A photo after the pipeline; ``pixels`` is the picture as it would be exported.

    ``faces`` are those that were found, for the export to hold against the ``results``.
    """

    photo: Photo
    faces: tuple[Face, ...]
    results: tuple[FaceResult, ...]
    pixels: Pixels | Deep
    space: str = SRGB
    notes: tuple[str, ...] = ()


class DeviceError(DeidError):
    """The device that was asked for is not there."""


def choose_device(wish: str) -> str:
    """Return ``cuda``, ``mps`` or ``cpu``: the wish, or for ``auto`` the best there is.

    Raises:
        DeviceError: this machine has no such device.
    """
    present = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if wish == "auto":
        return next(name for name, there in present.items() if there)
    if not present.get(wish, False):
        raise DeviceError(f"device {wish}: this machine has none; choose auto or cpu")
    return wish


class Pipeline:
    """All stages behind a few calls. Use from one thread.

    ``threshold``: similarity from which a surrogate fails; stricter than ``verify.THRESHOLD`` only.
    """

    def __init__(self, device: str = "auto", *, threshold: float = THRESHOLD) -> None:
        self._studio = Studio(choose_device(device), threshold)
        self._search = Search(self._studio)
        self._twins: list[Pipeline] = []

    @property
    def device(self) -> str:
        """Where the torch stages run now: ``cpu``, ``cuda`` or ``mps``."""
        return self._studio.device

    def warm(self) -> None:
        """Load all models now."""
        self._studio.warm()

    def _crew(self, faces: int) -> list[Pipeline]:
        """Return this pipeline and twins of it, as many as can work on so many faces at once."""
        threads = min(cv2.getNumThreads(), _MOST_CREW) if self.device == "cpu" else 1
        count = max(1, min(faces, threads))
        while len(self._twins) + 1 < count:
            twin = copy(self)
            twin._studio, twin._twins = self._studio.twin(), []
            twin._search = Search(twin._studio)
            self._twins.append(twin)
        return [self, *self._twins][:count]

    def detect(self, photo: Photo, *, should_stop: ShouldStop = never) -> tuple[Face, ...]:
        """Find all faces of a photo."""
        return self._studio.detector.detect(photo.pixels, should_stop=should_stop)

    def mark(self, photo: Photo, box: Box, *, face_id: int, angle: float = 0.0) -> Face:
        """Make a face of a box that a person drew; its points are found or, score 0, guessed.

        ``angle``: degrees, clockwise, by which the person turned the box.
        """
        found = self._studio.detector.detect_near(photo.pixels, box, angle=angle)
        if found is not None:
            return replace(found, id=face_id, by_person=True, angle=angle)
        x, y, width, height = box
        template = np.array([[-0.2, -0.1], [0.2, -0.1], [0, 0.1], [-0.15, 0.28], [0.15, 0.28]])
        middle = [x + width / 2, y + height / 2]
        points = (turned(template * [width, height], angle) + middle).astype(np.float32)
        return Face(face_id, box, points, score=0.0, by_person=True, angle=angle)

    def analyse(self, photo: Photo, face: Face) -> Analysis:
        """Read a face: landmarks, expression, gender, age, skin, identity."""
        return self._studio.analyse(photo, face)

    def embed(self, photo: Photo, face: Face) -> Array:
        """Return the unit embedding (128,) by which people are told apart; never store it."""
        return self._studio.embed(photo, face)

    def survey(
        self, photo: Photo, *, faces: Sequence[Face] | None = None, should_stop: ShouldStop = never
    ) -> Survey:
        """Look at a photo before anything is done to it: its faces, and whose they may be."""
        found = tuple(self.detect(photo, should_stop=should_stop) if faces is None else faces)
        embeddings = list(
            shared_out(self._crew(len(found)), found, lambda crew, face: crew.embed(photo, face))
        )
        stacked = np.stack(embeddings) if found else ALONE.everybody
        return Survey(photo.key, found, stacked)

    def redact(
        self,
        photo: Photo,
        face: Face,
        request: Request,
        *,
        identity: Identity | None = None,
        company: Company = ALONE,
        preview: bool = False,
        should_stop: ShouldStop = never,
    ) -> FaceResult:
        """Treat one face as ``request`` says.

        Args:
            photo: that shows the face.
            face: to treat.
            request: method and settings.
            identity: the surrogate identity to render again; ``None`` searches for one.
            company: the other originals that the surrogate is held against.
            preview: render at half quality and do not verify.
            should_stop: asked between steps.

        Raises:
            Cancelled: ``should_stop`` answered yes.
        """
        if request.method is Method.KEEP:
            verdict = Verdict(State.KEPT, "This face is kept as it is, by choice.")
            return FaceResult(face, request, verdict)
        if request.method is not Method.SURROGATE:
            layer = MaskLayer(face, request.method, request.strokes)
            if not layer.hides(photo.pixels.shape):
                reason = "The brush has taken the whole mask away; undo that."
                return FaceResult(face, request, Verdict(State.ATTENTION, reason))
            verdict = Verdict(State.MASKED, f"This face is hidden ({request.method.value}).")
            return FaceResult(face, request, verdict, layer)
        reason = self.why_not(photo, face, request)
        if reason == CHILD_REASON:
            return self._masked_child(face, request)
        if reason:
            return FaceResult(face, request, Verdict(State.ATTENTION, reason))
        sitting = Sitting(photo, face, company)
        if identity is not None:
            return self._studio.render(
                sitting, request, identity, preview=preview, should_stop=should_stop
            )
        return self._search.find(sitting, request, preview=preview, should_stop=should_stop)

    def cast(
        self, sittings: Sequence[Sitting], request: Request, *, should_stop: ShouldStop = never
    ) -> Identity | None:
        """Find one surrogate identity for several faces, those of one person or of a cluster.

        ``None`` where it holds for none of them, or no surrogate can be made of any.
        """
        able = [s for s in sittings if not self.why_not(s.photo, s.face, request)]
        return self._search.cast(able, request, should_stop=should_stop) if able else None

    def draw(
        self, photo: Photo, face: Face, request: Request, *, should_stop: ShouldStop = never
    ) -> Identity:
        """Draw an identity at random that, as far as a sketch shows, looks like no donor.

        Nothing is asked about the subject: that is the search's. A surrogate must be possible for
        the face, see `why_not`.
        """
        return self._search.draw(Sitting(photo, face), request, should_stop)

    def finalists(
        self, sittings: Sequence[Sitting], request: Request, *, should_stop: ShouldStop = never
    ) -> Iterator[Identity]:
        """Yield identities for several faces of one person, the best in sketches first, unverified.

        A surrogate must be possible for all of the faces, see `why_not`.
        """
        return self._search.sketched(sittings, request, should_stop)

    def wear(
        self, sitting: Sitting, request: Request, identity: Identity, *,
        should_stop: ShouldStop = never,
    ) -> FaceResult:  # fmt: skip
        """Put a person's identity on one more of their faces, pushed harder where it must be."""
        for push in range(identity.push, len(ROUNDS)):
            result = self.redact(
                sitting.photo, sitting.face, request, identity=replace(identity, push=push),
                company=sitting.company, should_stop=should_stop,
            )  # fmt: skip
            if result.verdict.state is not State.ATTENTION or result.layer is None:
                return result
        return replace(result, layer=None)

    def costume(self, sitting: Sitting, request: Request, identity: Identity) -> Costume:
        """Make a surrogate ready for many frames of one person; see `Costume`."""
        return self._studio.costume(sitting, request, identity)

    def why_not(self, photo: Photo, face: Face, request: Request) -> str:
        """Say why this face gets no surrogate, or return an empty string."""
        if face.region:
            return "This is a region, not a face; mask it."
        if face.by_person and face.score == 0:
            return "No landmarks are found in this box; mask it."
        reason = self._studio.doubt(photo, face)
        if reason:  # of what may be no face, no age is told either
            return reason
        young = self.analyse(photo, face).childhood >= CHILD
        return CHILD_REASON if young and request.attributes.age is None else ""

    def why_not_each(self, seen: Sequence[tuple[Photo, Face]], request: Request) -> list[str]:
        """Say the same of many faces."""
        return list(
            shared_out(self._crew(len(seen)), seen, lambda crew, one: crew.why_not(*one, request))
        )

    def _masked_child(self, face: Face, request: Request) -> FaceResult:
        """Return a solid mask over a face that gets no adult's."""
        reason = "This may be a child, and the donors are adults: it was masked. Choose an age to "
        verdict = Verdict(State.MASKED, reason + "have it replaced all the same.")
        layer = MaskLayer(face, Method.SOLID, request.strokes)
        return FaceResult(face, replace(request, method=Method.SOLID), verdict, layer)

    def render(self, photo: Photo, results: Iterable[FaceResult]) -> Pixels:
        """Return the photo with all layers applied, surrogates first, masks over them."""
        return with_layers(photo.pixels, results)

    def finish(
        self, photo: Photo, results: Sequence[FaceResult], keep: Keep = _PLAIN
    ) -> Pixels | Deep:
        """Return what `render` does with all that the file has and ``keep`` says, on white."""
        if photo.deep is None:
            return self.render(photo, results)
        return finished(photo, results, keep)[0]

    def confirm(
        self,
        photo: Photo,
        results: Sequence[FaceResult],
        *,
        company: Mapping[int, Company] | None = None,
        on_failure: str = "block",
        keep: Keep = _PLAIN,
    ) -> Confirmed:
        """Make the picture as it will be exported and verify every surrogate in it.

        Its pixels are those to write: nothing is rendered after they were verified. With
        ``on_failure`` ``solid`` failed faces are masked, and the new picture is verified as well.
        """
        pixels = self.finish(photo, results, keep)
        space = photo.space if keep.colours else SRGB
        shown = seen(pixels, space)
        verified = [result.verdict.state is State.VERIFIED for result in results]
        judged = list(
            shared_out(
                self._crew(sum(verified)), results,
                lambda crew, result: crew._confirm(shown, photo, result, company or {}),
            )
        )  # fmt: skip
        masked = [self._fall_back(result, on_failure) for result in judged]
        if masked != judged:
            return self.confirm(photo, masked, company=company, on_failure=on_failure, keep=keep)
        if photo.alpha is None or not keep.transparency:
            return Confirmed(tuple(judged), pixels, space)
        opacity = see_through(photo, shown, judged, self._studio.detector)
        if opacity is None:
            return Confirmed(tuple(judged), pixels, space, (FLATTENED,))
        return Confirmed(tuple(judged), with_opacity(pixels, opacity), space)

    def _confirm(
        self, pixels: Pixels, photo: Photo, result: FaceResult, company: Mapping[int, Company]
    ) -> FaceResult:
        if result.verdict.state is not State.VERIFIED:
            return result
        return self._studio.confirm(pixels, photo, result, company.get(result.face.id, ALONE))

    def redact_photo(
        self,
        photo: Photo,
        request: Request,
        *,
        faces: Sequence[Face] | None = None,
        roles: Mapping[int, Role] | None = None,
        on_failure: str = "block",
        should_stop: ShouldStop = never,
        progress: Callable[[int, int], None] = lambda done, total: None,
        keep: Keep = _PLAIN,
    ) -> PhotoResult:
        """Treat all faces of a photo alike, each with a surrogate of its own.

        Args:
            photo: to treat.
            request: for every face.
            faces: those of the photo, where they are known.
            roles: what each face, by its number, plays in a run of several photos.
            on_failure: ``block`` leaves a failed face to be refused by the export, ``solid``
                masks it.
            should_stop: asked between steps.
            progress: called with the faces done and their number.
            keep: what the picture keeps of how the file shows it.
        """
        if faces is None:
            faces = self.detect(photo, should_stop=should_stop)
        if roles is None:
            roles = self._roles(photo, faces, request)
        made = [role.request.method is Method.SURROGATE for role in roles.values()]
        results: list[FaceResult] = []
        progress(0, len(faces))
        for result in shared_out(
            self._crew(sum(made)), faces,
            lambda crew, face: crew._play(Sitting(photo, face), roles[face.id], should_stop),
        ):  # fmt: skip
            results.append(self._fall_back(result, on_failure))
            progress(len(results), len(faces))
        company = {face_id: role.company for face_id, role in roles.items()}
        done = self.confirm(photo, results, company=company, on_failure=on_failure, keep=keep)
        return PhotoResult(photo, tuple(faces), done.results, done.pixels, done.space, done.notes)

    def _roles(self, photo: Photo, faces: Sequence[Face], request: Request) -> dict[int, Role]:
        """Return the roles of a photo that is by itself: everybody is somebody else."""
        if request.method is not Method.SURROGATE:
            return {face.id: Role(number, request) for number, face in enumerate(faces)}
        everybody = self.survey(photo, faces=faces).embeddings
        roles = {}
        for number, face in enumerate(faces):
            company = Company(everybody, np.arange(len(faces)) == number)
            own = replace(request, seed=own_seed(request.seed, number))
            roles[face.id] = Role(number, own, company=company)
        return roles

    def _play(self, sitting: Sitting, role: Role, should_stop: ShouldStop) -> FaceResult:
        sitting = replace(sitting, company=role.company)
        if role.refused:
            verdict = Verdict(State.ATTENTION, role.refused)
            return FaceResult(
                sitting.face, role.request, verdict, person=role.person, cluster=role.cluster
            )
        if role.identity is not None and not role.fixed:
            result = self.wear(sitting, role.request, role.identity, should_stop=should_stop)
        else:
            result = self.redact(
                sitting.photo, sitting.face, role.request, identity=role.identity,
                company=role.company, should_stop=should_stop,
            )  # fmt: skip
        self._studio.put_away(sitting.photo, sitting.face)
        return replace(result, person=role.person, cluster=role.cluster)

    def _fall_back(self, result: FaceResult, on_failure: str) -> FaceResult:
        """Return the result, or a solid mask where it failed and that is asked for."""
        if result.verdict.state is not State.ATTENTION or on_failure != "solid":
            return result
        request = replace(result.request, method=Method.SOLID)
        verdict = Verdict(State.MASKED, f"{result.verdict.reason} It was masked instead.")
        layer = MaskLayer(result.face, Method.SOLID)
        return FaceResult(
            result.face, request, verdict, layer, person=result.person, cluster=result.cluster
        )
