"""Exports that the person asked for: what holds one back, and the task that does it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from deid_desktop import __version__
from deid_desktop.core.printable import write_html_report
from deid_desktop.core.report import PhotoRecord, face_record, write_report
from deid_desktop.core.types import State
from deid_desktop.session import jobs
from deid_desktop.session.document import Document
from deid_desktop.session.language import later, tr
from deid_desktop.session.model import PhotoEntry, Stage
from deid_desktop.session.tasks import Order, Task

NOTHING_WRITTEN = later("The export was cancelled; nothing was written.")


def objection(document: Document, order: Order) -> str:
    """Return why this photo must not be exported as things are, or an empty string."""
    entry = order.entry
    if entry.stage is not Stage.READY:
        # A photo whose faces are not known has nothing to hold the export against.
        return tr(
            "{name}: its faces are not known, or the file has changed since they were looked for; "
            "wait for the new result, look at it, and export again.",
            name=entry.name,
        )
    rejected = [str(subject.number) for subject in entry.present() if subject.rejected]
    if rejected:
        return tr(
            "{name}: the reviewer rejected {numbers}; change these faces and ask again.",
            name=entry.name,
            numbers=", ".join(rejected),
        )
    waiting = [str(subject.number) for subject in entry.unapproved()]
    if document.approval_needed and waiting:
        return tr(
            "{name}: not approved yet: {numbers}; this project exports only what was reviewed.",
            name=entry.name,
            numbers=", ".join(waiting),
        )
    return ""


def export_task(
    document: Document,
    order: Order,
    *,
    rank: int,
    ended: Callable[[Order, str], None],
) -> Task:
    """Return the task that writes a photo whose pixels are at hand.

    ``ended`` is told the reason why nothing was written, "" when it was.
    """
    entry = order.entry
    assert entry.photo is not None
    present = entry.present()
    places = {subject.face.id: subject.place for subject in present}
    people = document.people
    results = {
        s.face.id: replace(s.result, person=people.number(s))
        for s in present
        if s.result is not None
    }

    def accept(outcome: jobs.Exported) -> None:
        for result in outcome.results:
            if result not in results.values():
                document.accept_result(entry, places[result.face.id], result)
        same = places == {s.face.id: s.place for s in entry.present()}
        entry.notes = tuple(dict.fromkeys((*entry.notes, *outcome.notes)))
        entry.last_export = tuple(replace(result, layer=None) for result in outcome.results)
        if not outcome.refused:
            worn = (r.face.id for r in outcome.results if r.verdict.state is State.VERIFIED)
            entry.out |= frozenset(worn)
        document.accept_export(entry, exported=same and not outcome.refused)
        ended(order, outcome.refused)

    job = jobs.ExportPhoto(
        entry.photo,
        tuple(subject.face for subject in present),
        tuple(results.values()),
        order.target,
        tuple(other.path for other in document.entries),
        order.overwrite,
        order.finish,
        {subject.face.id: people.company(subject) for subject in present},
    )
    words = tr("Checking and exporting {name}", name=entry.name)
    return Task(rank, words, job, accept, lambda reason: ended(order, reason), order=order)


def targets_for(
    entries: Sequence[PhotoEntry], folder: Path, *, pattern: str, suffix: str
) -> list[Path]:
    """Return a free name for each photo, none twice.

    ``pattern`` may hold ``{name}`` and ``{number}``; ``suffix`` is "" for that of the original,
    where it can be written. A name that is taken gets a number.

    Raises:
        ExportError: the pattern is no file name.
    """
    from deid_desktop.core.export import WRITABLE_SUFFIXES, ExportError

    targets: list[Path] = []
    taken: set[str] = set()
    for number, entry in enumerate(entries, 1):
        name = pattern.replace("{name}", entry.path.stem).replace("{number}", f"{number:03d}")
        name = name.strip().rstrip(".")
        if not name or any(sign in name for sign in '/\\:*?"<>|') or name in (".", ".."):
            raise ExportError(
                tr(
                    "“{pattern}” makes no file name; use letters, {{name}} and {{number}}.",
                    pattern=pattern,
                )
            )
        own = entry.path.suffix.lower()
        ending = suffix or (own if own in WRITABLE_SUFFIXES else ".png")
        target, again = folder / f"{name}{ending}", 1
        while target.name.casefold() in taken or os.path.lexists(target):
            again += 1
            target = folder / f"{name}-{again}{ending}"
        taken.add(target.name.casefold())
        targets.append(target)
    return targets


def record_of(entry: PhotoEntry, output: str, refused: str) -> PhotoRecord:
    """Return what the report says of one photo after its export; with the reviewers' words."""
    results = entry.last_export or tuple(s.result for s in entry.present() if s.result)
    faces = []
    for result in results:
        decision = entry.subjects[result.face.id].decision
        review = ""
        if decision is not None:
            word = "approved" if decision.approved else "rejected"
            review = " ".join((word, decision.at, decision.by, decision.comment)).strip()
        faces.append({**face_record(result), "review": review})
    if refused:
        return PhotoRecord(entry.path.name, "", "blocked", refused, faces)
    return PhotoRecord(entry.path.name, output, "exported", "", faces)


def write_reports(folder: Path, records: Sequence[PhotoRecord], *, device: str) -> str:
    """Write the report as JSON and as a page to print, under a free name; return that name.

    Raises:
        ReportError: the folder cannot be written to.
    """
    number, name = 1, "deid-report"
    while any(os.path.lexists(folder / f"{name}{suffix}") for suffix in (".json", ".html")):
        number += 1
        name = f"deid-report-{number}"
    write_report(
        folder / f"{name}.json", records, version=__version__, device=device, overwrite=False
    )
    write_html_report(folder / f"{name}.html", records, version=__version__, device=device)
    return f"{name}.json, {name}.html"
