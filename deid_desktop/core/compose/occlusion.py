"""What lies in front of a face: a small network looks at the face's texture and says it of each
texel. It was trained here on faces with things pasted over them; see ``training.occlusion``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

from deid_desktop.core import mesh
from deid_desktop.core.geometry import weighted_blur
from deid_desktop.core.regions import regions
from deid_desktop.core.types import Array
from deid_desktop.core.weights import model_path

SIDE = 128
"""Texels a side that the network looks at."""
FILE = "occlusion.safetensors"
CHANNELS = ("front", "beard", "lenses")
_WIDTHS, _NARROW = (16, 32, 64, 96), 24
_RIM, _REACH = 9, 2.0
"""Twice the width of the face's rim, plus one, and how far around it is looked, at 64 texels."""
_FINE = 256
"""Texels a side at which edges are drawn along those of the photo."""
_RADIUS, _SMOOTH = 4, 2e-3
"""Of the guided filter that does it: texels of ``_FINE``, and variance of grey levels 0…1."""


@dataclass(frozen=True, eq=False)
class Occlusion:
    """Maps (s, s) float32, 0…1: ``front`` hair, hands, cloth and things, ``beard``, ``lenses``
    that are dark."""

    front: Array
    beard: Array
    lenses: Array


class OcclusionNet(nn.Module):
    """A small U-Net: (n, 9, 128, 128) from `inputs` to logits (n, 3, 64, 64)."""

    def __init__(self) -> None:
        super().__init__()
        width = _WIDTHS[0]
        self.stem = _block(9, width, stride=2)
        self.down, self.narrow, self.up = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for wider in _WIDTHS[1:]:
            self.down.append(nn.Sequential(_block(width, wider, stride=2), _block(wider, wider)))
            self.narrow.insert(0, nn.Conv2d(wider, _NARROW, 1))
            self.up.insert(0, _block(width + _NARROW, width))
            width = wider
        self.last = nn.Conv2d(_WIDTHS[0], len(CHANNELS), 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits of the three maps."""
        found = [self.stem(x)]
        for step in self.down:
            found.append(step(found[-1]))
        y = found.pop()
        for narrow, step in zip(self.narrow, self.up, strict=True):
            y = step(torch.cat([_doubled(narrow(y)), found.pop()], 1))
        logits: torch.Tensor = self.last(y)
        return logits


def _block(given: int, made: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(given, made, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(made),
        nn.ReLU(),
    )


def _doubled(x: torch.Tensor) -> torch.Tensor:
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def inputs(texture: Array, seen: Array) -> Array:
    """Return what the network looks at (9, 128, 128) float32.

    Args:
        texture: (128, 128, 3) of the photo, 0…255.
        seen: (128, 128) 0…1, how well the photo shows each texel.
    """
    maps = regions(SIDE)
    sure = (maps.skin * seen > 0.5) & (maps.centre > 0.5)
    middle = np.median(texture[sure], axis=0) if sure.sum() > 30 else np.full(3, 128.0)
    texture = texture * np.clip(4 * seen, 0, 1)[..., None]  # what lies beyond the face is no matter
    relative = np.clip(texture / np.maximum(middle, 12), 0, 2.5) - 1
    across, down = np.meshgrid(np.linspace(-1, 1, SIDE), np.linspace(-1, 1, SIDE))
    stacked = np.dstack([texture / 127.5 - 1, relative, seen, across, down])
    return np.ascontiguousarray(stacked.transpose(2, 0, 1), np.float32)


class OcclusionModel:
    """The trained network. Threads may share it."""

    def __init__(self) -> None:
        weights = load_file(str(model_path(FILE)))
        self._net = OcclusionNet().eval()
        self._net.load_state_dict({name: value.float() for name, value in weights.items()})

    @torch.inference_mode()
    def look(self, texture: Array, seen: Array) -> Occlusion:
        """Say what lies in front of a face.

        Args:
            texture: (s, s, 3) of the photo, 0…255.
            seen: (s, s) 0…1, how well the photo shows each texel.
        """
        small = cv2.resize(texture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        shown = cv2.resize(seen, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        logits = self._net(torch.from_numpy(inputs(small, shown))[None])
        rough = [_to_the_rim(layer) for layer in torch.sigmoid(logits)[0].numpy()]
        size = len(texture)
        fine = [_along_edges(texture, layer) for layer in rough]
        return Occlusion(*(cv2.resize(layer, (size, size)) for layer in fine))


def _to_the_rim(rough: Array) -> Array:
    """Return ``rough`` (64, 64) with what it says inside the face carried on to the face's rim.

    There the network was never told anything, for what the labels came from knew nothing either.
    """
    inner = _inner(len(rough))
    carried, _ = weighted_blur(rough[..., None], inner, _REACH)
    return np.where(inner > 0, rough, carried[..., 0])


@cache
def _inner(size: int) -> Array:
    """Return 1 (size, size) where the network was taught."""
    inside = cv2.resize(mesh.uv_grid(SIDE).inside.astype(np.float32), (size, size))
    return cv2.erode((inside > 0.99).astype(np.float32), np.ones((_RIM, _RIM), np.uint8))


def _along_edges(texture: Array, rough: Array) -> Array:
    """Return ``rough`` (64, 64) at 256 texels, its edges drawn along those of the photo.

    A guided filter (He, Sun and Tang 2013) on the grey picture.
    """
    grey = cv2.cvtColor(
        cv2.resize(texture, (_FINE, _FINE), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY
    )
    guide = grey / 255
    mask = cv2.resize(rough, (_FINE, _FINE), interpolation=cv2.INTER_LINEAR)
    stack = np.dstack([guide, mask, guide * mask, guide * guide])
    side = 2 * _RADIUS + 1
    mean, mask_mean, product, square = np.moveaxis(cv2.blur(stack, (side, side)), 2, 0)
    slope = (product - mean * mask_mean) / (square - mean * mean + _SMOOTH)
    terms = cv2.blur(np.dstack([slope, mask_mean - slope * mean]), (side, side))
    return np.clip(terms[..., 0] * guide + terms[..., 1], 0, 1)
