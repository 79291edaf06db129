"""The review: a second person approves or rejects the selected face, and why."""

from __future__ import annotations

from PySide6.QtCore import QDateTime, Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from deid_desktop.core.project import Decision
from deid_desktop.core.types import State
from deid_desktop.gui.theme import Theme
from deid_desktop.gui.tick import Tick
from deid_desktop.gui.wrapping import WrappingRow
from deid_desktop.session.document import Document
from deid_desktop.session.language import tr
from deid_desktop.session.model import approval
from deid_desktop.session.review import decide
from deid_desktop.session.stepping import step_to, undecided


def decision_words(decision: Decision) -> str:
    """Return who decided what and when, and the comment."""
    date = QDateTime.fromString(decision.at, Qt.DateFormat.ISODate)
    when = date.toLocalTime().toString("yyyy-MM-dd HH:mm")  # nobody mistakes day for month
    words = (
        tr("Approved {when}", when=when) if decision.approved else tr("Rejected {when}", when=when)
    )
    if decision.by:
        words = tr("{decision} by {name}", decision=words, name=decision.by)
    return f"{words}: {decision.comment}" if decision.comment else words


class ReviewPanel(QFrame):
    """Progress, decision, comment, history of the selected face."""

    def __init__(self, document: Document, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._document, self._theme = document, theme
        self.progress = QLabel()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(tr("Approved faces"))
        self.history = QLabel()
        self.history.setWordWrap(True)
        self.history.setProperty("role", "faint")
        self.history.setTextFormat(Qt.TextFormat.PlainText)
        self.reviewer = QLineEdit()
        self.reviewer.setPlaceholderText(tr("Your name, as the project will show it"))
        self.reviewer.setAccessibleName(tr("Name of the reviewer"))
        self.reviewer.setMaxLength(80)
        self.comment = QLineEdit()
        self.comment.setPlaceholderText(tr("Comment"))
        self.comment.setAccessibleName(tr("Comment"))
        self.comment.setMaxLength(1000)
        self.approve = QPushButton(tr("Approve"))
        self.reject = QPushButton(tr("Reject"))
        self.needed = Tick(self._theme, tr("Export only what is approved"))
        self._lay_out()
        self.approve.clicked.connect(lambda: self.decide(approved=True))
        self.reject.clicked.connect(lambda: self.decide(approved=False))
        self.needed.clicked.connect(document.set_approval_needed)
        document.anything_changed(self._refresh)
        theme.changed.connect(self._style)
        self._style()
        self._refresh()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 12, 14, 12)
        column.setSpacing(8)
        title = QLabel(tr("Review"))
        title.setProperty("role", "section")
        buttons = WrappingRow((self.approve, self.reject))
        for widget in (title, self.progress, self.bar, self.history, self.reviewer, self.comment):
            column.addWidget(widget)
        column.addLayout(buttons)
        column.addWidget(self.needed)

    def decide(self, *, approved: bool) -> None:
        """Decide on the selected faces and go on to the next one that is open."""
        self._document.reviewer = self.reviewer.text().strip()
        decide(self._document, approved=approved, comment=self.comment.text())
        self.comment.clear()
        step_to(self._document, undecided)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Catch up with what changed while nobody looked."""
        super().showEvent(event)
        self._refresh()

    def _refresh(self) -> None:
        if self.isHidden():
            return
        document = self._document
        done, total = approval(document.entries)
        self.progress.setText(tr("{done} of {total} faces approved", done=done, total=total))
        self.bar.setRange(0, max(1, total))
        self.bar.setValue(done)
        self.needed.setChecked(document.approval_needed)
        subject = document.selected
        decisions = subject.edit.decisions if subject else ()
        lines = [decision_words(decision) for decision in decisions[-4:]]
        if decisions and subject is not None and subject.decision is None and subject.result:
            lines.append(tr("Changed since then: decide again."))
        self.history.setText("\n".join(lines))
        self.history.setVisible(bool(lines))
        decidable = [s for s in document.chosen if s.result is not None]
        passing = [s for s in decidable if s.state is not State.ATTENTION]
        self.approve.setEnabled(bool(passing))
        self.reject.setEnabled(bool(decidable))
        self.comment.setEnabled(bool(decidable))

    def _style(self) -> None:
        colours = self._theme.colours
        self.approve.setIcon(self._theme.icon("mdi6.check", colours.verified))
        self.reject.setIcon(self._theme.icon("mdi6.close", colours.attention))
