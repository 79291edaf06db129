"""The window of one clip: the frame, what becomes of its people, and the timeline below."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QCloseEvent, QKeySequence
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from deid_desktop.core.types import Box, Request
from deid_desktop.gui.choice import Choice
from deid_desktop.gui.clip_panel import ClipPanel
from deid_desktop.gui.clip_view import ClipView
from deid_desktop.gui.theme import Theme
from deid_desktop.gui.tick import Tick
from deid_desktop.gui.timeline_bars import TimelineBars
from deid_desktop.session.clip_model import ClipModel
from deid_desktop.session.clip_words import SOUNDS, doing_words, remaining
from deid_desktop.session.jobs import Redactor
from deid_desktop.session.language import tr

_LANES = 220
"""Height in pixels from which the timeline scrolls."""


class ClipWindow(QMainWindow):
    """Works on one clip; closing it ends its thread. An export that was cut off goes on later."""

    def __init__(
        self, path: Path, request: Request, theme: Theme, factory: Callable[[], Redactor],
        parent: QWidget | None = None,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(f"{path.name} – Deid Desktop")
        self.resize(1180, 760)
        self.model = ClipModel(path, request, factory, self)
        self._theme = theme
        self._began, self._doing = 0.0, ""
        self._first_box: tuple[int, Box] | None = None
        self.view = ClipView(self.model, theme)
        self.panel = ClipPanel(self.model, theme)
        self.bars = TimelineBars(self.model, theme)
        self._build_controls()
        self._lay_out()
        self._build_actions()
        self._connect()
        self._refresh()
        self.model.begin()

    def _build_controls(self) -> None:
        self.play = QPushButton(tr("Play"))
        self.problem = QPushButton(tr("Next problem"))
        self.undo = QPushButton(tr("Undo"))
        self.redo = QPushButton(tr("Redo"))
        self.original = Tick(self._theme, tr("Show the original"))
        self.where = QLabel()
        self.sound = Choice(self._theme, tr("Sound"), [tr(words) for words in SOUNDS.values()])
        self.export = QPushButton(tr("Export …"))
        self.bar = QProgressBar()
        self.bar.setAccessibleName(tr("Progress"))
        self.bar.setTextVisible(False)
        self.stop = QPushButton(tr("Pause"))
        self.stop.setToolTip(tr("What is done is kept: the same export goes on from there"))
        self.cancel = QPushButton(tr("Cancel"))
        self.cancel.setToolTip(tr("What is done is thrown away"))
        self.said = QLabel(doing_words("find"))
        self.said.setWordWrap(True)

    def _lay_out(self) -> None:
        middle = QHBoxLayout()
        middle.setContentsMargins(0, 0, 0, 0)
        middle.addWidget(self.view, 1)
        middle.addWidget(self.panel)
        controls = QHBoxLayout()
        for widget in (self.play, self.problem, self.undo, self.redo, self.original, self.where):
            controls.addWidget(widget)
        controls.addStretch(1)
        controls.addWidget(self.sound)
        controls.addWidget(self.export)
        work = QHBoxLayout()
        work.addWidget(self.said, 1)
        work.addWidget(self.bar, 1)
        work.addWidget(self.stop)
        work.addWidget(self.cancel)
        self.lanes = lanes = QScrollArea()
        lanes.setWidgetResizable(True)
        lanes.setWidget(self.bars)
        lanes.setAccessibleName(tr("Tracks"))
        lanes.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.setContentsMargins(10, 10, 10, 10)
        column.addLayout(middle, 1)
        column.addLayout(controls)
        column.addWidget(lanes)
        column.addLayout(work)
        self.setCentralWidget(whole)

    def _build_actions(self) -> None:
        for key, handler in (
            ("Space", self.model.play),
            ("N", self._next_problem),
            ("S", self.model.split),
            ("Ctrl+Z", self.model.undo),
            ("Ctrl+Shift+Z", self.model.redo),
            ("Esc", self._give_up_box),
        ):
            action = QAction(self)
            action.setShortcut(QKeySequence(key))
            action.triggered.connect(lambda _on=False, call=handler: call())
            self.addAction(action)

    def _connect(self) -> None:
        model = self.model
        self.play.clicked.connect(model.play)
        self.problem.clicked.connect(self._next_problem)
        self.undo.clicked.connect(model.undo)
        self.redo.clicked.connect(model.redo)
        self.original.toggled.connect(self.view.show_original)
        self.export.clicked.connect(self._ask_where)
        self.stop.clicked.connect(model.stop)
        self.cancel.clicked.connect(model.cancel)
        self.panel.add_wanted.connect(self._begin_add)
        self.view.drawn.connect(self._drawn)
        model.changed.connect(self._refresh)
        model.moved.connect(self._refresh)
        model.progressed.connect(self._progress)
        model.failed.connect(self.said.setText)
        model.exported.connect(self._exported)
        model.stopped.connect(self._stopped)

    # What happens

    def _next_problem(self) -> None:
        if not self.model.next_problem():
            self.said.setText(tr("Nothing that is rendered so far is masked unasked."))

    def _begin_add(self) -> None:
        self._first_box = None
        self.view.begin_box()
        self.said.setText(tr("Draw a box around the face in this frame."))

    def _drawn(self, box: Box) -> None:
        if self._first_box is None:
            self._first_box = (self.model.index, box)
            self.said.setText(
                tr("Now go to the last frame that shows the face, and draw a box there too.")
            )
            self.view.begin_box()
            return
        (first, first_box), self._first_box = self._first_box, None
        self.said.setText("")
        self.model.add(first, first_box, self.model.index, box)

    def _give_up_box(self) -> None:
        self._first_box = None
        self.view.cancel_box()
        self.said.setText("")

    def _ask_where(self) -> None:
        path = self.model.path
        start = str(path.with_name(f"{path.stem}-deid.mp4"))
        chosen, _ = QFileDialog.getSaveFileName(self, tr("Export"), start, "MP4 (*.mp4)")
        if chosen:
            self.export_to(Path(chosen).with_suffix(".mp4"))

    def export_to(self, target: Path) -> None:
        """Write the clip there. The dialog has asked about a file that exists."""
        sound = list(SOUNDS)[self.sound.currentIndex()]
        self.model.export(target, sound, overwrite=target.exists())

    def _stopped(self, cancelled: bool) -> None:
        self.said.setText(
            tr("Cancelled. Nothing of it is left.")
            if cancelled
            else tr("Paused. Export it under the same name again, and it goes on from there.")
        )

    def _exported(self, record: dict[str, object]) -> None:
        name = str(record["output"])
        self.said.setText(tr("Exported {name} as {target}", name=self.model.path.name, target=name))

    def _progress(self, doing: str, done: int, total: int) -> None:
        if done == total == 0 and doing != "cast":
            self.bar.hide()
            return
        if doing != self._doing:
            self._doing, self._began = doing, time.monotonic()
        self.bar.setRange(0, total)
        self.bar.setValue(min(done, total))
        words = doing_words(doing)
        spent = time.monotonic() - self._began
        if done and total > done and spent > 3:
            words = f"{words} {remaining(spent * (total - done) / done)}"
        self.said.setText(words)

    def _refresh(self) -> None:
        model = self.model
        ready = model.dressed is not None and not model.busy
        for widget in (self.play, self.problem, self.original):
            widget.setEnabled(ready)
        self.export.setEnabled(ready)
        sounding = model.found is not None and model.found.clip.sound
        self.sound.setEnabled(ready and sounding)
        self.undo.setEnabled(ready and bool(model.edits))
        self.redo.setEnabled(ready and bool(model.undone))
        self.play.setText(tr("Pause") if model.doing == "play" else tr("Play"))
        self.bar.setVisible(model.busy)
        self.lanes.setFixedHeight(min(_LANES, self.bars.sizeHint().height() + 4))
        self.stop.setVisible(model.doing == "export")
        self.cancel.setVisible(model.doing == "export")
        if ready and self.said.text() in map(doing_words, ("find", "cast")):
            self.said.setText("" if model.people else tr("No face was found in this clip."))
        if model.frames:
            place = f"{model.seconds(model.index):.2f} s"
            said = {"place": place, "index": model.index + 1, "count": model.frames}
            self.where.setText(tr("{place}, frame {index} of {count}", **said))

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """End the thread."""
        self.hide()
        self.model.close()
        super().closeEvent(event)
