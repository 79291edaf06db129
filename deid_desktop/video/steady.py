"""Keeps a surrogate still in time: landmarks, light and masks, smoothed without delay.

A clip's future is known, so nothing needs to lag: every value becomes that of a line fitted to the
frames on both sides. As in the One-Euro filter (Casiez, Roussel, Vogel 2012) what moves is smoothed
less than what rests: a lid that shuts is no noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np

from deid_desktop.core import mesh
from deid_desktop.core.compose import Scene
from deid_desktop.core.types import Array

REACH = 4
"""Frames on either side that the landmarks are smoothed over."""
LIGHT_REACH = 3
"""The same for light and masks."""
_WIDE, _NARROW = 2.2, 0.45
"""Standard deviations in frames, at rest and in motion."""
_RESTS, _MOVES = 0.004, 0.016
"""Shares of the face's size: how far from the wide line a landmark may be to count as resting,
and from where it counts as moving."""
_STANDS, _DRIFTS = 0.0006, 0.0024
"""Shares of the face's size a frame: how fast a landmark may go to count as standing, and from
where it counts as going on evenly."""
_LIGHT = 2.0
"""Standard deviation in frames of the light's weights."""
_QUICK = {"hair", "beard", "frames", "lenses"}
"""Masks of what may pass in front of a face: smoothed over the next neighbours only."""
_QUICK_WEIGHTS = {0: 0.5, 1: 0.25}

_T = TypeVar("_T")


def steady_mesh(meshes: Sequence[Array], times: Sequence[float], middle: int) -> Array:
    """Return the smoothed landmarks (478, 3) of ``meshes[middle]``.

    Args:
        meshes: of consecutive frames, up to ``REACH`` on either side; fewer at a track's ends.
        times: of these frames, in any unit.
        middle: which of them is wanted.
    """
    stack = np.stack(meshes).astype(np.float64)
    if len(stack) < 3:
        return meshes[middle]
    step = (times[-1] - times[0]) / (len(times) - 1)
    at = (np.asarray(times) - times[middle]) / step
    size = np.ptp(stack[middle, : mesh.VERTICES, :2], axis=0).max()
    narrow = _line(stack, at, _NARROW)
    level, slope, mean = _fitted(stack, at, _WIDE)
    # With neighbours on one side alone, a line follows the noise; for what rests there is none.
    pace = np.abs(slope)[:, :2].max(1, keepdims=True) / size
    wide = level - mean * slope * np.clip((pace - _STANDS) / (_DRIFTS - _STANDS), 0, 1)
    # Whether a landmark moves is asked of its surroundings in time, lest noise answer.
    off = np.abs(_line(np.abs(stack - wide), at, 1.0))[:, :2].max(1, keepdims=True) / size
    moving = np.clip((off - _RESTS) / (_MOVES - _RESTS), 0, 1)
    return (wide * (1 - moving) + narrow * moving).astype(np.float32)


def _line(stack: Array, at: Array, sigma: float) -> Array:
    """Return the value at 0 of weighted straight lines through ``stack`` (n, …) over ``at``."""
    level, slope, mean = _fitted(stack, at, sigma)
    return level - mean * slope


def _fitted(stack: Array, at: Array, sigma: float) -> tuple[Array, Array, float]:
    """Return the lines' mean values and slopes, and the mean of ``at`` at which they have them."""
    weights = np.exp(-0.5 * np.square(at / sigma))
    weights /= weights.sum()
    mean = float(weights @ at)
    spread = max(float(weights @ np.square(at - mean)), 1e-9)
    level: Array = np.tensordot(weights, stack, 1)
    slope: Array = np.tensordot(weights * (at - mean) / spread, stack, 1)
    return level, slope, mean


def steady_scene(scenes: Sequence[Scene], middle: int) -> Scene:
    """Return ``scenes[middle]`` with light, masks and the subject's own shape smoothed in time.

    All of that lies in texture space, where a face does not move; so scenes can be averaged
    texel by texel.
    """
    scene = scenes[middle]
    if len(scenes) == 1:
        return scene
    away = np.arange(len(scenes)) - middle
    slow = np.exp(-0.5 * (away / _LIGHT) ** 2)
    quick = np.array([_QUICK_WEIGHTS.get(abs(int(a)), 0.0) for a in away])
    slow, quick = slow / slow.sum(), quick / quick.sum()
    identity = np.tensordot(slow, np.stack([s.fit.identity for s in scenes]), 1)
    light = replace(
        scene.light,
        **_mixed([s.light for s in scenes], {field.name for field in fields(scene.light)}, slow),
    )
    slow_maps = _mixed(list(scenes), {"seen", "skin"}, slow)
    quick_maps = _mixed(list(scenes), _QUICK, quick)
    fit = replace(scene.fit, identity=identity.astype(np.float32))
    return replace(scene, light=light, fit=fit, **slow_maps, **quick_maps)


def _mixed(items: Sequence[_T], names: set[str], weights: Array) -> dict[str, Any]:
    """Return weighted means of the arrays called ``names``; most decide whether there is one."""
    mixed: dict[str, Any] = {}
    for name in names:
        values = [getattr(item, name) for item in items]
        there = np.array([value is not None for value in values])
        if weights[there].sum() <= 0.5:
            mixed[name] = None
            continue
        total = np.zeros_like(next(value for value in values if value is not None))
        for value, weight in zip(values, weights, strict=True):
            if value is not None and weight > 0:
                total += value * np.float32(weight / weights[there].sum())
        mixed[name] = total
    return mixed
