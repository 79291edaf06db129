"""Face recognition: turns an aligned face into an embedding whose cosine measures likeness.

This is the recogniser *in the loop*: the search and the verdict use it. Model: SFace (Zhong et
al. 2021, OpenCV Zoo ``face_recognition_sface_2021dec``, Apache-2.0), a MobileNet V1 (Howard et al.
2017) of 27 convolutions. Torch runs it in two thirds of the time that OpenCV takes, and threads
share one copy of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn

from deid_desktop.core.geometry import similarity_2d, warp_crop
from deid_desktop.core.onnx_file import weights_of
from deid_desktop.core.types import Array, Pixels
from deid_desktop.core.weights import model_path

TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655],
     [70.7299, 92.2041]]
)  # fmt: skip
"""Where the five points lie in the 112-pixel crop (Deng et al., ArcFace, 2019)."""

SIZE = 112


def align(pixels: Pixels, points: Array) -> Pixels:
    """Cut the (112, 112, 3) crop in which ``points`` (5, 2) lie on the template."""
    return warp_crop(pixels, similarity_2d(points, TEMPLATE), SIZE)


class SFace(nn.Module):
    """The network, its normalisations folded into the layers before them.

    Args:
        weights: name → array, of the ONNX file.
    """

    def __init__(self, weights: dict[str, Array]) -> None:
        super().__init__()
        self._weights = {name: torch.from_numpy(value) for name, value in weights.items()}
        names = ["conv_1"]
        for number in range(2, _BLOCKS + 1):
            names += [f"conv_{number}_dw", f"conv_{number}"]
        self.features = nn.Sequential(*(layer for name in names for layer in self._layers(name)))
        self.last = self._linear()
        del self._weights
        self.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, pictures: Tensor) -> Tensor:
        """Return vectors (n, 128) of pictures (n, 3, 112, 112), RGB, 0…255."""
        features = self.features(((pictures - 127.5) / 128).to(self.last.weight.dtype))
        return self.last(features.permute(0, 2, 3, 1).flatten(1))

    def _layers(self, name: str) -> tuple[nn.Module, nn.Module]:
        """Return a convolution, of one channel each where that is its name, and what follows."""
        kernel = self._weights[f"{name}_conv2d_weight"]
        gain, shift = self._folded(f"{name}_batchnorm", 1e-3)
        out, size = kernel.shape[0], kernel.shape[2]
        groups = out if name.endswith("_dw") else 1
        convolution = nn.Conv2d(
            kernel.shape[1] * groups, out, size, stride=2 if name in _HALVING else 1,
            padding=size // 2, groups=groups,
        )  # fmt: skip
        _fill(convolution, kernel * gain[:, None, None, None], shift)
        slopes = nn.PReLU(out)
        slopes.weight.data = self._weights[f"{name}_relu_gamma"].ravel()
        return convolution, slopes

    def _linear(self) -> nn.Linear:
        """Return the last layer, with the normalisations on both of its sides, for NHWC."""
        weight, bias = (self._weights[f"pre_fc1_{part}"].double() for part in ("weight", "bias"))
        (gain, shift), (gain_after, shift_after) = (
            [value.double() for value in self._folded(name, 2e-5)] for name in ("bn1", "fc1")
        )
        by_channel = weight.view(len(weight), len(gain), -1)
        bias = (bias + (by_channel.sum(2) @ shift)) * gain_after + shift_after
        by_channel = by_channel * gain[:, None] * gain_after[:, None, None]
        layer = nn.Linear(weight.shape[1], len(weight))
        _fill(layer, by_channel.transpose(1, 2).flatten(1), bias)
        return layer

    def _folded(self, name: str, epsilon: float) -> tuple[Tensor, Tensor]:
        """Return what a batch normalisation multiplies by and adds, for each channel."""
        gamma, beta, mean, variance = (
            self._weights[f"{name}_{part}"]
            for part in ("gamma", "beta", "moving_mean", "moving_var")
        )
        gain = gamma / torch.sqrt(variance + epsilon)
        return gain, beta - mean * gain


_BLOCKS = 14
_HALVING = ("conv_3_dw", "conv_5_dw", "conv_7_dw", "conv_13_dw")
"""The convolutions that halve the picture."""


def _fill(layer: nn.Conv2d | nn.Linear, weight: Tensor, bias: Tensor) -> None:
    layer.weight.data = weight.float().contiguous()
    assert layer.bias is not None
    layer.bias.data = bias.float()


@cache
def _network(kind: torch.dtype) -> SFace:
    """Return the network, which computes with numbers of a kind; all recognisers share it."""
    if kind is not torch.float32:
        return deepcopy(_network(torch.float32)).to(kind)
    return SFace(weights_of(model_path("face_recognition_sface_2021dec.onnx")))


@cache
def _quickest() -> torch.dtype:
    """Return the kind of number that this processor multiplies fastest, of those that will do."""
    able = torch.cpu.get_capabilities()
    short = able.get("avx512_bf16", False) or able.get("amx_bf16", False)
    return torch.bfloat16 if short else torch.float32


class Recogniser:
    """SFace behind one call."""

    def __init__(self) -> None:
        self._network, self._rough = _network(torch.float32), _network(_quickest())

    def embed(self, crops: Sequence[Pixels]) -> Array:
        """Return unit embeddings (n, 128) of aligned ``crops`` (112, 112, 3)."""
        return _embedded(self._network, crops)

    def glance(self, crops: Sequence[Pixels]) -> Array:
        """Return them in half of the time where the processor has sixteen-bit numbers.

        A likeness is off by 0.001 then (root mean square of 96 sketches), a thirtieth of what a
        sketch's own is.
        """
        return _embedded(self._rough, crops)

    def embed_face(self, pixels: Pixels, points: Array) -> Array:
        """Return the unit embedding (128,) of the face with ``points`` (5, 2)."""
        return self.embed([align(pixels, points)])[0]


@torch.inference_mode()
def _embedded(network: SFace, crops: Sequence[Pixels]) -> Array:
    pictures = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float()
    vectors = network(pictures).float().numpy()
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
