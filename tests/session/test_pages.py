"""Files with several pictures: another page is chosen, and no face goes from one to the other."""

import threading

import pytest
from guards import make_session
from PIL import Image

from deid_desktop.core.types import State
from deid_desktop.session.project_file import ProjectFile


@pytest.fixture
def pages(tmp_path):
    """A TIFF of two pictures; on the second, narrower one there is room for one face only."""
    path = tmp_path / "pages.tif"
    second = Image.new("RGB", (80, 100), (60, 60, 60))
    Image.new("RGB", (160, 100), (120, 120, 120)).save(path, save_all=True, append_images=[second])
    return path


def test_another_page_starts_anew(document, renderer, pages, settle):
    document.open([pages])
    settle()
    entry = document.current
    assert (entry.pages, len(entry.subjects)) == (2, 2)
    document.another_face()
    settle()
    document.turn_to(entry, 1)
    assert not document.undo_stack.canUndo()
    settle()
    assert [subject.state for subject in entry.present()] == [State.VERIFIED]
    assert entry.notes == ("only page 2 of its 2 is used",)
    for picture in (renderer.view.before, renderer.view.after):
        assert picture.levels[0].shape[:2] == (100, 80)
    assert tuple(renderer.view.before.levels[0][90, 70, :3]) == (60, 60, 60)


def test_faces_of_one_page_never_become_anothers(
    document, renderer, pipeline, pages, settle, qtbot, monkeypatch
):
    gate, find = threading.Event(), pipeline.detect

    def slow(photo, **options):
        found = find(photo, **options)
        gate.wait(20)
        return found

    monkeypatch.setattr(pipeline, "detect", slow)
    document.open([pages])
    qtbot.waitUntil(lambda: ("detect", "pages.tif") in pipeline.calls, timeout=20_000)
    document.turn_to(document.current, 1)
    gate.set()
    settle()
    assert pipeline.calls.count(("detect", "pages.tif")) == 2
    assert len(document.current.subjects) == 1


def test_a_project_remembers_the_page(document, renderer, pipeline, pages, settle, tmp_path, qtbot):
    document.open([pages])
    settle()
    document.turn_to(document.current, 1)
    settle()
    file = ProjectFile(document)
    file.save(tmp_path / "case.deid")
    file.close()
    with make_session(pipeline) as (other, worker):
        ProjectFile(other).open(tmp_path / "case.deid")
        qtbot.waitUntil(lambda: not worker.busy, timeout=20_000)
        (entry,) = other.entries
        assert (entry.page, entry.pages) == (1, 2)
        assert [subject.state for subject in entry.present()] == [State.VERIFIED]
        assert worker.view.before.levels[0].shape[:2] == (100, 80)
