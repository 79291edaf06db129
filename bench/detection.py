"""Measures how many faces the detector finds, how many boxes are false and how long it takes.

No annotated set of faces may be shipped, so the truth is made: people whose face is large and
certain are cut out with their surroundings, shrunk, turned, masked, darkened, blurred or made
noisy, and laid on photos without faces; group photos are shrunk as a whole. Times are ratios to
one pass of YuNet over the same photo at its native size.

    python -m bench.detection [--shared ../shared] [--people 60] [--face-free FOLDER] [table …]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from deid_desktop.core.detect import Detector
from deid_desktop.core.proposals import YuNet, resize, transform
from deid_desktop.core.types import Array, Pixels

SINGLE_PASS = 0.6
"""Threshold of the plain YuNet that everything is compared with."""
CERTAIN = 0.85
"""Score from which a large face serves as truth."""
CANVAS = 1280, 960
MARGIN = 2.6
"""Side of a cut-out person in heights of the face."""
FACE_FREE = (
    "hostile/immich/formats_jpeg_el_torcal_rocks.jpeg",
    "hostile/immich/formats_png_density_plot.png",
    "hostile/immich/metadata_gps-position_empty_gps.jpg",
    "hostile/exif_orientation/Portrait_1.jpg",
    "hostile/pillow/exif-72dpi-int.jpg",
    "hostile/pillow/exif_gps_typeerror.jpg",
    "hostile/pillow/iptc.jpg",
)
SIZES = (8, 10, 12, 16, 20, 24, 32, 48, 64, 128)


@dataclass(frozen=True, eq=False)
class Person:
    """A square cut-out: the row (15,) of its face in its own pixels."""

    pixels: Pixels
    row: Array

    @property
    def height(self) -> float:
        """Height of the face in pixels."""
        return float(self.row[3])


Change = Callable[[Person, np.random.Generator], Person]


def read(path: Path) -> Pixels:
    """Read a picture as RGB."""
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if pixels is None:
        raise SystemExit(f"{path.name}: cannot be read")
    return np.asarray(pixels, np.uint8)


def certain_faces(network: YuNet, pixels: Pixels) -> Array:
    """Return rows (n, 15) of the faces that are large and certain."""
    scale = min(1.0, 640 / max(pixels.shape[:2]))
    small = resize(pixels, (round(pixels.shape[1] * scale), round(pixels.shape[0] * scale)))
    rows = network(small, threshold=CERTAIN)
    return transform(rows, np.array([[1 / scale, 0, 0], [0, 1 / scale, 0]]))


def people(network: YuNet, shared: Path, count: int) -> list[Person]:
    """Cut ``count`` people out of the portraits, taken evenly from all sources."""
    sources = [
        sorted((shared / "photos/portraits").glob("*.jpg")),
        sorted((shared / "data/donors").glob("*neutral*.jpg")),
        sorted((shared / "data/portraits_astronauts").glob("*.jpg")),
        sorted((shared / "data/portraits").glob("*.jpg")),
    ]
    found: list[Person] = []
    for paths in sources:
        for path in paths[:: max(1, len(paths) * len(sources) // count)]:
            pixels = read(path)
            rows = certain_faces(network, pixels)
            if len(rows) == 1 and rows[0, 3] >= 80:
                found.append(cut_out(pixels, rows))
    return found


def cut_out(pixels: Pixels, rows: Array) -> Person:
    """Cut the only face out, the border repeated where the photo ends."""
    side = round(float(rows[0, 3]) * MARGIN)
    left, top = np.round(rows[0, :2] + rows[0, 2:4] / 2 - side / 2).astype(int)
    matrix = np.array([[1.0, 0.0, -left], [0.0, 1.0, -top]])
    cut = cv2.warpAffine(pixels, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
    return Person(np.asarray(cut, np.uint8), transform(rows, matrix)[0])


def turned(degrees: float) -> Change:
    """Turn the person clockwise or counter-clockwise."""

    def change(person: Person, dice: np.random.Generator) -> Person:
        side = person.pixels.shape[0]
        angle = degrees * dice.choice([-1, 1])
        matrix = cv2.getRotationMatrix2D((side / 2, side / 2), angle, 1.0)
        pixels = cv2.warpAffine(person.pixels, matrix, (side, side), borderMode=cv2.BORDER_REFLECT)
        return Person(np.asarray(pixels, np.uint8), transform(person.row[None], matrix)[0])

    return change


def masked(person: Person, dice: np.random.Generator) -> Person:
    """Paint a surgical mask over nose, mouth and chin."""
    points = person.row[4:14].reshape(5, 2)
    eyes, mouth = points[:2].mean(0), points[3:].mean(0)
    across, down = (points[1] - points[0]) / 2, mouth - eyes
    outline = [(0, 0.38), (0.8, 0.55), (1.55, 0.5), (1.35, 1.2), (0.8, 1.65), (0, 1.85)]
    outline += [(-x, y) for x, y in reversed(outline[1:-1])]
    polygon = np.array([eyes + x * across + y * down for x, y in outline])
    colour = np.array([(150, 190, 215), (235, 238, 240), (40, 42, 46)][dice.integers(3)], float)
    light = cv2.GaussianBlur(person.pixels, (0, 0), person.height / 8).mean(2, keepdims=True) / 160
    covered = np.zeros(person.pixels.shape[:2], np.uint8)
    cv2.fillPoly(covered, [np.round(polygon * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    paint = np.clip(colour * light, 0, 255)
    for fold in (0.8, 1.1, 1.4):
        ends = [np.round(eyes + x * across + fold * down).astype(int) for x in (-1.2, 1.2)]
        cv2.line(paint, ends[0].tolist(), ends[1].tolist(), (colour * 0.7).tolist(), 2)
    weight = covered[..., None] / 255
    pixels = person.pixels * (1 - weight) + paint * weight
    return Person(pixels.astype(np.uint8), person.row)


def dark(person: Person, dice: np.random.Generator) -> Person:
    """Leave an eighth of the light, and the noise of a night photo."""
    pixels = person.pixels / 8 + dice.normal(0, 3, person.pixels.shape)
    return Person(np.clip(pixels, 0, 255).astype(np.uint8), person.row)


def grey(person: Person, _dice: np.random.Generator) -> Person:
    """Take the colours away."""
    pixels = np.repeat(person.pixels.mean(2, keepdims=True), 3, axis=2)
    return Person(pixels.astype(np.uint8), person.row)


def same(person: Person, _dice: np.random.Generator) -> Person:
    """Change nothing."""
    return person


def finish_none(canvas: Pixels, _dice: np.random.Generator) -> Pixels:
    """Leave the picture as it is."""
    return canvas


def finish_jpeg(canvas: Pixels, _dice: np.random.Generator) -> Pixels:
    """Compress hard."""
    data = cv2.imencode(".jpg", canvas, [cv2.IMWRITE_JPEG_QUALITY, 40])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def finish_blur(canvas: Pixels, _dice: np.random.Generator) -> Pixels:
    """Blur by 1.5 px."""
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), 1.5), np.uint8)


def finish_noise(canvas: Pixels, dice: np.random.Generator) -> Pixels:
    """Add noise of 12 grey levels."""
    return np.clip(canvas + dice.normal(0, 12, canvas.shape), 0, 255).astype(np.uint8)


def canvases(
    persons: list[Person], grounds: list[Pixels], size: int, change: Change, finish: Change
) -> Iterator[tuple[Pixels, Array]]:
    """Yield pictures with people whose faces are ``size`` px high, and their rows (n, 15)."""
    dice = np.random.default_rng(size)
    cell = round(max(size * MARGIN * 1.2, 160))
    columns, lines = CANVAS[0] // cell, CANVAS[1] // cell
    per_canvas = min(columns * lines, 12)
    for start in range(0, len(persons), per_canvas):
        ground = grounds[(start // per_canvas) % len(grounds)]
        canvas = resize(ground, CANVAS).copy()
        places = dice.permutation(columns * lines)
        rows = []
        for place, person in zip(places, persons[start : start + per_canvas], strict=False):
            shown = change(person, dice)
            side = max(4, round(shown.pixels.shape[0] * size / person.height))
            scale = side / shown.pixels.shape[0]
            left = int(place % columns) * cell + int(dice.integers(cell - side))
            top = int(place // columns) * cell + int(dice.integers(cell - side))
            canvas[top : top + side, left : left + side] = resize(shown.pixels, (side, side))
            shift = (scale - 1) / 2
            move = np.array([[scale, 0, left + shift], [0, scale, top + shift]])
            rows.append(transform(shown.row[None], move)[0])
        yield finish(canvas, dice), np.array(rows)


def hits(boxes: Array, truth: Array) -> Array:
    """Return which pairs show one face: shape (boxes, truth), bool."""
    centres, true_centres = boxes[:, :2] + boxes[:, 2:4] / 2, truth[:, :2] + truth[:, 2:4] / 2
    reach = np.maximum(truth[:, 2:4].max(1), 1)
    near = np.linalg.norm(centres[:, None] - true_centres[None], axis=2) < 0.4 * reach
    ratio = boxes[:, 2:4].max(1)[:, None] / reach[None]
    return np.asarray(near & (ratio > 0.5) & (ratio < 2))


def boxes_of(detector: Detector, pixels: Pixels) -> Array:
    """Return the boxes (n, 4) that the detector finds."""
    boxes = [face.box for face in detector.detect(pixels)]
    return np.array(boxes, np.float32).reshape(-1, 4)


@dataclass
class Count:
    """Faces, those the detector found, those one pass found, and false boxes."""

    faces: int = 0
    found: int = 0
    single: int = 0
    false: int = 0

    def add(self, detector: Detector, network: YuNet, pixels: Pixels, truth: Array) -> None:
        """Measure one picture."""
        match = hits(boxes_of(detector, pixels), truth)
        alone = hits(network(pixels, threshold=SINGLE_PASS), truth)
        self.faces += len(truth)
        self.found += int(match.any(0).sum())
        self.single += int(alone.any(0).sum())
        self.false += int((~match.any(1)).sum())

    def __str__(self) -> str:
        recall, single = 100 * self.found / self.faces, 100 * self.single / self.faces
        return f"{self.faces:6d} {recall:8.1f} {single:11.1f} {self.false:6d}"


HEADER = f"{'faces':>6} {'recall %':>8} {'one pass %':>11} {'false':>6}"


class Bench:
    """The tables; each method prints one."""

    def __init__(self, shared: Path, count: int, face_free: Path | None) -> None:
        self.detector, self.network = Detector(), YuNet()
        self.shared = shared
        self.persons = people(self.network, shared, count)
        paths = [shared / "photos" / name for name in FACE_FREE]
        self.grounds = [read(path) for path in paths]
        self.free = paths + (sorted(p for p in face_free.iterdir()) if face_free else [])

    def _rows(self, title: str, cases: Iterable[tuple[str, int, Change, Change]]) -> None:
        print(f"\n{title}\n{'':18}{HEADER}")
        for name, size, change, finish in cases:
            count = Count()
            for pixels, truth in canvases(self.persons, self.grounds, size, change, finish):
                count.add(self.detector, self.network, pixels, truth)
            print(f"{name:12}{size:4d} px{count}", flush=True)

    def sizes(self) -> None:
        """Print recall by size of the face."""
        self._rows("By size", [("upright", size, same, finish_none) for size in SIZES])

    def masks(self) -> None:
        """Print recall of faces with surgical masks."""
        self._rows("With a mask", [("mask", size, masked, finish_none) for size in SIZES])

    def angles(self) -> None:
        """Print recall of tilted heads."""
        tilts = (15, 30, 45, 60, 75, 90, 135, 180)
        cases = [(f"{a}°", s, turned(a), finish_none) for a in tilts for s in (12, 24, 64)]
        self._rows("By angle", cases)

    def conditions(self) -> None:
        """Print recall in poor light and quality."""
        cases = [("dark", dark, finish_none), ("grey", grey, finish_none)]
        cases += [("blur", same, finish_blur), ("noise", same, finish_noise)]
        cases += [("jpeg", same, finish_jpeg)]
        self._rows("By condition", [(n, s, c, f) for n, c, f in cases for s in (12, 24, 48)])

    def groups(self) -> None:
        """Print recall on group photos, shrunk until the middle face has a given size."""
        print(f"\nGroup photos, shrunk\n{'':18}{HEADER}")
        for size in (8, 12, 16, 24, 32, 48):
            count = Count()
            for path in sorted((self.shared / "photos/groups").iterdir()):
                pixels = read(path)
                truth = self.network(pixels, threshold=CERTAIN)
                truth = truth[truth[:, 3] >= 48]
                if not len(truth) or (scale := size / float(np.median(truth[:, 3]))) > 1:
                    continue
                shape = (
                    max(16, round(pixels.shape[1] * scale)),
                    max(16, round(pixels.shape[0] * scale)),
                )
                shrunk = transform(truth, np.array([[scale, 0, 0], [0, scale, 0]]))
                count.add(self.detector, self.network, resize(pixels, shape), shrunk)
            print(f"{'middle face':12}{size:4d} px{count}  (false: also uncertain faces)")

    def false(self) -> None:
        """Print false boxes on photos without faces."""
        print("\nPhotos without faces: false boxes")
        total = 0
        for path in self.free:
            faces = self.detector.detect(read(path))
            total += len(faces)
            if faces:
                print(f"  {path.name}: {[(round(f.box[3]), round(f.score, 2)) for f in faces]}")
        print(f"{total} on {len(self.free)} photos")

    def times(self) -> None:
        """Print times as ratios to one pass of YuNet at native size."""
        print("\nTime\n  megapixels   one pass s   detect / one pass   detect s   near ms")
        group = read(self.shared / "photos/groups/18f_team.jpg")
        for width in (800, 1600, 3264, 5656):
            pixels = resize(group, (width, width * 3 // 4))
            single = _best(lambda p=pixels: self.network(p, threshold=SINGLE_PASS))
            full = _best(lambda p=pixels: self.detector.detect(p))
            box = self.detector.detect(pixels)[0].box
            near = _best(lambda p=pixels, b=box: self.detector.detect_near(p, b))
            print(
                f"  {width * width * 0.75e-6:10.1f}{single:13.3f}{full / single:20.1f}"
                f"{full:11.2f}{near * 1e3:10.1f}"
            )


def _best(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


TABLES = ("sizes", "masks", "angles", "conditions", "groups", "false", "times")


def main() -> None:
    """Print the tables that were asked for, all by default."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("tables", nargs="*", choices=[*TABLES, []], help="default: all")
    default = Path(__file__).resolve().parents[2] / "shared"
    parser.add_argument("--shared", type=Path, default=default)
    parser.add_argument("--people", type=int, default=60)
    parser.add_argument("--face-free", type=Path, help="a folder of more photos without faces")
    arguments = parser.parse_args()
    cv2.setNumThreads(2)
    bench = Bench(arguments.shared, arguments.people, arguments.face_free)
    for table in arguments.tables or TABLES:
        getattr(bench, table)()


if __name__ == "__main__":
    main()
