"""Eyes and lips of a face that is made older have less contrast."""

import pytest

from deid_desktop.core import mesh
from deid_desktop.core.attributes import Attribute
from deid_desktop.core.compose import sketch
from deid_desktop.core.generate import SMALL
from deid_desktop.core.pipeline import studio

WOMAN = Attribute(-1.0, 45.0)


@pytest.fixture
def aged(pipeline, portrait, portrait_face):
    """Draws the sample portrait with skin that is much older."""
    workshop = pipeline._studio
    scene = workshop.scene(portrait, portrait_face, SMALL, studio._PREVIEW)
    identity = workshop._generator.draw_identity(WOMAN, k=5, seed=0)
    (surrogate,) = workshop._generator.generate([identity], [WOMAN], size=SMALL)
    return lambda: sketch(scene, surrogate, portrait_face.points, shape_strength=3.0, wear=2.2)


def spread(seen, vertices):
    low, high = seen.mesh[vertices, :2].min(0), seen.mesh[vertices, :2].max(0)
    (left, top), (right, bottom) = low.astype(int), high.astype(int) + 1
    return float(seen.picture[top:bottom, left:right].mean(2).std())


def redness(seen):
    x, y = seen.mesh[17, :2].round().astype(int)
    red, green, _ = seen.picture[y - 2 : y + 1, x - 3 : x + 4].reshape(-1, 3).mean(0)
    return red / green


def test_eyes_grow_duller(aged, monkeypatch):
    old = aged()
    monkeypatch.setattr("deid_desktop.core.compose._DULLER", 0.0)
    bright = aged()
    for eye in (mesh.LEFT_EYE, mesh.RIGHT_EYE):
        assert spread(old, eye) < 0.995 * spread(bright, eye)


def test_lips_grow_paler(aged, monkeypatch):
    old = aged()
    monkeypatch.setattr("deid_desktop.core.compose.lips._PALER", 0.0)
    assert redness(old) < 0.99 * redness(aged())
