import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
from doubles import NamedError

from deid_desktop.core.imaging import read_photo
from deid_desktop.core.types import Method, State
from deid_desktop.session import memory
from deid_desktop.session.model import Stage
from deid_desktop.session.picture import picture_of
from deid_desktop.session.worker import SHARE, trace_of


def aged(years):
    return lambda r: replace(r, attributes=replace(r.attributes, age=float(years)))


@pytest.fixture
def opened(document, renderer, photo_file, settle):
    document.open([photo_file()])
    settle()
    return document, document.current


def test_opening_finds_and_replaces_every_face(opened, renderer):
    _, entry = opened
    assert entry.stage is Stage.READY
    assert [s.state for s in entry.present()] == [State.VERIFIED, State.VERIFIED]
    after = renderer.view.after.levels[0]
    assert tuple(after[20, 20, :3][::-1]) == (200, 0, 0)
    assert not np.array_equal(after, renderer.view.before.levels[0])


def test_a_moved_slider_is_previewed_with_the_same_identity_then_verified(
    opened, renderer, pipeline, settle
):
    document, _entry = opened
    identity = document.selected.identity
    pipeline.calls.clear()
    gesture = document.new_gesture()
    document.edit("Age", aged(50), gesture=gesture)
    renderer.live()
    settle()
    assert [(c[0], c[3]) for c in pipeline.calls] == [("preview", identity), ("redact", identity)]
    assert document.selected.state is State.VERIFIED
    assert tuple(renderer.view.after.levels[0][20, 20, :3][::-1]) == (200, 0, 50)


def test_a_result_counts_for_what_was_asked_even_if_the_search_went_further(
    document, renderer, pipeline, photo_file, settle, qtbot, tmp_path
):
    pipeline.strengthen = 0.6
    document.open([photo_file()])
    settle()
    document.edit("Age", aged(50))
    renderer.live()
    settle()
    assert document.selected.state is State.VERIFIED
    with qtbot.waitSignal(renderer.exported):
        renderer.export(document.current, tmp_path / "out.png")


def test_only_the_newest_value_is_shown(opened, renderer, pipeline, qtbot, settle):
    document, _ = opened
    pipeline.calls.clear()
    pipeline.gate = threading.Event()
    gesture = document.new_gesture()
    for years in range(20, 70):
        document.edit("Age", aged(years), gesture=gesture)
        renderer.live()
        qtbot.wait(1)
    pipeline.gate.set()
    renderer.settle()
    settle()
    assert len(pipeline.calls) < 10
    assert document.selected.result.request.attributes.age == 69
    assert tuple(renderer.view.after.levels[0][20, 20, :3][::-1]) == (200, 0, 69)


def test_a_running_job_leaves_when_its_request_changes(opened, renderer, pipeline, qtbot, settle):
    document, _ = opened
    pipeline.gate = threading.Event()
    document.another_face()
    qtbot.waitUntil(lambda: pipeline.calls[-1][2].seed == 1)
    document.another_face()
    # The first search never gets past the gate, so only its leaving lets the second one start.
    qtbot.waitUntil(lambda: pipeline.calls[-1][2].seed == 2)
    pipeline.gate.set()
    settle()
    assert 1 not in {request.seed for _box, request in document.selected.results}


def test_an_identity_that_fails_is_searched_anew(opened, pipeline, settle, document):
    pipeline.calls.clear()
    pipeline.fail_seeds = (0,)
    document.edit("Age", aged(33))
    settle()
    identities = [call[3] for call in pipeline.calls]
    assert identities[0] is not None
    assert identities[1] is None
    assert document.selected.state is State.ATTENTION


@pytest.mark.parametrize("stage", ["redact", "mark"])
@pytest.mark.parametrize(
    "error", [ValueError("secret /home/x"), NamedError("a.png: no; do y"), MemoryError()]
)
def test_a_fault_marks_the_face_and_blocks(opened, pipeline, settle, renderer, stage, error):
    document, entry = opened
    pipeline.breaks[stage] = error
    if stage == "mark":
        document.add_face((5.0, 60.0, 30.0, 30.0))
    else:
        document.another_face()
    settle()
    assert document.selected.state is State.ATTENTION
    reason = document.selected.result.verdict.reason
    assert "secret" not in reason
    assert "/home" not in reason
    assert reason.strip().endswith((".", "y"))
    assert document.selected in entry.blocked()


def test_a_fault_in_painting_blocks_the_face_and_work_goes_on(opened, pipeline, settle):
    document, _ = opened
    pipeline.breaks["render"] = ValueError("x")
    document.set_method(Method.SOLID)
    settle()
    assert document.selected.state is State.ATTENTION
    del pipeline.breaks["render"]
    document.another_face()
    document.set_method(Method.SURROGATE)
    settle()
    assert document.selected.state is State.VERIFIED


def test_a_fault_in_the_preview_ends(opened, pipeline, settle, renderer):
    document, _ = opened
    pipeline.breaks["preview"] = ValueError("x")
    document.edit("Age", aged(44))
    renderer.live()
    settle()
    assert document.selected.state is State.VERIFIED


def test_a_fault_in_detection_blocks_the_photo(document, renderer, pipeline, photo_file, settle):
    pipeline.breaks["detect"] = NamedError("a.png: the model is missing; install again")
    document.open([photo_file()])
    settle()
    assert document.current.stage is Stage.FAILED
    assert "model is missing" in document.current.problem
    pipeline.breaks.clear()
    document.retry(document.current)
    settle()
    assert document.current.stage is Stage.READY


def test_damaged_files_are_named_and_the_others_go_on(document, renderer, photo_file, settle):
    bad = photo_file("bad.jpg")
    bad.write_text("this is no picture")
    document.open([bad, photo_file("good.png")])
    settle()
    bad_entry, good_entry = document.entries
    assert bad_entry.stage is Stage.FAILED
    assert "bad.jpg" in bad_entry.problem
    assert str(bad.parent) not in bad_entry.problem
    assert good_entry.stage is Stage.READY
    assert good_entry.present()[0].state is State.VERIFIED


def test_only_the_photo_on_screen_keeps_its_pixels(document, renderer, photo_file, settle):
    document.open([photo_file(f"{n}.png") for n in range(4)])
    settle()
    assert [entry.photo is not None for entry in document.entries] == [True, False, False, False]
    document.show_photo(document.entries[2])
    settle()
    assert renderer.view.entry is document.entries[2]
    assert tuple(renderer.view.after.levels[0][20, 20, :3][::-1]) == (200, 0, 0)


def test_the_picture_shown_is_the_one_that_would_be_exported(
    document, renderer, pipeline, photo_file, settle
):
    # Near and far neighbours, overlapping boxes, then edits of some of them in any order.
    boxes = [(x, y, 60.0, 70.0) for x in (10.0, 50.0, 400.0, 900.0) for y in (10.0, 60.0, 500.0)]
    pipeline.boxes = tuple(boxes)
    document.open([photo_file(size=(1001, 703))])
    settle()
    for number in (3, 0, 7, 4):
        document.select(number)
        document.another_face()
        settle()
    document.select(1)
    document.remove_face()
    document.select(5)
    document.set_method(Method.KEEP)
    settle()
    entry = document.current
    whole = pipeline.render(entry.photo, [s.result for s in entry.present()])
    for ours, level in zip(renderer.view.after.levels, picture_of(whole).levels, strict=True):
        assert np.array_equal(ours, level)


def test_a_drawn_box_is_located_and_replaced(opened, pipeline, settle):
    document, entry = opened
    document.add_face((60.0, 60.0, 30.0, 30.0))
    settle()
    assert ("mark", 2) in pipeline.calls
    assert entry.subjects[2].located
    assert entry.subjects[2].state is State.VERIFIED


def test_a_removed_box_gets_its_pixels_back(opened, renderer, settle):
    document, _ = opened
    document.remove_face()
    settle()
    view = renderer.view
    assert np.array_equal(view.after.levels[0][10:60, 10:50], view.before.levels[0][10:60, 10:50])


def test_cancel_stops_and_what_is_unfinished_blocks(
    document, renderer, pipeline, photo_file, qtbot, settle
):
    pipeline.gate = threading.Event()
    document.open([photo_file("a.png"), photo_file("b.png")])
    qtbot.waitUntil(lambda: any(call[0] == "redact" for call in pipeline.calls), timeout=20_000)
    renderer.cancel()
    settle()
    first, second = document.entries
    assert {s.state for s in first.present()} == {State.ATTENTION}
    assert second.stage is Stage.FAILED
    assert "ancelled" in second.problem
    pipeline.gate.set()
    document.retry(first, 0)
    settle()
    assert first.subjects[0].state is State.VERIFIED


def test_a_file_that_changed_meanwhile_starts_anew(
    document, renderer, pipeline, photo_file, settle, tmp_path, qtbot
):
    document.open([photo_file("a.png"), photo_file("b.png")])
    settle()
    second = document.entries[1]
    old = second.subjects[0]
    photo_file("b.png", level=60)
    with qtbot.waitSignal(renderer.export_refused) as refused:
        renderer.export(second, tmp_path / "out.png")
    assert "changed" in refused.args[1]
    assert not (tmp_path / "out.png").exists()
    settle()
    assert second.subjects[0] is not old
    assert second.present()[0].state is State.VERIFIED


class TestExport:
    def test_writes_what_is_shown(self, opened, renderer, settle, qtbot, tmp_path):
        import cv2

        document, entry = opened
        target = tmp_path / "out.png"
        with qtbot.waitSignal(renderer.exported):
            renderer.export(entry, target)
        settle()
        written = cv2.imread(str(target))
        assert np.array_equal(written, renderer.view.after.levels[0][..., :3])
        assert entry.exported
        document.another_face()
        assert not entry.exported

    def test_a_blocked_face_is_never_written(
        self, opened, renderer, pipeline, settle, qtbot, tmp_path
    ):
        document, entry = opened
        pipeline.fail_seeds = (1,)
        document.another_face()
        settle()
        with qtbot.waitSignal(renderer.export_refused):
            renderer.export(entry, tmp_path / "out.png")
        assert not (tmp_path / "out.png").exists()

    def test_a_face_that_fails_the_last_check_blocks(
        self, opened, renderer, pipeline, qtbot, tmp_path
    ):
        _document, entry = opened
        confirm = pipeline.confirm

        def doubt(photo, results, **_):
            done = confirm(photo, results)
            first, *rest = done.results
            verdict = replace(first.verdict, state=State.ATTENTION, reason="Recognised after all.")
            return replace(done, results=(replace(first, verdict=verdict, layer=None), *rest))

        pipeline.confirm = doubt
        with qtbot.waitSignal(renderer.export_refused):
            renderer.export(entry, tmp_path / "out.png")
        assert not (tmp_path / "out.png").exists()
        assert entry.subjects[0].state is State.ATTENTION

    @pytest.mark.parametrize("stage", ["confirm", "render"])
    def test_a_fault_writes_nothing(self, opened, renderer, pipeline, qtbot, tmp_path, stage):
        _, entry = opened
        pipeline.breaks[stage] = ValueError("x")
        with qtbot.waitSignal(renderer.export_refused) as refused:
            renderer.export(entry, tmp_path / "out.png")
        assert "ValueError" in refused.args[1]
        assert list(tmp_path.glob("out*")) == []
        pipeline.breaks.clear()

    def test_a_photo_whose_faces_are_not_known_is_refused(
        self, document, renderer, pipeline, photo_file, qtbot, settle, tmp_path
    ):
        pipeline.breaks["detect"] = NamedError("a.png: no")
        document.open([photo_file()])
        with qtbot.waitSignal(renderer.export_refused):
            renderer.export(document.current, tmp_path / "out.png")
        settle()
        with qtbot.waitSignal(renderer.export_refused):
            renderer.export(document.current, tmp_path / "out.png")
        assert not (tmp_path / "out.png").exists()

    def test_cancelled_in_time_writes_nothing_and_says_so(
        self, opened, renderer, pipeline, qtbot, settle, tmp_path
    ):
        _, entry = opened
        reached, go_on = threading.Event(), threading.Event()
        confirm = pipeline.confirm

        def slow(photo, results, **_):
            reached.set()
            go_on.wait(10)
            return confirm(photo, results)

        pipeline.confirm = slow
        renderer.export(entry, tmp_path / "out.png")
        qtbot.waitUntil(reached.is_set)
        with qtbot.waitSignal(renderer.export_refused) as refused:
            renderer.cancel()
            go_on.set()
        assert "cancelled" in refused.args[1]
        assert not (tmp_path / "out.png").exists()

    def test_a_moving_slider_does_not_stop_an_export(
        self, opened, renderer, pipeline, qtbot, settle, tmp_path
    ):
        document, entry = opened
        reached, go_on = threading.Event(), threading.Event()
        confirm = pipeline.confirm

        def slow(photo, results, **_):
            reached.set()
            go_on.wait(10)
            return confirm(photo, results)

        pipeline.confirm = slow
        renderer.export(entry, tmp_path / "out.png")
        qtbot.waitUntil(reached.is_set)
        document.edit("Age", aged(50))
        renderer.live()
        with qtbot.waitSignal(renderer.exported):
            go_on.set()
        settle()
        assert not entry.exported  # what was written is no longer what is shown

    def test_never_over_an_open_photo(self, opened, renderer, qtbot):
        _, entry = opened
        before = entry.path.read_bytes()
        with qtbot.waitSignal(renderer.export_refused):
            renderer.export(entry, entry.path, overwrite=True)
        assert entry.path.read_bytes() == before

    def test_a_photo_not_on_screen_is_read_again(
        self, document, renderer, photo_file, settle, qtbot, tmp_path
    ):
        document.open([photo_file("a.png"), photo_file("b.png")])
        settle()
        assert document.entries[1].photo is None
        with qtbot.waitSignal(renderer.exported):
            renderer.export(document.entries[1], tmp_path / "out.png")
        assert (tmp_path / "out.png").exists()


def test_the_worker_hands_the_lock_over_within_a_frame(renderer):
    """Else the window waits for it several times a frame, five milliseconds each."""
    assert sys.getswitchinterval() == pytest.approx(SHARE)
    assert SHARE < 1 / 60 / 10


def test_a_trace_names_lines_and_no_values():
    try:
        raise ValueError("/home/someone/photo.jpg")
    except ValueError as error:
        trace = trace_of(error)
    assert "test_render.py" in trace
    assert "ValueError" in trace
    assert "/" not in trace


class TestMemory:
    @pytest.fixture
    def heavy(self, monkeypatch, document, renderer, photo_file, settle, pipeline):
        """Four photos, of which only the layers of about one may stay; one is looked at."""
        real = pipeline.redact

        def redact(photo, face, request, **options):
            result = real(photo, face, request, **options)
            if result.layer is not None:
                object.__setattr__(result.layer, "ballast", np.zeros(1000, np.uint8))
            return result

        monkeypatch.setattr(pipeline, "redact", redact)
        monkeypatch.setattr(memory, "LAYERS_KEPT", 2500)
        document.open([photo_file(f"{n}.png", level=100 + n) for n in range(4)])
        settle()
        return document

    def test_layers_of_photos_out_of_sight_are_bounded(self, heavy):
        assert sum(entry.weight() for entry in heavy.entries[1:]) <= 2500
        assert any(entry.shelved for entry in heavy.entries)
        every = [s for entry in heavy.entries for s in entry.present()]
        assert {s.state for s in every} == {State.VERIFIED}, "what is known stays known"

    def test_a_shelved_photo_is_made_again_with_the_same_identities(
        self, heavy, settle, pipeline, renderer
    ):
        entry = next(entry for entry in heavy.entries if entry.shelved)
        identities = [s.result.identity for s in entry.present()]
        prints = [s.fingerprint for s in entry.present()]
        pipeline.calls.clear()
        heavy.show_photo(entry)
        settle()
        assert [c[3] for c in pipeline.calls if c[0] == "redact"] == identities
        assert [s.fingerprint for s in entry.present()] == prints
        assert tuple(renderer.view.after.levels[0][20, 20, :3][::-1]) == (200, 0, 0)

    def test_a_shelved_photo_is_made_again_before_it_is_exported(
        self, heavy, renderer, qtbot, tmp_path
    ):
        entry = next(entry for entry in heavy.entries if entry.shelved)
        with qtbot.waitSignal(renderer.exported):
            renderer.export(entry, tmp_path / "out.png")
        assert tuple(read_photo(tmp_path / "out.png").pixels[20, 20]) == (200, 0, 0)

    def test_one_that_fails_then_is_not_exported(self, heavy, renderer, pipeline, qtbot, tmp_path):
        entry = next(entry for entry in heavy.entries if entry.shelved)
        pipeline.fail_seeds = (0,)
        with qtbot.waitSignal(renderer.export_refused):
            renderer.export(entry, tmp_path / "out.png")
        assert not (tmp_path / "out.png").exists()
