"""Opens every file of a folder of broken, odd and malicious pictures, as the programs do.

    python -m bench.hostile [FOLDER] [--seconds 10] [--megabytes 2048] [--list]

Prints how many files were opened, how many refused with one sentence, and every file that did
anything else: broke the decoder, ran over time or memory, or was refused in more or less than a
sentence. The exit status is 1 when there is one.
"""

from __future__ import annotations

import argparse
import re
import time
from collections import Counter
from pathlib import Path

from deid_desktop.core.imaging import ImageError
from deid_desktop.core.sandbox import Limits, Reader

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "photos" / "hostile"
BROKEN = ("broke down", "took longer", "more memory")


def judge(reader: Reader, path: Path) -> tuple[str, str]:
    """Return outcome and sentence of one file."""
    try:
        photo = reader.decode(path).photo
    except ImageError as error:
        sentence = str(error)
    else:
        height, width = photo.pixels.shape[:2]
        return "opened", f"{width} × {height}{', 16 bit' if photo.deep is not None else ''}"
    for words in BROKEN:
        if words in sentence:
            return words, sentence
    clear = sentence.startswith(f"{path.name}: ") and "; " in sentence and "\n" not in sentence
    return "refused" if clear else "no clear sentence", sentence


def peak(reader: Reader) -> int:
    """Return the most memory the reading process held so far, in megabytes (Linux)."""
    status = Path(f"/proc/{reader._process.pid}/status") if reader._process else Path("/gone")
    found = re.search(r"VmHWM:\s+(\d+)", status.read_text()) if status.exists() else None
    return int(found.group(1)) // 1000 if found else 0


def main() -> int:
    """Judge all files and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--megabytes", type=int, default=2048)
    parser.add_argument("--list", action="store_true", help="print every file, not only the bad")
    options = parser.parse_args()
    reader = Reader(Limits(seconds=options.seconds, megabytes=options.megabytes))
    reader.prepare()
    counts: Counter[str] = Counter()
    slowest, largest = (0.0, ""), 0
    for path in sorted(file for file in options.folder.rglob("*") if file.is_file()):
        start = time.monotonic()
        outcome, sentence = judge(reader, path)
        taken = time.monotonic() - start
        counts[outcome] += 1
        slowest, largest = max(slowest, (taken, path.name)), max(largest, peak(reader))
        if options.list or outcome not in ("opened", "refused"):
            print(f"{outcome}: {sentence} ({taken:.2f} s)")
    print(f"{counts.total()} files: {', '.join(f'{n} {what}' for what, n in counts.items())}")
    print(f"slowest {slowest[0]:.2f} s ({slowest[1]}), largest {largest} MB of memory")
    reader.close()
    return 0 if set(counts) <= {"opened", "refused"} else 1


if __name__ == "__main__":
    raise SystemExit(main())
