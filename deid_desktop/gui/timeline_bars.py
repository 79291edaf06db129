"""The timeline: a bar for every track, one line for a person, and where the clip is now.

States differ in pattern and symbol as well as in colour. Click or drag to go somewhere; arrow keys
go a frame, with Shift a second, Home and End to the ends, up and down to another track.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from deid_desktop.core.types import State
from deid_desktop.gui.theme import Theme
from deid_desktop.session.clip_model import ClipModel, Run
from deid_desktop.session.clip_words import state_name
from deid_desktop.session.language import tr

if TYPE_CHECKING:
    from deid_desktop.video.tracks import Track

_ROW, _BAR, _RULER, _NAMES = 34, 22, 26, 120
_PATTERNS = {
    State.VERIFIED: Qt.BrushStyle.SolidPattern,
    State.MASKED: Qt.BrushStyle.BDiagPattern,
    State.KEPT: Qt.BrushStyle.Dense5Pattern,
    None: Qt.BrushStyle.NoBrush,
}
_STEPS = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0)


class TimelineBars(QWidget):
    """Draws the tracks of a model and moves in it."""

    def __init__(self, model: ClipModel, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model, self._theme = model, theme
        self.setAccessibleName(tr("Timeline"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        model.changed.connect(self._refresh)
        model.moved.connect(self._refresh)
        model.pictured.connect(self._refresh)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return room for a line for each person."""
        return QSize(640, _RULER + _ROW * max(1, len(self._model.people)) + 8)

    minimumSizeHint = sizeHint  # noqa: N815

    def _refresh(self) -> None:
        self.updateGeometry()
        self.setAccessibleDescription(self.words())
        self.update()

    def words(self) -> str:
        """Return where the clip is, and what is there, for those who cannot see the bars."""
        model = self._model
        if not model.frames:
            return ""
        parts = [tr("{time} s", time=f"{model.seconds(model.index):.2f}")]
        for person in model.people:
            for track in self._tracks(person.tracks):
                for run in model.runs(track):
                    if run.first <= model.index <= run.last:
                        name = tr("Person {number}", number=person.id + 1)
                        parts.append(f"{name}: {state_name(run.state)}")
        return ", ".join(parts)

    # Geometry

    def _x(self, index: float) -> float:
        wide = max(1, self.width() - _NAMES - 12)
        return _NAMES + wide * index / max(1, self._model.frames)

    def index_at(self, x: float) -> int:
        """Return the frame at a place."""
        wide = max(1, self.width() - _NAMES - 12)
        return int((x - _NAMES) / wide * max(1, self._model.frames))

    def bar_of(self, track: int) -> QRectF:
        """Return where a track's bar is; empty if there is none."""
        for row, person in enumerate(self._model.people):
            for own in self._tracks(person.tracks):
                if own.id == track:
                    top = _RULER + row * _ROW + (_ROW - _BAR) / 2
                    left = self._x(own.first)
                    return QRectF(left, top, max(3.0, self._x(own.last + 1) - left), _BAR)
        return QRectF()

    def _tracks(self, numbers: tuple[int, ...]) -> list[Track]:
        timeline = self._model.timeline
        return [t for t in timeline.tracks if t.id in numbers] if timeline else []

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the ruler, a line for each person, and the place."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours = self._theme.colours
        painter.fillRect(self.rect(), QColor(colours.panel))
        if self._model.frames:
            self._draw_ruler(painter)
            for row, person in enumerate(self._model.people):
                self._draw_person(painter, row, person.id, person.tracks)
            self._draw_place(painter)
        if self.hasFocus():
            painter.setPen(QPen(QColor(colours.accent), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))
        painter.end()

    def _draw_ruler(self, painter: QPainter) -> None:
        model, colours = self._model, self._theme.colours
        whole = max(model.seconds(model.frames - 1), 0.04)
        step = next((s for s in _STEPS if s / whole * self.width() > 70), _STEPS[-1])
        painter.setPen(QColor(colours.faint))
        for number in range(int(whole / step) + 1):
            x = self._x(number * step / whole * (model.frames - 1))
            painter.drawLine(QPointF(x, _RULER - 7), QPointF(x, _RULER - 2))
            label = f"{number * step:g}"
            painter.drawText(QRectF(x - 30, 2, 60, 16), Qt.AlignmentFlag.AlignHCenter, label)
        timeline = model.timeline
        assert timeline is not None
        painter.setPen(QPen(QColor(colours.faint), 1, Qt.PenStyle.DashLine))
        for index in range(1, model.frames):
            if timeline.scenes[index] != timeline.scenes[index - 1]:
                x = self._x(index)
                painter.drawLine(QPointF(x, _RULER), QPointF(x, self.height()))
            if timeline.broken[index]:
                left = self._x(index)
                damaged = QRectF(left, _RULER - 4, self._x(index + 1) - left, 4)
                painter.fillRect(damaged, QColor(colours.attention))

    def _draw_person(
        self, painter: QPainter, row: int, number: int, tracks: tuple[int, ...]
    ) -> None:
        colours, top = self._theme.colours, _RULER + row * _ROW
        painter.setPen(QColor(colours.line))
        painter.drawLine(0, top, self.width(), top)
        chosen = self._model.selected in tracks
        painter.setPen(QColor(colours.text if chosen else colours.faint))
        name = tr("Person {number}", number=number + 1)
        box = QRectF(10, top, _NAMES - 34, _ROW)
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, name)
        if tracks and set(tracks) <= self._model.approved:
            icon = self._theme.icon("mdi6.check-bold", colours.verified)
            icon.paint(painter, _NAMES - 26, top + (_ROW - 16) // 2, 16, 16)
        for track in self._tracks(tracks):
            for run in self._model.runs(track):
                self._draw_run(painter, run, top)
            if track.id == self._model.selected:
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(QColor(colours.accent), 2))
                painter.drawRoundedRect(self.bar_of(track.id).adjusted(-2, -2, 2, 2), 5, 5)

    def _draw_run(self, painter: QPainter, run: Run, top: int) -> None:
        left = self._x(run.first)
        bar = QRectF(left, top + (_ROW - _BAR) / 2, self._x(run.last + 1) - left, _BAR)
        colour = self._theme.state_colour(run.state)
        painter.setPen(QPen(colour, 1))
        painter.setBrush(QBrush(colour, _PATTERNS[run.state]))
        painter.drawRoundedRect(bar, 3, 3)
        if bar.width() > 26:
            under = QRectF(bar.left() + 3, bar.top() + 3, 16, 16)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(self._theme.colours.panel))
            painter.drawRoundedRect(under, 3, 3)
            self._theme.state_icon(run.state).paint(painter, under.toRect().adjusted(1, 1, -1, -1))

    def _draw_place(self, painter: QPainter) -> None:
        x = self._x(self._model.index + 0.5)
        painter.setPen(QPen(QColor(self._theme.colours.accent), 2))
        painter.drawLine(QPointF(x, _RULER - 8), QPointF(x, self.height()))

    # Moving

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Go there, and select the track that is there."""
        for person in self._model.people:
            for number in person.tracks:
                if self.bar_of(number).contains(event.position()):
                    self._model.select(number)
        self._model.go(self.index_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Scrub."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._model.go(self.index_at(event.position().x()))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Go by frames, seconds, to the ends, and from track to track."""
        model, key = self._model, event.key()
        second = round(float(model.found.clip.rate)) if model.found else 1
        far = second if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
        moves = {
            Qt.Key.Key_Left: model.index - far,
            Qt.Key.Key_Right: model.index + far,
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: model.frames - 1,
        }
        if key in moves:
            model.go(moves[Qt.Key(key)])
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            order = [number for person in model.people for number in person.tracks]
            if order:
                at = order.index(model.selected) if model.selected in order else 0
                step = 1 if key == Qt.Key.Key_Down else -1
                model.select(order[(at + step) % len(order)])
        else:
            super().keyPressEvent(event)
