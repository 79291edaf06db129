"""Lists every place of a photo that might show a face: the first half of the detection stage.

One YuNet network is run over the photo at many scales, in overlapping tiles, with a
threshold so low that hardly a face escapes, not even a tilted one; ``detect`` then looks at each
proposal again and decides. YuNet: Wu, Peng, Yu, "YuNet: A Tiny Millisecond-level Face
Detector", Machine Intelligence Research 2023; it is trained for faces of 10 to 300 px.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from deid_desktop.core.geometry import warp_crop
from deid_desktop.core.networks import open_network
from deid_desktop.core.types import Array, Cancelled, Pixels, ShouldStop

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Matrix = NDArray[np.float64]
"""A similarity of the plane, (2, 3)."""

TILE = 640
"""Largest side of what the network sees at once, in its own pixels: little enough for a cache."""
OVERLAP = 96
"""Overlap of neighbouring tiles: faces up to this size lie in one of them as a whole, larger ones
in a coarser pass."""
FLAT = 1.5
"""Standard deviation in grey levels, over 16 px of the photo halved once, below which nothing is
drawn: clear sky, a plain wall. Where a tile is flat all over nobody looks."""

T = TypeVar("T")
R = TypeVar("R")


def in_threads(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Return ``work`` of each item, in order, from as many threads as OpenCV may use.

    A pass in one piece keeps two cores busy only two thirds of the time.
    """
    with ThreadPoolExecutor(max(1, cv2.getNumThreads())) as pool:
        return list(pool.map(work, items))


@dataclass(frozen=True)
class Pyramid:
    """A photo and its halves, ``levels[i]`` being 2⁻ⁱ as large: small crops are cut from small
    pictures.
    """

    levels: tuple[Pixels, ...]

    @classmethod
    def of(cls, pixels: Pixels, smallest: float = 64) -> Pyramid:
        """Halve a photo, (height, width, 3) uint8, while its shorter side stays this long."""
        levels = [pixels]
        while min(levels[-1].shape[:2]) >= 2 * smallest:
            height, width = levels[-1].shape[:2]
            levels.append(resize(levels[-1], (-(-width // 2), -(-height // 2))))
        return cls(tuple(levels))

    def to_photo(self, level: int) -> Matrix:
        """Return the matrix from a level to the photo."""
        height, width = self.levels[0].shape[:2]
        part_height, part_width = self.levels[level].shape[:2]
        return scaling(width / part_width, height / part_height)

    def level(self, scale: float) -> int:
        """Return the smallest level that still has all the detail that ``scale`` shows."""
        return min(max(0, int(-math.log2(scale) + 1e-6)), len(self.levels) - 1)

    def warp(self, matrix: Matrix, side: int) -> Pixels:
        """Cut a square crop of ``side`` px; ``matrix`` takes the photo to it, by a similarity."""
        # Twice as large as it must be: the crop is shrunk once more, and stays as sharp as ever.
        level = self.level(2 * float(np.hypot(matrix[0, 0], matrix[1, 0])))
        placed = self.to_photo(level)
        local = matrix[:, :2] @ placed
        local[:, 2] += matrix[:, 2]
        return warp_crop(self.levels[level], local, side)


class YuNet:
    """The detector network, loaded on first use; threads share it without waiting."""

    def __init__(self) -> None:
        self._session: InferenceSession | None = None
        self._lock = Lock()

    def load(self) -> InferenceSession:
        """Load the network, if that was not done yet.

        Raises:
            ModelError: the model file is missing or altered.
        """
        with self._lock:
            if self._session is None:
                self._session = open_network(
                    "face_detection_yunet_2023mar.onnx", free=(_FIXED, _FREE)
                )
            return self._session

    def __call__(self, pixels: Pixels, *, threshold: float) -> Array:
        """Return the faces of one picture as rows (n, 15), float32.

        A row holds left, top, width, height, five (x, y) points in the order of
        ``Face.points`` and the score, 0…1.

        Raises:
            ModelError: the model file is missing or altered.
        """
        session = self.load()
        height, width = pixels.shape[:2]
        most = _STRIDES[-1]
        whole = cv2.copyMakeBorder(pixels, 0, -height % most, 0, -width % most, cv2.BORDER_CONSTANT)
        blob = cv2.dnn.blobFromImage(whole, swapRB=True)
        answers = iter(session.run(_HEADS, {"input": blob}))
        found = []
        for stride in _STRIDES:
            head = [next(answers)[0] for _ in _KINDS]
            found.append(_decoded(head, stride, whole.shape[1] // stride, threshold))
        rows = np.concatenate(found)
        if not len(rows):
            return rows
        corners = rows[:, :4].astype(int).tolist()
        kept = cv2.dnn.NMSBoxes(corners, rows[:, 14].tolist(), threshold, _SAME)
        return rows[np.asarray(kept, int)]


_STRIDES, _KINDS = (8, 16, 32), ("cls", "obj", "bbox", "kps")
_HEADS = [f"{kind}_{stride}" for stride in _STRIDES for kind in _KINDS]
_SAME = 0.4
"""Overlap from which two answers of one run are the same face."""
_FIXED = b"\x0a\x03\x08\x80\x05\x0a\x03\x08\x80\x05"
_FREE = b"\x0a\x03\x12\x01h\x0a\x03\x12\x01w"
"""Height and width of the input in the model's file: 640 and 640, and two names in their place."""


def _decoded(head: list[Array], stride: int, columns: int, threshold: float) -> Array:
    """Return rows (n, 15) of what one head of the network sees; each cell answers for one face.

    Args:
        head: how sure it is of a face (cells, 1), and that one is centred here (cells, 1); its
            centre from the cell's corner and the logarithms of its size (cells, 4), its five
            points from there (cells, 10), all in cells.
        stride: pixels of a cell.
        columns: cells in a row.
        threshold: score from which a row is returned.
    """
    classes, objects, boxes, points = head
    scores = np.sqrt(np.clip(classes, 0, 1) * np.clip(objects, 0, 1))[:, 0]
    cells = np.flatnonzero(scores >= threshold)
    corners = np.stack([cells % columns, cells // columns], 1)
    centres = (boxes[cells, :2] + corners) * stride
    sizes = np.exp(boxes[cells, 2:]) * stride
    placed = (points[cells] + np.tile(corners, 5)) * stride
    rows = np.concatenate([centres - sizes / 2, sizes, placed, scores[cells, None]], axis=1)
    return rows.astype(np.float32)


def scaling(across: float, down: float) -> Matrix:
    """Return the matrix that scales a picture.

    Pixel centres lie at whole numbers, so a change of scale also shifts by a half.
    """
    return np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2]])


def transform(rows: Array, matrix: Matrix) -> Array:
    """Move rows (n, 15) by a similarity ``matrix`` (2, 3).

    The new box bounds the turned ellipse that the old box bounded, so that it neither grows
    nor shrinks with the angle as the bounding box of a turned box would.
    """
    linear, shift = matrix[:, :2], matrix[:, 2]
    moved = rows.copy()
    centre = (rows[:, :2] + rows[:, 2:4] / 2) @ linear.T + shift
    moved[:, 2:4] = np.sqrt(rows[:, 2:4] ** 2 @ (linear**2).T)
    moved[:, :2] = centre - moved[:, 2:4] / 2
    points = rows[:, 4:14].reshape(-1, 5, 2) @ linear.T + shift
    moved[:, 4:14] = points.reshape(-1, 10)
    return moved


def propose(
    network: YuNet,
    pyramid: Pyramid,
    scales: list[float],
    *,
    threshold: float,
    should_stop: ShouldStop,
) -> Array:
    """Run a pass per scale and return all rows (n, 15) in photo pixels, not yet merged.

    Raises:
        Cancelled: ``should_stop`` answered yes between two tiles.
    """
    drawn = _drawn(pyramid)

    def look(piece: tuple[float, tuple[int, int, int, int]]) -> Array:
        if should_stop():
            raise Cancelled
        scale, (left, top, right, bottom) = piece
        level = pyramid.level(scale)
        region = pyramid.levels[level][top:bottom, left:right]
        within = pyramid.to_photo(level)
        if not _anything(drawn, within, (left, top, right, bottom)):
            return np.zeros((0, 15), np.float32)
        scale *= 2**level
        size = _scaled(region.shape[1], scale), _scaled(region.shape[0], scale)
        rows = network(resize(region, size), threshold=threshold)
        placed = scaling(region.shape[1] / size[0], region.shape[0] / size[1])
        placed[:, 2] += [left, top]
        return transform(transform(rows, placed), within)

    pieces = []
    for scale in scales:
        level = pyramid.level(scale)
        height, width = pyramid.levels[level].shape[:2]
        pieces += [(scale, tile) for tile in _tiles(width, height, scale * 2**level)]
    # The large ones first, so that no thread is left alone with one at the end.
    return np.concatenate([np.zeros((0, 15), np.float32), *in_threads(look, pieces[::-1])])


def _drawn(pyramid: Pyramid) -> NDArray[np.uint8]:
    """Return where something is drawn, one value for 16 px of the photo, not 0 where there is."""
    half = pyramid.levels[min(1, len(pyramid.levels) - 1)]
    grey = cv2.cvtColor(half, cv2.COLOR_RGB2GRAY).astype(np.float32)
    size = (-(-pyramid.levels[0].shape[1] // 16), -(-pyramid.levels[0].shape[0] // 16))
    mean = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    square = cv2.resize(grey * grey, size, interpolation=cv2.INTER_AREA)
    return np.asarray(square - mean * mean > FLAT * FLAT, np.uint8)


def _anything(
    drawn: NDArray[np.uint8], within: Matrix, tile: tuple[int, int, int, int]
) -> np.bool_:
    """Tell whether anything is drawn in a tile (left, top, right, bottom) of a level."""
    left, top, right, bottom = (np.array(tile) * np.tile(np.diag(within), 2) / 16).astype(int)
    return drawn[top : bottom + 1, left : right + 1].any()


def resize(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Scale to ``size`` (width, height) without aliasing."""
    if size == (pixels.shape[1], pixels.shape[0]):
        return pixels
    shrinks = size[0] < pixels.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, size, interpolation=how), np.uint8)


def _scaled(length: int, scale: float) -> int:
    return max(1, round(length * scale))


def _tiles(width: int, height: int, scale: float) -> Iterator[tuple[int, int, int, int]]:
    """Yield left, top, right, bottom of overlapping tiles that cover the photo."""
    for top, bottom in _spans(height, scale):
        for left, right in _spans(width, scale):
            yield left, top, right, bottom


def _spans(length: int, scale: float) -> list[tuple[int, int]]:
    """Return start and end of the fewest equal tiles along one side."""
    most, overlap = TILE / scale, OVERLAP / scale
    count = max(1, math.ceil((length - overlap) / (most - overlap)))
    tile = min(length, math.ceil((length + (count - 1) * overlap) / count))
    starts = np.linspace(0, length - tile, count).round().astype(int)
    return [(int(start), int(start) + tile) for start in starts]
