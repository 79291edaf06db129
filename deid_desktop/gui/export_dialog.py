"""Before a photo is written: what becomes of every face, where it goes, what is in the way."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from deid_desktop.core.types import State
from deid_desktop.gui.theme import Theme, title_font
from deid_desktop.session.document import Document
from deid_desktop.session.model import PhotoEntry
from deid_desktop.session.render import Renderer
from deid_desktop.session.words import state_words, summary, title

_FILTER = "Pictures (*.jpg *.jpeg *.png *.webp *.tif *.tiff)"


def proposed_target(source: Path) -> Path:
    """Return a free name beside the original, in a format that can be written."""
    from deid_desktop.core.export import WRITABLE_SUFFIXES

    suffix = source.suffix if source.suffix.lower() in WRITABLE_SUFFIXES else ".png"
    number = 1
    target = source.with_name(f"{source.stem}-deid{suffix}")
    while target.exists():
        number += 1
        target = source.with_name(f"{source.stem}-deid-{number}{suffix}")
    return target


class ExportDialog(QDialog):
    """Stays open beside the photo, so that a blocked face is one click away."""

    face_wanted = Signal()

    def __init__(
        self,
        document: Document,
        renderer: Renderer,
        theme: Theme,
        entry: PhotoEntry,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(520)
        self._document, self._renderer = document, renderer
        self._theme, self._entry = theme, entry
        self._agreed_to_replace: Path | None = None
        self._build()
        self.target.setText(str(proposed_target(entry.path)))
        for signal in (document.subject_changed, document.faces_changed, document.photo_changed):
            signal.connect(self._refresh)
        renderer.exported.connect(self._exported)
        renderer.export_refused.connect(self._refused)
        self._refresh()

    def _build(self) -> None:
        heading = QLabel(f"Export {self._entry.name}")
        heading.setFont(title_font(self.font()))
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.faces = QListWidget()
        self.faces.setAccessibleName("Faces and what becomes of them")
        self.faces.itemActivated.connect(self._go_to)
        self.faces.itemClicked.connect(self._go_to)
        self.looked = QCheckBox("I looked at the photo: it shows no face")
        self.target = QLineEdit()
        self.target.setAccessibleName("File to write")
        browse = QPushButton("Browse …")
        browse.clicked.connect(self._browse)
        note = QLabel(
            "A new file is written from the pixels alone: no date, place, camera or thumbnail. "
            "The original is never touched."
        )
        note.setProperty("role", "faint")
        note.setWordWrap(True)
        self.outcome = QLabel()
        self.outcome.setWordWrap(True)
        self.outcome.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.outcome.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.write = QPushButton("Check and export")
        self.write.setProperty("primary", "true")
        self.write.setDefault(True)
        close = QPushButton("Close")
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(12)
        for widget in (heading, self.words, self.faces, self.looked):
            column.addWidget(widget)
        place = QHBoxLayout()
        place.addWidget(self.target, 1)
        place.addWidget(browse)
        column.addLayout(place)
        column.addWidget(note)
        column.addWidget(self.outcome)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(close)
        buttons.addWidget(self.write)
        column.addLayout(buttons)
        self.looked.toggled.connect(self._refresh)
        self.target.textChanged.connect(self._refresh)
        self.write.clicked.connect(self._write)
        close.clicked.connect(self.close)

    def _refresh(self) -> None:
        found = summary(self._entry)
        self.words.setText(found.text)
        present = self._entry.present()
        order = sorted(present, key=lambda s: (s.state not in (None, State.ATTENTION), s.number))
        self.faces.clear()
        for subject in order:
            reason = subject.result.verdict.reason if subject.result else ""
            blocked = subject.state is State.ATTENTION
            text = f"{title(subject)}: {state_words(subject)}"
            item = QListWidgetItem(
                self._theme.state_icon(subject.state), f"{text}. {reason}" if blocked else text
            )
            item.setData(Qt.ItemDataRole.UserRole, subject.face.id)
            item.setToolTip("Show this face")
            self.faces.addItem(item)
        self.faces.setVisible(bool(present))
        self.faces.setFixedHeight(min(220, 8 + self.faces.sizeHintForRow(0) * len(present)))
        self.looked.setVisible(not present)
        self.write.setEnabled(
            found.exportable
            and (bool(present) or self.looked.isChecked())
            and bool(self.target.text().strip())
        )

    def _go_to(self, item: QListWidgetItem) -> None:
        self._document.show_photo(self._entry)
        self._document.select(item.data(Qt.ItemDataRole.UserRole))
        self.face_wanted.emit()

    def _browse(self) -> None:
        chosen, _ = QFileDialog.getSaveFileName(self, "Export", self.target.text(), _FILTER)
        if chosen:
            self.target.setText(chosen)
            # The dialog has asked already whether to replace what is there.
            self._agreed_to_replace = Path(chosen)

    def _write(self) -> None:
        target = Path(self.target.text().strip())
        self.write.setEnabled(False)
        self._say("Checking every face on the finished picture …", None)
        self._renderer.export(self._entry, target, overwrite=target == self._agreed_to_replace)

    def _exported(self, entry: PhotoEntry, name: str) -> None:
        if entry is self._entry:
            self._say(f"Written: {name}", State.VERIFIED)
            self._refresh()

    def _refused(self, entry: PhotoEntry, reason: str) -> None:
        if entry is self._entry:
            self._say(reason, State.ATTENTION)
            self._refresh()

    def _say(self, words: str, state: State | None) -> None:
        self.outcome.setText(words)
        self.outcome.setStyleSheet(f"color: {self._theme.state_colour(state).name()}")
