"""Opening photos and projects, saving, and the questions that come with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QInputDialog, QMessageBox, QWidget

from deid_desktop.core.project import SUFFIX
from deid_desktop.core.types import DeidError
from deid_desktop.gui.notice import Notice
from deid_desktop.resources import resource
from deid_desktop.session.document import Document
from deid_desktop.session.language import tr
from deid_desktop.session.model import Stage
from deid_desktop.session.project_file import ProjectFile
from deid_desktop.session.render import Renderer
from deid_desktop.video import CLIP_SUFFIXES, is_clip

_PHOTOS = (
    "*.jpg *.jpeg *.png *.webp *.tif *.tiff *.heic *.heif *.avif *.arw *.bmp *.cr2 *.cr3 "
    "*.dng *.gif *.hif *.jfif *.jpe *.nef *.orf *.pef *.raf *.rw2 *.srw"
)
"""What ``core.imaging`` reads. A test compares; importing it here would load its libraries."""


class Opening(QObject):
    """What the file menu does. ``parent`` is the window, above which dialogs appear."""

    said = Signal(str)  # for the status bar
    clip_wanted = Signal(object)  # Path of a video

    def __init__(
        self,
        document: Document,
        renderer: Renderer,
        file: ProjectFile,
        notice: Notice,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._document, self._renderer = document, renderer
        self.file, self._notice, self._window = file, notice, parent
        renderer.not_found.connect(notice.ask)
        file.autosave_failed.connect(notice.ask)

    # Photos

    def open_paths(self, inputs: Iterable[Path]) -> None:
        """Open files, the pictures of folders, or a project."""
        paths = list(inputs)
        if not paths:
            return
        projects = [path for path in paths if path.suffix.lower() == SUFFIX]
        if projects:
            self.open_project(projects[0])
            return
        for clip in filter(is_clip, paths):
            self.clip_wanted.emit(clip)
        paths = [path for path in paths if not is_clip(path)]
        if not paths:
            return
        self._renderer.open(paths)

    def ask_for_photos(self) -> None:
        """Ask for files."""
        clips = " ".join(f"*{suffix}" for suffix in sorted(CLIP_SUFFIXES))
        kinds = f"{tr('Pictures')} ({_PHOTOS});;{tr('Clips')} ({clips});;{tr('All files')} (*)"
        chosen, _ = QFileDialog.getOpenFileNames(self._window, tr("Open photos"), "", kinds)
        self.open_paths(Path(name) for name in chosen)

    def ask_for_folder(self) -> None:
        """Ask for a folder."""
        title = tr("Open the photos of a folder")
        chosen = QFileDialog.getExistingDirectory(self._window, title)
        if chosen:
            self.open_paths([Path(chosen)])

    def ask_for_page(self) -> None:
        """Ask which picture of a file with several to work on."""
        entry = self._document.current
        assert entry is not None  # the button stands above a photo
        words = tr(
            "{name} holds {count} pictures. Choosing another one gives up the work on the faces "
            "of this one.",
            name=entry.name,
            count=entry.pages,
        )
        title = tr("Another page")
        page, chosen = QInputDialog.getInt(
            self._window, title, words, entry.page + 1, 1, entry.pages
        )
        if chosen and page - 1 != entry.page:
            self._document.turn_to(entry, page - 1)

    def open_sample(self) -> None:
        """Open the photo that ships with the program."""
        self.open_paths([resource("samples", "crew.jpg")])

    def paste(self) -> None:
        """Open files that were copied in a file manager. Pixels alone have no file to protect."""
        urls = QGuiApplication.clipboard().mimeData().urls()
        paths = [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]
        if paths:
            self.open_paths(paths)
        else:
            self.said.emit(tr("The clipboard holds no photo files; copy them in a file manager."))

    # Projects

    def ask_for_project(self) -> None:
        """Ask which project to open."""
        kinds = f"{tr('Projects')} (*{SUFFIX})"
        chosen, _ = QFileDialog.getOpenFileName(self._window, tr("Open project"), "", kinds)
        if chosen:
            self.open_project(Path(chosen))

    def open_project(self, path: Path) -> None:
        """Open a project in place of the session, once that is safe."""
        self.when_saved(lambda: self._open_project(path, recover=False))

    def _open_project(self, path: Path, *, recover: bool) -> None:
        try:
            self.file.open(path, recover=recover)
        except DeidError as error:
            self._notice.ask(str(error))
            return
        if not recover and self.file.recoverable():
            self._notice.ask(
                tr("The program ended before the last changes to this project were saved."),
                (tr("Bring them back"), lambda: self._open_project(path, recover=True)),
                (tr("Leave them"), self.file.forget_autosave),
            )
        else:
            self.ask_for_missing()

    def ask_for_missing(self) -> None:
        """Say which photos are not where they were, and offer to look for them."""
        missing = [e.name for e in self._document.entries if e.stage is Stage.MISSING]
        if missing:
            self._notice.ask(
                tr("Not where they were: {names}.", names=", ".join(missing)),
                (tr("Find their folder …"), self.ask_for_their_folder),
            )

    def ask_for_their_folder(self) -> None:
        """Ask where the missing photos are now."""
        title = tr("Folder of the missing photos")
        chosen = QFileDialog.getExistingDirectory(self._window, title)
        if chosen:
            self.find_missing(Path(chosen))

    def find_missing(self, folder: Path) -> None:
        """Look for missing photos in a folder; ask again while some are still missing."""
        if self.file.find_missing(folder):
            self.ask_for_missing()

    def save(self) -> bool:
        """Save the project, asking for a place the first time; return whether that was done."""
        return self.save_as() if self.file.path is None else self.save_to(self.file.path)

    def save_as(self) -> bool:
        """Ask for a place and save there."""
        kinds = f"{tr('Projects')} (*{SUFFIX})"
        chosen, _ = QFileDialog.getSaveFileName(self._window, tr("Save project"), "", kinds)
        if not chosen:
            return False
        path = Path(chosen)
        return self.save_to(path if path.suffix.lower() == SUFFIX else Path(f"{chosen}{SUFFIX}"))

    def save_to(self, path: Path) -> bool:
        """Save at a place; say what went wrong."""
        try:
            self.file.save(path.absolute())
        except DeidError as error:
            self._notice.ask(str(error))
            return False
        self.said.emit(tr("Saved {name}", name=path.name))
        return True

    def when_saved(self, go_on: Callable[[], object]) -> None:
        """Go on, after asking what becomes of unsaved changes, if there are any."""
        if not self.file.at_risk:
            go_on()
            return
        box = QMessageBox(self._window)
        box.setWindowTitle(tr("Unsaved changes"))
        saved_before = self.file.path is not None
        box.setText(
            tr("The project has changes that are not saved.")
            if saved_before
            else tr("The work on these photos is in no project yet.")
        )
        save = box.addButton(tr("Save"), QMessageBox.ButtonRole.AcceptRole)
        drop = box.addButton(tr("Discard"), QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(tr("Cancel"), QMessageBox.ButtonRole.RejectRole)

        def answered() -> None:
            clicked = box.clickedButton()
            box.deleteLater()
            if clicked is drop or (clicked is save and self.save()):
                # Only after the box is gone: going on may close the window above which it stands.
                QTimer.singleShot(0, go_on)

        box.finished.connect(answered)
        box.open()
