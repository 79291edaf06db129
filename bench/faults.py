"""Kills an export at every step, fills the disk, pulls the stick out, and looks at what is left.

    python -m bench.faults [--photos 26] [--full 50] [--vanish 50]

A forked process exports photos and dies (as by kill -9, half of a write done) before the first,
second, third … call that changes the disk. Then every output must be whole and equal to that of an
undisturbed export, or absent; nothing else may be there but one hidden leftover, which the next
export removes. For a full disk the kernel cuts the files short (RLIMIT_FSIZE). A stick is an ext4
in a file: the kernel shuts it down before a call, so that all calls fail and nothing that was not
waited for is on it; then it is put in again. That needs root and a loop device. The exit status is
1 when anything was lost or half-written.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import resource
import shutil
import signal
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
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

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    happens_at(point, die)


def happens_at(point: int, what: Callable[[], object]) -> None:
    """Let something happen before the ``point``-th call, or half-way through a write."""
    count = [0]

    def wrap(name: str) -> None:
        real = getattr(os, name)

        def call(*arguments: object, **options: object) -> object:
            count[0] += 1
            if count[0] == point:
                if name == "write":
                    real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                what()
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


SHUTDOWN = 0x8004587D
"""EXT4_IOC_SHUTDOWN; its argument 2 leaves the journal as it is."""


@contextlib.contextmanager
def stick(image: Path, place: Path) -> Iterator[Path]:
    """Put a stick in: the file system of ``image``, seen at ``place``."""
    subprocess.run(["mount", "-o", "loop", image, place], check=True, capture_output=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def vanish_points(root: Path, items: Photos, expected: dict[str, bytes], count: int) -> int:
    """Pull the stick out at ``count`` calls; return at how many something was wrong."""
    image, place = root / "stick.img", root / "stick"
    place.mkdir()
    bad = 0
    for point in range(1, count + 1):
        with image.open("wb") as file:
            file.truncate(16 << 20)
        try:
            subprocess.run(["mkfs.ext4", "-q", image], check=True, capture_output=True)
            with stick(image, place):
                status = in_child(lambda point=point: export_and_vanish(place, items, 5 * point))
            with stick(image, place):  # the journal is played back
                shutil.rmtree(place / "lost+found")
                wrong = faults_of(place, expected) + heal(place, items[:1])
                wrong += faults_of(place, expected)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"sticks are skipped: they need root, mkfs.ext4 and a loop device ({error})")
            return bad
        if status not in (0, 3 << 8):
            wrong.append(f"ended with status {status} instead of a sentence")
        bad += report(f"stick gone at call {5 * point}", wrong)
    print(f"{count} points at which the stick vanished: {bad} with anything lost or half-written")
    return bad


def export_and_vanish(place: Path, items: Photos, point: int) -> None:
    """Export until the stick at ``place`` is gone, which is before the ``point``-th call."""
    handle = os.open(place, os.O_RDONLY)
    happens_at(point, lambda: fcntl.ioctl(handle, SHUTDOWN, struct.pack("I", 2)))
    export(place, items)


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
    parser.add_argument("--vanish", type=int, default=50, help="points at which a stick vanishes")
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
        bad += vanish_points(root, items, expected, options.vanish)
        print(f"{time.monotonic() - start:.0f} s")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
