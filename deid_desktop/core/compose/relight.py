"""Light: gives the surrogate's texture the tone, light and colouring of the photo's skin."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from deid_desktop.core.compose.brows import USUAL_HAIR
from deid_desktop.core.compose.colour_rule import square
from deid_desktop.core.compose.exposure import BRIGHTEST, unclipped
from deid_desktop.core.compose.forms import mould, read_forms, soft_skin
from deid_desktop.core.compose.hues import AROUND, hue_of, mean_colour
from deid_desktop.core.compose.lips import USUAL_LIPS, tint_lips
from deid_desktop.core.compose.patches import light_patches, read_patches
from deid_desktop.core.compose.shading import LIGHT, learned, read_shading, shade, traits
from deid_desktop.core.geometry import LUMA, around, blur, thrice, weighted_blur
from deid_desktop.core.regions import BELOW_NOSE, Regions, hull, regions
from deid_desktop.core.types import Array, Pixels, Surrogate

_RIM, _RIM_SEEN = 6.5, 0.05
"""Texels of 512 over which the step at the mask's edge is averaged, and weight of that edge from
which all of it is made up for: averaged over 12 more of it stays."""
_HUES = 14.0
"""Texels of 512 over which a surrogate's skin is averaged for its hues."""
_SHADES = 6.0
"""Texels of 512 over which the photo's is, to tell how its hues change with shade."""
_SURE = 0.01
"""Variance of shade that a photo must show before it tells more than `_REDDISH`."""
_EVEN = 0.75
"""How far the surrogate's finer hues give way to those: stubble and shadows are no grey."""
_FEATHER = 20.0
"""Texels of 512 over which the mask fades."""
_PORES = 4.0
"""Texels of 512 below which structure is skin, not form."""
_UPPER_LIP = [98, 2, 327, 423, 426, 436, 410, 270, 0, 40, 186, 216, 206, 203]
_REDDISH = np.array([0.86, 1.0, 1.06], np.float32)
"""Exponents of the channels where skin is in the shadow of lids."""
_SHAVEN = 0.5
"""How much of the form of the skin above the lips gives way to an even tone."""
_GREY_LEVEL = 120.0
_GREY = 2.5
"""Residual, in 8-bit CIELAB units, below which a photo's colours are one function of lightness."""
_ENOUGH = 0.35
"""Share of the brows that must be seen beside frames to tell how dark they are."""
_PALEST = 0.32
"""Least darkness of dense brows: paler they are a smear."""
_DENSEST = 85
"""Percentile of darkness from which brows are dense."""
_SHINE = 0.3
"""How much brighter than its surroundings skin may be."""


@dataclass(frozen=True, eq=False)
class Light:
    """What of a photo's face every surrogate takes over, in texture space (s, s).

    ``texture`` (s, s, 3) the photo's own, above 255 where it is overexposed, ``seen`` how well the
    photo shows it, ``skin`` 0…1 its visible bare skin, ``low`` (s, s, 3) the light on that;
    ``brow_depth`` 0…1 how much darker than skin its brows are on average, ``None`` where frames
    hide that; ``brow_hair`` (3,) how much where they are dense;
    ``lip_colour`` and ``upper_lip`` (3,) those of the lips and of the skin above them, relative to
    the skin around and to the light. ``forms`` (s / 2, s / 2, 2): the contrast of its forms.
    ``hue`` (s, s, 3) the colours of the skin in that light, all of lightness 1, ``redder`` (3,) how
    they change with the logarithm of lightness; ``patches`` of `read_patches`, ``shading`` (9,) of
    `read_shading`.
    """

    texture: Array
    seen: Array
    skin: Array
    low: Array
    brow_depth: float | None
    brow_hair: Array
    lip_colour: Array
    upper_lip: Array
    forms: Array
    hue: Array
    redder: Array
    patches: Array
    shading: Array


def read_light(
    texture: Array,
    seen: Array,
    skin: Array,
    *,
    vertices: Array,
    hair: Array,
    frames: Array | None,
) -> Light:
    """Read the light of a face.

    Args:
        texture: (s, s, 3) of the photo, 0…255.
        seen: (s, s) 0…1, how well the photo shows each texel.
        skin: (s, s) 0…1, visible bare skin.
        vertices: (≥ 468, 3) landmarks of the face.
        hair: (s, s) 0…1, what hangs into the face, and is not to be taken for brows.
        frames: (s, s) 0…1, where glasses hide the skin; ``None`` if none are worn.
    """
    maps = regions(len(texture))
    unit = len(texture) / 512
    texture = unclipped(texture, skin)
    low = skin_light(texture, skin, LIGHT * unit)
    clear = np.clip(1.5 * seen - 0.3, 0, 1)[..., None]
    beside, _ = weighted_blur(texture, skin + 1e-4 * maps.skin, AROUND * unit)
    share = texture / np.maximum(beside, 8)
    hue, redder = _read_hue(texture, low, skin)
    brows = maps.brows * clear[..., 0] * (1 - cv2.dilate(hair, square(15, len(texture))))
    return Light(
        texture=texture,
        seen=clear,
        skin=skin,
        low=low,
        brow_depth=_brow_depth(1 - share, brows, frames),
        brow_hair=_brow_hair(1 - share, brows, frames),
        lip_colour=mean_colour(share, maps.lips[..., None] * clear),
        upper_lip=mean_colour(
            texture / np.maximum(low, 8), _above_lips(len(texture))[..., None] * clear
        ),
        forms=read_forms(texture, low, bare(skin, frames)),
        patches=read_patches(texture, low, skin),
        shading=read_shading(texture, bare(skin, frames), vertices),
        hue=hue,
        redder=redder,
    )


def bare(skin: Array, frames: Array | None) -> Array:
    """Return ``skin`` (s, s) away from glasses, whose rims and glints are no skin."""
    if frames is None:
        return skin
    near: Array = cv2.dilate(frames, square(41, len(skin)))
    return skin * (1 - near)


def _brow_depth(darker: Array, brows: Array, frames: Array | None) -> float | None:
    """Return how much darker brows are, ``None`` where frames leave too little of them."""
    bare = brows
    if frames is not None:
        side = round(0.03 * len(brows)) | 1
        bare = brows * (1 - cv2.dilate(frames, np.ones((side, side), np.uint8)))
    if bare.sum() < _ENOUGH * regions(len(brows)).brows.sum():
        return None
    return float(mean_colour(darker, bare[..., None]) @ LUMA)


def _brow_hair(darker: Array, brows: Array, frames: Array | None) -> Array:
    """Return how much darker than skin brows are where they are dense (3,); glass hides that."""
    inside = darker[brows > 0.6]
    if len(inside) < 20 or frames is not None:
        return USUAL_HAIR
    level = inside @ LUMA
    hair = inside[level >= np.percentile(level, _DENSEST)].mean(0)
    return np.clip(hair * max(1.0, _PALEST / max(float(hair @ LUMA), 1e-3)), 0, 1)


def relight(
    light: Light,
    surrogate: Surrogate,
    vertices: Array,
    *,
    tinted: bool,
    wear: float = 1.0,
    aged: float = 0.0,
    lack: Array | None = None,
) -> Array:
    """Return the texture (s, s, 3) of a surrogate in the photo's light, 0…255.

    Args:
        light: of the face.
        surrogate: to light.
        vertices: (≥ 468, 3) its landmarks in the picture.
        tinted: whether lips take their colour from the photo's; else only half of it.
        wear: how much deeper than in the photo the forms of the skin are to be.
        aged: 0…1, how much older it is than the photo's: lips grow paler.
        lack: (`traits`, ``shading.SIZE``, ``shading.SIZE``) what mixes lack, if not as learned.
    """
    texture = surrogate.texture
    like = traits(surrogate)[:, None, None]
    lacking = (like * (learned().lack if lack is None else lack)).sum(0)
    maps = regions(len(texture))
    unit = len(texture) / 512
    flat = _calm(np.maximum(texture, 0.03)) * _GREY_LEVEL
    flat = flat * thrice(shade(light.shading, vertices, lacking, len(texture)))
    own, _ = weighted_blur(flat, maps.skin, LIGHT * unit)
    flat = flat + thrice(mould(flat, own, light.forms, wear=wear)) * own
    gain = np.clip((light.low + 4) / (own + 4), 0.04, 6)
    lit: Array = np.clip((flat + 4) * gain - 4, 0, BRIGHTEST)
    lit = _coloured(light, lit, maps, unit)
    lit = _shave(light, lit, maps, unit)
    light_patches(lit, light.low, light.patches)
    lips = light.lip_colour if tinted else (light.lip_colour + USUAL_LIPS) / 2
    lit = tint_lips(lit, lips, light.seen, maps, unit, aged)
    return np.clip(lit, 0, 255).astype(np.float32)


@cache
def _above_lips(size: int) -> Array:
    """Return 0…1 (s, s): the skin between nose and upper lip."""
    maps = regions(512)
    nose = blur(hull(BELOW_NOSE, 13), 3)
    soft = blur(hull(_UPPER_LIP), 8) * (1 - np.clip(2 * maps.lips, 0, 1)) * (1 - nose) * maps.core
    return cv2.resize(soft, (size, size), interpolation=cv2.INTER_AREA)


def _shave(light: Light, lit: Array, maps: Regions, unit: float) -> Array:
    """Make the skin above the lips as dark as the photo's: the shadow of beards is not shared.

    Its form, which a mix of shaved and unshaved men smears to a grey smudge, goes.
    """
    window = _lip(len(lit))
    part, zone = lit[window], _above_lips(len(lit))[window]
    wanted = light.low[window] * np.clip(light.upper_lip, 0.85, 1.08)
    near, _ = weighted_blur(part, zone + 1e-3, _PORES * unit)
    level, _ = weighted_blur(part, zone + 1e-3, AROUND * unit)
    near = level + _SHAVEN * (near - level)
    shaven = lit.copy()
    shaven[window] = np.clip(part + thrice(zone) * (wanted - near), 0, BRIGHTEST)
    return shaven


@cache
def _lip(size: int) -> tuple[slice, slice]:
    return around(_above_lips(size), size // 16)


def _calm(texture: Array) -> Array:
    """Bend highlights down to what bare skin shows, so that no crease shines in hard light."""
    return np.where(texture > 1, 1 + _SHINE * np.tanh((texture - 1) / _SHINE), texture)


def skin_light(texture: Array, skin: Array, sigma: float) -> Array:
    """Return the low-pass of a texture (s, s, 3) over bare ``skin`` (s, s), and beyond it."""
    near, weight = weighted_blur(texture, skin, sigma)
    far, _ = weighted_blur(texture, skin, 2.5 * sigma)
    share = thrice(np.clip(weight / 0.15, 0, 1))
    return near * share + far * (1 - share)  # far reaches where no skin is seen


def continue_rim(rendered: Array, photo: Array, skin: Array, alpha: Array, *, unit: float) -> Array:
    """Return ``rendered`` (h, w, 3) with the photo's tone along the mask's edge, without a step.

    Its low-pass difference from the bent photo is added there, where both lie in the picture: in
    texture space a mesh that bends more finely than the picture does would be off.

    Args:
        rendered: the surrogate, 0…255.
        photo: the bent photo, 0…255.
        skin: (h, w) 0…1, the photo's bare skin away from the middle of the face.
        alpha: (h, w) 0…1, the mask.
        unit: pixels for a texel of 512.
    """
    across, down = (cv2.Sobel(alpha, cv2.CV_32F, *d, scale=1 / 8) for d in ((1, 0), (0, 1)))
    # Where something is half in front of a face the mask is soft, too, but it has no edge there.
    # (cv2.magnitude would round by where in memory its arrays begin.)
    steep = np.clip(_FEATHER * unit * np.hypot(across, down), 0, 1)
    edge = 4 * skin * alpha * (1 - alpha) * steep**2
    step, weight = weighted_blur(photo - rendered, edge, _RIM * unit)
    share = thrice(np.clip(weight / _RIM_SEEN, 0, 1))
    return np.clip(rendered + share * np.clip(step, -45, 45), 0, 255)


def _read_hue(texture: Array, low: Array, skin: Array) -> tuple[Array, Array]:
    """Return the colours of skin in the light ``low`` (s, s, 3), and how they change with shade.

    Shadows on skin are redder than what lies in the light, and how much so depends on the light: a
    hue that is taken from its place alone glows where a surrogate's shadow ends elsewhere.
    """
    small = (len(skin) // 2, len(skin) // 2)
    part, light, weight = (
        cv2.resize(p, small, interpolation=cv2.INTER_AREA) for p in (texture, low, skin)
    )
    near, _ = weighted_blur(part, weight + 1e-4, _SHADES * small[0] / 512)
    near, light = np.maximum(near, 0), np.maximum(light, 0)
    shade = np.log((near @ LUMA + 1) / (light @ LUMA + 1))
    hue = np.log(hue_of(near))
    bare = weight > 0.6
    x = shade[bare] - (shade[bare].mean() if bare.any() else 0)
    prior = _SURE * max(len(x), 1)
    redder = (x @ hue[bare] + prior * (_REDDISH - 1)) / (x @ x + prior)
    level = np.exp(hue - shade[..., None] * redder).astype(np.float32)
    level = hue_of(255 * skin_light(level, weight, LIGHT * small[0] / 512))
    large = cv2.resize(level, (len(skin), len(skin)), interpolation=cv2.INTER_LINEAR)
    return large, redder.astype(np.float32)


def _coloured(light: Light, lit: Array, maps: Regions, unit: float) -> Array:
    """Give the skin the photo's hues, and most of what is finer too: a mix's own are blotches."""
    own, _ = weighted_blur(lit, maps.skin + 1e-4, _HUES * unit)
    gain = np.clip(_in_shade(light, own) / hue_of(own), 0.7, 1.4)
    share = _EVEN * thrice(lit @ LUMA) * _in_shade(light, lit) + (1 - _EVEN) * lit * gain
    # Eyes are drawn later: what is theirs here are lids, and a mix's are blue.
    return lit + thrice(np.maximum(soft_skin(len(lit)), maps.eyes)) * (share - lit)


def _in_shade(light: Light, lit: Array) -> Array:
    """Return the hue that skin has in the photo where it is as light as ``lit`` (s, s, 3)."""
    shade = np.log(np.clip((lit @ LUMA + 1) / (np.maximum(light.low, 0) @ LUMA + 1), 0.3, 1.6))
    return light.hue * (1 + cv2.transform(shade, light.redder[:, None]))


def toning(pixels: Pixels) -> Array | None:
    """Return how a grey or toned photo derives colour from lightness, or ``None``.

    The channels a* and b* are fitted as quadratics of lightness over a small copy of the photo;
    if little is left over, the photo has no colours of its own.
    """
    step = max(1, int(np.sqrt(pixels.shape[0] * pixels.shape[1] / 40_000)))
    small = np.ascontiguousarray(pixels[::step, ::step])
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float32).reshape(-1, 3)
    terms = lightness_terms(lab[:, 0])
    exact = terms.astype(np.float64)
    ridge = 1e-12 * len(terms) * np.eye(3)  # for photos of a single lightness
    fitted = np.linalg.solve(exact.T @ exact + ridge, exact.T @ lab[:, 1:])
    rest = float((lab[:, 1:] - terms @ fitted.astype(np.float32)).std())
    return fitted.astype(np.float32) if rest < _GREY else None


def lightness_terms(lightness: NDArray[np.floating]) -> Array:
    """Return 1, L, L² for 8-bit lightness (…,), as (…, 3)."""
    x = lightness.astype(np.float32) / 255
    return np.stack([np.ones_like(x), x, x * x], -1)


def tone(picture: Array, toning: Array) -> Array:
    """Return ``picture`` (h, w, 3), 0…255, with the colours of a grey or toned photo.

    Args:
        picture: rendered face.
        toning: (3, 2) from `toning`.
    """
    exact = np.abs(toning - np.array([[128, 128], [0, 0], [0, 0]])).max() < 0.5
    if exact:  # a purely grey photo stays purely grey, without rounding through CIELAB
        grey = cv2.cvtColor(np.clip(picture, 0, 255).astype(np.float32), cv2.COLOR_RGB2GRAY)
        return np.repeat(grey[..., None], 3, axis=2)
    lab = cv2.cvtColor(np.clip(picture, 0, 255).astype(np.uint8), cv2.COLOR_RGB2LAB)
    lab = lab.astype(np.float32)
    lab[..., 1:] = lightness_terms(lab[..., 0]) @ toning
    rounded = np.clip(np.round(lab), 0, 255).astype(np.uint8)
    return cv2.cvtColor(rounded, cv2.COLOR_LAB2RGB).astype(np.float32)
