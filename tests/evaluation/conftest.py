"""A gallery of the crew in the sample photo: a folder for each, with two pictures."""

import cv2
import numpy as np
import pytest
from PIL import Image

from deid_desktop.core.detect import Detector
from deid_desktop.core.imaging import read_photo
from deid_desktop.resources import resource


@pytest.fixture(scope="session")
def detector():
    return Detector()


@pytest.fixture(scope="session")
def heads(detector):
    """Return crops (h, w, 3) of the people in the sample photos."""
    crops = []
    for name in ("crew.jpg", "portrait.jpg"):
        pixels = read_photo(resource("samples", name)).pixels
        for face in detector.detect(pixels):
            x, y, width, height = (round(value) for value in face.box)
            if width < 100:
                continue
            rim = width // 2
            head = pixels[max(0, y - rim) : y + height + rim, max(0, x - rim) : x + width + rim]
            scale = 240 / head.shape[1]
            crops.append(cv2.resize(head, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    assert len(crops) == 4
    return crops


@pytest.fixture
def crew(heads, tmp_path):
    """Return a folder with one sub-folder for each person, two pictures in it."""
    folder = tmp_path / "crew"
    for number, head in enumerate(heads):
        person = folder / f"person{number}"
        person.mkdir(parents=True)
        Image.fromarray(head).save(person / "1.png")
        other = head[:, ::-1] // 4 * 3 + 30
        Image.fromarray(np.ascontiguousarray(other)).save(person / "2.png")
    return folder
