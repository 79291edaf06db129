"""A surrogate looks turned, and looks the way, as the face that it covers does."""

from dataclasses import replace

import numpy as np
import pytest

from deid_desktop.core import mesh
from deid_desktop.core.compose import Correction, ShapeModel
from deid_desktop.core.compose.shape import displaced
from deid_desktop.core.generate import Generator
from deid_desktop.core.geometry import procrustes
from deid_desktop.core.pipeline.posing import needed_correction
from deid_desktop.core.types import Request, Sitting


@pytest.fixture(scope="module")
def analysis(pipeline, portrait, portrait_face):
    return pipeline.analyse(portrait, portrait_face)


def pose(vertices):
    return np.array(procrustes(mesh.XYZ, vertices[: mesh.VERTICES]).degrees())


def turned(vertices, degrees):
    """Turn a whole head about the picture's vertical."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    middle = vertices.mean(0)
    about = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
    return ((vertices - middle) @ about + middle).astype(np.float32)


def test_a_sketch_that_looks_as_the_face_needs_nothing(analysis):
    assert needed_correction(analysis, analysis.mesh) == Correction()


@pytest.mark.parametrize("degrees", [-4.0, 3.0, 60.0])
def test_what_a_sketch_lacks_of_the_turn_is_made_up_for(analysis, degrees):
    shown = turned(analysis.mesh, degrees)
    missing = float((np.array(analysis.pose) - pose(shown))[0])
    yaw, pitch = needed_correction(analysis, shown).turn
    assert np.sign(yaw) == np.sign(missing)
    assert 0.9 * min(abs(missing), 8) < abs(yaw) <= 8
    assert abs(pitch) < 0.3 * abs(yaw) + 0.1


def test_eyes_that_look_elsewhere_are_brought_back_and_closed_ones_left(analysis):
    shown = analysis.mesh.copy()
    axis, width = mesh.eye_axis(shown, mesh.LEFT_EYE)
    shown[mesh.LEFT_IRIS, :2] += 0.05 * width * axis
    shown[mesh.RIGHT_IRIS, 1] += 0.05 * width  # lids tell that, no iris would be seen to rise
    left, right = needed_correction(analysis, shown).gaze
    assert left == pytest.approx(-1.5 * 0.05, abs=1e-3)
    assert right == pytest.approx(0, abs=0.02)
    for upper, lower in zip(mesh.LEFT_EYE[1:8], mesh.LEFT_EYE[:8:-1], strict=True):
        shown[upper, :2] = shown[lower, :2]
    assert needed_correction(analysis, shown).gaze[0] == 0


def test_a_correction_turns_the_mesh_and_moves_the_irises_by_as_much(analysis):
    shapes = ShapeModel(Generator("cpu").tensors("shape."))
    fit = shapes.fit(analysis.mesh)

    def moved(correction):
        return displaced(
            analysis.mesh, fit, 0.01 * mesh.XYZ, strength=4.5, expression=None,
            correction=correction, male=0.5,
        )  # fmt: skip

    usual = moved(Correction())
    change = pose(moved(Correction((5.0, -3.0)))) - pose(usual)
    np.testing.assert_allclose(change[:2], [5.0, -3.0], atol=0.6)
    aside = moved(Correction(gaze=(0.05, -0.02)))
    difference = mesh.iris_offsets(aside)[0] - mesh.iris_offsets(usual)[0]
    np.testing.assert_allclose(difference, [[0.05, 0], [-0.02, 0]], atol=1e-3)
    np.testing.assert_array_equal(aside[: mesh.VERTICES], usual[: mesh.VERTICES])


def test_finished_faces_look_turned_as_they_were(pipeline, crew, crew_faces, monkeypatch):
    """What a sketch tells holds for the finished face: without it the pose is farther off."""
    studio = pipeline._studio

    def error(face, identity):
        sitting = Sitting(crew, face)
        result = studio.render(
            sitting, Request(), identity, preview=False, should_stop=lambda: False
        )
        changed = replace(crew, pixels=pipeline.render(crew, [result]), key=object())
        seen = studio._analyser.landmarks(changed.pixels, face)
        return np.abs(pose(seen) - studio.analyse(crew, face).pose)[:2].max()

    found = [pipeline.redact(crew, face, Request()) for face in crew_faces]
    made = [(r.face, r.identity) for r in found if r.identity is not None]
    assert len(made) >= 2
    corrected = [error(*one) for one in made]
    monkeypatch.setattr(studio, "_correction", lambda *_: Correction())
    usual = [error(*one) for one in made]
    assert np.mean(corrected) < np.mean(usual)
    assert np.mean(corrected) < 4
