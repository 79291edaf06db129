"""What several tests do to the sample photos."""

from dataclasses import replace

import cv2
import numpy as np

from deid_desktop.core.imaging import photo_from_pixels
from deid_desktop.core.types import Face


def faces_of(pipeline, photo):
    """Return the faces worth a surrogate, left to right, numbered from 0."""
    found = [face for face in pipeline.detect(photo) if face.score > 0.8]
    ordered = sorted(found, key=lambda face: face.box[0])
    return [replace(face, id=i) for i, face in enumerate(ordered)]


def moved_face(face, matrix):
    """Return ``face`` where a 2×3 ``matrix`` takes it."""
    x, y, w, h = face.box
    corners = np.array([[x, y], [x + w, y], [x, y + h], [x + w, y + h]]) @ matrix[:, :2].T
    corners += matrix[:, 2]
    low, high = corners.min(0), corners.max(0)
    points = (face.points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    return Face(face.id, (*low.tolist(), *(high - low).tolist()), points, face.score)


def scaled(photo, face, factor):
    """Return ``photo`` and ``face`` at another size."""
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    pixels = cv2.resize(photo.pixels, None, fx=factor, fy=factor, interpolation=how)
    half = (factor - 1) / 2
    matrix = np.array([[factor, 0, half], [0, factor, half]])
    return photo_from_pixels(pixels, "scaled.jpg"), moved_face(face, matrix)
