"""The experiment from end to end: attackers, report, and the commands of the terminal program."""

import csv
import json
import re
import sys

import numpy as np
import pytest

from deid_desktop import cli
from deid_desktop.core import mesh
from deid_desktop.evaluation.experiment import View, compare, face_only
from deid_desktop.evaluation.metrics import cmc
from deid_desktop.evaluation.recognisers import SFace


def view(rows, seen=None, subjects=None):
    rows = np.array(rows, float)
    subjects = range(len(rows)) if subjects is None else subjects
    seen = np.ones(len(rows), bool) if seen is None else np.array(seen)
    return View(np.array(subjects), seen, {"sface": rows})


def test_probes_meet_their_person():
    table, excluded = compare(SFace(), view(np.eye(3)), view(np.eye(3)[[2, 0]], subjects=[2, 0]))
    assert excluded == 0
    assert table.subjects.tolist() == [2, 0]
    assert cmc(table)[0] == 1


def test_blocked_pictures_are_left_out_and_counted():
    known = view(np.eye(3), seen=[True, False, True])
    probes = view(np.eye(3)[[0, 1, 2, 2]], seen=[True, True, True, False], subjects=[0, 1, 2, 2])
    table, excluded = compare(SFace(), known, probes)
    assert table.matrix.tolist() == [[1, 0], [0, 1]]
    assert table.subjects.tolist() == [0, 1]
    assert excluded == 2


def test_nobody_left_to_compare():
    table, excluded = compare(SFace(), view(np.eye(2), seen=[True, False]), view(np.eye(2)))
    assert table is None
    assert excluded == 1


def test_attackers_who_see_faces_only_see_nothing_beside_them():
    picture = np.random.default_rng(0).integers(0, 120, (100, 120, 3)).astype(np.uint8)
    angles = np.linspace(0, 2 * np.pi, len(mesh.OVAL), endpoint=False)
    vertices = np.zeros((478, 3), np.float32)
    vertices[mesh.OVAL, :2] = np.c_[60 + 40 * np.cos(angles), 50 + 40 * np.sin(angles)]
    shown = face_only(picture, vertices)
    away = np.hypot(*(np.mgrid[:100, :120] - np.array([50, 60])[:, None, None]))
    assert (shown[away > 41] == 128).all()
    np.testing.assert_array_equal(shown[away < 36], picture[away < 36])


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory, heads):
    """Run the command once on the crew; surrogates are too slow for a test."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("evaluated")
    for number, head in enumerate(heads):
        (folder / "crew" / f"p{number}").mkdir(parents=True)
        for name, picture in (("1", head), ("2", np.ascontiguousarray(head[:, ::-1]))):
            Image.fromarray(picture).save(folder / "crew" / f"p{number}" / f"{name}.png")
    (folder / "crew" / "p0" / "3.jpg").write_bytes(b"nothing")
    status = cli.main(
        ["evaluate", str(folder / "crew"), "--out", str(folder / "out"), "--methods",
         "none,solid,k-same-pixel:4"]
    )  # fmt: skip
    assert status == 0
    return folder / "out"


def attacks(folder, method):
    document = json.loads((folder / "report.json").read_text())
    (found,) = [entry for entry in document["methods"] if entry["method"] == method]
    return {(entry["attacker"], entry["recogniser"]): entry for entry in found["attacks"]}


def test_unprotected_people_are_recognised(evaluated):
    found = attacks(evaluated, "none")
    assert len(found) == 6
    for attack in found.values():
        assert (attack["people"], attack["probes"], attack["chance"]) == (4, 4, 0.25)
        assert attack["figures"]["rank-1"]["value"] == 1
        assert attack["figures"]["auc"]["value"] == 1
        assert attack["accepted"]["0.001"]["value"] == 1


def test_a_solid_mask_hides_them(evaluated):
    for (attacker, _), attack in attacks(evaluated, "solid").items():
        assert attack["accepted"]["0.01"]["value"] == (1 if attacker == "parrot" else 0)


def test_one_average_for_all_leaves_chance(evaluated):
    for recogniser in ("sface", "dlib"):
        figures = attacks(evaluated, "k-same-pixel:4")["parrot", recogniser]["figures"]
        assert figures["rank-1"]["value"] == pytest.approx(0.25)


def test_what_was_set_aside_is_in_every_report(evaluated):
    document = json.loads((evaluated / "report.json").read_text())
    assert [entry["name"] for entry in document["set aside"]] == ["3.jpg"]
    assert "3.jpg" in (evaluated / "report.html").read_text()


def test_utility_of_no_change(evaluated):
    document = json.loads((evaluated / "report.json").read_text())
    none, solid, _ = document["methods"]
    assert none["detected"]["value"] == 1
    assert none["utility"]["expression agreement"]["value"] > 0.97
    assert none["utility"]["skin ΔE"]["value"] < 1
    assert solid["utility"] == {}


def test_the_page_stands_alone(evaluated):
    page = (evaluated / "report.html").read_text()
    assert page.count("<svg") == 2
    assert not re.search(r"(src|href)=\"(?!#)", page)
    assert "<image" not in page
    for words in ("SFace", "dlib ResNet", "4 people", "outside the loop", "0.339 at FAR 0.01"):
        assert words in page


def test_the_table_for_programs(evaluated):
    with (evaluated / "report.csv").open() as file:
        rows = list(csv.DictReader(file))
    (row,) = [
        row for row in rows
        if (row["method"], row["recogniser"], row["attacker"], row["figure"])
        == ("none", "dlib", "naive", "rank-1")
    ]  # fmt: skip
    assert float(row["value"]) == 1
    assert float(row["low"]) == pytest.approx(0.3976, abs=1e-4)  # exact: 4 of 4


def test_no_picture_is_left_behind(evaluated):
    assert sorted(path.name for path in evaluated.iterdir()) == [
        "cmc.svg", "report.csv", "report.html", "report.json", "roc.svg"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--methods", "swirl"], "no such method"),
        (["--recognisers", "arcface"], "choose from sface, dlib"),
        (["--attackers", "burglar"], "choose from naive"),
    ],
)
def test_wrong_names_are_refused_before_any_work(tmp_path, capsys, options, said):
    out = tmp_path / "out"
    assert cli.main(["evaluate", str(tmp_path), "--out", str(out), *options]) == 1
    assert said in capsys.readouterr().err
    assert not out.exists()


def test_missing_matplotlib_is_said_before_any_work(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert cli.main(["evaluate", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert "install deid-desktop[evaluation]" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_empty_gallery(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert cli.main(["evaluate", str(tmp_path / "empty"), "--out", str(tmp_path / "out")]) == 1
    assert "holds no photos" in capsys.readouterr().err


def test_scoring_a_study(tmp_path, capsys):
    (tmp_path / "key.json").write_text(json.dumps({"1": {"kind": "who", "right": 4}}))
    (tmp_path / "a.csv").write_text("trial,answer\n1,4\n")
    assert cli.main(["study", "score", str(tmp_path / "a.csv"), str(tmp_path / "key.json")]) == 0
    out = capsys.readouterr().out
    assert "1 of 1 right, 100.0 %" in out
    assert "chance 16.7 %, p = 0.167" in out
