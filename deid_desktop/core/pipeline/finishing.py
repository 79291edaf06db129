"""Makes the picture of an export from the photo as its file had it: depth, colours, transparency.

Part of the ``pipeline``. What the stages looked at is 8-bit sRGB on white. What is written may hold
more: 16 bits, a wider space, see-through parts. The layers are applied to that, and what came of it
is brought back to 8-bit sRGB on white for the verification, so nothing is written unseen.

See-through parts are kept only where nobody can hide in them: no face may lie in them, and the
picture on black and the picture without its transparency must show no face in them that is not
known. (Boxes are found in opaque parts too, where masks end; they are the same on white.)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deid_desktop.core import colour
from deid_desktop.core.compose import MaskLayer
from deid_desktop.core.decoders import to_8_bit
from deid_desktop.core.detect import Detector
from deid_desktop.core.encoders import straight
from deid_desktop.core.types import (
    SRGB,
    Deep,
    Face,
    FaceResult,
    Keep,
    Layer,
    Photo,
    Pixels,
)

FLATTENED = "its transparent parts are now white, as there is a face in them"
_OPAQUE = 250
"""How opaque, of 255, every pixel of a face must be for transparency to be kept."""


def with_layers(
    pixels: Pixels | Deep, results: Iterable[FaceResult], space: str = SRGB
) -> NDArray[Any]:
    """Return RGB pixels of a space with all layers applied, surrogates first, masks over them."""
    changed = pixels.copy()
    for layer in _ordered(results):
        (layer if space == SRGB else layer.within(space)).apply(changed)
    return changed


def _ordered(results: Iterable[FaceResult]) -> list[Layer]:
    layers = [result.layer for result in results if result.layer is not None]
    return sorted(layers, key=lambda part: isinstance(part, MaskLayer))


def finished(photo: Photo, results: Sequence[FaceResult], keep: Keep) -> tuple[NDArray[Any], str]:
    """Return RGB pixels (height, width, 3), 8 or 16 bit, on white, and their space."""
    base: Pixels | Deep = photo.pixels
    space = SRGB
    if photo.deep is not None and (keep.colours or photo.space == SRGB):
        base, space = photo.deep, photo.space
    elif photo.deep is not None and photo.deep.dtype == np.uint16:
        converted = colour.deep_to_srgb(photo.deep.astype(np.uint16), colour.PROFILES[photo.space])
        assert converted is not None  # our own profiles are of curves and a matrix
        base = converted
    return with_layers(base, results, space), space


def seen(pixels: Pixels | Deep, space: str) -> Pixels:
    """Return RGB pixels of a space as the verification sees them: 8-bit sRGB."""
    if space == SRGB:
        return to_8_bit(pixels)
    if pixels.dtype == np.uint16:
        converted = colour.deep_to_srgb(pixels.astype(np.uint16), colour.PROFILES[space])
        assert converted is not None
        return to_8_bit(converted)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return np.asarray(colour.to_srgb(image, colour.PROFILES[space]))


def see_through(
    photo: Photo, shown: Pixels, results: Sequence[FaceResult], detector: Detector
) -> NDArray[Any] | None:
    """Return the finished picture's opacity (height, width), as deep as the photo's.

    ``None`` if it must not be kept: a face lies in it, or it shows one that nobody dealt with.
    ``shown``: the finished picture as `seen` returns it.
    """
    assert photo.alpha is not None
    painted = np.repeat(photo.alpha[..., None], 3, axis=2)
    for layer in _ordered(results):
        layer.opaque().apply(painted)
    opacity = painted[..., 0]
    alpha = to_8_bit(opacity)
    faces = [result.face for result in results]
    if any(_veiled(alpha, face) for face in faces if not face.region):
        return None
    behind = 255 - alpha[..., None].astype(np.int16)
    on_black = np.clip(shown - behind, 0, 255).astype(np.uint8)
    whole = straight(np.dstack([shown, alpha]))[..., :3]
    for picture in (on_black, whole):
        found = detector.detect(picture)
        if any(_touched(alpha, face) and not _known(face, faces) for face in found):
            return None
    return opacity


def with_opacity(pixels: Pixels | Deep, opacity: NDArray[Any]) -> NDArray[Any]:
    """Return RGB pixels with a fourth channel, at the depth of the pixels."""
    if pixels.dtype == np.uint8:
        opacity = to_8_bit(opacity)
    elif opacity.dtype == np.uint8:
        opacity = opacity.astype(np.uint16) * 257
    return np.dstack([pixels, opacity])


def _veiled(alpha: Pixels, face: Face) -> bool:
    """Tell whether a face, the middle of its box, is see-through anywhere."""
    x, y, width, height = face.box
    rows, columns = np.mgrid[: alpha.shape[0], : alpha.shape[1]].astype(np.float32)
    inside = ((columns - x - width / 2) / (0.4 * width)) ** 2 + (
        (rows - y - height / 2) / (0.4 * height)
    ) ** 2 <= 1
    return bool(inside.any() and alpha[inside].min() < _OPAQUE)


def _touched(alpha: Pixels, face: Face) -> bool:
    """Tell whether any of a box is see-through; elsewhere every background shows the same."""
    x, y, width, height = face.box
    top, left = max(0, int(y)), max(0, int(x))
    covered = alpha[top : int(y + height) + 1, left : int(x + width) + 1]
    return bool(covered.min(initial=255) < _OPAQUE)


def _known(found: Face, faces: Sequence[Face]) -> bool:
    """Tell whether the middle of a face that was found lies in one that was dealt with."""
    x, y = found.box[0] + found.box[2] / 2, found.box[1] + found.box[3] / 2
    return any(
        face.box[0] <= x <= face.box[0] + face.box[2]
        and face.box[1] <= y <= face.box[1] + face.box[3]
        for face in faces
    )
