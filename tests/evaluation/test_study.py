"""The test with people: a blind page, a key that fits it, and a score that knows chance."""

import base64
import json
import re

import cv2
import numpy as np
import pytest
from PIL import Image

from deid_desktop.evaluation import study
from deid_desktop.evaluation.gallery import EvaluationError, read_gallery
from deid_desktop.evaluation.methods import Outcome


class Maker:
    """Paints everyone grey; the last of the people is blocked."""

    def make(self, picture, seed):
        pixels = picture.load().pixels
        if picture.subject == 5:
            return Outcome(pixels, None, picture.face, "Too like.")
        return Outcome(pixels, np.full_like(pixels, 99), picture.face)


@pytest.fixture
def six(crew, heads):
    """Return a gallery of six: the crew and two of them tinted."""
    for number, head in ((4, heads[0]), (5, heads[1])):
        (crew / f"person{number}").mkdir()
        for name in "12":
            Image.fromarray(head[..., ::-1]).save(crew / f"person{number}" / f"{name}.png")
    return crew


def page(folder):
    text = (folder / "study.html").read_text()
    return text, json.loads(re.search(r"const trials = (.*);", text)[1])


def picture(data):
    encoded = np.frombuffer(base64.b64decode(data), np.uint8)
    return cv2.imdecode(encoded, cv2.IMREAD_COLOR).astype(int)


def is_grey(data):
    return np.abs(picture(data) - 99).max() < 4


def test_page_and_key_fit(six, detector, tmp_path):
    gallery = read_gallery(six, detector)
    assert len(gallery.subjects) == 6
    problems = study.make(gallery, Maker(), tmp_path, seed=3)
    assert [problem.name for problem in problems] == ["person5"]
    text, trials = page(tmp_path)
    key = json.loads((tmp_path / "key.json").read_text())
    assert [trial["kind"] for trial in trials] == ["real"] * 5 + ["who"] * 5
    assert list(key) == [str(n) for n in range(1, 11)]
    for trial, entry in zip(trials, key.values(), strict=True):
        assert trial["kind"] == entry["kind"]
        if trial["kind"] == "real":
            assert (entry["right"] == 2) == is_grey(trial["faces"][0])
        else:
            assert len(trial["faces"]) == 1 + study.OPTIONS
            assert is_grey(trial["faces"][0])
            assert not any(is_grey(face) for face in trial["faces"][1:])
            assert len(set(trial["faces"])) == 1 + study.OPTIONS
    asked = [t["faces"][e["right"]] for t, e in zip(trials, key.values(), strict=True)
             if t["kind"] == "who"]  # fmt: skip
    assert len(set(asked)) == 5
    assert "right" not in json.dumps(trials)
    assert "http" not in text.replace("http-equiv", "")
    assert "person0" not in text


def test_too_few_people(crew, detector, tmp_path):
    with pytest.raises(EvaluationError, match="too few"):
        study.make(read_gallery(crew, detector), Maker(), tmp_path, seed=0)
    assert not (tmp_path / "study.html").exists()


def key_file(folder, who=12, real=4):
    kinds = ["real"] * real + ["who"] * who
    key = {str(n): {"kind": kind, "right": 1} for n, kind in enumerate(kinds, start=1)}
    path = folder / "key.json"
    path.write_text(json.dumps(key))
    return path


def answers(folder, given, name="answers.csv"):
    path = folder / name
    path.write_text("trial,answer\n" + "".join(f"{n},{a}\n" for n, a in given.items()))
    return path


def test_scores_against_chance(tmp_path):
    given = dict.fromkeys(range(1, 11), 1) | dict.fromkeys(range(11, 17), 2)
    who, real = study.score([answers(tmp_path, given)], key_file(tmp_path))
    assert (who.kind, who.right, who.answered, who.chance) == ("who", 6, 12, pytest.approx(1 / 6))
    assert who.p == pytest.approx(0.0079, abs=1e-4)
    assert (who.low, who.high) == pytest.approx((0.2109, 0.7891), abs=1e-4)
    assert (real.right, real.answered, real.p) == (4, 4, pytest.approx(1 / 16))


def test_unanswered_questions_are_counted(tmp_path):
    given = {1: 1, 5: 1, 6: ""}
    who, real = study.score([answers(tmp_path, given)], key_file(tmp_path))
    assert (who.right, who.answered, who.unanswered) == (1, 1, 11)
    assert (real.answered, real.unanswered) == (1, 3)


def test_several_people_answer(tmp_path):
    files = [answers(tmp_path, {5: 1, 6: 2}, f"{n}.csv") for n in range(3)]
    who = study.score(files, key_file(tmp_path))[0]
    assert (who.right, who.answered, who.unanswered) == (3, 6, 30)


@pytest.mark.parametrize("given", [{99: 1}, {1: "x"}])
def test_answers_that_do_not_fit(tmp_path, given):
    with pytest.raises(EvaluationError, match=r"answers\.csv"):
        study.score([answers(tmp_path, given)], key_file(tmp_path))


def test_a_question_answered_twice(tmp_path):
    path = answers(tmp_path, {1: 1})
    path.write_text(path.read_text() + "1,2\n")
    with pytest.raises(EvaluationError, match="do not fit"):
        study.score([path], key_file(tmp_path))


def test_files_that_are_none(tmp_path):
    key = key_file(tmp_path)
    with pytest.raises(EvaluationError, match="nowhere"):
        study.score([tmp_path / "nowhere.csv"], key)
    (tmp_path / "bad.json").write_text("[1]")
    with pytest.raises(EvaluationError, match=r"bad\.json"):
        study.score([answers(tmp_path, {})], tmp_path / "bad.json")
