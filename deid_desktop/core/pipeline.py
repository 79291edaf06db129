"""Joins the stages: photo → detect → analyse → generate → compose → verify. Nothing else does.

One ``Pipeline`` serves one thread. Models load when they are first needed; what was read of a face
is kept, so that a slider only pays for what it changes.
"""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import torch

from deid_desktop.core import mesh
from deid_desktop.core.analyse import BLENDSHAPES, Analyser
from deid_desktop.core.compose import GlassesModel, MaskLayer, Scene, ShapeModel, compose, prepare
from deid_desktop.core.compose.expression import expression_change, smile_of
from deid_desktop.core.detect import Detector
from deid_desktop.core.generate import LARGE, SMALL, Attribute, Generator
from deid_desktop.core.recognise import Recogniser
from deid_desktop.core.types import (
    Analysis,
    Array,
    Box,
    Cancelled,
    Face,
    FaceResult,
    Identity,
    Layer,
    Method,
    Photo,
    Pixels,
    Request,
    ShouldStop,
    State,
    Surrogate,
    Verdict,
    never,
)  # fmt: skip
from deid_desktop.core.verify import TARGET, judge

CANDIDATES = 8
"""Surrogate identities that are tried at low resolution for each face."""
ROUNDS = 3
"""How often the search draws again, with a stronger change of shape, before it gives up."""
CHILD = 13.0
"""Estimated years below which no surrogate is made unasked: the donors are adults."""

_FULL, _PREVIEW, _SEARCH = (380.0, 1100.0), (120.0, 300.0), (150.0, 190.0)
"""Smallest and largest face sizes in pixels to compose at."""
_CACHED = 48


@dataclass(frozen=True, eq=False)
class PhotoResult:
    """A photo after the pipeline; ``pixels`` is the picture as it would be exported.

    ``faces`` are those that were found, for the export to hold against the ``results``.
    """

    photo: Photo
    faces: tuple[Face, ...]
    results: tuple[FaceResult, ...]
    pixels: Pixels


def choose_device(wish: str) -> str:
    """Return ``cuda``, ``mps`` or ``cpu``: the wish, or for ``auto`` the best there is."""
    if wish != "auto":
        return wish
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


class Pipeline:
    """All stages behind a few calls. Use from one thread."""

    def __init__(self, device: str = "auto") -> None:
        self.device = choose_device(device)
        self._analyses: OrderedDict[Any, Analysis] = OrderedDict()
        self._scenes: OrderedDict[Any, Scene] = OrderedDict()

    @cached_property
    def _detector(self) -> Detector:
        return Detector()

    @cached_property
    def _recogniser(self) -> Recogniser:
        return Recogniser()

    @cached_property
    def _analyser(self) -> Analyser:
        return Analyser(self._recogniser)

    @cached_property
    def _generator(self) -> Generator:
        return Generator(self.device)

    @cached_property
    def _shapes(self) -> ShapeModel:
        return ShapeModel(self._generator.tensors("shape."))

    @cached_property
    def _glasses(self) -> GlassesModel:
        return GlassesModel(self._generator.tensors("glasses."))

    def warm(self) -> None:
        """Load all models now."""
        _ = self._detector, self._analyser, self._shapes, self._glasses

    def detect(self, photo: Photo, *, should_stop: ShouldStop = never) -> tuple[Face, ...]:
        """Find all faces of a photo."""
        return self._detector.detect(photo.pixels, should_stop=should_stop)

    def mark(self, photo: Photo, box: Box, *, face_id: int) -> Face:
        """Make a face of a box that a person drew; its points are found or guessed."""
        found = self._detector.detect_near(photo.pixels, box)
        if found is not None:
            return replace(found, id=face_id, by_person=True)
        x, y, width, height = box
        template = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.78], [0.65, 0.78]])
        points = (template * [width, height] + [x, y]).astype(np.float32)
        return Face(face_id, box, points, score=0.0, by_person=True)

    def analyse(self, photo: Photo, face: Face) -> Analysis:
        """Read a face: landmarks, expression, gender, age, skin, identity."""
        return _remember(
            self._analyses, _key(photo, face), lambda: self._analyser.analyse(photo.pixels, face)
        )

    def redact(
        self,
        photo: Photo,
        face: Face,
        request: Request,
        *,
        identity: Identity | None = None,
        preview: bool = False,
        should_stop: ShouldStop = never,
    ) -> FaceResult:
        """Treat one face as ``request`` says.

        Args:
            photo: that shows the face.
            face: to treat.
            request: method and settings.
            identity: the surrogate identity to render again; ``None`` searches for one.
            preview: render at half quality and do not verify.
            should_stop: asked between steps.

        Raises:
            Cancelled: ``should_stop`` answered yes.
        """
        if request.method is Method.KEEP:
            verdict = Verdict(State.KEPT, "This face is kept as it is, by choice.")
            return FaceResult(face, request, verdict)
        if request.method is not Method.SURROGATE:
            verdict = Verdict(State.MASKED, f"This face is hidden ({request.method.value}).")
            return FaceResult(face, request, verdict, MaskLayer(face, request.method))
        if face.by_person and face.score == 0:
            return _attention(face, request, "No landmarks are found in this box; mask it.")
        analysis = self.analyse(photo, face)
        if not analysis.reliable:
            return _attention(face, request, analysis.reason)
        if analysis.age < CHILD and request.attributes.age is None:
            return _attention(
                face, request,
                "This may be a child; the donors are adults. Mask it, or choose an age.",
            )  # fmt: skip
        if identity is not None:
            return self._render_again(photo, face, request, identity, preview, should_stop)
        return self._search(photo, face, request, preview, should_stop)

    def _render_again(
        self, photo: Photo, face: Face, request: Request, identity: Identity, preview: bool,
        should_stop: ShouldStop,
    ) -> FaceResult:  # fmt: skip
        """Render a known identity; full quality is verified."""
        if should_stop():
            raise Cancelled
        layer = self._compose(
            photo, face, request, [identity], size=SMALL if preview else LARGE,
            work=_PREVIEW if preview else _FULL,
        )[0]  # fmt: skip
        verdict = Verdict(State.ATTENTION, "Not verified yet.")
        if not preview:
            if should_stop():
                raise Cancelled
            verdict = self._verify(photo, face, layer)
        return self._result(photo, face, request, verdict, layer, identity, attempts=1)

    def _search(
        self, photo: Photo, face: Face, request: Request, preview: bool, should_stop: ShouldStop
    ) -> FaceResult:
        """Try identities at low resolution, render the best in full, verify; draw again if needed.

        The draws do not look at the subject; only the choice among them does. See
        ``docs/decisions`` on what that means for k-Same.
        """
        attempts, best = 0, None
        for round_number in range(ROUNDS):
            stronger = replace(request, shape_strength=request.shape_strength + 0.6 * round_number)
            ranked = self._rank(photo, face, stronger, round_number, should_stop)
            attempts += CANDIDATES
            if preview:
                return self._render_again(photo, face, stronger, ranked[0], True, should_stop)
            for identity in ranked[:2]:
                if should_stop():
                    raise Cancelled
                layer = self._compose(photo, face, stronger, [identity], size=LARGE, work=_FULL)[0]
                verdict = self._verify(photo, face, layer)
                best = self._result(photo, face, stronger, verdict, layer, identity, attempts)
                if verdict.state is State.VERIFIED:
                    return best
        assert best is not None
        return replace(best, layer=None)

    def _rank(
        self, photo: Photo, face: Face, request: Request, round_number: int,
        should_stop: ShouldStop,
    ) -> list[Identity]:  # fmt: skip
        """Return ``CANDIDATES`` identities, the least like the subject and the donors first."""
        attribute = self._attribute(photo, face, request)
        first = round_number * CANDIDATES
        drawn = [
            self._generator.draw_identity(attribute, k=request.k, seed=request.seed, attempt=a)
            for a in range(first, first + CANDIDATES)
        ]
        if should_stop():
            raise Cancelled
        layers = self._compose(photo, face, request, drawn, size=SMALL, work=_SEARCH)
        original = self.analyse(photo, face).embedding
        scores = []
        for layer in layers:
            if should_stop():
                raise Cancelled
            verdict = self._verify(photo, face, layer)
            missing = verdict.similarity_to_original is None
            to_original = 1.0 if missing else max(TARGET, verdict.similarity_to_original or 0.0)
            to_donor = 1.0 if missing else verdict.similarity_to_nearest_donor or 0.0
            scores.append(to_original + max(0.0, to_donor - TARGET))
        assert np.isfinite(original).all()
        return [drawn[i] for i in np.argsort(scores, kind="stable")]

    def _compose(
        self, photo: Photo, face: Face, request: Request, identities: list[Identity], *,
        size: int, work: tuple[float, float],
    ) -> list[Layer]:  # fmt: skip
        attribute = self._attribute(photo, face, request)
        surrogates = self._generate(identities, [attribute] * len(identities), size)
        scene = self._scene(photo, face, size, work)
        wish = request.attributes
        change = expression_change(wish.expression, wish.strength, scene.fit)
        return [
            compose(
                scene, surrogate, shape_strength=request.shape_strength, expression=change,
                seed=identity.seed,
            )
            for surrogate, identity in zip(surrogates, identities, strict=True)
        ]  # fmt: skip

    def _generate(
        self, identities: list[Identity], attributes: list[Attribute], size: int
    ) -> list[Surrogate]:
        try:
            return self._generator.generate(identities, attributes, size=size)
        except torch.OutOfMemoryError:
            warnings.warn("The graphics card is out of memory; going on on the CPU.", stacklevel=2)
            self.device = "cpu"
            self.__dict__["_generator"] = Generator("cpu")
            return self._generator.generate(identities, attributes, size=size)

    def _scene(self, photo: Photo, face: Face, size: int, work: tuple[float, float]) -> Scene:
        return _remember(
            self._scenes, (*_key(photo, face), size, work),
            lambda: prepare(
                photo.pixels, self.analyse(photo, face), shapes=self._shapes,
                glasses=self._glasses, size=size, work=work,
            ),
        )  # fmt: skip

    def _attribute(self, photo: Photo, face: Face, request: Request) -> Attribute:
        """Resolve the sliders: what is not set follows the subject."""
        analysis, wish = self.analyse(photo, face), request.attributes
        own_smile = [analysis.blendshapes[BLENDSHAPES.index(f"mouthSmile{s}")] for s in _SIDES]
        return Attribute(
            gender=analysis.gender if wish.gender is None else wish.gender,
            age=float(np.clip(analysis.age, 18, 80)) if wish.age is None else wish.age,
            smile=smile_of(wish.expression, wish.strength, float(np.mean(own_smile))),
            ancestry=_ancestry(wish.ancestry, analysis.skin_tone),
        )

    def _verify(self, photo: Photo, face: Face, layer: Layer) -> Verdict:
        """Judge one face as if it were the only one changed."""
        left, top, part = _surroundings(photo.pixels, face)
        view = _Offset(part.copy(), left, top, photo.pixels.shape)
        view.apply(layer)
        return self._judge(view.pixels, photo, face, (left, top))

    def _judge(self, pixels: Pixels, photo: Photo, face: Face, offset: tuple[int, int]) -> Verdict:
        x, y, width, height = face.box
        box = (x - offset[0], y - offset[1], width, height)
        again = self._detector.detect_near(pixels, box)
        found: Array | None = None
        if again is not None:
            own_points = (face.points - np.array(offset, np.float32)).astype(np.float32)
            # An attacker may align by what is found now or by what was there before.
            found = np.stack(
                [self._recogniser.embed_face(pixels, p) for p in (again.points, own_points)]
            )
        original = self.analyse(photo, face).embedding
        return judge(original, found, self._generator.donor_embeddings)

    def _result(
        self, photo: Photo, face: Face, request: Request, verdict: Verdict, layer: Layer,
        identity: Identity, attempts: int,
    ) -> FaceResult:  # fmt: skip
        attribute = self._attribute(photo, face, request)
        attributes = {
            "gender": round(attribute.gender, 3),
            "age": round(attribute.age, 1),
            "expression": request.attributes.expression,
            "smile": round(attribute.smile, 3),
            "ancestry": [round(a, 3) for a in attribute.ancestry],
        }
        return FaceResult(face, request, verdict, layer, identity, attributes, attempts)

    def render(self, photo: Photo, results: Iterable[FaceResult]) -> Pixels:
        """Return the photo with all layers applied, surrogates first, masks over them."""
        pixels = photo.pixels.copy()
        layers = [r.layer for r in results if r.layer is not None]
        for layer in sorted(layers, key=lambda part: isinstance(part, MaskLayer)):
            layer.apply(pixels)
        return pixels

    def confirm(self, photo: Photo, results: Sequence[FaceResult]) -> tuple[FaceResult, ...]:
        """Verify every surrogate again on the picture as it will be exported."""
        pixels = self.render(photo, results)
        confirmed = []
        for result in results:
            if result.verdict.state is State.VERIFIED:
                verdict = self._judge(pixels, photo, result.face, (0, 0))
                result = replace(result, verdict=verdict)
            confirmed.append(result)
        return tuple(confirmed)

    def redact_photo(
        self,
        photo: Photo,
        request: Request,
        *,
        on_failure: str = "block",
        should_stop: ShouldStop = never,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> PhotoResult:
        """Treat all faces of a photo alike.

        Args:
            photo: to treat.
            request: for every face.
            on_failure: ``block`` leaves a failed face to be refused by the export, ``solid``
                masks it.
            should_stop: asked between steps.
            progress: called with the faces done and their number.
        """
        faces = self.detect(photo, should_stop=should_stop)
        results: list[FaceResult] = []
        for number, face in enumerate(faces):
            progress(number, len(faces))
            result = self.redact(photo, face, request, should_stop=should_stop)
            results.append(self._fall_back(photo, result, on_failure, should_stop))
        progress(len(faces), len(faces))
        confirmed = [
            self._fall_back(photo, r, on_failure, should_stop) for r in self.confirm(photo, results)
        ]
        return PhotoResult(photo, faces, tuple(confirmed), self.render(photo, confirmed))

    def _fall_back(
        self, photo: Photo, result: FaceResult, on_failure: str, should_stop: ShouldStop
    ) -> FaceResult:
        if result.verdict.state is not State.ATTENTION or on_failure != "solid":
            return result
        request = replace(result.request, method=Method.SOLID)
        masked = self.redact(photo, result.face, request, should_stop=should_stop)
        reason = f"{result.verdict.reason} It was masked instead."
        return replace(masked, verdict=replace(masked.verdict, reason=reason))


_T = TypeVar("_T")
_SIDES = ("Left", "Right")


@dataclass
class _Offset:
    """A window on a photo to which layers made for the whole photo can be applied."""

    pixels: Pixels
    left: int
    top: int
    shape: tuple[int, ...]

    def apply(self, layer: Layer) -> None:
        moved = replace(layer, left=layer.left - self.left, top=layer.top - self.top)  # type: ignore[type-var, attr-defined]
        moved.apply(self.pixels)


def _surroundings(pixels: Pixels, face: Face) -> tuple[int, int, Pixels]:
    """Return left, top and pixels of the part of the photo that a layer of ``face`` may touch."""
    x, y, width, height = face.box
    reach = 1.6 * max(width, height)
    limit = np.array(pixels.shape[1::-1])
    start = np.clip(np.floor([x - reach, y - reach]), 0, limit - 1).astype(int)
    stop = np.clip(np.ceil([x + width + reach, y + height + reach]), start + 1, limit).astype(int)
    return int(start[0]), int(start[1]), pixels[start[1] : stop[1], start[0] : stop[0]]


def _ancestry(wish: str, skin_tone: float) -> tuple[float, ...]:
    """Return ancestry weights; ``match`` follows the measured skin, never a guess at descent.

    From ITA 20° (tan) to −30° (dark) the share of the donors who call themselves Black rises.
    """
    if wish == "match":
        dark = float(np.interp(skin_tone, [-30, 20], [0.9, 0.0]))
        return (1 - dark, dark, 0.0, 0.0)
    chosen = ("white", "black", "east-asian", "west-asian").index(wish)
    return tuple(float(i == chosen) for i in range(4))


def _attention(face: Face, request: Request, reason: str) -> FaceResult:
    return FaceResult(face, request, Verdict(State.ATTENTION, reason))


def _key(photo: Photo, face: Face) -> tuple[Any, ...]:
    return (photo.key, face.id, face.box, mesh.VERTICES)


def _remember(cache: OrderedDict[Any, _T], key: Any, make: Callable[[], _T]) -> _T:
    if key not in cache:
        cache[key] = make()
        if len(cache) > _CACHED:
            cache.popitem(last=False)
    cache.move_to_end(key)
    return cache[key]
