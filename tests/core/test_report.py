"""The report: its schema, and that it is written whole or not at all."""

import json
import os

import numpy as np
import pytest

from deid_desktop.core.report import (
    PhotoRecord,
    ReportError,
    certificate,
    face_record,
    write_report,
)
from deid_desktop.core.types import Face, FaceResult, Identity, Method, Request, State, Verdict


def result():
    return FaceResult(
        face=Face(3, (1.04, 2.0, 30.0, np.float32(40)), np.zeros((5, 2), np.float32), 0.9),
        request=Request(method=Method.SURROGATE, k=7, seed=11),
        verdict=Verdict(
            State.VERIFIED, "Fine.", 0.123456, np.float64("nan"), 0.4, True, 0.25, 0.45
        ),
        identity=Identity((1, 2), (0.5, 0.5), 11),
        attributes={"age": np.float32(41.5), "expression": "keep", "pose": (1, 2.0, np.int64(3))},
        attempts=8,
        person=2,
        cluster=1,
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
                        "cluster": 2,
                        "box": [1.0, 2.0, 30.0, 40.0],
                        "method": "surrogate",
                        "k": 7,
                        "seed": 11,
                        "attributes": {"age": 41.5, "expression": "keep", "pose": [1, 2.0, 3.0]},
                        "similarity_to_original": 0.1235,
                        "similarity_to_nearest_donor": None,
                        "similarity_to_nearest_bystander": 0.25,
                        "threshold": 0.4,
                        "bystander_threshold": 0.45,
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


# The certificate of k-Same


def shown(status, *people, verified=True):
    """Return the record of a photo that shows people, given as (cluster, person)."""
    faces = [{"cluster": c, "person": p, "verified": verified} for c, p in people]
    return PhotoRecord("a.jpg", "a.jpg", status, faces=faces)


def test_the_certificate_counts_people_not_faces():
    records = [shown("exported", (1, 1), (1, 2)), shown("exported", (1, 1), (2, 3), (2, 4), (2, 5))]
    assert certificate(records, 2) == {
        "k": 2, "people": 5, "clusters": 2, "smallest_cluster": 2, "smallest_exported": 2,
        "holds": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    "kept", [shown("blocked", (1, 2)), shown("exported", (1, 2), verified=False)]
)
def test_who_was_not_exported_as_a_surrogate_hides_nobody(kept):
    found = certificate([shown("exported", (1, 1)), kept], 2)
    assert (found["smallest_cluster"], found["smallest_exported"]) == (2, 1)
    assert not found["holds"]


def test_nothing_exported_certifies_nothing():
    assert not certificate([], 2)["holds"]


def test_the_certificate_is_in_the_report(tmp_path):
    write(tmp_path / "report.json", k_same=certificate([shown("exported", (1, 1), (1, 2))], 2))
    assert json.loads((tmp_path / "report.json").read_text("utf-8"))["k_same"]["holds"]
