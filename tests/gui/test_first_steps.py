"""What a person is told: the first steps, how a photo was read, and a stricter limit."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

import deid_desktop
from deid_desktop.core.imaging import PHOTO_SUFFIXES
from deid_desktop.core.verify import STRICTEST, THRESHOLD, judge
from deid_desktop.gui import opening
from deid_desktop.gui.hints import HINTS
from deid_desktop.session import words
from deid_desktop.session.settings import Settings


def test_the_first_steps_come_once_with_the_sample_and_on_request(window, settle, qtbot):
    window.welcome.findChildren(type(window.mark_button))[1].click()
    assert window.notice.isVisible()
    for number in range(len(HINTS)):
        assert f"{number + 1} of {len(HINTS)}" in window.notice.words.text()
        window.notice.answers[0].click()
    assert not window.notice.isVisible()
    settle()
    window._sample.trigger()
    assert not window.notice.isVisible()
    window.actions_by_key["first_steps"].trigger()
    assert "1 of" in window.notice.words.text()


def test_how_a_photo_was_read_is_said(window, document, tmp_path, settle):
    pixels = np.full((100, 160, 4), 200, np.uint8)
    pixels[:50, :, 3] = 0
    cv2.imwrite(str(tmp_path / "clear.png"), pixels)
    window.open_paths([tmp_path / "clear.png"])
    settle()
    assert window.summary.notes.isVisible()
    assert "transparent parts are shown white" in window.summary.notes.text()


def test_the_window_knows_every_note_of_the_reader():
    source = (Path(deid_desktop.__file__).parent / "core" / "decoders.py").read_text()
    notes = re.findall(r'notes\.append\(\s*f?"([^"]+)"', source)
    assert len(notes) >= 6
    assert {note.replace("page + 1", "page") for note in notes} <= set(words._NOTES)
    assert words.note_words("only the first of its 7 pictures is used") == (
        "only the first of its 7 pictures is used"
    )
    assert words.note_words("only page 3 of its 7 is used") == "only page 3 of its 7 is used"


@pytest.mark.parametrize(
    ("stored", "read"),
    [("0.3", 0.3), ("0.9", THRESHOLD), ("0.01", STRICTEST), ("nan", THRESHOLD), ("x", THRESHOLD)],
)
def test_the_limit_can_only_get_stricter(tmp_path, qapp, stored, read):
    settings = Settings(tmp_path / "window.ini")
    settings._store.setValue("threshold", stored)
    assert settings.threshold == read


def test_a_stricter_limit_fails_what_the_usual_one_passes():
    original = np.array([1.0, 0.0], np.float32)
    found = np.array([[0.3, 0.95]], np.float32)
    donors = np.array([[0.0, -1.0]], np.float32)
    assert judge(original, found, donors).state.value == "verified"
    strict = judge(original, found, donors, threshold=0.25)
    assert strict.state.value == "needs attention"
    assert strict.threshold == 0.25
    assert judge(original, found, donors, threshold=0.9).threshold == THRESHOLD


def test_the_file_dialog_offers_every_kind_of_photo_that_is_read():
    assert sorted(opening._PHOTOS.split()) == sorted(f"*{suffix}" for suffix in PHOTO_SUFFIXES)
