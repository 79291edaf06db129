"""Colour: whatever space a file's numbers are in, sRGB comes out.

Serves ``imaging``. 8-bit pictures go through LittleCMS. It has no 16-bit RGB in Pillow, so 16-bit
pictures go through the same arithmetic (curve, matrix, curve) here; a profile made of tables
cannot, and its picture is reduced to 8 bits. Spaces that a file only names (PNG gAMA and cHRM, the
colour description of AVIF and HEIC) are written down as a profile first, so there is one way.

Sources: ICC.1:2022, IEC 61966-2-1 (sRGB), W3C PNG, ITU-T H.273 (code points).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from deid_desktop.core.types import SRGB, Array, Deep

Primaries = Sequence[float]
"""x and y of white, red, green and blue."""

_D65 = (0.3127, 0.3290)
SRGB_PRIMARIES = (*_D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
_NAMED_PRIMARIES: dict[int, Primaries] = {
    4: (0.310, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    7: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    9: (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
}
_NAMED_GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0}
HIGH_DYNAMIC_RANGE = (16, 18)
"""Code points of PQ and HLG, whose brightness sRGB cannot hold."""

_CHANNELS = (b"r", b"g", b"b")
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_D50 = np.array([0.9642, 1.0, 0.8249])
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def srgb_profile() -> bytes:
    """Return the one ICC profile that exported photos carry: sRGB, without date or platform."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    # The creation date, the operating system and the digest over both would tell on the machine.
    profile[24:36] = bytes((7, 208, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0))  # 2000-01-01
    profile[40:44] = bytes(4)
    profile[84:100] = bytes(16)
    return bytes(profile)


SRGB_PROFILE = srgb_profile()


def described_profile(
    primaries: Primaries = SRGB_PRIMARIES, *, gamma: float | None = None, name: str = ""
) -> bytes:
    """Write an ICC profile for a space given by primaries and a gamma, or sRGB's own curve."""
    columns = _to_d50(primaries)
    if gamma is None:
        curve = struct.pack(">4s4xHxx", b"para", 3) + b"".join(map(_fixed, _SRGB_CURVE))
    else:
        curve = struct.pack(">4s4xHxx", b"para", 0) + _fixed(gamma)
    tags = {b"wtpt": b"XYZ \0\0\0\0" + b"".join(map(_fixed, _D50))}
    if name:
        tags |= {b"desc": _words(name), b"cprt": _words("Public domain")}
    for channel, column in zip(_CHANNELS, columns.T, strict=True):
        tags[channel + b"XYZ"] = b"XYZ \0\0\0\0" + b"".join(map(_fixed, column))
        tags[channel + b"TRC"] = curve
    table, body = struct.pack(">I", len(tags)), b""
    start = 132 + 12 * len(tags)
    for signature, content in tags.items():
        table += struct.pack(">4sII", signature, start + len(body), len(content))
        body += content
    head = struct.pack(">I4xI4s4s4s12x4s", start + len(body), 0x04300000, b"mntr", b"RGB ", b"XYZ ",
                       b"acsp")  # fmt: skip
    head = head.ljust(68, b"\0") + b"".join(map(_fixed, _D50))
    return head.ljust(128, b"\0") + table + body


def _words(text: str) -> bytes:
    encoded = text.encode("utf-16-be")
    encoded += bytes(-len(encoded) % 4)
    return struct.pack(">4s4xII4sII", b"mluc", 1, 12, b"enUS", 2 * len(text), 28) + encoded


def named_profile(primaries: int, transfer: int) -> bytes | None:
    """Return a profile for code points of ITU-T H.273; ``None`` where they mean sRGB or nothing."""
    chosen = _NAMED_PRIMARIES.get(primaries)
    gamma = _NAMED_GAMMAS.get(transfer)
    if chosen is None and gamma is None:
        return None
    return described_profile(chosen or SRGB_PRIMARIES, gamma=gamma)


def png_profile(image: Image.Image) -> bytes | None:
    """Return a profile for the gAMA and cHRM chunks of a PNG; ``None`` where they mean sRGB."""
    if "srgb" in image.info:
        return None
    gamma, chroma = image.info.get("gamma"), image.info.get("chromaticity")
    plain = not gamma or abs(gamma - 1 / 2.2) < 0.001
    usual = not chroma or np.allclose(chroma, SRGB_PRIMARIES, atol=0.002)
    if plain and usual:
        return None
    return described_profile(
        chroma if chroma and not usual else SRGB_PRIMARIES,
        gamma=1 / gamma if gamma and not plain else None,
    )


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert an 8-bit picture (L, RGB, CMYK or LAB) by its profile.

    Raises:
        ImageCms.PyCMSError: the profile is damaged or for another kind of picture.
    """
    converted = ImageCms.profileToProfile(
        image,
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.ImageCmsProfile(io.BytesIO(SRGB_PROFILE)),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    assert converted is not None  # only None when converted in place
    return converted


def is_srgb(profile: bytes) -> bool:
    """Tell whether an RGB profile leaves every colour within one of 255 steps where it is.

    Many makers ship a profile of their own for sRGB; converting by it would only add noise.

    Raises:
        ImageCms.PyCMSError: the profile is damaged or not for RGB.
    """
    steps = np.arange(0, 256, 15).astype(np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(-1, len(steps), 3)
    converted = np.asarray(to_srgb(Image.fromarray(grid), profile))
    return bool(np.abs(converted.astype(int) - grid).max() <= 1)


def deep_to_srgb(deep: Deep, profile: bytes) -> Deep | None:
    """Convert 16-bit RGB by a profile of curves and a matrix; ``None`` if it is another kind."""
    known = _read(profile)
    if known is None:
        return None
    matrix, curves = known
    mix = np.linalg.inv(_to_d50(SRGB_PRIMARIES)) @ matrix
    encode = _encoding()
    converted = np.empty_like(deep)
    for top in range(0, len(deep), 256):  # in strips, so that the memory stays small
        strip = deep[top : top + 256]
        linear = np.stack([curves[c][strip[..., c]] for c in range(3)], -1)
        mixed = np.clip(linear @ mix.T.astype(np.float32), 0, 1)
        converted[top : top + 256] = encode[np.rint(mixed * (len(encode) - 1)).astype(np.int32)]
    return converted


def space_of(profile: bytes) -> str | None:
    """Name the wide space of ``PROFILES`` that a profile stands for; ``None`` for any other.

    Two spaces count as one where their primaries and curves differ by less than is seen.
    """
    own = _read(profile)
    for name, known in _WIDE.items():
        matrix, curves = _read(known) or (np.zeros((3, 3)), [])
        if (
            own is not None
            and np.abs(own[0] - matrix).max() < 0.003
            and max(np.abs(a - b).max() for a, b in zip(own[1], curves, strict=True)) < 0.01
        ):
            return name
    return None


def between(values: Array, source: str, target: str) -> Array:
    """Convert RGB (…, 3), 0…1, from one space of ``PROFILES`` to another; float32."""
    (start, curves), (end, _) = _known(source), _known(target)
    steps = np.linspace(0, 1, 65536)
    linear = np.stack([np.interp(values[..., c], steps, curves[c]) for c in range(3)], -1)
    mixed = np.clip(linear @ (np.linalg.inv(end) @ start).T, 0, 1)
    gamma = _GAMMAS[target]
    if gamma is not None:
        return (mixed ** (1 / gamma)).astype(np.float32)
    curved = np.where(mixed <= 0.0031308, 12.92 * mixed, 1.055 * mixed ** (1 / 2.4) - 0.055)
    return curved.astype(np.float32)


@cache
def _known(space: str) -> tuple[NDArray[np.float64], list[NDArray[np.float32]]]:
    found = _read(described_profile(SRGB_PRIMARIES) if space == SRGB else PROFILES[space])
    assert found is not None  # our own profiles are of curves and a matrix
    return found


def _read(profile: bytes) -> tuple[NDArray[np.float64], list[NDArray[np.float32]]] | None:
    """Return matrix (3, 3) to XYZ under D50 and curves; ``None`` if it is made of tables."""
    try:
        tags = _tags(profile)
        matrix = np.array([struct.unpack(">3i", tags[n + b"XYZ"][8:20]) for n in _CHANNELS]).T
        curves = [_curve(tags[name + b"TRC"]) for name in _CHANNELS]
    except (KeyError, ValueError, struct.error):
        return None
    if b"A2B0" in tags or profile[20:24] != b"XYZ ":
        return None
    return matrix / 65536, curves


def _tags(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, 128)
    tags = {}
    for entry in range(min(count, 100)):
        name, start, size = struct.unpack_from(">4sII", profile, 132 + 12 * entry)
        tags[name] = profile[start : start + size]
    return tags


def _curve(tag: bytes) -> NDArray[np.float32]:
    """Return linear light, 0…1, for each of the 65,536 values of a channel."""
    x = np.linspace(0, 1, 65536)
    if tag[:4] == b"para":
        (kind,) = struct.unpack_from(">H", tag, 8)
        count = (1, 3, 4, 5, 7)[kind] if kind < 5 else 0
        if not count:
            raise ValueError("unknown kind of curve")
        g, a, b, c, d, e, f = _parameters(
            kind, [value / 65536 for value in struct.unpack_from(f">{count}i", tag, 12)]
        )
        y = np.where(x >= d, np.maximum(a * x + b, 0) ** g + e, c * x + f)
    elif tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        if count == 0:
            y = x
        elif count == 1:
            y = x ** (struct.unpack_from(">H", tag, 12)[0] / 256)
        else:
            points = np.frombuffer(tag, ">u2", count, 12) / 65535
            y = np.interp(x, np.linspace(0, 1, count), points)
    else:
        raise ValueError("unknown kind of curve")
    return np.clip(y, 0, 1).astype(np.float32)


def _parameters(kind: int, p: list[float]) -> tuple[float, ...]:
    """Return the seven parameters of the general curve; the simpler kinds leave some out."""
    match kind:
        case 0:
            return p[0], 1, 0, 0, -1, 0, 0
        case 1:
            return p[0], p[1], p[2], 0, -p[2] / p[1], 0, 0
        case 2:
            return p[0], p[1], p[2], 0, -p[2] / p[1], p[3], p[3]
        case 3:
            return p[0], p[1], p[2], p[3], p[4], 0, 0
        case _:
            return tuple(p)


@cache
def _encoding() -> NDArray[np.uint16]:
    """Return sRGB's 16-bit values for linear light in 2²⁰ steps."""
    x = np.linspace(0, 1, 1 << 20)
    y = np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)
    return np.rint(y * 65535).astype(np.uint16)


def _to_d50(primaries: Primaries) -> NDArray[np.float64]:
    """Return the matrix (3, 3) from linear RGB to XYZ under D50, Bradford-adapted."""
    points = np.array(primaries, np.float64).reshape(4, 2)
    xyz = np.stack([points[:, 0] / points[:, 1], np.ones(4), (1 - points.sum(1)) / points[:, 1]])
    white, columns = xyz[:, 0], xyz[:, 1:]
    columns = columns * np.linalg.solve(columns, white)
    ratio = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    adapted: NDArray[np.float64] = np.linalg.inv(_BRADFORD) @ (ratio[:, None] * _BRADFORD) @ columns
    return adapted


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(float(value) * 65536))


_ADOBE = (*_D65, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
_ROMM = (0.3457, 0.3585, 0.734699, 0.265301, 0.159597, 0.840403, 0.036598, 0.000105)
_GAMMAS = {SRGB: None, "Display P3": None, "Adobe RGB": 563 / 256, "ProPhoto RGB": 1.8}
_WIDE = {
    name: described_profile(primaries, gamma=_GAMMAS[name], name=name)
    for name, primaries in (
        ("Display P3", _NAMED_PRIMARIES[12]),
        ("Adobe RGB", _ADOBE),
        ("ProPhoto RGB", _ROMM),
    )
}
PROFILES = {SRGB: SRGB_PROFILE, **_WIDE}
"""The spaces that an export may be in, and the one profile of each that it may carry."""
