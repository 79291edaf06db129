"""Has the worker look at faces before any of them is replaced, so that it is known who is who."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from deid_desktop.core.types import Photo
from deid_desktop.session import jobs
from deid_desktop.session.document import Document
from deid_desktop.session.language import tr
from deid_desktop.session.model import PhotoEntry, Seen
from deid_desktop.session.tasks import Task


def looking(
    document: Document,
    entry: PhotoEntry,
    photo: Photo,
    *,
    rank: int,
    looked: Callable[[], object],
) -> Iterator[Task]:
    """Yield the task that looks at the faces of a photo that nobody has looked at, if any.

    ``looked`` is called when more is known of who is who.
    """
    unknown = document.people.unknown(entry)
    if not unknown:
        return

    def accept(found: Mapping[int, Seen]) -> None:
        document.people.accept(found, entry)
        looked()

    def fail(reason: str) -> None:
        for subject in unknown:
            subject.seen = Seen(subject.face)
            document.fail_face(entry, subject.face.id, subject.request, reason)

    yield Task(
        rank,
        tr("Looking for faces in {name}", name=entry.name),
        jobs.SeeFaces(photo, tuple(subject.face for subject in unknown)),
        accept,
        fail,
        lambda: any(not subject.looked_at for subject in unknown),
    )
