"""For whatever blocks, the window offers what helps, where it is said, and only what helps."""

import pytest
from PySide6.QtCore import QPoint, Qt

from deid_desktop.core.types import FaceResult, State, Verdict
from deid_desktop.gui.actions import FACE_MENU, PHOTO_MENU, VIEWS
from deid_desktop.gui.export_dialog import ExportDialog
from deid_desktop.gui.main_window import MainWindow
from deid_desktop.resources import resource
from deid_desktop.session.model import Stage
from deid_desktop.session.settings import Settings

NO_FACE = "What was found here may not be a face, or too much of it is hidden."
CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def doubtful(opened, document, pipeline, settle, monkeypatch):
    """The window with a first face of which the pipeline says that it may be none."""

    def redact(photo, face, request, **_):
        return FaceResult(face, request, Verdict(State.ATTENTION, NO_FACE))

    monkeypatch.setattr(pipeline, "redact", redact)
    document.another_face()
    settle()
    return opened


def test_what_may_be_no_face_is_removed_with_one_click(doubtful, document):
    panel = doubtful.verdict
    assert panel.no_face.isVisible()
    assert panel.solid.isVisible()
    assert not panel.again.isVisible(), "the same would come of it again"
    assert "if it is no face, say so" in panel.advice.text()
    panel.no_face.click()
    assert len(document.current.present()) == 1
    document.undo_stack.undo()
    assert len(document.current.present()) == 2


def test_a_face_that_only_fails_is_never_offered_to_be_removed(opened, pipeline, document, settle):
    pipeline.fail_seeds = (1,)
    document.another_face()
    settle()
    assert document.selected.state is State.ATTENTION
    assert not opened.verdict.no_face.isVisible()
    assert not opened.verdict.again.isVisible()


def test_what_broke_can_be_tried_again(opened, pipeline, document, settle):
    pipeline.breaks["redact"] = RuntimeError("boom")
    document.another_face()
    settle()
    assert opened.verdict.again.isVisible()
    pipeline.breaks.clear()
    opened.verdict.again.click()
    settle()
    assert document.selected.state is State.VERIFIED


def test_a_photo_that_changed_can_be_started_anew_or_brought_back(opened, document, settle):
    entry = document.current
    document.fail_photo(entry, "a.png: the photo has changed", Stage.CHANGED)
    assert opened.summary.anew.isVisible()
    assert opened.summary.retry.isVisible()
    opened.summary.retry.click()
    settle()
    assert entry.stage is Stage.READY
    assert len(entry.subjects) == 2
    document.fail_photo(entry, "a.png: the photo has changed", Stage.CHANGED)
    opened.summary.anew.click()
    assert entry.subjects == {}
    settle()
    assert (entry.stage, len(entry.subjects)) == (Stage.READY, 2)


def test_a_missing_photo_offers_to_look_for_its_folder(opened, document, qtbot):
    document.fail_photo(document.current, "a.png: not where it was", Stage.MISSING)
    assert opened.summary.seek.isVisible()
    with qtbot.waitSignal(opened.summary.folder_wanted):
        opened.summary.folder_wanted.disconnect(opened.opening.ask_for_their_folder)
        opened.summary.seek.click()


class TestClosingPhotos:
    @pytest.fixture
    def three(self, window, document, photo_file, settle):
        window.open_paths([photo_file(f"{n}.png", level=60 + 20 * n) for n in range(3)])
        settle()
        return window

    def test_one_goes_and_the_next_is_shown(self, three, document, qtbot):
        document.show_photo(document.entries[1])
        qtbot.keyClick(three, Qt.Key.Key_W, CONTROL)
        assert [entry.name for entry in document.entries] == ["0.png", "2.png"]
        assert document.current.name == "2.png"
        assert three.filmstrip.count() == 2

    def test_several_that_are_selected_go_together(self, three, document, qtbot):
        strip = three.filmstrip
        spot = strip.visualItemRect(strip.item(2)).center()
        qtbot.mouseClick(strip.viewport(), Qt.MouseButton.LeftButton, CONTROL, spot)
        three.actions_by_key["close_photo"].trigger()
        assert [entry.name for entry in document.entries] == ["1.png"]

    def test_undo_brings_photo_and_work_back(self, three, document, settle):
        document.another_face()
        settle()
        identity = document.selected.result.identity
        three.actions_by_key["close_photo"].trigger()
        assert three.actions_by_key["undo"].text() == "&Undo Close 0.png"
        document.undo_stack.undo()
        settle()
        assert [entry.name for entry in document.entries] == ["0.png", "1.png", "2.png"]
        assert document.current.name == "0.png"
        assert document.current.present()[0].result.identity == identity
        assert document.current.present()[0].result.layer is not None

    def test_the_last_one_leaves_the_welcome_page(self, three, document):
        for _ in range(3):
            three.actions_by_key["close_photo"].trigger()
        assert document.current is None
        assert three.welcome.isVisible()
        document.undo_stack.undo()
        assert not three.welcome.isVisible()

    def test_a_result_that_arrives_late_breaks_nothing(self, three, document, pipeline, settle):
        entry = document.current
        document.another_face()
        three.actions_by_key["close_photo"].trigger()
        settle()
        assert entry not in document.entries
        document.undo_stack.undo()
        settle()
        assert all(s.state is State.VERIFIED for s in entry.present())

    def test_a_damaged_photo_no_longer_holds_the_others_up(self, three, document, tmp_path, settle):
        (tmp_path / "bad.jpg").write_text("no photo")
        three.open_paths([tmp_path / "bad.jpg"])
        settle()
        assert document.current.stage is Stage.FAILED
        three.actions_by_key["close_photo"].trigger()
        three.export_photo()
        three.export_dialog.scope.setCurrentIndex(2)
        assert three.export_dialog.write.isEnabled()


def test_a_right_click_offers_what_fits(opened):
    for widget, keys in ((opened.filmstrip, PHOTO_MENU), (opened.faces, FACE_MENU)):
        assert [action.objectName() for action in widget.actions()] == list(keys)
        assert widget.contextMenuPolicy() is Qt.ContextMenuPolicy.ActionsContextMenu


def test_there_is_nothing_to_look_at_before_a_photo_is_open(window):
    names = (*VIEWS, "zoom_fit", "zoom_actual", "zoom_in", "zoom_out", "show_outlines")
    assert not any(window.actions_by_key[name].isEnabled() for name in names)


def test_the_window_fits_the_screen(document, renderer, theme, tmp_path, qtbot):
    window = MainWindow(document, renderer, theme, Settings(tmp_path / "window.ini"))
    qtbot.addWidget(window)
    room = window.screen().availableGeometry()
    assert window.width() <= max(room.width(), window.minimumWidth())
    assert window.height() <= max(room.height(), window.minimumHeight())


def test_the_photo_does_not_jump_when_work_ends(opened, qtbot):
    before = opened.compare.mapTo(opened, QPoint(0, opened.compare.height()))
    opened.progress.show_progress("Working", 1, 3)
    qtbot.wait(20)
    assert opened.compare.mapTo(opened, QPoint(0, opened.compare.height())) == before


def test_the_sample_is_not_exported_into_the_program(
    window, document, renderer, theme, settle, qtbot
):
    window.open_paths([resource("samples", "crew.jpg")])
    settle()
    dialog = ExportDialog(document, renderer, theme, [])
    qtbot.addWidget(dialog)
    assert dialog.folder.text()
    assert str(resource("samples")) not in dialog.folder.text()


class TestMaskingWhatFailed:
    @pytest.fixture
    def failed(self, window, document, pipeline, photo_file, settle):
        """Two photos in which all faces failed."""
        pipeline.fail_seeds = (0,)
        window.open_paths([photo_file(f"{n}.png", level=60 + 20 * n) for n in range(2)])
        settle()
        return window

    def test_all_of_a_photo_with_one_click_and_one_undo(self, failed, document, settle):
        assert failed.summary.mask_all.text() == "Mask these 2"
        failed.summary.mask_all.click()
        settle()
        assert [s.state for s in document.current.present()] == [State.MASKED] * 2
        assert not failed.summary.mask_all.isVisible()
        assert document.entries[1].blocked(), "the other photo is not in view"
        document.undo_stack.undo()
        settle()
        assert [s.state for s in document.current.present()] == [State.ATTENTION] * 2

    def test_all_of_an_export(self, failed, document, settle):
        failed.export_photo()
        dialog = failed.export_dialog
        dialog.scope.setCurrentIndex(2)
        assert dialog.mask_all.text() == "Mask all 4 faces that need attention"
        assert not dialog.write.isEnabled()
        dialog.mask_all.click()
        settle()
        assert not any(entry.blocked() for entry in document.entries)
        assert dialog.write.isEnabled()
        assert not dialog.mask_all.isVisible()

    def test_what_holds_is_left_alone(self, failed, document, pipeline, settle):
        pipeline.fail_seeds = ()
        document.another_face()
        settle()
        failed.summary.mask_all.click()
        document.people.mask([document.current])
        settle()
        assert [s.state for s in document.current.present()] == [State.VERIFIED, State.MASKED]


class TestManyPhotos:
    @pytest.fixture
    def mixed(self, window, document, pipeline, photo_file, settle):
        """Three photos; the faces of the second failed."""
        window.open_paths([photo_file(f"{n}.png", level=60 + 20 * n) for n in range(3)])
        settle()
        pipeline.fail_seeds = (1,)
        document.show_photo(document.entries[1])
        document.select(0, [0, 1])
        document.another_face()
        settle()
        document.show_photo(document.entries[0])
        settle()
        return window

    def test_b_goes_on_to_later_photos_and_round(self, mixed, document, qtbot):
        places = []
        for _ in range(3):
            qtbot.keyClick(mixed, Qt.Key.Key_B)
            places.append((document.current.name, document.selected_id))
        assert places == [("1.png", 0), ("1.png", 1), ("1.png", 0)]

    def test_where_nothing_blocks_that_is_said(self, mixed, document, settle, qtbot):
        document.people.mask(document.entries)
        settle()
        qtbot.keyClick(mixed, Qt.Key.Key_B)
        assert mixed.statusBar().currentMessage() == "No face needs attention."

    def test_what_is_ready_can_be_exported_without_the_rest(
        self, mixed, document, renderer, qtbot, tmp_path
    ):
        (tmp_path / "out").mkdir()
        mixed.export_photo()
        dialog = mixed.export_dialog
        dialog.scope.setCurrentIndex(2)
        assert not dialog.write.isEnabled()
        dialog.scope.setCurrentIndex(3)
        assert dialog.scope.currentText() == "All that are ready (2)"
        dialog.folder.setText(str(tmp_path / "out"))
        dialog.write.click()
        qtbot.waitUntil(lambda: not dialog._waiting, timeout=20_000)
        written = sorted(path.name for path in (tmp_path / "out").iterdir())
        assert written == ["0-deid.png", "2-deid.png"]
        document.set_approval_needed(True)
        assert dialog.scope.currentText() == "All that are ready (0)"
