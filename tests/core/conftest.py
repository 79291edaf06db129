"""The sample photos with their faces, and one pipeline for all tests that do not break it."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from deid_desktop.core.imaging import photo_from_pixels, read_photo
from deid_desktop.core.pipeline import Pipeline
from deid_desktop.core.types import Face
from deid_desktop.resources import resource


@pytest.fixture(scope="session")
def pipeline():
    """The real pipeline; tests that change its parts make their own."""
    return Pipeline("cpu")


@pytest.fixture(scope="session")
def portrait():
    """A portrait, 720 × 900, its one face about 200 pixels high."""
    return read_photo(resource("samples", "portrait.jpg"))


@pytest.fixture(scope="session")
def crew():
    """Three people beside each other, 1600 × 1067."""
    return read_photo(resource("samples", "crew.jpg"))


def faces_of(pipeline, photo):
    """Return the faces worth a surrogate, left to right, numbered from 0."""
    found = [face for face in pipeline.detect(photo) if face.score > 0.8]
    ordered = sorted(found, key=lambda face: face.box[0])
    return [replace(face, id=i) for i, face in enumerate(ordered)]


@pytest.fixture(scope="session")
def portrait_face(pipeline, portrait):
    """The face of ``portrait``."""
    (face,) = faces_of(pipeline, portrait)
    return face


@pytest.fixture(scope="session")
def crew_faces(pipeline, crew):
    """The three faces of ``crew``."""
    found = faces_of(pipeline, crew)
    assert len(found) == 3
    return found


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
