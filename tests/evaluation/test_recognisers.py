"""Both recognisers tell people apart, and the second has the thresholds it is known for."""

import cv2
import numpy as np
import pytest

from deid_desktop.core.detect import Detector
from deid_desktop.core.imaging import read_photo
from deid_desktop.evaluation import recognisers
from deid_desktop.evaluation.metrics import Scores, roc
from deid_desktop.evaluation.recognisers import CHIP_TEMPLATE, DlibResNet, SFace
from deid_desktop.resources import resource


@pytest.fixture(scope="module")
def crew():
    photo = read_photo(resource("samples", "crew.jpg"))
    faces = Detector().detect(photo.pixels)
    return photo.pixels, [face for face in faces if face.box[2] > 100]


@pytest.mark.parametrize("kind", [SFace, DlibResNet])
def test_the_same_face_under_other_conditions_and_other_faces(crew, kind):
    pixels, faces = crew
    recogniser = kind()
    changed = cv2.GaussianBlur(pixels[:, ::-1], (0, 0), 1) // 2 + 40
    gallery, probes = [], []
    for face in faces:
        points = face.points.copy()
        points[:, 0] = pixels.shape[1] - 1 - points[:, 0]
        gallery.append(recogniser.embed(pixels, face.points))
        probes.append(recogniser.embed(changed, points[[1, 0, 2, 4, 3]]))
    likeness = recogniser.scores(np.stack(probes), np.stack(gallery))
    same = np.eye(len(faces), dtype=bool)
    assert (likeness[same] > recogniser.thresholds[0.001]).all()
    assert len(faces) == 3
    assert (likeness[~same] < recogniser.thresholds[0.001]).all()


def test_the_chip_puts_the_points_where_dlib_does():
    pixels = np.zeros((400, 400, 3), np.uint8)
    points = CHIP_TEMPLATE * 1.5 + 60
    for x, y in points:
        cv2.circle(pixels, (round(x), round(y)), 4, (255, 255, 255), -1)
    chip = recognisers.face_chip(pixels, points.astype(np.float32))
    assert chip.shape == (150, 150, 3)
    for x, y in CHIP_TEMPLATE:
        assert chip[round(y), round(x)].min() > 200
    # Eyes half the chip apart and above the middle: dlib's chip with a quarter of padding.
    assert CHIP_TEMPLATE[1, 0] - CHIP_TEMPLATE[0, 0] == pytest.approx(0.53 / 1.5 * 150, abs=0.5)


def test_the_weights_are_complete():
    weights = recognisers.load_weights()
    assert weights["fc"].shape == (256, 128)
    assert weights["conv32_down/conv/filters"].shape == (7, 7, 3, 32)
    assert sum(tensor.numel() for tensor in weights.values()) == pytest.approx(5.58e6, rel=0.01)


def test_scores_are_minus_distances():
    a, b = np.array([[0.0, 0.0], [3.0, 0.0]]), np.array([[3.0, 4.0]])
    assert DlibResNet().scores(a, b).tolist() == [[-5.0], [-4.0]]


@pytest.mark.shared
def test_thresholds_on_the_london_set(shared):
    """15 people, neutral against smiling: nobody is missed, and few are taken for others."""
    recogniser, detector = DlibResNet(), Detector()
    rows = {"neutral": [], "smiling": []}
    people = sorted((shared / "data" / "donors").glob("london_*_smiling.jpg"))[:15]
    for path in people:
        for look, found in rows.items():
            photo = read_photo(path.with_name(path.name.replace("smiling", look)))
            height, width = photo.pixels.shape[:2]
            face = detector.detect_near(
                photo.pixels, (0.2 * width, 0.15 * height, 0.6 * width, 0.7 * height)
            )
            found.append(recogniser.embed(photo.pixels, face.points))
    likeness = recogniser.scores(np.stack(rows["smiling"]), np.stack(rows["neutral"]))
    table = Scores(likeness, np.arange(len(people)))
    assert (likeness[table.genuine] > -0.511).all()
    assert (likeness[~table.genuine] > -0.612).mean() < 0.03
    assert roc(table).eer < 0.01
