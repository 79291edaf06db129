import json
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog

from deid_desktop.core.imaging import read_photo
from deid_desktop.core.types import State
from deid_desktop.session.exporting import targets_for
from deid_desktop.session.model import PhotoEntry


@pytest.fixture
def dialog(opened):
    opened.export_photo()
    return opened.export_dialog


@pytest.fixture
def three(window, document, photo_file, settle):
    """The window with three photos, and its export dialog."""
    window.open_paths([photo_file(name) for name in ("a.png", "b.png", "c.png")])
    settle()
    window.export_photo()
    return window.export_dialog


def finished(dialog, qtbot):
    qtbot.waitUntil(lambda: not dialog._waiting, timeout=20_000)


def test_writes_a_new_file_beside_the_original(dialog, document, qtbot):
    original = document.current.path.read_bytes()
    dialog.write.click()
    finished(dialog, qtbot)
    assert document.current.path.with_name("a-deid.png").exists()
    assert document.current.path.read_bytes() == original
    assert "a-deid.png" in dialog.outcome.text()


def test_blocked_faces_come_first_and_are_one_click_away(
    dialog, opened, document, pipeline, settle, qtbot
):
    pipeline.fail_seeds = (1,)
    document.select(1)
    document.another_face()
    settle()
    document.select(0)
    assert not dialog.write.isEnabled()
    assert "Face 2: needs attention. Still too similar." in dialog.faces.item(0).text()
    dialog.faces.itemClicked.emit(dialog.faces.item(0))
    assert document.selected_id == 1
    assert opened.compare.result.zoom > 1


def test_a_photo_without_faces_asks_for_a_look(window, document, pipeline, photo_file, settle):
    pipeline.boxes = ()
    window.open_paths([photo_file()])
    settle()
    window.export_photo()
    dialog = window.export_dialog
    assert "Look for yourself" in dialog.words.text()
    assert not dialog.write.isEnabled()
    dialog.looked.setChecked(True)
    assert dialog.write.isEnabled()


def test_files_that_exist_are_left_alone(dialog, document, qtbot):
    taken = document.current.path.with_name("a-deid.png")
    taken.write_text("mine")
    dialog.write.click()
    finished(dialog, qtbot)
    assert taken.read_text() == "mine"
    assert taken.with_name("a-deid-2.png").exists()


def test_the_original_is_never_the_target(dialog, document, qtbot):
    before = document.current.path.read_bytes()
    dialog.pattern.setText("{name}")
    dialog.write.click()
    finished(dialog, qtbot)
    assert document.current.path.read_bytes() == before
    assert document.current.path.with_name("a-2.png").exists()


@pytest.mark.parametrize("pattern", ["../{name}", "a/b", "...", "a:b"])
def test_a_pattern_that_is_no_name_is_explained(dialog, qtbot, pattern, tmp_path):
    dialog.pattern.setText(pattern)
    dialog.write.click()
    assert "makes no file name" in dialog.outcome.text()
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["a.png"]


def test_a_missing_folder_is_explained(dialog, qtbot, monkeypatch, tmp_path):
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "gone"))
    dialog.browse.click()
    dialog.write.click()
    finished(dialog, qtbot)
    assert "folder does not exist" in dialog.outcome.text()


def test_the_last_check_can_still_block(dialog, document, pipeline, qtbot):
    confirm = pipeline.confirm

    def doubt(photo, results, **_):
        done = confirm(photo, results)
        first, *rest = done.results
        verdict = replace(first.verdict, state=State.ATTENTION, reason="Recognised after all.")
        return replace(done, results=(replace(first, verdict=verdict, layer=None), *rest))

    pipeline.confirm = doubt
    dialog.write.click()
    finished(dialog, qtbot)
    assert "Recognised after all." in dialog.faces.item(0).text()
    assert not dialog.write.isEnabled()


def test_format_quality_and_size(dialog, document, qtbot):
    dialog.format.setCurrentIndex(1)
    dialog.longest.setCurrentIndex(dialog.longest.count() - 1)
    for quality in (100, 60):
        dialog.quality.setValue(quality)
        dialog.write.click()
        finished(dialog, qtbot)
    fine, coarse = (document.current.path.with_name(n) for n in ("a-deid.jpg", "a-deid-2.jpg"))
    assert coarse.stat().st_size < fine.stat().st_size
    assert read_photo(fine).pixels.shape == (100, 160, 3), "small photos are never enlarged"


def test_large_photos_are_made_smaller_and_labelled(window, photo_file, settle, qtbot, tmp_path):
    window.open_paths([photo_file(size=(1500, 900))])
    settle()
    window.export_photo()
    dialog = window.export_dialog
    dialog.longest.setCurrentIndex(dialog.longest.count() - 1)
    dialog.label.setChecked(True)
    dialog.write.click()
    finished(dialog, qtbot)
    pixels = read_photo(tmp_path / "a-deid.png").pixels
    assert pixels.shape == (614, 1024, 3)
    label, above = pixels[-20:, :300], pixels[-60:-30, :300]
    assert label.min() < 80 < above.min()
    assert label.max() > 200 > above.max()


def test_all_photos_are_written_with_progress_and_a_report(three, document, qtbot, tmp_path):
    three.scope.setCurrentIndex(2)
    assert "3 photos" in three.words.text()
    three.pattern.setText("photo {number}")
    three.report.setChecked(True)
    three.write.click()
    finished(three, qtbot)
    names = {"photo 001.png", "photo 002.png", "photo 003.png"}
    assert names <= {file.name for file in tmp_path.iterdir()}
    assert all(entry.exported for entry in document.entries)
    report = json.loads((tmp_path / "deid-report.json").read_text())
    assert [photo["output"] for photo in report["photos"]] == sorted(names)
    assert all(face["verified"] for photo in report["photos"] for face in photo["faces"])
    assert "3 of 3 photos" in (tmp_path / "deid-report.html").read_text()


def test_selected_photos_are_proposed(three, document, window, qtbot, tmp_path):
    three.close()
    strip = window.filmstrip
    for row, modifier in (
        (0, Qt.KeyboardModifier.NoModifier),
        (2, Qt.KeyboardModifier.ControlModifier),
    ):
        spot = strip.visualItemRect(strip.item(row)).center()
        qtbot.mouseClick(strip.viewport(), Qt.MouseButton.LeftButton, modifier, pos=spot)
    window.export_photo()
    dialog = window.export_dialog
    assert [entry.name for entry in dialog.entries] == ["a.png", "c.png"]
    dialog.write.click()
    finished(dialog, qtbot)
    assert not (tmp_path / "b-deid.png").exists()
    assert (tmp_path / "c-deid.png").exists()


def test_one_blocked_photo_is_named_among_all(three, document, pipeline, settle):
    pipeline.fail_seeds = (1,)
    document.show_photo(document.entries[1])
    document.another_face()
    settle()
    three.scope.setCurrentIndex(2)
    assert "In the way: b.png." in three.words.text()
    assert three.faces.item(0).text().startswith("b.png · Face 1: needs attention")
    assert not three.write.isEnabled()


def test_cancel_keeps_what_is_written_and_writes_no_more(three, pipeline, qtbot, tmp_path):
    confirm = pipeline.confirm

    def cancel_after_first(photo, results, **_):
        if photo.name == "b.png":
            three.cancel.clicked.emit()
        return confirm(photo, results)

    pipeline.confirm = cancel_after_first
    three.scope.setCurrentIndex(2)
    three.write.click()
    finished(three, qtbot)
    assert (tmp_path / "a-deid.png").exists()
    assert not (tmp_path / "c-deid.png").exists()
    assert "cancelled" in three.outcome.text()


def test_approval_can_be_demanded(dialog, opened, document, qtbot):
    document.set_approval_needed(True)
    document.subject_changed.emit(document.current, 0)
    assert not dialog.write.isEnabled()
    assert "0 of 2 faces approved" in dialog.words.text()
    for _ in range(2):
        opened.review.decide(approved=True)
    assert "2 of 2 faces approved" in dialog.words.text()
    assert dialog.write.isEnabled()


def test_names_never_collide_and_have_a_writable_suffix(tmp_path):
    entries = [PhotoEntry(Path(f"{folder}/a.jpg")) for folder in ("one", "two")]
    (tmp_path / "a-deid-2.jpg").touch()
    targets = targets_for(entries, tmp_path, pattern="{name}-deid", suffix="")
    assert [target.name for target in targets] == ["a-deid.jpg", "a-deid-3.jpg"]
    (raw,) = targets_for([PhotoEntry(Path("b.bmp"))], tmp_path, pattern="{name}", suffix="")
    assert raw.name == "b.png"


def test_a_comparison_for_editors_is_written_on_request_only(dialog, document, qtbot):
    dialog.write.click()
    finished(dialog, qtbot)
    folder = document.current.path.parent
    assert not list(folder.glob("*comparison*"))
    dialog.comparison.setChecked(True)
    dialog.write.click()
    finished(dialog, qtbot)
    (file,) = folder.glob("*comparison*")
    both = read_photo(file).pixels
    result = read_photo(folder / "a-deid-2.png").pixels
    original = read_photo(document.current.path).pixels
    height, width = original.shape[:2]
    assert both.shape[0] == height
    upper = slice(0, height - 20)  # below are the words
    assert abs(both[upper, :width].astype(int) - original[upper]).mean() < 4
    assert abs(both[upper, -width:].astype(int) - result[upper]).mean() < 4


def test_a_blocked_photo_gets_no_comparison(dialog, document, pipeline, qtbot):
    confirm = pipeline.confirm

    def doubt(photo, results, **_):
        done = confirm(photo, results)
        first, *rest = done.results
        verdict = replace(first.verdict, state=State.ATTENTION, reason="Recognised after all.")
        return replace(done, results=(replace(first, verdict=verdict, layer=None), *rest))

    pipeline.confirm = doubt
    dialog.comparison.setChecked(True)
    dialog.write.click()
    finished(dialog, qtbot)
    assert not list(document.current.path.parent.glob("*deid*"))


def test_the_dialog_is_as_high_as_its_lines_need(three, qtbot):
    three._say("\n".join(["A long line of what happened to one of the photos."] * 8), None)
    form = three.folder.geometry()
    assert three.faces.geometry().bottom() < form.top()
    assert three.minimumHeight() > 400
