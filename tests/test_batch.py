"""Several processes: the order stays, and a process that dies costs its own photo only."""

import os
from pathlib import Path

import pytest

from deid_desktop import batch, crew
from deid_desktop.core.naming import Planned
from deid_desktop.core.report import PhotoRecord
from deid_desktop.core.types import Method, Request

PLAN = [Planned(Path(f"{name}.png"), Path(f"out/{name}.png")) for name in "abcdef"]
SETTINGS = batch.Settings(Request(method=Method.SOLID), Path("out"), ())


def start(device, limits, jobs, stop):
    """Stand in for what loads the models."""


def work(task, arguments):
    item = arguments[0]
    """Kill the process at one photo, as a decoder or a lack of memory would."""
    if item.source.name == "c.png":
        os._exit(9)
    return batch.Outcome(PhotoRecord(item.source.name, item.target.name, "exported"))


@pytest.fixture
def workers(monkeypatch):
    monkeypatch.setattr(crew, "_start_worker", start)
    monkeypatch.setattr(crew, "_work", work)


def test_a_process_that_dies_costs_its_own_photo_only(workers):
    outcomes = list(batch.redact_files(None, PLAN, SETTINGS, jobs=2))
    assert [outcome.record.input for outcome in outcomes] == [f"{n}.png" for n in "abcdef"]
    assert [outcome.record.status for outcome in outcomes] == [
        *("exported", "exported", "blocked", "exported", "exported", "exported"),
    ]
    assert outcomes[2].record.reason.startswith("c.png: the process that worked on it died")


def test_closing_ends_the_work(workers):
    outcomes = batch.redact_files(None, PLAN[:2], SETTINGS, jobs=2)
    assert next(outcomes).record.input == "a.png"
    outcomes.close()
    assert next(outcomes, None) is None
