import pytest
from guards import make_session
from PySide6.QtCore import QEvent, QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox

from deid_desktop.core.types import Method, State
from deid_desktop.session.model import Stage
from deid_desktop.session.project_file import ProjectFile, autosave_of

CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def saved(opened, qtbot, monkeypatch, tmp_path):
    """The window with a project that was saved by its shortcut."""
    name = str(tmp_path / "case")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (name, ""))
    qtbot.keyClick(opened, Qt.Key.Key_S, CONTROL)
    yield tmp_path / "case.deid"
    opened.file.close()


def answer(window, text):
    (box,) = (b for b in window.findChildren(QMessageBox) if b.isVisible())
    next(button for button in box.buttons() if text in button.text()).click()


def test_saving_names_the_project_in_the_title(opened, saved, document):
    assert saved.is_file()
    assert "case.deid" in opened.windowTitle()
    assert not opened.isWindowModified()
    document.set_method(Method.SOLID)
    assert opened.isWindowModified()


def test_closing_asks_about_unsaved_changes(opened, saved, document, qtbot, settle):
    document.set_method(Method.SOLID)
    settle()
    opened.close()
    assert opened.isVisible()
    answer(opened, "Cancel")
    qtbot.wait(20)
    assert opened.isVisible()
    before = saved.read_bytes()
    opened.close()
    answer(opened, "Save")
    qtbot.waitUntil(lambda: not opened.isVisible())
    assert saved.read_bytes() != before
    assert not saved.with_name("case.deid.lock").exists()


def test_work_in_no_project_is_not_lost_without_a_question(opened, document, qtbot, settle):
    document.set_method(Method.SOLID)
    settle()
    opened.close()
    assert opened.isVisible()
    answer(opened, "Discard")
    qtbot.waitUntil(lambda: not opened.isVisible())


def test_without_any_work_the_window_closes_at_once(opened):
    opened.close()
    assert not opened.isVisible()


def test_a_dropped_project_takes_the_place_of_the_session(
    opened, saved, document, photo_file, settle, pipeline
):
    document.set_method(Method.SOLID)
    opened.file.save()
    document.open([photo_file("other.png")])
    opened.file.save(saved.with_name("second.deid"))
    opened.open_paths([saved])
    settle()
    assert [entry.name for entry in document.entries] == ["a.png"]
    assert document.current.subjects[0].state is State.MASKED


def test_a_second_window_is_told_so(opened, saved, document, photo_file):
    with make_session(None) as (other, _renderer):
        second = ProjectFile(other)
        second.save(saved.with_name("taken.deid"))
        opened.open_paths([saved.with_name("taken.deid")])
        assert "another window" in opened.notice.words.text()
        assert opened.notice.isVisible()
        assert [entry.name for entry in document.entries] == ["a.png"]
        second.close()


def test_damaged_projects_are_explained(window, tmp_path):
    (tmp_path / "bad.deid").write_text("garbage")
    window.open_paths([tmp_path / "bad.deid"])
    assert "bad.deid" in window.notice.words.text()
    window.notice.answers[-1].click()
    assert not window.notice.isVisible()


def test_after_a_crash_the_changes_are_offered(opened, saved, document, settle):
    document.set_method(Method.SOLID)
    opened.file.autosave()
    kept = autosave_of(saved).read_bytes()
    opened.file.close()
    document.undo_stack.clear()
    autosave_of(saved).write_bytes(kept)
    opened.open_paths([saved])
    assert document.entries[0].subjects[0].request.method is Method.SURROGATE
    opened.notice.answers[0].click()
    settle()
    assert document.entries[0].subjects[0].request.method is Method.SOLID
    assert opened.isWindowModified()


def test_missing_photos_are_asked_for(opened, saved, document, settle, monkeypatch, tmp_path):
    opened.file.close()
    (tmp_path / "new place").mkdir()
    (tmp_path / "a.png").rename(tmp_path / "new place" / "a.png")
    opened.open_paths([saved])
    assert "a.png" in opened.notice.words.text()
    assert "not where it was" in opened.summary.words.text()
    folder = str(tmp_path / "new place")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: folder)
    opened.notice.answers[0].click()
    settle()
    assert document.current.stage is Stage.READY
    assert document.current.present()[0].state is State.VERIFIED


def test_pasted_files_are_opened_and_pixels_alone_are_explained(
    window, document, photo_file, settle, qtbot
):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(photo_file()))])
    QGuiApplication.clipboard().setMimeData(data)
    qtbot.keyClick(window, Qt.Key.Key_V, CONTROL)
    settle()
    assert [entry.name for entry in document.entries] == ["a.png"]
    QGuiApplication.clipboard().setText("words")
    qtbot.keyClick(window, Qt.Key.Key_V, CONTROL)
    assert "no photo files" in window.statusBar().currentMessage()


def drag(qtbot, canvas, start, end):
    places = [canvas.mapFromScene(QPointF(*point)) for point in (start, end)]
    qtbot.mousePress(canvas.viewport(), Qt.MouseButton.LeftButton, pos=places[0])
    qtbot.mouseMove(canvas.viewport(), places[1])
    qtbot.mouseRelease(canvas.viewport(), Qt.MouseButton.LeftButton, pos=places[1])


class TestBoxes:
    def test_a_corner_resizes_the_selected_box(self, opened, document, qtbot, settle, pipeline):
        canvas = opened.compare.result
        drag(qtbot, canvas, (50, 60), (60, 75))
        assert document.selected.face.box == pytest.approx((10, 10, 50, 65), abs=1.5)
        settle()
        assert ("mark", 0) in pipeline.calls, "the new box is looked into"
        assert document.selected.state is State.VERIFIED
        assert document.selected.result.face.box == document.selected.face.box
        qtbot.keyClick(opened, Qt.Key.Key_Z, CONTROL)
        assert document.selected.face.box == (10, 10, 40, 50)
        assert document.selected.state is State.VERIFIED, "what was known is shown at once"

    def test_a_border_moves_it_and_the_middle_pans(self, opened, document, qtbot, settle):
        canvas = opened.compare.result
        drag(qtbot, canvas, (30, 10), (45, 30))
        assert document.selected.face.box == pytest.approx((25, 30, 40, 50), abs=1.5)
        settle()
        box, centre = document.selected.face.box, canvas.centre
        drag(qtbot, canvas, (45, 55), (60, 60))
        assert document.selected.face.box == box
        assert (canvas.centre - centre).manhattanLength() > 5

    def test_a_moved_face_leaves_no_trace_where_it_was(self, opened, document, qtbot, settle):
        drag(qtbot, opened.compare.result, (30, 10), (30, 30))
        settle()
        view = opened.renderer.view
        assert (view.after.levels[0][11:30, 11:49] == view.before.levels[0][11:30, 11:49]).all()
        assert (view.after.levels[0][60:80, 15:45, 2] == 200).all()

    def test_the_handle_turns_the_box_and_resizing_follows_its_own_sides(
        self, opened, document, qtbot, settle
    ):
        canvas = opened.compare.result
        drag(qtbot, canvas, (30, -1), (70, 35))
        face = document.selected.face
        assert face.angle == pytest.approx(90, abs=2)
        assert face.box == pytest.approx((10, 10, 40, 50), abs=0.5)
        settle()
        assert document.selected.state is State.VERIFIED
        assert document.selected.result.face.angle == face.angle
        # Turned by 90 degrees its lower right corner is at the lower left, (5, 55).
        drag(qtbot, canvas, (5, 55), (5, 65))
        box = document.selected.face.box
        assert box[2:] == pytest.approx((50, 50), abs=2.5)
        assert (box[0] + box[2] / 2, box[1] + box[3] / 2) == pytest.approx((30, 40), abs=2.5)
        qtbot.keyClick(opened, Qt.Key.Key_Z, CONTROL)
        qtbot.keyClick(opened, Qt.Key.Key_Z, CONTROL)
        assert document.selected.face.angle == 0
        settle()

    def test_keys_turn_the_box_in_one_step(self, opened, document, qtbot, settle):
        canvas = opened.compare.result
        canvas.setFocus()
        for _ in range(3):
            qtbot.keyClick(canvas, Qt.Key.Key_PageDown, Qt.KeyboardModifier.AltModifier)
        assert document.selected.face.angle == 15
        assert document.undo_stack.count() == 1
        settle()

    def test_a_slip_of_the_mouse_does_not_uncover_a_face(self, opened, document, qtbot, settle):
        document.set_method(Method.SOLID)
        settle()
        canvas = opened.compare.result
        drag(qtbot, canvas, (30, 10), (90, 40))
        assert document.selected.face.box == (10, 10, 40, 50)
        assert "stays on its face" in opened.statusBar().currentMessage()
        shown = next(item for item in canvas._faces.values() if item.face_id == 0)
        assert shown.box.getRect() == (10, 10, 40, 50)
        drag(qtbot, canvas, (50, 60), (14, 14))
        assert document.selected.face.box == (10, 10, 40, 50)
        assert document.undo_stack.count() == 1

    def test_a_box_without_a_face_goes_where_it_is_wanted(self, opened, document, qtbot, settle):
        document.add_face((60.0, 70.0, 20.0, 10.0), region=True)
        settle()
        drag(qtbot, opened.compare.result, (70, 70), (130, 80))
        assert document.selected.face.box == pytest.approx((120, 80, 20, 10), abs=1.5)

    def test_boxes_stay_inside_the_photo(self, opened, document, qtbot):
        drag(qtbot, opened.compare.result, (30, 10), (-60, -80))
        x, y, w, h = document.selected.face.box
        assert (x, y) == (0, 0)
        assert (w, h) == pytest.approx((40, 50))

    def test_keys_move_and_resize_in_one_undo_step(self, opened, document, qtbot):
        canvas = opened.compare.result
        canvas.setFocus()
        before = document.undo_stack.count()
        for _ in range(3):
            qtbot.keyClick(canvas, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
        both = Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.ShiftModifier
        qtbot.keyClick(canvas, Qt.Key.Key_Down, both)
        x, y, w, h = document.selected.face.box
        assert x > 10
        assert (y, w) == (10, 40)
        assert h > 50
        assert document.undo_stack.count() == before + 1

    def test_a_region_is_drawn_masked_and_never_replaced(self, opened, document, qtbot, settle):
        qtbot.keyClick(opened, Qt.Key.Key_G)
        drag(qtbot, opened.compare.result, (60, 80), (85, 95))
        settle()
        region = document.selected
        assert region.face.region
        assert region.state is State.MASKED
        assert not opened.attributes.methods.buttons[Method.SURROGATE].isEnabled()
        document.edit("all", lambda r: document.standard)
        assert region.request.method is Method.SOLID
        document.set_method(Method.BLUR)
        assert region.request.method is Method.BLUR
        assert not opened.actions_by_key["mark_region"].isChecked()


class TestSeveral:
    def test_faces_selected_together_change_together(self, opened, document, qtbot, settle):
        canvas = opened.compare.result
        spot = canvas.mapFromScene(QPointF(110, 45))
        qtbot.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, CONTROL, pos=spot)
        assert [s.face.id for s in document.chosen] == [0, 1]
        opened.attributes.methods.buttons[Method.SOLID].click()
        settle()
        assert {s.state for s in document.current.present()} == {State.MASKED}
        qtbot.keyClick(opened, Qt.Key.Key_Z, CONTROL)
        assert {s.request.method for s in document.current.present()} == {Method.SURROGATE}

    def test_all_faces_are_selected_by_key_and_from_the_list(self, opened, document, qtbot):
        qtbot.keyClick(opened, Qt.Key.Key_A, CONTROL)
        assert len(document.chosen) == 2
        qtbot.waitUntil(lambda: len(opened.faces.selectedItems()) == 2)
        opened.faces.clearSelection()
        opened.faces.setCurrentRow(1)
        assert [s.face.id for s in document.chosen] == [1]

    def test_settings_are_copied_to_another_face(self, opened, document, qtbot, settle):
        document.set_method(Method.PIXELATE)
        opened.actions_by_key["copy_settings"].trigger()
        qtbot.keyClick(opened, Qt.Key.Key_N)
        assert document.selected_id == 1
        opened.actions_by_key["paste_settings"].trigger()
        assert document.selected.request.method is Method.PIXELATE


class TestReview:
    def test_a_reviewer_goes_face_by_face(self, opened, document, qtbot, settle):
        qtbot.keyClick(opened, Qt.Key.Key_R, CONTROL)
        review = opened.review
        assert review.isVisible()
        assert "0 of 2" in review.progress.text()
        review.reviewer.setText("Ada")
        qtbot.keyClick(opened, Qt.Key.Key_A)
        assert document.selected_id == 1, "the next face comes by itself"
        assert "1 of 2" in review.progress.text()
        review.comment.setText("the badge can be read")
        review.reject.click()
        document.select(1)
        assert "Rejected" in review.history.text()
        assert "Ada: the badge can be read" in review.history.text()
        assert "Rejected by the reviewer: 1" in opened.summary.words.text()
        assert not opened.summary.export.isVisible()
        qtbot.keyClick(opened, Qt.Key.Key_R)
        settle()
        assert "decide again" in review.history.text()
        assert opened.summary.export.isVisible()

    def test_letters_typed_into_the_comment_do_nothing_else(self, opened, document, qtbot):
        opened.actions_by_key["show_review"].trigger()
        opened.review.comment.setFocus()
        qtbot.keyClicks(opened.review.comment, "rax")
        assert opened.review.comment.text() == "rax"
        assert document.undo_stack.count() == 0


def test_the_history_lists_changes_and_goes_back(opened, document, qtbot, settle):
    document.set_method(Method.SOLID)
    document.set_method(Method.BLUR)
    qtbot.keyClick(opened, Qt.Key.Key_H, CONTROL)
    assert opened.history.isVisible()
    opened.history.setCurrentIndex(opened.history.model().index(1, 0))
    assert document.selected.request.method is Method.SOLID


def test_blink_shows_both_in_turns(opened, qtbot):
    qtbot.keyClick(opened, Qt.Key.Key_5)
    seen = set()

    def both():
        seen.add(opened.compare.result.photo.divider)
        return seen == {0.0, 1.0}

    qtbot.waitUntil(both, timeout=5000)
    qtbot.keyClick(opened, Qt.Key.Key_1)
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert opened.compare.result.photo.divider == 0.0


def test_a_grid_parts_the_pixels_when_deep(opened, qtbot):
    canvas = opened.compare.result
    opened.actions_by_key["show_outlines"].trigger()

    def colours(zoom):
        canvas.look_at(QPointF(70.5, 80.5), zoom)
        image = canvas.grab().toImage()
        row = canvas.mapFromScene(QPointF(70.5, 80.5))
        return {image.pixelColor(row.x() + step, row.y()).rgb() for step in range(-30, 30)}

    assert len(colours(8.0)) == 1, "one row of the photo has one colour"
    assert len(colours(20.0)) > 1


def test_large_text_is_not_cut(qtbot, document, renderer, theme, tmp_path, qapp):
    from PySide6.QtGui import QFont

    from deid_desktop.gui.main_window import MainWindow
    from deid_desktop.session.settings import Settings

    before = qapp.font()
    large = QFont(before)
    large.setPointSizeF(before.pointSizeF() * 2)
    qapp.setFont(large)
    try:
        window = MainWindow(document, renderer, theme, Settings(tmp_path / "s" / "w.ini"))
        qtbot.addWidget(window)
        window.resize(1700, 1000)
        window.show()
        panel = window.attributes
        assert panel.width() >= panel.minimumSizeHint().width()
        for button in (window.mark_button, *panel.methods.buttons.values()):
            assert button.width() >= button.minimumSizeHint().width()
    finally:
        qapp.setFont(before)
