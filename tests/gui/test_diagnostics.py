import sys
import threading

import pytest
from PySide6.QtCore import QtMsgType

from deid_desktop.diagnostics import Diagnostics
from deid_desktop.gui.crash_dialog import CrashDialog


@pytest.fixture
def diagnostics(qapp):
    diagnostics = Diagnostics()
    hooks = sys.excepthook, threading.excepthook
    diagnostics.install()
    yield diagnostics
    diagnostics.uninstall()
    sys.excepthook, threading.excepthook = hooks


def fail(path):
    raise RuntimeError(f"cannot read {path}")


def test_an_error_of_another_thread_is_reported_without_values(diagnostics, qtbot):
    with qtbot.waitSignal(diagnostics.crashed) as crashed:
        thread = threading.Thread(target=fail, args=("/home/someone/source.jpg",))
        thread.start()
        thread.join()
    report = crashed.args[0]
    assert "RuntimeError" in report
    assert "in fail" in report
    assert "someone" not in report
    assert "source.jpg" not in report


def test_an_error_of_the_main_thread_is_reported(diagnostics, qtbot):
    with qtbot.waitSignal(diagnostics.crashed) as crashed:
        try:
            fail("/home/someone")
        except RuntimeError as error:
            sys.excepthook(type(error), error, error.__traceback__)
    assert "test_diagnostics.py" in crashed.args[0]


def test_qt_messages_lose_their_paths(diagnostics):
    diagnostics._qt_message(QtMsgType.QtWarningMsg, None, "cannot open /home/a/b.png or c.jpg now")
    assert diagnostics.messages[-1] == "QtWarningMsg: cannot open … or … now"


def test_the_report_can_be_copied(qtbot, qapp):
    dialog = CrashDialog("the report")
    qtbot.addWidget(dialog)
    from PySide6.QtWidgets import QPushButton

    next(b for b in dialog.findChildren(QPushButton) if b.text() == "Copy report").click()
    assert qapp.clipboard().text() == "the report"
