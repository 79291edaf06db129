"""What mixes lack is learned from portraits beside mixes in their light."""

import numpy as np
import pytest
from safetensors.numpy import load_file

from deid_desktop.core.compose.shading import SIZE, Learned
from deid_desktop.core.generate import TINY
from deid_desktop.training.portraits import Seen
from deid_desktop.training.shading import learn, save

WORK = (112.0, 128.0)


@pytest.fixture(scope="module")
def seen(pipeline, crew, crew_faces):
    """The faces of the sample crew."""
    studio = pipeline._studio
    faces = []
    for face in crew_faces:
        scene = studio.scene(crew, face, TINY, WORK)
        faces.append(Seen(scene, face, studio.analyse(crew, face)))
    return faces


def test_mixes_come_nearer_to_the_portraits_in_every_round(seen):
    learned, report = learn(seen)
    assert report.portraits == len(seen)
    assert report.off[-1] < 0.95 * report.off[0]
    assert learned.lack.shape == (5, SIZE, SIZE)
    assert np.abs(learned.lack - learned.lack[..., ::-1]).mean() < 1e-3
    assert learned.usual[0] == pytest.approx(1)


def test_what_is_saved_is_what_was_learned(tmp_path):
    """Tensors are written as they lie in memory, whatever their axes are."""
    lack = np.moveaxis(np.arange(5 * SIZE * SIZE).reshape(SIZE, SIZE, 5) / 1e5, 2, 0)
    save(Learned(np.ones(9, np.float32), lack.astype(np.float32)), tmp_path / "shading.safetensors")
    found = load_file(tmp_path / "shading.safetensors")["lack"]
    np.testing.assert_allclose(found, lack, atol=1e-3)
