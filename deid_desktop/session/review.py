"""Decisions of a reviewer: undone, saved and shown like every other edit of a face."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QDateTime, Qt

from deid_desktop.core.project import Decision
from deid_desktop.core.types import State
from deid_desktop.session.document import Document
from deid_desktop.session.language import tr
from deid_desktop.session.model import Edit


def decide(document: Document, *, approved: bool, comment: str = "") -> None:
    """Approve or reject the selected faces as they are now.

    What is still being worked on stays undecided, and what blocks the export is never approved.
    """
    subjects = [
        subject
        for subject in document.chosen
        if subject.result and not (approved and subject.state is State.ATTENTION)
    ]
    if document.current is None or not subjects:
        return
    about = {subject.face.id: subject.fingerprint for subject in subjects}
    add = _adding(approved, document.reviewer, comment.strip(), about)
    text = tr("Approve {number}") if approved else tr("Reject {number}")
    numbers = ", ".join(str(subject.number) for subject in subjects)
    document.push(document.current, subjects, text.format(number=numbers), add)


def _adding(
    approved: bool, reviewer: str, comment: str, about: dict[int, str]
) -> Callable[[Edit], Edit]:
    now = QDateTime.currentDateTime()
    at = now.toOffsetFromUtc(now.offsetFromUtc()).toString(Qt.DateFormat.ISODate)

    def add(edit: Edit) -> Edit:
        decision = Decision(approved, reviewer, at, comment, about[edit.face.id])
        return replace(edit, decisions=(*edit.decisions, decision))

    return add
