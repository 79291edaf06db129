"""The report: its schema, and that it is written whole or not at all."""

import json
import os

import numpy as np
import pytest

from deid_desktop.core.report import PhotoRecord, ReportError, face_record, write_report
from deid_desktop.core.types import Face, FaceResult, Identity, Method, Request, State, Verdict


def result():
    return FaceResult(
        face=Face(3, (1.04, 2.0, 30.0, np.float32(40)), np.zeros((5, 2), np.float32), 0.9),
        request=Request(method=Method.SURROGATE, k=7, seed=11),
        verdict=Verdict(State.VERIFIED, "Fine.", 0.123456, np.float64("nan"), 0.4, True, 0.25),
        identity=Identity((1, 2), (0.5, 0.5), 11),
        attributes={"age": np.float32(41.5), "expression": "keep", "pose": (1, 2.0, np.int64(3))},
        attempts=8,
        person=2,
    )


def write(path, **options):
    records = [PhotoRecord("a.jpg", "sub/a.jpg", "exported", faces=[face_record(result())])]
    write_report(path, records, version="1.2", device="cpu", **{"overwrite": False, **options})


def test_schema(tmp_path):
    write(tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text("utf-8")) == {
        "version": "1.2",
        "device": "cpu",
        "photos": [
            {
                "input": "a.jpg",
                "output": "sub/a.jpg",
                "status": "exported",
                "reason": "",
                "faces": [
                    {
                        "id": 3,
                        "person": 3,
                        "box": [1.0, 2.0, 30.0, 40.0],
                        "method": "surrogate",
                        "k": 7,
                        "seed": 11,
                        "attributes": {"age": 41.5, "expression": "keep", "pose": [1, 2.0, 3.0]},
                        "similarity_to_original": 0.1235,
                        "similarity_to_nearest_donor": None,
                        "similarity_to_nearest_bystander": 0.25,
                        "threshold": 0.4,
                        "verified": True,
                        "attempts": 8,
                    }
                ],
            }
        ],
    }


def test_an_existing_report_stays_unless_asked(tmp_path):
    path = tmp_path / "report.json"
    path.write_text("earlier")
    with pytest.raises(ReportError, match=r"^report\.json: the report exists already; "):
        write(path)
    assert path.read_text() == "earlier"
    write(path, overwrite=True)
    assert json.loads(path.read_text("utf-8"))["version"] == "1.2"


def test_it_never_takes_the_place_of_a_photo(tmp_path):
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"the original")
    with pytest.raises(ReportError, match="JSON"):
        write(photo, overwrite=True)
    assert photo.read_bytes() == b"the original"


def test_bad_places(tmp_path):
    with pytest.raises(ReportError, match="folder for the report does not exist"):
        write(tmp_path / "gone" / "report.json")
    (tmp_path / "report.json").mkdir()
    with pytest.raises(ReportError, match="exists already"):
        write(tmp_path / "report.json", overwrite=True)


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ReportError, match="No space left"):
        write(tmp_path / "report.json")
    assert list(tmp_path.iterdir()) == []
