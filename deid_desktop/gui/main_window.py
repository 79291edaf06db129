"""The window: photos below, faces left, original and result in the middle, settings right."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import (
    QAction,
    QActionGroup,
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
)
from PySide6.QtWidgets import (
    QLabel,
    QMainWindow,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QUndoView,
    QVBoxLayout,
    QWidget,
)

from deid_desktop.core.types import DeidError
from deid_desktop.gui.about import show_about
from deid_desktop.gui.actions import (
    FACE_MENU,
    PHOTO_MENU,
    VIEWS,
    build_actions,
    style_actions,
)
from deid_desktop.gui.attribute_panel import AttributePanel
from deid_desktop.gui.bars import fill_menus, make_toolbar
from deid_desktop.gui.compare_view import CompareView, Mode
from deid_desktop.gui.crash_dialog import CrashDialog
from deid_desktop.gui.enabling import enabled_actions
from deid_desktop.gui.export_dialog import ExportDialog
from deid_desktop.gui.face_list import FaceList
from deid_desktop.gui.filmstrip import Filmstrip
from deid_desktop.gui.hints import Hints
from deid_desktop.gui.notice import Notice
from deid_desktop.gui.opening import Opening
from deid_desktop.gui.panels import left_panel, right_panel
from deid_desktop.gui.people_panel import PeoplePanel
from deid_desktop.gui.progress_strip import ProgressStrip
from deid_desktop.gui.review_panel import ReviewPanel
from deid_desktop.gui.settings_dialog import SettingsDialog
from deid_desktop.gui.summary_strip import SummaryStrip
from deid_desktop.gui.theme import Theme
from deid_desktop.gui.tools import Tools
from deid_desktop.gui.verify_panel import VerifyPanel
from deid_desktop.gui.welcome import Welcome
from deid_desktop.session.document import Document
from deid_desktop.session.language import tr
from deid_desktop.session.model import PhotoEntry
from deid_desktop.session.project_file import ProjectFile
from deid_desktop.session.render import Renderer
from deid_desktop.session.settings import Settings
from deid_desktop.session.stepping import holds_up, step_to
from deid_desktop.session.worker import make_pipeline
from deid_desktop.video import require


def _without_argument(handler: Callable[[], object]) -> Callable[[], None]:
    def call() -> None:
        handler()

    return call


class MainWindow(QMainWindow):
    """Wires the document, the renderer and the widgets."""

    def __init__(
        self, document: Document, renderer: Renderer, theme: Theme, settings: Settings
    ) -> None:
        super().__init__()
        self.document, self.renderer = document, renderer
        self.theme, self.settings = theme, settings
        self.export_dialog: ExportDialog | None = None
        self._leaving = False
        self.clips: list[QMainWindow] = []
        self.setWindowTitle("Deid Desktop")
        self.setAcceptDrops(True)
        self.setMinimumSize(900, 560)
        room = self.screen().availableGeometry().size()
        # A frame and a title bar need some room, too.
        self.resize(QSize(1440, 900).boundedTo(room - QSize(16, 48)))
        self.file = ProjectFile(document, self)
        self.notice = Notice()
        self.opening = Opening(document, renderer, self.file, self.notice, self)
        self.actions_by_key = build_actions(self, settings.shortcuts)
        theme.changed.connect(self._style_actions)
        self._style_actions()
        self._sample = QAction(tr("Sample photo"), self)
        self._sample.triggered.connect(self.opening.open_sample)
        self.hints = Hints(self.notice, settings)
        self._sample.triggered.connect(_without_argument(self.hints.begin_once))
        self._build_widgets()
        self._build_bars()
        self._connect()
        self.restoreGeometry(settings.geometry)
        self._refresh()

    # Construction

    def _build_widgets(self) -> None:
        document, renderer, theme = self.document, self.renderer, self.theme
        self.compare = CompareView(document, renderer, theme)
        self.tools = Tools(self.actions_by_key, self.compare, document, self)
        self.faces = FaceList(document, renderer, theme)
        self.filmstrip = Filmstrip(document, theme)
        self.verdict = VerifyPanel(document, theme)
        self.attributes = AttributePanel(document, renderer.alternatives, theme, self.settings)
        self.review = ReviewPanel(document, theme)
        self.review.hide()
        self.people = PeoplePanel(document, theme)
        self.people.hide()
        self.summary = SummaryStrip(document, theme)
        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.summary)
        column.addWidget(self.compare, 1)
        self.columns = QSplitter(Qt.Orientation.Horizontal)
        self.columns.setChildrenCollapsible(False)
        self.mark_button = QPushButton(tr("Mark a missed face"))
        self.history = QUndoView(document.undo_stack)
        left = left_panel(self.faces, self.mark_button, self.history)
        self.right = right = right_panel(self.verdict, self.people, self.review, self.attributes)
        for widget, stretch in ((left, 0), (middle, 1), (right, 0)):
            self.columns.addWidget(widget)
            self.columns.setStretchFactor(self.columns.count() - 1, stretch)
        # Large text leaves little room: then states are shortened before the photo is.
        room = min(self.faces.roomy_width(), max(280, self.width() // 4))
        self.columns.setSizes([room, 800, right.minimumWidth() + 4])
        workbench = QWidget()
        rows = QVBoxLayout(workbench)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addWidget(self.columns, 1)
        rows.addWidget(self.filmstrip)
        self.pages = QStackedWidget()
        whole = QWidget()
        over = QVBoxLayout(whole)
        over.setContentsMargins(0, 0, 0, 0)
        over.setSpacing(0)
        over.addWidget(self.notice)
        over.addWidget(self.pages, 1)
        self.welcome = Welcome(self.actions_by_key["open_photos"], self._sample, theme)
        self.pages.addWidget(self.welcome)
        self.pages.addWidget(workbench)
        self.setCentralWidget(whole)

    def _build_bars(self) -> None:
        fill_menus(self.menuBar(), self.actions_by_key)
        self.addToolBar(make_toolbar(self.actions_by_key, self.theme))
        self.progress = ProgressStrip(self.renderer)
        self.statusBar().addWidget(self.progress)
        self.zoom_label = QLabel()
        self.device_label = QLabel()
        self.device_label.setToolTip(tr("Where the surrogates are computed"))
        self.statusBar().addPermanentWidget(self.device_label)
        self.statusBar().addPermanentWidget(self.zoom_label)
        self.statusBar().setSizeGripEnabled(False)

    def _connect(self) -> None:
        actions = self.actions_by_key
        views = QActionGroup(self)
        for key in VIEWS:
            views.addAction(actions[key])
        for key, handler in self._handlers().items():
            # Without the "checked" argument that the signal carries.
            actions[key].triggered.connect(_without_argument(handler))
        self.mark_button.setToolTip(actions["mark_face"].toolTip())
        self.mark_button.clicked.connect(actions["mark_face"].trigger)
        actions["view_side"].setChecked(True)
        actions["show_outlines"].setChecked(True)
        stack = self.document.undo_stack
        stack.canUndoChanged.connect(actions["undo"].setEnabled)
        stack.canRedoChanged.connect(actions["redo"].setEnabled)
        stack.undoTextChanged.connect(self._name_undo)
        stack.redoTextChanged.connect(self._name_redo)
        self.document.anything_changed(self._refresh)
        self.document.people.warned.connect(self.notice.ask)
        self.renderer.casting.warned.connect(self.notice.ask)
        self.renderer.casting.told.connect(self._say)
        self.compare.zoomed.connect(self._show_zoom)
        self.tools.said.connect(self._say)
        self.document.refused.connect(self._say)
        self.attributes.moving.connect(self.renderer.live)
        self.attributes.settled.connect(self.renderer.settle)
        self.opening.said.connect(self._say)
        self.opening.clip_wanted.connect(self.open_clip)
        self.file.changed.connect(self._refresh)
        self.renderer.progressed.connect(self._allow_cancel)
        self.renderer.device_changed.connect(self._show_device)
        self.renderer.exported.connect(self._exported)
        self.renderer.export_refused.connect(self._refused)
        self.summary.retry_wanted.connect(self._retry)
        self.summary.blocked_wanted.connect(self.next_blocked)
        self.summary.export_wanted.connect(self.export_photo)
        self.summary.anew_wanted.connect(self._start_anew)
        self.summary.folder_wanted.connect(self.opening.ask_for_their_folder)
        self.summary.page_wanted.connect(self.opening.ask_for_page)
        for widget, keys in ((self.filmstrip, PHOTO_MENU), (self.faces, FACE_MENU)):
            widget.addActions([actions[key] for key in keys])
            widget.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)

    # Opening

    def open_paths(self, inputs: Iterable[Path]) -> None:
        """Open files, folders or a project."""
        self.opening.open_paths(inputs)

    def open_clip(self, path: Path) -> None:
        """Open a video in a window of its own."""
        try:
            require(path.name)
        except DeidError as error:
            self.notice.ask(str(error))
            return
        from deid_desktop.gui.clip_window import ClipWindow

        own = self.settings
        factory = partial(make_pipeline, own.device, own.threads, own.threshold)
        window = ClipWindow(path, self.document.standard, self.theme, factory, self)
        self.clips.append(window)
        window.destroyed.connect(lambda: self.clips.remove(window))
        window.show()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Accept files."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Open what was dropped."""
        self.open_paths(
            [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        )
        event.acceptProposedAction()

    # Actions

    def _handlers(self) -> dict[str, Callable[[], object]]:
        """Return what each action of the table does."""
        document, compare, opening = self.document, self.compare, self.opening
        return {
            "open_photos": opening.ask_for_photos,
            "open_folder": opening.ask_for_folder,
            "paste_photos": opening.paste,
            "open_project": opening.ask_for_project,
            "save_project": opening.save,
            "save_project_as": opening.save_as,
            "export_photo": self.export_photo,
            "close_photo": self._close_photos,
            "quit": self.close,
            "undo": document.undo_stack.undo,
            "redo": document.undo_stack.redo,
            "show_history": self._show_history,
            "not_a_face": document.remove_face,
            **self.tools.handlers(),
            "another_face": document.another_face,
            "copy_settings": self.attributes.copy_settings,
            "paste_settings": self.attributes.paste_settings,
            "select_all": self._select_all,
            "next_face": partial(document.step_face, 1),
            "previous_face": partial(document.step_face, -1),
            "next_blocked": self.next_blocked,
            "next_photo": partial(document.step_photo, 1),
            "previous_photo": partial(document.step_photo, -1),
            "show_review": self._show_review,
            "show_people": self._show_people,
            "approve": partial(self.review.decide, approved=True),
            "reject": partial(self.review.decide, approved=False),
            "view_side": partial(compare.set_mode, Mode.SIDE),
            "view_result": partial(compare.set_mode, Mode.RESULT),
            "view_split": partial(compare.set_mode, Mode.SPLIT),
            "view_original": partial(compare.set_mode, Mode.ORIGINAL),
            "view_blink": partial(compare.set_mode, Mode.BLINK),
            "zoom_fit": compare.fit,
            "zoom_actual": compare.actual_size,
            "zoom_face": compare.go_to_selected,
            "zoom_in": compare.zoom_in,
            "zoom_out": compare.zoom_out,
            "show_outlines": self._show_outlines,
            "cycle_theme": self._cycle_theme,
            "settings": self.show_settings,
            "cancel_work": self.renderer.cancel,
            "first_steps": self.hints.begin,
            "about": partial(show_about, self),
        }

    def _style_actions(self) -> None:
        style_actions(self.actions_by_key, self.theme)

    def _select_all(self) -> None:
        if self.document.current is not None and self.document.selected is not None:
            present = self.document.current.present()
            self.document.select(self.document.selected_id, (s.face.id for s in present))

    def _show_history(self) -> None:
        self.history.setVisible(self.actions_by_key["show_history"].isChecked())

    def _show_people(self) -> None:
        self._show_card(self.people, "show_people")

    def _show_review(self) -> None:
        self._show_card(self.review, "show_review")

    def _show_card(self, card: QWidget, key: str) -> None:
        """Show or hide a part of the right column; what was asked for is in view."""
        card.setVisible(self.actions_by_key[key].isChecked())
        if card.isVisible():
            # Its place is known when the layout has been made.
            QTimer.singleShot(0, card, lambda: self.right.ensureWidgetVisible(card))

    def show_settings(self) -> None:
        """Show the settings."""
        self.settings_dialog = SettingsDialog(self.settings, self.actions_by_key, self.theme, self)
        self.settings_dialog.show()

    def _show_outlines(self) -> None:
        self.compare.show_outlines(self.actions_by_key["show_outlines"].isChecked())

    def next_blocked(self) -> None:
        """Go to the next face that blocks an export, in this photo or a later one."""
        if not step_to(self.document, holds_up):
            self._say(tr("No face needs attention."))
        self.compare.go_to_selected()

    def _cycle_theme(self) -> None:
        order = ("system", "light", "dark")
        choice = order[(order.index(self.theme.choice) + 1) % len(order)]
        self.theme.choose(choice)
        self.settings.scheme = choice
        self._say(tr("Colours: {choice}", choice=tr(choice)))

    def export_photo(self) -> None:
        """Show what is in the way, or where to write."""
        selected = self.filmstrip.selected_entries()
        dialog = ExportDialog(self.document, self.renderer, self.theme, selected, self)
        dialog.face_wanted.connect(self.compare.go_to_selected)
        self.export_dialog = dialog
        dialog.show()

    # What the user is told

    def show_crash(self, report: str) -> None:
        """Show the report of an error nobody caught."""
        CrashDialog(report, self).show()

    def _retry(self) -> None:
        if self.document.current is not None:
            self.document.retry(self.document.current)

    def _start_anew(self) -> None:
        if self.document.current is not None:
            self.document.start_anew(self.document.current)

    def _close_photos(self) -> None:
        current = [self.document.current] if self.document.current is not None else []
        self.document.close_photos(self.filmstrip.selected_entries() or current)

    def _exported(self, entry: PhotoEntry, name: str) -> None:
        self._say(tr("Exported {name} as {target}", name=entry.name, target=name))

    def _refused(self, entry: PhotoEntry, reason: str) -> None:
        self._say(reason)

    def _say(self, words: str) -> None:
        self.statusBar().showMessage(words, 12_000)

    def _allow_cancel(self, _words: str, _done: int, total: int) -> None:
        self.actions_by_key["cancel_work"].setEnabled(total > 0)

    def _show_device(self, device: str) -> None:
        if self.device_label.text() and device == "cpu":
            self._say(tr("The graphics card is out of memory; going on on the processor."))
        self.device_label.setText(device.upper())

    def _show_zoom(self, zoom: float) -> None:
        self.zoom_label.setText(f"{zoom * 100:.0f} %")

    def _name_undo(self, step: str) -> None:
        self.actions_by_key["undo"].setText(tr("&Undo {step}", step=step).strip())

    def _name_redo(self, step: str) -> None:
        self.actions_by_key["redo"].setText(tr("&Redo {step}", step=step).strip())

    def _refresh(self) -> None:
        entry = self.document.current
        self.pages.setCurrentIndex(0 if entry is None else 1)
        project = self.file.path.name if self.file.path else ""
        names = [name for name in (entry.name if entry else "", project, "Deid Desktop") if name]
        self.setWindowTitle(" – ".join(names) + "[*]")
        self.setWindowModified(self.file.dirty)
        enabled = enabled_actions(self.document, copied=self.attributes.copied is not None)
        for key, value in enabled.items():
            self.actions_by_key[key].setEnabled(value)
        self.mark_button.setEnabled(enabled["mark_face"])

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Ask about unsaved changes, remember the geometry, end the thread."""
        if self.file.at_risk and not self._leaving:
            event.ignore()
            self.opening.when_saved(self._leave)
            return
        self.settings.geometry = self.saveGeometry()
        # The running step may take a moment to end; nobody has to watch.
        self.hide()
        for clip in list(self.clips):
            clip.close()
        self.file.close()
        self.renderer.close()
        # What is taken apart from here on has nobody to tell.
        for teller in (self.document, self.document.undo_stack):
            teller.blockSignals(True)
        super().closeEvent(event)

    def _leave(self) -> None:
        self._leaving = True
        self.close()
