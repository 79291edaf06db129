"""One pipeline and one small clip of a person for the tests of both passes."""

import numpy as np
import pytest

from deid_desktop.core.imaging import read_photo
from deid_desktop.core.pipeline import Pipeline
from deid_desktop.resources import resource
from tests.video.clips import camera, write_clip


@pytest.fixture(scope="session")
def pipeline():
    """The real pipeline."""
    return Pipeline("cpu")


@pytest.fixture(scope="session")
def walking(tmp_path_factory):
    """A portrait of 40 frames under a moving camera; frames 16 to 25 show a wall instead."""
    photo = read_photo(resource("samples", "portrait.jpg")).pixels
    pictures, _ = camera(
        photo, 40, size=(320, 240), zoom=0.3, start=(-60, 0), step=(-1, 0.3), sway=3
    )
    pictures[16:26] = [np.full_like(pictures[0], 150)] * 10
    folder = tmp_path_factory.mktemp("clips")
    return write_clip(folder / "walking.mp4", pictures, metadata={"title": "Name Surname"})
