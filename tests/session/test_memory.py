"""What is kept only so that something shows at once is bounded."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from doubles import face

from deid_desktop.core.types import FaceResult, Request, State, Verdict
from deid_desktop.session import memory
from deid_desktop.session.model import Edit, PhotoEntry, Subject


@dataclass(frozen=True, eq=False)
class Heavy:
    """A layer of one megabyte."""

    pixels: np.ndarray

    def apply(self, pixels):
        raise AssertionError("nobody paints here")


@pytest.fixture
def entry(tmp_path):
    subject = Subject(Edit(face(0, (0.0, 0.0, 10.0, 10.0))))
    for seed in range(5):
        subject.edit = replace(subject.edit, request=Request(seed=seed))
        subject.results[subject.place] = FaceResult(
            subject.face,
            subject.request,
            Verdict(State.VERIFIED, "ok", 0.1, 0.2, 0.4),
            Heavy(np.zeros(2**20, np.uint8)),
        )
    subject.latest = subject.result
    return PhotoEntry(tmp_path / "a.png", subjects={0: subject})


def test_earlier_results_go_first_and_the_current_one_stays(entry, monkeypatch):
    subject = entry.subjects[0]
    monkeypatch.setattr(memory, "EARLIER_KEPT", 3 * 2**20)
    memory.forget_earlier(entry)
    assert [request.seed for _box, request in subject.results] == [2, 3, 4]
    monkeypatch.setattr(memory, "EARLIER_KEPT", 0)
    memory.forget_earlier(entry)
    assert [request.seed for _box, request in subject.results] == [4]
    assert subject.result is not None


def test_nothing_is_given_up_while_there_is_room(entry):
    memory.forget_earlier(entry)
    assert len(entry.subjects[0].results) == 5
