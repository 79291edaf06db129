"""Embeddings: unit length, the same for the same face, apart for two people."""

import cv2
import numpy as np
import pytest
import torch
from samples import moved_face, scaled

from deid_desktop.core import recognise
from deid_desktop.core.recognise import SIZE, TEMPLATE, Recogniser, align
from deid_desktop.core.verify import THRESHOLD
from deid_desktop.core.weights import model_path


@pytest.fixture(scope="module")
def recogniser():
    return Recogniser()


def test_alignment_puts_the_points_on_the_template():
    angle, size = 0.4, 3.1
    turn = size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = (TEMPLATE @ turn.T + [200, 120]).astype(np.float32)
    photo = np.zeros((900, 900, 3), np.uint8)
    for point in points:
        cv2.circle(photo, np.round(point).astype(int).tolist(), 9, (255, 255, 255), -1)
    crop = align(photo, points)
    assert crop.shape == (SIZE, SIZE, 3)
    for x, y in np.round(TEMPLATE).astype(int):
        assert crop[y, x].min() > 200
    assert crop.mean() < 20


def test_embeddings_have_unit_length_whatever_is_shown(recogniser):
    crops = [
        np.zeros((SIZE, SIZE, 3), np.uint8),
        np.full((SIZE, SIZE, 3), 255, np.uint8),
        np.random.default_rng(0).integers(0, 255, (SIZE, SIZE, 3)).astype(np.uint8),
    ]
    embeddings = recogniser.embed(crops)
    assert embeddings.shape == (3, 128) and embeddings.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)


def test_several_at_once_are_each_alone(recogniser, portrait, portrait_face, crew, crew_faces):
    crops = [align(portrait.pixels, portrait_face.points)]
    crops += [align(crew.pixels, face.points) for face in crew_faces]
    together = recogniser.embed(crops)
    for crop, embedding in zip(crops, together, strict=True):
        np.testing.assert_allclose(recogniser.embed([crop])[0], embedding, atol=1e-5)


@pytest.mark.parametrize("factor", [0.25, 0.5, 1.6])
def test_a_person_stays_the_same_at_another_size(recogniser, portrait, portrait_face, factor):
    other, face = scaled(portrait, portrait_face, factor)
    first = recogniser.embed_face(portrait.pixels, portrait_face.points)
    assert first @ recogniser.embed_face(other.pixels, face.points) > 0.8


def test_a_person_stays_the_same_when_the_photo_is_turned(recogniser, portrait, portrait_face):
    matrix = cv2.getRotationMatrix2D((360, 400), 30, 1.0)
    pixels = cv2.warpAffine(portrait.pixels, matrix, (720, 900))
    face = moved_face(portrait_face, matrix)
    first = recogniser.embed_face(portrait.pixels, portrait_face.points)
    assert first @ recogniser.embed_face(pixels, face.points) > 0.9


def test_two_people_are_far_apart(recogniser, portrait, portrait_face, crew, crew_faces):
    faces = [recogniser.embed_face(crew.pixels, face.points) for face in crew_faces]
    faces.append(recogniser.embed_face(portrait.pixels, portrait_face.points))
    likeness = np.array(faces) @ np.array(faces).T
    assert likeness[~np.eye(4, dtype=bool)].max() < THRESHOLD


def test_the_network_says_what_the_file_says(recogniser, portrait, portrait_face, crew, crew_faces):
    """OpenCV reads the whole graph; torch runs layers that were put together by hand."""
    graph = cv2.dnn.readNetFromONNX(str(model_path("face_recognition_sface_2021dec.onnx")))
    crops = [align(portrait.pixels, portrait_face.points)]
    crops += [align(crew.pixels, face.points) for face in crew_faces]
    for crop, embedding in zip(crops, recogniser.embed(crops), strict=True):
        graph.setInput(cv2.dnn.blobFromImage(crop, 1.0, (SIZE, SIZE)))
        vector = graph.forward().ravel()
        np.testing.assert_allclose(embedding, vector / np.linalg.norm(vector), atol=1e-5)


def test_a_glance_with_short_numbers_sees_nearly_the_same(
    monkeypatch, recogniser, portrait, portrait_face, crew, crew_faces
):
    """On every processor, also where short numbers are slow and would not be chosen."""
    monkeypatch.setattr(recognise, "_quickest", lambda: torch.bfloat16)
    crops = [align(portrait.pixels, portrait_face.points)]
    crops += [align(crew.pixels, face.points) for face in crew_faces]
    rough, exact = Recogniser().glance(crops), recogniser.embed(crops)
    assert rough.dtype == np.float32 and (rough != exact).any()
    np.testing.assert_allclose(np.linalg.norm(rough, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(rough @ exact.T, exact @ exact.T, atol=0.01)


def test_it_glances_with_the_numbers_that_the_processor_multiplies_fastest(
    monkeypatch, recogniser, portrait, portrait_face
):
    crops = [align(portrait.pixels, portrait_face.points)]
    for able, kind in (({"avx512_bf16": True}, torch.bfloat16), ({"avx2": True}, torch.float32)):
        recognise._quickest.cache_clear()
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda able=able: able)
        assert recognise._quickest() is kind
    np.testing.assert_array_equal(Recogniser().glance(crops), recogniser.embed(crops))
    recognise._quickest.cache_clear()
