"""Colours, icons and the style sheet, light and dark, following the system unless told."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from typing import cast

import qtawesome
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetrics, QGuiApplication, QIcon, QPalette
from PySide6.QtWidgets import QApplication

from deid_desktop.core.types import Method, State


@dataclass(frozen=True)
class Colours:
    """One scheme. ``faint`` is for hints, ``line`` for hairlines, ``stage`` lies under photos."""

    window: str
    panel: str
    raised: str
    hover: str
    stage: str
    line: str
    text: str
    faint: str
    accent: str
    on_accent: str
    verified: str
    masked: str
    kept: str
    attention: str
    working: str


DARK = Colours(
    window="#1c1e22",
    panel="#232529",
    raised="#2d3036",
    hover="#373b42",
    stage="#151619",
    line="#34373d",
    text="#e8eaed",
    faint="#a0a6b0",
    accent="#6ea8fe",
    on_accent="#0c1a30",
    verified="#57c78f",
    masked="#b3a6f7",
    kept="#e6bd5f",
    attention="#ff8b66",
    working="#8f96a1",
)
LIGHT = Colours(
    window="#f1f2f4",
    panel="#fbfbfc",
    raised="#eceef1",
    hover="#e1e4e9",
    stage="#dcdee2",
    line="#d5d8de",
    text="#1d2024",
    faint="#5c626c",
    accent="#1f5fd6",
    on_accent="#ffffff",
    verified="#16774a",
    masked="#5d4fc4",
    kept="#8a6100",
    attention="#c0390b",
    working="#6b717b",
)

STATE_ICONS = {
    State.VERIFIED: "mdi6.shield-check",
    State.MASKED: "mdi6.square-rounded",
    State.KEPT: "mdi6.eye",
    State.ATTENTION: "mdi6.alert",
    None: "mdi6.timer-sand",
}
METHOD_ICONS = {
    Method.SURROGATE: "mdi6.face-man-shimmer-outline",
    Method.SOLID: "mdi6.square-rounded",
    Method.BLUR: "mdi6.blur",
    Method.PIXELATE: "mdi6.grid",
    Method.KEEP: "mdi6.eye-outline",
}


@cache
def _icon(name: str, colour: str, disabled: str) -> QIcon:
    return cast(QIcon, qtawesome.icon(name, color=colour, color_disabled=disabled))


class Theme(QObject):
    """The scheme in force. ``choice``: ``system``, ``light`` or ``dark``."""

    changed = Signal()

    def __init__(self, choice: str = "system", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.choice = choice
        self.colours = DARK
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._apply)
        self._apply()

    @property
    def dark(self) -> bool:
        """Return whether the dark scheme is in force."""
        return self.colours is DARK

    def choose(self, choice: str) -> None:
        """Switch to ``system``, ``light`` or ``dark``."""
        self.choice = choice
        self._apply()

    def icon(self, name: str, colour: str = "") -> QIcon:
        """Return an icon in the text colour, or in the one given."""
        return _icon(name, colour or self.colours.text, self.colours.working)

    def state_colour(self, state: State | None) -> QColor:
        """Return the colour of a state, always shown together with its icon or word."""
        return QColor(
            {
                State.VERIFIED: self.colours.verified,
                State.MASKED: self.colours.masked,
                State.KEPT: self.colours.kept,
                State.ATTENTION: self.colours.attention,
                None: self.colours.working,
            }[state]
        )

    def state_icon(self, state: State | None, colour: str = "") -> QIcon:
        """Return the symbol of a state."""
        return self.icon(STATE_ICONS[state], colour or self.state_colour(state).name())

    def _apply(self) -> None:
        system_is_dark = QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
        dark = self.choice == "dark" or (self.choice == "system" and system_is_dark)
        self.colours = DARK if dark else LIGHT
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.setPalette(_palette(self.colours))
        application.setStyleSheet(_style_sheet(self.colours, application.font()))
        self.changed.emit()


def title_font(base: QFont, *, scale: float = 1.25, weight: int = 600) -> QFont:
    """Return a heading's font, relative to the system's own size."""
    font = QFont(base)
    font.setPointSizeF(base.pointSizeF() * scale)
    font.setWeight(QFont.Weight(weight))
    return font


def icon_side(font: QFont) -> int:
    """Return the side of an icon beside words in this font, in pixels."""
    return min(30, max(20, round(1.1 * QFontMetrics(font).height())))


def _palette(colours: Colours) -> QPalette:
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: colours.window,
        QPalette.ColorRole.WindowText: colours.text,
        QPalette.ColorRole.Base: colours.panel,
        QPalette.ColorRole.AlternateBase: colours.raised,
        QPalette.ColorRole.Text: colours.text,
        QPalette.ColorRole.Button: colours.raised,
        QPalette.ColorRole.ButtonText: colours.text,
        QPalette.ColorRole.BrightText: colours.attention,
        QPalette.ColorRole.ToolTipBase: colours.raised,
        QPalette.ColorRole.ToolTipText: colours.text,
        QPalette.ColorRole.PlaceholderText: colours.faint,
        QPalette.ColorRole.Highlight: colours.accent,
        QPalette.ColorRole.HighlightedText: colours.on_accent,
        QPalette.ColorRole.Link: colours.accent,
        QPalette.ColorRole.Mid: colours.line,
        QPalette.ColorRole.Light: colours.hover,
        QPalette.ColorRole.Dark: colours.line,
    }
    for role, colour in roles.items():
        palette.setColor(role, QColor(colour))
    for role in (
        QPalette.ColorRole.Text,
        QPalette.ColorRole.ButtonText,
        QPalette.ColorRole.WindowText,
    ):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(colours.working))
    return palette


_SHEET = """
QMainWindow, QDialog { background: %(window)s; }
QToolTip { background: %(raised)s; color: %(text)s; border: 1px solid %(line)s; padding: 4px 6px; }
QMenuBar { background: %(window)s; padding: 2px 6px; }
QMenuBar::item { padding: 4px 8px; border-radius: 5px; background: transparent; }
QMenuBar::item:selected { background: %(hover)s; }
QMenu { background: %(panel)s; border: 1px solid %(line)s; padding: 4px; }
QMenu::item { padding: 5px 24px 5px 10px; border-radius: 5px; }
QMenu::item:selected { background: %(hover)s; color: %(text)s; }
QMenu::item:disabled { color: %(working)s; }
QMenu::separator { height: 1px; background: %(line)s; margin: 4px 6px; }
QToolBar { background: %(window)s; border: 0; border-bottom: 1px solid %(line)s;
  padding: 5px 8px; spacing: 2px; }
QToolBar::separator { width: 1px; background: %(line)s; margin: 5px 7px; }
QToolButton { border: 1px solid transparent; border-radius: 6px; padding: 5px 6px; }
QToolButton#qt_toolbar_ext_button { padding: 0; background: %(raised)s; }
QToolButton:hover { background: %(hover)s; }
QToolButton:pressed { background: %(raised)s; }
QToolButton:checked { background: %(raised)s; border-color: %(accent)s; }
QToolButton:disabled { color: %(working)s; }
QToolButton:focus, QPushButton:focus { border-color: %(accent)s; }
QStatusBar { background: %(window)s; border-top: 1px solid %(line)s; color: %(faint)s; }
QStatusBar::item { border: 0; }
QStatusBar QLabel { color: %(faint)s; padding: 0 6px; }
QPushButton { background: %(raised)s; border: 1px solid %(line)s; border-radius: 6px;
  padding: 6px 14px; icon-size: %(symbol)dpx; }
QPushButton:hover { background: %(hover)s; }
QPushButton:disabled { color: %(working)s; }
QPushButton[primary="true"] { background: %(accent)s; color: %(on_accent)s;
  border-color: %(accent)s; font-weight: 600; }
QPushButton[primary="true"]:disabled { background: %(raised)s; color: %(working)s;
  border-color: %(line)s; }
QPushButton[primary="true"]:focus { border-color: %(text)s; }
QPushButton[flat="true"] { background: transparent; border-color: transparent;
  text-align: left; padding: 4px 6px; color: %(accent)s; }
QPushButton[flat="true"]:hover { background: %(hover)s; }
QPushButton[flat="true"]:focus { border-color: %(accent)s; }
QSpinBox, QDoubleSpinBox, QComboBox, QLineEdit { background: %(raised)s;
  border: 1px solid %(line)s; border-radius: 6px; padding: 3px 7px; min-height: 1.3em;
  selection-background-color: %(accent)s; selection-color: %(on_accent)s; }
QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus, QLineEdit:focus {
  border-color: %(accent)s; }
QComboBox::drop-down { border: 0; width: 22px; }
QComboBox::down-arrow { image: none; }
QComboBox QAbstractItemView { background: %(panel)s; border: 1px solid %(line)s;
  selection-background-color: %(hover)s; selection-color: %(text)s; }
QSlider { min-height: 22px; }
QSlider::groove:horizontal { height: 4px; border-radius: 2px; background: %(hover)s; }
QSlider::sub-page:horizontal { border-radius: 2px; background: %(accent)s; }
QSlider::handle:horizontal { width: 14px; height: 14px; margin: -5px 0; border-radius: 7px;
  background: %(text)s; border: 0; }
QSlider::handle:horizontal:focus { border: 2px solid %(accent)s; width: 12px; height: 12px;
  margin: -6px 0; border-radius: 8px; }
QSlider[following="true"]::sub-page:horizontal { background: %(hover)s; }
QSlider[following="true"]::handle:horizontal { background: %(working)s; }
QSlider::handle:horizontal:disabled { background: %(working)s; }
QProgressBar { background: %(raised)s; border: 0; border-radius: 3px; max-height: 6px; }
QProgressBar::chunk { background: %(accent)s; border-radius: 3px; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: %(hover)s; border-radius: 4px; min-height: 28px;
  min-width: 28px; margin: 1px; }
QScrollBar::handle:hover { background: %(working)s; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QSplitter::handle { background: %(line)s; }
QSplitter::handle:horizontal { width: 1px; }
QSplitter::handle:vertical { height: 1px; }
QListView { background: %(panel)s; border: 0; outline: 0; }
QTreeView { background: %(window)s; border: 1px solid %(line)s; border-radius: 6px; outline: 0; }
QTreeView:focus { border-color: %(accent)s; }
QTreeView::item:selected { background: %(hover)s; color: %(text)s; }
QListView::item:selected { background: %(raised)s; color: %(text)s; border-radius: 6px; }
*[role="history"] { border-top: 1px solid %(line)s; padding: 8px 10px; }
*[role="history"]::item { padding: 3px 6px; }
*[role="film"] { background: %(window)s; border-top: 1px solid %(line)s; padding: 6px; }
*[role="film"]::item { border-radius: 6px; padding: 3px; color: %(faint)s; }
*[role="film"]::item:selected { background: %(raised)s; color: %(text)s;
  border: 1px solid %(accent)s; }
QGraphicsView { background: %(stage)s; border: 1px solid %(stage)s; }
QGraphicsView:focus { border: 1px solid %(accent)s; }
QScrollArea, QScrollArea > QWidget > QWidget { background: transparent; border: 0; }
*[role="panel"] { background: %(panel)s; }
*[role="card"] { background: %(raised)s; border-radius: 8px; }
*[role="card"] QLineEdit { background: %(window)s; }
*[role="card"] QPushButton { background: %(hover)s; }
*[role="card"] QPushButton[flat="true"] { background: transparent; }
QCheckBox { spacing: 8px; }
QCheckBox::indicator { width: %(mark)dpx; height: %(mark)dpx; border: 1px solid %(working)s;
  border-radius: 4px; background: %(window)s; }
QCheckBox::indicator:checked { background: %(accent)s; border-color: %(accent)s; }
QCheckBox:focus { color: %(accent)s; }
QTabWidget::pane { border: 0; }
QTabBar::tab { padding: 6px 14px; color: %(faint)s; border-bottom: 2px solid transparent; }
QTabBar::tab:selected { color: %(text)s; border-bottom-color: %(accent)s; }
*[role="notice"] { background: %(raised)s; border-bottom: 2px solid %(accent)s; }
*[role="strip"] { background: %(window)s; border-bottom: 1px solid %(line)s; }
QLabel[role="faint"] { color: %(faint)s; }
QLabel[role="section"] { color: %(faint)s; font-weight: 600; }
QLabel[role="warning"] { background: %(raised)s; border-left: 3px solid %(attention)s;
  border-radius: 4px; padding: 7px 9px; }
QLabel[role="caption"] { background: %(window)s; color: %(faint)s; padding: 5px 10px;
  border-bottom: 1px solid %(line)s; font-weight: 600; }
"""


def _style_sheet(colours: Colours, font: QFont) -> str:
    """Return the sheet; marks in and beside words are as large as the words."""
    side = icon_side(font)
    return _SHEET % {**asdict(colours), "mark": side - 6, "symbol": side - 4}
