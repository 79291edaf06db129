import errno
import json

import numpy as np
import pytest

from deid_desktop.core import project as projects
from deid_desktop.core.project import (
    Decision,
    Project,
    ProjectError,
    SavedFace,
    SavedPhoto,
    read_project,
    relative_path,
    write_project,
)
from deid_desktop.core.types import Attributes, Face, Identity, Look, Method, Request, Stroke


def example():
    points = np.arange(10, dtype=np.float32).reshape(5, 2) + 0.1
    wish = Attributes(age=50.25, expression="happy", strength=0.3, skin_tone=-12.5, keep_eyes=True)
    strokes = (Stroke(into=False, radius=0.25, points=((0.5, -1.25), (0.0, 0.0))),)
    request = Request(seed=4, attributes=wish, strokes=strokes)
    look = Look(gender=-0.5, age=47.06682675002266, skin_tone=50.1)
    identity = Identity((3, 1, 9), (0.3, 0.3, 0.4), seed=2**31 + 5, push=2, look=look)
    word = Decision(True, "Réka", "2026-01-02T03:04:05+01:00", "„fine“", "abc")
    faces = (
        SavedFace(Face(0, (1.1, 2.2, 30.3, 40.4), points, 0.9), True, True, request, identity, ()),
        SavedFace(
            Face(1, (5.0, 6.0, 7.0, 8.0), points, 0.0, by_person=True, region=True, angle=-30.0),
            True,
            False,
            Request(method=Method.SOLID),
            None,
            (word,),
        ),
    )
    photos = (SavedPhoto("../photos/ä b.jpg", "0" * 64, faces), SavedPhoto("new.png", "", None, 4))
    return Project(photos, approval_needed=True)


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "case.deid"
    write_project(path, example())
    return path


def test_what_was_saved_is_read_again(saved):
    before, after = example(), read_project(saved)
    assert after.approval_needed
    assert [(p.path, p.sha256) for p in after.photos] == [(p.path, p.sha256) for p in before.photos]
    assert after.photos[1].faces is None
    assert [photo.page for photo in after.photos] == [0, 4]
    for old, new in zip(before.photos[0].faces, after.photos[0].faces, strict=True):
        assert np.array_equal(old.face.points, new.face.points)
        for name in ("id", "box", "score", "by_person", "region", "angle"):
            assert getattr(old.face, name) == getattr(new.face, name)
        assert (old.request, old.identity, old.decisions) == (
            new.request,
            new.identity,
            new.decisions,
        )
        assert (old.located, old.present) == (new.located, new.present)


def test_no_pixels_and_no_embeddings_are_in_the_file(saved):
    fields = set()

    def collect(value):
        if isinstance(value, dict):
            fields.update(value)
            value = list(value.values())
        if isinstance(value, list):
            for item in value:
                collect(item)

    collect(json.loads(saved.read_text()))
    assert fields == {
        *("format", "version", "approval_needed", "photos", "path", "sha256", "page", "faces"),
        *("id", "box", "points", "score", "by_person", "region", "located", "present", "request"),
        *("identity", "decisions", "method", "k", "seed", "attributes", "shape_strength"),
        *("look", "strokes", "into", "angle", "radius", "skin_tone", "keep_eyes", "keep_mouth"),
        *("gender", "age", "expression", "strength", "ancestry", "donors", "weights", "push"),
        *("approved", "by", "at", "comment", "about", "pin", "same_people"),
    }


def edited(saved, change):
    content = json.loads(saved.read_text())
    change(content)
    saved.write_text(json.dumps(content))


FACE = lambda c: c["photos"][0]["faces"][0]  # noqa: E731


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.pop("photos"),
        lambda c: c.update(photos={}),
        lambda c: c.update(photos=[1]),
        lambda c: c.update(approval_needed=1),
        lambda c: c.update(version="1"),
        lambda c: c["photos"][0].update(sha256="xyz"),
        lambda c: c["photos"][0].update(page=-1),
        lambda c: c["photos"][0].update(page=1.5),
        lambda c: c["photos"][0].update(page=10**9),
        lambda c: c["photos"][0].update(path=""),
        lambda c: c["photos"][0].update(path="/etc/passwd"),
        lambda c: c["photos"][0].update(path="C:\\a.jpg"),
        lambda c: c["photos"][0].update(path="\\\\computer\\share\\a.jpg"),
        lambda c: c["photos"][0].update(path="//computer/share/a.jpg"),
        lambda c: c["photos"][0]["faces"].append(FACE(c)),
        lambda c: FACE(c).update(id=-1),
        lambda c: FACE(c).update(id=True),
        lambda c: FACE(c).update(box=[1, 2, 3]),
        lambda c: FACE(c).update(box=[1, 2, 0, 4]),
        lambda c: FACE(c).update(box=[1, 2, float("nan"), 4]),
        lambda c: FACE(c).update(box=[1, 2, float("inf"), 4]),
        lambda c: FACE(c).update(points=[[1, 2]] * 4),
        lambda c: FACE(c).update(points=[[1, "2"]] * 5),
        lambda c: FACE(c).update(score=2),
        lambda c: FACE(c).update(region="no"),
        lambda c: FACE(c).update(angle=400),
        lambda c: FACE(c)["request"].update(method="none"),
        lambda c: FACE(c)["request"].update(k=0),
        lambda c: FACE(c)["request"]["attributes"].update(age=3),
        lambda c: FACE(c)["request"]["attributes"].update(expression="silly"),
        lambda c: FACE(c)["request"]["attributes"].update(skin_tone=90),
        lambda c: FACE(c)["request"]["attributes"].update(keep_eyes=1),
        lambda c: FACE(c)["request"].update(strokes=None),
        lambda c: FACE(c)["request"]["strokes"][0].update(radius=0),
        lambda c: FACE(c)["request"]["strokes"][0].update(points=[]),
        lambda c: FACE(c)["request"]["strokes"][0].update(points=[[0.0]]),
        lambda c: FACE(c)["request"]["strokes"][0].update(points=[[0.0, 2.0]]),
        lambda c: FACE(c)["request"]["strokes"][0].pop("into"),
        lambda c: FACE(c)["identity"].update(weights=[1.0]),
        lambda c: FACE(c)["identity"]["look"].update(age="old"),
        lambda c: FACE(c)["identity"].update(weights=[0.5, 0.9, 0.1]),
        lambda c: FACE(c)["identity"].update(donors=[1, 2, -1]),
        lambda c: FACE(c)["identity"].update(donors=[]),
        lambda c: FACE(c).update(decisions=[{"approved": True}]),
    ],
)
def test_damage_of_any_field_is_found_and_said(saved, change):
    edited(saved, change)
    with pytest.raises(ProjectError, match=r"^case\.deid: the project is damaged \(at “\w+”\)"):
        read_project(saved)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04K\x01.",
        b"[]",
        b"{}",
        b"null",
        b"[" * 100_000,
        b'{"format": "other"}',
        b"\xff",
    ],
)
def test_foreign_files_are_refused_in_one_sentence(tmp_path, data):
    path = tmp_path / "x.deid"
    path.write_bytes(data)
    with pytest.raises(ProjectError, match="no project of Deid Desktop"):
        read_project(path)


def test_a_newer_version_asks_for_an_update(saved):
    edited(saved, lambda c: c.update(version=99, photos="something new"))
    with pytest.raises(ProjectError, match="newer Deid Desktop"):
        read_project(saved)


def test_a_missing_file_is_named_without_its_folder(tmp_path):
    with pytest.raises(ProjectError, match=r"^gone\.deid: ") as raised:
        read_project(tmp_path / "gone.deid")
    assert str(tmp_path) not in str(raised.value)


def test_a_full_disk_leaves_the_old_project_and_no_remains(saved, monkeypatch):
    before = saved.read_bytes()

    def full(_handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(projects.os, "fsync", full)
    with pytest.raises(ProjectError, match="No space left"):
        write_project(saved, Project(()))
    assert saved.read_bytes() == before
    assert [file.name for file in saved.parent.iterdir()] == [saved.name]


def test_paths_are_relative_to_the_project(tmp_path):
    assert relative_path(tmp_path / "a" / "b.jpg", tmp_path) == "a/b.jpg"
    assert relative_path(tmp_path / "b.jpg", tmp_path / "work") == "../b.jpg"


def test_a_project_from_before_the_brush_is_read(saved):
    def forget(content):
        request = FACE(content)["request"]
        del request["strokes"], FACE(content)["angle"]
        for name in ("skin_tone", "keep_eyes", "keep_mouth"):
            del request["attributes"][name]

    edited(saved, forget)
    request = read_project(saved).photos[0].faces[0].request
    assert request.strokes == ()
    assert request.attributes.skin_tone is None
