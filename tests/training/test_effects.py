"""What donors bring is measured on photos, and found again where it is known."""

import shutil

import numpy as np
import pytest

from deid_desktop.resources import resource
from deid_desktop.training import effects
from deid_desktop.training.effects import Looks, fit, look, save


def made_up(rng, *, noise):
    """Return looks at 40 photos with known shifts of ten donors, and those shifts."""
    shifts = rng.normal(size=(10, 128))
    group = np.repeat(np.arange(40), 12) * len(effects.DRAWN)
    weights = rng.dirichlet(np.ones(10), len(group))
    photos = rng.normal(size=(group.max() + 1, 128))
    embedding = photos[group] + weights @ shifts + noise * rng.normal(size=(len(group), 128))
    return Looks(group, weights, embedding), shifts


def test_shifts_are_found_again_and_what_is_noise_is_told():
    rng = np.random.default_rng(0)
    looks, shifts = made_up(rng, noise=0.05)
    table, told = fit(looks)
    between = table - table.mean(0), shifts - shifts.mean(0)  # a shift of all is the photos'
    assert np.corrcoef(between[0].ravel(), between[1].ravel())[0, 1] > 0.99
    assert told > 0.9
    assert fit(made_up(rng, noise=20)[0])[1] < 0.1


def test_portraits_are_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr(effects, "DRAWN", (2, 1))
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        shutil.copy(resource("samples", "portrait.jpg"), tmp_path / name / "1.jpg")
    assert look([tmp_path / "a"], jobs=1).group.tolist() == [0, 0, 1]
    looks = look([tmp_path / "a", tmp_path / "b"], skip=1, jobs=1)
    assert looks.group.tolist() == [0, 0, 1]
    assert np.allclose(looks.weights.sum(1), 1)
    assert np.linalg.norm(looks.embedding, axis=1) == pytest.approx(1)


def test_what_is_saved_is_read(tmp_path, monkeypatch):
    from deid_desktop.core.pipeline import forecast

    table = np.arange(256.0).reshape(2, 128)
    save(table, tmp_path / "effects.safetensors")
    monkeypatch.setattr(forecast, "model_path", lambda name: tmp_path / name)
    assert np.array_equal(forecast.effects.__wrapped__(), table)
