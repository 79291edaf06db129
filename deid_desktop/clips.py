"""Redacts the clips among the inputs of the terminal program; photos go their own way (``batch``).

Kept apart from the programs, so that PyAV is loaded only where a clip is given.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from deid_desktop.core.export import ExportBlocked
from deid_desktop.core.types import DeidError, Request
from deid_desktop.video import is_clip, require

if TYPE_CHECKING:
    from deid_desktop.core.pipeline import Pipeline

SOUNDS = ("keep", "drop", "alter")
_STAGES = {"find": "faces", "cast": "people", "render": "frames", "join": "file"}


def split(inputs: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Return the clips among the inputs, and the rest. Folders are looked through for photos."""
    clips = [path for path in inputs if is_clip(path)]
    return clips, [path for path in inputs if not is_clip(path)]


def choose_sound(wish: str | None, *, tell: Callable[[str], None]) -> str:
    """Return what becomes of the sound: as wished, as answered, or without an answer dropped."""
    if wish is not None:
        return wish
    if sys.stdin.isatty() and sys.stderr.isatty():
        while True:
            answer = input("Voices can be recognised. Sound: keep, drop or alter? ").strip()
            if answer in SOUNDS:
                return answer
    tell("warning: sound is dropped, as voices can be recognised; choose with --audio")
    return "drop"


def redact_clips(
    pipeline: Pipeline,
    clips: Sequence[Path],
    folder: Path,
    request: Request,
    *,
    any_seed: bool = False,
    sound: str,
    overwrite: bool,
    tell: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Redact one clip after another; return what the report says of each.

    ``any_seed``: a clip that was begun before goes on with the seed it had.
    """
    records: list[dict[str, Any]] = []
    taken: dict[str, str] = {}
    for source in clips:
        target = folder / f"{source.stem}.mp4"
        other = taken.get(target.name.casefold())
        taken.setdefault(target.name.casefold(), source.name)
        if other is not None:
            reason = f"{source.name}: another input, {other}, has the same output; rename one"
            records.append(_failure(source.name, reason, "failed"))
            tell(f"failed: {reason}")
            continue
        record = _one(pipeline, source, target, request, any_seed, sound, overwrite)
        records.append(record)
        if record["reason"]:
            tell(f"{record['status']}: {record['reason']}")
        for note in _notes(record):
            tell(f"warning: {note}")
    return records


def _one(
    pipeline: Pipeline, source: Path, target: Path, request: Request, any_seed: bool, sound: str,
    overwrite: bool,
) -> dict[str, Any]:  # fmt: skip
    name = source.name
    try:
        require(name)
        from deid_desktop.video.job import Wish, redact_clip
        from deid_desktop.video.sound import Sound

        wish = Wish(request, Sound(sound), any_seed=any_seed, overwrite=overwrite)
        with tqdm(disable=not sys.stderr.isatty(), leave=False) as bar:

            def progress(doing: str, done: int, total: int) -> None:
                bar.desc, bar.total, bar.n = f"{name}, {_STAGES[doing]}", total, done
                bar.refresh()

            return redact_clip(pipeline, source, target, wish, progress=progress)
    except ExportBlocked as error:
        return _failure(name, str(error), "blocked")
    except DeidError as error:
        return _failure(name, str(error), "failed")
    except Exception as error:  # its text may hold anything, its type tells enough
        reason = f"an unexpected fault ({type(error).__name__}) stopped it; report it please"
        return _failure(name, f"{name}: {reason}", "failed")


def _failure(name: str, reason: str, status: str) -> dict[str, Any]:
    return {"input": name, "output": "", "status": status, "reason": reason}


def _notes(record: dict[str, Any]) -> list[str]:
    """Return what the person should know of a clip that was written."""
    name = record["input"]
    notes = [
        f"{name}: damaged from {stretch['from']} to {stretch['to']} s; grey there"
        for stretch in record.get("damaged", [])
    ]
    if record["status"] == "exported" and not record["people"]:
        notes.append(f"{name}: no face was found; look at it with your own eyes")
    notes += [
        f"{name}: person {person['person']} is masked throughout: {person['reason']}"
        for person in record.get("people", [])
        if person["reason"]
    ]
    return notes
