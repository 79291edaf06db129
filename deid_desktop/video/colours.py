"""Between the frames of a decoder and upright RGB, with the clip's own matrix and range."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

from deid_desktop.video.clip import Clip, Colours

_SD_HEIGHT = 720
"""Rows below which a clip that does not name its matrix means BT.601, as players take it."""
_SWS = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}
"""The scaler's number of each matrix of H.273."""

_EXACT = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
"""Without exact rounding everything becomes a level darker each time."""


def colours_of(frame: av.VideoFrame) -> Colours:
    """Return what a decoded frame says of its colours."""
    full = frame.color_range == 2 or frame.format.name.startswith("yuvj")
    return Colours(
        int(frame.colorspace), int(frame.color_primaries), int(frame.color_trc), bool(full)
    )


def turn_of(frame: av.VideoFrame) -> tuple[int, int, int, int]:
    """Return the signs of the frame's display matrix (a, b, c, d); the identity without one."""
    said: Any = frame.side_data  # its stubs describe another interface
    if "DISPLAYMATRIX" not in said:
        return (1, 0, 0, 1)
    a, b, _, c, d = np.frombuffer(bytes(said["DISPLAYMATRIX"]), np.int32)[:5].tolist()
    if a * d == b * c:
        return (1, 0, 0, 1)  # a matrix that shows nothing
    if abs(a) >= abs(b):  # other angles than quarter turns are nobody's camera
        return (_sign(a), 0, 0, _sign(d))
    return (0, _sign(b), _sign(c), 0)


def _sign(value: int) -> int:
    return 1 if value > 0 else -1


def upright(pixels: NDArray[Any], turn: tuple[int, int, int, int]) -> NDArray[Any]:
    """Turn and mirror stored ``pixels`` (h, w, 3) as the display matrix ``turn`` says.

    It takes a stored (x, y) to (a x + c y, b x + d y).
    """
    a, b, c, d = turn
    if a == 0:
        pixels = pixels.swapaxes(0, 1)
        a, d = c, b
    return np.ascontiguousarray(pixels[:: d or 1, :: a or 1])


def to_rgb(frame: av.VideoFrame, clip: Clip, *, deep: bool = False) -> NDArray[Any]:
    """Return a decoded frame upright, RGB, (h, w, 3) uint8, or uint16 if ``deep``."""
    name = "rgb48le" if deep else "rgb24"
    turned = frame.reformat(format=name, **_matrix(clip, "src"), dst_color_range="JPEG")
    return upright(turned.to_ndarray(), clip.turn)


def to_yuv(pixels: NDArray[Any], clip: Clip) -> av.VideoFrame:
    """Return RGB pixels (h, w, 3), 8 or 16 bit, as the frame an encoder takes."""
    deep = pixels.dtype == np.uint16
    frame = av.VideoFrame.from_ndarray(pixels, "rgb48le" if deep else "rgb24")
    yuv = frame.reformat(
        format="yuv420p10le" if deep else "yuv420p",
        **_matrix(clip, "dst"),
        src_color_range="JPEG",
    )
    own = clip.colours
    yuv.colorspace, yuv.color_range = own.matrix, 2 if own.full else 1
    yuv.color_primaries, yuv.color_trc = own.primaries, own.transfer
    return yuv


def _matrix(clip: Clip, side: str) -> dict[str, Any]:
    own = clip.colours
    fallback = 5 if clip.height < _SD_HEIGHT else 1
    return {
        f"{side}_colorspace": _SWS.get(own.matrix, fallback),
        f"{side}_color_range": "JPEG" if own.full else "MPEG",
        "interpolation": _EXACT,
    }


def aspect_of(stream: av.VideoStream, turn: tuple[int, int, int, int]) -> Fraction:
    """Return the width of an upright pixel over its height."""
    aspect = stream.sample_aspect_ratio
    if not aspect:
        return Fraction(1)
    return Fraction(aspect) if turn[0] else 1 / Fraction(aspect)
