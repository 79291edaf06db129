"""Kills an export at every step, fills the disk at every step, and looks at what is left.

    python bench/faults.py [--photos 26] [--full 50]

A forked process exports photos and dies (as by kill -9, half of a write done) before the first,
second, third … call that changes the disk. Then every output must be whole and equal to that of an
undisturbed export, or absent; nothing else may be there but one hidden leftover, which the next
export removes. For a full disk the kernel cuts the files short (RLIMIT_FSIZE). The exit status is
1 when anything was lost or half-written.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from deid_desktop.core import files
from deid_desktop.core.export import ExportError, write_photo

CALLS = ("open", "write", "fsync", "link", "replace", "unlink", "close")
Photos = list[tuple[str, np.ndarray]]
SUFFIXES = ("png", "jpg", "tif", "webp")


def photos(count: int) -> Photos:
    """Return names and noise, which no format can make small."""
    noise = np.random.default_rng(0)
    return [
        (f"{n:02}.{SUFFIXES[n % len(SUFFIXES)]}", noise.integers(0, 255, (120, 160, 3), np.uint8))
        for n in range(count)
    ]


def export(folder: Path, items: Photos) -> None:
    """Export what is not there yet."""
    for name, pixels in items:
        if not (folder / name).exists():
            write_photo(pixels, folder / name, faces=[], results=[], sources=[])


def die_at(point: int) -> None:
    """Let this process die before its ``point``-th call, or half-way through a write."""
    count = [0]

    def wrap(name: str) -> None:
        real = getattr(os, name)

        def call(*arguments: object, **options: object) -> object:
            count[0] += 1
            if count[0] == point:
                if name == "write":
                    real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)

        setattr(os, name, call)

    for name in CALLS:
        wrap(name)


def in_child(work: Callable[[], None]) -> int:
    """Run ``work`` in a fork; return how it ended, 0 for well."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except ExportError:
            os._exit(3)
        except BaseException:
            os._exit(4)
        os._exit(0)
    return os.waitpid(child, 0)[1]


def faults_of(folder: Path, expected: dict[str, bytes]) -> list[str]:
    """Return what is wrong in a folder after a fault; leftovers of ours are not."""
    found = []
    hidden = [path for path in folder.iterdir() if files._LEFTOVER.fullmatch(path.name)]
    if len(hidden) > 1:
        found.append(f"{len(hidden)} leftovers")
    for path in folder.iterdir():
        if path in hidden:
            continue
        if path.read_bytes() != expected.get(path.name):
            found.append(f"{path.name} is not whole")
    return found


def heal(folder: Path, items: Photos) -> list[str]:
    """Export into the folder again; return what is wrong then. An empty leftover takes seconds."""
    export(folder, items)
    files.sweep(folder)
    stayed = [path for path in folder.iterdir() if path.name.endswith(".part")]
    return ["a leftover stayed"] if any(path.stat().st_size for path in stayed) else []


def kill_points(root: Path, items: Photos, expected: dict[str, bytes], step: int) -> int:
    """Kill the export at every ``step``-th call; return at how many something was wrong."""
    bad = kills = point = 0
    status: int = signal.SIGKILL
    while status == signal.SIGKILL:
        point += step
        folder = root / "killed"
        folder.mkdir()

        def killed(folder: Path = folder, point: int = point) -> None:
            die_at(point)
            export(folder, items)

        status = in_child(killed)
        kills += status == signal.SIGKILL
        wrong = faults_of(folder, expected)
        # Exporting all the rest takes long; one more photo starts the same tidying.
        wrong += heal(folder, items if kills % 50 == 0 else items[:1])
        wrong += faults_of(folder, expected)
        bad += report(f"killed at call {point}", wrong)
        shutil.rmtree(folder)
    print(f"{kills} kill points: {bad} with anything lost or half-written")
    return bad


def full_points(root: Path, items: Photos, expected: dict[str, bytes], count: int) -> int:
    """Let the disk be full at ``count`` sizes; return at how many something was wrong."""
    bad = 0
    largest = max(map(len, expected.values()))
    for number in range(count):
        folder = root / "full"
        folder.mkdir()
        size = 1 + number * (largest - 1) // count

        def cut(folder: Path = folder, size: int = size) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
            export(folder, items)

        status = in_child(cut)
        wrong = faults_of(folder, expected)
        if status not in (0, 3 << 8):
            wrong.append(f"ended with status {status} instead of a sentence")
        if any(path.name.endswith(".part") for path in folder.iterdir()):
            wrong.append("a hidden file stayed")
        bad += report(f"disk full at {size} bytes", wrong)
        shutil.rmtree(folder)
    print(f"{count} disk-full points: {bad} with anything lost or half-written")
    return bad


def report(where: str, wrong: list[str]) -> bool:
    """Print what is wrong and tell whether anything is."""
    for words in wrong:
        print(f"{where}: {words}")
    return bool(wrong)


def main() -> int:
    """Run all points and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=26)
    parser.add_argument("--full", type=int, default=50, help="points at which the disk is full")
    parser.add_argument("--step", type=int, default=1, help="take every n-th call only")
    options = parser.parse_args()
    files._CHUNK = 4096  # many small writes, so that many fail
    items = photos(options.photos)
    with tempfile.TemporaryDirectory(prefix="faults-") as place:
        root = Path(place)
        (root / "whole").mkdir()
        export(root / "whole", items)
        expected = {path.name: path.read_bytes() for path in (root / "whole").iterdir()}
        start = time.monotonic()
        bad = kill_points(root, items, expected, options.step)
        bad += full_points(root, items, expected, options.full)
        print(f"{time.monotonic() - start:.0f} s")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
