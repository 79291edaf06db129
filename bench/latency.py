"""Measures the window: from a slider's move until the preview is painted, and event-loop stalls.

    python -m bench.latency [PHOTO] [--moves 40] [--face-size 300]

Runs in one process without a screen. The photo (the shipped portrait unless another is given) is
scaled until its largest face has the size asked for. Figures are milliseconds and, to compare
machines, ratios to a fixed piece of work done beside it: blurring a picture of 4 megapixels.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QT_API", "pyside6")

import cv2
import numpy as np
from PIL import Image
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from deid_desktop.core.detect import Detector
from deid_desktop.core.imaging import read_photo
from deid_desktop.core.types import State
from deid_desktop.gui.main_window import MainWindow
from deid_desktop.gui.theme import Theme
from deid_desktop.resources import resource
from deid_desktop.session.document import Document
from deid_desktop.session.render import Renderer
from deid_desktop.session.settings import Settings


def reference() -> float:
    """Return the milliseconds of the fixed work, the best of five."""
    pixels = np.random.default_rng(0).integers(0, 255, (2000, 2000, 3), np.uint8)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        cv2.GaussianBlur(pixels, (0, 0), 5)
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def scaled_copy(photo: Path, folder: Path, face_size: float) -> Path:
    """Write the photo scaled so that its largest face is ``face_size`` pixels high."""
    pixels = read_photo(photo).pixels
    largest = max(face.box[3] for face in Detector().detect(pixels))
    scale = face_size / largest
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    target = folder / "photo.png"
    Image.fromarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=how)).save(target)
    return target


class Stalls:
    """Notes how late a timer of one millisecond is called: how long the window did not react."""

    def __init__(self) -> None:
        self.late: list[float] = []
        self._last = time.perf_counter()
        self._timer = QTimer()
        self._timer.setInterval(1)
        self._timer.timeout.connect(self._tick)
        self._timer.start()

    def _tick(self) -> None:
        now = time.perf_counter()
        self.late.append(1000 * (now - self._last) - 1)
        self._last = now

    def rest(self) -> None:
        """Stop: the timer itself keeps the worker's thread from Python's lock."""
        self._timer.stop()

    def begin(self) -> None:
        """Go on, from now."""
        self._last = time.perf_counter()
        self._timer.start()

    def take(self) -> list[float]:
        """Return what was noted since the last call."""
        noted, self.late = self.late, []
        return noted


def wait(application: QApplication, done: Callable[[], bool], seconds: float = 240) -> None:
    """Run the event loop until ``done``, asleep between events as the program's own is."""
    end = time.perf_counter() + seconds
    pulse = QTimer()
    pulse.start(10)
    while not done():
        if time.perf_counter() > end:
            raise SystemExit("the window did not come to rest")
        application.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)


def describe(name: str, values: list[float], fixed: float) -> None:
    """Print median, 95th and 99th percentile and the maximum."""
    ordered = sorted(values)
    median = statistics.median(ordered)
    p95, p99 = (ordered[min(len(ordered) - 1, int(q * len(ordered)))] for q in (0.95, 0.99))
    print(
        f"{name:<34} median {median:7.1f} ms  p95 {p95:7.1f}  p99 {p99:7.1f}  "
        f"max {ordered[-1]:7.1f}  ratio {median / fixed:6.2f} (p95 {p95 / fixed:.2f})"
    )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", nargs="?", type=Path, default=resource("samples", "portrait.jpg"))
    parser.add_argument("--moves", type=int, default=40)
    parser.add_argument("--face-size", type=float, default=300, help="pixels; 0 keeps the photo")
    options = parser.parse_args()
    cv2.setNumThreads(2)
    application = QApplication([])
    application.setStyle("Fusion")
    with tempfile.TemporaryDirectory() as folder:
        photo = options.photo
        if options.face_size:
            photo = scaled_copy(photo, Path(folder), options.face_size)
        document = Document()
        renderer = Renderer(document)
        settings = Settings(Path(folder) / "window.ini")
        window = MainWindow(document, renderer, Theme("dark"), settings)
        window.resize(1440, 900)
        window.show()
        try:
            measure(application, window, document, renderer, photo, options.moves)
        finally:
            document.undo_stack.setClean()  # else it asks what becomes of the work
            window.close()


def measure(
    application: QApplication,
    window: MainWindow,
    document: Document,
    renderer: Renderer,
    photo: Path,
    moves: int,
) -> None:
    """Open the photo, move the age slider, print the figures."""
    fixed = reference()
    stalls = Stalls()
    start = time.perf_counter()
    window.open_paths([photo])
    wait(application, lambda: document.current is not None and not renderer.busy)
    opening = time.perf_counter() - start
    assert document.current is not None
    faces = document.current.present()
    verified = [subject for subject in faces if subject.state is State.VERIFIED]
    if not verified:
        raise SystemExit("no face of this photo was verified; choose another photo")
    largest = max(verified, key=lambda subject: subject.face.box[3])
    document.select(largest.face.id)
    wait(application, lambda: not renderer.busy)
    assert document.current.photo is not None
    height, width = document.current.photo.pixels.shape[:2]
    size = largest.face.box[3]
    print(f"photo {width} x {height}, {len(faces)} faces, the one edited {size:.0f} px high")
    print(f"reference work {fixed:.1f} ms; opened and finished in {opening:.1f} s")
    describe("event-loop stalls while opening", stalls.take(), fixed)
    stalls.rest()
    slider = window.attributes.rows["Age"].slider
    slider.setSliderDown(True)

    def drag() -> tuple[list[float], list[float]]:
        """Move the slider so many times; return milliseconds by the clock and of the processor."""
        times, spent = [], []
        for move in range(moves):
            start, work = time.perf_counter(), time.process_time()
            slider.setValue(10 + (move * 7) % 50)
            wanted = largest.request

            def shown(wanted: object = wanted) -> bool:
                view = renderer.view
                painted = view.painted.get(largest.face.id) if view else None
                newest = (
                    largest.previewed == wanted or (largest.place[0], wanted) in largest.results
                )
                return newest and painted is largest.shown

            wait(application, shown)
            window.compare.result.viewport().repaint()
            times.append(1000 * (time.perf_counter() - start))
            spent.append(1000 * (time.process_time() - work))
        return times[3:], spent[3:]

    times, spent = drag()
    describe("slider move to preview shown", times, fixed)
    describe("processor time of a move", spent, fixed)
    stalls.begin()
    drag()
    describe("event-loop stalls while dragging", stalls.take(), fixed)
    start = time.perf_counter()
    slider.setSliderDown(False)
    wait(application, lambda: not renderer.busy)
    print(f"release to verified result: {1000 * (time.perf_counter() - start):.0f} ms")


if __name__ == "__main__":
    main()
