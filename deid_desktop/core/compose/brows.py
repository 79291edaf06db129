"""Brows: turns the soft bands that a mix of several people's brows is into brows of hair.

Where a surrogate's brow lies and how it runs is the mix's own. The band is taken away and a brow of
one form drawn along its middle: dense near the nose, thin towards the temple, frayed by single
hairs that grow as brows do: up at the nose, along at the temple, the upper ones down to meet the
lower. How dark it is follows the photo a little, so that it goes with the hair of the head; the
rest is drawn (`own_brows`). How narrow it is follows from that: a band as pale as a brow's mean is
a smear.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from deid_desktop.core import mesh
from deid_desktop.core.geometry import LUMA, around, blur, weighted_blur
from deid_desktop.core.regions import regions
from deid_desktop.core.types import Array

_OWN = 0.9
"""Share of how dark a surrogate's brows are that is its own; the rest is the photo's. With all of
it the photo's, who somebody is was told by their brows alone (dlib's AUC .025 higher)."""
_WOMEN, _MEN, _FAINTEST = 0.095, 0.145, 0.05
"""How much darker than skin people's brows are, on average over ``regions.brows`` (118 portraits):
means, and the least that is drawn."""
_THICKER = 0.25
"""Deviation of that, as a share, between brows of the same hair."""
_DARK = (0.8, 0.85, 0.32)
"""How dark their hair is, of the usual: mean of women and men, deviation (171 portraits)."""
_DARKEST = (0.6, 1.2)
"""Least and most of it: there are paler ones, but on a surrogate they look forgotten."""
_HIGHER, _LIFTED = 0.3, 0.3
"""Deviations of how high a brow lies, and how much higher its end is, in half widths."""
_ARCHED = 0.7
"""How much higher the ends of women's brows are than where a mix has them, in half widths."""
USUAL_HAIR = np.array([0.45, 0.52, 0.57], np.float32)
"""How much darker than skin the dense part of brows is, where the photo does not tell."""
_LEAST = 0.45
"""Of the surrogate's own depth: brows that are raised out of their place measure as none."""
_PALEST = 0.4
"""Least depth of dense hair, of the photo's: where the form leaves more room than hair fills."""
_CORE = 0.45
"""Share of the mix's own greatest depth from which it says where the brow runs."""
_NARROWER = (0.62, 2.3)
"""How wide a brow may be, of the mix's: that is spread, the photo's ink and depth say how far."""
_LOWER = 0.42
"""How far below the mix's middle a brow lies, in half widths: wider than the mix's and frayed
above, it would look raised."""
_ROUNDS = 3
"""In which that width is found."""
_INK, _STEEP = 0.85, 1.02
"""Mean and greatest depth to reach, of the photo's: rendering softens both."""
_DENSE = 0.97
"""How much of the skin hair covers where it is dense."""
_PLACES = np.linspace(-0.1, 1.2, 14)
"""Along a brow, from the nose to the temple."""
_WIDTHS = [0.8, 0.9, 1.0, 1.0, 1.0, 1.0, 0.98, 0.95, 0.9, 0.85, 0.8, 0.72, 0.65, 0.6]
"""There: its half width …"""
_DENSITY = [0.5, 0.72, 0.74, 0.86, 1.0, 0.9, 0.75, 0.66, 0.6, 0.56, 0.53, 0.46, 0.3, 0.0]
"""… and how dense its hairs stand. Brows of 68 men in public portraits are darkest at a third of
their length and have two thirds of that at 0.6, a quarter at 0.9 (``python -m bench.average``)."""
_ROUGH = 0.7
"""How far single hairs move the edge."""
_BESIDE, _CLEARED = 7.0, 0.9
"""Texels of 512 over which the skin above and below is averaged that the band gives way to, and how
far it does: below a brow lies shade, and lids that are as light as a forehead look swollen."""
_SHADE = 0.13
"""How much darker it is below a brow than its lid: the band that is taken away held that, too."""
_BORDER = 0.002
"""What is less of the brows' soft border is left alone: brows may reach it."""
_CHAINS = (mesh.LEFT_BROW, mesh.RIGHT_BROW)
_VARIANTS = 4
_HAIRS = 900
_FINE = 1024
"""Texels a side at which hairs are drawn."""


class Brows(NamedTuple):
    """Brows of a surrogate: ``depth`` 0…1, how much darker than skin they are on average over
    ``regions.brows``, ``None`` for as much as the mix's; ``hair`` (3,) 0…1, how much where they are
    dense; ``higher`` and ``lifted``, how far above the mix's they lie, and their ends besides, in
    half widths."""

    depth: float | None
    hair: Array
    higher: float = 0.0
    lifted: float = 0.0


def own_brows(depth: float | None, hair: Array, *, male: float, seed: int) -> Brows:
    """Return a surrogate's brows, near the photo's but not the same.

    Args:
        depth: 0…1, how much darker than skin the photo's are on average, ``None`` if not seen.
        hair: (3,) 0…1, how much darker they are where they are dense.
        male: 0…1, how far the surrogate is a man.
        seed: whose brows they are.
    """
    thick, dark, high, lift = np.random.default_rng(seed).standard_normal(4).tolist()
    usual = _DARK[0] + (_DARK[1] - _DARK[0]) * male
    drawn = float(np.clip(usual + _DARK[2] * dark, *_DARKEST))
    hair = hair + _OWN * (drawn * USUAL_HAIR - hair)
    if depth is not None:
        mean = (_WOMEN + (_MEN - _WOMEN) * male) * drawn / usual * (1 + _THICKER * thick)
        depth = depth + _OWN * (max(_FAINTEST, mean) - depth)
    return Brows(depth, hair, _HIGHER * high, _ARCHED * (1 - male) + _LIFTED * lift)


def draw_brows(lit: Array, brows: Brows, *, seed: int) -> Array:
    """Return the lit texture (s, s, 3), 0…255, with brows of hair in place of soft bands.

    Args:
        lit: the surrogate's texture in the photo's light.
        brows: to draw.
        seed: whose hairs they are.
    """
    size = len(lit)
    maps = regions(size)
    window = _window(size)
    part, zone = lit[window], maps.brows[window]
    unit = size / 512
    skin, _ = weighted_blur(part, maps.skin[window] + 1e-4, 13 * unit)
    darker = np.clip(1 - (part @ LUMA) / np.maximum(skin @ LUMA, 8), 0, 1)
    # Where a face is overexposed, nothing of its brows is left to say where they run.
    band = blur(((darker + 1e-4) * zone).astype(np.float32), 1.2 * unit)
    own = float((zone * darker).sum() / zone.sum())
    depth = own if brows.depth is None else max(brows.depth, _LEAST * own)
    hairs = _hairs(seed % _VARIANTS, size)[window]
    runs = [_run(band, zone, window, chain, brows, size=size) for chain in _CHAINS]
    hair = _STEEP * brows.hair
    wanted = _INK * depth / max(float(hair @ LUMA), 1e-3)
    inside = np.clip(2 * zone - _BORDER, 0, 1)
    opaque = np.clip(_DENSE + 1.1 * (hairs - 0.5), 0, 1) * inside
    width = 1.0
    for _ in range(_ROUNDS):
        full = sum((_form(run, band.shape, width) for run in runs), np.float32(0))
        dense = _step(full + _ROUGH * (hairs - 0.5) * np.clip(3 * full, 0, 1), 0.1, 0.9)
        covered = dense * opaque
        held = max(float((covered * zone).sum() / zone.sum()), 1e-3)
        width = float(np.clip(width * wanted / held, *_NARROWER))
    colour = skin * (1 - hair * np.clip(wanted / held, _PALEST, 1))
    bare = np.clip(_step(band / np.maximum(darker.max(), 0.05), 0.03, 0.2) * zone * 1.5, 0, 1)
    near, _ = weighted_blur(part, maps.skin[window] + 1e-4, _BESIDE * unit)
    cleared = part + _CLEARED * bare[..., None] * np.maximum(near - blur(part, 2.5 * unit), 0)
    below = sum((_below(run, band.shape) for run in runs), np.float32(0)) * inside
    cleared = cleared * (1 - _SHADE * below[..., None])
    drawn = cleared + covered[..., None] * (colour - cleared)
    result = lit.copy()
    result[window] = drawn
    return result


class _Run(NamedTuple):
    """Where a brow runs, column by column: ``middle`` (w,) the brow's row, ``half`` (w,) half the
    mix's width and ``density`` (w,), 0…1, of its hairs."""

    middle: Array
    half: Array
    density: Array


def _run(
    band: Array, zone: Array, window: tuple[slice, slice], chain: list[int], brows: Brows, *,
    size: int,
) -> _Run:  # fmt: skip
    """Return where one of the mix's brows runs.

    Args:
        band: (h, w) how much darker than skin the mix is.
        zone: (h, w) where brows may be.
        window: of the texture that both are of.
        chain: vertices of the brow.
        brows: how it differs from the mix's.
        size: texels a side of that texture.
    """
    y, x = (np.arange(n, dtype=np.float32) for n in band.shape)
    at, nose = (mesh.UV[v, 0] * size - 0.5 - window[1].start for v in (chain, 9))
    inner, outer = at[np.argsort(np.abs(at - nose))[[0, -1]]]
    t = (x - inner) / (outer - inner)
    own = band * ((t > -0.2) & (t < 1.2))
    most = np.percentile(own[(zone > 0.5) & (own > 0)], 92)
    weight = np.clip(own - _CORE * most, 0, None)
    mass = weight.sum(0) + 1e-6
    centre = (weight * y[:, None]).sum(0) / mass
    spread = (weight * (y[:, None] - centre) ** 2).sum() / weight.sum()
    middle = np.polyval(np.polyfit(t, centre, 2, w=np.sqrt(mass)), t)
    along = np.cumsum(mass[np.argsort(t)]) / mass.sum()
    start, stop = np.interp([0.03, 0.97], along, np.sort(t))
    start, stop = float(np.clip(start, -0.1, 0.1)), float(np.clip(stop, 0.88, 1.08))
    along = (t - start) / (stop - start)
    half = 2.0 * np.sqrt(spread) * np.interp(along, _PLACES, _WIDTHS)
    density = np.interp(along, _PLACES, _DENSITY, left=0, right=0)
    lower = _LOWER - brows.higher - brows.lifted * np.clip(2 * along - 0.7, 0, 1)
    return _Run(middle + lower * half, half, density)


def _form(run: _Run, shape: tuple[int, ...], width: float) -> Array:
    """Return how dense a brow is (h, w), 0…1: a clean form ``width`` times as wide as the mix's."""
    across = (np.arange(shape[0], dtype=np.float32)[:, None] - run.middle) / (width * run.half)
    # Softer above, where hairs stand up, than below.
    profile = np.exp(-np.where(across < 0, 1.1 * across**2, np.abs(across) ** 3))
    return np.asarray(profile * run.density, np.float32)


def _below(run: _Run, shape: tuple[int, ...]) -> Array:
    """Return 0…1 (h, w) below a brow, where the bone shades the lid."""
    across = (np.arange(shape[0], dtype=np.float32)[:, None] - run.middle) / run.half
    return np.asarray(np.exp(-(((across - 1.7) / 0.9) ** 2)) * (run.density > 0), np.float32)


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
    for chain in _CHAINS:
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
