"""Relighting takes over the light of a photo, not the features of who is in it."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from deid_desktop.core.attributes import Attribute
from deid_desktop.core.compose import sketch
from deid_desktop.core.generate import SMALL
from deid_desktop.core.pipeline import studio

ADULT = Attribute(0.0, 40.0)


@pytest.fixture(scope="module")
def people(pipeline, portrait, portrait_face, crew, crew_faces):
    """Scene, points and embedding of four people in two photos with different light."""
    workshop = pipeline._studio
    seen = [(portrait, portrait_face), *((crew, face) for face in crew_faces)]
    return [
        (
            workshop.scene(photo, face, SMALL, studio._PREVIEW),
            face.points,
            workshop.analyse(photo, face).embedding,
        )
        for photo, face in seen
    ]


def likeness(pipeline, scene, points, light, of):
    """Return how like somebody a surrogate is in a scene that is lit in some way."""
    generator = pipeline._studio._generator
    identity = generator.draw_identity(ADULT, k=5, seed=1)
    surrogate = generator.generate([identity], [ADULT], size=SMALL)[0]
    seen = sketch(replace(scene, light=light), surrogate, points, shape_strength=0.0)
    return float(pipeline._studio._recogniser.embed_face(seen.picture, seen.points) @ of)


def test_the_light_of_one_person_does_not_carry_their_features_to_another(pipeline, people):
    carried, copied = [], []
    for (scene, points, _), (other, _, embedding) in permutations(people, 2):
        own = likeness(pipeline, scene, points, scene.light, embedding)
        swapped = likeness(pipeline, scene, points, other.light, embedding)
        carried.append(swapped - own)
        # What a light without low-pass would carry, so that the figure above can be judged.
        face = replace(other.light, low=np.clip(other.texture, 1, 255))
        copied.append(likeness(pipeline, scene, points, face, embedding) - own)
    assert np.mean(carried) < 0.07
    assert np.mean(copied) > np.mean(carried) + 0.1
