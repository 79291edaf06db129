"""The values that travel along the pipeline. Plain, frozen, without behaviour of their own.

Conventions used everywhere in the core: pixels are RGB, ``uint8``, shape (height, width, 3),
sRGB; coordinates are (x, y) in pixels of the upright photo, the centre of the first pixel at
(0, 0); left and right are those of the picture, not of the person.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Deep = NDArray[np.uint16]
"""RGB with 16 bits a channel, (height, width, 3), sRGB, as some photos are stored."""
QUALITY = 96
"""Of JPEG, WebP and AVIF, 1…100, unless another is wished: mean ΔE of a pixel below 1."""
SRGB = "sRGB"
"""The colour space of whatever does not say otherwise."""
Array = NDArray[np.floating[Any]]
"""Floating-point numbers; float32 unless a docstring says otherwise."""
Box = tuple[float, float, float, float]
"""Left, top, width, height in pixels."""

ShouldStop = Callable[[], bool]


def never() -> bool:
    """Serve as the ``should_stop`` of callers that never cancel."""
    return False


class Cancelled(Exception):
    """Raised inside the pipeline when ``should_stop`` answers yes; nothing was changed."""


class DeidError(Exception):
    """An error that a person can act on. Its text names the file, the cause and the remedy."""


class Method(StrEnum):
    """What happens to a face."""

    SURROGATE = "surrogate"
    SOLID = "solid"
    BLUR = "blur"
    PIXELATE = "pixelate"
    KEEP = "keep"


class State(StrEnum):
    """What is known of a face's result. Only ``ATTENTION`` blocks an export."""

    VERIFIED = "verified"
    MASKED = "masked"
    KEPT = "kept"
    ATTENTION = "needs attention"


EXPRESSIONS = (
    "keep", "neutral", "happy", "sad", "angry", "surprised", "afraid", "disgusted", "contemptuous",
    "closed-eyes",
)  # fmt: skip
ANCESTRIES = ("match", "white", "black", "east-asian", "west-asian")


@dataclass(frozen=True, eq=False)
class Photo:
    """An upright photo in sRGB. ``key`` tells photos apart in caches (a digest of the pixels).

    ``deep`` is the picture with all that the file has, 16 bits or the wide ``space`` (a name of
    ``colour.PROFILES``), where ``pixels`` has not; every stage but the export works on ``pixels``,
    the same picture in 8-bit sRGB. ``alpha`` (height, width), 8 or 16 bit, is how opaque it is;
    without it, it is everywhere. See-through parts lie on white in ``pixels`` and ``deep``.
    """

    name: str
    pixels: Pixels
    key: str
    deep: Pixels | Deep | None = None
    space: str = SRGB
    alpha: NDArray[Any] | None = None


@dataclass(frozen=True)
class Keep:
    """What an export keeps of how the file shows its picture.

    ``colours``: a wide space, where the file has one; else they become sRGB. ``transparency``:
    see-through parts, where the format has them and no face is in them; else they become white.
    """

    colours: bool = False
    transparency: bool = True


@dataclass(frozen=True, eq=False)
class Face:
    """A face that was found, or marked by a person (``score`` 1, ``by_person`` true).

    ``points`` (5, 2): right eye, left eye, nose tip, right and left mouth corner of the
    *person*, that is, the eye on the left of the picture first. ``region`` is true for what is
    no face at all (name tag, tattoo, screen): it takes masks only, and they fill the whole box.
    ``angle``: degrees, clockwise, by which a person turned the box about its middle; −180…180.
    """

    id: int
    box: Box
    points: Array
    score: float
    by_person: bool = False
    region: bool = False
    angle: float = 0.0


@dataclass(frozen=True, eq=False)
class Analysis:
    """What the photo says about one face.

    ``mesh`` (478, 3): landmarks in photo pixels, z towards the back, same scale; the last ten
    are the irises. ``blendshapes`` (52,): 0…1, ARKit names. ``pose``: yaw, pitch, roll in
    degrees. ``gender``: −1 (female) … 1 (male). ``age``: years. ``skin_tone``: ITA in degrees,
    from about −50 (very dark) to 60 (very light). ``embedding`` (128,): unit length (SFace).
    ``childhood``: 0…1, how likely the person is under 14.
    ``reliable`` is false where the landmarks cannot be trusted; ``reason`` then says why.
    """

    mesh: Array
    blendshapes: Array
    pose: tuple[float, float, float]
    gender: float
    age: float
    skin_tone: float
    embedding: Array
    reliable: bool = True
    reason: str = ""
    childhood: float = 0.0


@dataclass(frozen=True)
class Attributes:
    """The sliders. ``None`` and ``"match"`` follow the subject, ``"keep"`` its expression.

    ``gender``: −1 (female) … 1 (male). ``age``: 18…80 years. ``expression``: one of
    ``EXPRESSIONS`` with ``strength`` 0…1. ``ancestry``: one of ``ANCESTRIES``. ``skin_tone``:
    ITA in degrees, −50 (very dark) … 60 (very light). ``keep_eyes`` and ``keep_mouth`` leave
    these parts the subject's own; the verification decides whether that is too much.
    """

    gender: float | None = None
    age: float | None = None
    expression: str = "keep"
    strength: float = 1.0
    ancestry: str = "match"
    skin_tone: float | None = None
    keep_eyes: bool = False
    keep_mouth: bool = False


FARTHEST, THICKEST = 1.5, 0.5
"""How far from the middle of its box a stroke's points may lie, and the largest radius of one, in
longer sides of the box."""


@dataclass(frozen=True)
class Stroke:
    """A stroke of the mask brush: ``into`` the mask, or out of it.

    ``points`` (x, y) and ``radius`` are in longer sides of the face's box, from its middle, so that
    a stroke goes with its face. It holds no pixels.
    """

    into: bool
    radius: float
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Request:
    """Everything that decides the result for one face, so that it can be replayed.

    ``strokes``: of the mask brush, the later over the earlier.
    """

    method: Method = Method.SURROGATE
    k: int = 5
    seed: int = 0
    attributes: Attributes = field(default_factory=Attributes)
    shape_strength: float = 4.5
    strokes: tuple[Stroke, ...] = ()


@dataclass(frozen=True)
class Look:
    """What a surrogate looks like where no slider says so.

    ``gender``: −1 (female) … 1 (male). ``age``: years. ``skin_tone``: ITA in degrees.
    """

    gender: float
    age: float
    skin_tone: float


@dataclass(frozen=True)
class Identity:
    """A surrogate identity: ``k`` donors with near-equal weights that sum to 1, and a seed.

    ``push``: how far the search had to go to hide the subject, 0…3; each step changes the shape
    more and keeps less of the photo (see ``cover`` of ``compose.compose``). ``look``: the same in
    all photos of a person; ``None`` follows what each photo says.
    """

    donors: tuple[int, ...]
    weights: tuple[float, ...]
    seed: int
    push: int = 0
    look: Look | None = None


@dataclass(frozen=True, eq=False)
class Company:
    """Original faces that a surrogate is held against, beside the one it covers; never stored.

    ``everybody`` (n, 128): embeddings of all faces of the photo and of the session. ``own`` (n,):
    which of them are the same person's; the rest are bystanders.
    """

    everybody: Array
    own: NDArray[np.bool_]

    @property
    def same(self) -> Array:
        """Return the embeddings (m, 128) of the person, in this photo and in others."""
        return self.everybody[self.own]

    @property
    def others(self) -> Array:
        """Return the embeddings (n − m, 128) of everybody else."""
        return self.everybody[~self.own]


ALONE = Company(np.zeros((0, 128), np.float32), np.zeros(0, np.bool_))


@dataclass(frozen=True, eq=False)
class Sitting:
    """A face of a photo in its company: what one surrogate has to hold for."""

    photo: Photo
    face: Face
    company: Company = ALONE


@dataclass(frozen=True, eq=False)
class Surrogate:
    """A synthetic face, without pose, light and skin tone, which are the photo's.

    ``texture`` (s, s, 3) float32 about 1, in the mesh's texture space; ``shape`` (468, 3) neutral,
    canonical centimetres; ``iris`` (3,) RGB relative to the skin. Whose it is to
    look like: ``male`` 0…1, ``age`` years, ``smile`` 0…1.
    """

    texture: Array
    shape: Array
    iris: Array
    male: float
    age: float
    smile: float


class Layer(Protocol):
    """A change to the picture, confined to one region."""

    def apply(self, pixels: Pixels | Deep) -> None:
        """Change ``pixels`` (the whole photo, 8 or 16 bit) in place."""

    def within(self, space: str) -> Layer:
        """Return the same change for pixels of another space, a name of ``colour.PROFILES``."""

    def opaque(self) -> Layer:
        """Return the layer that makes an opacity, as a grey picture, fit what this one paints."""


@dataclass(frozen=True)
class Verdict:
    """What was measured on the finished face, and what follows from it.

    Similarities are cosines of SFace embeddings, −1…1; ``None`` where nothing was to measure.
    ``reason`` is one plain sentence.
    """

    state: State
    reason: str
    similarity_to_original: float | None = None
    similarity_to_nearest_donor: float | None = None
    threshold: float | None = None
    detected_again: bool | None = None
    similarity_to_nearest_bystander: float | None = None
    bystander_threshold: float | None = None


@dataclass(frozen=True, eq=False)
class FaceResult:
    """One face after the pipeline. ``layer`` is ``None`` for kept faces and for failures.

    ``person``: the number, from 0, of the person whose face it is, where that was worked out;
    ``cluster``: that of the people who share a surrogate identity in k-Same. ``found`` (n, 128):
    embeddings of the face found in the result, as they were judged; in memory only, never stored.
    ``judged``: digest of the pixels that the verdict is about.
    """

    face: Face
    request: Request
    verdict: Verdict
    layer: Layer | None = None
    identity: Identity | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    attempts: int = 0
    person: int | None = None
    cluster: int | None = None
    found: Array | None = None
    judged: bytes = b""


@dataclass(frozen=True, eq=False)
class Role:
    """What one face plays in a run of several photos.

    ``person``: whose face it is, a number from 0. ``identity``: that person's, ``None`` searches
    for one. ``fixed``: it is taken as it is, never pushed harder where it does not hold.
    ``refused``: why this face gets no surrogate, if none was found for its person. ``cluster``: in
    k-Same the number, from 0, of the people who share the identity.
    """

    person: int
    request: Request
    identity: Identity | None = None
    company: Company = ALONE
    fixed: bool = False
    refused: str = ""
    cluster: int | None = None


@dataclass(frozen=True, eq=False)
class Confirmed:
    """The picture as it will be exported, and what was found when it was verified.

    ``pixels`` (height, width, 3), or 4 with the opacity of what lies on white; in ``space``.
    ``notes``: what a person should know of it, plain sentences.
    """

    results: tuple[FaceResult, ...]
    pixels: Pixels | Deep
    space: str = SRGB
    notes: tuple[str, ...] = ()
