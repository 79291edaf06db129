"""What becomes of the person of the selected track, and what was found about that track."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from deid_desktop.core.types import Method
from deid_desktop.gui.choice import Choice
from deid_desktop.gui.controls import AGE, GENDER, SKIN
from deid_desktop.gui.slider_row import SliderRow
from deid_desktop.gui.theme import Theme, title_font
from deid_desktop.session.clip_model import ClipModel
from deid_desktop.session.clip_words import state_name
from deid_desktop.session.language import tr
from deid_desktop.session.words import method_name

_METHODS = tuple(Method)
_REST_MS = 600
"""A slider rests this long before the search begins again."""


class ClipPanel(QWidget):
    """Method, sliders, review and edits of one track."""

    add_wanted = Signal()

    def __init__(self, model: ClipModel, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._request = model.request
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_REST_MS)
        self._timer.timeout.connect(self._ask)
        self.heading = QLabel()
        self.heading.setFont(title_font(self.font()))
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.method = Choice(theme, tr("Method"), [method_name(method) for method in _METHODS])
        self.rows = [SliderRow(control, theme) for control in (GENDER, AGE, SKIN)]
        self.alone = QCheckBox(tr("Only in this stretch"))
        self.alone.setToolTip(
            tr("Split the track where the stretch begins and ends; elsewhere nothing changes")
        )
        self.approved = QCheckBox(tr("Looked at and approved"))
        self.split = QPushButton(tr("Split the track here"))
        self.remove = QPushButton(tr("Not a face"))
        self.add = QPushButton(tr("Add a face by two boxes …"))
        self.other = Choice(theme, tr("Another person"))
        self.same = QPushButton(tr("Same person"))
        self.apart = QPushButton(tr("Somebody else"))
        self._lay_out()
        self._connect()
        self.setFixedWidth(300)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 14, 14, 14)
        column.setSpacing(10)
        for widget in (
            self.heading, self.words, self.method, *self.rows, self.alone, self.approved,
        ):  # fmt: skip
            column.addWidget(widget)
        column.addStretch(1)
        for widget in (self.split, self.remove, self.apart, self.add):
            column.addWidget(widget)
        line = QHBoxLayout()
        line.addWidget(self.other, 1)
        line.addWidget(self.same)
        column.addLayout(line)

    def _connect(self) -> None:
        model = self._model
        self.method.activated.connect(self._choose)
        for row in self.rows:
            row.edited.connect(self._slide)
        self.alone.clicked.connect(self._ask)
        self.approved.toggled.connect(lambda on: model.approve(model.selected, on))
        self.split.clicked.connect(model.split)
        self.remove.clicked.connect(model.remove)
        self.add.clicked.connect(self.add_wanted)
        self.same.clicked.connect(self._join)
        self.apart.clicked.connect(self._part)
        model.changed.connect(self.refresh)
        model.moved.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Follow the model."""
        model, track = self._model, self._model.track
        person = model.person_of(track.id) if track else None
        ready = person is not None and not model.busy
        for widget in (
            self.method, *self.rows, self.alone, self.approved, self.remove, self.other,
        ):  # fmt: skip
            widget.setEnabled(ready)
        self.add.setEnabled(model.dressed is not None and not model.busy)
        inside = track is not None and track.first < model.index <= track.last
        self.split.setEnabled(ready and inside)
        others = [other for other in model.people if person and other.id != person.id]
        self.same.setEnabled(ready and bool(others))
        self.apart.setEnabled(ready and person is not None and len(person.tracks) > 1)
        if track is None or person is None:
            self.heading.setText(tr("No face selected"))
            self.words.setText("")
            return
        self.heading.setText(tr("Person {number}", number=person.id + 1))
        self.words.setText(self._said(track.first, track.last))
        if not self._timer.isActive():
            self._request = person.request_of(track.id)
            self._show_request()
            self.alone.setChecked(track.id in person.stretches)
        self.approved.blockSignals(True)
        self.approved.setChecked(track.id in model.approved)
        self.approved.blockSignals(False)
        if self.other.count() != len(others):
            self.other.clear()
        for number, other in enumerate(others):
            name = tr("Person {number}", number=other.id + 1)
            if number < self.other.count():
                self.other.setItemText(number, name)
            else:
                self.other.addItem(name)
            self.other.setItemData(number, other.tracks[0])

    def _said(self, first: int, last: int) -> str:
        model = self._model
        words = [
            tr(
                "Seen from {first} to {last} s.",
                first=f"{model.seconds(first):.2f}",
                last=f"{model.seconds(last):.2f}",
            )
        ]
        track = model.track
        assert track is not None
        for run in model.runs(track):
            if run.first <= model.index <= run.last:
                words.append(tr("Here: {state}.", state=state_name(run.state)))
        reason = model.reason(track.id, model.index)
        if reason:
            words.append(tr(reason))
        return " ".join(words)

    def _show_request(self) -> None:
        self.method.setCurrentIndex(_METHODS.index(self._request.method))
        for row in self.rows:
            row.show_request(self._request, None)
            row.setVisible(self._request.method is Method.SURROGATE)

    def _choose(self, index: int) -> None:
        self._request = replace(self._request, method=_METHODS[index])
        self._ask()

    def _slide(self, value: float | None, fresh: bool) -> None:
        row = self.sender()
        assert isinstance(row, SliderRow)
        self._request = row.control.write(self._request, value)
        self._show_request()
        self._timer.start()

    def _ask(self) -> None:
        self._timer.stop()
        person = self._model.person_of(self._model.selected)
        if person is None:
            return
        if self.alone.isChecked() or self._model.selected not in person.stretches:
            self._model.ask(self._request, alone=self.alone.isChecked())
        else:
            self._model.ask_as_elsewhere()

    def _join(self) -> None:
        self._model.join(int(self.other.currentData()))

    def _part(self) -> None:
        person = self._model.person_of(self._model.selected)
        if person is not None:
            rest = [track for track in person.tracks if track != self._model.selected]
            chosen = self._model.selected
            self._model.selected = rest[0]
            self._model.join(chosen, same=False)
            self._model.selected = chosen
