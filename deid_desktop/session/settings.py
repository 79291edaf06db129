"""What the program remembers between two starts: window geometry and the colour scheme.

No file name, folder or recent file is ever stored: who was worked on is nobody's business.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings, QStandardPaths


class Settings:
    """Typed access to the settings file. ``path``: for tests; else the system's own place."""

    def __init__(self, path: Path | None = None) -> None:
        folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppConfigLocation)
        self._store = QSettings(
            str(path or Path(folder) / "window.ini"), QSettings.Format.IniFormat
        )

    @property
    def geometry(self) -> QByteArray:
        """Return the window's geometry, empty at the first start."""
        value = self._store.value("geometry", QByteArray())
        return value if isinstance(value, QByteArray) else QByteArray()

    @geometry.setter
    def geometry(self, value: QByteArray) -> None:
        self._store.setValue("geometry", value)

    @property
    def scheme(self) -> str:
        """Return ``system``, ``light`` or ``dark``."""
        value = str(self._store.value("scheme", "system"))
        return value if value in ("system", "light", "dark") else "system"

    @scheme.setter
    def scheme(self, value: str) -> None:
        self._store.setValue("scheme", value)


def forget_dialog_history() -> None:
    """Keep Qt's own file dialog from writing the folders it visited to the user's settings.

    Where the system has no dialog of its own, Qt's remembers the last folders in a file shared
    by all Qt programs; this points that file into nowhere for this process.
    """
    QSettings.setPath(QSettings.Format.NativeFormat, QSettings.Scope.UserScope, "/dev/null/nowhere")
