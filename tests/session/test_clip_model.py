"""A clip's model: what is found, edited, shown and exported, through a worker of its own."""

import cv2
import pytest

from deid_desktop.core.imaging import read_photo
from deid_desktop.core.types import Method, Request, State
from deid_desktop.resources import resource
from deid_desktop.session.clip_model import ClipModel
from tests.video.clips import camera, moving_bar, write_clip


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    photo = read_photo(resource("samples", "portrait.jpg")).pixels
    pictures, _ = camera(photo, 20, size=(320, 240), zoom=0.3, start=(-60, 0), step=(-1, 0.3))
    for number in (8, 9, 10, 11):
        pictures[number] = cv2.GaussianBlur(pictures[number], (0, 0), 12)
    return write_clip(tmp_path_factory.mktemp("clip") / "a.mp4", pictures)


@pytest.fixture
def model(source):
    model = ClipModel(source, Request())
    yield model
    model.close()


def rest(qtbot, model):
    """Wait until nothing runs any more."""
    qtbot.waitUntil(lambda: not model.doing and model._next is None, timeout=120_000)


def test_a_clip_is_found_edited_shown_and_exported(qtbot, model, tmp_path):
    shots, told, records = [], [], []
    model.pictured.connect(shots.append)
    model.progressed.connect(lambda *said: told.append(said))
    model.exported.connect(records.append)
    model.begin()
    rest(qtbot, model)
    assert {said[0] for said in told} >= {"find", "cast"}
    assert model.frames == 20
    person = model.people[0]  # what blurred frames show may be taken for one more
    assert person.costume is not None
    assert shots[-1].index == 0

    model.go(3)
    rest(qtbot, model)
    assert shots[-1].index == 3
    assert [s.state for s in shots[-1].finished.shown] == [State.VERIFIED]
    first = model.timeline.tracks[0]
    assert State.VERIFIED in {run.state for run in model.runs(first)}

    tracks = len(model.timeline.tracks)
    model.select(first.id)
    model.go(4)
    rest(qtbot, model)
    model.split()
    rest(qtbot, model)
    assert len(model.timeline.tracks) == tracks + 1
    model.undo()
    rest(qtbot, model)
    assert len(model.timeline.tracks) == tracks

    model.select(first.id)
    identity = person.identity
    model.split()
    rest(qtbot, model)
    model.ask(Request(Method.SOLID), alone=True)
    rest(qtbot, model)
    second = model.timeline.tracks[-1]
    assert (first.id in model.people[0].tracks) and (second.id in model.people[0].tracks)
    assert {run.state for run in model.runs(model.track)} == {State.MASKED}
    assert model.people[0].costume_of(second.id) is not None
    assert model.people[0].identity == identity
    model.ask_as_elsewhere()
    rest(qtbot, model)
    assert model.people[0].costume_of(first.id) is not None
    model.undo()
    rest(qtbot, model)

    model.select(first.id)
    model.ask(Request(Method.SOLID))
    rest(qtbot, model)
    assert {run.state for run in model.runs(first)} == {State.MASKED}
    assert first.id not in {track for _, track in model.problems()}  # it was asked for
    model.add(0, (5.0, 5.0, 20.0, 20.0), 10, (30.0, 5.0, 20.0, 20.0))
    rest(qtbot, model)
    assert model.problems()[0][0] == 0
    drawn = model.problems()[0][1]
    assert any(model.next_problem() and model.selected == drawn for _ in model.problems())
    model.approve(drawn, True)
    assert all(track != drawn for _, track in model.problems())

    target = tmp_path / "out.mp4"
    model.export(target, "drop", overwrite=False)
    rest(qtbot, model)
    assert records and records[-1]["frames"] == 20
    assert target.exists()


def test_an_export_that_is_stopped_goes_on(qtbot, tmp_path):
    pictures = moving_bar(480)  # long enough that none is done before the stop gets through
    model = ClipModel(write_clip(tmp_path / "a.mp4", pictures), Request())
    try:
        records, target = [], tmp_path / "out" / "a.mp4"
        target.parent.mkdir()
        model.exported.connect(records.append)
        model.begin()
        rest(qtbot, model)
        model.progressed.connect(lambda doing, done, total: doing == "render" and model.cancel())
        model.export(target, "drop", overwrite=False)
        rest(qtbot, model)
        assert not list(target.parent.iterdir())
        model.progressed.disconnect()
        model.progressed.connect(lambda doing, done, total: doing == "render" and model.stop())
        model.export(target, "drop", overwrite=False)
        rest(qtbot, model)
        assert not records and not target.exists()
        model.progressed.disconnect()
        model.export(target, "drop", overwrite=False)
        rest(qtbot, model)
        assert records
        assert [path.name for path in target.parent.iterdir()] == ["a.mp4"]
    finally:
        model.close()


def test_what_is_no_clip_is_said(qtbot, tmp_path):
    path = tmp_path / "a.mp4"
    path.write_text("no video")
    model = ClipModel(path, Request())
    try:
        with qtbot.waitSignal(model.failed, timeout=60_000) as said:
            model.begin()
        assert "no video that can be read" in said.args[0]
        rest(qtbot, model)
    finally:
        model.close()
