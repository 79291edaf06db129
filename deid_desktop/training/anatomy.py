"""Measures how the faces of people differ: the bounds of ``compose.anatomy``, and the population of
``compose.opposite``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deid_desktop.core.analyse import Analyser
from deid_desktop.core.compose import ShapeModel
from deid_desktop.core.compose.anatomy import MEASURES, value_of
from deid_desktop.core.detect import Detector
from deid_desktop.core.generate import Generator
from deid_desktop.core.imaging import read_photo
from deid_desktop.core.recognise import Recogniser
from deid_desktop.core.types import Array
from deid_desktop.training.portraits import PLAIN

_TURNED = 25.0
"""Degrees of yaw from which a portrait is left out."""


@dataclass(frozen=True, eq=False)
class People:
    """Shapes (…, 468, 3) of ``women`` and of ``men``, without expression, canonical."""

    women: Array
    men: Array

    def measures(self) -> Iterator[str]:
        """Yield a line for each measure: mean and standard deviation of the men and the women."""
        yield f"{len(self.men)} men, {len(self.women)} women; centimetres of the canonical frame"
        for measure in MEASURES:
            values = [value_of(group, measure) for group in (self.men, self.women)]
            usual = ", ".join(f"{v.mean():6.2f} ± {v.std():.2f}" for v in values)
            yield f"{usual}  {'xy'[measure.axis]}  {list(measure.first)} to {list(measure.last)}"


def look(photos: Sequence[Path]) -> People:
    """Return the shapes of those whose gender is plain."""
    genders, shapes = zip(*_neutral_shapes(photos), strict=True)
    gender, shape = np.array(genders), np.stack(shapes)
    return People(shape[gender < -PLAIN], shape[gender > PLAIN])


def _neutral_shapes(photos: Sequence[Path]) -> Iterator[tuple[float, Array]]:
    """Yield gender and shape (468, 3) of the largest face of each portrait, without expression."""
    detector, analyser = Detector(), Analyser(Recogniser())
    shapes = ShapeModel(Generator().tensors("shape."))
    for path in photos:
        pixels = read_photo(path).pixels
        faces = detector.detect(pixels)
        if not faces:
            continue
        analysis = analyser.analyse(pixels, max(faces, key=lambda face: face.box[3]))
        if analysis.reliable and abs(analysis.pose[0]) < _TURNED:
            yield analysis.gender, shapes.fit(analysis.mesh).identity
