"""Damages files at random, for as long as one likes, and lets the reading process open them.

    python -m bench.fuzz [--seconds 60] [--seed 0] [--keep FOLDER] [FOLDER…]

Files come from the tests and the folders given. Prints how many were opened and refused, and every
one that broke the decoder, took too long or needed too much memory; those are kept in ``--keep``.
The exit status is 1 when there was one.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections import Counter
from pathlib import Path

from deid_desktop.core.imaging import ImageError
from deid_desktop.core.sandbox import Limits, Reader

ROOT = Path(__file__).resolve().parents[1]
CORPUS = (ROOT / "tests" / "core" / "data", ROOT / "resources" / "samples")
BROKEN = ("broke down", "took longer")


def damaged(data: bytes, chance: random.Random, others: list[bytes]) -> bytes:
    """Return a file with bytes changed, cut, doubled or taken from another one."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        place = int(len(changed) * chance.random() ** 2)
        match chance.randrange(6):
            case 0:
                changed[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                extreme = chance.choice((0, 1, 0x7F, 0x80, 0xFF))
                changed[place : place + 4] = bytes([extreme]) * 4
            case 2:
                del changed[place : place + chance.randrange(64)]
            case 3:
                changed[place:place] = changed[place : place + chance.randrange(64)]
            case 4:
                other = chance.choice(others)
                start = chance.randrange(len(other))
                changed[place : place + 32] = other[start : start + 32]
            case 5:
                del changed[max(16, place) :]
    return bytes(changed)


def main() -> int:
    """Damage and open files until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for the files that broke something")
    options = parser.parse_args()
    found = [path for folder in (*CORPUS, *options.folders) for path in folder.rglob("*")]
    files = [path for path in sorted(found) if path.is_file() and 0 < path.stat().st_size < 1e6]
    corpus = [(path.suffix, path.read_bytes()) for path in files]
    chance = random.Random(options.seed)
    reader = Reader(Limits(seconds=10, megabytes=2048))
    counts: Counter[str] = Counter()
    end = time.monotonic() + options.seconds
    with tempfile.TemporaryDirectory(prefix="fuzz-") as place:
        while time.monotonic() < end:
            suffix, data = chance.choice(corpus)
            path = Path(place) / f"a{suffix}"
            path.write_bytes(damaged(data, chance, [content for _, content in corpus]))
            outcome = "opened"
            try:
                reader.inspect(path)
                reader.decode(path)
            except ImageError as error:
                outcome = next((words for words in BROKEN if words in str(error)), "refused")
            counts[outcome] += 1
            if outcome in BROKEN:
                print(f"{outcome}: number {counts.total()}")
                if options.keep:
                    options.keep.mkdir(parents=True, exist_ok=True)
                    (options.keep / f"{counts.total()}{suffix}").write_bytes(path.read_bytes())
    reader.close()
    print(f"{counts.total()} files: {', '.join(f'{n} {what}' for what, n in counts.items())}")
    return 1 if any(counts[words] for words in BROKEN) else 0


if __name__ == "__main__":
    raise SystemExit(main())
