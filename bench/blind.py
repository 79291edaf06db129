"""Makes the crops of a blind look: can people tell surrogates from untouched portraits?

    python -m bench.blind FOLDER... --out DIR [--each 20] [--seed N] [--cache DIR] [--large]

Writes ``DIR/real`` and ``DIR/surrogate``: portraits of one size, nobody in both, redacted as the
program does it unasked. Photos are drawn in turn from the folders; where a ``portraits.csv`` lies
beside them, every third is of somebody with glasses, and every tenth is turned grey. A face that
gets no surrogate is left out and counted. Crops are kept in the cache under a digest of photo,
code and weights. Shuffle them into a sheet and count the answers with any tool that does not show
which is which.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

import cv2
import numpy as np

from deid_desktop.core.imaging import find_photos, read_photo
from deid_desktop.core.pipeline import Pipeline
from deid_desktop.core.types import Face, Photo, Pixels, Request, State
from deid_desktop.resources import resource

SIZE = (300, 366)
"""Width and height of a crop in pixels."""
_FACES = 2.3
"""Heights of the face's box that a crop shows, where the photo has so much."""
_SMALLEST = 70.0
"""Pixels of a face's box below which nothing can be told."""


def main() -> None:
    """Write the crops."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--each", type=int, default=20, help="portraits of either kind")
    parser.add_argument("--seed", type=int, default=1, help="of the choice of photos")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/deid-desktop-blind")
    parser.add_argument("--large", action="store_true", help="crops of twice the size")
    options = parser.parse_args()
    factor = 2 if options.large else 1
    size = (factor * SIZE[0], factor * SIZE[1])
    pipeline, told = Pipeline(), Counter[str]()
    pool = drawn(options.folders, options.seed)
    for kind in ("surrogate", "real"):
        folder = options.out / kind
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(options.each):
            while True:
                path = next(pool, None)
                if path is None:
                    raise SystemExit("there are too few portraits in these folders")
                crop = made(pipeline, path, kind, number % 10 == 9, options.cache, told)
                if crop is not None:
                    break
            flags = cv2.INTER_AREA if crop.shape[1] > size[0] else cv2.INTER_CUBIC
            fitted = cv2.resize(crop, size, interpolation=flags)
            target = folder / f"{path.parent.name}-{path.stem}.png"
            cv2.imwrite(str(target), cv2.cvtColor(fitted, cv2.COLOR_RGB2BGR))
    for reason, count in told.most_common():
        print(f"{count:4d} {reason}")


def drawn(folders: list[Path], seed: int) -> Iterator[Path]:
    """Yield photos, of the folders in turn, each once."""
    dice = random.Random(seed)
    queues = []
    for folder in folders:
        photos = find_photos([folder])
        dice.shuffle(photos)
        table = folder / "portraits.csv"
        if table.exists():
            with table.open(newline="") as file:
                worn = {row["file"] for row in csv.DictReader(file) if row["glasses"] == "yes"}
            glasses = [path for path in photos if path.name in worn]
            bare = iter([path for path in photos if path.name not in worn])
            photos = [p for one in glasses for p in (one, *(next(bare) for _ in range(2)))]
        queues.append(photos)
    for row in zip_longest(*queues):
        yield from (path for path in row if path is not None)


def made(
    pipeline: Pipeline, path: Path, kind: str, grey: bool, cache: Path, told: Counter[str]
) -> Pixels | None:
    """Return the crop of a portrait, untouched or redacted; ``None`` where there is none."""
    photo = read_photo(path)
    if grey:
        level = cv2.cvtColor(photo.pixels, cv2.COLOR_RGB2GRAY)
        photo = replace(photo, pixels=np.repeat(level[..., None], 3, axis=2), deep=None)
    name = hashlib.sha256(photo.pixels.tobytes() + kind.encode() + version()).hexdigest()
    kept = cache / f"{name}.png"
    if kept.exists():
        told[f"{kind}: from the cache"] += 1
        return cv2.cvtColor(cv2.imread(str(kept)), cv2.COLOR_BGR2RGB)
    faces = pipeline.detect(photo)
    if len(faces) != 1 or faces[0].box[3] < _SMALLEST:
        told["not one large face"] += 1
        return None
    pixels = photo.pixels
    if kind == "surrogate":
        done = pipeline.redact_photo(photo, Request(), faces=faces)
        verdict = done.results[0].verdict
        told[f"{verdict.state.value}: {verdict.reason}"] += 1
        if verdict.state is not State.VERIFIED:
            return None
        pixels = done.pixels.astype(np.uint8)
    crop = framed(photo, pixels, faces[0])
    cache.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(kept), cv2.cvtColor(crop, cv2.COLOR_RGB2BGR))
    return crop


def framed(photo: Photo, pixels: Pixels, face: Face) -> Pixels:
    """Cut the face out with what is around it, upright and at the photo's own scale."""
    x, y, width, height = face.box
    rows, columns = photo.pixels.shape[:2]
    tall = min(_FACES * height, rows, columns * SIZE[1] / SIZE[0])
    wide = tall * SIZE[0] / SIZE[1]
    left = round(float(np.clip(x + width / 2 - wide / 2, 0, columns - wide)))
    top = round(float(np.clip(y + height / 2 - 0.48 * tall, 0, rows - tall)))
    return pixels[top : top + round(tall), left : left + round(wide)]


def version() -> bytes:
    """Return a digest of what a surrogate depends on: the code of the stages and the weights."""
    code = hashlib.sha256(resource("models", "SHA256SUMS").read_bytes())
    for path in sorted((Path(__file__).parents[1] / "deid_desktop/core").rglob("*.py")):
        code.update(path.read_bytes())
    return code.digest()


if __name__ == "__main__":
    main()
