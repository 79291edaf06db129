"""Learning what lies in front of faces: what is painted is labelled, and a network takes it up."""

import cv2
import numpy as np
import pytest
import torch

from deid_desktop.core import mesh
from deid_desktop.core.compose import occlusion as asked
from deid_desktop.core.compose.occlusion import SIDE, OcclusionModel
from deid_desktop.core.regions import regions
from deid_desktop.resources import resource
from deid_desktop.training import occlusion
from deid_desktop.training.occluders import PAINTERS, Patches, shadow, sunglasses
from deid_desktop.training.occlusion import Example, drawn, save, train


def noise(seed, tone):
    dice = np.random.default_rng(seed)
    return np.clip(dice.normal(tone, 12, (64, 64, 3)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def patches():
    hair = [noise(s, (60, 45, 35)) for s in range(3)]
    cloth = [noise(s, (40, 60, 140)) for s in range(3)]
    return Patches(hair, cloth, cloth, np.array([[190.0, 145, 120]]))


@pytest.fixture(scope="module")
def example():
    """A plain face without anything in front."""
    inside = mesh.uv_grid(SIDE).inside
    texture = np.where(inside[..., None], (190, 145, 120), 0).astype(np.uint8)
    features = regions(SIDE).features[..., None]
    texture = (texture * (1 - 0.5 * features)).astype(np.uint8)
    nothing = np.zeros((SIDE, SIDE), np.float32)
    return Example(texture, inside.astype(np.float32), nothing, nothing, nothing)


@pytest.mark.parametrize("painter", [*(p for p, _ in PAINTERS), sunglasses])
def test_painters_cover_a_part_of_the_face(painter, patches):
    shares = []
    for seed in range(12):
        colour, over = painter(np.random.default_rng(seed), patches)
        assert colour.shape == (SIDE, SIDE, 3) and over.shape == (SIDE, SIDE)
        assert colour.min() >= 0 and colour.max() <= 255
        assert over.min() >= 0 and over.max() <= 1
        shares.append(over[mesh.uv_grid(SIDE).inside].mean())
    assert 0.01 < np.mean(shares) < 0.7


def test_a_shadow_only_darkens():
    factor = shadow(np.random.default_rng(0))
    assert factor.shape == (SIDE, SIDE, 1)
    assert 0.2 < factor.min() < 0.85 and factor.max() <= 1


def test_labels_are_where_something_was_painted(example, patches):
    dice, changed = np.random.default_rng(3), []
    for _ in range(30):
        inputs, truth, weight = drawn(dice, example, patches)
        assert inputs.shape == (9, SIDE, SIDE)
        assert truth.shape == weight.shape == (3, SIDE, SIDE)
        assert truth.min() >= 0 and truth.max() < 1 + 1e-5
        assert (weight[:, ~mesh.uv_grid(SIDE).inside] == 0).all()
        changed.append(truth[[0, 2]].max() > 0.5)
    assert 0.5 < np.mean(changed) < 1


def test_training_learns_to_see_what_is_painted(example, patches, tmp_path, monkeypatch):
    net = train([example], patches, steps=60)
    dice, painted, bare = np.random.default_rng(99), [], []
    for _ in range(12):
        inputs, truth, weight = drawn(dice, example, patches)
        with torch.inference_mode():
            said = torch.sigmoid(net(torch.from_numpy(inputs)[None]))[0, 0].numpy()
        wanted = cv2.resize(truth[0], said.shape, interpolation=cv2.INTER_AREA)
        counts = cv2.resize(weight[0], said.shape, interpolation=cv2.INTER_AREA) > 0.5
        painted += said[counts & (wanted > 0.9)].tolist()
        bare += said[counts & (wanted < 0.1)].tolist()
    assert np.mean(painted) > 1.4 * np.mean(bare)
    save(net, tmp_path / "occlusion.safetensors")
    monkeypatch.setattr(asked, "model_path", lambda name: tmp_path / name)
    found = OcclusionModel().look(example.texture.astype(np.float32), example.seen)
    assert found.front.shape == (SIDE, SIDE)


def test_examples_come_from_photos():
    examples, patches = occlusion.read_examples([resource("samples", "portrait.jpg")])
    (found,) = examples
    assert found.texture.shape == (SIDE, SIDE, 3)
    assert found.front[regions(SIDE).centre > 0.9].mean() < 0.05
    assert patches.anything and len(patches.skin) == 1
