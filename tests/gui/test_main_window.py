import textwrap

import pytest
from programs import ended
from PySide6.QtCore import QMimeData, QPoint, QPointF, QRectF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QWidget

from deid_desktop.core.types import Method, State
from deid_desktop.gui.actions import ACTIONS, MENUS, TOOLBAR
from deid_desktop.gui.crash_dialog import CrashDialog


def nameless(root: QWidget) -> list[str]:
    found = []
    for widget in (root, *root.findChildren(QWidget)):
        focusable = widget.focusPolicy() != Qt.FocusPolicy.NoFocus
        internal = widget.objectName().startswith("qt_") or isinstance(widget, QLabel)
        if focusable and not internal and not widget.isWindow():
            text = widget.text() if isinstance(widget, QAbstractButton) else ""
            if not widget.accessibleName() and not text:
                found.append(f"{type(widget).__name__} in {type(widget.parent()).__name__}")
    return found


def drop(window, paths):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    event = QDropEvent(
        QPointF(300, 300),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    window.dropEvent(event)


def press(qtbot, window, key, modifier=Qt.KeyboardModifier.NoModifier):
    qtbot.keyClick(window, key, modifier)


def test_every_focusable_widget_has_a_name(opened, qtbot):
    opened.export_photo()
    opened.show_settings()
    opened.notice.ask("Words", ("Answer", lambda: None))
    crash = CrashDialog("report")
    qtbot.addWidget(crash)
    for root in (opened, opened.export_dialog, opened.settings_dialog, crash):
        assert nameless(root) == []


def test_the_sweep_finds_a_nameless_widget(qtbot):
    from PySide6.QtWidgets import QLineEdit

    holder = QWidget()
    qtbot.addWidget(holder)
    QLineEdit(holder)
    assert nameless(holder) == ["QLineEdit in QWidget"]


def test_actions_are_complete_and_all_reachable(window):
    keys = [entry.key for entry in ACTIONS]
    shortcuts = [entry.shortcut for entry in ACTIONS]
    assert len(set(keys)) == len(keys)
    assert len(set(shortcuts)) == len(shortcuts)
    assert set(window._handlers()) == set(keys)
    in_menus = {key for menu in MENUS.values() for key in menu if key}
    assert in_menus == set(keys)
    assert {key for key in TOOLBAR if key not in ("", ">")} <= set(keys)
    for entry in ACTIONS:
        action = window.actions_by_key[entry.key]
        assert action.text()
        assert action.toolTip()
        assert not action.shortcut().isEmpty()
        assert not action.icon().isNull()


def test_dropped_photos_and_folders_are_opened(window, document, photo_file, settle):
    first = photo_file("a.png")
    photo_file("b.png")
    drop(window, [first.parent])
    settle()
    assert [entry.name for entry in document.entries] == ["a.png", "b.png"]
    assert window.filmstrip.isVisible()
    assert window.filmstrip.count() == 2


def test_a_folder_without_photos_is_explained(window, document, tmp_path, settle):
    (tmp_path / "empty").mkdir()
    drop(window, [tmp_path / "empty"])
    settle()
    assert document.entries == []
    assert window.notice.isVisible()
    assert "empty" in window.notice.words.text()


def test_a_damaged_photo_is_explained_and_can_be_tried_again(window, document, photo_file, settle):
    path = photo_file("bad.png")
    good = path.read_bytes()
    path.write_bytes(good[:30])
    window.open_paths([path])
    settle()
    assert "bad.png" in window.summary.words.text()
    path.write_bytes(good)
    assert window.summary.retry.isVisible()
    window.summary.retry.click()
    settle()
    assert "verified" in window.summary.words.text()


def test_faces_are_listed_and_selected_from_the_list_the_photo_and_the_keys(
    opened, document, qtbot
):
    qtbot.waitUntil(lambda: opened.faces.count() == 2)
    opened.faces.setCurrentRow(1)
    assert document.selected_id == 1
    canvas = opened.compare.result
    spot = canvas.mapFromScene(QPointF(30, 40))
    qtbot.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    assert document.selected_id == 0
    press(qtbot, opened, Qt.Key.Key_N)
    assert document.selected_id == 1
    press(qtbot, opened, Qt.Key.Key_P)
    assert document.selected_id == 0
    assert opened.faces.currentRow() == 0


def test_zoom_stays_under_the_cursor_and_both_sides_move_together(opened, qtbot):
    left, right = opened.compare.canvases
    spot = QPoint(120, 90)
    before = right.mapToScene(spot)
    right.zoom_by(3.0, spot)
    after = right.mapToScene(spot)
    assert (after - before).manhattanLength() < 1.0
    assert left.zoom == pytest.approx(right.zoom)
    assert (left.centre - right.centre).manhattanLength() < 1.0
    start = left.centre.x()
    qtbot.mousePress(left.viewport(), Qt.MouseButton.MiddleButton, pos=QPoint(100, 100))
    qtbot.mouseMove(left.viewport(), QPoint(140, 120))
    qtbot.mouseRelease(left.viewport(), Qt.MouseButton.MiddleButton, pos=QPoint(140, 120))
    assert (left.centre - right.centre).manhattanLength() < 1.0
    assert left.centre.x() == pytest.approx(start - 40 / left.zoom, abs=2 / left.zoom)
    press(qtbot, opened, Qt.Key.Key_0)
    assert right.zoom == pytest.approx(1 / opened.devicePixelRatioF())
    press(qtbot, opened, Qt.Key.Key_F)
    assert right.fitted
    visible = right.mapToScene(right.viewport().rect()).boundingRect()
    assert visible.contains(QRectF(0, 0, 160, 100))


def test_the_views_show_what_they_say(opened, document, qtbot, settle):
    document.set_method(Method.SOLID)
    settle()

    def colour(canvas, x, y):
        spot = canvas.mapFromScene(QPointF(x, y))
        return canvas.grab().toImage().pixelColor(spot).getRgb()[:3]

    opened.actions_by_key["show_outlines"].trigger()
    press(qtbot, opened, Qt.Key.Key_2)
    assert colour(opened.compare.result, 30, 40) == (9, 9, 9)
    press(qtbot, opened, Qt.Key.Key_4)
    assert not opened.compare.result.isVisible()
    assert colour(opened.compare.original, 30, 40) != (9, 9, 9)
    press(qtbot, opened, Qt.Key.Key_3)
    split = opened.compare.result
    assert colour(split, 30, 40) != (9, 9, 9)
    split.setFocus()
    for _ in range(30):
        qtbot.keyClick(split, Qt.Key.Key_Left)
    assert split.photo.divider == 0.0
    assert colour(split, 30, 40) == (9, 9, 9)


def test_a_missed_face_is_marked_with_the_mouse_and_undone(opened, document, qtbot, settle):
    canvas = opened.compare.original
    press(qtbot, opened, Qt.Key.Key_M)
    start, end = (canvas.mapFromScene(QPointF(*p)) for p in ((50, 60), (85, 95)))
    viewport = canvas.viewport()
    qtbot.mousePress(viewport, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(viewport, end)
    qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=end)
    settle()
    assert document.selected.number == 3
    assert document.selected.state is State.VERIFIED
    assert document.selected.face.box == pytest.approx((50, 60, 35, 35), abs=1.5)
    assert not opened.actions_by_key["mark_face"].isChecked()
    press(qtbot, opened, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert len(document.current.present()) == 2


def test_delete_says_not_a_face(opened, document, qtbot):
    press(qtbot, opened, Qt.Key.Key_Delete)
    assert len(document.current.present()) == 1
    assert "Not a face" in opened.actions_by_key["undo"].text()


def test_a_worker_error_is_shown_in_words_with_a_way_out(opened, document, pipeline, qtbot, settle):
    pipeline.breaks["redact"] = RuntimeError("boom")
    press(qtbot, opened, Qt.Key.Key_R)
    settle()
    assert opened.verdict.headline.text() == "Needs attention"
    assert "RuntimeError" in opened.verdict.reason.text()
    assert "blocked" in opened.summary.words.text()
    pipeline.breaks.clear()
    opened.verdict.solid.click()
    settle()
    assert opened.verdict.headline.text() == "Masked"


def test_verdict_words_and_numbers(opened):
    panel = opened.verdict
    assert panel.headline.text() == "Verified"
    assert "0.10" in panel.figure.text()
    assert "0.40" in panel.figure.text()
    panel.numbers.click()
    texts = [label.text() for label in panel.findChildren(QLabel) if label.isVisible()]
    assert "Similarity to the nearest donor" in texts


def test_the_device_is_shown_and_a_fall_back_is_announced(opened, pipeline, document, settle):
    assert opened.device_label.text() == "CPU"
    pipeline.device = "cuda"
    document.another_face()
    settle()
    assert opened.device_label.text() == "CUDA"
    pipeline.device = "cpu"
    document.another_face()
    settle()
    assert opened.device_label.text() == "CPU"
    assert "out of memory" in opened.statusBar().currentMessage()


def test_the_verdict_card_does_not_shrink_while_a_slider_moves(opened, document, pipeline, qtbot):
    import threading

    before = opened.verdict.height()
    pipeline.gate = threading.Event()
    document.another_face()
    qtbot.waitUntil(lambda: opened.verdict.headline.text() == "Working")
    QApplication.processEvents()
    assert opened.verdict.height() >= before
    pipeline.gate.set()


def test_progress_and_cancel_while_working(window, document, pipeline, photo_file, qtbot, settle):
    import threading

    pipeline.gate = threading.Event()
    window.open_paths([photo_file()])
    qtbot.waitUntil(lambda: any(call[0] == "redact" for call in pipeline.calls), timeout=20_000)
    assert window.progress.cancel.isVisible()
    assert "face 1" in window.progress.words.text()
    window.progress.cancel.click()
    settle()
    assert "all need attention" in window.summary.words.text()
    assert not window.progress.cancel.isVisible()


def test_colours_switch_and_are_remembered(opened, theme):
    seen = []
    for _ in range(3):
        opened.actions_by_key["cycle_theme"].trigger()
        seen.append((theme.choice, opened.settings.scheme))
    assert seen == [("system", "system"), ("light", "light"), ("dark", "dark")]


def test_only_geometry_and_colours_are_stored(opened, tmp_path):
    opened.actions_by_key["cycle_theme"].trigger()
    opened.close()
    opened.settings._store.sync()
    stored = tmp_path / "settings" / "window.ini"
    assert set(opened.settings._store.allKeys()) == {"geometry", "scheme"}
    assert "a.png" not in stored.read_text()


def test_closing_in_the_middle_of_work_ends_the_thread(window, pipeline, photo_file, qtbot):
    import threading

    pipeline.gate = threading.Event()
    window.open_paths([photo_file()])
    qtbot.waitUntil(lambda: any(call[0] == "redact" for call in pipeline.calls), timeout=20_000)
    window.close()


RUN = textwrap.dedent("""
    import sys
    from pathlib import Path
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication, QFileDialog
    import deid_desktop.app as app
    loaded = []
    def look():
        window = next(w for w in QApplication.topLevelWidgets() if w.isVisible())
        loaded.extend({"torch", "cv2"} & set(sys.modules))
        dialog = QFileDialog(window, "Open", sys.argv[1])
        dialog.show()
        QApplication.processEvents()
        dialog.accept()
        dialog.deleteLater()
        QTimer.singleShot(50, window.close)
    QTimer.singleShot(0, look)
    status = app.run([])
    print(sorted(loaded))
    raise SystemExit(status)
""")


def test_the_app_starts_without_the_heavy_libraries_and_leaves_no_trace(tmp_path):
    import os

    secret = tmp_path / "the_secret_source"
    secret.mkdir()
    environment = {**os.environ, "HOME": str(tmp_path / "home")}
    environment |= {"XDG_CONFIG_HOME": str(tmp_path / "home" / "config")}
    done = ended(RUN, secret, environment=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]", "torch or cv2 was loaded before the window showed"
    for file in (tmp_path / "home").rglob("*"):
        assert not file.is_file() or b"the_secret_source" not in file.read_bytes(), file


def test_text_is_never_cut_in_the_panel(opened):
    QApplication.processEvents()
    for button in opened.attributes.methods.buttons.values():
        assert button.width() >= button.minimumSizeHint().width()


def test_what_is_in_the_middle_stays_there_when_the_view_changes_size(opened, qtbot):
    canvas = opened.compare.result
    canvas.look_at(QPointF(30, 35), 6.0)
    before = canvas.centre
    opened.actions_by_key["view_result"].trigger()
    QApplication.processEvents()
    assert (canvas.centre - before).manhattanLength() < 1.0
