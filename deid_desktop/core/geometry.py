"""Similarities, rigid alignment and smooth fields: the arithmetic that several stages share."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from deid_desktop.core.types import Array, Pixels


@dataclass(frozen=True, eq=False)
class Pose3D:
    """A similarity in space: ``scale · points @ rotation.T + shift``."""

    scale: float
    rotation: NDArray[np.float64]
    shift: NDArray[np.float64]

    def apply(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Move ``points`` (n, 3)."""
        moved: NDArray[np.float64] = self.scale * points @ self.rotation.T + self.shift
        return moved

    def turn(self, offsets: NDArray[np.floating]) -> NDArray[np.float64]:
        """Scale and rotate ``offsets`` (n, 3) without shifting them."""
        turned: NDArray[np.float64] = self.scale * offsets @ self.rotation.T
        return turned

    def degrees(self) -> tuple[float, float, float]:
        """Return yaw, pitch and roll in degrees for a rotation from the canonical face.

        Yaw is positive when the face looks to the right of the picture, pitch when it looks
        down, roll when it leans clockwise.
        """
        r = self.rotation
        yaw = np.arctan2(-r[0, 2], np.hypot(r[1, 2], r[2, 2]))
        pitch = np.arctan2(-r[1, 2], r[2, 2])
        roll = np.arctan2(r[1, 0], r[0, 0])
        return float(np.degrees(yaw)), float(np.degrees(pitch)), float(np.degrees(roll))


def procrustes(source: NDArray[np.floating], target: NDArray[np.floating]) -> Pose3D:
    """Return the similarity that takes ``source`` to ``target`` (n, 3) with least squares.

    Source: Umeyama, "Least-squares estimation of transformation parameters", PAMI 1991.
    """
    a, b = source.astype(np.float64), target.astype(np.float64)
    a_mean, b_mean = a.mean(0), b.mean(0)
    a0, b0 = a - a_mean, b - b_mean
    u, s, vt = np.linalg.svd(b0.T @ a0)
    d = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = (u * d) @ vt
    scale = float((s * d).sum() / (a0**2).sum())
    return Pose3D(scale, rotation, b_mean - scale * rotation @ a_mean)


def similarity_2d(
    source: NDArray[np.floating], target: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return the 2×3 similarity (no mirroring) that takes ``source`` to ``target`` (n, 2)."""
    s_mean, t_mean = source.mean(0), target.mean(0)
    s, t = source - s_mean, target - t_mean
    norm = (s**2).sum()
    a = (s * t).sum() / norm
    b = (s[:, 0] * t[:, 1] - s[:, 1] * t[:, 0]).sum() / norm
    linear = np.array([[a, -b], [b, a]])
    return np.c_[linear, t_mean - linear @ s_mean]


def warp_crop(pixels: Pixels, matrix: NDArray[np.float64], size: int) -> Pixels:
    """Cut a square crop of ``size`` pixels; ``matrix`` (2, 3) takes photo to crop coordinates.

    Strong shrinking is prefiltered, so that a large face does not alias; only the part of the
    photo that the crop shows is touched.
    """
    inverse = cv2.invertAffineTransform(matrix)
    corners = np.array([[0, 0, 1], [size, 0, 1], [0, size, 1], [size, size, 1]]) @ inverse.T
    height, width = pixels.shape[:2]
    left, top = np.clip(np.floor(corners.min(0)).astype(int) - 8, 0, [width - 1, height - 1])
    right, bottom = np.clip(np.ceil(corners.max(0)).astype(int) + 8, [1, 1], [width, height])
    part = pixels[top : max(bottom, top + 1), left : max(right, left + 1)]
    local = matrix.copy()
    local[:, 2] += matrix[:, :2] @ [left, top]
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale < 0.7:
        shrink = min(max(scale * 1.4, 1.0 / min(part.shape[:2])), 1.0)
        before = part.shape
        part = cv2.resize(part, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        sx, sy = part.shape[1] / before[1], part.shape[0] / before[0]
        local[:, 2] += local[:, :2] @ [0.5 / sx - 0.5, 0.5 / sy - 0.5]
        local[:, :2] /= [sx, sy]
    crop: Pixels = cv2.warpAffine(
        part, local, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return crop


def around(weight: Array, margin: int) -> tuple[slice, slice]:
    """Return the rows and columns of ``weight`` (h, w) above .01, and ``margin`` more."""
    spans = []
    for axis in (1, 0):
        found = np.flatnonzero((weight > 0.01).any(axis))
        spans.append(slice(max(0, int(found[0]) - margin), int(found[-1]) + 1 + margin))
    return spans[0], spans[1]


def blur(image: Array, sigma: float) -> Array:
    """Blur with a Gaussian of ``sigma`` pixels; wide ones are computed on a smaller copy."""
    if sigma <= 0:
        return image
    factor = int(sigma // 3)
    if factor < 2 or min(image.shape[:2]) < 4 * factor:
        small: Array = cv2.GaussianBlur(image, (0, 0), sigma)
        return small
    height, width = image.shape[:2]
    size = (-(-width // factor), -(-height // factor))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma * size[0] / width)
    large: Array = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return large


LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in lightness (ITU-R BT.601)."""


def thrice(weight: Array) -> Array:
    """Return ``weight`` (h, w) once for each of three channels (h, w, 3).

    Numpy multiplies equal shapes four times as fast as it repeats three values by itself.
    """
    repeated: Array = cv2.cvtColor(weight, cv2.COLOR_GRAY2RGB)
    return repeated


def weighted_blur(image: Array, weight: Array, sigma: float) -> tuple[Array, Array]:
    """Blur ``image`` (h, w, c) where ``weight`` (h, w) counts; return it and the blurred weight.

    This is normalised convolution (Knutsson and Westin 1993): texels of weight 0 do not bleed
    into the result.
    """
    total = blur(weight, sigma)
    mixed = blur(image * _for_all(weight, image), sigma)
    if mixed.ndim == 2:
        mixed = mixed[..., None]
    return mixed / _for_all(np.maximum(total, 1e-4), image), total


def _for_all(weight: Array, image: Array) -> Array:
    return thrice(weight) if image.shape[2] == 3 else weight[..., None]
