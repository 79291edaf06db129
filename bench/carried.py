"""Measures how much of their subjects surrogates carry before any search, to an outside recogniser.

    python -m bench.carried FOLDER [--skip N] [--draws N] [--cache FILE]

On each portrait some mixes are drawn and composed as previews; none is chosen. dlib compares each
with all originals. What the search exports tells of a handful of people in hundreds; here every
mix speaks, so that two minutes show what a change of the composition costs or gains: compare the
same draws before and after. The figures themselves are no promise: nobody exports such faces.

``FOLDER`` holds one portrait of each person; ``evaluate`` has the first 200, which are left out.
"""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from deid_desktop.core.attributes import Attribute
from deid_desktop.core.generate import Generator
from deid_desktop.core.imaging import find_photos, read_photo
from deid_desktop.core.pipeline import Pipeline
from deid_desktop.core.types import Array, Face, Photo, Request
from deid_desktop.evaluation.metrics import Scores, evaluate
from deid_desktop.evaluation.recognisers import DlibResNet

K = 5


class Portrait(NamedTuple):
    """A photo's largest face, its attribute (gender, age) and what dlib makes of it (128,)."""

    path: Path
    face: Face
    attribute: Attribute
    embedding: Array


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--skip", type=int, default=200, help="portraits to leave out")
    parser.add_argument("--draws", type=int, default=2, help="mixes on each portrait")
    parser.add_argument("--cache", type=Path, help="keeps what is read of the originals")
    options = parser.parse_args()
    pipeline, dlib, generator = Pipeline("cpu"), DlibResNet(), Generator()
    portraits = known(options.cache, options.folder, options.skip, pipeline, dlib)
    found, subjects = list[Array](), list[int]()
    for number, portrait in enumerate(portraits):
        for embedding in composed(portrait, number, options.draws, pipeline, dlib, generator):
            found.append(embedding)
            subjects.append(number)
    gallery = np.stack([portrait.embedding for portrait in portraits])
    scores = Scores(dlib.scores(np.stack(found), gallery), np.array(subjects))
    figures = evaluate(scores)
    print(f"{len(found)} surrogates of {len(portraits)} people, k = {K}, {dlib.model}")
    for name, figure in figures.items():
        print(f"  {name:10s} {figure.value:.4f} [{figure.low:.3f}, {figure.high:.3f}]")


def known(
    cache: Path | None, folder: Path, skip: int, pipeline: Pipeline, dlib: DlibResNet
) -> list[Portrait]:
    """Return the portraits of a folder whose faces take surrogates."""
    if cache is not None and cache.exists():
        return list(pickle.loads(cache.read_bytes()))
    portraits = []
    for path in find_photos([folder])[skip:]:
        photo = read_photo(path)
        face = largest(pipeline, photo)
        if face is None or pipeline.why_not(photo, face, Request()):
            continue
        own = pipeline.analyse(photo, face)
        embedding = dlib.embed(photo.pixels, face.points)
        portraits.append(Portrait(path, face, Attribute(own.gender, own.age), embedding))
    if cache is not None:
        cache.write_bytes(pickle.dumps(portraits))
    return portraits


def largest(pipeline: Pipeline, photo: Photo) -> Face | None:
    """Return the largest face that is found."""
    return max(pipeline.detect(photo), key=lambda face: face.box[3], default=None)


def composed(
    portrait: Portrait,
    number: int,
    draws: int,
    pipeline: Pipeline,
    dlib: DlibResNet,
    generator: Generator,
) -> Iterator[Array]:
    """Yield dlib's embeddings (128,) of some mixes on a portrait, the face found again."""
    photo = read_photo(portrait.path)
    for draw in range(draws):
        identity = generator.draw_identity(portrait.attribute, k=K, seed=number, attempt=draw)
        result = pipeline.redact(
            photo, portrait.face, Request(k=K), identity=identity, preview=True
        )
        if result.layer is None:
            continue
        pixels = pipeline.render(photo, [result])
        face = largest(pipeline, Photo(photo.name, pixels, f"{photo.key} {draw}"))
        if face is not None:
            yield dlib.embed(pixels, face.points)


if __name__ == "__main__":
    main()
