"""Eyes: irises keep the donors' brown in any skin, lamps mirrored in them have an edge."""

import numpy as np
import pytest

from deid_desktop.core import mesh
from deid_desktop.core.compose.eyes import draw_eyes

SIDE = 400
BROWN = np.array([0.4, 0.42, 0.45], np.float32)


@pytest.fixture(scope="module")
def vertices():
    """A frontal face of the canonical mesh with wide open eyes that look ahead."""
    scale = 0.9 * SIDE / np.ptp(mesh.XYZ[:, 1])
    face = np.zeros((478, 3), np.float32)
    face[: mesh.VERTICES] = (mesh.XYZ - mesh.XYZ.mean(0)) * scale + [SIDE / 2, SIDE / 2, 0]
    for eye, iris in ((mesh.LEFT_EYE, mesh.LEFT_IRIS), (mesh.RIGHT_EYE, mesh.RIGHT_IRIS)):
        centre = face[eye].mean(0)
        radius = 0.2 * float(np.linalg.norm(face[eye[0]] - face[eye[8]]))
        ring = [(0, 0), (1, 0), (0, -1), (-1, 0), (0, 1)]
        face[iris] = centre + radius * np.array([(*place, 0) for place in ring])
    return face


def drawn(vertices, skin):
    skin = np.asarray(skin, np.float32)
    photo = np.full((SIDE, SIDE, 3), 200, np.float32)
    picture = np.zeros((SIDE, SIDE, 3), np.float32) + skin
    draw_eyes(picture, photo, vertices, BROWN, skin)
    return picture


@pytest.mark.parametrize("skin", [(215, 150, 145), (190, 140, 100)])
def test_brown_irises_are_not_purple_beside_pink_skin(vertices, skin):
    picture = drawn(vertices, skin)
    x, y, _ = vertices[mesh.LEFT_IRIS[0]]
    radius = float(np.linalg.norm(vertices[mesh.LEFT_IRIS[1]] - vertices[mesh.LEFT_IRIS[0]]))
    red, green, blue = picture[round(y), round(x + 0.6 * radius)]
    assert red > green > blue


def test_the_white_of_an_eye_is_as_light_as_the_photos(vertices):
    picture = drawn(vertices, (200, 150, 130))  # its white is 200
    eye, iris = vertices[mesh.LEFT_EYE, :2], vertices[mesh.LEFT_IRIS, :2]
    radius = float(np.linalg.norm(iris[1] - iris[0]))
    x, y = iris[0] - [1.5 * radius, 0]  # towards the temple
    assert eye[:, 0].min() < x < eye[:, 0].max()
    assert 150 < picture[round(y), round(x)].mean() < 200


def test_a_catchlight_is_a_spot_with_an_edge(vertices):
    grey = drawn(vertices, (200, 150, 130)).mean(2)
    x, y, _ = vertices[mesh.LEFT_IRIS[0]]
    radius = float(np.linalg.norm(vertices[mesh.LEFT_IRIS[1]] - vertices[mesh.LEFT_IRIS[0]]))
    spot = (y - 0.33 * radius, x - 0.28 * radius)  # where no lamp is seen in the photo
    rows, columns = np.mgrid[:SIDE, :SIDE]
    away = np.hypot(rows - spot[0], columns - spot[1]) / radius
    pupil = np.hypot(rows - y, columns - x) / radius < 0.25
    assert grey[away < 0.1].min() > 90
    assert grey[pupil & (away > 0.35)].max() < 60


def test_eyes_are_pink_beside_the_nose_and_white_beside_the_temple(vertices):
    picture = drawn(vertices, (200, 150, 130))
    lids = vertices[mesh.LEFT_EYE, :2]
    nose, temple = (
        picture[round(float(place[1])), round(float(place[0]))]
        for place in (lids[8] + share * (lids[0] - lids[8]) for share in (0.12, 0.88))
    )
    assert nose[0] / nose[2] > 1.2 * temple[0] / temple[2]


def test_lashes_stand_above_the_lids_edge(vertices):
    plain = np.array((200, 150, 130), np.float32)
    lids = vertices[mesh.LEFT_EYE, :2]
    x, edge = round(float(lids[4, 0])), float(lids[4, 1])
    above = drawn(vertices, plain)[round(edge - 0.03 * np.linalg.norm(lids[0] - lids[8])), x]
    assert above.mean() < 0.75 * plain.mean()


@pytest.mark.parametrize(("apart", "open_still"), [(0.15, True), (0.06, True), (0.02, False)])
def test_eyes_that_are_screwed_up_are_not_shut(vertices, apart, open_still):
    """One eye that stays open beside one that is drawn shut would be a wink."""
    narrow = vertices.copy()
    for eye in (mesh.LEFT_EYE, mesh.RIGHT_EYE):
        width = mesh.eye_axis(narrow, eye)[1]
        distance, down = mesh.lids_apart(narrow, eye)
        less = distance * (1 - apart * width / distance.mean())
        narrow[eye[1:8], :2] += 0.5 * less[:, None] * down
        narrow[eye[:8:-1], :2] -= 0.5 * less[:, None] * down
    skin = np.array([200, 150, 130], np.float32)
    x, y = narrow[mesh.LEFT_EYE, :2].mean(0)
    radius = float(np.linalg.norm(narrow[mesh.LEFT_IRIS[1]] - narrow[mesh.LEFT_IRIS[0]]))
    across = drawn(narrow, skin)[round(y), round(x - radius) : round(x + radius)]
    beside = drawn(narrow, skin)[round(y), round(x - 1.7 * radius) : round(x - 1.3 * radius)]
    assert bool(beside.mean() > across.mean() + 10) == open_still
