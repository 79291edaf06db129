"""Models load only if every byte is the one that was shipped."""

import pytest

from deid_desktop.core import weights
from deid_desktop.core.types import DeidError
from deid_desktop.resources import resource

SMALLEST = "face_detection_yunet_2023mar.onnx"


@pytest.fixture
def models(tmp_path, monkeypatch):
    """A folder of models that may be spoilt, holding the table and the smallest model."""
    for name in ("SHA256SUMS", SMALLEST):
        (tmp_path / name).write_bytes(resource("models", name).read_bytes())
    monkeypatch.setattr(weights, "resource", lambda _, name: tmp_path / name)
    weights.checksums.cache_clear()
    yield tmp_path
    weights.checksums.cache_clear()


def test_the_table_names_every_model_and_nothing_else():
    folder = resource("models")
    files = {p.name for p in folder.iterdir() if p.is_file() and p.name != "SHA256SUMS"}
    assert set(weights.checksums()) == files
    assert all(len(digest) == 64 for digest in weights.checksums().values())


@pytest.mark.parametrize("name", sorted(weights.checksums()))
def test_every_model_is_the_shipped_one(name):
    assert weights.model_path(name) == resource("models", name)


@pytest.mark.parametrize("spoil", [lambda b: b[:-1], lambda b: b + b"\0", lambda b: b"X" + b[1:]])
def test_an_altered_model_is_refused(models, spoil):
    path = models / SMALLEST
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(weights.ModelError, match=f"^{SMALLEST}: .*install Deid Desktop again$"):
        weights.model_path(SMALLEST)


def test_a_missing_model_is_named(models):
    (models / SMALLEST).unlink()
    with pytest.raises(DeidError, match=f"^{SMALLEST}: the model cannot be read"):
        weights.model_path(SMALLEST)


def test_a_model_that_the_table_does_not_know_is_refused(models):
    (models / "stranger.onnx").write_bytes(b"weights")
    with pytest.raises(weights.ModelError, match="is not the one that was shipped"):
        weights.model_path("stranger.onnx")


def test_a_missing_table_is_named(models):
    (models / "SHA256SUMS").unlink()
    with pytest.raises(weights.ModelError, match=r"^SHA256SUMS: the table of models"):
        weights.model_path(SMALLEST)
