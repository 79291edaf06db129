"""Catches what nobody caught: exceptions of any thread and Qt's own messages.

What is kept is fit to be shown to strangers: types, functions and line numbers. Error texts,
paths, values, pixels and anything about a face are left out, and nothing is written to disk.
"""

from __future__ import annotations

import re
import sys
import threading
from collections import deque
from types import TracebackType

from PySide6.QtCore import (
    QMessageLogContext,
    QObject,
    Qt,
    QtMsgType,
    Signal,
    qInstallMessageHandler,
)

from deid_desktop import __version__
from deid_desktop.session.worker import trace_of

_PATH = re.compile(r"(?:[A-Za-z]:)?[\\/]\S+|\S+\.\w{2,5}\b")


class Diagnostics(QObject):
    """Relays every uncaught error to the window's thread as a report."""

    crashed = Signal(str)
    _caught = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.messages: deque[str] = deque(maxlen=50)
        # Queued: an error in a worker's slot arrives here on the worker's thread.
        self._caught.connect(self._relay, Qt.ConnectionType.QueuedConnection)

    def install(self) -> None:
        """Take over the hooks of Python and Qt."""
        sys.excepthook = self._uncaught
        threading.excepthook = lambda hook: self._uncaught(
            hook.exc_type, hook.exc_value, hook.exc_traceback
        )
        qInstallMessageHandler(self._qt_message)

    def uninstall(self) -> None:
        """Give the hooks back."""
        sys.excepthook = sys.__excepthook__
        threading.excepthook = threading.__excepthook__
        qInstallMessageHandler(None)

    def report(self, trace: str) -> str:
        """Return the text a person may pass on."""
        system = f"Deid Desktop {__version__}, Python {sys.version.split()[0]}, {sys.platform}"
        return "\n".join((system, "", trace, "", *self.messages)).strip()

    def _uncaught(
        self,
        kind: type[BaseException],
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error or kind(), trace)
            return
        self._caught.emit(trace_of(error) if error is not None else kind.__name__)

    def _relay(self, trace: str) -> None:
        self.crashed.emit(self.report(trace))

    def _qt_message(self, kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
        self.messages.append(f"{kind.name}: {_PATH.sub('…', text)}")
