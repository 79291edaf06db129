"""Before photos are written: what becomes of every face, where they go, what is in the way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QStandardPaths, Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from deid_desktop.core.captions import LONGEST, Words
from deid_desktop.core.report import PhotoRecord
from deid_desktop.core.types import QUALITY, DeidError, Keep, State
from deid_desktop.gui.choice import Choice
from deid_desktop.gui.theme import Theme, title_font
from deid_desktop.gui.tick import Tick
from deid_desktop.resources import resource
from deid_desktop.session.document import Document
from deid_desktop.session.exporting import record_of, targets_for, write_reports
from deid_desktop.session.jobs import Finish
from deid_desktop.session.language import later, tr
from deid_desktop.session.model import PhotoEntry, Subject, approval
from deid_desktop.session.render import Renderer
from deid_desktop.session.words import overview, state_words, summary, title

_FORMATS = (
    ("", later("As the original")),
    (".jpg", "JPEG"),
    (".png", "PNG"),
    (".webp", "WebP"),
    (".tif", "TIFF"),
    (".avif", "AVIF"),
)
_SIZES = (0, 4096, 2560, 1600, 1024)
LABEL = later("Faces replaced by synthetic ones")


def _usual_folder(entry: PhotoEntry | None) -> Path:
    """Return where an export goes unless told: beside the photo, but never into the program."""
    samples = resource("samples")
    if entry is None or entry.path.parent == samples:
        pictures = QStandardPaths.StandardLocation.PicturesLocation
        return Path(QStandardPaths.writableLocation(pictures))
    return entry.path.parent


class ExportDialog(QDialog):
    """Stays open beside the photos, so that every blocked face is one click away."""

    face_wanted = Signal()

    def __init__(
        self,
        document: Document,
        renderer: Renderer,
        theme: Theme,
        selected: list[PhotoEntry],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Export"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(580)
        self._document, self._renderer, self._theme = document, renderer, theme
        self._current = document.current
        self._selected = selected
        self._waiting: dict[PhotoEntry, Path] = {}
        self._records: list[PhotoRecord] = []
        self._build()
        self._connect()
        self._refresh()

    @property
    def entries(self) -> list[PhotoEntry]:
        """Return the photos to be written."""
        open_ = self._document.entries
        if self.scope.currentIndex() == 0:
            return [self._current] if self._current in open_ else []
        if self.scope.currentIndex() == 1:
            return [entry for entry in self._selected if entry in open_]
        return self._document.entries if self.scope.currentIndex() == 2 else self._ready()

    def _ready(self) -> list[PhotoEntry]:
        """Return the photos that nothing stands in the way of."""
        ready = [entry for entry in self._document.entries if summary(entry).exportable]
        needed = self._document.approval_needed
        return [entry for entry in ready if not (needed and entry.unapproved())]

    def _build(self) -> None:
        heading = QLabel(tr("Export"))
        heading.setFont(title_font(self.font()))
        self.scope = Choice(self._theme, tr("Photos"))
        self.scope.addItem(
            tr("This photo: {name}", name=self._current.name if self._current else "")
        )
        self.scope.addItem(tr("Selected photos ({count})", count=len(self._selected)))
        self.scope.addItem(tr("All photos ({count})", count=len(self._document.entries)))
        self.scope.addItem("")
        if len(self._selected) > 1:
            self.scope.setCurrentIndex(1)
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.faces = QListWidget()
        self.faces.setAccessibleName(tr("Faces and what becomes of them"))
        self.faces.setWordWrap(True)
        self.mask_all = QPushButton()
        self.mask_all.setToolTip(tr("They can be looked at one by one, too: click a face above"))
        self.looked = Tick(self._theme, tr("I looked at the photos without a face: they show none"))
        self.outcome = QLabel()
        self.outcome.setWordWrap(True)
        self.outcome.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.outcome.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(tr("Progress"))
        self.bar.hide()
        note = QLabel(
            tr(
                "New files are written from the pixels alone: no date, place, camera or thumbnail. "
                "An original is never touched."
            )
        )
        note.setProperty("role", "faint")
        note.setWordWrap(True)
        self._column = column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(12)
        for widget in (heading, self.scope, self.words, self.faces):
            column.addWidget(widget)
        column.addWidget(self.mask_all, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.looked)
        column.addLayout(self._options())
        column.addWidget(note)
        column.addWidget(self.outcome)
        column.addWidget(self.bar)
        column.addLayout(self._buttons())

    def _options(self) -> QFormLayout:
        self.folder = QLineEdit(str(_usual_folder(self._current)))
        self.folder.setAccessibleName(tr("Folder"))
        self.browse = QPushButton(tr("Browse …"))
        self.pattern = QLineEdit("{name}-deid")
        self.pattern.setAccessibleName(tr("File name"))
        self.pattern.setToolTip(tr("{name} is the photo's own name, {number} counts from 001"))
        self.format = Choice(self._theme, tr("Format"))
        for _suffix, name in _FORMATS:
            self.format.addItem(tr(name))
        self.quality = QSpinBox()
        self.quality.setRange(60, 100)
        self.quality.setValue(QUALITY)
        self.quality.setPrefix(tr("Quality "))
        self.quality.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
        self.quality.setAccessibleName(tr("Quality of JPEG, WebP and AVIF"))
        self.quality.setToolTip(tr("Quality of JPEG, WebP and AVIF"))
        self.longest = Choice(self._theme, tr("Size"))
        for size in _SIZES:
            text = tr("{size} px on the longer side", size=size) if size else tr("Full size")
            self.longest.addItem(text)
        self.colours = Choice(self._theme, tr("Colours"))
        self.colours.addItem(tr("Colours as sRGB, for every screen"))
        self.colours.addItem(tr("Colours as in the photo, if they are of a wider space"))
        self.credit, self.caption = QLineEdit(), QLineEdit()
        for field, name in ((self.credit, tr("Credit")), (self.caption, tr("Caption"))):
            field.setAccessibleName(name)
            field.setMaxLength(LONGEST)
            field.setPlaceholderText(tr("Written into every file, if you type something"))
        self.label = Tick(self._theme, tr("Write “{label}” into the picture", label=tr(LABEL)))
        self.comparison = Tick(
            self._theme, tr("Write original and result side by side too, for editors")
        )
        self.comparison.setToolTip(
            tr("A second file that shows every original face; it is not for publication")
        )
        self.report = Tick(self._theme, tr("Write a report: JSON, and a page to print"))
        form = QFormLayout()
        form.setVerticalSpacing(8)
        form.setHorizontalSpacing(12)
        place = QHBoxLayout()
        place.setSpacing(8)
        place.addWidget(self.folder, 1)
        place.addWidget(self.browse)
        kind = QHBoxLayout()
        kind.setSpacing(8)
        for widget in (self.format, self.quality, self.longest):
            kind.addWidget(widget, 1)
        form.addRow(tr("Folder"), place)
        form.addRow(tr("File name"), self.pattern)
        form.addRow(tr("Format"), kind)
        form.addRow(tr("Colours"), self.colours)
        form.addRow(tr("Credit"), self.credit)
        form.addRow(tr("Caption"), self.caption)
        form.addRow("", self.label)
        form.addRow("", self.comparison)
        form.addRow("", self.report)
        return form

    def _buttons(self) -> QHBoxLayout:
        self.write = QPushButton(tr("Check and export"))
        self.write.setProperty("primary", "true")
        self.write.setDefault(True)
        self.cancel = QPushButton(tr("Cancel"))
        self.cancel.hide()
        close = QPushButton(tr("Close"))
        close.clicked.connect(self.close)
        row = QHBoxLayout()
        row.addStretch(1)
        for button in (close, self.cancel, self.write):
            row.addWidget(button)
        return row

    def _connect(self) -> None:
        document, renderer = self._document, self._renderer
        for signal in (
            document.subject_changed,
            document.faces_changed,
            document.photo_changed,
            document.photos_changed,
        ):
            signal.connect(self._refresh)
        renderer.exported.connect(lambda entry, _name: self._ended(entry, ""))
        renderer.export_refused.connect(self._ended)
        self.faces.itemActivated.connect(self._go_to)
        self.faces.itemClicked.connect(self._go_to)
        self.scope.currentIndexChanged.connect(self._refresh)
        self.looked.toggled.connect(self._refresh)
        self.mask_all.clicked.connect(lambda: document.people.mask(self.entries))
        self.folder.textChanged.connect(self._refresh)
        self.pattern.textChanged.connect(self._refresh)
        self.browse.clicked.connect(self._browse)
        self.write.clicked.connect(self._write)
        self.cancel.clicked.connect(renderer.cancel_exports)

    # What is in the way

    def _refresh(self) -> None:
        entries = self.entries
        self.scope.setItemText(2, tr("All photos ({count})", count=len(self._document.entries)))
        self.scope.setItemText(3, tr("All that are ready ({count})", count=len(self._ready())))
        found = overview(entries)
        approved, total = approval(entries)
        review = tr("{done} of {total} faces approved", done=approved, total=total)
        shown = self._document.approval_needed or approved
        self.words.setText(f"{found.text} {review}." if shown else found.text)
        self._list(entries)
        failed = sum(s.state is State.ATTENTION for entry in entries for s in entry.present())
        self.mask_all.setVisible(failed > 0)
        self.mask_all.setText(
            tr("Mask the face that needs attention")
            if failed == 1
            else tr("Mask all {count} faces that need attention", count=failed)
        )
        faceless = [entry for entry in entries if not entry.present()]
        self.looked.setVisible(bool(faceless))
        unreviewed = self._document.approval_needed and approved < total
        self.write.setEnabled(
            found.exportable
            and not unreviewed
            and not self._waiting
            and (not faceless or self.looked.isChecked())
            and bool(self.folder.text().strip() and self.pattern.text().strip())
        )
        self._make_room()

    def _make_room(self) -> None:
        """Be as high as the wrapped lines need: a layout does not ask for it by itself."""
        self._column.activate()
        self.setMinimumHeight(self._column.totalHeightForWidth(self.width()))

    def _list(self, entries: list[PhotoEntry]) -> None:
        rows = [(entry, subject) for entry in entries for subject in entry.present()]
        needed = self._document.approval_needed

        def stands_in_the_way(subject: Subject) -> bool:
            open_ = subject.state in (None, State.ATTENTION)
            return open_ or subject.rejected or (needed and not subject.approved)

        rows.sort(key=lambda row: not stands_in_the_way(row[1]))
        self.faces.clear()
        for entry, subject in rows:
            reason = subject.result.verdict.reason if subject.result else ""
            text = f"{title(subject)}: {state_words(subject)}"
            text = text if len(entries) == 1 else f"{entry.name} · {text}"
            if subject.state is State.ATTENTION:
                text = f"{text}. {tr(reason)}"
            item = QListWidgetItem(self._theme.state_icon(subject.state), text)
            item.setData(Qt.ItemDataRole.UserRole, (entry, subject.face.id))
            item.setToolTip(tr("Show this face"))
            self.faces.addItem(item)
        self.faces.setVisible(bool(rows))
        row = max(self.faces.sizeHintForRow(0), 18)
        self.faces.setFixedHeight(min(190, 8 + row * len(rows)))

    def _go_to(self, item: QListWidgetItem) -> None:
        entry, face_id = item.data(Qt.ItemDataRole.UserRole)
        self._document.show_photo(entry)
        self._document.select(face_id)
        self.face_wanted.emit()

    # Writing

    def _browse(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, tr("Folder"), self.folder.text())
        if chosen:
            self.folder.setText(chosen)

    def _write(self) -> None:
        suffix = _FORMATS[self.format.currentIndex()][0]
        folder = Path(self.folder.text().strip()).expanduser()
        entries = self.entries
        try:
            pattern = self.pattern.text()
            targets = targets_for(entries, folder, pattern=pattern, suffix=suffix)
            beside = targets_for(entries, folder, pattern=f"{pattern}-comparison", suffix=".jpg")
        except DeidError as error:
            self._say(str(error), State.ATTENTION)
            return
        self._records = []
        self._waiting = dict(zip(entries, targets, strict=True))
        self.bar.setRange(0, len(entries))
        self.bar.setValue(0)
        self.bar.show()
        self.cancel.show()
        self._say(tr("Checking every face on the finished pictures …"), None)
        finish = Finish(
            longest=_SIZES[self.longest.currentIndex()],
            quality=self.quality.value(),
            label=tr(LABEL) if self.label.isChecked() else "",
            words=Words(self.credit.text(), self.caption.text()),
            keep=Keep(colours=self.colours.currentIndex() == 1),
        )
        self._refresh()
        wanted = self.comparison.isChecked()
        titles = (tr("Original, not for publication"), tr("Result"))
        for entry, target, second in zip(entries, targets, beside, strict=True):
            own = replace(finish, comparison=second, titles=titles) if wanted else finish
            self._renderer.export(entry, target, finish=own)

    def _ended(self, entry: PhotoEntry, refused: str) -> None:
        if entry not in self._waiting:
            return
        target = self._waiting.pop(entry)
        self._records.append(record_of(entry, target.name, refused))
        self.bar.setValue(len(self._records))
        if not self._waiting:
            self._conclude(target.parent)

    def _conclude(self, folder: Path) -> None:
        self.cancel.hide()
        self.bar.hide()
        refused = [record for record in self._records if record.reason]
        written = [record.output for record in self._records if not record.reason]
        lines = [tr("Written: {names}", names=", ".join(written))] if written else []
        lines += [record.reason for record in refused]
        if self.report.isChecked():
            try:
                name = write_reports(folder, self._records, device=self._renderer.device)
                lines.append(tr("Report: {name}", name=name))
            except DeidError as error:
                lines.append(str(error))
        self._say("\n".join(lines), State.ATTENTION if refused else State.VERIFIED)
        self._refresh()

    def _say(self, words: str, state: State | None) -> None:
        self.outcome.setText(words)
        self._make_room()
        self.outcome.setStyleSheet(f"color: {self._theme.state_colour(state).name()}")
