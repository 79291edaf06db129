"""Opens every file of a folder of broken, odd and malicious pictures, each in a process of its own.

    python bench/hostile.py [FOLDER] [--seconds 10] [--megabytes 2048] [--list]

Prints how many files were opened, how many refused with one sentence, and every file that did
anything else: crashed, ran over time or memory, or was refused in more or less than a sentence.
The exit status is 1 when there is one.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from deid_desktop.core.imaging import ImageError, decode

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "photos" / "hostile"


def open_one(path: Path) -> None:
    """Open one file and print what happened: the part that runs in the child."""
    try:
        photo = decode(path).photo
        height, width = photo.pixels.shape[:2]
        print(f"opened\n{width} × {height}")
    except ImageError as error:
        print(f"refused\n{error}")
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


def judge(path: Path, *, seconds: float, megabytes: int) -> tuple[str, str, float, int]:
    """Return outcome, sentence, seconds and peak megabytes of one file."""
    start = time.monotonic()
    try:
        child = subprocess.run(
            [sys.executable, __file__, "--one", str(path)],
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "hung", f"no answer within {seconds:.0f} s", seconds, 0
    taken = time.monotonic() - start
    if child.returncode != 0:
        return "crashed", f"exit status {child.returncode}", taken, 0
    outcome, *sentence, peak = child.stdout.splitlines()
    if int(peak) > megabytes:
        return "too much memory", f"{peak} MB", taken, int(peak)
    whole = len(sentence) == 1 and sentence[0].startswith(path.name + ": ")
    if outcome == "refused" and not (whole and "; " in sentence[0]):
        return "no clear sentence", " / ".join(sentence), taken, int(peak)
    return outcome, sentence[0], taken, int(peak)


def main() -> int:
    """Judge all files and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--megabytes", type=int, default=2048)
    parser.add_argument("--list", action="store_true", help="print every file, not only the bad")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        open_one(options.one)
        return 0
    counts: Counter[str] = Counter()
    slowest, largest = 0.0, 0
    for path in sorted(file for file in options.folder.rglob("*") if file.is_file()):
        outcome, sentence, taken, peak = judge(
            path, seconds=options.seconds, megabytes=options.megabytes
        )
        counts[outcome] += 1
        slowest, largest = max(slowest, taken), max(largest, peak)
        if options.list or outcome not in ("opened", "refused"):
            print(f"{outcome}: {path.name}: {sentence} ({taken:.1f} s, {peak} MB)")
    print(f"{counts.total()} files: {', '.join(f'{n} {what}' for what, n in counts.items())}")
    print(f"slowest {slowest:.1f} s with the start of Python, largest {largest} MB")
    return 0 if set(counts) <= {"opened", "refused"} else 1


if __name__ == "__main__":
    raise SystemExit(main())
