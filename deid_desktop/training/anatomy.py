"""Measures how far apart the features of people are: the bounds of ``compose.anatomy``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from deid_desktop.core.analyse import Analyser
from deid_desktop.core.compose import ShapeModel
from deid_desktop.core.compose.anatomy import MEASURES, value_of
from deid_desktop.core.detect import Detector
from deid_desktop.core.generate import Generator
from deid_desktop.core.imaging import find_photos, read_photo
from deid_desktop.core.recognise import Recogniser
from deid_desktop.core.types import Array

_TURNED = 25.0
"""Degrees of yaw from which a portrait is left out."""


def measured(folder: Path) -> Iterator[str]:
    """Yield a line for each measure: its mean and standard deviation over a folder of portraits."""
    shapes = np.stack(list(_neutral_shapes(folder)))
    yield f"{len(shapes)} portraits; centimetres of the canonical frame"
    for measure in MEASURES:
        values = value_of(shapes, measure)
        ends = f"{list(measure.first)} to {list(measure.last)}"
        yield f"{values.mean():6.2f} ± {values.std():.2f}  {'xy'[measure.axis]}  {ends}"


def _neutral_shapes(folder: Path) -> Iterator[Array]:
    """Yield the shape (468, 3) of the largest face of each portrait, without its expression."""
    detector, analyser = Detector(), Analyser(Recogniser())
    shapes = ShapeModel(Generator().tensors("shape."))
    for path in find_photos([folder]):
        pixels = read_photo(path).pixels
        faces = detector.detect(pixels)
        if not faces:
            continue
        analysis = analyser.analyse(pixels, max(faces, key=lambda face: face.box[3]))
        if analysis.reliable and abs(analysis.pose[0]) < _TURNED:
            yield shapes.fit(analysis.mesh).identity
