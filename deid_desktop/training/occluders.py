"""Paints things in front of faces, in texture space, for the occlusion network to learn from.

Each painter returns a colour (s, s, 3), 0…255, and a coverage (s, s), 0…1. What they are made of
(hair, cloth, skin) comes from patches of photos, their shapes from chance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator as Dice

from deid_desktop.core import mesh
from deid_desktop.core.compose.occlusion import SIDE
from deid_desktop.core.types import Array, Pixels

Painted = tuple[Array, Array]
_FINE = 4
"""Shapes are drawn this much larger, for soft edges."""
_HAIR = np.array([[22, 18, 16], [48, 34, 26], [92, 66, 44], [150, 118, 80], [190, 185, 180]])
"""Colours of hair, black to white, RGB."""


@dataclass(frozen=True)
class Patches:
    """Patches (64, 64, 3) of photos: what hair, what cloth, and what anything looks like; ``skin``
    (n, 3) colours."""

    hair: list[Pixels]
    cloth: list[Pixels]
    anything: list[Pixels]
    skin: Array


def stuff(dice: Dice, patch: Pixels) -> Array:
    """Return a texture (s, s, 3) from a patch, turned, stretched and toned by chance."""
    turn = cv2.getRotationMatrix2D((32, 32), float(dice.uniform(0, 360)), 1.0)
    zoom = np.exp(dice.uniform(-0.4, 0.9, 2))
    turn[:, :2] *= zoom[:, None]
    turn[:, 2] = SIDE / 2 - turn[:, :2] @ [32, 32] + dice.uniform(-20, 20, 2)
    made = cv2.warpAffine(patch, turn, (SIDE, SIDE), borderMode=cv2.BORDER_REFLECT)
    return np.clip(made.astype(np.float32) * np.exp(dice.uniform(-0.35, 0.25)), 0, 255)


def flat(dice: Dice, colour: Array, rough: float = 6.0) -> Array:
    """Return a surface (s, s, 3) of one colour with soft shading and a little texture."""
    coarse = dice.normal(0, 1, (5, 5, 1)).astype(np.float32)
    shade = cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)[..., None]
    fine = dice.normal(0, rough, (SIDE, SIDE, 1)).astype(np.float32)
    fine = cv2.GaussianBlur(fine, (0, 0), float(dice.uniform(0.4, 1.2)))[..., None]
    return np.clip(colour * (1 + 0.12 * shade) + fine, 0, 255).astype(np.float32)


def _superellipse(power: float) -> Array:
    """Return a closed curve (40, 2) of radius 1: round at a power of 2, squarer above."""
    around = np.linspace(0, 2 * np.pi, 40)
    ring = np.c_[np.cos(around), np.sin(around)]
    scale: Array = (np.abs(ring) ** power).sum(1, keepdims=True) ** (1 / power)
    return ring / scale


def _filled(outline: Array) -> Array:
    canvas = np.zeros((SIDE * _FINE, SIDE * _FINE), np.uint8)
    cv2.fillPoly(canvas, [np.round(outline * _FINE).astype(np.int32)], 255)
    return _shrunk(canvas)


def _shrunk(canvas: Pixels) -> Array:
    small = cv2.resize(canvas, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32) / 255


def _wave(dice: Dice, rough: float) -> Array:
    """Return a smooth random line (s + 1,) about 0."""
    x = np.linspace(0, 1, SIDE + 1)
    terms = [
        dice.normal(0, rough / n) * np.sin(np.pi * n * x + dice.uniform(0, 2 * np.pi))
        for n in range(1, 6)
    ]
    return np.sum(terms, axis=0)


def _beyond(dice: Dice, edge: float, rough: float, side: str) -> Array:
    """Return coverage beyond a wavy line at ``edge`` texels from one side of the texture."""
    line = edge + _wave(dice, rough)
    along = np.arange(SIDE + 1.0)
    outline = np.r_[np.c_[along, line], [[SIDE, -9.0], [0.0, -9.0]]]
    turned = {
        "top": outline,
        "bottom": np.c_[outline[:, 0], SIDE - outline[:, 1]],
        "left": outline[:, ::-1],
        "right": np.c_[SIDE - outline[:, 1], outline[:, 0]],
    }[side]
    return _filled(turned)


def hair(dice: Dice, patches: Patches) -> Painted:
    """A fringe, a lock at the side, or single strands."""
    if patches.hair and dice.random() < 0.6:
        colour = stuff(dice, patches.hair[dice.integers(len(patches.hair))])
    else:
        place = dice.uniform(0, len(_HAIR) - 1)
        tone = np.array([np.interp(place, range(len(_HAIR)), c) for c in _HAIR.T])
        colour = flat(dice, tone, 14.0)
    canvas = np.zeros((SIDE * _FINE, SIDE * _FINE), np.uint8)
    kind = dice.choice(["fringe", "left", "right", "strands"])
    count = int(dice.integers(2, 9) if kind == "strands" else dice.integers(25, 90))
    depth = dice.uniform(12, 55)
    lean = dice.normal(0, 0.5)
    middle, spread = dice.uniform(10, SIDE - 10), dice.uniform(15, 70)
    for _ in range(count):
        length = depth * dice.uniform(0.6, 1.15)
        steps = np.linspace(0, 1, 12)
        bow = dice.normal(0, 7) * steps**2
        if kind in ("fringe", "strands"):
            start = middle + dice.uniform(-spread, spread)
            points = np.c_[start + lean * length * steps + bow, -4 + (length + 4) * steps]
        else:
            start = dice.uniform(-6, 0.45 * depth)
            x = start + bow + dice.normal(0, 2)
            points = np.c_[x, SIDE * 1.1 * steps * dice.uniform(0.6, 1)]
            points[:, 0] = SIDE - points[:, 0] if kind == "right" else points[:, 0]
        thick = int(dice.integers(2, 7) if kind == "strands" else dice.integers(4, 22))
        line = np.round(points * _FINE * 16).astype(np.int32)
        cv2.polylines(canvas, [line], False, 255, thick, cv2.LINE_AA, 4)
    return colour, _shrunk(canvas)


def cloth(dice: Dice, patches: Patches) -> Painted:
    """A hat, a scarf, a hood, a headscarf: beyond a soft line, from one side or several."""
    colour = _cloth(dice, patches)
    sides = {
        "hat": [("top", dice.uniform(8, 42))],
        "scarf": [("bottom", dice.uniform(8, 60))],
        "hood": [(s, dice.uniform(5, 26)) for s in ("top", "left", "right")],
        "headscarf": [(s, dice.uniform(5, 24)) for s in ("top", "left", "right", "bottom")],
    }[str(dice.choice(["hat", "scarf", "hood", "headscarf"]))]
    layers = [_beyond(dice, edge, dice.uniform(0.5, 6), side) for side, edge in sides]
    return colour, np.maximum.reduce(layers)


def _cloth(dice: Dice, patches: Patches) -> Array:
    if dice.random() < 0.6:
        return stuff(dice, patches.cloth[dice.integers(len(patches.cloth))])
    return flat(dice, dice.uniform(10, 250, 3), dice.uniform(1, 16))


def surgical(dice: Dice, patches: Patches) -> Painted:
    """A surgical mask over nose and mouth, with its folds and bands."""
    tones = [(150, 185, 205), (235, 238, 240), (35, 35, 38), (120, 160, 190), (190, 205, 190)]
    colour = _cloth(dice, patches) if dice.random() < 0.3 else None
    if colour is None:
        tone = np.array(tones[dice.integers(len(tones))]) * dice.uniform(0.75, 1.05)
        colour = flat(dice, tone, 3.0)
    rows = np.arange(SIDE, dtype=np.float32)[:, None, None]
    folds = np.sin(rows / dice.uniform(2, 5) + dice.uniform(0, 6))
    colour = np.clip(colour * (1 + dice.uniform(0, 0.1) * folds), 0, 255)
    bridge = float(dice.choice([mesh.UV[197, 1], mesh.UV[5, 1], mesh.UV[4, 1]])) * SIDE
    x = np.linspace(-1, 1, SIDE + 1)
    drop = dice.uniform(4, 20)
    line = bridge + drop * np.abs(x) ** dice.uniform(1, 2.5) + _wave(dice, 0.8)
    outline = np.r_[np.c_[np.arange(SIDE + 1.0), line], [[SIDE, SIDE + 9.0], [0.0, SIDE + 9.0]]]
    return colour.astype(np.float32), _filled(outline)


def fingers(dice: Dice, patches: Patches) -> Painted:
    """A hand or an arm: rounded bars of skin that reach in from one side."""
    tone = patches.skin[dice.integers(len(patches.skin))] * dice.uniform(0.7, 1.2)
    colour = flat(dice, tone, 4.0)
    canvas = np.zeros((SIDE * _FINE, SIDE * _FINE), np.uint8)
    lines = np.zeros_like(canvas)
    angle = dice.uniform(0, 2 * np.pi)
    out = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-out[1], out[0]])
    centre = SIDE / 2 + dice.uniform(-30, 30, 2)
    thick = dice.uniform(7, 15) if dice.random() < 0.7 else dice.uniform(20, 36)
    count = int(dice.integers(1, 6)) if thick < 16 else 1
    for number in range(count):
        side = across * (number - (count - 1) / 2) * thick * dice.uniform(0.9, 1.2)
        tip = centre + side - out * dice.uniform(-10, 12)
        bend = tip + out * dice.uniform(15, 40) + across * dice.normal(0, 5)
        root = bend + out * SIDE + across * dice.normal(0, 12)
        bar = [np.round(np.stack([tip, bend, root]) * _FINE).astype(np.int32)]
        cv2.polylines(canvas, bar, False, 255, round(thick * _FINE))
        edge = np.zeros_like(canvas)
        cv2.polylines(edge, bar, False, 255, round(thick * _FINE))
        lines = np.maximum(lines, cv2.morphologyEx(edge, cv2.MORPH_GRADIENT, np.ones((5, 5))))
    dark = cv2.GaussianBlur(_shrunk(lines), (0, 0), 1.0)[..., None]
    return colour * (1 - dice.uniform(0.2, 0.6) * np.clip(dark, 0, 1)), _shrunk(canvas)


def microphone(dice: Dice, patches: Patches) -> Painted:
    """A microphone on its stick, from below or aside."""
    tone = dice.uniform(10, 70, 3) if dice.random() < 0.7 else dice.uniform(30, 230, 3)
    colour = flat(dice, tone, dice.uniform(6, 22))
    canvas = np.zeros((SIDE * _FINE, SIDE * _FINE), np.uint8)
    head = np.array([dice.uniform(20, SIDE - 20), dice.uniform(78, SIDE)])
    size = dice.uniform(8, 24)
    axes = np.round(size * _FINE * dice.uniform(0.7, 1, 2)).astype(int).tolist()
    middle = np.round(head * _FINE).astype(int)
    cv2.ellipse(canvas, middle.tolist(), axes, float(dice.uniform(0, 180)), 0, 360, 255, -1)
    foot = np.round((head + np.array([dice.normal(0, 40), SIDE])) * _FINE).astype(int)
    cv2.line(canvas, middle.tolist(), foot.tolist(), 255, round(size * dice.uniform(0.5, 1.1)) * 4)
    return colour, _shrunk(canvas)


def thing(dice: Dice, patches: Patches) -> Painted:
    """Anything: a cup, a phone, a shoulder, another head; reaching in, or a bar across."""
    source = patches.anything if dice.random() < 0.7 else patches.cloth
    colour = stuff(dice, source[dice.integers(len(source))])
    angle = dice.uniform(0, 2 * np.pi)
    out = np.array([np.cos(angle), np.sin(angle)])
    reach, wide = dice.uniform(18, 70), dice.uniform(16, 60)
    centre = SIDE / 2 + out * (SIDE * 0.72 - reach + wide)
    ring = _superellipse(float(dice.choice([2, 2, 5])))
    ragged = 1 + 0.08 * np.interp(np.arange(40.0), np.linspace(0, 40, SIDE + 1), _wave(dice, 1.5))
    return colour, _filled(centre + ring * (wide * ragged)[:, None])


def sunglasses(dice: Dice, patches: Patches) -> Painted:
    """Dark lenses with their frame; what they mirror lightens them unevenly."""
    tint = dice.uniform(5, 60) + dice.uniform(-12, 22, 3)
    mirrored = stuff(dice, patches.anything[dice.integers(len(patches.anything))])
    rows = np.linspace(0, 1, SIDE)[:, None, None]
    gloss = dice.uniform(0, 0.45) * np.clip(1 - 1.5 * np.abs(rows - dice.uniform(0.2, 0.6)), 0, 1)
    colour = np.clip(tint, 0, 255) * (1 - gloss) + mirrored * gloss
    canvas = np.zeros((SIDE * _FINE, SIDE * _FINE), np.uint8)
    thick = round(_FINE * dice.uniform(0.5, 3))
    half = np.array([dice.uniform(15, 21), dice.uniform(9, 16)])
    shift, power = np.array([0, dice.uniform(0, 5)]) + dice.normal(0, 1, 2), dice.uniform(2, 4)
    ring = _superellipse(power)
    curves = []
    for eye, side in ((mesh.LEFT_EYE, -1), (mesh.RIGHT_EYE, 1)):
        middle = mesh.UV[eye].mean(0) * SIDE + shift + [side * 1.5, 0]
        curves.append(np.round((middle + ring * half) * _FINE).astype(np.int32)[:, None])
    cv2.fillPoly(canvas, [curves[0]], 255)
    cv2.fillPoly(canvas, [curves[1]], 255)
    cv2.polylines(canvas, curves, True, 255, thick)
    y = round(float(mesh.UV[168, 1] * SIDE + shift[1]) * _FINE)
    left, right = (round(float(c[:, 0, 0].mean())) for c in curves)
    cv2.line(canvas, (left, y), (right, y), 255, thick)
    return colour.astype(np.float32), _shrunk(canvas)


PAINTERS: tuple[tuple[Callable[[Dice, Patches], Painted], float], ...] = (
    (hair, 0.28), (cloth, 0.16), (surgical, 0.10), (fingers, 0.18), (microphone, 0.10),
    (thing, 0.18),
)  # fmt: skip
"""What is painted, and how often."""


def shadow(dice: Dice) -> Array:
    """Return a factor (s, s, 1) of light: hard or soft shadows, which are not things."""
    shape = _beyond(
        dice, dice.uniform(0.2, 0.8) * SIDE, dice.uniform(2, 14),
        str(dice.choice(["top", "bottom", "left", "right"])),
    )  # fmt: skip
    soft = cv2.GaussianBlur(shape, (0, 0), float(np.exp(dice.uniform(-0.5, 3))))
    return (1 - dice.uniform(0.2, 0.72) * soft)[..., None]
