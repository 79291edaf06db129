"""Mouths: a line between closed lips, dark corners between open ones, nothing elsewhere."""

import numpy as np
import pytest

from deid_desktop.core import mesh
from deid_desktop.core.compose.mouth import part_lips


@pytest.fixture
def vertices():
    """The canonical face, 200 pixels wide."""
    points = np.zeros((478, 3), np.float32)
    low, high = mesh.XYZ.min(0), mesh.XYZ.max(0)
    points[: mesh.VERTICES] = (mesh.XYZ - low) / (high - low)[0] * 200 + 20
    points[14, :2] = points[13, :2] + [0, 1]
    return points


def drawn(vertices):
    picture = np.full((320, 240, 3), 150, np.float32)
    part_lips(picture, vertices)
    return picture


def test_closed_lips_are_parted_by_a_line(vertices):
    picture = drawn(vertices)
    x, y = np.round(vertices[[13, 14], :2].mean(0)).astype(int)
    assert picture[y - 2 : y + 3, x].min() < 120
    assert picture[:, x].min(1)[: y - 8].min() == 150
    assert picture[:, x].min(1)[y + 9 :].min() == 150


def test_an_open_mouth_has_dark_corners_only(vertices):
    vertices[14, :2] += [0, 20]
    picture = drawn(vertices)
    x, y = np.round(vertices[13, :2]).astype(int)
    assert picture[y - 8 :, x].min() == 150
    x, y = np.round(vertices[78, :2]).astype(int)
    assert picture[y - 3 : y + 4, x - 3 : x + 4].min() < 130
