"""Goes on to the next face of a kind, in this photo or in a later one, going round."""

from __future__ import annotations

from collections.abc import Callable

from deid_desktop.core.types import State
from deid_desktop.session.document import Document
from deid_desktop.session.model import Subject


def holds_up(subject: Subject) -> bool:
    """Return whether a face stands in the way of an export and work on it has ended."""
    return subject.state is State.ATTENTION or subject.rejected


def undecided(subject: Subject) -> bool:
    """Return whether no reviewer has decided on a face as it is now."""
    return subject.decision is None


def step_to(document: Document, wanted: Callable[[Subject], bool]) -> bool:
    """Select the next face that is wanted; return whether there is any."""
    current = document.current
    if current is None:
        return False
    start = document.entries.index(current)
    before = -1 if document.selected_id is None else document.selected_id
    places = [(current, subject) for subject in current.present() if subject.face.id > before]
    for entry in (*document.entries[start + 1 :], *document.entries[: start + 1]):
        places += [(entry, subject) for subject in entry.present()]
    for entry, subject in places:
        if wanted(subject):
            document.show_photo(entry)
            document.select(subject.face.id)
            return True
    return False
