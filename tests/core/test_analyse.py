"""What is read of a face follows the photo: turned, mirrored, scaled, and never fails."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from samples import moved_face, scaled

from deid_desktop.core import mesh
from deid_desktop.core.analyse import (
    BLENDSHAPES,
    UNSTEADY,
    Analyser,
    Landmarker,
    corrected_age,
    skin_tone,
)
from deid_desktop.core.recognise import Recogniser
from deid_desktop.core.types import Face
from deid_desktop.core.verify import THRESHOLD

SMILE = [BLENDSHAPES.index("mouthSmileLeft"), BLENDSHAPES.index("mouthSmileRight")]


@pytest.fixture(scope="module")
def analyser():
    return Analyser(Recogniser())


@pytest.fixture(scope="module")
def reading(analyser, portrait, portrait_face):
    """What the analyser says about the portrait as it is."""
    return analyser.analyse(portrait.pixels, portrait_face)


def face_size(vertices):
    return float(np.ptp(vertices[:, :2], axis=0).max())


def test_a_reading_is_complete_and_within_its_ranges(reading):
    assert reading.mesh.shape == (478, 3) and reading.mesh.dtype == np.float32
    assert reading.blendshapes.shape == (len(BLENDSHAPES),) == (52,)
    assert reading.blendshapes.min() >= 0 and reading.blendshapes.max() <= 1
    assert np.linalg.norm(reading.embedding) == pytest.approx(1, abs=1e-5)
    assert -1 <= reading.gender < -0.8
    assert 25 < reading.age < 65
    assert 20 < reading.skin_tone < 70
    assert max(abs(angle) for angle in reading.pose) < 20
    assert reading.reliable and reading.reason == ""


def test_landmarks_lie_on_the_face(reading, portrait_face):
    x, y, width, height = portrait_face.box
    middle = reading.mesh[:, :2].mean(0)
    assert x < middle[0] < x + width and y < middle[1] < y + height
    assert 0.8 < face_size(reading.mesh) / height < 1.4
    for iris, point in ((mesh.LEFT_IRIS, 0), (mesh.RIGHT_IRIS, 1)):
        error = np.linalg.norm(reading.mesh[iris[0], :2] - portrait_face.points[point])
        assert error < 0.06 * width


@pytest.mark.parametrize("angle", [-35, 20, 90])
def test_landmarks_follow_a_turned_photo(analyser, portrait, portrait_face, reading, angle):
    matrix = cv2.getRotationMatrix2D((385, 270), angle, 1.0)
    pixels = cv2.warpAffine(portrait.pixels, matrix, (720, 900), borderMode=cv2.BORDER_REPLICATE)
    found = analyser.analyse(pixels, moved_face(portrait_face, matrix))
    expected = reading.mesh[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    error = np.linalg.norm(found.mesh[:, :2] - expected, axis=1)
    assert error.mean() < 0.02 * face_size(reading.mesh)
    turned = (found.pose[2] - reading.pose[2] + angle + 180) % 360 - 180
    assert abs(turned) < 3
    assert abs(np.hypot(*found.pose[:2]) - np.hypot(*reading.pose[:2])) < 5


def test_landmarks_follow_a_mirrored_photo(analyser, portrait, portrait_face, reading):
    pixels = np.ascontiguousarray(portrait.pixels[:, ::-1])
    flip = np.array([[-1.0, 0, pixels.shape[1] - 1], [0, 1, 0]])
    face = moved_face(portrait_face, flip)
    found = analyser.analyse(pixels, replace(face, points=face.points[[1, 0, 2, 4, 3]]))
    expected = reading.mesh[: mesh.VERTICES, :2][mesh.MIRROR] @ flip[:, :2].T + flip[:, 2]
    error = np.linalg.norm(found.mesh[: mesh.VERTICES, :2] - expected, axis=1)
    assert error.mean() < 0.02 * face_size(reading.mesh)
    assert abs(found.pose[0] + reading.pose[0]) < 4


@pytest.mark.parametrize("factor", [0.35, 2.0])
def test_a_reading_does_not_depend_on_the_size(analyser, portrait, portrait_face, reading, factor):
    other, face = scaled(portrait, portrait_face, factor)
    found = analyser.analyse(other.pixels, face)
    expected = (reading.mesh[:, :2] + 0.5) * factor - 0.5
    error = np.linalg.norm(found.mesh[:, :2] - expected, axis=1)
    assert error.mean() < 0.02 * factor * face_size(reading.mesh)
    assert found.embedding @ reading.embedding > 0.8
    assert abs(found.age - reading.age) < 10
    assert abs(found.skin_tone - reading.skin_tone) < 5
    assert np.abs(found.blendshapes - reading.blendshapes).mean() < 0.05


def test_people_are_told_apart(analyser, crew, crew_faces, reading):
    others = [analyser.analyse(crew.pixels, face) for face in crew_faces]
    embeddings = np.stack([reading.embedding, *(o.embedding for o in others)])
    likeness = embeddings @ embeddings.T
    assert likeness[~np.eye(4, dtype=bool)].max() < THRESHOLD
    assert all(o.gender > 0.8 for o in others)


def test_a_smile_is_seen_in_the_landmarks(analyser, reading):
    wider = reading.mesh.copy()
    size = face_size(wider)
    wider[[61, 291, 78, 308], 1] -= 0.05 * size
    wider[[61, 78], 0] -= 0.03 * size
    wider[[291, 308], 0] += 0.03 * size
    narrower = 2 * reading.mesh - wider
    assert analyser.blendshapes(wider)[SMILE].mean() > analyser.blendshapes(narrower)[SMILE].mean()


@pytest.mark.parametrize("kind", ["black", "white", "noise"])
def test_nonsense_gives_numbers_all_the_same(analyser, kind, portrait_face):
    rng = np.random.default_rng(0)
    pixels = {
        "black": np.zeros((900, 720, 3), np.uint8),
        "white": np.full((900, 720, 3), 255, np.uint8),
        "noise": rng.integers(0, 255, (900, 720, 3)).astype(np.uint8),
    }[kind]
    found = analyser.analyse(pixels, portrait_face)
    numbers = [found.gender, found.age, found.skin_tone, *found.pose]
    assert np.isfinite(numbers).all()
    assert np.isfinite(found.mesh).all() and np.isfinite(found.embedding).all()


@pytest.mark.parametrize("where", [(-30, -30), (700, 880), (300, 850)])
def test_a_face_beyond_the_border_does_not_fail(analyser, portrait, where):
    x, y = where
    points = np.array([[12, 16], [28, 16], [20, 24], [14, 31], [26, 31]], np.float32) + where
    found = analyser.analyse(portrait.pixels, Face(0, (x, y, 40, 40), points, 0.5))
    assert np.isfinite(found.mesh).all() and np.isfinite(found.age)


def test_landmarks_that_disagree_with_the_detector_are_not_trusted(
    analyser, portrait, portrait_face
):
    elsewhere = replace(portrait_face, points=portrait_face.points + np.float32([70, 0]))
    found = analyser.analyse(portrait.pixels, elsewhere)
    assert not found.reliable
    assert found.reason.endswith(".")


@pytest.mark.parametrize("gender", [-1.0, 0.0, 1.0])
def test_ages_are_corrected_without_changing_their_order(gender):
    ages = [corrected_age(age, gender) for age in np.linspace(1, 80, 200)]
    assert (np.diff(ages) > 0).all()
    assert corrected_age(18, gender) < 18 and corrected_age(60, gender) > 65


def test_of_old_women_the_network_says_too_little():
    assert corrected_age(45, -1.0) > corrected_age(45, 1.0) + 5
    assert corrected_age(30, -1.0) == corrected_age(30, 1.0)


def flat(colour):
    return np.full((200, 200, 3), colour, np.uint8)


def test_skin_tone_orders_skins_from_dark_to_light(reading):
    vertices = reading.mesh - reading.mesh.mean(0) + np.float32([100, 100, 0])
    skins = [(70, 45, 35), (130, 90, 70), (190, 145, 120), (235, 205, 190)]
    tones = [skin_tone(beside_white(colour), vertices) for colour in skins]
    assert tones == sorted(tones)
    assert tones[0] < -20 and tones[-1] > 45
    lab = cv2.cvtColor(np.float32([[[190, 145, 120]]]) / 255, cv2.COLOR_RGB2LAB)[0, 0]
    assert tones[2] == pytest.approx(np.degrees(np.arctan2(lab[0] - 50, lab[2])), abs=0.5)


def test_a_dim_photo_does_not_darken_the_skin(reading):
    vertices = reading.mesh - reading.mesh.mean(0) + np.float32([100, 100, 0])
    lit = beside_white((200, 155, 130))
    dim = (lit * 0.6).astype(np.uint8)
    assert skin_tone(dim, vertices) == pytest.approx(skin_tone(lit, vertices), abs=6)


def beside_white(colour):
    """A picture of one skin colour with something white in it, as most photos have."""
    picture = flat(colour)
    picture[:30] = 250
    return picture


def test_skin_tone_beyond_the_border_is_a_number(reading):
    assert np.isfinite(skin_tone(flat((190, 145, 120)), reading.mesh + np.float32([5000, 0, 0])))


def test_landmarks_of_a_face_stay_where_they_are(analyser, portrait, portrait_face):
    landmarker = Landmarker()
    vertices = landmarker.mesh(portrait.pixels, portrait_face.points)
    assert landmarker.unsteadiness(portrait.pixels, vertices) < UNSTEADY / 2


@pytest.mark.parametrize("kind", ["noise", "hidden", "upside down"])
def test_what_is_no_face_is_doubted(analyser, portrait, portrait_face, kind):
    x, y, width, height = (round(v) for v in portrait_face.box)
    pixels = portrait.pixels.copy()
    inside = pixels[y : y + height, x : x + width]
    if kind == "noise":
        noise = np.random.default_rng(0).normal(128, 60, inside.shape)
        inside[:] = np.clip(cv2.GaussianBlur(noise, (0, 0), 12) * 6 - 640, 0, 255)
    elif kind == "hidden":
        inside[height // 6 :] = 90
    else:
        inside[:] = inside[::-1].copy()
    found = analyser.analyse(pixels, portrait_face)
    assert not found.reliable
    assert found.reason


def test_an_adult_is_hardly_taken_for_a_child(reading):
    assert 0 <= reading.childhood < 0.1


def test_childhood_is_the_chance_of_being_under_fourteen(
    analyser, portrait, portrait_face, monkeypatch
):
    chances = np.zeros(81, np.float32)
    chances[[5, 13, 14, 40]] = 0.3, 0.2, 0.1, 0.4
    monkeypatch.setattr(analyser, "_years", lambda *_, mirrored: chances)
    found = analyser.analyse(portrait.pixels, portrait_face)
    assert found.childhood == pytest.approx(0.5)


def test_a_mirrored_crop_betrays_what_nudges_do_not(portrait, portrait_face, monkeypatch):
    landmarker = Landmarker()
    vertices = landmarker.mesh(portrait.pixels, portrait_face.points)
    real = landmarker._look

    def one_sided(*arguments, mirrored=False):
        found = real(*arguments)
        found[:, 0] += 0.1 * face_size(vertices) * mirrored
        return found

    monkeypatch.setattr(landmarker, "_look", one_sided)
    assert landmarker.unsteadiness(portrait.pixels, vertices) > UNSTEADY
