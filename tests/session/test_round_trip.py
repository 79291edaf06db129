"""A project that is opened again knows what was approved: with the real pipeline, bit for bit."""

import pytest
from guards import make_session

from deid_desktop.core.pipeline import Pipeline
from deid_desktop.resources import resource
from deid_desktop.session.project_file import ProjectFile
from deid_desktop.session.review import decide


@pytest.fixture(scope="module")
def real():
    return Pipeline("cpu")


def test_an_approval_is_still_about_the_face_after_reopening(real, tmp_path, qtbot, qapp):
    path = tmp_path / "case.deid"
    with make_session(real) as (document, renderer):
        document.open([resource("samples", "portrait.jpg")])
        qtbot.waitUntil(lambda: not renderer.busy, timeout=60_000)
        decide(document, approved=True, comment="")
        fingerprint = document.selected.fingerprint
        file = ProjectFile(document)
        file.save(path)
        file.close()
    with make_session(real) as (again, renderer):
        file = ProjectFile(again)
        file.open(path)
        qtbot.waitUntil(lambda: not renderer.busy, timeout=60_000)
        assert again.selected.fingerprint == fingerprint
        assert again.selected.approved
        file.close()
