"""A small deterministic stand-in for the pipeline, for tests of what surrounds it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace

import numpy as np

from deid_desktop.core.types import (
    Cancelled,
    Confirmed,
    DeidError,
    Face,
    FaceResult,
    Identity,
    Method,
    State,
    Verdict,
    never,
)
from deid_desktop.core.verify import holds


@dataclass(frozen=True, eq=False)
class Block:
    """A layer that fills the box with one colour."""

    box: tuple
    colour: tuple

    def apply(self, pixels):
        left, top, width, height = (int(v) for v in self.box)
        pixels[top : top + height, left : left + width] = self.colour


def face(number, box):
    left, top, width, height = box
    points = np.array([(left + width / 2, top + height / 2)] * 5, np.float32)
    return Face(id=number, box=box, points=points, score=0.9)


@dataclass
class FakePipeline:
    """Finds the boxes it is given; surrogates are blocks whose colour tells the request."""

    boxes: tuple = ((10.0, 10.0, 40.0, 50.0), (90.0, 20.0, 40.0, 50.0))
    device: str = "cpu"
    fail_seeds: tuple = ()
    strengthen: float = 0.0
    calls: list = field(default_factory=list)
    breaks: dict = field(default_factory=dict)
    who: dict = field(default_factory=dict)
    """Photo name and box → person; whoever is not in it is somebody new."""
    companies: dict = field(default_factory=dict)
    likeness: dict = field(default_factory=dict)
    """Identity seed → embedding of whatever wears it; a surrogate that has one is judged by it."""
    cast_seeds: tuple = ()
    """Seeds of the identities that ``cast`` tries; the first that holds for all is taken."""
    gate: threading.Event | None = None
    """When set, ``redact`` waits for it, looking at ``should_stop`` meanwhile."""

    def _maybe_break(self, stage):
        if stage in self.breaks:
            raise self.breaks[stage]

    def detect(self, photo, *, should_stop=never):
        self.calls.append(("detect", photo.name))
        self._maybe_break("detect")
        height, width = photo.pixels.shape[:2]
        fit = [b for b in self.boxes if b[0] + b[2] <= width and b[1] + b[3] <= height]
        return tuple(face(number, box) for number, box in enumerate(fit))

    def mark(self, photo, box, *, face_id, angle=0.0):
        self.calls.append(("mark", face_id))
        self._maybe_break("mark")
        return replace(face(face_id, box), score=1.0, by_person=True, angle=angle)

    def embed(self, photo, face):
        self._maybe_break("embed")
        who = self.who.setdefault((photo.name, face.box), len(self.who))
        return np.eye(128, dtype=np.float32)[who]

    def wear(self, sitting, request, identity, *, should_stop=never):
        self.companies[sitting.photo.name, sitting.face.id] = sitting.company
        self.calls.append(("wear", sitting.face.id, request, identity))
        calls, photo, face = len(self.calls), sitting.photo, sitting.face
        result = self.redact(photo, face, request, identity=identity, company=sitting.company,
                             should_stop=should_stop)  # fmt: skip
        del self.calls[calls:]
        return result

    def redact(
        self, photo, face, request, *, identity=None, company=None, preview=False, should_stop=never
    ):
        self.companies[photo.name, face.id] = company
        self.calls.append(("preview" if preview else "redact", face.id, request, identity))
        self._maybe_break("preview" if preview else "redact")
        while self.gate is not None and not self.gate.wait(0.005):
            if should_stop():
                raise Cancelled
        if request.method is Method.KEEP:
            return FaceResult(face, request, Verdict(State.KEPT, "Kept as you chose."))
        if request.method is not Method.SURROGATE:
            layer = Block(face.box, (9, 9, 9))
            return FaceResult(face, request, Verdict(State.MASKED, "Covered."), layer)
        identity = identity or Identity(
            tuple(range(request.k)), (1 / request.k,) * request.k, request.seed
        )
        age = int(request.attributes.age or 0)
        layer = Block(face.box, (200, request.seed % 256, age))
        if preview:
            verdict = Verdict(State.ATTENTION, "Not verified yet.")
        elif request.seed in self.fail_seeds:
            verdict, layer = Verdict(State.ATTENTION, "Still too similar.", 0.5, 0.1, 0.4), None
        else:
            verdict = Verdict(State.VERIFIED, "A recogniser does not link it.", 0.1, 0.2, 0.4, True)
        found = self.likeness.get(identity.seed)
        if found is not None and not preview and layer is not None:
            found = found[None]
            if company is not None and not holds(found, company, 0.4):
                verdict, layer = Verdict(State.ATTENTION, "Still too similar.", 0.5, 0.1, 0.4), None
        # Like the real search, which records a stronger shape than it was asked for.
        done = replace(request, shape_strength=request.shape_strength + self.strengthen)
        return FaceResult(face, done, verdict, layer, identity, attempts=8, found=found)

    def cast(self, sittings, request, *, should_stop=never):
        self.calls.append(("cast", [s.photo.name for s in sittings], request))
        for seed in self.cast_seeds:
            found = self.likeness[seed][None]
            if all(holds(found, sitting.company, 0.4) for sitting in sittings):
                return Identity(tuple(range(request.k)), (1 / request.k,) * request.k, seed)
        return None

    def render(self, photo, results):
        self._maybe_break("render")
        pixels = photo.pixels.copy()
        for result in results:
            if result.layer is not None:
                result.layer.apply(pixels)
        return pixels

    def confirm(self, photo, results, *, keep=None, **_):
        self._maybe_break("confirm")
        if keep is not None and keep.colours:
            photo = replace(photo, pixels=photo.pixels if photo.deep is None else photo.deep)
            return Confirmed(tuple(results), self.render(photo, results), photo.space)
        return Confirmed(tuple(results), self.render(photo, results))


class NamedError(DeidError):
    """Stands for any error the core explains."""
