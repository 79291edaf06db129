"""Finding faces: scales, tiles, turns, odd pictures, cancellation."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from deid_desktop.core.detect import Detector
from deid_desktop.core.proposals import Pass, YuNet, propose
from deid_desktop.core.types import Cancelled, Face, Pixels, never
from deid_desktop.resources import resource


def sample(name: str) -> Pixels:
    return cv2.imread(str(resource("samples", name)), cv2.IMREAD_COLOR_RGB)


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector()


@pytest.fixture(scope="module")
def crew(detector: Detector) -> tuple[Pixels, tuple[Face, ...]]:
    pixels = sample("crew.jpg")
    return pixels, detector.detect(pixels)


def test_finds_one_face_in_a_portrait(detector: Detector) -> None:
    assert len(detector.detect(sample("portrait.jpg"))) == 1


def test_cancels(detector: Detector) -> None:
    with pytest.raises(Cancelled):
        detector.detect(sample("portrait.jpg"), should_stop=lambda: True)


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (3, 600), (9, 2000)])
def test_finds_nothing_in_tiny_pictures(detector: Detector, size: tuple[int, int]) -> None:
    assert detector.detect(np.full((*size, 3), 128, np.uint8)) == ()
