"""Training on a handful of made-up people: it learns, repeats, goes on, and its weights load."""

import logging
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

pytest.importorskip("scipy", reason="training needs scipy")

from deid_desktop.core import generate, mesh
from deid_desktop.core.attributes import Attribute
from deid_desktop.core.generate import SMALL, Generator
from deid_desktop.core.regions import regions
from deid_desktop.training import fit, statistics
from deid_desktop.training.dataset import Sample, load_samples, save_samples
from deid_desktop.training.fit import TINY, build_tensors, train_network, write_weights

PLACED = np.random.default_rng(0).permutation(mesh.VERTICES)[:189]


def smooth(rng, amplitude, sigma=24):
    """Return a smooth random picture of 512 texels."""
    noise = cv2.GaussianBlur(rng.normal(size=(512, 512, 3)), (0, 0), sigma)
    return amplitude * noise / noise.std()


def sample(rng, name, gender, **facts):
    """Return a made-up person: smooth skin, dark brows and eyes, a jittered mesh."""
    maps = regions(512)
    skin = np.array([185, 140, 115]) + smooth(rng, 8) + smooth(rng, 3, 2)
    dark = np.maximum(maps.brows, maps.eyes)[..., None] * rng.uniform(0.3, 0.6)
    if facts.get("glasses"):
        dark[200:206, 100:410] = 0.8
    jitter = cv2.GaussianBlur(rng.normal(size=(mesh.VERTICES, 3)), (0, 0), 2)
    vertices = 40 * (mesh.XYZ + 0.2 * jitter) + [480, 500, 0]
    irises = np.repeat(vertices[[33, 263]], 5, axis=0)
    vertices = np.r_[vertices, irises].astype(np.float32)
    embedding = rng.normal(size=128).astype(np.float32)
    return Sample(
        name=name,
        texture=np.clip(skin * (1 - dark), 0, 255).astype(np.uint8),
        vertices=vertices,
        embedding=embedding / np.linalg.norm(embedding),
        gender=gender,
        **{"person": name, "age_known": True, "smile": 0.0, **facts},
    )


@pytest.fixture(scope="module")
def donors():
    """Ten people of four ancestries, six of whom smile in a second picture."""
    rng = np.random.default_rng(1)
    ancestries = ["white", "white", "black", "east_asian", "west_asian"]
    people = []
    for i, ancestry in enumerate(2 * ancestries):
        gender = 1.0 if i >= 5 else -1.0
        facts = {"age": 20.0 + 3 * i, "ancestry": ancestry, "person": f"p{i}"}
        neutral = sample(rng, f"p{i}_neutral", gender, **facts)
        points = neutral.vertices[PLACED, :2] + rng.normal(scale=2, size=(189, 2))
        people.append(replace(neutral, points=points.astype(np.float32)))
        if i % 5 < 3:
            facts |= {"smile": 0.9, "smiling": True}
            people.append(sample(rng, f"p{i}_smiling", gender, **facts))
    return people


@pytest.fixture(scope="module")
def portraits():
    """Thirty-two people from 30 to 80, some of them with glasses."""
    rng = np.random.default_rng(2)
    return [
        sample(rng, f"q{i}", 1.0 if i % 2 else -1.0, age=30 + 50 * i / 31, glasses=i % 5 == 0,
               smile=float(rng.random()))
        for i in range(32)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def built(donors, portraits):
    """The tensors and the network's training targets."""
    return build_tensors(donors, portraits, TINY)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Networks this small are slower on several threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def trained(built):
    """The network's tensors and losses."""
    return train_network(*built[1], TINY)


def test_the_network_learns(trained):
    losses = trained[1]
    assert losses[-1] < 0.5 * losses[0]
    assert np.isfinite(losses).all()


def test_the_trained_network_knows_the_donors(built):
    targets, attributes = built[1]
    tensors, _ = train_network(targets, attributes, replace(TINY, steps=300))
    network = generate.CodeNetwork(targets.shape[1])
    network.load_state_dict(
        {k.removeprefix("network."): v for k, v in tensors.items() if k.startswith("network.")}
    )
    with torch.no_grad():
        error = (network(tensors["code"], attributes) - targets).pow(2).mean()
    assert error < 0.3 * (targets - targets.mean(0)).pow(2).mean()


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


def test_a_seed_gives_the_same_network_again(built, trained):
    first, losses = trained
    second, same_losses = train_network(*built[1], TINY)
    assert same(first, second) and losses == same_losses


def test_another_seed_gives_another_network(built):
    short = replace(TINY, steps=10)
    first, second = (train_network(*built[1], replace(short, seed=s))[0] for s in (0, 1))
    assert not same(first, second)


def test_an_interrupted_training_ends_the_same(built, trained, tmp_path, monkeypatch):
    whole, losses = trained
    checkpoint = tmp_path / "network.pt"

    def interrupt(text, step, *_):
        if step == 100:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(fit.log, "info", interrupt)
        train_network(*built[1], TINY, checkpoint=checkpoint)
    assert torch.load(checkpoint, weights_only=True)["step"] == 100
    resumed, same_losses = train_network(*built[1], TINY, checkpoint=checkpoint)
    assert same(whole, resumed) and losses == same_losses


def test_a_checkpoint_of_other_data_is_not_used(built, tmp_path):
    targets, attributes = built[1]
    checkpoint, short = tmp_path / "network.pt", replace(TINY, steps=50)
    train_network(targets, attributes, short, checkpoint=checkpoint)
    anew, _ = train_network(targets * 2, attributes, short, checkpoint=checkpoint)
    assert same(anew, train_network(targets * 2, attributes, short)[0])


def test_tensors_are_built_again_bit_for_bit(built, donors, portraits):
    again, _ = build_tensors(donors, portraits, TINY)
    assert set(again) == set(built[0])
    assert same(built[0], again)


def test_losses_are_logged(built, caplog):
    with caplog.at_level(logging.INFO):
        train_network(*built[1], replace(TINY, steps=101))
    assert "step 0 loss" in caplog.text and "step 100 loss" in caplog.text


@pytest.fixture(scope="module")
def generator(built, trained, tmp_path_factory):
    """A generator with the tiny weights."""
    path = tmp_path_factory.mktemp("weights") / "generator.safetensors"
    write_weights(built[0] | trained[0], path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generate, "model_path", lambda _: path)
        return Generator()


def test_the_weights_load_and_make_faces(generator):
    assert generator.donor_count == 10
    for gender in (-1.0, 1.0):
        attribute = Attribute(gender, 40.0)
        identity = generator.draw_identity(attribute, k=3, seed=0)
        (made,) = generator.generate([identity], [attribute], size=SMALL)
        assert np.isfinite(made.texture).all() and np.isfinite(made.shape).all()
        skin = regions(SMALL).skin > 0.5
        assert 0.8 < made.texture[skin].mean() < 1.2


def test_men_and_women_have_their_own_donors(generator):
    chosen = {g: generator.draw_identity(Attribute(g, 30.0), k=5, seed=0) for g in (-1.0, 1.0)}
    assert set(chosen[-1.0].donors) == {0, 1, 2, 3, 4}
    assert set(chosen[1.0].donors) == {5, 6, 7, 8, 9}


def test_samples_survive_their_file(donors, tmp_path):
    path = tmp_path / "donors.npz"
    save_samples(donors, path)
    for before, after in zip(donors, load_samples(path), strict=True):
        np.testing.assert_array_equal(before.texture, after.texture)
        np.testing.assert_array_equal(before.vertices, after.vertices)
        assert (before.name, before.age, before.ancestry) == (after.name, after.age, after.ancestry)
        assert (before.points is None) == (after.points is None)
        assert before.smiling is after.smiling


def test_glasses_are_learnt(built, portraits):
    tensors = {k: v.float().numpy() for k, v in built[0].items() if k.startswith("glasses.")}
    told = [fit.wears_glasses(replace(p, glasses=False), tensors) for p in portraits]
    assert np.mean(np.array(told) == [p.glasses for p in portraits]) > 0.9


def test_normalising_takes_light_and_tone_away():
    rng = np.random.default_rng(3)
    detail = 1 + smooth(rng, 0.05, 3)
    x = np.arange(512)[None] / 512 * np.ones((512, 1))
    light = (60 + 120 * x)[..., None] * np.array([1.1, 0.9, 0.7])
    weight = regions(512).skin
    lit = statistics.normalise((detail * light).astype(np.float32), weight)
    plain = statistics.normalise((detail * 128).astype(np.float32), weight)
    inner = weight > 0.5
    assert np.abs(lit - plain)[inner].mean() < 0.05
    assert abs(lit[inner].mean() - 1) < 0.02
