"""The undo step. It holds the faces' edits before and after, and merges with its own gesture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from PySide6.QtGui import QUndoCommand

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
