"""Names of files: which output belongs to which input, and how a name is shown safely.

Stands beside the flow: whoever exports several photos asks here first where each may go.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Planned:
    """Where one photo goes. ``reason`` is set when it must not go there; then leave it out."""

    source: Path
    target: Path
    reason: str = ""


def printable(text: str) -> str:
    """Return ``text`` with everything escaped that could move, hide or turn around what is shown.

    File names come from strangers: line breaks, terminal controls and bidirectional marks in
    them could make one message look like another.
    """
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        else character
        for character in text
    )


def plan_targets(
    photos: Iterable[tuple[Path, Path]], folder: Path, *, writable: Collection[str]
) -> list[Planned]:
    """Choose an output below ``folder`` for each photo, in order.

    ``photos`` are pairs of a file and its place relative to the input it was found in (for a file
    given by itself: its name), so that folders keep their structure. A suffix not in ``writable``
    becomes ``.png``. The first to ask for a name gets it; names are compared as disks do that
    ignore case.
    """
    taken: dict[str, Path] = {}
    plan = []
    for source, place in photos:
        if place.suffix.lower() not in writable:
            place = place.with_suffix(".png")
        key = unicodedata.normalize("NFC", str(place)).casefold()
        reason = (
            f"{source.name}: another input, {taken[key].name}, has the same output {place.name}; "
            "rename one or give them different output folders"
            if key in taken
            else ""
        )
        taken.setdefault(key, source)
        plan.append(Planned(source, folder / place, reason))
    return plan
