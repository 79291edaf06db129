"""Makes a surrogate of one identity for one face: composes, judges, and keeps what it read."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np

from deid_desktop.core.analyse import TURNED, agreement
from deid_desktop.core.attributes import Attribute
from deid_desktop.core.compose import (
    Correction,
    Scene,
    Sketch,
    SurrogateLayer,
    compose,
    prepare,
    sketch,
)
from deid_desktop.core.generate import LARGE, SMALL, TINY
from deid_desktop.core.pipeline.costume import Costume
from deid_desktop.core.pipeline.judged import changed_window, seal, surroundings
from deid_desktop.core.pipeline.keeping import remember, weight
from deid_desktop.core.pipeline.models import Models
from deid_desktop.core.pipeline.posing import needed_correction
from deid_desktop.core.pipeline.ranking import Seen, stands_apart
from deid_desktop.core.pipeline.steering import Steering, asks, steer, unseen
from deid_desktop.core.pipeline.threads import at_most
from deid_desktop.core.pipeline.wishes import (
    described,
    wear_of,
    wished_attribute,
    wished_change,
    wished_strength,
    wished_touch,
)
from deid_desktop.core.recognise import align
from deid_desktop.core.types import (
    ALONE,
    Analysis,
    Array,
    Attributes,
    Cancelled,
    Company,
    Face,
    FaceResult,
    Identity,
    Look,
    Photo,
    Pixels,
    Request,
    ShouldStop,
    Sitting,
    State,
    Verdict,
)  # fmt: skip
from deid_desktop.core.verify import THRESHOLD, judge

NO_FACE = 0.45
"""Residual of the shape fit, in centimetres, above which the mesh is folded, whatever it is on."""
FAR_SIDE = 0.22
"""Share of the far side of a face that must be seen. Of near-profiles, which the landmark network
turns back to 45 to 60 degrees, one in three stays recognisable by its outline whatever is tried,
and most of the others look wrong."""
HIDDEN = 0.6
"""Share of the face behind hands or things above which what is left is no face to replace."""

_FULL, _PREVIEW, _SEARCH = (380.0, 1100.0), (120.0, 176.0), (112.0, 128.0)
"""Smallest and largest face sizes in pixels to compose at."""
_MOST_SCENES = 128 * 2**20
"""Bytes of the scenes that are kept: one of a large face can take a hundred megabytes."""
_FEW_SCENES = 2**25
"""The same of a twin, who never comes back to a face."""


class Studio(Models):
    """Detector, analyser, generator and composer behind the calls that one face needs."""

    def __init__(
        self, device: str, threshold: float = THRESHOLD, *, scenes: int = _MOST_SCENES
    ) -> None:
        super().__init__(device)
        self.threshold, self._most_scenes = threshold, scenes
        self._embeddings: OrderedDict[Any, Array] = OrderedDict()
        self._analyses: OrderedDict[Any, Analysis] = OrderedDict()
        self._scenes: OrderedDict[Any, Scene] = OrderedDict()
        self._steering: OrderedDict[Any, Steering] = OrderedDict()
        self._corrections: OrderedDict[Any, Correction] = OrderedDict()

    def twin(self) -> Studio:
        """Return a studio for another thread: what threads can share is this one's."""
        self.warm()
        other = Studio(self.device, self.threshold, scenes=_FEW_SCENES)
        other._analyses, other._embeddings = self._analyses, self._embeddings
        self.lend(other)
        return other

    def analyse(self, photo: Photo, face: Face) -> Analysis:
        """Read a face: landmarks, expression, gender, age, skin, identity."""

        def make() -> Analysis:
            return self._analyser.analyse(photo.pixels, face, embedding=self.embed(photo, face))

        return remember(self._analyses, _key(photo, face), make)

    def doubt(self, photo: Photo, face: Face) -> str:
        """Say why no surrogate can be made of this face, or return an empty string."""
        analysis = self.analyse(photo, face)
        if not analysis.reliable:
            return analysis.reason
        scene = self.scene(photo, face, TINY, _SEARCH)
        if scene.fit.residual > NO_FACE or scene.hidden > HIDDEN:
            return "What was found here may not be a face, or too much of it is hidden."
        return TURNED if scene.far_side < FAR_SIDE else ""

    def bespectacled(self, photo: Photo, face: Face) -> bool:
        """Tell whether a face wears glasses."""
        return self.scene(photo, face, TINY, _SEARCH).glasses is not None

    def embed(self, photo: Photo, face: Face) -> Array:
        """Return a face's unit embedding (128,), without the rest of its analysis."""
        return remember(
            self._embeddings, _key(photo, face),
            lambda: self._recogniser.embed_face(photo.pixels, face.points),
        )  # fmt: skip

    def render(
        self, sitting: Sitting, request: Request, identity: Identity, *, preview: bool,
        should_stop: ShouldStop, steered: bool = True,
    ) -> FaceResult:  # fmt: skip
        """Compose a known identity; full quality is verified, a preview is not.

        ``steered``: whether the face is looked at for what its sliders ask.
        """
        _check(should_stop)
        photo, face = sitting.photo, sitting.face
        analysis = self.analyse(photo, face)
        wished = wished_attribute(analysis, request, identity.look)
        attribute = unseen(wished, request.attributes)
        size, work = (SMALL, _PREVIEW) if preview else (LARGE, _FULL)
        with at_most(1) if preview else nullcontext():
            if steered:
                attribute = self._steered(photo, face, request, identity)
            layer = self._compose(photo, face, request, identity, attribute, size=size, work=work)
        verdict, found, judged = Verdict(State.ATTENTION, "Not verified yet."), None, b""
        if not preview:
            _check(should_stop)
            window = surroundings(layer, photo.pixels.shape, face)
            changed = changed_window(layer, photo.pixels, window)
            corner = (window[1].start, window[0].start)
            verdict, found = self.judge(changed, photo, face, corner, sitting.company)
            judged = seal(changed, sitting.company, self.threshold)
        attributes = described(wished, request, skin=analysis.skin_tone)
        return FaceResult(
            face, request, verdict, layer, identity, attributes, attempts=1, found=found,
            judged=judged,
        )  # fmt: skip

    def confirm(
        self, pixels: Pixels, photo: Photo, result: FaceResult, company: Company
    ) -> FaceResult:
        """Judge a face in the finished photo, unless what is around it was judged bit for bit."""
        if isinstance(result.layer, SurrogateLayer):
            window = surroundings(result.layer, pixels.shape, result.face)
            if result.judged and result.judged == seal(pixels[window], company, self.threshold):
                return result
        verdict, found = self.judge(pixels, photo, result.face, (0, 0), company)
        return replace(result, verdict=verdict, found=found)

    def costume(self, sitting: Sitting, request: Request, identity: Identity) -> Costume:
        """Make a surrogate ready to be worn in other pictures of the same person."""
        photo, face = sitting.photo, sitting.face
        wish, analysis = request.attributes, self.analyse(photo, face)
        # However hard the identity is pushed, its attributes stay the same.
        attribute = self._steered(photo, face, request, replace(identity, push=0))
        return Costume(
            self._generate([identity], [attribute], LARGE)[0],
            analysis,
            self._shapes,
            self._glasses,
            self._occlusion,
            self.donor_embeddings,
            strength=wished_strength(request, identity),
            cover=identity.push,
            seed=identity.seed,
            touch=wished_touch(analysis, request),
            expression=wish.expression,
            expressed=wish.strength,
            wear=wear_of(analysis, attribute),
        )

    def judge(
        self, pixels: Pixels, photo: Photo, face: Face, corner: tuple[int, int],
        company: Company = ALONE,
    ) -> tuple[Verdict, Array | None]:  # fmt: skip
        """Judge ``face`` in ``pixels``, a part of the changed photo whose corner is given.

        With the verdict come the embeddings (n, 128) that it was made of.
        """
        x, y, width, height = face.box
        there = (x - corner[0], y - corner[1], width, height)
        again = self.detector.detect_near(pixels, there, angle=face.angle)
        found: Array | None = None
        if again is not None:
            before = face.points - np.array(corner, np.float32)
            # An attacker may align by what is found now or by what was there before.
            found = self._recogniser.embed([align(pixels, p) for p in (again.points, before)])
        originals = self.originals(Sitting(photo, face, company))
        donors, others = self.donor_embeddings, company.others
        return judge(originals, found, donors, others, self.threshold), found

    def originals(self, sitting: Sitting) -> Array:
        """Return the embeddings (n, 128) of the person, here and in other photos."""
        own = self.analyse(sitting.photo, sitting.face).embedding
        return np.concatenate([own[None], sitting.company.same])

    def drawn(
        self, sittings: Sequence[Sitting], request: Request, attempts: Iterable[int], *,
        push: int = 0,
    ) -> list[Identity]:  # fmt: skip
        """Draw the identities that come at some attempts, with the look of one person.

        That is the middle of what is seen of its faces.
        """
        analyses = [self.analyse(sitting.photo, sitting.face) for sitting in sittings]
        seen = np.median([(a.gender, a.age, a.skin_tone) for a in analyses], axis=0)
        look = Look(*seen.tolist())
        attribute = wished_attribute(analyses[0], request, look)
        drawn = (
            self._generator.draw_identity(attribute, k=request.k, seed=request.seed, attempt=a)
            for a in attempts
        )
        return [replace(identity, push=push, look=look) for identity in drawn]

    def sketched(
        self, sitting: Sitting, request: Request, drawn: list[Identity], should_stop: ShouldStop
    ) -> Iterator[Seen]:
        """Judge a few identities for one face as sketches show them.

        Expressions are compared where the photo's is kept. Neither they nor gender are looked at in
        those that do not stand apart from donors: they are not taken for them.
        """
        photo, face = sitting.photo, sitting.face
        originals, analysis = self.originals(sitting), self.analyse(photo, face)
        attribute = wished_attribute(analysis, request, drawn[0].look)
        attribute = unseen(attribute, request.attributes)
        donors, others = self.donor_embeddings, sitting.company.others
        kept = request.attributes.expression == "keep"
        _check(should_stop)
        sketches = []
        for seen in self._sketches(sitting, request, drawn, [attribute] * len(drawn)):
            _check(should_stop)
            sketches.append(seen)
        # Together, which takes a quarter less time than one by one.
        embedded = self._recogniser.glance([align(seen.picture, seen.points) for seen in sketches])
        for seen, found in zip(sketches, embedded, strict=True):
            verdict = judge(originals, found[None], donors, others, self.threshold)
            apart = stands_apart(verdict)
            agreed = self._agreement(analysis, seen) if kept and apart else 1.0
            mistaken = self._mistaken(attribute.gender, seen) if apart else 0.0
            yield Seen(verdict, agreed, mistaken, found)

    def _mistaken(self, gender: float, seen: Sketch) -> float:
        """Return 0…1: how far a face that is to be of one gender passes for the other."""
        shown = self._analyser.drawn_gender(seen.picture, seen.mesh)
        return float(np.clip(-shown * gender, 0, 1))

    def _agreement(self, analysis: Analysis, seen: Sketch) -> float:
        shown = self._analyser.drawn_blendshapes(seen.picture, seen.mesh)
        return agreement(analysis.blendshapes, shown)

    def _sketches(
        self,
        sitting: Sitting,
        request: Request,
        identities: list[Identity],
        attributes: list[Attribute],
    ) -> Iterator[Sketch]:
        """Yield one look at each surrogate in low resolution."""
        photo, face = sitting.photo, sitting.face
        analysis, scene = self.analyse(photo, face), self.scene(photo, face, TINY, _SEARCH)
        change = wished_change(request, scene)
        touch = wished_touch(analysis, request, face=face, scene=scene)
        surrogates = self._generate(identities, attributes, TINY)
        for surrogate, identity, attribute in zip(surrogates, identities, attributes, strict=True):
            yield sketch(
                scene,
                surrogate,
                face.points,
                shape_strength=wished_strength(request, identity),
                expression=change,
                cover=identity.push,
                seed=identity.seed,
                wear=wear_of(analysis, attribute),
                touch=touch,
            )

    def _steered(self, photo: Photo, face: Face, request: Request, identity: Identity) -> Attribute:
        """Return the attributes with which the finished face looks as the request says.

        What is found depends on the person and on the side of the gender slider, so that moving
        a slider measures nothing anew. Where only age is asked for, the side is the face's own: it
        must stay there at every age.
        """
        analysis, wish = self.analyse(photo, face), request.attributes
        wished = wished_attribute(analysis, request, identity.look)
        if not asks(wish):
            return unseen(wished, wish)
        side = float(np.sign(wished.gender if wish.gender is None else wish.gender))
        asked = None if wish.gender is None else side
        calm = replace(request, attributes=Attributes(gender=asked), strokes=())

        def sketched(attributes: Sequence[Attribute]) -> Iterator[Sketch]:
            alike = [identity] * len(attributes)
            return self._sketches(Sitting(photo, face), calm, alike, list(attributes))

        def look() -> Steering:
            still = wished_attribute(analysis, calm, identity.look)
            return steer(still, side, sketched, self._analyser)

        key = (*_key(photo, face), identity, asked, request.shape_strength)
        steering = remember(self._steering, key, look)
        return steering.steered(wished, wish, sketched, self._analyser)

    def _correction(
        self, photo: Photo, face: Face, request: Request, identity: Identity
    ) -> Correction:
        """Return what a surrogate needs to look turned, and look the way, as the face does.

        What is found depends on the person alone: a slider turns neither head nor eyes.
        """
        calm = replace(request, attributes=Attributes(), strokes=())

        def look() -> Correction:
            analysis = self.analyse(photo, face)
            attribute = unseen(wished_attribute(analysis, calm, identity.look), calm.attributes)
            (seen,) = self._sketches(Sitting(photo, face), calm, [identity], [attribute])
            return needed_correction(analysis, self._analyser.drawn_mesh(seen.picture, seen.mesh))

        key = (*_key(photo, face), identity, request.shape_strength)
        return remember(self._corrections, key, look)

    def _compose(
        self, photo: Photo, face: Face, request: Request, identity: Identity,
        attribute: Attribute, *, size: int, work: tuple[float, float],
    ) -> SurrogateLayer:  # fmt: skip
        analysis = self.analyse(photo, face)
        scene = self.scene(photo, face, size, work)
        return compose(
            scene,
            self._generate([identity], [attribute], size)[0],
            shape_strength=wished_strength(request, identity),
            expression=wished_change(request, scene),
            cover=identity.push,
            seed=identity.seed,
            wear=wear_of(analysis, attribute),
            touch=wished_touch(analysis, request, face=face, scene=scene),
            correction=self._correction(photo, face, request, identity),
        )

    def put_away(self, photo: Photo, face: Face) -> None:
        """Forget the scenes of a face that nobody comes back to; what was read of it stays."""
        for key in [key for key in self._scenes if key[:-2] == _key(photo, face)]:
            del self._scenes[key]

    def scene(self, photo: Photo, face: Face, size: int, work: tuple[float, float]) -> Scene:
        """Return what the photo says around a face; see `compose.prepare` for size and work."""

        def make() -> Scene:
            return prepare(
                photo.pixels, self.analyse(photo, face), shapes=self._shapes,
                glasses=self._glasses, occlusion=self._occlusion, size=size, work=work,
            )  # fmt: skip

        scene = remember(self._scenes, (*_key(photo, face), size, work), make)
        while len(self._scenes) > 1 and sum(map(weight, self._scenes.values())) > self._most_scenes:
            self._scenes.popitem(last=False)
        return scene


def _check(should_stop: ShouldStop) -> None:
    if should_stop():
        raise Cancelled


def _key(photo: Photo, face: Face) -> tuple[Any, ...]:
    return (photo.key, face.id, face.box, face.angle)
