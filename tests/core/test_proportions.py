"""What composed faces have too much of is learned, kept, and taken from every surrogate alike."""

from dataclasses import replace

import numpy as np
import pytest

from deid_desktop.core import mesh
from deid_desktop.core.compose import Correction, ShapeModel, proportions
from deid_desktop.core.compose.shape import displaced
from deid_desktop.core.generate import TINY, Generator
from deid_desktop.core.types import Array
from deid_desktop.training.portraits import Seen
from deid_desktop.training.proportions import learn, save

WORK = (112.0, 128.0)


@pytest.fixture(scope="module")
def seen(pipeline, crew, crew_faces):
    """The faces of the sample crew, and one more as a woman's: there must be one of each gender."""
    studio, faces = pipeline._studio, []
    for face in crew_faces:
        analysis = studio.analyse(crew, face)
        faces.append(Seen(studio.scene(crew, face, TINY, WORK), face, analysis))
    last = faces[-1]
    gender = -1.0 if last.analysis.gender > 0 else 1.0
    return [*faces, replace(last, analysis=replace(last.analysis, gender=gender))]


def moved(
    one: Seen, excess: Array | float, *, strength: float = 4.5, to_mean: bool = True
) -> Array:
    scene = one.scene
    change = to_mean * scene.shapes.identity_change(scene.fit, scene.shapes.mean, male=1.0)
    return displaced(
        scene.mesh, scene.fit, change, strength=strength, expression=None,
        correction=Correction(), male=1.0, excess=excess,
    )  # fmt: skip


def test_surrogates_come_nearer_to_people(seen):
    excess, report = learn(seen)
    assert report.women and report.men and report.women + report.men == len(seen)
    assert report.off[-1] < 0.8 * report.off[0]
    assert excess.shape == (2, mesh.VERTICES, 3)
    np.testing.assert_allclose(excess, (excess * [-1, 1, 1])[:, mesh.MIRROR], atol=1e-5)


@pytest.mark.parametrize("axis", [1, 2])
def test_what_is_in_excess_is_taken_away(seen, axis):
    """Of a nose that comes out too long or too deep, most is taken, as far as that is human.

    Bounds leave less room for that where a length is at one of them already.
    """
    longer = np.zeros((mesh.VERTICES, 3), np.float32)
    longer[:, axis] = 0.3 * np.exp(-(((mesh.XYZ - mesh.XYZ[4]) / 1.5) ** 2).sum(1))
    before, after = (moved(seen[1], excess, to_mean=axis == 2)[4, axis] for excess in (0.0, longer))
    centimetre = seen[1].scene.fit.pose.scale
    assert 0.1 < (before - after) / centimetre < 0.35


def test_a_face_that_keeps_its_shape_loses_nothing(seen):
    excess = np.ones((mesh.VERTICES, 3), np.float32)
    kept = (moved(seen[0], value, strength=0.0) for value in (0.0, excess))
    np.testing.assert_array_equal(*kept)


def test_genders_are_told_apart_and_mixed():
    excess = np.stack([np.zeros((mesh.VERTICES, 3)), np.ones((mesh.VERTICES, 3))])
    shapes = ShapeModel(Generator("cpu").tensors("shape."), excess=excess.astype(np.float32))
    assert [shapes.excess(male).max() for male in (0.0, 0.25, 1.0)] == [0, 0.25, 1]


def test_what_is_saved_is_read(tmp_path, monkeypatch):
    excess = np.linspace(-1, 1, 2 * mesh.VERTICES * 3).reshape(2, mesh.VERTICES, 3)
    save(excess.astype(np.float32), tmp_path / proportions.FILE)
    monkeypatch.setattr(proportions, "model_path", lambda name: tmp_path / name)
    np.testing.assert_allclose(proportions.learned.__wrapped__(), excess, atol=1e-3)
