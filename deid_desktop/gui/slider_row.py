"""One setting: dragged, typed, stepped with keys or wheel; double click or the button resets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QElapsedTimer, QEvent, QObject, Qt, Signal
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QGridLayout,
    QLabel,
    QSlider,
    QToolButton,
    QWidget,
)

from deid_desktop.core.types import Request
from deid_desktop.gui.theme import Theme
from deid_desktop.session.language import tr

SAME_GESTURE_MS = 900
"""Key presses and wheel turns this close together are one undo step."""


@dataclass(frozen=True)
class Control:
    """A setting of the request. A ``default`` of ``None`` follows the person."""

    title: str
    low: float
    high: float
    step: float
    default: float | None
    read: Callable[[Request], float | None]
    write: Callable[[Request, float | None], Request]
    tip: str
    scale: float = 1.0  # what is typed and shown, relative to the request's value
    suffix: str = ""
    ends: tuple[str, str] = ("", "")
    rest: float = 0.0  # where the slider stands while the person's own value is unknown


class _Slider(QSlider):
    """A slider that resets on double click and turns with the wheel only when it has focus."""

    reset = Signal()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Ask for the default."""
        self.reset.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Scroll the panel instead, unless chosen first."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class SliderRow(QWidget):
    """Label, slider, number and reset of one control."""

    edited = Signal(object, bool)  # value or None; whether it begins a new gesture
    moving = Signal()
    settled = Signal()

    def __init__(self, control: Control, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.control = control
        self._theme = theme
        self._steps = round((control.high - control.low) / control.step)
        self._clock = QElapsedTimer()
        self._dragging = False
        self._build()
        theme.changed.connect(self._style_reset)
        self._style_reset()

    def _build(self) -> None:
        control = self.control
        self.setToolTip(tr(control.tip))
        self._title = QLabel(tr(control.title))
        self._hint = QLabel(tr("matches the person"))
        self._hint.setProperty("role", "faint")
        self.slider = _Slider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, self._steps)
        self.slider.setPageStep(max(1, self._steps // 10))
        self.slider.setAccessibleName(tr(control.title))
        self.slider.setAccessibleDescription(tr(control.tip))
        self.number = QDoubleSpinBox()
        self.number.setRange(control.low * control.scale, control.high * control.scale)
        self.number.setSingleStep(control.step * control.scale)
        self.number.setDecimals(0 if control.step * control.scale >= 1 else 2)
        self.number.setSuffix(tr(control.suffix))
        self.number.setKeyboardTracking(False)
        self.number.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
        self.number.setAlignment(Qt.AlignmentFlag.AlignRight)
        room = self.number.fontMetrics().horizontalAdvance("-0.00 % ")
        self.number.setFixedWidth(max(66, room + 18))
        self.number.setAccessibleName(tr("{name}, typed value", name=tr(control.title)))
        self.number.installEventFilter(self)
        self.reset_button = QToolButton()
        self.reset_button.setAccessibleName(tr("Reset: {name}", name=tr(control.title)))
        self.reset_button.setToolTip(tr("Reset (or double-click the slider)"))
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(0)
        grid.addWidget(self._title, 0, 0)
        grid.addWidget(self._hint, 0, 1, Qt.AlignmentFlag.AlignRight)
        grid.addWidget(self.reset_button, 0, 2, Qt.AlignmentFlag.AlignRight)
        grid.addWidget(self.slider, 1, 0, 1, 2)
        grid.addWidget(self.number, 1, 2)
        if any(control.ends):
            left, right = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight
            for column, text, side in zip((0, 1), control.ends, (left, right), strict=True):
                end = QLabel(tr(text))
                end.setProperty("role", "faint")
                grid.addWidget(end, 2, column, side)
        grid.setColumnStretch(1, 1)
        self.slider.valueChanged.connect(self._slid)
        self.slider.sliderPressed.connect(self._press)
        self.slider.sliderReleased.connect(self._release)
        self.slider.reset.connect(self.reset)
        self.number.valueChanged.connect(self._typed)
        self.reset_button.clicked.connect(self.reset)

    def show_request(self, request: Request, own: float | None) -> None:
        """Follow the document. ``own``: the person's measured value, if known."""
        value = self.control.read(request)
        following = value is None
        shown = value if value is not None else own if own is not None else self.control.rest
        shown = min(self.control.high, max(self.control.low, shown))
        for widget in (self.slider, self.number):
            widget.blockSignals(True)
        if not self._dragging:
            self.slider.setValue(round((shown - self.control.low) / self.control.step))
        self.number.setValue(shown * self.control.scale)
        for widget in (self.slider, self.number):
            widget.blockSignals(False)
        if self.slider.property("following") != following:
            self.slider.setProperty("following", following)
            self.slider.style().unpolish(self.slider)
            self.slider.style().polish(self.slider)
        changed = value != self.control.default
        self._hint.setVisible(following)
        # Hidden rather than removed, so that rows keep their height.
        policy = self.reset_button.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.reset_button.setSizePolicy(policy)
        self.reset_button.setVisible(changed)

    def reset(self) -> None:
        """Return to the default."""
        self._dragging = False
        self.edited.emit(self.control.default, True)
        self._clock.invalidate()
        self.settled.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Keep the wheel from changing a number that is not chosen; double click resets."""
        if event.type() == QEvent.Type.Wheel and not self.number.hasFocus():
            event.ignore()
            return True
        return super().eventFilter(watched, event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Reset from the label too."""
        self.reset()

    def _press(self) -> None:
        self._dragging = True
        self._clock.invalidate()

    def _release(self) -> None:
        self._dragging = False
        self._clock.invalidate()
        self.settled.emit()

    def _slid(self, position: int) -> None:
        self._emit(self.control.low + position * self.control.step)
        self.moving.emit()

    def _typed(self, value: float) -> None:
        self._emit(value / self.control.scale)
        self.moving.emit()

    def _emit(self, value: float) -> None:
        fresh = not self._clock.isValid() or (
            not self._dragging and self._clock.elapsed() > SAME_GESTURE_MS
        )
        self._clock.start()
        # A whole number would not be the same after a project was saved and opened.
        self.edited.emit(float(round(value, 4)), fresh)

    def _style_reset(self) -> None:
        self.reset_button.setIcon(self._theme.icon("mdi6.restore", self._theme.colours.faint))
