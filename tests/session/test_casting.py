"""Surrogates that no longer hold when further photos come are made again by themselves."""

from dataclasses import replace

import numpy as np
import pytest

from deid_desktop.core.imaging import read_photo
from deid_desktop.core.types import ALONE, Face, Method, State
from deid_desktop.session.review import decide
from deid_desktop.session.sitters import CastPerson, Sitter

FIRST, SECOND = (10.0, 10.0, 40.0, 50.0), (90.0, 20.0, 40.0, 50.0)
NEWCOMER = 5


def like(person):
    return np.eye(128, dtype=np.float32)[person]


@pytest.fixture
def pair(document, renderer, pipeline, photo_file, settle):
    """Two photos of one person, whose surrogate looks like somebody who is still to come."""
    pipeline.boxes = (FIRST,)
    pipeline.who = {("a.png", FIRST): 1, ("b.png", FIRST): 1, ("c.png", FIRST): NEWCOMER}
    pipeline.likeness = {0: like(NEWCOMER), 7: like(99)}
    pipeline.cast_seeds = (0, 7)
    document.open([photo_file("a.png", level=100), photo_file("b.png", level=110)])
    settle()
    return document.entries


@pytest.fixture
def newcomer(document, photo_file, settle):
    """Open a third photo: of somebody like whom the surrogate of the two others looks."""

    def come():
        document.open([photo_file("c.png", level=90)])
        settle()

    return come


def worn(entries):
    return [(s.state, s.result.identity.seed) for entry in entries for s in entry.present()]


def test_both_hold_before_the_third_photo_comes(pair):
    assert worn(pair) == [(State.VERIFIED, 0)] * 2


def test_a_person_gets_another_identity_in_all_photos(pair, newcomer, renderer):
    said = []
    renderer.casting.told.connect(said.append)
    newcomer()
    assert worn(pair[:2]) == [(State.VERIFIED, 7)] * 2
    assert len(said) == 1
    assert said[0].startswith("Person 1 wears another surrogate now")


def test_it_is_sought_for_the_faces_of_that_person_only(pair, newcomer, pipeline):
    newcomer()
    (cast,) = [call for call in pipeline.calls if call[0] == "cast"]
    assert sorted(cast[1]) == ["a.png", "b.png"]


def test_nothing_is_sought_where_everything_holds(pair, newcomer, pipeline):
    pipeline.likeness[0] = like(99)
    for entry in pair[:2]:
        for subject in entry.present():
            subject.results = {p: replace(r, found=None) for p, r in subject.results.items()}
    newcomer()
    assert worn(pair[:2]) == [(State.VERIFIED, 0)] * 2
    assert not [call for call in pipeline.calls if call[0] == "cast"]


def test_where_no_identity_holds_the_face_blocks_and_nobody_searches_for_ever(
    pair, newcomer, pipeline
):
    pipeline.cast_seeds = (0,)
    newcomer()
    assert {state for state, _ in worn(pair[:2])} == {State.ATTENTION}
    assert len([call for call in pipeline.calls if call[0] == "cast"]) == 1
    assert all(entry.blocked() for entry in pair[:2])


def test_undo_brings_no_surrogate_back_that_does_not_hold(pair, newcomer, document, settle):
    document.show_photo(pair[0])
    document.select(0)
    document.set_method(Method.SOLID)
    settle()
    newcomer()
    document.undo_stack.undo()
    settle()
    assert worn(pair[:1]) == [(State.VERIFIED, 7)]


def test_a_choice_of_the_person_is_no_reason_for_another_identity(
    pair, newcomer, document, pipeline, settle
):
    """Whoever keeps the eyes is told that this is too much; the other photos stay as they are."""
    document.show_photo(pair[0])
    document.select(0)
    keep = lambda r: replace(r, attributes=replace(r.attributes, keep_eyes=True))  # noqa: E731
    for entry in pair:
        document.edit_faces(entry, entry.present(), "Keep own eyes", keep)
    settle()
    newcomer()
    assert {state for state, _ in worn(pair[:2])} == {State.ATTENTION}
    assert not [call for call in pipeline.calls if call[0] == "cast"]


def test_what_a_reviewer_approved_is_never_exchanged_in_silence(pair, newcomer, document, pipeline):
    document.show_photo(pair[1])
    document.select(0)
    decide(document, approved=True)
    newcomer()
    assert not [call for call in pipeline.calls if call[0] == "cast"]
    assert all(entry.blocked() for entry in pair[:2])


def test_who_exported_a_face_that_no_longer_holds_is_told(
    pair, newcomer, renderer, qtbot, tmp_path
):
    with qtbot.waitSignal(renderer.exported):
        renderer.export(pair[0], tmp_path / "out.png")
    assert pair[0].exported
    warnings = []
    renderer.casting.warned.connect(warnings.append)
    newcomer()
    assert len(warnings) == 1
    assert warnings[0].startswith("a.png was exported before")
    assert not pair[0].exported


def test_a_single_face_is_searched_anew(document, renderer, pipeline, photo_file, settle, newcomer):
    pipeline.boxes = (FIRST,)
    pipeline.who = {("a.png", FIRST): 1, ("c.png", FIRST): NEWCOMER}
    pipeline.likeness = {0: like(NEWCOMER)}
    document.open([photo_file("a.png")])
    settle()
    pipeline.calls.clear()
    newcomer()
    assert [c[0] for c in pipeline.calls if c[1] == 0 and c[2].seed == 0][:1] == ["redact"]
    assert document.entries[0].present()[0].state is State.ATTENTION  # the fake finds no other


def test_photos_are_looked_at_before_surrogates_are_made_for_those_further_on(
    document, renderer, pipeline, photo_file, settle
):
    names = ["a.png", "b.png", "c.png", "d.png"]
    document.open([photo_file(name, level=60 + 20 * n) for n, name in enumerate(names)])
    settle()
    looked = [n for n, call in enumerate(pipeline.calls) if call == ("detect", "d.png")]
    made = [n for n, call in enumerate(pipeline.calls) if call[0] == "redact"]
    assert len([n for n in made if n < looked[0]]) == 4  # the two of the first two photos each
    assert len(made) == 8
    assert [entry.photo is not None for entry in document.entries] == [True, False, False, False]


def sitter(path, key=None):
    photo = read_photo(path)
    face = Face(3, (60.0, 40.0, 20.0, 20.0), np.full((5, 2), 70, np.float32), 0.9)
    return photo, Sitter(path, 0, key or photo.key, None, face, ALONE)


def test_a_sitter_brings_what_surrounds_the_face_only(photo_file):
    photo, one = sitter(photo_file(size=(400, 300)))
    sitting = one.sit()
    x, y, w, h = (int(v) for v in sitting.face.box)
    assert sitting.photo.pixels.shape[0] < 100
    np.testing.assert_array_equal(
        sitting.photo.pixels[y : y + h, x : x + w], photo.pixels[40:60, 60:80]
    )
    np.testing.assert_allclose(sitting.face.points - [x, y], 70 - np.array([[60, 40]] * 5))


def test_a_file_that_changed_meanwhile_is_no_sitter(photo_file, pipeline, document):
    _, one = sitter(photo_file(), key="another")
    assert one.sit() is None
    assert CastPerson((one,), document.standard).run(pipeline, lambda: False) is None


def test_a_large_face_sits_in_a_small_picture(photo_file):
    path = photo_file(size=(3000, 2400))
    photo = read_photo(path)
    face = Face(0, (900.0, 600.0, 1200.0, 1200.0), np.full((5, 2), 1500, np.float32), 0.9)
    sitting = Sitter(path, 0, photo.key, photo, face, ALONE).sit()
    assert sitting.photo.pixels.shape == (1200, 1500, 3)
    assert sitting.face.box == (450.0, 300.0, 600.0, 600.0)
    np.testing.assert_allclose(sitting.face.points, 750)
