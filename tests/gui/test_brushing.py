"""The mask brush in the window: with mouse and keys, undone, saved, and never left over."""

import pytest
from doubles import face
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QApplication

from deid_desktop.core.project import read_project
from deid_desktop.core.types import FARTHEST, Method
from deid_desktop.session import brushing


def paint(qtbot, canvas, *points, button=Qt.MouseButton.LeftButton):
    viewport = canvas.viewport()
    spots = [canvas.mapFromScene(QPointF(*point)) for point in points]
    qtbot.mousePress(viewport, button, pos=spots[0])
    for spot in spots[1:]:
        qtbot.mouseMove(viewport, spot)
    qtbot.mouseRelease(viewport, button, pos=spots[-1])
    QApplication.processEvents()


def trigger(window, key):
    window.actions_by_key[key].trigger()


def test_a_stroke_is_painted_with_the_mouse_in_units_of_the_box_and_undone(
    opened, document, qtbot, settle
):
    trigger(opened, "brush_out")
    canvas = opened.compare.result
    paint(qtbot, canvas, (30, 35), (40, 35), (50, 35))
    settle()
    (stroke,) = document.selected.request.strokes
    assert not stroke.into
    assert stroke.radius == brushing.STANDARD
    # The box is 40 by 50 pixels with its middle at (30, 35).
    assert stroke.points[0] == pytest.approx((0, 0), abs=0.03)
    assert stroke.points[-1] == pytest.approx((0.4, 0), abs=0.03)
    assert opened.attributes.brush.isVisible()
    assert "out of the mask" in opened.actions_by_key["undo"].text()
    trigger(opened, "undo")
    assert document.selected.request.strokes == ()
    assert not opened.attributes.brush.isVisible()


def test_strokes_reach_the_pipeline_with_the_same_identity(
    opened, document, pipeline, qtbot, settle
):
    identity = document.selected.identity
    trigger(opened, "brush_in")
    paint(qtbot, opened.compare.original, (30, 35), (35, 40))
    settle()
    kind, face_id, request, used = pipeline.calls[-1]
    assert (kind, face_id) == ("redact", document.selected_id)
    assert request.strokes == document.selected.request.strokes
    assert used == identity


def test_only_one_tool_is_out_at_a_time_and_escape_puts_it_away(opened, qtbot):
    actions = opened.actions_by_key
    trigger(opened, "brush_in")
    trigger(opened, "brush_out")
    checked = [key for key in ("mark_face", "brush_in", "brush_out") if actions[key].isChecked()]
    assert checked == ["brush_out"]
    trigger(opened, "mark_face")
    assert not actions["brush_out"].isChecked()
    assert not opened.compare.result.brush.active
    trigger(opened, "brush_in")
    qtbot.keyClick(opened.compare.front, Qt.Key.Key_Escape)
    assert not actions["brush_in"].isChecked()
    assert not opened.compare.result.brush.active


def test_the_keys_move_the_brush_and_dab(opened, document, qtbot):
    trigger(opened, "brush_in")
    canvas = opened.compare.front
    canvas.brush.spot = QPointF(30, 35)
    qtbot.keyClick(canvas, Qt.Key.Key_Right)
    qtbot.keyClick(canvas, Qt.Key.Key_Space)
    (stroke,) = document.selected.request.strokes
    assert stroke.into
    assert stroke.points[0][0] > 0


def test_the_size_changes_within_bounds(opened, document, qtbot):
    trigger(opened, "brush_in")
    before = opened.compare.result.brush.radius
    trigger(opened, "brush_larger")
    assert opened.compare.result.brush.radius > before
    for _ in range(40):
        trigger(opened, "brush_larger")
    paint(qtbot, opened.compare.result, (30, 35))
    assert document.selected.request.strokes[0].radius == 0.5


def test_the_middle_button_still_pans(opened, document, qtbot):
    trigger(opened, "brush_in")
    canvas = opened.compare.result
    before = canvas.centre.x()
    paint(qtbot, canvas, (30, 35), (45, 35), button=Qt.MouseButton.MiddleButton)
    assert canvas.centre.x() != pytest.approx(before, abs=1)
    assert document.selected.request.strokes == ()


def test_a_way_beyond_the_reach_is_drawn_in_and_thinned():
    way = [(x / 10, 0.0) for x in range(-3000, 3000)]
    stroke = brushing.stroke_of(way, face(0, (0.0, 0.0, 40.0, 50.0)), into=True, radius=0.1)
    assert max(abs(x) for x, _y in stroke.points) == FARTHEST
    assert len(stroke.points) < 200


def test_a_kept_face_is_not_brushed(opened, document, qtbot, settle):
    trigger(opened, "brush_in")
    document.set_method(Method.KEEP)
    settle()
    assert not opened.compare.result.brush.active
    assert not opened.actions_by_key["brush_in"].isEnabled()


def test_strokes_are_cleared_in_one_step_and_saved_with_the_project(
    opened, document, qtbot, settle, tmp_path
):
    trigger(opened, "brush_in")
    for x in (25, 30, 35):
        paint(qtbot, opened.compare.result, (x, 35))
    settle()
    assert "3" in opened.attributes.brush.words.text()
    opened.opening.save_to(tmp_path / "a.deid")
    saved = read_project(tmp_path / "a.deid").photos[0].faces[0].request.strokes
    assert saved == document.selected.request.strokes
    opened.attributes.brush.clear.click()
    assert document.selected.request.strokes == ()
    trigger(opened, "undo")
    assert len(document.selected.request.strokes) == 3
    document.undo_stack.setClean()


def test_settings_go_to_other_faces_without_the_brush(opened, document, qtbot):
    trigger(opened, "brush_in")
    paint(qtbot, opened.compare.result, (30, 35))
    opened.attributes.copy_settings()
    document.select(1)
    opened.attributes.paste_settings()
    assert document.selected.request.strokes == ()
    document.undo_stack.setClean()
