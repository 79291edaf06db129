"""Mouth: how far it is open, where its inside lies, and what an opened one shows."""

from __future__ import annotations

import cv2
import numpy as np

from deid_desktop.core import mesh
from deid_desktop.core.geometry import blur
from deid_desktop.core.types import Array

MOUTH_OPEN = 0.06
"""Gap over width of the inner lips from which the photo shows the inside of the mouth."""


def mouth_gap(vertices: Array) -> float:
    """Return how far the lips are apart, as a share of the mouth's width."""
    width = float(np.linalg.norm(vertices[78, :2] - vertices[308, :2]))
    return float(np.linalg.norm(vertices[13, :2] - vertices[14, :2])) / max(width, 1.0)


def inside_mouth(vertices: Array, shape: tuple[int, ...]) -> Array:
    """Return 0…1 (h, w) between the lips."""
    outline = np.round(vertices[mesh.INNER_LIPS, :2] * 8).astype(np.int32)
    inside = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(inside, [outline], 255, cv2.LINE_AA, 3)
    inside = cv2.erode(inside, np.ones((3, 3), np.uint8))
    soft = max(0.8, 0.026 * float(np.linalg.norm(vertices[33, :2] - vertices[133, :2])))
    return blur(inside.astype(np.float32) / 255, soft)


def part_lips(rendered: Array, vertices: Array) -> None:
    """Draw the line between the lips, and its dark corners, into ``rendered`` (h, w, 3) in place.

    A mix of mouths has it blurred; where the lips stand apart, only the corners are drawn.
    """
    upper, lower = vertices[_UPPER_RIM, :2], vertices[_LOWER_RIM, :2]
    width = float(np.linalg.norm(upper[-1] - upper[0]))
    middle = np.round((upper + lower) * 8).astype(np.int32)
    shape, thick = rendered.shape[:2], max(1, round(_LINE * width))
    line, corners = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    if mouth_gap(vertices) < MOUTH_OPEN:
        cv2.polylines(line, [middle], False, 255, thick, cv2.LINE_AA, 4)
    for end in (middle[:2], middle[-2:]):
        cv2.polylines(corners, [end], False, 255, 2 * thick, cv2.LINE_AA, 4)
    soft = max(0.6, 0.7 * _LINE * width)
    dark = np.maximum(blur(line.astype(np.float32), soft), blur(corners.astype(np.float32), soft))
    rendered *= 1 - (_DEPTH / 255) * dark[..., None] * _REDDISH


_LINE = 0.022
"""Width of the line between the lips, of theirs."""
_DEPTH = 0.44
"""How much darker it is."""
_REDDISH = np.array([0.85, 1.0, 1.0], np.float32)


def open_mouth(rendered: Array, vertices: Array, skin: Array) -> None:
    """Draw the inside of a mouth that an expression opens and the photo does not show.

    Behind the lips it is dark, a little lighter where the tongue lies; the upper teeth show as far
    as the lip uncovers them, in its shadow, and fade towards the corners.
    """
    inside = inside_mouth(vertices, rendered.shape)
    ends = vertices[[78, 308], :2]
    width = float(np.linalg.norm(ends[1] - ends[0]))
    axis = (ends[1] - ends[0]) / max(width, 1.0)
    y, x = np.mgrid[: rendered.shape[0], : rendered.shape[1]].astype(np.float32)
    along = ((x - ends[0, 0]) * axis[0] + (y - ends[0, 1]) * axis[1]) / width
    down = ((y - ends[0, 1]) * axis[0] - (x - ends[0, 0]) * axis[1]) / width
    lips = (vertices[_UPPER_RIM, :2] - ends[0]) @ np.stack([axis, [-axis[1], axis[0]]], 1) / width
    below = down - np.interp(along, lips[:, 0], lips[:, 1]).astype(np.float32)
    gap = mouth_gap(vertices)
    colour = skin * np.array([0.2, 0.1, 0.1], np.float32)
    tongue = np.clip(below / gap - 0.45, 0, 0.5) * np.clip(1.2 - 3.2 * np.abs(along - 0.5), 0, 1)
    colour = colour + tongue[..., None] * skin * np.array([0.42, 0.16, 0.16], np.float32)
    shown = min(0.42 * gap, 0.12)
    arch = shown * (1.05 - 2.6 * (along - 0.5) ** 2)
    soft = max(0.012, 1.2 / width)
    teeth = np.clip((arch - below) / soft, 0, 1) * np.clip(1.7 - 4.2 * np.abs(along - 0.5), 0, 1)
    shade = 0.42 + 0.4 * np.clip(below / shown, 0, 1)
    gaps = 1 - 0.12 * np.clip(np.cos(2 * np.pi * (along - 0.5) / 0.105 + np.pi), 0.6, 1)
    ivory = np.minimum(0.35 * skin + 0.8 * skin.mean(), 235) * np.array([1.0, 0.97, 0.9])
    mouth = colour * (1 - teeth[..., None]) + ivory * (shade * gaps * teeth)[..., None]
    covered = 0.95 * inside[..., None]
    rendered[:] = rendered * (1 - covered) + mouth * covered


_UPPER_RIM = [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308]
"""The upper lip's inner edge, from the picture's left to its right."""
_LOWER_RIM = [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308]
