"""Brings the picture on screen up to date: only the faces that look different now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from deid_desktop.session import jobs
from deid_desktop.session.document import Document
from deid_desktop.session.language import tr
from deid_desktop.session.picture import Patch, paste
from deid_desktop.session.tasks import Task, View


def painting(
    document: Document,
    view: View,
    *,
    painted: Callable[[Patch], None],
    wanted: Callable[[], bool],
) -> Iterator[Task]:
    """Yield the task that paints what has changed, if anything has. It goes before all others."""
    shown = {
        subject.face.id: subject.shown
        for subject in view.entry.present()
        if subject.shown is not None and subject.shown.layer is not None
    }
    changed = [i for i in {**view.painted, **shown} if view.painted.get(i) is not shown.get(i)]
    if not changed or view.entry.photo is None:
        return
    # A moved face also leaves the place where it was.
    boxes = tuple(
        results[i].face.box for i in changed for results in (view.painted, shown) if i in results
    )

    def accept(patches: tuple[Any, ...]) -> None:
        view.painted = shown
        for patch in patches:
            paste(view.after, patch)
            painted(patch)

    def fail(reason: str) -> None:
        view.painted = shown
        for face_id in changed:
            if face_id in shown:
                request = view.entry.subjects[face_id].request
                document.fail_face(view.entry, face_id, request, reason)

    job = jobs.PaintFaces(view.entry.photo, tuple(shown.values()), boxes)
    yield Task(0, tr("Painting"), job, accept, fail, wanted)
