"""Measures whether the window stays smooth and small: stalls at 20 faces, memory of 100 photos.

    python -m bench.workbench [stalls|gestures|memory] [--photos 100] [--faces 20]

Photos of 24 megapixels are put together from the shipped portrait. ``stalls`` opens one with 20
faces, lets all be found and replaced, and meanwhile zooms, pans, selects faces and drags a slider
as a person would; a stall is how late a timer of one millisecond is called. Beside it stands how
much of that the window's thread computed itself, which other work on the machine does not change;
for the rest it waited for a processor or for Python's lock. ``gestures`` prints that own time for
what a person does with 20 faces under solid masks, so that no model runs. ``memory`` opens many
photos with one face each, waits until all are finished, and compares the memory of the process
(resident, its most and in the end) with that before: of the window alone, and, for the limit, at
rest with its models loaded and no photo open. Exit status 1: a limit is missed.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QT_API", "pyside6")

import cv2
import numpy as np
from PIL import Image
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QApplication

from bench.latency import Stalls, wait
from deid_desktop.core.pipeline import Pipeline
from deid_desktop.core.types import Face, Method, Photo, Request, ShouldStop, never
from deid_desktop.gui.main_window import MainWindow
from deid_desktop.gui.theme import Theme
from deid_desktop.resources import resource
from deid_desktop.session.document import Document
from deid_desktop.session.jobs import Redactor
from deid_desktop.session.model import face_from_box
from deid_desktop.session.render import Renderer
from deid_desktop.session.settings import Settings
from deid_desktop.session.worker import make_pipeline

WIDTH, HEIGHT = 6000, 4000
P99, MOST = 16.0, 100.0
"""Limits of stalls in milliseconds."""
MEMORY = 1536.0
"""Limit of memory above that at rest, in megabytes."""


def crowd(faces: int, path: Path, *, number: int = 0) -> Path:
    """Write a photo of 24 megapixels with so many faces; ``number`` makes it unlike the others."""
    portrait = np.asarray(Image.open(resource("samples", "portrait.jpg")).convert("RGB"))
    noise = np.random.default_rng(number).integers(90, 120, (HEIGHT // 8, WIDTH // 8, 3), np.uint8)
    photo = cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    columns = max(1, round((faces * 1.5) ** 0.5))
    rows = -(-faces // columns)
    for index in range(faces):
        room = min(WIDTH // columns, HEIGHT // rows)
        side = int(room * (0.7 + 0.3 * ((index * 7 + number) % 10) / 10))
        height = int(side * min(1.0, portrait.shape[0] / portrait.shape[1]))
        tile = cv2.resize(portrait, (side, height), interpolation=cv2.INTER_AREA)
        left, top = (index % columns) * (WIDTH // columns), (index // columns) * (HEIGHT // rows)
        photo[top : top + height, left : left + side] = tile
    Image.fromarray(photo).save(path, quality=92)
    return path


def resident() -> float:
    """Return the memory of this process in megabytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


class Known(Pipeline):
    """The pipeline, told where the faces of a crowd are."""

    def __init__(self, faces: int) -> None:
        super().__init__("cpu")
        self._faces = faces

    def detect(self, photo: Photo, *, should_stop: ShouldStop = never) -> tuple[Face, ...]:
        """Return faces in rows of five."""
        spots = [(200.0 + 1100 * (n % 5), 200.0 + 900 * (n // 5)) for n in range(self._faces)]
        return tuple(face_from_box((*spot, 420.0, 520.0), n) for n, spot in enumerate(spots))


class OwnStalls(Stalls):
    """Stalls, and the processor time of the window's own thread between two ticks, both in ms."""

    def __init__(self) -> None:
        super().__init__()
        self.own: list[float] = []
        self._spent = time.thread_time()

    def _tick(self) -> None:
        spent = time.thread_time()
        self.own.append(1000 * (spent - self._spent))
        self._spent = spent
        super()._tick()

    def take_both(self) -> tuple[list[float], list[float]]:
        """Return stalls and own time since the last call."""
        own, self.own = self.own, []
        return self.take(), own


class Bench:
    """The real window with the real pipeline."""

    def __init__(self, folder: Path, factory: Callable[[], Redactor] = make_pipeline) -> None:
        self.folder = folder
        self.application = QApplication([])
        self.application.setStyle("Fusion")
        self.document = Document()
        self.renderer = Renderer(self.document, factory)
        settings = Settings(folder / "window.ini")
        self.window = MainWindow(self.document, self.renderer, Theme("dark"), settings)
        self.window.resize(1440, 900)
        self.window.show()

    def finish(self) -> None:
        """Close the window."""
        self.document.undo_stack.setClean()  # else it asks what becomes of the work
        self.window.close()

    def stalls(self, faces: int) -> bool:
        """Print the stalls of each phase; return whether the limits are kept."""
        photo = crowd(faces, self.folder / "crowd.jpg")
        stalls, good = OwnStalls(), True
        self.window.open_paths([photo])
        wait(self.application, lambda: bool(self.document.current))
        wait(
            self.application,
            lambda: bool(self.document.current and self.document.current.present()),
        )
        good &= tell("opening and finding faces", *stalls.take_both())
        wait(self.application, lambda: self.renderer.view is not None)
        hands, pause = self.hands(), [0.0]

        def done() -> bool:
            if time.perf_counter() > pause[0]:
                next(hands)
                pause[0] = time.perf_counter() + 0.05
            return not self.renderer.busy

        stalls.take_both()
        wait(self.application, done, seconds=3600)
        good &= tell("making surrogates, zooming, panning", *stalls.take_both())
        present = self.document.current.present() if self.document.current else ()
        print(f"{len(present)} faces found")
        good &= self.drag(stalls)
        return good

    def hands(self) -> Iterator[None]:
        """Do, step by step, what a person does while waiting."""
        compare, spot = self.window.compare, QPoint(200, 150)
        while True:
            for _ in range(12):
                compare.front.zoom_by(1.25, spot)
                yield
            for step in range(20):
                compare.front.look_at(compare.front.centre + QPoint(8, step), compare.front.zoom)
                yield
            self.document.step_face(1)
            yield
            compare.go_to_selected()
            yield
            compare.fit()
            yield

    def drag(self, stalls: OwnStalls) -> bool:
        """Drag a slider of the selected face and let it go."""
        slider = self.window.attributes.rows["Age"].slider
        stalls.take_both()
        slider.setSliderDown(True)
        for move in range(20):
            slider.setValue(10 + (move * 7) % 50)
            end = time.perf_counter() + 0.2
            wait(self.application, lambda end=end: time.perf_counter() > end)
        slider.setSliderDown(False)
        wait(self.application, lambda: not self.renderer.busy)
        return tell("dragging a slider", *stalls.take_both())

    def gestures(self, faces: int) -> None:
        """Print the processor time that each gesture takes the window's thread."""
        document, compare = self.document, self.window.compare
        document.standard = Request(method=Method.SOLID)
        self.window.open_paths([crowd(faces, self.folder / "crowd.jpg")])
        wait(self.application, lambda: bool(document.current and document.current.present()))
        wait(self.application, lambda: not self.renderer.busy)
        slider = self.window.attributes.rows["Age"].slider
        entry = document.current
        assert entry is not None
        subject = entry.present()[-1]
        result = subject.result
        assert result is not None
        spot = QPoint(200, 150)
        self.own("zooming", lambda n: compare.front.zoom_by(1.25 if n % 20 < 10 else 0.8, spot))
        compare.fit()
        self.own("going to the next face", lambda _: document.step_face(1))
        self.own("dragging a slider", lambda n: slider.setValue(10 + (n * 7) % 50))
        wait(self.application, lambda: not self.renderer.busy)
        self.own("taking a result", lambda _: document.accept_result(entry, subject.place, result))

    def own(self, name: str, gesture: Callable[[int], object]) -> None:
        """Do it 60 times and print what the window's thread computed for it."""
        spent = []
        for number in range(60):
            self.application.processEvents()
            start = time.thread_time()
            gesture(number)
            self.application.processEvents()
            spent.append(1000 * (time.thread_time() - start))
        ordered = sorted(spent)
        print(f"{name:<28} own median {ordered[30]:5.1f} ms  max {ordered[-1]:5.1f} ms", flush=True)

    def memory(self, photos: int, faces: int) -> bool:
        """Print the memory that open photos take; return whether the limit is kept."""
        folder = self.folder / "photos"
        folder.mkdir()
        for number in range(photos):
            crowd(faces, folder / f"{number:03d}.jpg", number=number)
        alone = resident()
        self.window.open_paths([resource("samples", "portrait.jpg")])
        wait(self.application, lambda: bool(self.document.current) and not self.renderer.busy)
        self.document.undo_stack.setClean()
        self.document.replace_all([], approval_needed=False)
        wait(self.application, lambda: not self.renderer.busy)
        idle, most, start = resident(), 0.0, time.perf_counter()
        self.window.open_paths([folder])
        wait(self.application, lambda: len(self.document.entries) == photos)
        said = 0

        def done() -> bool:
            nonlocal most, said
            most = max(most, resident())
            finished = sum(1 for e in self.document.entries if e.subjects and not e.unfinished())
            if finished >= said + 10:
                said = finished
                print(f"  {finished} photos: {resident() - idle:.0f} MB above idle", flush=True)
            return not self.renderer.busy

        wait(self.application, done, seconds=7200)
        spent = time.perf_counter() - start
        print(
            f"{photos} photos of 24 megapixels in {spent:.0f} s: window alone {alone:.0f} MB, "
            f"at rest with models {idle:.0f} MB, at most {most - idle:.0f} MB above that, "
            f"{resident() - idle:.0f} MB in the end"
        )
        return most - idle <= MEMORY


def tell(name: str, stalls: list[float], own: list[float]) -> bool:
    """Print percentiles of stalls; return whether the limits are kept."""
    (p99, most), (own_p99, own_most) = (_tail(values) for values in (stalls, own))
    good = p99 <= P99 and most <= MOST
    print(
        f"{name:<36} {len(stalls):6d} ticks  p99 {p99:6.1f} ms  max {most:6.1f} ms  "
        f"{'kept' if good else 'MISSED'}; own p99 {own_p99:5.1f} ms  max {own_most:5.1f} ms",
        flush=True,
    )
    return good


def _tail(values: list[float]) -> tuple[float, float]:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))], ordered[-1]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("stalls", "gestures", "memory"))
    parser.add_argument("--photos", type=int, default=100)
    parser.add_argument("--faces", type=int, default=0, help="0: 20 for stalls, 1 for memory")
    options = parser.parse_args()
    faces = options.faces or 20
    with tempfile.TemporaryDirectory() as folder:
        known = partial(Known, faces) if options.what == "gestures" else make_pipeline
        bench, good = Bench(Path(folder), known), True
        if options.what == "stalls":
            good = bench.stalls(faces)
        elif options.what == "gestures":
            bench.gestures(faces)
        else:
            good = bench.memory(options.photos, options.faces or 1)
        bench.finish()
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
