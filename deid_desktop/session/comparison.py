"""Original and result beside each other in one picture, for the eyes of an editor."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from deid_desktop.core.types import Deep, Face, FaceResult, Method, Pixels, Request, State, Verdict
from deid_desktop.session.label import with_label

LARGEST = 2400
"""Pixels of the longer side of each half."""


def beside(original: Pixels, result: Pixels | Deep, words: tuple[str, str]) -> Pixels:
    """Return both pictures at one size, each with its ``words`` in the corner, 8 bit."""
    import cv2

    from deid_desktop.core.decoders import to_8_bit

    height, width = original.shape[:2]
    scale = min(1.0, LARGEST / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    halves = [
        with_label(np.asarray(cv2.resize(half, size, interpolation=cv2.INTER_AREA)), text)
        for half, text in zip((original, to_8_bit(result)), words, strict=True)
    ]
    gap = np.full((size[1], max(4, size[0] // 100), 3), 255, np.uint8)
    return np.hstack([halves[0], gap, halves[1]])


def shown_on_purpose(faces: Iterable[Face]) -> tuple[FaceResult, ...]:
    """Return what the gate of the export asks of a picture that shows all faces as they are."""
    verdict = Verdict(State.KEPT, "This face is shown on purpose, in a comparison for editors.")
    request = Request(method=Method.KEEP)
    return tuple(FaceResult(face, request, verdict) for face in faces)
