"""Fixtures of these tests."""

import pytest
from guards import *  # noqa: F403
from PySide6.QtWidgets import QApplication

from deid_desktop.gui.main_window import MainWindow
from deid_desktop.gui.theme import Theme
from deid_desktop.session.settings import Settings


@pytest.fixture
def theme(qapp):
    qapp.setStyle("Fusion")
    return Theme("dark")


@pytest.fixture
def window(qtbot, document, renderer, theme, tmp_path):
    window = MainWindow(document, renderer, theme, Settings(tmp_path / "settings" / "window.ini"))
    qtbot.addWidget(window)
    window.resize(1300, 860)
    window.show()
    qtbot.waitExposed(window)
    return window


@pytest.fixture
def opened(window, document, photo_file, settle):
    """The window with one photo of two faces, all verified."""
    window.open_paths([photo_file()])
    settle()
    QApplication.processEvents()
    return window
