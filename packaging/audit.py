"""Asks the database of known holes (OSV) about every pinned version.

    python packaging/audit.py [CONSTRAINTS]

Only names and versions of libraries are sent. Exit status: 0 nothing known, 1 holes found, each
named, 3 the database could not be reached, so nothing is known.

The database is the one that pip-audit asks; it is asked directly, so that no further library is
needed to check the libraries.
"""

from __future__ import annotations

import json
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path

CONSTRAINTS = Path(__file__).parent / "constraints.txt"
DATABASE = "https://api.osv.dev/v1/querybatch"
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;#]+)", re.MULTILINE)
SKIPPED = 3


def pins(text: str) -> list[tuple[str, str]]:
    """Return name and version of every pinned library."""
    return PIN.findall(text)


def ask(pinned: list[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the known holes of each library that has any, by their numbers.

    Raises:
        OSError: the database cannot be reached.
        ValueError: its answer makes no sense.
    """
    queries = [
        {"package": {"name": name, "ecosystem": "PyPI"}, "version": version}
        for name, version in pinned
    ]
    request = urllib.request.Request(
        DATABASE,
        data=json.dumps({"queries": queries}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        results = json.load(answer).get("results", [])
    if len(results) != len(pinned):
        raise ValueError("it answered for another number of libraries")
    return {
        f"{name} {version}": [hole["id"] for hole in result["vulns"]]
        for (name, version), result in zip(pinned, results, strict=True)
        if result.get("vulns")
    }


def main(arguments: list[str]) -> int:
    """Print what is known and return the exit status."""
    path = Path(arguments[0]) if arguments else CONSTRAINTS
    pinned = pins(path.read_text(encoding="utf-8"))
    try:
        holes = ask(pinned)
    except (OSError, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        print(f"the database of known holes did not answer: {reason}")
        return SKIPPED
    for library, numbers in holes.items():
        print(f"{library}: {', '.join(numbers)}")
    print(f"{len(pinned)} pinned versions, {len(holes)} with known holes")
    return 1 if holes else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
