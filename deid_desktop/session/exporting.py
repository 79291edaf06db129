"""Exports that the person asked for: what holds one back, and the task that does it."""

from __future__ import annotations

from collections.abc import Callable

from deid_desktop.session import jobs
from deid_desktop.session.document import Document
from deid_desktop.session.language import tr
from deid_desktop.session.model import Stage
from deid_desktop.session.tasks import Order, Task


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
    results = {s.face.id: s.result for s in present if s.result is not None}

    def accept(outcome: jobs.Exported) -> None:
        for result in outcome.results:
            if result not in results.values():
                document.accept_result(entry, places[result.face.id], result)
        same = places == {s.face.id: s.place for s in entry.present()}
        document.accept_export(entry, exported=same and not outcome.refused)
        ended(order, outcome.refused)

    job = jobs.ExportPhoto(
        entry.photo,
        tuple(subject.face for subject in present),
        tuple(results.values()),
        order.target,
        tuple(other.path for other in document.entries),
        order.overwrite,
    )
    words = tr("Checking and exporting {name}", name=entry.name)
    return Task(rank, words, job, accept, lambda reason: ended(order, reason), order=order)
