"""A woman in place of a man: what the head says of its gender gives way, nothing else does."""

import numpy as np
import pytest

from deid_desktop.core import mesh
from deid_desktop.core.attributes import Attribute
from deid_desktop.core.compose.anatomy import MEASURES, kept_human, value_of
from deid_desktop.core.compose.crossing import across_gender, brows_gender, shown_light
from deid_desktop.core.compose.relight import read_light
from deid_desktop.core.generate import SMALL, Generator
from deid_desktop.core.regions import regions


def light_of(chin):
    """Read the light of even skin that is ``chin`` as light where beards grow."""
    maps = regions(SMALL)
    skin = np.ones((SMALL, SMALL), np.float32)
    level = 160 * (1 - (1 - chin) * (maps.stubble > 0.2))
    texture = level[..., None] * np.float32([1.1, 1, 0.9])
    return read_light(
        texture.astype(np.float32), skin, maps.skin, vertices=mesh.XYZ, hair=0 * skin, frames=None
    )


def test_a_little_of_a_difference_is_none():
    assert across_gender(0.9, 0.7) == across_gender(0.1, 0.2) == 0
    assert across_gender(1.0, 0.0) == 1
    assert across_gender(0.0, 1.0) == -1
    assert -0.5 < across_gender(0.4, 0.8) < 0


def test_the_light_of_the_same_gender_is_the_photos():
    light = light_of(0.8)
    for name in ("low", "lip_colour", "upper_lip", "shading"):
        np.testing.assert_array_equal(getattr(shown_light(light, 0.0), name), getattr(light, name))


def test_a_woman_has_no_shadow_of_a_beard():
    light, bare = light_of(0.8), light_of(1.0)
    chin = regions(SMALL).stubble > 0.9
    woman, man = shown_light(light, -1.0), shown_light(light, 1.0)
    lost, left = (bare.low[chin].mean() - each.low[chin].mean() for each in (light, woman))
    assert lost > 10
    assert left < 0.6 * lost
    np.testing.assert_array_equal(man.low, light.low)


def test_a_chin_within_a_full_beard_is_no_island():
    light = light_of(0.3)
    chin = regions(SMALL).stubble > 0.9
    assert shown_light(light, -1.0).low[chin].mean() < 1.1 * light.low[chin].mean()


def test_elsewhere_the_light_stays():
    light = light_of(0.8)
    elsewhere = regions(SMALL).stubble == 0
    np.testing.assert_array_equal(shown_light(light, -1.0).low[elsewhere], light.low[elsewhere])


def test_brows_go_farther_than_the_gender():
    assert brows_gender(0.0, -1.0) < brows_gender(0.0, 0.0) == 0
    assert brows_gender(1.0, 1.0) > brows_gender(1.0, 0.0) == 1


@pytest.mark.parametrize("male", [0.0, 1.0])
def test_proportions_are_the_usual_of_the_other_gender(male):
    face = np.float32(mesh.XYZ * [1, -1, 1])
    jaw = MEASURES[-4]
    face[[jaw.first[0], jaw.last[0]], 0] *= 1.2
    usual = (jaw.men if male else jaw.women).mean
    own = face + kept_human(face, 0 * face, male=male)
    other = face + kept_human(face, 0 * face, male=male, across=1.0)
    assert value_of(own, jaw) == pytest.approx(value_of(face, jaw), abs=1e-4)
    assert value_of(other, jaw) == pytest.approx(usual, abs=1e-3)


def test_forms_do_not_hide_an_exaggerated_gender():
    """What is the mixes' own shows less where gender is told to go beyond its ends."""
    generator = Generator()
    identities = [generator.draw_identity(attribute(1.0), k=5, seed=s) for s in range(4)]

    def spread(gender):
        made = generator.generate(identities, [attribute(gender)] * 4, size=SMALL)
        return np.std([surrogate.texture for surrogate in made], axis=0)[regions(SMALL).skin > 0.9]

    assert spread(2.0).mean() < 0.95 * spread(1.0).mean()
    assert spread(3.0).mean() == pytest.approx(spread(2.0).mean(), rel=0.03)


def attribute(gender):
    """A middle-aged person."""
    return Attribute(gender, 40.0)
