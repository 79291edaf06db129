from dataclasses import replace

import numpy as np
import pytest
from doubles import Block, face

from deid_desktop.core.types import FaceResult, Identity, Method, Photo, Request, State, Verdict
from deid_desktop.session.document import RESULTS_KEPT
from deid_desktop.session.model import Stage
from deid_desktop.session.words import summary


@pytest.fixture
def opened(document, photo_file):
    """A document with one photo of three faces; no worker runs."""
    document.open([photo_file()])
    entry = document.current
    entry.photo = Photo("a.png", np.zeros((100, 160, 3), np.uint8), "key")
    document.accept_faces(entry, [face(n, (10.0 + 50 * n, 10.0, 40.0, 50.0)) for n in range(3)])
    return document, entry


def verified(subject, identity=None):
    return FaceResult(
        subject.face,
        subject.request,
        Verdict(State.VERIFIED, "ok", 0.1, 0.2, 0.4),
        layer=Block((0, 0, 1, 1), (1, 1, 1)),
        identity=identity,
    )


def aged(years):
    return lambda r: replace(r, attributes=replace(r.attributes, age=years))


def test_one_gesture_is_one_undo_step(opened):
    document, _ = opened
    for gesture in (document.new_gesture(), document.new_gesture()):
        for years in range(30, 60):
            document.edit("Age", aged(years + gesture), gesture=gesture)
    assert document.undo_stack.count() == 2
    document.undo_stack.undo()
    assert document.selected.request.attributes.age == 60
    document.undo_stack.undo()
    assert document.selected.request == Request()
    document.undo_stack.redo()
    assert document.selected.request.attributes.age == 60


def test_a_drag_back_to_the_start_leaves_no_step(opened):
    document, _ = opened
    gesture = document.new_gesture()
    for years in (30, 40, None):
        document.edit("Age", aged(years), gesture=gesture)
    assert document.undo_stack.count() == 0


def test_undo_shows_the_remembered_result_at_once(opened):
    document, entry = opened
    subject = document.selected
    document.accept_result(entry, subject.place, verified(subject))
    document.set_method(Method.KEEP)
    assert subject.state is None
    document.undo_stack.undo()
    assert subject.state is State.VERIFIED


def test_a_result_for_an_older_request_does_not_count(opened):
    document, entry = opened
    subject = document.selected
    old = subject.place
    document.another_face()
    document.accept_result(entry, old, verified(subject))
    assert subject.state is None
    assert subject in entry.blocked()


def test_previews_never_count(opened):
    document, entry = opened
    subject = document.selected
    document.accept_preview(entry, subject.request, verified(subject))
    assert subject.result is None
    assert subject in entry.blocked()


def test_sliders_keep_the_identity_and_another_face_asks_for_a_new_one(opened):
    document, entry = opened
    subject = document.selected
    identity = Identity((1, 2, 3, 4, 5), (0.2,) * 5, 0)
    document.accept_result(entry, subject.place, verified(subject, identity=identity))
    document.edit("Age", aged(70))
    assert subject.identity is identity
    document.another_face()
    assert subject.identity is None
    document.undo_stack.undo()
    document.edit("k", lambda r: replace(r, k=7))
    assert subject.identity is None


def test_a_removed_box_no_longer_counts_until_undone(opened):
    document, entry = opened
    document.select(1)
    document.remove_face()
    assert [s.face.id for s in entry.present()] == [0, 2]
    assert document.selected_id in (0, 2)
    document.undo_stack.undo()
    assert [s.face.id for s in entry.present()] == [0, 1, 2]
    assert document.selected_id == 1


def test_a_marked_face_counts_at_once_and_blocks(opened):
    document, entry = opened
    document.add_face((5.0, 60.0, 30.0, 30.0))
    subject = document.selected
    assert subject.number == 4
    assert subject.face.by_person
    assert not subject.located
    assert subject in entry.blocked()
    document.undo_stack.undo()
    assert subject not in entry.present()
    document.undo_stack.redo()
    assert subject in entry.present()


def test_undo_in_another_photo_shows_that_photo(opened, photo_file):
    document, entry = opened
    document.set_method(Method.SOLID)
    document.open([photo_file("b.png")])
    assert document.current is not entry
    document.undo_stack.undo()
    assert document.current is entry
    assert entry.subjects[0].request.method is Method.SURROGATE


def test_remembered_results_are_bounded_and_hold_the_current_one(opened):
    document, entry = opened
    subject = document.selected
    document.accept_result(entry, subject.place, verified(subject))
    for seed in range(1, 40):
        document.accept_result(entry, (subject.place[0], Request(seed=seed)), verified(subject))
    assert len(subject.results) == RESULTS_KEPT
    assert subject.state is State.VERIFIED


def test_every_face_of_a_photo_can_get_one_method_in_one_step(opened):
    document, entry = opened
    document.set_method(Method.SOLID, everywhere=True)
    assert {s.request.method for s in entry.present()} == {Method.SOLID}
    document.undo_stack.undo()
    assert {s.request.method for s in entry.present()} == {Method.SURROGATE}


def test_stepping_goes_round(opened):
    document, entry = opened
    document.accept_result(entry, entry.subjects[0].place, verified(entry.subjects[0]))
    document.accept_result(entry, entry.subjects[2].place, verified(entry.subjects[2]))
    document.select(2)
    document.step_face(1)
    assert document.selected_id == 0
    document.step_face(-1)
    assert document.selected_id == 2


def test_summary_says_when_the_photo_may_leave(opened):
    document, entry = opened
    assert not summary(entry).exportable
    for subject in entry.present():
        document.accept_result(entry, subject.place, verified(subject))
    assert summary(entry).exportable
    assert "3 faces: all verified" in summary(entry).text
    document.fail_face(entry, 1, entry.subjects[1].request, "It broke.")
    assert not summary(entry).exportable
    assert "1 needs attention" in summary(entry).text
    document.fail_photo(entry, "a.png: it broke")
    assert entry.stage is Stage.FAILED
    assert summary(entry).text == "a.png: it broke"


def test_the_same_file_is_opened_once(document, photo_file):
    path = photo_file()
    document.open([path, path])
    document.open([path])
    assert len(document.entries) == 1


def test_one_face_needs_attention_and_two_need_it(opened):
    document, entry = opened
    first, *others = entry.present()
    document.accept_result(entry, first.place, verified(first))
    for count, subject in enumerate(others, 1):
        document.fail_face(entry, subject.face.id, subject.request, "No.")
        words = "1 needs attention" if count == 1 else f"{count} need attention"
        assert words in summary(entry).text
