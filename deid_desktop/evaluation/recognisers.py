"""The attackers' eyes: two face recognisers behind one interface.

SFace is the recogniser *in the loop*: the search for surrogates and the verdict use it, so figures
taken with it alone would praise themselves. dlib's ResNet has another architecture, other training
data and another loss; it takes no part in making surrogates and serves reports only.
"""

from __future__ import annotations

import json
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from deid_desktop.core.geometry import similarity_2d, warp_crop
from deid_desktop.core.recognise import Recogniser as SFaceNetwork
from deid_desktop.core.types import Array, Pixels
from deid_desktop.core.weights import model_path


class Recogniser(Protocol):
    """Turns faces into embeddings and compares them.

    ``in_loop``: the search for surrogates uses this model. ``measure``: what a score is, in words.
    ``thresholds``: false-accept rate → score from which two faces count as one person.
    """

    name: str
    model: str
    in_loop: bool
    measure: str
    thresholds: dict[float, float]

    def embed(self, pixels: Pixels, points: Array) -> Array:
        """Return the embedding (128,) of the face with ``points`` (5, 2) in photo ``pixels``."""

    def scores(self, probes: Array, gallery: Array) -> Array:
        """Compare embeddings (n, 128) with (m, 128): likeness (n, m), higher is more alike."""


class SFace:
    """The recogniser in the loop; score: cosine, −1…1.

    The thresholds were measured on 102 people of the Face Research Lab London Set, neutral against
    smiling (10302 impostor pairs).
    """

    name = "sface"
    model = "SFace (OpenCV Zoo 2021dec)"
    in_loop = True
    measure = "cosine"
    thresholds = {0.01: 0.339, 0.001: 0.425}  # noqa: RUF012

    @cached_property
    def _network(self) -> SFaceNetwork:
        return SFaceNetwork()

    def embed(self, pixels: Pixels, points: Array) -> Array:
        """Return the unit embedding (128,)."""
        return self._network.embed_face(pixels, points)

    def scores(self, probes: Array, gallery: Array) -> Array:
        """Return cosines (n, m)."""
        return np.asarray(probes @ gallery.T)


CHIP = 150
"""Side of dlib's face chip in pixels."""
_PADDING = 0.25
_MEAN_SHAPE = np.array(
    [[0.22549, 0.21600], [0.75476, 0.21600], [0.49013, 0.51563], [0.25415, 0.78023],
     [0.72610, 0.78023]]
)  # fmt: skip
"""Eye centres, nose tip and mouth corners in dlib's mean face shape (``face_pose`` in
``image_transforms/interpolation.h``, public domain: Boost licence), in units of the face."""
CHIP_TEMPLATE = (_MEAN_SHAPE + _PADDING) / (1 + 2 * _PADDING) * CHIP


def face_chip(pixels: Pixels, points: Array) -> Pixels:
    """Cut the (150, 150, 3) chip in which ``points`` (5, 2) lie on dlib's mean shape."""
    return warp_crop(pixels, similarity_2d(points, CHIP_TEMPLATE), CHIP)


class DlibResNet:
    """dlib's face recognition ResNet (King 2017) in torch; score: minus the L2 distance.

    The customary threshold is 0.6. Those here were measured as SFace's were.
    """

    name = "dlib"
    model = "dlib ResNet v1 (8-bit weights)"
    in_loop = False
    measure = "minus L2 distance"
    thresholds = {0.01: -0.612, 0.001: -0.511}  # noqa: RUF012

    @cached_property
    def _weights(self) -> dict[str, Tensor]:
        return load_weights()

    def embed(self, pixels: Pixels, points: Array) -> Array:
        """Return the embedding (128,); its length is about 1.4."""
        return self.embed_chips(face_chip(pixels, points)[None])[0]

    def embed_chips(self, chips: Pixels) -> Array:
        """Return the embeddings (n, 128) of chips (n, 150, 150, 3)."""
        batch = torch.from_numpy(np.ascontiguousarray(chips)).permute(0, 3, 1, 2).float()
        with torch.inference_mode():
            return np.asarray(_forward(self._weights, batch).numpy(), np.float32)

    def scores(self, probes: Array, gallery: Array) -> Array:
        """Return minus the distances (n, m)."""
        return -np.linalg.norm(probes[:, None] - gallery[None], axis=2)


RECOGNISERS: dict[str, type[SFace] | type[DlibResNet]] = {"sface": SFace, "dlib": DlibResNet}

_NAME = "dlib_resnet_faceapi_u8"
_MEAN = torch.tensor([122.782, 117.001, 104.298]).view(1, 3, 1, 1)
_BLOCKS = (
    ("conv32_1", False), ("conv32_2", False), ("conv32_3", False),
    ("conv64_down", True), ("conv64_1", False), ("conv64_2", False), ("conv64_3", False),
    ("conv128_down", True), ("conv128_1", False), ("conv128_2", False),
    ("conv256_down", True), ("conv256_1", False), ("conv256_2", False),
    ("conv256_down_out", True),
)  # fmt: skip
"""Residual blocks in order; those that are true halve the picture."""


def load_weights() -> dict[str, Tensor]:
    """Return the weights by name; the manifest gives shapes and, where 8-bit, the scale.

    Raises:
        ModelError: a file is missing or altered.
    """
    manifest = json.loads(model_path(f"{_NAME}.json").read_text())
    raw = model_path(f"{_NAME}.bin").read_bytes()
    weights, start = {}, 0
    for entry in manifest[0]["weights"]:
        count = int(np.prod(entry["shape"]))
        step = entry.get("quantization")
        kind = np.dtype(np.uint8 if step else np.float32)
        values = np.frombuffer(raw, kind, count, start).astype(np.float32)
        if step:
            values = values * np.float32(step["scale"]) + np.float32(step["min"])
        weights[entry["name"]] = torch.from_numpy(values.reshape(entry["shape"]))
        start += count * kind.itemsize
    return weights


def _forward(weights: dict[str, Tensor], batch: Tensor) -> Tensor:
    """Return embeddings (n, 128) of chips (n, 3, 150, 150), RGB 0…255."""
    first = _convolve(weights, "conv32_down", (batch - _MEAN) / 256, stride=2, padding=0)
    features = functional.max_pool2d(first.relu(), 3, 2)
    for name, down in _BLOCKS:
        features = _residual(weights, name, features, down=down)
    return features.mean((2, 3)) @ weights["fc"]


def _convolve(
    weights: dict[str, Tensor], name: str, batch: Tensor, *, stride: int = 1, padding: int = 1
) -> Tensor:
    """Convolve, then apply the affine that training left of the batch normalisation."""
    filters = weights[f"{name}/conv/filters"].permute(3, 2, 0, 1)
    result = functional.conv2d(batch, filters, weights[f"{name}/conv/bias"], stride, padding)
    scale, shift = weights[f"{name}/scale/weights"], weights[f"{name}/scale/biases"]
    return result * scale.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1)


def _residual(weights: dict[str, Tensor], name: str, batch: Tensor, *, down: bool) -> Tensor:
    """Add a block's two convolutions to its input, which is halved where they halve it."""
    stride, padding = (2, 0) if down else (1, 1)
    inner = _convolve(weights, f"{name}/conv1", batch, stride=stride, padding=padding).relu()
    change = _convolve(weights, f"{name}/conv2", inner)
    if not down:
        return (change + batch).relu()
    short = functional.avg_pool2d(batch, 2, 2)
    shape = torch.Size(max(sizes) for sizes in zip(change.shape, short.shape, strict=True))
    return (_padded(change, shape) + _padded(short, shape)).relu()


def _padded(batch: Tensor, shape: torch.Size) -> Tensor:
    """Add channels, rows and columns of zeros up to ``shape``, as dlib does where sizes differ."""
    channels, rows, columns = (shape[axis] - batch.shape[axis] for axis in (1, 2, 3))
    return functional.pad(batch, (0, columns, 0, rows, 0, channels))
