"""Brows: turns the soft bands that a mix of several people's brows is into brows of hair.

Where a surrogate's brow lies and how it runs is the mix's own; its edge is made as steep as hair
makes it, and single hairs are drawn that grow as brows do: up at the nose, along at the temple,
the upper ones down to meet the lower. How dark it is follows the photo, so that it goes with the
hair of the head.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from deid_desktop.core import mesh
from deid_desktop.core.geometry import LUMA, around, blur, weighted_blur
from deid_desktop.core.regions import regions
from deid_desktop.core.types import Array

_DARK = (0.2, 0.72)
"""Least and greatest depth of a brow below the skin, as a share of it."""
_ASHEN = 0.25
"""How much less colour hair has than skin as dark."""
_LEAST = 0.45
"""Of the surrogate's own depth: brows that are raised out of their place measure as none."""
_PALER = 0.88
"""Share of the photo's depth: the eye sees a clean edge as darker than a frayed one."""
_EDGE = (0.05, 1.05)
"""Shares of the mix's own greatest depth between which the brow sets in."""
_PEAK = 1.6
"""Exponent that gathers the hairs in the middle of a brow: mixing has spread them."""
_ROUGH = 0.55
"""How far single hairs move that edge."""
_VARIANTS = 4
_HAIRS = 900
_FINE = 1024
"""Texels a side at which hairs are drawn."""


def draw_brows(lit: Array, *, depth: Array | None, darkest: float = 1.0, seed: int) -> Array:
    """Return the lit texture (s, s, 3), 0…255, with brows of hair in place of soft bands.

    Args:
        lit: the surrogate's texture in the photo's light.
        depth: (3,) how much darker than skin the brows of the photo are, on average over
            ``regions.brows``; ``None`` keeps the surrogate's own.
        darkest: 0…1, how much darker brows may be anywhere: thick ones are not dense.
        seed: whose hairs they are.
    """
    size = len(lit)
    maps = regions(size)
    window = _window(size)
    part, zone = lit[window], maps.brows[window]
    unit = size / 512
    skin, _ = weighted_blur(part, maps.skin[window] + 1e-4, 13 * unit)
    darker = np.clip(1 - (part @ LUMA) / np.maximum(skin @ LUMA, 8), 0, 1)
    band = blur((darker * zone).astype(np.float32), 1.2 * unit)
    middle = round(float(mesh.UV[9, 0]) * size) - window[1].start
    share = band / np.maximum(_most(band, zone, middle), 0.05)
    hairs = _hairs(seed % _VARIANTS, size)[window]
    dense = _step(share + _ROUGH * (hairs - 0.5) * np.clip(3 * share, 0, 1), *_EDGE) ** _PEAK
    covered = dense * (0.75 + 0.6 * (hairs - 0.5)) * np.clip(2 * zone, 0, 1)
    own = (zone[..., None] * (1 - part / np.maximum(skin, 8))).sum((0, 1)) / zone.sum()
    depth = own if depth is None else np.maximum(depth, _LEAST * own)
    held = float((covered * zone).sum() / zone.sum())
    dense_depth = np.clip(_PALER * depth / max(held, 0.02), _DARK[0], _DARK[1])
    colour = skin * (1 - dense_depth * min(1.0, darkest / float(dense_depth @ LUMA)))
    colour = colour + _ASHEN * (colour.mean(2, keepdims=True) - colour)
    bare = 0.6 * np.clip(_step(share, 0.05, 0.35) * zone * 1.3, 0, 1)[..., None]
    cleared = part + bare * np.maximum(skin - part, 0)
    drawn = cleared + covered[..., None] * (colour - cleared)
    result = lit.copy()
    result[window] = drawn
    return result


def _most(darker: Array, zone: Array, middle: int) -> Array:
    """Return how dark each of both brows is at most, as (1, w), left and right of a column."""
    columns = np.arange(darker.shape[1]) < middle
    sides = []
    for side in (slice(None, middle), slice(middle, None)):
        inner = zone[:, side] > 0.5
        sides.append(np.percentile(darker[:, side][inner], 88))
    return np.where(columns, *sides)[None].astype(np.float32)


def _step(values: Array, start: float, stop: float) -> Array:
    x = np.clip((values - start) / (stop - start), 0, 1)
    smooth: Array = x * x * (3 - 2 * x)
    return smooth


@lru_cache(maxsize=4)
def _window(size: int) -> tuple[slice, slice]:
    return around(regions(size).brows, size // 32)


@lru_cache(maxsize=12)
def _hairs(variant: int, size: int) -> Array:
    """Return hairs (s, s), 0…1, about half where brows may be: bright where a hair lies."""
    return cv2.resize(_fine_hairs(variant), (size, size), interpolation=cv2.INTER_AREA)


@lru_cache(maxsize=_VARIANTS)
def _fine_hairs(variant: int) -> Array:
    rng = np.random.default_rng([variant, 11])
    canvas = np.full((_FINE, _FINE), 128, np.uint8)
    for chain in (mesh.LEFT_BROW, mesh.RIGHT_BROW):
        _grow(canvas, chain, rng)
    return cv2.GaussianBlur(canvas.astype(np.float32) / 255, (0, 0), 0.5)


def _grow(canvas: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], chain: list[int],
          rng: np.random.Generator) -> None:  # fmt: skip
    """Draw the hairs of one brow, from the nose outwards."""
    points = mesh.UV[chain] * _FINE
    nose = mesh.UV[9] * _FINE
    order = np.argsort(np.abs(points[:, 0] - nose[0]))
    inner, outer = points[order[:2]].mean(0), points[order[-2:]].mean(0)
    along = outer - inner
    length = float(np.linalg.norm(along))
    along = along / length
    up = np.array([along[1], -along[0]]) * np.sign(along[0])
    middle = points - inner
    bow = np.polyfit(middle @ along / length, middle @ up, 2)
    drawn = [
        (rng.uniform(-0.15, 1.12), rng.uniform(-1, 1), rng.normal(0, 9), rng.uniform(14, 28),
         rng.uniform(0, 1)) for _ in range(_HAIRS)
    ]  # fmt: skip
    t, across, turn, reach, bright = np.array(drawn).T[..., None]  # (hairs, 1) each
    root = (t * length)[..., None] * along + (np.polyval(bow, t) + across * 24)[..., None] * up
    lean = np.interp(t, [0, 0.3, 0.65, 1], [78, 48, 18, 4]) - 16 * np.clip(across, 0, 1) * t
    steps = np.linspace(0, 1, 5)
    turned = np.radians(lean + turn) * (1 - 0.35 * steps)
    reach = reach * (1 - 0.25 * np.clip(t, 0, 1)) * steps
    hairs = (
        inner + root + np.stack([reach * np.cos(turned), reach * np.sin(turned)], -1) @ [along, up]
    )
    levels = 255 * bright * np.clip(0.5 + 3 * t, 0.4, 1)
    fixed = np.round(hairs * 16).astype(np.int32)
    for hair, level in zip(fixed, levels[:, 0].astype(int).tolist(), strict=True):
        cv2.polylines(canvas, [hair], False, level, 1, cv2.LINE_AA, 4)
