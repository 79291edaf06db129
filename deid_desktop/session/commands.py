"""The undo step. It holds the faces' edits before and after, and merges with its own gesture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from PySide6.QtGui import QUndoCommand

from deid_desktop.session.language import tr
from deid_desktop.session.model import Edit, PhotoEntry

if TYPE_CHECKING:
    from deid_desktop.session.document import Document


class ChangeFaces(QUndoCommand):
    """New edits for faces of one photo. ``gesture`` 0 never merges."""

    def __init__(
        self,
        document: Document,
        entry: PhotoEntry,
        before: Mapping[int, Edit],
        after: Mapping[int, Edit],
        text: str,
        gesture: int = 0,
    ) -> None:
        super().__init__(text)
        self._document, self._entry = document, entry
        self._before, self._after = before, after
        self._gesture = gesture

    def id(self) -> int:
        """Return the gesture (31 bits), −1 for a step that stands alone."""
        return self._gesture & 0x7FFFFFFF or -1

    def redo(self) -> None:
        """Apply the step."""
        self._document.apply(self._entry, self._after)

    def undo(self) -> None:
        """Take the step back."""
        self._document.apply(self._entry, self._before)

    def mergeWith(self, other: QUndoCommand) -> bool:  # noqa: N802
        """Swallow the next step of the same gesture; a drag back to its start leaves nothing."""
        if not isinstance(other, ChangeFaces) or other._before.keys() != self._before.keys():
            return False
        self._after = other._after
        self.setObsolete(self._after == self._before)
        return True


class ClosePhotos(QUndoCommand):
    """Take photos out of the session; their files stay, and undo brings all work on them back."""

    def __init__(self, document: Document, closed: Iterable[PhotoEntry]) -> None:
        closed = list(closed)
        names = ", ".join(entry.name for entry in closed)
        super().__init__(tr("Close {names}", names=names))
        self._document = document
        self._closed = [(n, e) for n, e in enumerate(document.entries) if e in closed]

    def redo(self) -> None:
        """Apply the step."""
        closed = [entry for _, entry in self._closed]
        self._document.put([e for e in self._document.entries if e not in closed])
        for entry in closed:
            # What stays is small: who wears what; the pictures are made again.
            entry.photo, entry.shelved = None, True
            for subject in entry.subjects.values():
                subject.shelve()

    def undo(self) -> None:
        """Take the step back."""
        entries = list(self._document.entries)
        for index, entry in self._closed:
            entries.insert(min(index, len(entries)), entry)
        self._document.put(entries, show=self._closed[0][1])
