"""Glasses that are kept are not bent: what lies beside them moves by one affine map."""

import cv2
import numpy as np
import pytest

from deid_desktop.core import mesh
from deid_desktop.core.compose.worn import stiffened

SIZE = 256


@pytest.fixture(scope="module")
def vertices():
    face = np.zeros((478, 3), np.float32)
    face[: mesh.VERTICES] = (mesh.XYZ - mesh.XYZ.min(0)) * 20
    for iris, eye in ((mesh.LEFT_IRIS, mesh.LEFT_EYE), (mesh.RIGHT_IRIS, mesh.RIGHT_EYE)):
        face[iris] = face[eye].mean(0)
    return face


@pytest.fixture(scope="module")
def moved(vertices):
    """Another face: a bridge that rises, one eye lower, cheeks that bulge."""
    bent = vertices.copy()
    span = np.ptp(vertices[: mesh.VERTICES, 0])
    x, y = (vertices[:, :2] / span).T
    bent[:, 0] += 4 * np.sin(9 * y)
    bent[:, 1] += 6 * np.sin(11 * x)
    return bent


@pytest.fixture(scope="module")
def glasses():
    frames = np.zeros((SIZE, SIZE), np.float32)
    places = mesh.UV * SIZE - 0.5
    for eye in (mesh.LEFT_EYE, mesh.RIGHT_EYE):
        centre = np.round(places[eye].mean(0)).astype(int).tolist()
        width = float(np.ptp(places[eye, 0]))
        cv2.ellipse(frames, centre, (int(0.9 * width), int(0.6 * width)), 0, 0, 360, 1.0, 10)
    corners = np.round(places[[133, 362]]).astype(int).tolist()
    cv2.line(frames, corners[0], corners[1], 1.0, 10)
    return frames


def off_affine(vertices, moved, chosen):
    """Return how far the moves of some vertices are from the nearest affine map."""
    terms = np.c_[vertices[chosen, :2], np.ones(len(chosen))]
    change = (moved - vertices)[chosen, :2]
    rest = change - terms @ np.linalg.lstsq(terms, change, rcond=None)[0]
    return float(np.linalg.norm(rest, axis=1).max())


def on_frames(glasses):
    at = np.round(mesh.UV * SIZE - 0.5).astype(int)
    return np.flatnonzero(cv2.erode(glasses, np.ones((5, 5)))[at[:, 1], at[:, 0]] > 0.9)


def test_frames_move_as_one_piece(vertices, moved, glasses):
    chosen = on_frames(glasses)
    assert len(chosen) > 8
    assert off_affine(vertices, moved, chosen) > 3
    assert off_affine(vertices, stiffened(vertices, moved, glasses), chosen) < 0.5


def test_what_is_far_from_them_moves_as_it_would(vertices, moved, glasses):
    held = stiffened(vertices, moved, glasses)
    far = [*mesh.LIPS, 152, 10]
    np.testing.assert_array_equal(held[far], moved[far])


def test_irises_go_with_their_eyes(vertices, moved, glasses):
    held = stiffened(vertices, moved, glasses)
    for iris, eye in ((mesh.LEFT_IRIS, mesh.LEFT_EYE), (mesh.RIGHT_IRIS, mesh.RIGHT_EYE)):
        corners = [eye[0], eye[8]]
        np.testing.assert_allclose(
            (held - moved)[iris[0]], (held - moved)[corners].mean(0), atol=1e-5
        )


def test_a_speck_holds_nothing(vertices, moved):
    speck = np.zeros((SIZE, SIZE), np.float32)
    speck[120:124, 120:124] = 1
    np.testing.assert_array_equal(stiffened(vertices, moved, speck), moved)
