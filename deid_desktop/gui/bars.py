"""Menus and toolbar, built from the table of actions."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenuBar, QSizePolicy, QToolBar, QWidget

from deid_desktop.gui.actions import MENUS, TOOLBAR, plain
from deid_desktop.gui.theme import icon_side
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


def make_toolbar(actions: Mapping[str, QAction]) -> QToolBar:
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
    return bar
