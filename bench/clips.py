"""Builds clips from photos by a camera whose motion is known, so that truth is known too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from deid_desktop.core.detect import Detector

RATE = 25
SIZE = (640, 360)


def shots(
    pixels: np.ndarray, count: int, *, size: tuple[int, int] = SIZE, face: float = 90.0,
    still: bool = False, noise: float = 2.0, seed: int = 0,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:  # fmt: skip
    """Yield pictures of a photo under a moving camera, and the matrices (2, 3) that made them.

    The largest face is ``face`` pixels high. ``noise``: of the sensor, in levels.
    """
    found = max(Detector().detect(pixels), key=lambda f: f.box[3])
    x, y, width, height = found.box
    zoom = face / height
    centre = np.array([x + width / 2, y + height / 2])
    chance = np.random.default_rng(seed)
    for number in range(count):
        time_ = 0.0 if still else number / RATE
        angle = np.radians(6 * np.sin(1.3 * time_))
        scale = zoom * (1 + 0.15 * np.sin(0.9 * time_))
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        aim = np.array(size) / 2 + [60 * np.sin(1.1 * time_), 25 * np.sin(1.7 * time_)]
        matrix = np.c_[turn, aim - turn @ centre]
        how = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
        picture = cv2.warpAffine(pixels, matrix, size, flags=how, borderMode=cv2.BORDER_REPLICATE)
        noisy = picture + chance.normal(0, noise, picture.shape)
        yield np.clip(noisy, 0, 255).astype(np.uint8), matrix


def record(path: Path, pictures: Sequence[np.ndarray] | Iterator[np.ndarray]) -> Path:
    """Write pictures as a clip, with a buzz for its sound."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("mpeg4", rate=RATE)
        voice: Any = container.add_stream("aac", rate=48000, layout="mono")
        count = 0
        for number, picture in enumerate(pictures):
            if not count:
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt, stream.codec_context.bit_rate = "yuv420p", 6_000_000
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
            count += 1
        container.mux(stream.encode(None))
        time_ = np.arange(count * 48000 // RATE) / 48000
        sound = 0.3 * np.sign(np.sin(2 * np.pi * 150 * time_)) * (time_ % 1 < 0.5)
        for start in range(0, len(sound), 1024):
            block = av.AudioFrame.from_ndarray(
                sound[None, start : start + 1024].astype(np.float32), "fltp", "mono"
            )
            block.sample_rate, block.pts, block.time_base = 48000, start, Fraction(1, 48000)
            container.mux(voice.encode(block))
        container.mux(voice.encode(None))
    return path
