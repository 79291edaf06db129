"""Eyewear: other glasses are drawn where the subject's own would leave it recognisable.

Their outline is drawn before the surrogate's eyes; only the tint of lenses and the colour of frames
are the photo's. What is mirrored in the subject's lenses, and what shines through, goes.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from deid_desktop.core import mesh
from deid_desktop.core.geometry import blur
from deid_desktop.core.types import Array

_CORNERS = ((33, 133), (263, 362))
"""The outer and the inner corner of each eye."""
_TEMPLES = (127, 356)
_LENS = (0.83, 0.60)
"""Half the width and half the height of a lens, in widths of an eye."""
_ROUND = (2.3, 2.8, 3.6, 5.0)
"""Exponents of the superellipses that lenses are: from almost round to almost rectangular."""
_DARK = 50.0
"""Level of a channel above which a tint would not look like a dark lens, nor a frame like one."""
_SOAKED = 0.7
"""How dark a frame is where its darkest third is measured: thin rims are mixed with skin."""
_THIN = 70.0
"""Level from which rims are so thin that the photo mixes them with skin."""
_METALS = np.array([[0.17, 0.17, 0.19], [0.24, 0.17, 0.12], [0.40, 0.30, 0.16]], np.float32)
"""Colours of thin rims relative to white in the light on the skin: gunmetal, brown and gold."""
_BELOW_RIM = 0.6
"""How opaque a thin rim is below a lens: there it is thinner still, and mirrors the cheek."""
_SIDES = (0.05, 0.12)
"""From where to where along a texture's row an arm is looked for; mirrored on the other side."""
_ARM = 0.004
"""Share of a texture that an arm has to cover there to be found."""
_BITS = 4
_HELD = 0.97
"""Share of the light that a dark lens holds back at its upper edge."""
_GLEAM = 45.0
"""Levels by which a frame shines where it faces the light."""
_MIRRORED = 0.07
"""Share of the light that clear glass mirrors."""
_SHADOW = 0.22
"""How much darker skin is in the shadow of a frame."""


@dataclass(frozen=True, eq=False)
class Eyewear:
    """Glasses to draw: ``frame`` (3,) its colour, ``width`` of the frame as a share of the distance
    between the outer corners of the eyes, ``tint`` (3,) of dark lenses or ``None``; 0…255.
    ``form``: which outline, and how high. ``metal``: thin, thinner below, and shining. ``arms``:
    where in texture space (2,) the subject's own arms go on, left and right; ``None``: not seen."""

    frame: Array
    width: float
    tint: Array | None
    form: int = 1
    metal: bool = False
    arms: tuple[Array | None, Array | None] = (None, None)


def other_eyewear(
    texture: Array, *, frames: Array | None, lenses: Array | None, seed: int
) -> Eyewear:
    """Return glasses in the colours of those in the photo's ``texture`` (s, s, 3).

    Args:
        texture: of the photo, 0…255.
        frames: (s, s) 0…1, where frames are.
        lenses: (s, s) 0…1, where dark lenses are; ``None``: the lenses are clear.
        seed: of the frame's width and form.
    """
    colour = _colour(texture, frames if lenses is None else lenses)
    width, form = 0.010 + 0.004 * (seed % 3), seed // 3
    arms = (None, None) if frames is None else (_arm(frames, 0), _arm(frames, 1))
    if lenses is None and colour.max() > _THIN:  # little of it is seen
        metal = _METALS[form % len(_METALS)] * float(np.percentile(texture, 90))
        return Eyewear(metal, 0.6 * width, None, form, metal=True, arms=arms)
    colour = np.minimum(_SOAKED * colour, _DARK)
    colour = 0.5 * (colour + colour.mean())  # skin's colour shines through thin rims
    if lenses is not None:
        return Eyewear(0.45 * colour, width + 0.01, colour, form, arms=arms)
    return Eyewear(colour, width, None, form, arms=arms)


def _arm(frames: Array, side: int) -> Array | None:
    """Return where an arm leaves the face (2,), in texture space, or ``None``.

    Only its height is read: beyond, it goes on in the picture as it was.
    """
    size = len(frames)
    start, stop = (round(share * size) for share in _SIDES)
    seen = (frames if side == 0 else frames[:, ::-1])[:, start:stop] ** 2
    if seen.mean() < _ARM:
        return None
    rows = seen.sum(1)
    height = float((rows * (np.arange(size) + 0.5)).sum() / rows.sum()) / size
    across = sum(_SIDES) / 2
    return np.array([across if side == 0 else 1 - across, height], np.float32)


def _colour(texture: Array, where: Array | None) -> Array:
    worn = texture[where > 0.7] if where is not None else texture[:0, 0]
    if not len(worn):
        return np.full(3, 30, np.float32)
    # Thin rims are mixed with the skin beside them: their darkest third is the frame's colour.
    level = worn.mean(1)
    colour: Array = np.median(worn[level <= np.percentile(level, 33)], axis=0)
    return colour.astype(np.float32)


def draw_eyewear(
    rendered: Array, vertices: Array, eyewear: Eyewear, *, enlarged: float = 1.0
) -> None:
    """Draw glasses into ``rendered`` (h, w, 3), 0…255, of a face with landmarks (478, 3).

    ``enlarged``: pixels for one of the photo, finer than which nothing is drawn.
    """
    apart = float(np.linalg.norm(vertices[263, :2] - vertices[33, :2]))
    soft = max(0.45 * max(1.0, enlarged), 0.004 * apart)
    thick = max(1, round(max(eyewear.width * apart, 0.8 * enlarged)))
    lenses = [_Lens.before(vertices, eye, eyewear.form) for eye in (0, 1)]
    if eyewear.tint is not None:
        _darken(rendered, lenses, eyewear.tint, soft)
    rim = _rims(rendered.shape[:2], lenses, thick, 1.0 if not eyewear.metal else _BELOW_RIM)
    rim = np.maximum(rim, _lines(rim.shape, [_bridge(*lenses)], thick))
    ends = [_beside(vertices, *pair) for pair in zip(eyewear.arms, _TEMPLES, strict=True)]
    arms = [
        np.vstack([lens.at(np.array([[-0.95, -0.5], [-1.12, -0.5]])), end])
        for lens, end in zip(lenses, ends, strict=True)
    ]
    rim = np.maximum(rim, _lines(rim.shape, arms, thick))
    cast_shadow(rendered, rim, apart)
    dense = 1.9 if eyewear.metal else 1.2  # thin lines lose more by being blurred
    worn = np.clip(dense * blur(rim, soft), 0, 0.97)[..., None]
    # Frames are round: what faces the light from above shines a little.
    back = np.array([[1, 0, 0.7], [0, 1, 1.2]], np.float32)
    facing = np.clip(worn[..., 0] - cv2.warpAffine(worn[..., 0], back, rim.shape[::-1]), 0, 1)
    gleam = _GLEAM * (2.0 if eyewear.metal else 1.0)
    frame = eyewear.frame + gleam * facing[..., None]
    rendered[:] = rendered * (1 - worn) + frame * worn
    if eyewear.tint is None:
        _reflect(rendered, lenses, apart)


def cast_shadow(rendered: Array, rim: Array, apart: float) -> None:
    """Darken the skin below frames in ``rendered`` (h, w, 3), in place.

    Args:
        rendered: the picture, 0…255.
        rim: (h, w) 0…1, the frames.
        apart: pixels between the outer corners of the eyes.
    """
    lower = np.array([[1, 0, 0], [0, 1, 0.02 * apart]], np.float32)
    below: Array = cv2.warpAffine(rim, lower, rim.shape[::-1])
    rendered *= 1 - _SHADOW * blur(below, 0.016 * apart)[..., None]


def _lines(shape: tuple[int, ...], curves: list[Array], thick: int) -> Array:
    """Return open curves (n, 2) drawn (h, w), 0…1."""
    lines = np.zeros(shape[:2], np.uint8)
    cv2.polylines(lines, [_fixed(c) for c in curves], False, 255, thick, cv2.LINE_AA, _BITS)
    return lines.astype(np.float32) / 255


def _rims(shape: tuple[int, ...], lenses: list[_Lens], thick: int, below: float) -> Array:
    """Return the rims (h, w), 0…1, as opaque as ``below`` where they are below the eyes."""
    outlines = [lens.outline() for lens in lenses]
    half = len(outlines[0]) // 2
    upper = _lines(shape, [np.vstack([o[half:], o[:1]]) for o in outlines], thick)
    lower = _lines(shape, [o[: half + 1] for o in outlines], max(1, round(thick * below)))
    return np.maximum(upper, below * lower)


def _beside(vertices: Array, arm: Array | None, temple: int) -> Array:
    """Return where an arm leaves the face in the picture (2,)."""
    if arm is None:
        return vertices[temple, :2]
    places = mesh.uv_grid(_COARSE).interpolate(vertices[: mesh.VERTICES, :2])
    x, y = np.clip((arm * _COARSE).astype(int), 0, _COARSE - 1)
    return np.asarray(places[y, x])


_COARSE = 128
"""Texels a side at which places in texture space are looked up."""


def _reflect(rendered: Array, lenses: list[_Lens], apart: float) -> None:
    """Lay over clear glass what it mirrors: a broad, faint stripe, brightest at its upper edge."""
    glass = np.zeros(rendered.shape[:2], np.uint8)
    for lens in lenses:
        x = np.array([[-0.75, -0.85], [0.0, -0.85], [-0.45, 0.85], [-0.9, 0.6]])
        cv2.fillPoly(glass, [_fixed(lens.at(x))], 255, cv2.LINE_AA, _BITS)
    stripe = _MIRRORED * blur(glass.astype(np.float32) / 255, 0.03 * apart)[..., None]
    rendered[:] = rendered + stripe * (235 - rendered)


@dataclass(frozen=True, eq=False)
class _Lens:
    """A lens before an eye: ``middle`` (2,), ``across`` (2,) from there to its edge at the nose,
    ``down`` (2,) to its lower edge; ``power`` of the superellipse."""

    middle: Array
    across: Array
    down: Array
    power: float

    @classmethod
    def before(cls, vertices: Array, eye: int, form: int) -> _Lens:
        outer, inner = vertices[list(_CORNERS[eye]), :2]
        ends = vertices[[33, 263], :2]
        along = (ends[1] - ends[0]) / float(np.linalg.norm(ends[1] - ends[0]))
        width = float(np.linalg.norm(inner - outer))
        # A turned head shows the far lens narrower, but not lower.
        height = float(np.linalg.norm(ends[1] - ends[0])) / 3
        down = np.array([-along[1], along[0]])
        high = _LENS[1] * (0.88 + 0.08 * (form // len(_ROUND) % 4))
        across = _LENS[0] * width * along * (1 if eye == 0 else -1)
        middle = (outer + inner) / 2 - 0.05 * across + 0.12 * height * down
        return cls(middle, across, high * height * down, _ROUND[form % len(_ROUND)])

    def at(self, points: Array) -> Array:
        """Return points (n, 2), given in half widths and half heights, in the picture."""
        return self.middle + points[:, :1] * self.across + points[:, 1:] * self.down

    def outline(self) -> Array:
        """Return the outline (64, 2), a little narrower towards the cheek."""
        angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
        x, y = np.cos(angle), np.sin(angle)
        x, y = (np.sign(v) * np.abs(v) ** (2 / self.power) for v in (x, y))
        return self.at(np.stack([x * (1 - 0.06 * y), y], 1))


def _bridge(left: _Lens, right: _Lens) -> Array:
    """Return the curve (9, 2) over the nose, from lens to lens."""
    start, stop = (lens.at(np.array([[0.97, -0.25]]))[0] for lens in (left, right))
    along = np.linspace(0, 1, 9)[:, None]
    rise = 0.35 * (left.down + right.down) / 2
    return start + (stop - start) * along - rise * np.sin(np.pi * along)


def _fixed(points: Array) -> NDArray[np.int32]:
    """Return ``points`` (n, 2) in sixteenths of a pixel."""
    return np.round(points * 2**_BITS).astype(np.int32)


def _darken(rendered: Array, lenses: list[_Lens], tint: Array, soft: float) -> None:
    """Lay dark glass over the ``lenses``, a little lighter towards the cheeks."""
    glass = np.zeros(rendered.shape[:2], np.uint8)
    for lens in lenses:
        cv2.fillPoly(glass, [_fixed(lens.outline())], 255, cv2.LINE_AA, _BITS)
    top = min(float(lens.outline()[:, 1].min()) for lens in lenses)
    height = max(float(np.linalg.norm(2 * lens.down)) for lens in lenses)
    rows = np.arange(rendered.shape[0], dtype=np.float32)[:, None, None]
    down = np.clip((rows - top) / height, 0, 1)
    held = (_HELD - 0.12 * down) * blur(glass.astype(np.float32) / 255, soft)[..., None]
    rendered[:] = rendered * (1 - held) + tint * (0.75 + 0.6 * down) * held
