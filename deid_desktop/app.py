"""Builds the window once and wires it: the only place that knows all its parts."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

os.environ.setdefault("QT_API", "pyside6")

from PySide6.QtCore import QEvent, QTimer, Signal
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtWidgets import QApplication

from deid_desktop import __version__
from deid_desktop.core.people import fresh_seed
from deid_desktop.diagnostics import Diagnostics
from deid_desktop.gui.main_window import MainWindow
from deid_desktop.gui.theme import Theme
from deid_desktop.session.document import Document
from deid_desktop.session.language import use_language
from deid_desktop.session.render import Renderer
from deid_desktop.session.settings import Settings, forget_dialog_history
from deid_desktop.session.worker import make_pipeline


class Application(QApplication):
    """The program as macOS sees it, which asks it to open files while it runs."""

    asked = Signal(object)  # list of one Path

    def event(self, event: QEvent) -> bool:
        """Pass such a request on; leave every other event alone."""
        if not isinstance(event, QFileOpenEvent):
            return super().event(event)
        self.asked.emit([Path(event.file())])
        return True


def run(paths: Sequence[Path]) -> int:
    """Show the window, open the photos, and return the exit status when it is closed."""
    forget_dialog_history()
    application = Application(sys.argv[:1])
    application.setApplicationName("deid-desktop")
    application.setApplicationDisplayName("Deid Desktop")
    application.setApplicationVersion(__version__)
    application.setDesktopFileName("deid-desktop")  # whose icon and name Wayland shows
    application.setStyle("Fusion")
    diagnostics = Diagnostics()
    diagnostics.install()
    settings = Settings()
    use_language(settings.language)
    font = application.font()
    font.setPointSizeF(font.pointSizeF() * settings.text_size / 100)
    application.setFont(font)
    theme = Theme(settings.scheme)
    document = Document()
    document.standard = replace(settings.standard, seed=fresh_seed())
    renderer = Renderer(
        document, partial(make_pipeline, settings.device, settings.threads, settings.threshold)
    )
    window = MainWindow(document, renderer, theme, settings)
    diagnostics.crashed.connect(window.show_crash)
    renderer.broke.connect(lambda trace: diagnostics.messages.append(trace))
    application.asked.connect(window.open_paths)
    window.show()
    # After the first paint, so that a slow disk never delays the window.
    QTimer.singleShot(0, lambda: window.open_paths(paths))
    status = application.exec()
    renderer.close()
    diagnostics.uninstall()
    return status
