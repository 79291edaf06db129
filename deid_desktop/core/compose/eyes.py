"""Eyes: draws sclera, iris, pupil and catchlight where the photo's eyes look.

The gaze, the lid opening, the light on the sclera and the place of the catchlight are the photo's;
the colour of the iris is the surrogate's. The real iris would give the subject away.
"""

from __future__ import annotations

import cv2
import numpy as np

from deid_desktop.core import mesh
from deid_desktop.core.geometry import LUMA
from deid_desktop.core.types import Array

_CLOSED = 0.04
"""Mean distance of the lids, in widths of the eye, below which it counts as shut: a lid is drawn
over it. Shut eyes come to .0 to .03, those that are screwed up to .045 and more (562 in photos)."""
_IRIS = (0.17, 0.235)
"""Plausible radii of an iris, as shares of the eye's width."""
_IRIS_LIGHT = 1.5
"""The donors' irises were measured with pupil, rim and the lid's shadow, all drawn on top here."""
_PLAIN = np.array([1.25, 0.95, 0.75], np.float32)
"""The colour of skin of lightness 1 that the donors' irises were measured beside."""
_PLAIN_SHARE = 0.7
"""How far it stands in for the photo's: beside pink skin brown eyes were purple."""
_PUPIL, _BLACK = 0.32, 22.0
"""Radius of a pupil, of the iris, and how light it is: the room is mirrored in it."""
_SPOT = 0.17
"""Radius of a catchlight, of the iris."""
_BRIGHT = 92
"""Percentile of the white of the photo's eye that the surrogate's is as light as: the rest lies in
the shadow of lids and lashes, which is drawn."""
_SHADED, _SHADOW = 0.76, 0.36
"""How light it is under the upper lid, and how far down its shadow reaches, of the opening."""
_WHITE = 0.85
"""Share of the colour of the photo's white that the surrogate's has; the rest is grey."""
_PINK, _CORNER = np.array([0.93, 0.77, 0.74], np.float32), 0.36
"""Colour of the inner corner, of the skin's, and how far out it is seen, of the eye's width. Means
of 171 portraits: without it, eyes were cold beside the nose."""
_LASHES = (0.68, 0.15)
"""How dark the lashes are at the upper and at the lower lid."""
_ROOTS = 0.022
"""How far above the lid's edge the upper ones are densest, of the eye's width."""


def draw_eyes(rendered: Array, photo: Array, vertices: Array, iris: Array, skin: Array) -> None:
    """Draw both eyes into ``rendered`` (h, w, 3) in place.

    Args:
        rendered: the surrogate in the picture, 0…255.
        photo: the crop of the photo, 0…255, for the sclera's light and the catchlight.
        vertices: (478, 3) the surrogate's landmarks in the crop.
        iris: (3,) RGB, relative to the skin.
        skin: (3,) RGB of the photo's skin, 0…255.
    """
    level = float(skin @ LUMA)
    colour = np.clip(
        _IRIS_LIGHT * iris * (_PLAIN * level + (1 - _PLAIN_SHARE) * (skin - _PLAIN * level)),
        16,
        150,
    )
    for contour, ring, folds in (
        (mesh.LEFT_EYE, mesh.LEFT_IRIS, _LEFT_FOLD),
        (mesh.RIGHT_EYE, mesh.RIGHT_IRIS, _RIGHT_FOLD),
    ):
        if _is_shut(vertices, contour):
            _draw_lid(rendered, vertices[contour, :2], vertices[folds, :2])
            continue
        _draw_eye(rendered, photo, vertices[contour, :2], vertices[ring, :2], colour, skin)


_LEFT_FOLD, _RIGHT_FOLD = [56, 28, 27, 29, 30], [286, 258, 257, 259, 260]


def _opening(lids: Array) -> float:
    return float(np.ptp((lids - lids[0]) @ _across(lids)))


def _across(lids: Array) -> Array:
    """Return the unit vector (2,) at right angles to the line between an eye's corners."""
    axis = (lids[8] - lids[0]) / max(float(np.linalg.norm(lids[0] - lids[8])), 1e-6)
    return np.array([-axis[1], axis[0]])


def _is_shut(vertices: Array, contour: list[int]) -> bool:
    apart = float(mesh.lids_apart(vertices, contour)[0].mean())
    return abs(apart) < _CLOSED * mesh.eye_axis(vertices, contour)[1]


def _draw_lid(rendered: Array, lids: Array, fold: Array) -> None:
    """Draw a shut lid: skin where the texture's open eye is squeezed, and the lashes below."""
    width = float(np.linalg.norm(lids[0] - lids[8]))
    if width < 5:
        return
    limit = rendered.shape[1::-1]
    margin = 0.35 * width
    low = np.clip(np.floor(lids.min(0) - margin), 0, limit).astype(int)
    high = np.clip(np.ceil(lids.max(0) + margin), 0, limit).astype(int)
    if (high - low < 6).any():
        return
    window = (slice(low[1], high[1]), slice(low[0], high[0]))
    lids, fold = lids - low, fold - low
    shape = (high - low)[::-1]
    middle = 0.5 * (fold + _on_lid(lids, fold))
    squeezed = _aperture(np.r_[lids, lids[:1]], shape, 0.05 * width)
    above = _aperture(np.r_[middle, lids[:9]], shape, 0.05 * width)
    hidden = np.clip(1.3 * np.maximum(squeezed, above), 0, 1)
    own = rendered[window]
    level = cv2.GaussianBlur(own, (0, 0), 0.12 * width)
    bright = np.clip((own - level).mean(2) / 12 + 0.6, 0.02, 1) * (1 - hidden) + 0.02
    soft = cv2.GaussianBlur(own * bright[..., None], (0, 0), 0.14 * width)
    lid = soft / cv2.GaussianBlur(bright, (0, 0), 0.14 * width)[..., None]
    target = own + hidden[..., None] * (0.96 * lid - own)
    edge = np.r_[lids[:1], 0.5 * (lids[1:8] + lids[:8:-1]), lids[8:9]]
    lash = _lash_line(edge, tuple(shape), 1.25 * width)[..., None]
    rendered[window] = target * (1 - 1.25 * lash)


def _on_lid(lids: Array, points: Array) -> Array:
    """Return the points of the upper lid below ``points``."""
    upper = lids[:9][np.argsort(lids[:9, 0])]
    return np.stack([points[:, 0], np.interp(points[:, 0], upper[:, 0], upper[:, 1])], 1)


def _draw_eye(
    rendered: Array, photo: Array, lids: Array, ring: Array, colour: Array, skin: Array
) -> None:
    width = float(np.linalg.norm(lids[0] - lids[8]))
    opening = _opening(lids)
    if width < 5:
        return
    height_px, width_px = rendered.shape[:2]
    low = np.maximum(np.floor(lids.min(0)).astype(int) - 10, 0)
    high = np.minimum(np.ceil(lids.max(0)).astype(int) + 10, [width_px, height_px])
    if (high - low < 6).any():
        return
    window = (slice(low[1], high[1]), slice(low[0], high[0]))
    lids, ring = lids - low, ring - low
    aperture = _aperture(lids, (high - low)[::-1], max(0.6, 0.02 * width))
    inside = aperture > 0.6
    if inside.sum() < 12:
        return
    centre = ring[0]
    radius = float(np.linalg.norm(ring[1:] - centre, axis=1).mean())
    radius = float(np.clip(radius, _IRIS[0] * width, _IRIS[1] * width))
    y, x = np.mgrid[0 : aperture.shape[0], 0 : aperture.shape[1]].astype(np.float32)
    distance = np.hypot(x - centre[0], y - centre[1]) / radius
    own = photo[window]
    shade = _lid_shadow(lids, x, y, opening)
    eye = _sclera(own, inside, distance, lids, x, width)
    corner = np.clip(1 - np.hypot(x - lids[8, 0], y - lids[8, 1]) / (_CORNER * width), 0, 1)
    pink = np.clip(1.6 * corner, 0, 1)[..., None]
    eye = (eye + pink * (_PINK * skin - eye)) * shade[..., None]
    edge = np.clip((1.04 - distance) * radius / max(1.0, 0.16 * radius), 0, 1)[..., None]
    eye = (
        eye * (1 - edge)
        + _iris(colour, distance, x, y, centre) * (0.5 + 0.5 * shade[..., None]) * edge
    )
    eye += _catchlight(own, inside, distance, centre, radius, x, y)[..., None] * (
        np.minimum(250 - eye, 235)
    )
    alpha = 0.94 * aperture[..., None]
    target = rendered[window] * (1 - alpha) + np.clip(eye, 0, 255) * alpha
    lash = _lash_line(lids, aperture.shape, width)[..., None]
    rendered[window] = target * (1 - lash) + 0.25 * target * lash


def _aperture(lids: Array, shape: Array, soft: float) -> Array:
    """Return 0…1 (h, w) inside the lids."""
    fine = 4
    mask = np.zeros((int(shape[0]) * fine, int(shape[1]) * fine), np.uint8)
    cv2.fillPoly(mask, [np.round((lids + 0.5) * fine).astype(np.int32)], 255)
    small = cv2.resize(mask, (int(shape[1]), int(shape[0])), interpolation=cv2.INTER_AREA)
    return cv2.GaussianBlur(small.astype(np.float32) / 255, (0, 0), soft)


def _lid_shadow(lids: Array, x: Array, y: Array, opening: float) -> Array:
    """Return the shadow of the upper lid, ``_SHADED``…1."""
    upper = lids[:9][np.argsort(lids[:9, 0])]
    edge = np.interp(x[0], upper[:, 0], upper[:, 1])
    depth = np.clip((y - edge[None]) / max(_SHADOW * opening, 1.0), 0, 1)
    return _SHADED + (1 - _SHADED) * depth


def _sclera(
    own: Array, inside: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], distance: Array,
    lids: Array, x: Array, width: float,
) -> Array:  # fmt: skip
    white = inside & (distance > 1.15)
    level = (
        np.percentile(own[white], _BRIGHT, axis=0)
        if white.sum() > 8
        else np.percentile(own[inside], 92, axis=0)
    )
    level = np.minimum(_WHITE * level + (1 - _WHITE) * level.mean(), 228)
    aside = np.abs(x - lids[:, 0].mean()) / (0.5 * width)
    return level * np.clip(1 - 0.28 * aside**2, 0.5, 1)[..., None]


def _iris(colour: Array, distance: Array, x: Array, y: Array, centre: Array) -> Array:
    angle = np.arctan2(y - centre[1], x - centre[0])
    fibres = 1 + 0.07 * np.sin(23 * angle) * np.clip(distance - 0.4, 0, 0.4) / 0.4
    ring = 1.1 - 0.32 * np.abs(distance - 0.62) / 0.6
    limbus = 1 - 0.55 * np.clip((distance - 0.80) / 0.2, 0, 1)
    pupil = np.clip((_PUPIL - distance) / 0.10, 0, 1)[..., None]
    shaded: Array = colour * (fibres * ring * limbus)[..., None]
    return shaded * (1 - pupil) + _BLACK * pupil


def _catchlight(
    own: Array, inside: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], distance: Array,
    centre: Array, radius: float, x: Array, y: Array,
) -> Array:  # fmt: skip
    """Return 0…1: a highlight where the photo's iris is brightest, else up and to the left."""
    grey = cv2.GaussianBlur(own.mean(2), (0, 0), max(0.6, 0.08 * radius))
    disc = inside & (distance < 0.8)
    place, strength = (centre[0] - 0.28 * radius, centre[1] - 0.33 * radius), 0.55
    if disc.sum() > 6:
        brightest = np.unravel_index(np.where(disc, grey, 0).argmax(), grey.shape)
        excess = float(grey[brightest] - np.median(grey[disc]))
        if excess > 20:
            place = (float(brightest[1]), float(brightest[0]))
            strength = min(0.95, excess / 90 + 0.35)
    spot = max(0.8, _SPOT * radius)
    spread = ((x - place[0]) ** 2 + (y - place[1]) ** 2) / spot**2
    return strength * np.exp(-0.7 * spread**2)  # with an edge: a mirrored lamp, no glow


def _lash_line(lids: Array, shape: tuple[int, ...], width: float) -> Array:
    """Return 0…1 (h, w): the lashes' roots, strong above, towards the temple most, weak below."""
    line = np.zeros(shape, np.float32)
    lower = np.r_[lids[8:], lids[:1]]
    across = _across(lids)
    upper = lids[:9] - _ROOTS * width * across * (np.sign(across[1]) or 1.0)
    for edge, dark, thick in ((upper, _LASHES[0], 0.06), (lower, _LASHES[1], 0.03)):
        drawn = np.zeros(shape, np.uint8)
        points = np.round((edge + 0.5) * 16).astype(np.int32)
        cv2.polylines(drawn, [points], False, 255, max(1, round(thick * width)), cv2.LINE_AA, 4)
        line = np.maximum(line, dark / 255 * drawn)
    along = (np.arange(shape[1]) - lids[8, 0]) / (lids[0, 0] - lids[8, 0] + 1e-6)
    outward = 0.55 + 0.45 * np.clip(1.6 * along, 0, 1)
    return cv2.GaussianBlur(line * outward, (0, 0), max(0.6, 0.014 * width)).astype(np.float32)
