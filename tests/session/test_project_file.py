import json
from dataclasses import replace

import pytest
from guards import make_session

from deid_desktop.core.project import ProjectError, read_project
from deid_desktop.core.types import Method, State
from deid_desktop.session import project_file as files
from deid_desktop.session.model import Stage
from deid_desktop.session.project_file import ProjectFile, autosave_of
from deid_desktop.session.review import decide
from deid_desktop.session.stepping import step_to, undecided


@pytest.fixture
def file(document):
    file = ProjectFile(document)
    yield file
    file.close()


@pytest.fixture
def worked(document, renderer, photo_file, settle, file, tmp_path):
    """A saved project: one face masked, one older and approved, a region, a removed face."""
    document.open([photo_file("a.png"), photo_file("b.png", level=90)])
    settle()
    document.select(0)
    document.set_method(Method.SOLID)
    document.select(1)
    document.edit("Age", lambda r: replace(r, attributes=replace(r.attributes, age=61.5)))
    document.add_face((5.0, 60.0, 30.0, 20.0), region=True)
    settle()
    document.select(1)
    document.reviewer = "Ada"
    decide(document, approved=True, comment="looks right")
    document.show_photo(document.entries[1])
    document.remove_face()
    settle()
    path = tmp_path / "case.deid"
    file.save(path)
    return path


def test_a_project_brings_everything_back_and_verifies_it_anew(
    worked, document, pipeline, file, qtbot
):
    identity = document.entries[0].subjects[1].result.identity
    pipeline.calls.clear()
    with make_session(pipeline) as (other, renderer):
        file.close()
        opened = ProjectFile(other)
        opened.open(worked)
        first, second = other.entries
        assert all(s.state is None for s in first.present()), "no verdict is taken from the file"
        qtbot.waitUntil(lambda: not renderer.busy, timeout=20_000)
        assert [s.state for s in first.present()] == [State.MASKED, State.VERIFIED, State.MASKED]
        assert first.subjects[2].face.region
        assert first.subjects[1].request.attributes.age == 61.5
        assert ("redact", 1, first.subjects[1].request, identity) in pipeline.calls
        assert first.subjects[1].approved
        assert first.subjects[1].decision.by == "Ada"
        assert [s.face.id for s in second.present()] == [1]
        assert not [call for call in pipeline.calls if call[0] == "detect"]
        assert not opened.dirty
        opened.close()


def test_an_approval_ends_with_what_it_was_about(worked, document, settle):
    document.show_photo(document.entries[0])
    document.select(1)
    subject = document.selected
    assert subject.approved
    document.another_face()
    settle()
    assert not subject.approved
    document.undo_stack.undo()
    assert subject.approved
    document.undo_stack.undo()  # the removal of a face in the other photo
    document.undo_stack.undo()
    assert not subject.approved


def test_an_approval_does_not_survive_another_surrogate_from_an_edited_file(
    worked, document, pipeline, file, qtbot
):
    content = json.loads(worked.read_text())
    content["photos"][0]["faces"][1]["identity"]["donors"][0] += 50
    file.close()
    worked.write_text(json.dumps(content))
    with make_session(pipeline) as (other, renderer):
        opened = ProjectFile(other)
        opened.open(worked)
        qtbot.waitUntil(lambda: not renderer.busy, timeout=20_000)
        assert other.entries[0].subjects[1].state is State.VERIFIED
        assert not other.entries[0].subjects[1].approved
        opened.close()


def test_faces_without_the_digest_of_their_photo_are_looked_for_anew(worked, pipeline, file, qtbot):
    content = json.loads(worked.read_text())
    content["photos"][0].update(sha256="", faces=[])
    file.close()
    worked.write_text(json.dumps(content))
    with make_session(pipeline) as (other, renderer):
        opened = ProjectFile(other)
        opened.open(worked)
        qtbot.waitUntil(lambda: not renderer.busy, timeout=20_000)
        assert len(other.entries[0].present()) == 2
        opened.close()


def test_a_changed_photo_waits_for_the_persons_word(worked, pipeline, file, photo_file, qtbot):
    file.close()
    old = worked.with_name("a.png").read_bytes()
    photo_file("a.png", level=33)
    with make_session(pipeline) as (other, renderer):
        opened = ProjectFile(other)
        opened.open(worked)
        qtbot.waitUntil(lambda: not renderer.busy, timeout=20_000)
        entry = other.entries[0]
        assert entry.stage is Stage.CHANGED
        assert "a.png: the photo has changed" in entry.problem
        opened.save()
        assert len(read_project(worked).photos[0].faces) == 3, "nothing is lost by saving"
        worked.with_name("a.png").write_bytes(old)
        opened.open(worked)
        qtbot.waitUntil(lambda: not renderer.busy, timeout=20_000)
        assert other.entries[0].stage is Stage.READY
        photo_file("a.png", level=33)
        opened.open(worked)
        qtbot.waitUntil(lambda: not renderer.busy, timeout=20_000)
        other.start_anew(other.entries[0])
        qtbot.waitUntil(lambda: not renderer.busy, timeout=20_000)
        assert other.entries[0].stage is Stage.READY
        assert len(other.entries[0].subjects) == 2, "faces were looked for anew"
        opened.close()


def test_moved_photos_are_found_beside_the_project_or_in_a_folder(
    worked, document, pipeline, file, qtbot, tmp_path
):
    file.close()
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    case = tmp_path / "elsewhere" / "case.deid"
    worked.rename(case)
    (tmp_path / "a.png").rename(tmp_path / "elsewhere" / "a.png")
    (tmp_path / "b.png").rename(tmp_path / "elsewhere" / "deep" / "b.png")
    with make_session(pipeline) as (other, renderer):
        opened = ProjectFile(other)
        opened.open(case)
        first, second = other.entries
        assert (first.stage, second.stage) == (Stage.READY, Stage.MISSING)
        assert "b.png" in second.problem
        assert opened.find_missing(tmp_path / "elsewhere") == 0
        qtbot.waitUntil(lambda: not renderer.busy, timeout=20_000)
        assert second.stage is Stage.READY
        assert [s.face.id for s in second.present()] == [1]
        assert opened.dirty
        opened.close()


def test_two_windows_never_share_a_project(worked, document, file):
    with make_session(None) as (other, _renderer):
        second = ProjectFile(other)
        with pytest.raises(ProjectError, match=r"^case\.deid: another window has this project"):
            second.open(worked)
        assert other.entries == []
        with pytest.raises(ProjectError, match="another window"):
            second.save(worked)
        file.close()
        second.open(worked)
        second.close()
    assert not worked.with_name("case.deid.lock").exists()


def test_nothing_is_written_before_there_is_a_project(
    document, renderer, photo_file, settle, file, tmp_path
):
    document.open([photo_file()])
    settle()
    document.set_method(Method.SOLID)
    file.autosave()
    assert not file.dirty
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_work_since_the_last_save_survives_a_crash(worked, document, file, settle, qtbot):
    document.set_method(Method.BLUR)
    assert file.dirty
    qtbot.waitUntil(autosave_of(worked).exists, timeout=10_000)
    # A crash lets go of the lock and of nothing else.
    file._lock.unlock()
    with make_session(None) as (other, _renderer):
        opened = ProjectFile(other)
        opened.open(worked)
        assert opened.recoverable()
        assert other.entries[1].subjects[1].request.method is Method.SURROGATE
        opened.open(worked, recover=True)
        assert other.entries[1].subjects[1].request.method is Method.BLUR
        assert opened.dirty
        opened.save()
        assert not autosave_of(worked).exists()
        assert not opened.recoverable()
        opened.close()
    assert read_project(worked).photos[1].faces[1].request.method is Method.BLUR


def test_saving_and_closing_remove_the_autosave(worked, document, file):
    document.set_method(Method.BLUR)
    file.autosave()
    assert autosave_of(worked).exists()
    file.save()
    assert not autosave_of(worked).exists()
    assert not file.dirty
    document.set_method(Method.SOLID)
    file.autosave()
    file.close()
    assert not autosave_of(worked).exists()


def test_a_full_disk_at_autosave_is_said_and_nothing_is_lost(
    worked, document, file, qtbot, monkeypatch
):
    before = worked.read_bytes()

    def full(*_args, **_kwargs):
        raise ProjectError("case.deid: the project cannot be saved (No space left on device)")

    document.set_method(Method.BLUR)
    monkeypatch.setattr(files, "write_project", full)
    with qtbot.waitSignal(file.autosave_failed) as failed:
        file.autosave()
    assert "No space left" in failed.args[0]
    assert worked.read_bytes() == before
    assert file.dirty
    assert document.selected.request.method is Method.BLUR


def test_a_damaged_project_leaves_the_session_as_it_is(worked, document, file, tmp_path):
    bad = tmp_path / "bad.deid"
    bad.write_text("{")
    entries = list(document.entries)
    with pytest.raises(ProjectError, match="bad"):
        file.open(bad)
    assert document.entries == entries
    assert file.path == worked


def test_undoing_back_to_what_was_saved_is_no_change(worked, document, file):
    document.set_method(Method.BLUR)
    assert file.dirty
    document.undo_stack.undo()
    assert not file.dirty


class TestReview:
    def test_rejection_blocks_and_counts(self, worked, document, renderer, qtbot, tmp_path):
        document.show_photo(document.entries[0])
        document.select(0)
        decide(document, approved=False, comment="the name tag shows")
        subject = document.selected
        assert subject.rejected
        assert subject in document.current.blocked()
        with qtbot.waitSignal(renderer.export_refused) as refused:
            renderer.export(document.current, tmp_path / "out.png")
        assert "rejected 1" in refused.args[1]
        assert not (tmp_path / "out.png").exists()

    def test_export_can_ask_for_approval_of_every_face(
        self, worked, document, renderer, qtbot, tmp_path
    ):
        document.show_photo(document.entries[0])
        document.set_approval_needed(True)
        with qtbot.waitSignal(renderer.export_refused) as refused:
            renderer.export(document.current, tmp_path / "out.png")
        assert "not approved yet: 1, 3" in refused.args[1]
        document.select(0, also=[2])
        decide(document, approved=True)
        with qtbot.waitSignal(renderer.exported):
            renderer.export(document.current, tmp_path / "out.png")

    def test_a_blocked_face_is_never_approved(self, worked, document, pipeline, settle):
        pipeline.fail_seeds = (1,)
        document.another_face()
        settle()
        decide(document, approved=True)
        assert document.selected.edit.decisions == ()

    def test_the_next_undecided_face_may_be_in_another_photo(self, worked, document):
        document.show_photo(document.entries[0])
        for face_id in (0, 2):
            document.select(face_id)
            decide(document, approved=True)
        step_to(document, undecided)
        assert document.current is document.entries[1]
        assert document.selected_id == 1
