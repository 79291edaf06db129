"""Measures how well what lies in front of a face is seen, where the truth is known.

    python -m bench.occlusion PHOTO-OR-FOLDER... [--faces N] [--sheets DIR] [--seed N]

Things are pasted over the largest face of each photo, in the picture, before anything is measured,
so that landmarks suffer from them as they would. Compared are the colour rules alone, as they were
asked before, the network alone, and both, as the composer asks them. Overlap (intersection over
union) counts texels that the photo shows and that belong to the replaced region; what a method says
of the photo without the thing already (a fringe of its own) counts neither for nor against it. The
things' shapes are drawn as those the network learned from, their stuff and the faces are not, which
flatters it. ``--sheets`` draws the answers over the photos as they are, to be judged by eye: red
front, green beard, blue lenses.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np

from deid_desktop.core import mesh
from deid_desktop.core.analyse import Landmarker
from deid_desktop.core.compose.colour_rule import by_colour
from deid_desktop.core.compose.glasses import dark_lenses
from deid_desktop.core.compose.in_front import in_front
from deid_desktop.core.compose.occlusion import OcclusionModel
from deid_desktop.core.detect import Detector
from deid_desktop.core.geometry import warp_crop
from deid_desktop.core.imaging import find_photos, read_photo
from deid_desktop.core.regions import regions
from deid_desktop.core.types import Array, Face, Pixels
from deid_desktop.training.occluders import (
    SIDE,
    Patches,
    cloth,
    fingers,
    hair,
    microphone,
    sunglasses,
    surgical,
    thing,
)

SIZE = 256
THINGS = {
    "hair": hair, "hat, scarf, hood": cloth, "surgical mask": surgical, "hand": fingers,
    "microphone": microphone, "other thing": thing, "sunglasses": sunglasses,
}  # fmt: skip
_CROP = 480
"""Side of the crop in which things are pasted, in pixels; the face fills two thirds."""


class Bench:
    """Detector, landmarks and both methods."""

    def __init__(self) -> None:
        self.detector, self.landmarker = Detector(), Landmarker()
        self.model = OcclusionModel()

    def crop(self, pixels: Pixels) -> tuple[Pixels, Face] | None:
        """Return an upright crop (480, 480, 3) around the largest face, and the face in it."""
        faces = [f for f in self.detector.detect(pixels) if f.score > 0.8 and f.box[3] >= 60]
        if not faces:
            return None
        face = max(faces, key=lambda f: f.box[3])
        scale = _CROP / (1.5 * face.box[3])
        matrix = np.array([[scale, 0, 0], [0, scale, 0]])
        middle = [face.box[0] + face.box[2] / 2, face.box[1] + face.box[3] / 2]
        matrix[:, 2] = _CROP / 2 - scale * np.array(middle)
        there = self.detector.detect_near(warp_crop(pixels, matrix, _CROP), (80, 80, 320, 320))
        return None if there is None else (warp_crop(pixels, matrix, _CROP), there)

    def look(self, crop: Pixels, face: Face) -> tuple[Array, dict[str, Array], Array]:
        """Return the landmarks, what each method says (s, s, 3), and what is shown (s, s)."""
        vertices = self.landmarker.mesh(crop, face.points)
        texture, seen = mesh.unwrap(crop, vertices, SIZE), mesh.visibility(vertices, SIZE)
        rule, net = by_colour(texture, seen), self.model.look(texture, seen)
        front, beard, dark = in_front(texture, seen, net, woman=False)
        lenses = dark_lenses(texture)
        lenses = np.zeros_like(seen) if lenses is None else lenses
        return (
            vertices,
            {
                "colour rule": np.dstack([rule.front, rule.beard, lenses]),
                "network": np.dstack([net.front, net.beard, net.lenses]),
                "both": np.dstack([front, beard, np.zeros_like(seen) if dark is None else dark]),
            },
            regions(SIZE).blend * seen,
        )


def overlap(said: Array, before: Array, truth: Array, counts: Array) -> float:
    """Return intersection over union of ``said`` and ``truth`` (s, s), without ``before``."""
    zone = counts > 0.4
    claimed = (said > 0.5) & zone & ~((before > 0.5) & (truth < 0.5))
    there = (truth > 0.5) & zone
    return float((claimed & there).sum() / max((claimed | there).sum(), 1))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--faces", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sheets", type=Path)
    options = parser.parse_args()
    bench, dice = Bench(), np.random.default_rng(options.seed)
    crops = [bench.crop(read_photo(path).pixels) for path in find_photos(options.photos)]
    subjects = [crop for crop in crops if crop is not None][: options.faces]
    patches = _patches([crop for crop, _ in subjects])
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    bare: dict[str, list[float]] = defaultdict(list)
    drawings: list[Pixels] = []
    for crop, face in subjects:
        vertices, before, shown = bench.look(crop, face)
        for method, said in before.items():
            bare[method].append(float((said[..., 0] * shown).sum() / shown.sum()))
        drawings.append(_overlay(crop, vertices, before))
        for name, paint in THINGS.items():
            colour, over = _in_picture(*paint(dice, patches), vertices)
            pasted = (crop + over[..., None] * (colour - crop)).astype(np.uint8)
            moved, after, counts = bench.look(pasted, face)
            truth = mesh.unwrap(over, moved, SIZE)
            if (truth * counts > 0.5).sum() < 200:
                continue
            channel = 2 if name == "sunglasses" else 0
            for method, said in after.items():
                known = before[method][..., channel]
                found[name, method].append(overlap(said[..., channel], known, truth, counts))
    print(f"{len(subjects)} faces; overlap, mean (median)")
    for name in THINGS:
        line = [
            f"{method} {np.mean(values):.2f} ({np.median(values):.2f})"
            for method in bare
            if (values := found[name, method])
        ]
        print(f"  {name:<18} " + "   ".join(line) + f"   n {len(found[name, 'network'])}")
    for method, values in bare.items():
        print(f"  said to be hidden without a thing, {method}: {100 * np.mean(values):.1f} %")
    if options.sheets:
        _write(drawings, options.sheets)


def _patches(crops: list[Pixels]) -> Patches:
    """Return stuff of the photos' own corners, which hold backgrounds, clothes and hair."""
    corners = [crop[y : y + 64, x : x + 64] for crop in crops for y, x in ((8, 8), (8, 408))]
    clothes = [crop[408:472, x : x + 64] for crop in crops for x in (8, 408)]
    skins = [np.median(crop[260:300, 200:280].reshape(-1, 3), axis=0) for crop in crops]
    tops = [crop[20:84, 208:272] for crop in crops]
    return Patches(tops, clothes, corners, np.stack(skins))


def _in_picture(colour: Array, over: Array, vertices: Array) -> tuple[Array, Array]:
    """Lay what was painted in texture space onto the picture's square around the face."""
    flat = vertices[[33, 263, 152, 10], :2].astype(np.float32)
    there = (mesh.UV[[33, 263, 152, 10]] * SIDE).astype(np.float32)
    matrix, _ = cv2.estimateAffine2D(there, flat)
    size = (_CROP, _CROP)
    laid = cv2.warpAffine(colour, matrix, size, borderMode=cv2.BORDER_REFLECT)
    return laid, cv2.warpAffine(over, matrix, size, borderMode=cv2.BORDER_REPLICATE)


def _overlay(crop: Pixels, vertices: Array, said: dict[str, Array]) -> Pixels:
    """Return the photo and, beside it, each method's answer drawn over it."""
    uv, covered = mesh.rasterise(vertices, crop.shape[:2])
    at = uv * SIZE - 0.5
    cells = [crop]
    for maps in said.values():
        shown = cv2.remap(maps * regions(SIZE).blend[..., None], at, None, cv2.INTER_LINEAR)
        shown = shown * covered[..., None]
        tint = np.eye(3) * 255
        drawn = crop * (1 - 0.6 * shown.max(2, keepdims=True)) + 0.6 * shown @ tint
        cells.append(np.clip(drawn, 0, 255).astype(np.uint8))
    return np.hstack([cv2.resize(c, (256, 256), interpolation=cv2.INTER_AREA) for c in cells])


def _write(drawings: list[Pixels], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(drawings), 10):
        part = drawings[start : start + 10]
        part += [np.zeros_like(part[0])] * (-len(part) % 2)
        rows = [np.hstack(part[i : i + 2]) for i in range(0, len(part), 2)]
        path = folder / f"occlusion_{start // 10:02d}.png"
        cv2.imwrite(str(path), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    main()
