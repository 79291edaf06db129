"""Proportions: what composed faces have too much of on average, so that it can be taken from them.

What a face is seen to measure is not only where its features lie: light, skin and the head around
it tell, too. Surrogates looked wider above and shorter below than people, all of them, by one
standard deviation. That is the same for everybody of a gender: taking it away tells of nobody, and
hides as much.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from safetensors.numpy import load_file

from deid_desktop.core.types import Array
from deid_desktop.core.weights import model_path

FILE = "proportions.safetensors"


@cache
def learned() -> Array:
    """Return the excess (2, 468, 3) of women and men, canonical centimetres.

    Learned by ``python -m deid_desktop.training proportions``.

    Raises:
        ModelError: the file is missing or altered.
    """
    return load_file(model_path(FILE))["excess"].astype(np.float32)
