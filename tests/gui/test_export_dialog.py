from pathlib import Path

import pytest

from deid_desktop.core.types import State
from deid_desktop.gui.export_dialog import proposed_target


@pytest.fixture
def dialog(opened):
    opened.export_photo()
    return opened.export_dialog


def test_writes_a_new_file_beside_the_original(dialog, document, qtbot, renderer):
    original = document.current.path.read_bytes()
    target = Path(dialog.target.text())
    assert target.name == "a-deid.png"
    with qtbot.waitSignal(renderer.exported):
        dialog.write.click()
    assert target.exists()
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


def test_an_existing_file_is_refused_unless_agreed(dialog, qtbot, renderer):
    target = Path(dialog.target.text())
    target.write_text("mine")
    with qtbot.waitSignal(renderer.export_refused):
        dialog.write.click()
    assert target.read_text() == "mine"
    assert target.name in dialog.outcome.text()


def test_the_original_is_refused_as_target(dialog, document, qtbot, renderer):
    before = document.current.path.read_bytes()
    dialog.target.setText(str(document.current.path))
    dialog._agreed_to_replace = document.current.path
    with qtbot.waitSignal(renderer.export_refused):
        dialog.write.click()
    assert document.current.path.read_bytes() == before


def test_the_last_check_can_still_block(dialog, document, pipeline, qtbot, renderer):
    from dataclasses import replace

    def doubt(photo, results):
        first, *rest = results
        verdict = replace(first.verdict, state=State.ATTENTION, reason="Recognised after all.")
        return (replace(first, verdict=verdict, layer=None), *rest)

    pipeline.confirm = doubt
    with qtbot.waitSignal(renderer.export_refused):
        dialog.write.click()
    assert "Recognised after all." in dialog.faces.item(0).text()
    assert not dialog.write.isEnabled()


def test_names_never_collide_and_have_a_writable_suffix(tmp_path):
    source = tmp_path / "a.jpg"
    assert proposed_target(source).name == "a-deid.jpg"
    (tmp_path / "a-deid.jpg").touch()
    assert proposed_target(source).name == "a-deid-2.jpg"
    assert proposed_target(tmp_path / "b.bmp").name == "b-deid.png"
