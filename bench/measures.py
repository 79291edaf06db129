"""The measurements of ``python -m bench``; each prints one line of JSON and ends."""

from __future__ import annotations

import functools
import json
import math
import os
import resource as limits
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from deid_desktop.core.types import Array, Face, Method, Photo, Pixels, Request
from deid_desktop.resources import resource

Figures = dict[str, Any]


def best(work: Callable[[], object], times: int = 3) -> float:
    """Return the seconds of the quickest of some runs."""
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def peak() -> float:
    """Return the peak memory of this process, in MB."""
    used = limits.getrusage(limits.RUSAGE_SELF).ru_maxrss
    return used / (1e6 if sys.platform == "darwin" else 1e3)


def made_photo(megapixels: float, faces: int, *, people: int = 1) -> Photo:
    """Return a photo of this size with so many faces in it, 300 px high, of ``people`` in turn.

    How long a search takes hangs on who it is: one person compares, several are like a real photo.
    """
    width = round(math.sqrt(megapixels * 1.5e6))
    height = round(width / 1.5)
    crew = cv2.cvtColor(cv2.imread(str(resource("samples", "crew.jpg"))), cv2.COLOR_BGR2RGB)
    # Lights and colours of a photo, and nobody in it: shrunk until no face is left.
    ground = cv2.resize(cv2.resize(crew, (12, 8), interpolation=cv2.INTER_AREA), (width, height))
    dice = np.random.default_rng(0)
    noise = dice.integers(0, 9, (256, 256), np.uint8)
    tiled = np.tile(noise, (-(-height // 256), -(-width // 256)))[:height, :width]
    # Eight bits all the way, so that the peak of memory is not the making of the photo.
    canvas = np.asarray(cv2.subtract(cv2.add(ground, cv2.merge([tiled] * 3)), (4, 4, 4, 0)))
    columns = max(1, math.ceil(math.sqrt(faces * 1.5)))
    rows = max(1, math.ceil(faces / columns))
    side = min(600, width // columns - 8, height // rows - 8)
    persons = [
        cv2.resize(person, (side, side), interpolation=cv2.INTER_AREA)
        for person in _persons()[:people]
    ]
    for number in range(faces):
        x = (width // columns) * (number % columns) + 4
        y = (height // rows) * (number // columns) + 4
        canvas[y : y + side, x : x + side] = persons[number % people]
    return Photo("made.jpg", canvas, key=f"made {megapixels} {faces} {people}")


@functools.cache
def _persons() -> list[Pixels]:
    """Return square cuts of all who are in the shipped samples, twice as large as their faces."""
    from deid_desktop.core.detect import Detector

    cuts = []
    for name in ("portrait.jpg", "crew.jpg"):
        pixels = cv2.cvtColor(cv2.imread(str(resource("samples", name))), cv2.COLOR_BGR2RGB)
        for face in Detector().detect(pixels):
            x, y, width, height = face.box
            half = max(width, height)
            top, left = max(0, round(y + height / 2 - half)), max(0, round(x + width / 2 - half))
            cuts.append(pixels[top : top + round(2 * half), left : left + round(2 * half)])
    return cuts


class Stages:
    """Adds up the time that the stages of the pipeline take while it works."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    def watch(self, owner: type, method: str, name: str) -> None:
        """Time every call of a method from now on."""
        real = getattr(owner, method)

        @functools.wraps(real)
        def timed(*arguments: Any, **named: Any) -> Any:
            start = time.perf_counter()
            try:
                return real(*arguments, **named)
            finally:
                self.seconds[name] += time.perf_counter() - start

        setattr(owner, method, timed)


def start(options: Figures) -> Figures:
    """From the command to the window on the screen, to the models in memory; import times."""
    program = """
import sys, time
begun = float(sys.argv[1])
from PySide6.QtCore import QTimer
import deid_desktop.app as app
class Window(app.MainWindow):
    def showEvent(self, event):
        super().showEvent(event)
        QTimer.singleShot(0, lambda: print("window", time.time() - begun, flush=True))
app.MainWindow = Window
real = app.make_pipeline
def make(*arguments):
    pipeline = real(*arguments)
    pipeline.warm()
    print("models", time.time() - begun, flush=True)
    QTimer.singleShot(0, app.QApplication.instance(), app.QApplication.quit)
    return pipeline
app.make_pipeline = make
app.run([__import__("pathlib").Path(sys.argv[2])])
"""
    found: dict[str, list[float]] = {"window": [], "models": []}
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "HOME": home, "XDG_CONFIG_HOME": home, "XDG_DATA_HOME": home}
        sample = str(resource("samples", "portrait.jpg"))
        for _ in range(4):
            done = subprocess.run(
                [sys.executable, "-c", program, str(time.time()), sample],
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            )
            for line in done.stdout.splitlines():
                name, seconds = line.split()
                found[name].append(float(seconds))
    figures: Figures = {
        "window visible s (target 1.0)": min(found["window"]),
        "models ready s (target 4)": min(found["models"]),
    }
    for module in ("deid_desktop.cli", "deid_desktop.app", "deid_desktop.core.pipeline"):
        command = [sys.executable, "-c", f"import {module}"]
        figures[f"import {module} s"] = best(
            lambda command=command: subprocess.run(command, check=True)
        )
    bare = [sys.executable, "-c", "pass"]
    figures["reference: python that does nothing s"] = best(lambda: subprocess.run(bare))
    return figures


def _watched() -> Stages:
    from deid_desktop.core.detect import Detector
    from deid_desktop.core.pipeline.searching import Search
    from deid_desktop.core.pipeline.studio import Studio

    stages = Stages()
    for owner, method, name in (
        (Detector, "detect", "detect"),
        (Studio, "analyse", "analyse"),
        (Studio, "_generate", "generate"),
        (Search, "find", "search"),
        (Studio, "_compose", "compose"),
        (Studio, "judge", "verify"),
    ):
        stages.watch(owner, method, name)
    return stages


def stages(options: Figures) -> Figures:
    """The stages of the flow, a photo and a face; ``search`` holds generate and compose within."""
    from deid_desktop.core.pipeline import Pipeline

    pipeline = Pipeline("cpu")
    pipeline.warm()
    request = Request()
    pipeline.redact_photo(made_photo(1, 1), request)
    watched = _watched()
    figures: Figures = {}
    for faces in (1, 10):
        watched.seconds.clear()
        begun = time.perf_counter()
        done = pipeline.redact_photo(made_photo(6, faces), request, on_failure="solid")
        total = time.perf_counter() - begun
        figures[f"6 MP, {faces} made: faces found"] = len(done.faces)
        for name, seconds in watched.seconds.items():
            share = seconds if name == "detect" else seconds / max(1, len(done.faces))
            figures[f"6 MP, {faces}: {name} s a {'photo' if name == 'detect' else 'face'}"] = share
        figures[f"6 MP, {faces}: all s"] = total
    return figures


def face(options: Figures) -> Figures:
    """One face of 300 px: processor and wall-clock milliseconds of its parts, the medians."""
    from deid_desktop.core import attributes, generate
    from deid_desktop.core import compose as composing
    from deid_desktop.core.pipeline import Pipeline

    pipeline, original = Pipeline("cpu"), made_photo(2, 1)
    (found,) = pipeline.detect(original)[:1]
    request = Request()
    first = pipeline.redact(original, found, request)
    assert first.identity is not None and first.identity.look is not None
    look = first.identity.look
    attribute = attributes.Attribute(look.gender, look.age)
    generator = generate.Generator()
    drawn = [generator.draw_identity(attribute, k=5, seed=seed) for seed in range(32)]
    figures: Figures = {"face height px": found.box[3]}

    def time_(name: str, work: Callable[[int], object]) -> None:
        figures[f"{name}: ms"], figures[f"{name}: cpu ms"] = _medians(work)

    for size in (generate.TINY, generate.SMALL, generate.LARGE):
        time_(
            f"generate one at {size} texels",
            lambda _, size=size: generator.generate(drawn[:1], [attribute], size=size),
        )
    for size in (generate.TINY, generate.SMALL):
        time_(
            f"generate 32 at {size} texels",
            lambda _, size=size: generator.generate(drawn, [attribute] * 32, size=size),
        )
    analysis = pipeline.analyse(original, found)
    shapes = composing.ShapeModel(generator.tensors("shape."))
    glasses = composing.GlassesModel(generator.tensors("glasses."))
    occlusion = composing.OcclusionModel()
    for name, size, work in (
        ("full quality", generate.LARGE, (380.0, 1100.0)),
        ("preview", generate.SMALL, (120.0, 200.0)),
    ):
        scene = composing.prepare(
            original.pixels, analysis, shapes=shapes, glasses=glasses, occlusion=occlusion,
            size=size, work=work,
        )  # fmt: skip
        (surrogate,) = generator.generate(drawn[:1], [attribute], size=size)
        time_(
            f"compose, {name}",
            lambda seed, scene=scene, surrogate=surrogate: composing.compose(
                scene, surrogate, shape_strength=2.5, seed=seed
            ),
        )
    time_(
        "generate, compose, verify a known identity",
        lambda _: pipeline.redact(original, found, request, identity=first.identity),
    )
    time_(
        "another face: search, compose, verify",
        lambda seed: pipeline.redact(original, found, replace(request, seed=seed)),
    )
    time_(
        "a new face: analyse, search, compose, verify",
        lambda number: pipeline.redact(replace(original, key=f"new {number}"), found, request),
    )
    return figures


def _medians(work: Callable[[int], object], times: int = 7) -> tuple[float, float]:
    """Return median milliseconds by the clock and of the processor."""
    work(0)
    walls, spent = [], []
    for number in range(1, times + 1):
        cpu, begun = time.process_time(), time.perf_counter()
        work(number)
        walls.append(1000 * (time.perf_counter() - begun))
        spent.append(1000 * (time.process_time() - cpu))
    return statistics.median(walls), statistics.median(spent)


def photo(options: Figures) -> Figures:
    """Detection to verified export of large photos, beside the references; each in its process."""
    figures: Figures = {}
    cost: dict[tuple[float, int], float] = {}
    for megapixels, faces in ((6, 1), (6, 10), (24, 1), (24, 10), (24, 60), (100, 10)):
        wanted = json.dumps({**options, "megapixels": megapixels, "faces": faces})
        command = [sys.executable, "-m", "bench.measures", "one photo", wanted]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found = json.loads(done.stdout.splitlines()[-1])
        cost[megapixels, faces] = found["cpu s"]
        figures |= {f"{megapixels} MP, {faces} faces: {key}": value for key, value in found.items()}
    figures["exponent of cpu with faces (24 MP, 1 to 60)"] = exponent(
        [1, 10, 60], [cost[24, faces] for faces in (1, 10, 60)]
    )
    figures["exponent of cpu with pixels (10 faces, 6 to 100 MP)"] = exponent(
        [6, 24, 100], [cost[size, 10] for size in (6, 24, 100)]
    )
    return figures


def one_photo(options: Figures) -> Figures:
    """One photo of so many ``megapixels`` and ``faces``, models loaded, with its own peak."""
    from deid_desktop.core.export import write_photo
    from deid_desktop.core.pipeline import Pipeline

    pipeline = Pipeline("cpu")
    pipeline.redact_photo(made_photo(1, 1), Request())
    original = made_photo(options["megapixels"], options["faces"], people=4)
    with tempfile.TemporaryDirectory() as folder:
        cpu, begun = time.process_time(), time.perf_counter()
        done = pipeline.redact_photo(original, Request(), on_failure="solid")
        target = Path(folder) / "redacted.jpg"
        write_photo(done.pixels, target, faces=done.faces, results=done.results, sources=())
        figures: Figures = {
            "s": time.perf_counter() - begun,
            "cpu s": time.process_time() - cpu,
            "peak memory MB": peak(),
            "faces found": len(done.faces),
            "sketches": sum(result.attempts for result in done.results),
            "blur of the same boxes s": best(lambda: _blurred(original.pixels, done.faces)),
            "copy of the pixels s": best(original.pixels.copy),
        }
        figures |= _deface(options["deface"], original, Path(folder))
    for unit in ("s", "cpu s"):
        if (theirs := figures.get(f"deface {unit}")) is not None:
            figures[f"{unit}, of deface's"] = figures[unit] / theirs
    return figures


def _blurred(pixels: Pixels, faces: Sequence[Face]) -> Pixels:
    """Blur the boxes, the least that any tool must do."""
    copy = pixels.copy()
    for face in faces:
        left, top, width, height = (max(0, round(value)) for value in face.box)
        part = copy[top : top + height, left : left + width]
        if part.size:
            part[:] = cv2.GaussianBlur(part, (0, 0), width / 8)
    return copy


def _deface(program: str, original: Photo, folder: Path) -> Figures:
    """Time the baseline on the same photo, its start included, as a person runs it."""
    if not program:
        return {}
    source, target = folder / "source.jpg", folder / "deface.jpg"
    cv2.imwrite(str(source), cv2.cvtColor(original.pixels, cv2.COLOR_RGB2BGR))
    cpu, begun = _children(), time.perf_counter()
    done = subprocess.run([program, source, "-o", target], capture_output=True, check=False)
    if done.returncode or not target.exists():
        return {"deface": f"failed ({done.returncode})"}
    return {
        "deface s": time.perf_counter() - begun,
        "deface cpu s": _children() - cpu,
        "deface peak memory MB": limits.getrusage(limits.RUSAGE_CHILDREN).ru_maxrss / 1e3,
    }


def _children() -> float:
    used = limits.getrusage(limits.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return b of cost = a · size^b, by least squares on logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def folder(options: Figures) -> Figures:
    """A folder of photos with several processes, as ``redact --jobs`` does it."""
    count, jobs = options["photos"], options["jobs"]
    figures: Figures = {}
    with tempfile.TemporaryDirectory() as place:
        source = Path(place) / "in"
        source.mkdir()
        for number in range(count):
            pixels = made_photo(2, 1 + number % 4).pixels
            path = source / f"{number:05}.jpg"
            cv2.imwrite(str(path), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
        report = Path(place) / "report.json"
        command = [sys.executable, "-m", "deid_desktop", "redact", source, "--out", f"{place}/out"]
        command += ["--on-failure", "solid", "--jobs", str(jobs), "--report", report]
        cpu, begun = _children(), time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds, spent = time.perf_counter() - begun, _children() - cpu
        photos = json.loads(report.read_text())["photos"]
        faces = sum(len(photo["faces"]) for photo in photos)
    figures[f"{count} photos of 2 MP, --jobs {jobs}: s"] = seconds
    figures["photos a second"] = count / seconds
    figures["faces a second"] = faces / seconds
    figures["cpu s a photo"] = spent / count
    figures["cpu s a face"] = spent / faces
    return figures


def slider(options: Figures) -> Figures:
    """From a slider's move to the painted preview, for a face of 300 px (``bench.latency``)."""
    command = [sys.executable, "-m", "bench.latency"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    figures = {line[:34].strip(): line[34:].strip() for line in lines if " median " in line}
    figures["release to verified result"] = lines[-1].rpartition(": ")[2]
    return figures


def masks(options: Figures) -> Figures:
    """The same 24-megapixel photo with solid masks: what detection, decision and export cost."""
    from deid_desktop.core.pipeline import Pipeline

    pipeline = Pipeline("cpu")
    original = made_photo(24, 10)
    request = Request(method=Method.SOLID)
    pipeline.redact_photo(made_photo(1, 1), request)
    times: list[float] = []
    pixels: Array = original.pixels
    for _ in range(3):
        begun = time.perf_counter()
        pipeline.redact_photo(original, request)
        times.append(time.perf_counter() - begun)
    return {
        "24 MP, 10 faces, solid: median s": statistics.median(times),
        "peak memory MB": peak(),
        "photo itself MB": pixels.nbytes / 1e6,
    }


MEASURES: dict[str, Callable[[Figures], Figures]] = {
    "start": start,
    "stages": stages,
    "face": face,
    "photo": photo,
    "masks": masks,
    "folder": folder,
    "slider": slider,
}


if __name__ == "__main__":
    print(json.dumps((MEASURES | {"one photo": one_photo})[sys.argv[1]](json.loads(sys.argv[2]))))
