"""One line above the photo: what is known of it as a whole, and the next step."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from deid_desktop.core.types import State
from deid_desktop.gui.theme import Theme, icon_side
from deid_desktop.session.document import Document
from deid_desktop.session.language import tr
from deid_desktop.session.model import Stage
from deid_desktop.session.words import reading_notes, summary


class SummaryStrip(QFrame):
    """Symbol, sentence, and what to do next."""

    blocked_wanted = Signal()
    export_wanted = Signal()
    retry_wanted = Signal()
    anew_wanted = Signal()
    folder_wanted = Signal()
    page_wanted = Signal()

    def __init__(self, document: Document, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "strip")
        self._document, self._theme = document, theme
        self._symbol = QLabel()
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.PlainText)  # names come from strangers
        self.blocked = QPushButton(tr("Show it"))
        self.mask_all = QPushButton()
        self.mask_all.setToolTip(
            tr("Hide every face of this photo that needs attention: solid masks")
        )
        self.export = QPushButton(tr("Export …"))
        self.export.setProperty("primary", "true")
        self.retry = QPushButton(tr("Try again"))
        self.anew = QPushButton(tr("Start anew"))
        self.anew.setToolTip(tr("Give up the work on this photo's faces and look for them again"))
        self.seek = QPushButton(tr("Find their folder …"))
        self.page = QPushButton(tr("Another page …"))
        self.page.setToolTip(tr("This file holds several pictures: choose which one to work on"))
        self.setMinimumHeight(self.export.sizeHint().height() + 17)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 8, 10, 8)
        row.setSpacing(10)
        row.addWidget(self._symbol)
        self.notes = QLabel()
        self.notes.setProperty("role", "faint")
        self.notes.setWordWrap(True)
        said = QVBoxLayout()
        said.setSpacing(2)
        said.addWidget(self.words)
        said.addWidget(self.notes)
        row.addLayout(said, 1)
        for button in (
            *(self.page, self.seek, self.anew, self.retry),
            *(self.mask_all, self.blocked, self.export),
        ):
            row.addWidget(button)
        self.blocked.clicked.connect(self.blocked_wanted)
        self.export.clicked.connect(self.export_wanted)
        self.mask_all.clicked.connect(self._mask)
        self.retry.clicked.connect(self.retry_wanted)
        self.anew.clicked.connect(self.anew_wanted)
        self.seek.clicked.connect(self.folder_wanted)
        self.page.clicked.connect(self.page_wanted)
        for signal in (
            document.current_changed,
            document.photo_changed,
            document.faces_changed,
            document.subject_changed,
            theme.changed,
        ):
            signal.connect(self._refresh)
        self._refresh()

    def _mask(self) -> None:
        if self._document.current is not None:
            self._document.people.mask([self._document.current])

    def _refresh(self) -> None:
        entry = self._document.current
        if entry is None:
            return
        found = summary(entry)
        exported = f" {tr('Exported.')}" if entry.exported else ""
        self.words.setText(found.text + exported)
        self.notes.setText(reading_notes(entry))
        side = icon_side(self.font())
        self.notes.setVisible(bool(entry.notes))
        self._symbol.setPixmap(self._theme.state_icon(found.state).pixmap(QSize(side, side)))
        self.retry.setVisible(entry.stage in (Stage.FAILED, Stage.CHANGED))
        self.anew.setVisible(entry.stage is Stage.CHANGED)
        self.page.setVisible(entry.pages > 1)
        self.seek.setVisible(entry.stage is Stage.MISSING)
        blocked = sum(subject.state is State.ATTENTION for subject in entry.present())
        self.blocked.setVisible(blocked > 0)
        # For one face there are better remedies beside its verdict.
        self.mask_all.setVisible(blocked > 1)
        self.mask_all.setText(tr("Mask these {count}", count=blocked))
        self.export.setVisible(found.exportable)
