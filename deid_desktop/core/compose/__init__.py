"""Puts a surrogate into the photo: shape, light, eyes, detail, blend. Fifth stage of the flow.

``prepare`` reads the scene once for a face; ``compose`` renders one surrogate into it. Method:
``docs/decisions`` and, for relighting by ratio images, Liu, Shan and Zhang 2001.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from deid_desktop.core import mesh
from deid_desktop.core.compose.bands import Statistics, as_in_people
from deid_desktop.core.compose.beard import grow
from deid_desktop.core.compose.brows import draw_brows, own_brows
from deid_desktop.core.compose.crossing import across_gender, brows_gender, shown_light
from deid_desktop.core.compose.detail import match_detail
from deid_desktop.core.compose.eyes import draw_eyes
from deid_desktop.core.compose.eyewear import cast_shadow, draw_eyewear, other_eyewear
from deid_desktop.core.compose.glasses import GlassesModel
from deid_desktop.core.compose.layers import MaskLayer, SurrogateLayer
from deid_desktop.core.compose.mouth import (
    MOUTH_OPEN,
    inside_mouth,
    mouth_gap,
    open_mouth,
    part_lips,
)
from deid_desktop.core.compose.occlusion import OcclusionModel
from deid_desktop.core.compose.relight import continue_rim, relight, tone
from deid_desktop.core.compose.scene import Scene, prepare
from deid_desktop.core.compose.shape import (
    Correction,
    ShapeModel,
    bend,
    bending_field,
    displaced,
)
from deid_desktop.core.compose.spots import draw_spots
from deid_desktop.core.compose.touch import Touch, kept_parts, skin_around, toned, untouched
from deid_desktop.core.compose.worn import stiffened
from deid_desktop.core.geometry import blur, thrice
from deid_desktop.core.regions import regions
from deid_desktop.core.types import Array, Pixels, Surrogate

__all__ = [
    "Correction", "GlassesModel", "MaskLayer", "OcclusionModel", "Scene", "ShapeModel", "Sketch",
    "SurrogateLayer", "Touch", "compose", "landmarks", "prepare", "sketch",
]  # fmt: skip

_NOTHING, _RIGHT = Touch(), Correction()
_GREYING = 0.7
"""Share of the photo's depth that brows lose when the skin's relief doubles: they grey with age."""
_WORN = 1.2
"""By how much more than the photo's own a skin is worn that is fully aged."""
_DULLER = 0.2
"""Share of the eyes' contrast that age takes: it falls as people age, and is a sign of youth to all
who look (Porcheron, Mauger, Russell 2013)."""
_DULL = 0.03
"""Of the face's size: how far around an eye lies the tone that it fades to."""
_WHITEN = 0.9
"""How far a beard's hairs turn white."""
_TEXELS = 470.0
"""Texels of 512 that the larger side of a face covers."""
_OTHER_GLASSES = 3
"""``cover`` from which glasses are others, drawn ones. At 2 they hid a little more (mean likeness
.268, kept .295; 45 who wear some), but surrogates were told by them at a glance."""


def compose(
    scene: Scene,
    surrogate: Surrogate,
    *,
    shape_strength: float,
    expression: Array | None = None,
    cover: int = 0,
    seed: int = 0,
    wear: float = 1.0,
    touch: Touch = _NOTHING,
    correction: Correction = _RIGHT,
) -> SurrogateLayer:
    """Render ``surrogate`` into the photo, as a layer at its scale.

    Args:
        scene: of the face, prepared at the texture's size.
        surrogate: to show.
        shape_strength: see ``shape.displaced``.
        expression: (468, 3) canonical change of expression, ``None`` to keep the photo's.
        cover: 0 and 1 keep most of the photo, 2 replaces half of its colour of lips, 3 its glasses,
            too; more of the subject is hidden.
        seed: of the grain.
        wear: contrast of the skin's fine relief, of the photo's; more for an older face, whose
            brows are paler, too.
        touch: what the person asked for besides.
        correction: that the surrogate needs to look turned as the face is.
    """
    drawn = _draw(
        scene, surrogate, shape_strength=shape_strength, expression=expression, cover=cover,
        seed=seed, wear=wear, touch=touch, correction=correction,
    )  # fmt: skip
    return _at_photo_scale(scene, drawn)


@dataclass(frozen=True, eq=False)
class Sketch:
    """A surrogate at working scale: ``picture`` (h, w, 3) RGB of the whole crop, where the
    face's five points (5, 2) of ``types.Face`` are in it now, and its landmarks (478, 3)."""

    picture: Pixels
    points: Array
    mesh: Array


def sketch(
    scene: Scene,
    surrogate: Surrogate,
    points: Array,
    *,
    shape_strength: float,
    expression: Array | None = None,
    cover: int = 0,
    seed: int = 0,
    wear: float = 1.0,
    touch: Touch = _NOTHING,
    correction: Correction = _RIGHT,
    bands: Statistics | None = None,
) -> Sketch:
    """Render ``surrogate`` as `compose` does, only to be looked at by a recogniser.

    Args:
        scene: as for `compose`, and so is what follows ``points``.
        surrogate: to show.
        points: (5, 2) of the face, in the photo.
        bands: of people, if not as learned.
    """
    drawn = _draw(
        scene, surrogate, shape_strength=shape_strength, expression=expression, cover=cover,
        seed=seed, wear=wear, touch=touch, correction=correction, bands=bands,
    )  # fmt: skip
    picture = bend(scene.crop, drawn.field)
    over = drawn.cover()
    picture = picture * (1 - over[..., 3:]) + over[..., :3]
    local = (points - [scene.left, scene.top] + 0.5) * scene.scale - 0.5
    shift = (drawn.moved - scene.mesh)[:, :2]
    local = local + [shift[vertices].mean(0) for vertices in _AT_POINTS]
    shown = np.clip(np.round(picture), 0, 255).astype(np.uint8)
    return Sketch(shown, local.astype(np.float32), drawn.moved)


def landmarks(
    scene: Scene,
    surrogate: Surrogate,
    *,
    shape_strength: float,
    expression: Array | None = None,
    cover: int = 0,
    correction: Correction = _RIGHT,
) -> Array:
    """Return where a surrogate's landmarks (478, 3) lie in the crop; arguments as of `compose`."""
    moved = displaced(
        scene.mesh,
        scene.fit,
        scene.shapes.identity_change(scene.fit, surrogate.shape, male=surrogate.male),
        strength=shape_strength,
        expression=expression,
        correction=correction,
        male=surrogate.male,
        across=abs(across_gender(surrogate.male, scene.male)),
        excess=scene.shapes.excess(surrogate.male),
    )
    if scene.glasses is None or cover >= _OTHER_GLASSES:
        return moved
    return stiffened(scene.mesh, moved, scene.glasses)


_AT_POINTS = (mesh.LEFT_EYE, mesh.RIGHT_EYE, [4], [61], [291])
"""Vertices at the five points of a face."""


@dataclass(frozen=True, eq=False)
class _Drawn:
    """A surrogate at working scale: ``moved`` (478, 3) its landmarks, ``field`` that bends the
    crop, and inside ``window`` its ``rendered`` picture with ``alpha``; ``around`` (h, w, 4) is
    what else of the crop changes, premultiplied, with its alpha; ``None`` where nothing does."""

    moved: Array
    field: Array
    window: tuple[slice, slice]
    rendered: Array
    alpha: Array
    around: Array | None = None

    def cover(self) -> Array:
        """Return the picture and its alpha over the whole crop (h, w, 4), premultiplied."""
        full = np.zeros((*self.field.shape[:2], 4), np.float32)
        if self.around is not None:
            full[:] = self.around
            full[self.window] *= (1 - self.alpha)[..., None]
        inner = cv2.merge([self.rendered * thrice(self.alpha), self.alpha])
        full[self.window] += inner
        return full


def _draw(
    scene: Scene,
    surrogate: Surrogate,
    *,
    shape_strength: float,
    expression: Array | None,
    cover: int,
    seed: int,
    wear: float,
    touch: Touch,
    correction: Correction,
    bands: Statistics | None = None,
) -> _Drawn:
    across = across_gender(surrogate.male, scene.male)
    moved = landmarks(
        scene, surrogate, shape_strength=shape_strength, expression=expression, cover=cover,
        correction=correction,
    )  # fmt: skip
    field = bending_field(scene.mesh, moved, scene.crop.shape[:2])
    window = _window(moved, scene.crop.shape[:2])
    photo = bend(scene.crop, field, window)
    local = moved - [window[1].start, window[0].start, 0]
    aged = float(np.clip((wear - 1) / _WORN, 0, 1))
    light = shown_light(scene.light, across)
    lit = relight(light, surrogate, moved, tinted=cover < 2, wear=wear, aged=aged)
    lit = as_in_people(lit, surrogate, bands)
    male = brows_gender(surrogate.male, across)
    brows = own_brows(light.brow_depth, light.brow_hair, male=male, seed=seed)
    if brows.depth is not None:
        grey = float(np.clip(1 - _GREYING * (wear - 1), 0.35, 1))
        brows = brows._replace(depth=brows.depth * grey)
    lit = draw_brows(lit, brows, seed=seed)
    if scene.spots is not None:
        lit = draw_spots(lit, scene.spots, seed)
    if scene.beard is not None and not touch.shaved:
        lit = grow(lit, scene.beard, seed, grey=_WHITEN * aged)
    if touch.skin is not None:
        lit = toned(lit, touch.skin)
    uv, covered = mesh.rasterise(local, (photo.shape[0], photo.shape[1]))
    at, inside = uv * scene.size - 0.5, covered.astype(np.float32)
    rendered, alpha, weights = _render(scene, lit, at, inside)
    rendered = continue_rim(rendered, photo, weights[..., 3], alpha, unit=scene.face_size / _TEXELS)
    skin = scene.skin_colour
    bare = rendered.copy() if aged else None
    draw_eyes(rendered, photo, local, surrogate.iris, skin)
    if bare is not None:
        drawn = (rendered != bare).any(2, keepdims=True)
        dull = blur(bare, _DULL * scene.face_size)
        rendered += _DULLER * aged * drawn * (dull - rendered)
    part_lips(rendered, local)
    if mouth_gap(local) > MOUTH_OPEN > mouth_gap(scene.mesh):
        open_mouth(rendered, local, skin)
    shown = (alpha > 0.5).astype(np.float32)
    rendered = match_detail(
        rendered,
        photo,
        skin=weights[..., 0] * shown,
        features=weights[..., 1] * shown,
        shaven=weights[..., 2] * (scene.beard is None),
        enlarged=scene.scale,
        wear=wear,
        seed=seed,
    )
    kept = _kept_mouth(scene, local, inside.shape)
    if scene.glasses is not None and cover >= _OTHER_GLASSES:
        eyewear = other_eyewear(scene.texture, frames=scene.frames, lenses=scene.lenses, seed=seed)
        draw_eyewear(rendered, local, eyewear, enlarged=scene.scale)
    elif scene.glasses is not None:
        worn = cv2.remap(scene.glasses, at, None, cv2.INTER_LINEAR) * inside
        cast_shadow(rendered, worn, float(np.linalg.norm(local[263, :2] - local[33, :2])))
        kept = np.maximum(kept, worn)
    if scene.toning is not None:
        rendered = tone(rendered, scene.toning)
    alpha = alpha * (1 - kept)
    if touch.eyes or touch.mouth:
        alpha = alpha * (1 - kept_parts(touch, local, alpha.shape))
    around = _around(scene, touch.skin, field, window, alpha) if touch.skin is not None else None
    if touch.brush is not None:
        brush = touch.at(scene.crop.shape[:2])
        border = blur(cv2.erode(inside, np.ones((3, 3))), 0.8)
        alpha = np.where(brush[window] > 0, np.maximum(alpha, brush[window] * border), alpha)
        alpha = alpha * (1 - np.clip(-brush[window], 0, 1))
        field = untouched(field, brush)
        around = None if around is None else around * np.clip(1 + brush[..., None], 0, 1)
    return _Drawn(moved, field, window, np.clip(rendered, 0, 255), alpha, around)


def _around(
    scene: Scene, gain: Array, field: Array, window: tuple[slice, slice], alpha: Array
) -> Array:
    """Return the skin around the face in its new tone (h, w, 4), premultiplied, with its alpha."""
    bent = bend(scene.crop, field)
    face = np.zeros(bent.shape[:2], np.float32)
    face[window] = alpha
    skin = skin_around(bent, scene.skin_colour, face)[..., None]
    return np.dstack([toned(bent, gain) * skin, skin])


def _window(moved: Array, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return the rows and columns that the mesh covers: nothing else is rendered."""
    low = np.clip(np.floor(moved[: mesh.VERTICES, :2].min(0)) - 4, 0, None).astype(int)
    high = np.ceil(moved[: mesh.VERTICES, :2].max(0)).astype(int) + 5
    right, bottom = np.minimum(np.maximum(high, low + 8), shape[1::-1]).tolist()
    left, top = np.minimum(low, [right - 1, bottom - 1]).tolist()
    return slice(top, bottom), slice(left, right)


def _render(scene: Scene, lit: Array, at: Array, inside: Array) -> tuple[Array, Array, Array]:
    """Return the surrogate in the picture (h, w, 3), its coverage (h, w), and weights (h, w, 4).

    These are skin, features, where beards grow, and skin beside the middle of the face. ``at``
    (h, w, 2) is the texel of each pixel ``inside`` (h, w) the mesh.
    """
    maps = regions(scene.size)
    blend = maps.blend * np.clip(1.2 * scene.seen, 0, 1) * (1 - scene.hair)
    packed = np.dstack([
        blend, scene.skin, maps.features * scene.seen, maps.stubble, scene.skin * (1 - maps.centre)
    ]).astype(np.float32)  # fmt: skip
    rendered = cv2.remap(lit, at, None, cv2.INTER_CUBIC)
    weights = cv2.remap(packed, at, None, cv2.INTER_LINEAR) * inside[..., None]
    border = blur(cv2.erode(inside, np.ones((9, 9))), 3)
    return rendered, weights[..., 0] * border, weights[..., 1:]


def _kept_mouth(scene: Scene, moved: Array, shape: tuple[int, ...]) -> Array:
    """Return 0…1 (h, w): the inside of an open mouth, which stays the photo's own."""
    if mouth_gap(scene.mesh) <= MOUTH_OPEN:
        return np.zeros(shape, np.float32)
    return inside_mouth(moved, shape)


def _at_photo_scale(scene: Scene, drawn: _Drawn) -> SurrogateLayer:
    """Return the rendered window as a layer of what changes, in photo pixels."""
    cover, field = drawn.cover(), drawn.field
    if scene.scale != 1:
        size = scene.shape[::-1]
        flags = cv2.INTER_AREA if scene.scale > 1 else cv2.INTER_LINEAR
        field = cv2.resize(field, size, interpolation=flags) / scene.scale
        cover = cv2.resize(cover, size, interpolation=flags)
    cover = cv2.copyTo(cover, np.asarray(cover[..., 3] > 1 / 512, np.uint8))
    colour, alpha = cv2.cvtColor(cover, cv2.COLOR_RGBA2RGB), cv2.extractChannel(cover, 3)
    return SurrogateLayer(scene.left, scene.top, field, colour, alpha).cropped()
