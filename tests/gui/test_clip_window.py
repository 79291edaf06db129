"""The window of a clip, with a pipeline that knows nobody: every face gets a mask."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QAbstractButton, QComboBox, QWidget

from deid_desktop.core.imaging import read_photo
from deid_desktop.core.types import Method, Request, State
from deid_desktop.gui.clip_window import ClipWindow
from deid_desktop.resources import resource
from tests.video.clips import camera, write_clip


class Stranger:
    """A pipeline that tells people apart by nothing."""

    device = "cpu"

    def embed(self, photo, face):
        return np.full(128, 128**-0.5, np.float32)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    photo = read_photo(resource("samples", "portrait.jpg")).pixels.copy()
    photo[310:410, 235:288] = 128  # a badge that the detector takes for a face now and then
    pictures, _ = camera(photo, 20, size=(320, 240), zoom=0.3, start=(-60, 0), step=(-1, 0.3))
    folder = tmp_path_factory.mktemp("clip")
    return write_clip(folder / "a.mp4", pictures, sound=np.zeros(38400))


def rest(qtbot, clip):
    qtbot.waitUntil(lambda: not clip.model.doing and clip.model._next is None, timeout=60_000)


@pytest.fixture
def clip(qtbot, source, theme):
    clip = ClipWindow(source, Request(Method.SOLID), theme, Stranger)
    qtbot.addWidget(clip)
    clip.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    clip.show()
    assert clip.said.text() == "Finding faces …"
    rest(qtbot, clip)
    assert not clip.said.text()
    yield clip
    clip.close()


def test_bars_show_states_by_pattern_and_words(clip):
    track = clip.model.timeline.tracks[0]
    assert [run.state for run in clip.model.runs(track)] == [State.MASKED]
    assert "Person 1: masked" in clip.bars.words()
    assert clip.bars.accessibleDescription() == clip.bars.words()
    bar = clip.bars.bar_of(track.id).toRect()
    image = clip.bars.grab().toImage()
    row = [
        image.pixelColor(x, bar.center().y() + 6).name()
        for x in range(bar.left() + 40, bar.right())
    ]
    assert len(set(row)) > 1  # hatched, not one colour


def test_keys_and_clicks_move_through_the_clip(qtbot, clip):
    clip.bars.setFocus()
    qtbot.keyClick(clip.bars, Qt.Key.Key_Right)
    qtbot.keyClick(clip.bars, Qt.Key.Key_Right)
    assert clip.model.index == 2
    qtbot.keyClick(clip.bars, Qt.Key.Key_End)
    assert clip.model.index == 19
    qtbot.keyClick(clip.bars, Qt.Key.Key_Home)
    bar = clip.bars.bar_of(0).toRect()
    qtbot.mouseClick(clip.bars, Qt.MouseButton.LeftButton, pos=bar.center())
    assert clip.model.index in (9, 10)
    assert clip.model.selected == 0
    rest(qtbot, clip)
    assert "frame 1" in clip.where.text()


def test_the_frame_shows_the_result_and_on_demand_the_original(qtbot, clip):
    clip.model.go(5)
    rest(qtbot, clip)
    result = clip.view._image.copy()
    clip.original.setChecked(True)
    assert clip.view._image != result


def test_a_face_is_added_by_boxes_on_two_frames(qtbot, clip):
    def draw(at):
        qtbot.mousePress(clip.view, Qt.MouseButton.LeftButton, pos=at)
        qtbot.mouseMove(clip.view, at + QPoint(50, 60))
        qtbot.mouseRelease(clip.view, Qt.MouseButton.LeftButton, pos=at + QPoint(50, 60))

    clip.panel.add.click()
    draw(clip.view.rect().center() - QPoint(150, 80))
    clip.model.go(12)
    rest(qtbot, clip)
    draw(clip.view.rect().center() - QPoint(100, 80))
    rest(qtbot, clip)
    added = clip.model.timeline.tracks[-1]
    assert (added.first, added.last, added.by_person) == (0, 12, True)
    assert len(clip.model.people) == 2
    clip.undo.click()
    rest(qtbot, clip)
    assert len(clip.model.people) == 1
    clip.redo.click()
    rest(qtbot, clip)
    assert len(clip.model.people) == 2


def test_the_method_of_a_person_is_chosen_and_tracks_are_split_and_joined(qtbot, clip):
    clip.panel.method.setCurrentIndex(list(Method).index(Method.KEEP))
    clip.panel.method.activated.emit(clip.panel.method.currentIndex())
    rest(qtbot, clip)
    assert clip.model.people[0].request.method is Method.KEEP
    clip.model.go(8)
    rest(qtbot, clip)
    clip.panel.split.click()
    rest(qtbot, clip)
    assert [(t.first, t.last) for t in clip.model.timeline.tracks] == [(0, 7), (8, 19)]
    assert len(clip.model.people) == 1  # the same face, so the same person
    clip.model.select(1)
    clip.panel.alone.click()
    rest(qtbot, clip)
    clip.panel.method.setCurrentIndex(list(Method).index(Method.PIXELATE))
    clip.panel.method.activated.emit(clip.panel.method.currentIndex())
    rest(qtbot, clip)
    methods = [clip.model.people[0].request_of(track).method for track in (0, 1)]
    assert methods == [Method.KEEP, Method.PIXELATE]
    clip.panel.alone.click()
    rest(qtbot, clip)
    assert clip.model.people[0].request_of(1).method is Method.KEEP
    clip.panel.apart.click()
    rest(qtbot, clip)
    assert len(clip.model.people) == 2
    clip.model.select(0)
    clip.panel.same.click()
    rest(qtbot, clip)
    assert len(clip.model.people) == 1


def test_playing_goes_through_the_clip(qtbot, clip):
    clip.play.click()
    qtbot.waitUntil(lambda: clip.model.index == 19, timeout=60_000)
    rest(qtbot, clip)


def test_the_clip_is_exported_with_progress(qtbot, clip, tmp_path):
    target = tmp_path / "b.mp4"
    said = []
    clip.model.progressed.connect(lambda doing, done, total: said.append(doing))
    clip.export_to(target)
    rest(qtbot, clip)
    assert target.exists()
    assert {"render", "join"} <= set(said)
    assert "b.mp4" in clip.said.text()


def test_everything_that_takes_the_focus_has_a_name(clip):
    for widget in clip.findChildren(QWidget):
        if widget.focusPolicy() == Qt.FocusPolicy.NoFocus or not widget.isVisibleTo(clip):
            continue
        text = widget.text() if isinstance(widget, QAbstractButton) else ""
        if isinstance(widget, QComboBox) or not text:
            assert widget.accessibleName(), widget


def test_the_main_window_opens_clips_in_windows_of_their_own(qtbot, window, source, monkeypatch):
    monkeypatch.setattr("deid_desktop.gui.main_window.make_pipeline", lambda *_: Stranger())
    window.document.standard = Request(Method.SOLID)
    window.open_paths([source])
    (clip,) = window.clips
    rest(qtbot, clip)
    assert clip.model.people
    clip.close()
    qtbot.waitUntil(lambda: not window.clips)


def test_without_pyav_the_window_says_what_to_install(window, source, monkeypatch):
    monkeypatch.setattr("deid_desktop.video.find_spec", lambda name: None)
    window.open_paths([source])
    assert not window.clips
    assert "deid-desktop[video]" in window.notice.words.text()
