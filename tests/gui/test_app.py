"""The program as it is started: settings hold from the first moment."""

import os
import textwrap
from pathlib import Path

from programs import ended
from PySide6.QtCore import QSettings

RUN = textwrap.dedent("""
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication
    import deid_desktop.app as app
    def look():
        window = next(w for w in QApplication.topLevelWidgets() if hasattr(w, "actions_by_key"))
        print(window.actions_by_key["save_project"].text())
        print(window.document.standard.method)
        print(round(QApplication.font().pointSizeF() / before, 1))
        print(window.document.standard.seed)
        window.close()
    real = app.use_language
    def remember(code):
        global before
        before = QApplication.font().pointSizeF()
        real(code)
    app.use_language = remember
    QTimer.singleShot(0, look)
    raise SystemExit(app.run([]))
""")


def test_settings_are_applied_and_the_seed_is_new_each_time(tmp_path):
    folder = tmp_path / "config" / "deid-desktop"
    folder.mkdir(parents=True)
    store = QSettings(str(folder / "window.ini"), QSettings.Format.IniFormat)
    for name, value in (("language", "de"), ("text_size", 150), ("method", "solid")):
        store.setValue(name, value)
    store.sync()
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    seeds = []
    for _ in range(2):
        done = ended(RUN, environment=environment)
        assert done.returncode == 0, done.stderr
        *applied, seed = done.stdout.splitlines()[:4]
        assert applied == ["Projekt &speichern", "solid", "1.5"]
        seeds.append(int(seed))
    assert seeds[0] != seeds[1]


ASKED = textwrap.dedent("""
    from PySide6.QtCore import QTimer
    from PySide6.QtGui import QFileOpenEvent
    from PySide6.QtWidgets import QApplication
    import deid_desktop.app as app
    def open_paths(window, paths):
        if paths:
            print(paths)
            QApplication.quit()
    app.MainWindow.open_paths = open_paths
    ask = lambda: QApplication.sendEvent(QApplication.instance(), QFileOpenEvent("/in/a b.jpg"))
    QTimer.singleShot(0, ask)
    raise SystemExit(app.run([]))
""")


def test_a_file_that_the_desktop_asks_for_is_opened():
    done = ended(ASKED)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{[Path('/in/a b.jpg')]}\n"
