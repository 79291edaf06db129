"""Builds small clips for the tests, some of them bad."""

from fractions import Fraction

import av
import cv2
import numpy as np


def write_clip(
    path, pictures, *, rate=25, codec="mpeg4", ticks=None, sound=None, metadata=None, **settings
):
    """Write RGB ``pictures`` (h, w, 3); ``ticks`` in 1/1000 s make the frame rate vary.

    ``sound``: mono samples at 48 kHz. ``settings`` are set on the video stream's context.
    """
    pictures = list(pictures)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=settings.pop("options", {}))
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = settings.pop("pix_fmt", "yuv420p")
        if codec != "libsvtav1":
            stream.codec_context.bit_rate = 3_000_000
        stream.codec_context.time_base = Fraction(1, 1000 if ticks else rate)
        for name, value in settings.items():
            setattr(stream.codec_context, name, value)
        container.metadata.update(metadata or {})
        voice = (
            container.add_stream("aac", rate=48000, layout="mono") if sound is not None else None
        )
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format=stream.pix_fmt)
            frame.pts = ticks[number] if ticks else number
            frame.time_base = stream.codec_context.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if voice is not None:
            for start in range(0, len(sound), 1024):
                block = av.AudioFrame.from_ndarray(
                    sound[None, start : start + 1024].astype(np.float32), "fltp", "mono"
                )
                block.sample_rate, block.pts = 48000, start
                block.time_base = Fraction(1, 48000)
                container.mux(voice.encode(block))
            container.mux(voice.encode(None))
    return path


def moving_bar(count, *, width=112, height=64):
    """Return pictures in which a bar moves two pixels at a time: its place tells the frame."""
    pictures = []
    for number in range(count):
        picture = np.full((height, width, 3), (40, 60, 80), np.uint8)
        left = 4 + 2 * number % (width - 12)
        picture[:, left : left + 8] = (200, 180, 140)
        pictures.append(picture)
    return pictures


def bar_of(pixels):
    """Return which picture of `moving_bar` this is."""
    columns = np.flatnonzero(pixels.mean((0, 2)) > 115)
    return round((columns.mean() - 7.5) / 2)


def camera(pixels, count, *, size=(320, 240), zoom=1.0, start=(0, 0), step=(0, 0), sway=0.0):
    """Return ``count`` pictures (RGB) of a photo under a camera whose motion is known.

    ``size`` (width, height) of the pictures; ``zoom`` pixels for one of the photo; the camera
    starts with its corner at ``start`` and moves by ``step`` a picture (in pixels of the pictures),
    swaying by ``sway`` degrees. Also returns the (2, 3) matrices from photo to picture.
    """
    pictures, matrices = [], []
    for number in range(count):
        angle = np.radians(sway * np.sin(number / 6))
        turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = np.c_[turn, -(np.array(start) + np.array(step) * number)]
        how = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
        pictures.append(
            cv2.warpAffine(pixels, matrix, size, flags=how, borderMode=cv2.BORDER_REPLICATE)
        )
        matrices.append(matrix)
    return pictures, matrices
