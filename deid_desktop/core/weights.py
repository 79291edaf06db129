"""Locates the vendored models and proves that they are what was shipped, before anything loads.

The table is ``resources/models/SHA256SUMS``; ``docs/models.md`` says where each comes from.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from deid_desktop.core.types import Array, DeidError
from deid_desktop.resources import resource


class ModelError(DeidError):
    """A model file is missing or is not the one that was shipped."""


@cache
def checksums() -> dict[str, str]:
    """Return file name → SHA-256 (hex) of every shipped model."""
    table = resource("models", "SHA256SUMS")
    try:
        lines = table.read_text().splitlines()
    except OSError as error:
        raise ModelError(
            f"{table.name}: the table of models cannot be read ({error.strerror}); "
            "install Deid Desktop again"
        ) from error
    return {name: digest for digest, name in (line.split() for line in lines)}


def model_path(name: str) -> Path:
    """Return the path of a model whose SHA-256 has been checked.

    Raises:
        ModelError: the file is missing, unreadable or altered.
    """
    path = resource("models", name)
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(
            f"{name}: the model cannot be read ({error.strerror}); install Deid Desktop again"
        ) from error
    if digest != checksums().get(name):
        raise ModelError(
            f"{name}: the model is not the one that was shipped (its SHA-256 differs); "
            "install Deid Desktop again"
        )
    return path


def read_statistics(name: str) -> dict[str, Array]:
    """Return the tensors of a model by name, as float32.

    Raises:
        ModelError: the file is missing, unreadable or altered.
    """
    return {key: value.astype(np.float32) for key, value in load_file(model_path(name)).items()}
