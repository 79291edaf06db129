"""Shows what surrogates have in common that people have not: both averages in texture space.

    python -m bench.average FOLDER [--faces 90] --out SHEET.png

Of frontal faces, spread evenly over the folder, photo and finished surrogate are
unwrapped with landmarks found in each, as darkness relative to the skin around. The sheet has, in a
row for men and one for women: the mean photo, the mean surrogate, their difference (white where
surrogates are lighter), and how much surrogates differ from each other, of what people do (mid-grey
where as much). Printed are profiles along the brow, from the nose to the temple, across the eye,
from the outer corner to the inner one, and across the bridge of the nose. What the averages differ
in gives every surrogate away.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from deid_desktop.core import mesh
from deid_desktop.core.analyse import Landmarker
from deid_desktop.core.geometry import LUMA, blur, weighted_blur
from deid_desktop.core.imaging import find_photos, photo_from_pixels, read_photo
from deid_desktop.core.people import own_seed
from deid_desktop.core.pipeline import Pipeline
from deid_desktop.core.regions import regions
from deid_desktop.core.types import Array, Pixels, Request

SIZE = 512
_FRONTAL = 15.0
"""Degrees of yaw up to which both sides of a face are seen alike."""
_AROUND = 13.0
"""Texels over which the skin around is averaged."""
_PROFILES = (("brow", 55, 46, 28.0), ("eye", 33, 133, 4.0), ("bridge", 198, 420, 8.0))
"""What is printed: from which vertex to which, and how far beside that in texels."""
_FRAME = (slice(60, 500), slice(60, 452))


def darkness(pixels: Pixels, vertices: Array) -> Array:
    """Return how much darker than the skin around a face is (SIZE, SIZE), in texture space."""
    texture = mesh.unwrap(pixels, vertices, SIZE).astype(np.float32)
    skin, _ = weighted_blur(texture, regions(SIZE).skin + 1e-4, _AROUND)
    return 1 - (texture @ LUMA) / np.maximum(skin @ LUMA, 8)


def pairs(folder: Path, faces: int) -> Iterator[tuple[bool, Array, Array]]:
    """Yield whether a face is a man's, and the darkness of photo and surrogate."""
    pipeline, landmarker = Pipeline("cpu"), Landmarker()
    photos = find_photos([folder])
    for number, path in enumerate(photos[:: max(1, len(photos) // faces)]):
        photo = read_photo(path)
        found = pipeline.detect(photo)
        if not found:
            continue
        face = max(found, key=lambda one: one.box[3])
        analysis = pipeline.analyse(photo, face)
        if abs(analysis.pose[0]) > _FRONTAL:
            continue
        result = pipeline.redact(photo, face, Request(seed=own_seed(0, number)))
        if result.layer is None or result.identity is None:
            continue
        pixels = pipeline.render(photo, [result])
        again = pipeline.mark(photo_from_pixels(pixels, path.name), face.box, face_id=face.id)
        yield (
            analysis.gender > 0,
            darkness(photo.pixels, landmarker.settled(photo.pixels, face.points)),
            darkness(pixels, landmarker.settled(pixels, again.points)),
        )


def sheet_row(photos: Sequence[Array], surrogates: Sequence[Array]) -> Array:
    """Return both means, their difference and the ratio of their spreads (h, 4 w), 0…255."""
    means = [np.mean(maps, axis=0) for maps in (photos, surrogates)]
    # Robust: glasses and hair are in a few.
    spreads = [
        blur(1.48 * np.median(np.abs(maps - np.median(maps, axis=0)), axis=0), 2.0)
        for maps in (np.stack(photos), np.stack(surrogates))
    ]
    row = [
        200 - 300 * means[0],
        200 - 300 * means[1],
        128 - 600 * (means[1] - means[0]),
        128 * spreads[1] / (spreads[0] + 0.005),
    ]
    return np.clip(np.hstack([part[_FRAME] for part in row]), 0, 255).astype(np.float32)


def profile(
    mean: Array, start: int, stop: int, steps: Sequence[float], reach: float
) -> list[float]:
    """Return the mean darkness within ``reach`` texels beside the way between two vertices."""
    first, last = (mesh.UV[vertex] * SIZE - 0.5 for vertex in (start, stop))
    way = last - first
    length = float(np.linalg.norm(way))
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    along = ((x - first[0]) * way[0] + (y - first[1]) * way[1]) / length**2
    beside = np.abs((x - first[0]) * way[1] - (y - first[1]) * way[0]) / length
    return [float(mean[(np.abs(along - at) < 0.04) & (beside < reach)].mean()) for at in steps]


def main() -> None:
    """Write the sheet and print the profiles."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--faces", type=int, default=90)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    rows = []
    found = list(pairs(options.folder, options.faces))
    for label, male in (("men", True), ("women", False)):
        chosen = [(photo, surrogate) for man, photo, surrogate in found if man is male]
        if not chosen:
            continue
        photos, surrogates = zip(*chosen, strict=True)
        rows.append(sheet_row(photos, surrogates))
        print(f"{len(chosen)} {label}")
        for name, start, stop, reach in _PROFILES:
            steps = [round(0.1 * step, 1) for step in range(11)]
            for kind, maps in (("photos", photos), ("surrogates", surrogates)):
                values = profile(np.mean(maps, axis=0), start, stop, steps, reach)
                print(f"  {name}, {kind}: " + " ".join(f"{value:5.2f}" for value in values))
    cv2.imwrite(str(options.out), np.vstack(rows).astype(np.uint8))


if __name__ == "__main__":
    main()
