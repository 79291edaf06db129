"""The window: photos below, faces left, original and result in the middle, settings right."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import (
    QAction,
    QActionGroup,
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
)
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from deid_desktop.core.types import DeidError
from deid_desktop.gui.about import show_about
from deid_desktop.gui.actions import MENUS, TOOLBAR, build_actions, style_actions
from deid_desktop.gui.attribute_panel import AttributePanel
from deid_desktop.gui.compare_view import CompareView, Mode
from deid_desktop.gui.crash_dialog import CrashDialog
from deid_desktop.gui.export_dialog import ExportDialog
from deid_desktop.gui.face_list import FaceList
from deid_desktop.gui.filmstrip import Filmstrip
from deid_desktop.gui.progress_strip import ProgressStrip
from deid_desktop.gui.summary_strip import SummaryStrip
from deid_desktop.gui.theme import Theme
from deid_desktop.gui.verify_panel import VerifyPanel
from deid_desktop.gui.welcome import Welcome
from deid_desktop.resources import resource
from deid_desktop.session.document import Document, PhotoEntry, Stage
from deid_desktop.session.render import Renderer
from deid_desktop.session.settings import Settings

_OPEN_FILTER = "Pictures (*.jpg *.jpeg *.png *.webp *.tif *.tiff *.bmp *.avif);;All files (*)"


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
        self.setWindowTitle("Deid Desktop")
        self.setAcceptDrops(True)
        self.setMinimumSize(900, 560)
        self.resize(1440, 900)
        self.actions_by_key = build_actions(self)
        theme.changed.connect(self._style_actions)
        self._style_actions()
        self._sample = QAction("Sample photo", self)
        self._sample.triggered.connect(self._open_sample)
        self._build_widgets()
        self._build_bars()
        self._connect()
        self.restoreGeometry(settings.geometry)
        self._refresh()

    # Construction

    def _build_widgets(self) -> None:
        document, renderer, theme = self.document, self.renderer, self.theme
        self.compare = CompareView(document, renderer, theme)
        self.faces = FaceList(document, renderer, theme)
        self.filmstrip = Filmstrip(document, theme)
        self.verdict = VerifyPanel(document, theme)
        self.attributes = AttributePanel(document, theme)
        self.summary = SummaryStrip(document, theme)
        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.summary)
        column.addWidget(self.compare, 1)
        self.columns = QSplitter(Qt.Orientation.Horizontal)
        self.columns.setChildrenCollapsible(False)
        for widget, stretch in ((self._left(), 0), (middle, 1), (self._right(), 0)):
            self.columns.addWidget(widget)
            self.columns.setStretchFactor(self.columns.count() - 1, stretch)
        self.columns.setSizes([272, 800, 380])
        workbench = QWidget()
        rows = QVBoxLayout(workbench)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addWidget(self.columns, 1)
        rows.addWidget(self.filmstrip)
        self.pages = QStackedWidget()
        self.welcome = Welcome(self.actions_by_key["open_photos"], self._sample, theme)
        self.pages.addWidget(self.welcome)
        self.pages.addWidget(workbench)
        self.setCentralWidget(self.pages)

    def _left(self) -> QWidget:
        panel = QFrame()
        panel.setProperty("role", "panel")
        panel.setMinimumWidth(200)
        panel.setMaximumWidth(340)
        column = QVBoxLayout(panel)
        column.setContentsMargins(0, 12, 0, 8)
        column.setSpacing(8)
        title = QLabel("Faces")
        title.setProperty("role", "section")
        title.setContentsMargins(16, 0, 0, 0)
        column.addWidget(title)
        column.addWidget(self.faces, 1)
        self.mark_button = QPushButton("Mark a missed face")
        self.mark_button.setToolTip(self.actions_by_key["mark_face"].toolTip())
        self.mark_button.clicked.connect(self.actions_by_key["mark_face"].trigger)
        row = QHBoxLayout()
        row.setContentsMargins(12, 0, 12, 4)
        row.addWidget(self.mark_button)
        column.addLayout(row)
        return panel

    def _right(self) -> QWidget:
        inner = QFrame()
        column = QVBoxLayout(inner)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(14)
        column.addWidget(self.verdict)
        column.addWidget(self.attributes)
        column.addStretch(1)
        panel = QScrollArea()
        panel.setProperty("role", "panel")
        panel.setFrameShape(QFrame.Shape.NoFrame)
        panel.setWidgetResizable(True)
        panel.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        panel.setAccessibleName("Settings of the selected face")
        panel.setMinimumWidth(376)
        panel.setMaximumWidth(440)
        panel.setWidget(inner)
        return panel

    def _build_bars(self) -> None:
        for title, keys in MENUS.items():
            menu = self.menuBar().addMenu(title)
            for key in keys:
                if key:
                    menu.addAction(self.actions_by_key[key])
                else:
                    menu.addSeparator()
        bar = QToolBar("Tools")
        bar.setMovable(False)
        bar.setIconSize(QSize(20, 20))
        for key in TOOLBAR:
            if key == ">":
                gap = QWidget()
                gap.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
                bar.addWidget(gap)
            elif key:
                bar.addAction(self.actions_by_key[key])
                bar.widgetForAction(self.actions_by_key[key]).setAccessibleName(
                    self.actions_by_key[key].text().replace("&", "")
                )
            else:
                bar.addSeparator()
        for key in ("open_photos", "export_photo"):
            button = bar.widgetForAction(self.actions_by_key[key])
            button.setProperty("toolButtonStyle", Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.addToolBar(bar)
        self.progress = ProgressStrip(self.renderer)
        self.statusBar().addWidget(self.progress)
        self.zoom_label = QLabel()
        self.device_label = QLabel()
        self.device_label.setToolTip("Where the surrogates are computed")
        self.statusBar().addPermanentWidget(self.device_label)
        self.statusBar().addPermanentWidget(self.zoom_label)
        self.statusBar().setSizeGripEnabled(False)

    def _connect(self) -> None:
        actions = self.actions_by_key
        views = QActionGroup(self)
        for key in ("view_side", "view_result", "view_split", "view_original"):
            views.addAction(actions[key])
        for key, handler in self._handlers().items():
            # Without the "checked" argument that the signal carries.
            actions[key].triggered.connect(_without_argument(handler))
        actions["view_side"].setChecked(True)
        actions["show_outlines"].setChecked(True)
        stack = self.document.undo_stack
        stack.canUndoChanged.connect(actions["undo"].setEnabled)
        stack.canRedoChanged.connect(actions["redo"].setEnabled)
        stack.undoTextChanged.connect(self._name_undo)
        stack.redoTextChanged.connect(self._name_redo)
        self.document.anything_changed(self._refresh)
        self.compare.zoomed.connect(self._show_zoom)
        self.compare.marking_ended.connect(partial(actions["mark_face"].setChecked, False))
        self.attributes.moving.connect(self.renderer.live)
        self.attributes.settled.connect(self.renderer.settle)
        self.renderer.progressed.connect(self._allow_cancel)
        self.renderer.device_changed.connect(self._show_device)
        self.renderer.exported.connect(self._exported)
        self.renderer.export_refused.connect(self._refused)
        self.summary.retry_wanted.connect(self._retry)
        self.summary.blocked_wanted.connect(self.next_blocked)
        self.summary.export_wanted.connect(self.export_photo)

    # Opening

    def open_paths(self, inputs: Iterable[Path]) -> None:
        """Open files and the pictures of folders."""
        from deid_desktop.core.imaging import find_photos

        try:
            self.document.open(find_photos(inputs))
        except DeidError as error:
            self.statusBar().showMessage(str(error), 12_000)

    def _ask_for_photos(self) -> None:
        chosen, _ = QFileDialog.getOpenFileNames(self, "Open photos", "", _OPEN_FILTER)
        self.open_paths(Path(name) for name in chosen)

    def _ask_for_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Open the photos of a folder")
        if chosen:
            self.open_paths([Path(chosen)])

    def _open_sample(self) -> None:
        self.open_paths([resource("samples", "crew.jpg")])

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Accept files."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Open what was dropped."""
        self.open_paths(
            Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()
        )
        event.acceptProposedAction()

    # Actions

    def _handlers(self) -> dict[str, Callable[[], object]]:
        """Return what each action of the table does."""
        document, compare = self.document, self.compare
        return {
            "open_photos": self._ask_for_photos,
            "open_folder": self._ask_for_folder,
            "export_photo": self.export_photo,
            "quit": self.close,
            "undo": document.undo_stack.undo,
            "redo": document.undo_stack.redo,
            "mark_face": self._mark_face,
            "not_a_face": document.remove_face,
            "another_face": document.another_face,
            "next_face": partial(document.step_face, 1),
            "previous_face": partial(document.step_face, -1),
            "next_blocked": self.next_blocked,
            "next_photo": partial(document.step_photo, 1),
            "previous_photo": partial(document.step_photo, -1),
            "view_side": partial(compare.set_mode, Mode.SIDE),
            "view_result": partial(compare.set_mode, Mode.RESULT),
            "view_split": partial(compare.set_mode, Mode.SPLIT),
            "view_original": partial(compare.set_mode, Mode.ORIGINAL),
            "zoom_fit": compare.fit,
            "zoom_actual": compare.actual_size,
            "zoom_face": compare.go_to_selected,
            "zoom_in": compare.zoom_in,
            "zoom_out": compare.zoom_out,
            "show_outlines": self._show_outlines,
            "cycle_theme": self._cycle_theme,
            "cancel_work": self.renderer.cancel,
            "about": partial(show_about, self),
        }

    def _style_actions(self) -> None:
        style_actions(self.actions_by_key, self.theme)

    def _mark_face(self) -> None:
        self.compare.set_marking(self.actions_by_key["mark_face"].isChecked())

    def _show_outlines(self) -> None:
        self.compare.show_outlines(self.actions_by_key["show_outlines"].isChecked())

    def next_blocked(self) -> None:
        """Go to the next face that blocks the export."""
        self.document.step_face(1, only_blocked=True)
        self.compare.go_to_selected()

    def _cycle_theme(self) -> None:
        order = ("system", "light", "dark")
        choice = order[(order.index(self.theme.choice) + 1) % len(order)]
        self.theme.choose(choice)
        self.settings.scheme = choice
        self.statusBar().showMessage(f"Colours: {choice}", 3000)

    def export_photo(self) -> None:
        """Show what is in the way, or where to write."""
        entry = self.document.current
        if entry is None:
            return
        dialog = ExportDialog(self.document, self.renderer, self.theme, entry, self)
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

    def _exported(self, entry: PhotoEntry, name: str) -> None:
        self.statusBar().showMessage(f"Exported {entry.name} as {name}", 12_000)

    def _refused(self, entry: PhotoEntry, reason: str) -> None:
        self.statusBar().showMessage(reason, 12_000)

    def _allow_cancel(self, _words: str, _done: int, total: int) -> None:
        self.actions_by_key["cancel_work"].setEnabled(total > 0)

    def _show_device(self, device: str) -> None:
        if self.device_label.text() and device == "cpu":
            words = "The graphics card is out of memory; going on on the processor."
            self.statusBar().showMessage(words, 12_000)
        self.device_label.setText(device.upper())

    def _show_zoom(self, zoom: float) -> None:
        self.zoom_label.setText(f"{zoom * 100:.0f} %")

    def _name_undo(self, step: str) -> None:
        self.actions_by_key["undo"].setText(f"&Undo {step}".strip())

    def _name_redo(self, step: str) -> None:
        self.actions_by_key["redo"].setText(f"&Redo {step}".strip())

    def _refresh(self) -> None:
        entry = self.document.current
        self.pages.setCurrentIndex(0 if entry is None else 1)
        name = f"{entry.name} – " if entry else ""
        self.setWindowTitle(f"{name}Deid Desktop")
        ready = entry is not None and entry.stage is Stage.READY
        chosen = ready and self.document.selected is not None
        several = entry is not None and bool(entry.present())
        stack = self.document.undo_stack
        enabled = {
            "export_photo": ready,
            "mark_face": ready,
            "not_a_face": chosen,
            "another_face": chosen,
            "zoom_face": chosen,
            "next_face": several,
            "previous_face": several,
            "next_blocked": entry is not None and bool(entry.blocked()),
            "next_photo": len(self.document.entries) > 1,
            "previous_photo": len(self.document.entries) > 1,
            "undo": stack.canUndo(),
            "redo": stack.canRedo(),
        }
        for key, value in enabled.items():
            self.actions_by_key[key].setEnabled(value)
        self.mark_button.setEnabled(ready)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Remember the geometry, end the thread."""
        self.settings.geometry = self.saveGeometry()
        # The running step may take a moment to end; nobody has to watch.
        self.hide()
        self.renderer.close()
        super().closeEvent(event)
