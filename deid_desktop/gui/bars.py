"""Menus and toolbar, built from the table of actions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import cast

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenuBar, QSizePolicy, QToolBar, QToolButton, QWidget

from deid_desktop.gui.actions import MENUS, TOOLBAR, plain
from deid_desktop.gui.theme import Theme, icon_side
from deid_desktop.session.language import tr


def fill_menus(bar: QMenuBar, actions: Mapping[str, QAction]) -> None:
    """Add the menus of the table."""
    for title, keys in MENUS.items():
        menu = bar.addMenu(tr(title))
        for key in keys:
            if key:
                menu.addAction(actions[key])
            else:
                menu.addSeparator()


def make_toolbar(actions: Mapping[str, QAction], theme: Theme) -> QToolBar:
    """Return the toolbar of the table."""
    bar = QToolBar(tr("Tools"))
    bar.setMovable(False)
    side = icon_side(bar.font())
    bar.setIconSize(QSize(side, side))
    for key in TOOLBAR:
        if key == ">":
            gap = QWidget()
            gap.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
            bar.addWidget(gap)
        elif key:
            bar.addAction(actions[key])
            bar.widgetForAction(actions[key]).setAccessibleName(plain(actions[key].text()))
        else:
            bar.addSeparator()
    for key in ("open_photos", "export_photo"):
        button = bar.widgetForAction(actions[key])
        button.setProperty("toolButtonStyle", Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    # The style's own arrow is black on black in the dark.
    more = cast(QToolButton, bar.findChild(QToolButton, "qt_toolbar_ext_button"))
    more.setAccessibleName(tr("More tools"))
    more.setToolTip(tr("More tools"))
    show = partial(_show_arrow, more, theme)
    theme.changed.connect(show)
    show()
    return bar


def _show_arrow(button: QToolButton, theme: Theme) -> None:
    button.setIcon(theme.icon("mdi6.chevron-double-right"))
