"""What is left of use in a de-identified picture: how far pose, expression and looks were kept."""

from __future__ import annotations

import cv2
import numpy as np

from deid_desktop.core import mesh
from deid_desktop.core.analyse import agreement
from deid_desktop.core.types import Analysis, Array, Pixels

_CHEEKS = (50, 205, 280, 425)

UNITS = {
    "pose error": "degrees, largest of yaw, pitch and roll",
    "landmark error": "mean over the 468 vertices, in inter-ocular distances",
    "expression agreement": "cosine of the 52 blendshapes",
    "gaze error": "iris offset, in eye widths",
    "gender agreement": "share with the same estimated gender",
    "age error": "years between the estimates",
    "skin ΔE": "CIEDE2000 of the cheeks",
}
"""Name → what the number is."""


def compare(before: Analysis, after: Analysis, pixels: tuple[Pixels, Pixels]) -> dict[str, float]:
    """Compare one face before and after, in the same coordinates; ``pixels`` are both pictures.

    Keys are those of ``UNITS``.
    """
    return {
        "pose error": float(np.abs(np.subtract(before.pose, after.pose)).max()),
        "landmark error": landmark_error(before.mesh, after.mesh),
        "expression agreement": agreement(before.blendshapes, after.blendshapes),
        "gaze error": float(
            np.linalg.norm(iris_offsets(before.mesh) - iris_offsets(after.mesh), axis=1).mean()
        ),
        "gender agreement": float((before.gender > 0) == (after.gender > 0)),
        "age error": abs(before.age - after.age),
        "skin ΔE": float(
            ciede2000(cheek_colour(pixels[0], before.mesh), cheek_colour(pixels[1], after.mesh))
        ),
    }


def landmark_error(before: Array, after: Array) -> float:
    """Return the mean distance of landmarks (478, 3) in the picture, in inter-ocular distances."""
    eyes = [before[eye, :2].mean(0) for eye in (mesh.LEFT_EYE, mesh.RIGHT_EYE)]
    distance = np.linalg.norm((before - after)[: mesh.VERTICES, :2], axis=1).mean()
    return float(distance / np.linalg.norm(eyes[1] - eyes[0]))


def iris_offsets(vertices: Array) -> Array:
    """Return (2, 2): where each iris stands, from the middle of its eye, in eye widths."""
    offsets = []
    for eye, iris in ((mesh.LEFT_EYE, mesh.LEFT_IRIS), (mesh.RIGHT_EYE, mesh.RIGHT_IRIS)):
        outer, inner = vertices[eye[0], :2], vertices[eye[8], :2]
        centre = vertices[iris[0], :2]
        offsets.append((centre - (outer + inner) / 2) / np.linalg.norm(outer - inner))
    return np.stack(offsets)


def cheek_colour(pixels: Pixels, vertices: Array) -> Array:
    """Return the median CIELAB colour (3,) of both cheeks."""
    radius = max(1, int(0.04 * np.ptp(vertices[: mesh.VERTICES, 0])))
    height, width = pixels.shape[:2]
    patches = []
    for vertex in _CHEEKS:
        x, y = np.clip(np.round(vertices[vertex, :2]), 0, [width - 1, height - 1]).astype(int)
        patch = pixels[max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1]
        patches.append(patch.reshape(-1, 3))
    colours = np.concatenate(patches).astype(np.float32)[None] / 255
    return np.asarray(np.median(cv2.cvtColor(colours, cv2.COLOR_RGB2LAB)[0], axis=0))


def ciede2000(first: Array, second: Array) -> Array:
    """Return the differences (…) of CIELAB colours (…, 3) (Sharma, Wu, Dalal 2005)."""
    l1, a1, b1 = np.moveaxis(np.asarray(first, float), -1, 0)
    l2, a2, b2 = np.moveaxis(np.asarray(second, float), -1, 0)
    mean_c = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    g = 0.5 * (1 - np.sqrt(mean_c**7 / (mean_c**7 + 25.0**7)))
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    coloured = c1 * c2 > 0
    turn = np.where(coloured, 180 - (180 - (h2 - h1)) % 360, 0)
    mean_h = np.where(coloured, h1 + turn / 2, h1 + h2)
    mean_l, mean_c = (l1 + l2) / 2, (c1 + c2) / 2
    t = (
        1
        - 0.17 * np.cos(np.radians(mean_h - 30))
        + 0.24 * np.cos(np.radians(2 * mean_h))
        + 0.32 * np.cos(np.radians(3 * mean_h + 6))
        - 0.20 * np.cos(np.radians(4 * mean_h - 63))
    )
    s_l = 1 + 0.015 * (mean_l - 50) ** 2 / np.sqrt(20 + (mean_l - 50) ** 2)
    s_c, s_h = 1 + 0.045 * mean_c, 1 + 0.015 * mean_c * t
    spread = 30 * np.exp(-((((mean_h % 360) - 275) / 25) ** 2))
    rotation = -2 * np.sqrt(mean_c**7 / (mean_c**7 + 25.0**7)) * np.sin(np.radians(2 * spread))
    lightness = (l2 - l1) / s_l
    chroma = (c2 - c1) / s_c
    hue = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2)) / s_h
    difference: Array = np.sqrt(lightness**2 + chroma**2 + hue**2 + rotation * chroma * hue)
    return difference
