"""People in a session: one surrogate for one person over all photos, by hand where need be."""

from dataclasses import replace

import numpy as np
import pytest

from deid_desktop.core.types import Identity, Method, State
from deid_desktop.session.exporting import record_of
from deid_desktop.session.project_file import ProjectFile

FIRST, SECOND = (10.0, 10.0, 40.0, 50.0), (90.0, 20.0, 40.0, 50.0)


@pytest.fixture
def two(document, renderer, pipeline, photo_file, settle):
    """Two photos; the first face of both is the same person, the second ones are not."""
    pipeline.who = {("a.png", FIRST): 1, ("a.png", SECOND): 2, ("b.png", FIRST): 1}
    pipeline.who["b.png", SECOND] = 3
    document.open([photo_file("a.png", level=100), photo_file("b.png", level=110)])
    settle()
    return document.entries


def faces(people):
    return [[(entry.name, subject.face.id) for entry, subject in own] for own in people.all()]


def identities(entries):
    return [[s.result.identity for s in entry.present()] for entry in entries]


def seeds(entries):
    return [[s.request.seed for s in entry.present()] for entry in entries]


def test_a_person_is_found_over_photos(document, two):
    assert faces(document.people) == [[("a.png", 0), ("b.png", 0)], [("a.png", 1)], [("b.png", 1)]]
    assert [document.people.number(s) for s in two[1].present()] == [0, 2]


def test_a_face_that_joins_a_known_person_wears_that_identity(two, pipeline):
    worn = [call for call in pipeline.calls if call[0] == "wear"]
    assert [(call[1], call[3]) for call in worn] == [(0, two[0].subjects[0].result.identity)]
    assert two[1].subjects[0].result.identity == two[0].subjects[0].result.identity


def test_a_face_that_joins_takes_the_seed_too(document, renderer, pipeline, photo_file, settle):
    pipeline.who = {("a.png", FIRST): 1, ("b.png", FIRST): 1}
    document.open([photo_file("a.png")])
    settle()
    document.another_face()
    settle()
    document.open([photo_file("b.png", level=90)])
    settle()
    assert seeds(document.entries) == [[1, 0], [1, 0]]
    assert document.entries[1].subjects[0].result.identity.seed == 1


def test_another_face_is_another_one_in_all_photos_and_can_be_undone(document, two, settle):
    before = identities(two)
    document.show_photo(two[0])
    document.select(0)
    document.another_face()
    assert document.current is two[0]
    settle()
    assert seeds(two) == [[1, 0], [1, 0]]
    assert two[0].subjects[0].result.identity == two[1].subjects[0].result.identity
    assert identities(two) != before
    document.undo_stack.undo()
    settle()
    assert (seeds(two), identities(two)) == ([[0, 0], [0, 0]], before)


def test_everybody_else_is_a_bystander(two, pipeline):
    company = pipeline.companies["b.png", 0]
    assert len(company.same) == 2
    np.testing.assert_array_equal(company.others.argmax(1), [2, 3])


def test_merged_people_wear_one_identity_and_undo_brings_both_back(document, two, settle):
    before = identities(two)
    document.people.merge([two[0].subjects[1], two[1].subjects[1]])
    settle()
    assert faces(document.people) == [[("a.png", 0), ("b.png", 0)], [("a.png", 1), ("b.png", 1)]]
    assert two[0].subjects[1].result.identity == two[1].subjects[1].result.identity
    assert seeds(two) == [[0, 1], [0, 1]]
    document.undo_stack.undo()
    settle()
    assert len(document.people.all()) == 3
    assert identities(two) == before


def test_a_split_person_gets_another_identity(document, two, settle):
    document.people.split([two[1].subjects[0]])
    settle()
    assert len(document.people.all()) == 4
    assert two[0].subjects[0].result.identity != two[1].subjects[0].result.identity
    document.undo_stack.undo()
    assert len(document.people.all()) == 3


def test_merging_what_was_split_makes_one_person_again(document, two, settle):
    people = document.people
    people.split([two[1].subjects[0]])
    people.merge([two[0].subjects[0], two[1].subjects[0]])
    settle()
    assert faces(people)[0] == [("a.png", 0), ("b.png", 0)]
    assert two[0].subjects[0].result.identity == two[1].subjects[0].result.identity


def test_a_surrogate_for_each_face_if_asked(document, two, settle):
    document.people.set_same(False)
    settle()
    assert seeds(two) == [[0, 0], [1, 0]]
    assert two[0].subjects[0].result.identity != two[1].subjects[0].result.identity
    document.undo_stack.undo()
    settle()
    assert document.people.same
    assert two[0].subjects[0].result.identity == two[1].subjects[0].result.identity


def test_one_that_does_not_hold_blocks_instead_of_changing_in_silence(
    document, renderer, pipeline, photo_file, settle, monkeypatch
):
    wear = pipeline.wear

    def fail(*arguments, **options):
        result = wear(*arguments, **options)
        verdict = replace(result.verdict, state=State.ATTENTION, reason="Still alike.")
        return replace(result, verdict=verdict, layer=None)

    monkeypatch.setattr(pipeline, "wear", fail)
    pipeline.who = {("a.png", FIRST): 1, ("b.png", FIRST): 1}
    document.open([photo_file("a.png"), photo_file("b.png", level=90)])
    settle()
    result = document.entries[1].subjects[0].result
    assert result.verdict.state is State.ATTENTION
    assert "choose another face for them, or a mask" in result.verdict.reason


def test_faces_that_turn_out_to_be_one_person_are_aligned(document, two, settle):
    """As when a further photo joins two groups that were apart."""
    other = Identity((7, 8), (0.5, 0.5), 0)
    subject = two[1].subjects[0]
    subject.results[subject.place] = replace(subject.result, identity=other)
    document.people.align()
    settle()
    assert subject.result.identity == two[0].subjects[0].result.identity


def test_pins_choice_and_identities_survive_a_project(document, two, settle, tmp_path):
    people = document.people
    people.split([two[1].subjects[0]])
    people.set_same(False)
    settle()
    before, known = identities(two), seeds(two)
    file = ProjectFile(document)
    file.save(tmp_path / "p.deid")
    file.open(tmp_path / "p.deid")
    settle()
    document.step_photo(1)
    settle()
    assert not people.same
    assert len(people.all()) == 4
    assert (identities(document.entries), seeds(document.entries)) == (before, known)
    file.close()


def test_masks_need_no_look(document, renderer, pipeline, photo_file, settle):
    document.standard = replace(document.standard, method=Method.SOLID)
    document.open([photo_file("a.png")])
    settle()
    assert pipeline.who == {}
    assert document.people.all() == []


def test_a_look_that_fails_blocks(document, renderer, pipeline, photo_file, settle):
    pipeline.breaks["embed"] = ValueError("x")
    document.open([photo_file("a.png")])
    settle()
    assert [s.state for s in document.current.present()] == [State.ATTENTION] * 2


def test_a_moved_face_is_looked_at_anew(document, two, pipeline, settle):
    document.show_photo(two[0])
    document.move_face(0, (12.0, 12.0, 40.0, 50.0))
    assert two[0].subjects[0].embedding is None
    settle()
    assert two[0].subjects[0].embedding.argmax() == len(pipeline.who) - 1
    assert faces(document.people)[0] == [("a.png", 0)]


def test_a_reroll_of_an_exported_face_is_warned_of(document, two, renderer, qtbot, tmp_path):
    warnings = []
    document.people.warned.connect(warnings.append)
    document.show_photo(two[0])
    document.select(0)
    document.another_face()
    assert warnings == []
    document.undo_stack.undo()
    with qtbot.waitSignal(renderer.exported):
        renderer.export(two[0], tmp_path / "out.png")
    document.another_face()
    assert "Two exports of one face can be linked" in warnings[0]


def test_the_report_says_which_person_a_face_is(two, renderer, qtbot, tmp_path):
    with qtbot.waitSignal(renderer.exported):
        renderer.export(two[1], tmp_path / "out.png")
    record = record_of(two[1], "out.png", "")
    assert [face["person"] for face in record.faces] == [1, 3]
