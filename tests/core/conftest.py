"""The sample photos with their faces, and one pipeline for all tests that do not break it."""

import pytest
from samples import faces_of

from deid_desktop.core.imaging import read_photo
from deid_desktop.core.pipeline import Pipeline
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
