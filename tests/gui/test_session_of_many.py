"""A whole working day in small: twenty photos opened, adjusted, reviewed, exported, reopened."""

import json

import pytest
from guards import make_session
from PySide6.QtCore import Qt
from test_main_window import drop

from deid_desktop.core.types import Method, State
from deid_desktop.session.project_file import ProjectFile

COUNT = 20
CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def day(window, document, photo_file, settle, tmp_path):
    (tmp_path / "photos").mkdir()
    for number in range(COUNT):
        photo_file(f"photos/{number:02d}.png", level=60 + 4 * number)
    drop(window, [tmp_path / "photos"])
    settle()
    return window


def test_open_detect_adjust_review_export_reopen(
    day, document, pipeline, settle, qtbot, tmp_path, renderer
):
    assert len(document.entries) == COUNT
    assert sum(entry.photo is not None for entry in document.entries) == 1, "pixels are let go"
    # Adjust: a failing surrogate is masked, a name tag is hidden, a face is made older.
    pipeline.fail_seeds = (1,)
    qtbot.keyClick(day, Qt.Key.Key_R)
    settle()
    assert document.selected.state is State.ATTENTION
    day.verdict.solid.click()
    for _ in range(3):
        qtbot.keyClick(day, Qt.Key.Key_Right, CONTROL)
    settle()
    assert document.current is document.entries[3]
    document.add_face((60.0, 70.0, 20.0, 10.0), region=True)
    settle()
    # Review: every face of every photo.
    day.opening.save_to(tmp_path / "case.deid")
    day.file.close()
    document.set_approval_needed(True)
    document.show_photo(document.entries[0])
    day.actions_by_key["show_review"].trigger()
    day.review.reviewer.setText("Ada")
    for _ in range(2 * COUNT + 1):
        qtbot.keyClick(day, Qt.Key.Key_A)
    assert f"{2 * COUNT + 1} of {2 * COUNT + 1}" in day.review.progress.text()
    # Export all.
    day.export_photo()
    dialog = day.export_dialog
    dialog.scope.setCurrentIndex(2)
    dialog.report.setChecked(True)
    (tmp_path / "out").mkdir()
    dialog.folder.setText(str(tmp_path / "out"))
    assert dialog.write.isEnabled(), dialog.words.text()
    dialog.write.click()
    qtbot.waitUntil(lambda: not dialog._waiting, timeout=60_000)
    assert len(list((tmp_path / "out").glob("*-deid.png"))) == COUNT
    (report,) = (tmp_path / "out").glob("*.json")
    faces = [face for photo in json.loads(report.read_text())["photos"] for face in photo["faces"]]
    assert len(faces) == 2 * COUNT + 1
    assert all("approved" in face["review"] for face in faces)
    assert all(entry.exported for entry in document.entries)
    # Reopen in another window.
    day.opening.save_to(tmp_path / "case.deid")
    day.file.close()
    with make_session(pipeline) as (other, second):
        file = ProjectFile(other)
        file.open(tmp_path / "case.deid")
        qtbot.waitUntil(lambda: not second.busy, timeout=60_000)
        assert other.approval_needed
        assert all(s.approved for entry in other.entries for s in entry.present())
        assert other.entries[0].subjects[0].request.method is Method.SOLID
        file.close()
