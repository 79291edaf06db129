"""The generator: k donors and never fewer, deterministic, steered smoothly, refuses nonsense."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.torch import save_file

from deid_desktop.core import generate as module
from deid_desktop.core import mesh, weights
from deid_desktop.core.attributes import Attribute, attribute_terms, network_inputs
from deid_desktop.core.generate import LARGE, SMALL, TINY, Generator, GeneratorError, texels
from deid_desktop.core.regions import regions
from deid_desktop.core.types import DeidError, Identity
from deid_desktop.resources import resource

WOMAN, MAN = Attribute(-1.0, 35.0), Attribute(1.0, 35.0)
WEIGHTS = "generator.safetensors"


@pytest.fixture(scope="module")
def generator():
    return Generator()


@pytest.fixture(scope="module")
def people(generator):
    """Two women and two men with their attributes."""
    attributes = [WOMAN, replace(WOMAN, age=60.0, smile=0.7), MAN, replace(MAN, age=75.0)]
    drawn = [generator.draw_identity(a, k=5, seed=s) for s, a in enumerate(attributes)]
    return drawn, attributes


# Identities


@pytest.mark.parametrize("k", [2, 3, 5, 10, 30])
@pytest.mark.parametrize("attribute", [WOMAN, MAN, Attribute(0.0, 40.0)])
def test_an_identity_mixes_exactly_k_donors_with_near_equal_weights(generator, k, attribute):
    for seed in range(10):
        identity = generator.draw_identity(attribute, k=k, seed=seed)
        assert len(set(identity.donors)) == len(identity.donors) == len(identity.weights) == k
        assert sum(identity.weights) == pytest.approx(1)
        assert min(identity.weights) > 0.6 / k and max(identity.weights) < 1.5 / k
        assert all(0 <= donor < generator.donor_count for donor in identity.donors)


def test_a_seed_draws_the_same_identity_again(generator):
    drawn = [generator.draw_identity(MAN, k=5, seed=s, attempt=a) for s in (1, 2) for a in (0, 1)]
    again = [generator.draw_identity(MAN, k=5, seed=s, attempt=a) for s in (1, 2) for a in (0, 1)]
    assert drawn == again
    assert len(set(drawn)) == 4


def test_donors_are_of_the_side_of_gender_that_is_asked_for(generator):
    women = {d for s in range(20) for d in generator.draw_identity(WOMAN, k=5, seed=s).donors}
    men = {d for s in range(20) for d in generator.draw_identity(MAN, k=5, seed=s).donors}
    assert not women & men
    assert len(women) > 20 and len(men) > 20


@pytest.mark.parametrize("k", [1, 0, -3])
def test_fewer_than_two_donors_are_refused(generator, k):
    with pytest.raises(GeneratorError, match=f"k = {k}: .* choose k ≥ 2"):
        generator.draw_identity(MAN, k=k, seed=0)


def test_more_donors_than_there_are_are_refused(generator):
    with pytest.raises(DeidError, match="choose a smaller k"):
        generator.draw_identity(MAN, k=generator.donor_count + 1, seed=0)


# Surrogates


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_surrogate_has_texture_shape_and_irises(generator, people, size):
    for made in generator.generate(*people, size=size):
        assert made.texture.shape == (size, size, 3) and made.texture.dtype == np.float32
        assert made.shape.shape == (mesh.VERTICES, 3) and made.iris.shape == (3,)
        assert made.texture.min() > 0 and made.texture.max() <= 3
        skin = regions(size).skin > 0.5
        assert 0.85 < made.texture[skin].mean() < 1.15  # light and tone are the photo's
        assert np.linalg.norm(made.shape - mesh.XYZ, axis=1).mean() < 2.5
        assert (made.iris > 0).all() and (made.iris < 1.2).all()


def test_the_same_identity_gives_the_same_surrogate(generator, people):
    first = generator.generate(*people)
    second = Generator().generate(*people)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.texture, b.texture)
        np.testing.assert_array_equal(a.shape, b.shape)
        np.testing.assert_array_equal(a.iris, b.iris)


@pytest.mark.parametrize("size", [TINY, SMALL, LARGE])
def test_a_batch_is_the_same_as_one_by_one(generator, people, size):
    together = generator.generate(*people, size=size)
    for identity, attribute, expected in zip(*people, together, strict=True):
        (alone,) = generator.generate([identity], [attribute], size=size)
        np.testing.assert_allclose(alone.texture, expected.texture, atol=1e-4)
        np.testing.assert_allclose(alone.shape, expected.shape, atol=1e-4)


def test_the_preview_is_the_full_texture_made_small(generator, people):
    small = generator.generate(*people, size=SMALL)
    large = generator.generate(*people, size=LARGE)
    for a, b in zip(small, large, strict=True):
        halved = b.texture.reshape(SMALL, 2, SMALL, 2, 3).mean((1, 3))
        inside = regions(SMALL).core > 0.9
        assert np.abs(halved - a.texture)[inside].mean() < 0.03
        np.testing.assert_array_equal(a.shape, b.shape)


def test_the_search_sees_the_preview_made_small(generator, people):
    tiny = generator.generate(*people, size=TINY)
    small = generator.generate(*people, size=SMALL)
    for a, b in zip(tiny, small, strict=True):
        halved = b.texture.reshape(TINY, 2, TINY, 2, 3).mean((1, 3))
        inside = regions(TINY).core > 0.9
        assert a.texture.shape == (TINY, TINY, 3)
        assert np.abs(halved - a.texture)[inside].mean() < 0.02
        np.testing.assert_array_equal(a.shape, b.shape)


def test_people_differ_on_both_sides_of_the_face_alike(generator):
    woman = Attribute(-1.0, 25.0)
    drawn = [generator.draw_identity(woman, k=5, seed=seed) for seed in range(12)]
    textures = np.stack([s.texture for s in generator.generate(drawn, [woman] * 12, size=TINY)])
    away = textures - textures.mean(0)
    mirrored = away[:, :, ::-1]
    assert (away + mirrored).std() > 4 * (away - mirrored).std()


def test_people_differ_and_a_seed_changes_only_the_fine_relief(generator):
    drawn = [generator.draw_identity(WOMAN, k=5, seed=s) for s in range(6)]
    made = generator.generate(drawn, [WOMAN] * 6, size=SMALL)
    for i, a in enumerate(made):
        for b in made[:i]:
            assert np.abs(a.texture - b.texture)[regions(SMALL).core > 0.5].mean() > 0.01
            assert np.linalg.norm(a.shape - b.shape, axis=1).mean() > 0.02
    old = replace(WOMAN, age=65.0)
    other = replace(drawn[0], seed=drawn[0].seed + 2)
    a, b = generator.generate([drawn[0], other], [old, old], size=SMALL)
    np.testing.assert_allclose(a.shape, b.shape, atol=1e-5)
    np.testing.assert_allclose(a.iris, b.iris)
    assert 0 < np.abs(a.texture - b.texture).mean() < 0.05


def steps(generator, identity, attributes):
    """Return the mean changes of the texture from each attribute to the next, and end to end."""
    made = generator.generate([identity] * len(attributes), attributes, size=SMALL)
    core = regions(SMALL).core > 0.5
    textures = [m.texture[core] for m in made]
    changes = [np.abs(b - a).mean() for a, b in pairwise(textures)]
    return np.array(changes), np.abs(textures[-1] - textures[0]).mean()


SWEEPS = {
    "gender": [Attribute(g, 30.0) for g in np.linspace(-1, 1, 11)],
    "gender of elders": [Attribute(g, 65.0) for g in np.linspace(-1, 1, 11)],
    "age of women": [Attribute(-1.0, a) for a in np.linspace(20, 80, 13)],
    "age of men": [Attribute(1.0, a) for a in np.linspace(20, 80, 13)],
    "smile": [Attribute(1.0, 40.0, smile=s) for s in np.linspace(0, 1, 11)],
    "ancestry": [
        Attribute(1.0, 40.0, ancestry=(1 - b, b, 0.0, 0.0)) for b in np.linspace(0, 1, 11)
    ],
}


@pytest.mark.parametrize("name", SWEEPS)
def test_sliders_move_the_texture_smoothly(generator, name):
    sweep = SWEEPS[name]
    identity = generator.draw_identity(sweep[0], k=5, seed=3)
    changes, whole = steps(generator, identity, sweep)
    assert whole > 0.004
    assert changes.max() < 0.5 * whole
    assert changes.max() < 4 * np.median(changes) + 1e-4


def test_a_smile_changes_the_mouth_more_than_the_forehead(generator):
    identity = generator.draw_identity(WOMAN, k=5, seed=1)
    calm, happy = generator.generate([identity] * 2, [WOMAN, replace(WOMAN, smile=1.0)], size=SMALL)
    change = np.abs(happy.texture - calm.texture).mean(2)
    y = int(mesh.UV[0, 1] * SMALL)  # the upper lip
    assert change[y - 10 : y + 30, 90:166].mean() > 1.5 * change[40:80, 90:166].mean()


def test_age_adds_relief_and_moves_the_shape(generator):
    identity = generator.draw_identity(MAN, k=5, seed=2)
    young, old = generator.generate([identity] * 2, [MAN, replace(MAN, age=78.0)], size=SMALL)
    assert np.linalg.norm(old.shape - young.shape, axis=1).mean() > 0.015

    def relief(texture):
        skin = regions(SMALL).skin > 0.5
        fine = texture.mean(2) - module.cv2.GaussianBlur(texture.mean(2), (0, 0), 4)
        return fine[skin].std()

    assert relief(old.texture) > relief(young.texture)


# Attributes


def test_attribute_terms_blend_gender_age_smile_and_ancestry():
    young, forty = attribute_terms(Attribute(1.0, 22.0)), attribute_terms(Attribute(1.0, 40.0))
    np.testing.assert_allclose(young, [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])
    assert forty[7] > 0 and (np.delete(forty, 7) == np.delete(young, 7)).all()
    between = attribute_terms(Attribute(0.0, 50.0, smile=0.4, ancestry=(0.5, 0.2, 0.2, 0.1)))
    np.testing.assert_allclose(between[:2], [0.5, 0.2], atol=1e-6)
    assert between[2] > 0 and between[3] > 0 and between[4] == 0
    np.testing.assert_allclose(between[:2], between[5:7], atol=1e-6)
    np.testing.assert_allclose(between[10:], [0.2, 0.2, 0.1], atol=1e-6)


def test_ages_beyond_the_ends_go_on_in_the_same_way():
    boy, young, old, oldest = (
        attribute_terms(Attribute(1.0, a)) for a in (10.0, 22.0, 80.0, 120.0)
    )
    assert boy[7] < 0 == young[7] and (boy[8:] == 0).all()
    np.testing.assert_allclose(oldest[7:10], old[7:10] * 1.5, atol=1e-6)


def test_a_gender_beyond_the_ends_exaggerates_what_men_and_women_differ_in():
    end, beyond = (attribute_terms(Attribute(g, 50.0, smile=0.4)) for g in (1.0, 3.0))
    np.testing.assert_allclose(beyond - end, [-1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0], atol=1e-6)
    np.testing.assert_array_equal(
        network_inputs([Attribute(3.0, 30.0)]), network_inputs([Attribute(1.0, 30.0)])
    )


def test_network_inputs_are_about_one():
    inputs = network_inputs([Attribute(-1.0, 18.0), Attribute(1.0, 80.0, 1.0, (0, 1, 0, 0))])
    assert inputs.shape == (2, 7)
    assert inputs.abs().max() <= 1.6


@pytest.mark.parametrize("broken", [np.nan, np.inf])
@pytest.mark.parametrize("field", ["gender", "age", "smile", "ancestry"])
def test_an_attribute_that_is_no_number_is_refused(generator, people, field, broken):
    value = (1.0, broken, 0.0, 0.0) if field == "ancestry" else broken
    attributes = [WOMAN, replace(WOMAN, **{field: value})]
    with pytest.raises(GeneratorError, match="not a number"):
        generator.generate(people[0][:2], attributes)


def test_texels_cover_what_is_replaced():
    for size in (SMALL, LARGE):
        assert (texels(size) >= (regions(size).blend > 0.1)).all()
        assert not texels(size)[~mesh.uv_grid(size).inside].any()


# Weights


def stored():
    """Return the tensors and the metadata of the weights in place."""
    with safe_open(str(resource("models", WEIGHTS)), framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118


@pytest.mark.parametrize("metadata", [None, {"format": "0"}, {"format": "2"}, {"other": "1"}])
def test_weights_of_another_layout_are_refused(tmp_path, monkeypatch, metadata):
    path = tmp_path / WEIGHTS
    save_file({"code": stored()[0]["code"]}, str(path), metadata=metadata)
    monkeypatch.setattr(module, "model_path", lambda _: path)
    with pytest.raises(GeneratorError, match=r"layout .* install Deid Desktop again"):
        Generator()


def test_weights_of_which_one_byte_differs_are_refused(tmp_path, monkeypatch):
    content = bytearray(resource("models", WEIGHTS).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / WEIGHTS).write_bytes(content)
    weights.checksums()
    monkeypatch.setattr(weights, "resource", lambda _, name: tmp_path / name)
    with pytest.raises(weights.ModelError, match=f"^{WEIGHTS}: .* SHA-256"):
        Generator()


def test_the_weights_are_whole_and_small():
    tensors, metadata = stored()
    assert metadata["format"] == module.FORMAT
    assert resource("models", WEIGHTS).stat().st_size < 40e6
    assert all(t.isfinite().all() for t in tensors.values() if t.is_floating_point())
    assert len(tensors["codes"][0]) == len(tensors["donor.embedding"])


def test_donor_embeddings_have_unit_length(generator):
    embeddings = generator.donor_embeddings
    assert embeddings.shape == (generator.donor_count, 128)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=2e-3)


def test_other_stages_get_their_tensors(generator):
    assert {"mean", "weight", "threshold", "frames"} == set(generator.tensors("glasses."))
    assert {"mean", "basis", "expression"} <= set(generator.tensors("shape."))


def test_an_identity_need_not_be_drawn(generator):
    """Projects store identities; any convex mix can be made again."""
    identity = Identity((0, 7, 100), (0.2, 0.3, 0.5), 11)
    (made,) = generator.generate([identity], [WOMAN], size=SMALL)
    assert np.isfinite(made.texture).all()
