"""Who takes part in an experiment, and that nobody vanishes without a word."""

import numpy as np
import pytest
from PIL import Image

from deid_desktop.core.types import DeidError
from deid_desktop.evaluation.gallery import EvaluationError, read_gallery


def blank(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((80, 80, 3), 90, np.uint8)).save(path)


def flatten(crew, folder):
    folder.mkdir()
    for person in crew.iterdir():
        (person / "1.png").rename(folder / f"{person.name}.png")
    return folder


def names(problems):
    return [problem.name for problem in problems]


def test_one_folder_for_each_person(crew, detector):
    gallery = read_gallery(crew, detector)
    assert gallery.subjects == [f"person{n}" for n in range(4)]
    assert [p.path.name for p in gallery.known] == ["1.png"] * 4
    assert [p.path.name for p in gallery.probes] == ["2.png"] * 4
    assert [p.subject for p in gallery.probes] == list(range(4))
    assert not gallery.same_pictures and not gallery.problems


def test_a_flat_folder_probes_the_same_pictures(crew, tmp_path, detector):
    gallery = read_gallery(flatten(crew, tmp_path / "flat"), detector)
    assert gallery.subjects == [f"person{n}" for n in range(4)]
    assert gallery.same_pictures
    assert gallery.probes == gallery.known


def test_what_cannot_be_used_is_named(crew, detector):
    blank(crew / "nobody" / "1.png")
    (crew / "person0" / "3.jpg").write_bytes(b"no picture")
    (crew / "person1" / "2.png").unlink()
    (crew / "empty").mkdir()
    blank(crew / "stray.png")
    gallery = read_gallery(crew, detector)
    assert len(gallery.subjects) == 4
    assert len(gallery.probes) == 3
    assert sorted(names(gallery.problems)) == ["1.png", "3.jpg", "empty", "person1", "stray.png"]
    assert all(problem.reason for problem in gallery.problems)


def test_the_next_picture_stands_in_for_an_unusable_first(crew, detector):
    blank(crew / "person2" / "1.png")
    gallery = read_gallery(crew, detector)
    assert gallery.known[2].path.name == "2.png"
    assert 2 not in [picture.subject for picture in gallery.probes]


def test_probes_from_another_folder(crew, tmp_path, detector):
    probes = tmp_path / "probes"
    for person in ("person0", "person2"):
        (probes / person).mkdir(parents=True)
        (crew / person / "2.png").rename(probes / person / "a.png")
    (crew / "person3").rename(probes / "stranger")
    gallery = read_gallery(crew, detector, probes=probes)
    assert gallery.subjects == ["person0", "person1", "person2"]
    assert [(p.subject, p.path.name) for p in gallery.probes] == [(0, "a.png"), (2, "a.png")]
    assert set(names(gallery.problems)) == {"stranger", "person1"}


def test_limit_takes_the_first_people(crew, detector):
    assert read_gallery(crew, detector, limit=3).subjects == ["person0", "person1", "person2"]


def test_one_person_is_a_clear_error(crew, detector):
    with pytest.raises(EvaluationError, match="at least two people"):
        read_gallery(crew, detector, limit=1)


def test_an_empty_folder_is_a_clear_error(tmp_path, detector):
    with pytest.raises(DeidError, match="holds no photos"):
        read_gallery(tmp_path, detector)


def test_a_missing_folder_is_a_clear_error(tmp_path, detector):
    with pytest.raises(DeidError, match="elsewhere"):
        read_gallery(tmp_path / "elsewhere", detector)


def test_second_pictures_are_needed(crew, detector):
    for person in crew.iterdir():
        (person / "2.png").unlink()
    with pytest.raises(EvaluationError, match="second picture"):
        read_gallery(crew, detector)


def test_a_picture_is_read_again_as_the_part_around_the_face(heads, tmp_path, detector):
    wide = np.full((400, 900, 3), 128, np.uint8)
    head = heads[0]
    wide[50 : 50 + head.shape[0], 600 : 600 + head.shape[1]] = head
    for name in "ab":
        Image.fromarray(wide).save(tmp_path / f"{name}.png")
    picture = read_gallery(tmp_path, detector).known[0]
    photo = picture.load()
    assert photo.pixels.shape[1] < 600
    left, top = picture.corner
    assert (photo.pixels == wide[top:, left:][: picture.size[1], : picture.size[0]]).all()
    again = detector.detect_near(photo.pixels, picture.face.box)
    assert np.abs(again.points - picture.face.points).max() < 0.1 * picture.face.box[3]
