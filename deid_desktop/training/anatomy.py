"""Measures how far apart the features of people are: the bounds of ``compose.anatomy``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
from deid_desktop.training.portraits import PLAIN

_TURNED = 25.0
"""Degrees of yaw from which a portrait is left out."""


def measured(folders: Sequence[Path]) -> Iterator[str]:
    """Yield a line for each measure: mean and standard deviation of the men and of the women."""
    genders, shapes = zip(*_neutral_shapes(folders), strict=True)
    gender, shape = np.array(genders), np.stack(shapes)
    groups = (shape[gender > PLAIN], shape[gender < -PLAIN])
    yield f"{len(groups[0])} men, {len(groups[1])} women; centimetres of the canonical frame"
    for measure in MEASURES:
        values = [value_of(group, measure) for group in groups]
        usual = ", ".join(f"{v.mean():6.2f} ± {v.std():.2f}" for v in values)
        yield f"{usual}  {'xy'[measure.axis]}  {list(measure.first)} to {list(measure.last)}"


def _neutral_shapes(folders: Sequence[Path]) -> Iterator[tuple[float, Array]]:
    """Yield gender and shape (468, 3) of the largest face of each portrait, without expression."""
    detector, analyser = Detector(), Analyser(Recogniser())
    shapes = ShapeModel(Generator().tensors("shape."))
    for path in find_photos(folders):
        pixels = read_photo(path).pixels
        faces = detector.detect(pixels)
        if not faces:
            continue
        analysis = analyser.analyse(pixels, max(faces, key=lambda face: face.box[3]))
        if analysis.reliable and abs(analysis.pose[0]) < _TURNED:
            yield analysis.gender, shapes.fit(analysis.mesh).identity
