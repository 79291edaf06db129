"""What was kept: each figure sees the change it is there for, and only that."""

from dataclasses import replace

import numpy as np
import pytest

from deid_desktop.core import mesh
from deid_desktop.core.types import Analysis
from deid_desktop.evaluation import utility


def analysis(**changes):
    vertices = np.zeros((478, 3), np.float32)
    vertices[:468] = mesh.XYZ * 20 + 200
    for eye, iris in ((mesh.LEFT_EYE, mesh.LEFT_IRIS), (mesh.RIGHT_EYE, mesh.RIGHT_IRIS)):
        vertices[iris] = vertices[[eye[0], eye[8]]].mean(0)
    base = Analysis(vertices, np.linspace(0, 1, 52), (3, 2, 1), 0.5, 40, 30, np.ones(128))
    return replace(base, **changes)


def pixels(colour=(180, 140, 120)):
    return np.full((400, 400, 3), colour, np.uint8)


def kept(after, before=None, colours=None):
    before = before or analysis()
    return utility.compare(before, after, colours or (pixels(), pixels()))


def test_no_change_is_no_error():
    same = kept(analysis())
    perfect = {"expression agreement": 1, "gender agreement": 1}
    assert same == pytest.approx({name: perfect.get(name, 0) for name in utility.UNITS}, abs=1e-6)


def test_pose_expression_gender_age():
    after = analysis(pose=(3, 9, 2), blendshapes=np.eye(52)[0], gender=-0.1, age=33)
    found = kept(after, analysis(blendshapes=np.eye(52)[0] + np.eye(52)[1]))
    assert found["pose error"] == 7
    assert found["expression agreement"] == pytest.approx(0.5**0.5)
    assert found["gender agreement"] == 0
    assert found["age error"] == 7


def test_landmarks_in_eye_distances():
    before = analysis()
    eyes = [before.mesh[eye, :2].mean(0) for eye in (mesh.LEFT_EYE, mesh.RIGHT_EYE)]
    moved = before.mesh + np.array([0.1 * np.linalg.norm(eyes[1] - eyes[0]), 0, 50])
    assert kept(analysis(mesh=moved))["landmark error"] == pytest.approx(0.1)
    assert kept(analysis(mesh=moved))["gaze error"] == pytest.approx(0, abs=1e-6)


def test_gaze_in_eye_widths():
    moved = analysis().mesh.copy()
    for eye, iris in ((mesh.LEFT_EYE, mesh.LEFT_IRIS), (mesh.RIGHT_EYE, mesh.RIGHT_IRIS)):
        width = np.linalg.norm(moved[eye[0], :2] - moved[eye[8], :2])
        moved[iris, 0] += 0.2 * width
    found = kept(analysis(mesh=moved))
    assert found["gaze error"] == pytest.approx(0.2, abs=1e-4)
    assert found["landmark error"] == 0


def test_skin_colour():
    lighter = kept(analysis(), colours=(pixels(), pixels((190, 150, 130))))["skin ΔE"]
    assert 2 < lighter < 5


@pytest.mark.parametrize(
    ("first", "second", "difference"),
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 3.1571, -77.2803), (50, 0, -82.7485), 2.8615),
        ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0000),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, 2.49, -0.001), (50, -2.49, 0.0009), 7.1792),
        ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
        ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_ciede2000_as_published(first, second, difference):
    """Test data of Sharma, Wu and Dalal, table 1."""
    assert utility.ciede2000(first, second) == pytest.approx(difference, abs=1e-4)
    assert utility.ciede2000(second, first) == pytest.approx(difference, abs=1e-4)
