"""What the program remembers between two starts: how it looks and what faces start with.

No file name, folder or recent file is ever stored: who was worked on is nobody's business.
"""

from __future__ import annotations

import contextlib
import json
import math
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings, QStandardPaths

from deid_desktop.core.project import ProjectError, request_of, request_record
from deid_desktop.core.types import Method, Request
from deid_desktop.core.verify import STRICTEST, THRESHOLD
from deid_desktop.session.language import LANGUAGES

SCHEMES = ("system", "light", "dark")
DEVICES = ("auto", "cpu", "cuda", "mps")
TEXT_SIZES = (100, 125, 150, 175, 200)
"""Per cent of the system's own text size."""
MOST_THREADS = 64


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
        return self._one_of("scheme", SCHEMES)

    @scheme.setter
    def scheme(self, value: str) -> None:
        self._store.setValue("scheme", value)

    @property
    def language(self) -> str:
        """Return ``system`` or a language's code."""
        return self._one_of("language", tuple(LANGUAGES))

    @language.setter
    def language(self, value: str) -> None:
        self._store.setValue("language", value)

    @property
    def device(self) -> str:
        """Return ``auto``, ``cpu``, ``cuda`` or ``mps``."""
        return self._one_of("device", DEVICES)

    @device.setter
    def device(self, value: str) -> None:
        self._store.setValue("device", value)

    @property
    def text_size(self) -> int:
        """Return the size of text in per cent, 100…200."""
        return self._whole("text_size", 100, 100, 200)

    @text_size.setter
    def text_size(self, value: int) -> None:
        self._store.setValue("text_size", value)

    @property
    def threshold(self) -> float:
        """Return the similarity from which a surrogate fails; never looser than measured."""
        try:
            value = float(str(self._store.value("threshold", THRESHOLD)))
        except ValueError:
            return THRESHOLD
        return min(THRESHOLD, max(STRICTEST, value)) if math.isfinite(value) else THRESHOLD

    @threshold.setter
    def threshold(self, value: float) -> None:
        self._store.setValue("threshold", value)

    @property
    def hinted(self) -> bool:
        """Return whether the person has seen the hints of the first start."""
        return str(self._store.value("hinted", "no")) == "yes"

    @hinted.setter
    def hinted(self, value: bool) -> None:
        self._store.setValue("hinted", "yes" if value else "no")

    @property
    def threads(self) -> int:
        """Return how many threads compute; 0 leaves it to the libraries."""
        return self._whole("threads", 0, 0, MOST_THREADS)

    @threads.setter
    def threads(self, value: int) -> None:
        self._store.setValue("threads", value)

    @property
    def standard(self) -> Request:
        """Return the request that new faces start with."""
        method = self._one_of("method", tuple(Method))
        return Request(method=Method(method), k=self._whole("k", Request().k, 2, 10))

    @standard.setter
    def standard(self, value: Request) -> None:
        self._store.setValue("method", str(value.method))
        self._store.setValue("k", value.k)

    @property
    def shortcuts(self) -> dict[str, str]:
        """Return action → keys, for the actions whose keys the person changed."""
        pairs = self._table("shortcuts").items()
        return {key: keys for key, keys in pairs if isinstance(keys, str)}

    @shortcuts.setter
    def shortcuts(self, value: dict[str, str]) -> None:
        self._store.setValue("shortcuts", json.dumps(value))

    @property
    def presets(self) -> dict[str, Request]:
        """Return name → settings that the person saved; what is damaged is left out."""
        found = {}
        for name, record in self._table("presets").items():
            with contextlib.suppress(ProjectError):
                found[name] = request_of(record, name)
        return found

    @presets.setter
    def presets(self, value: dict[str, Request]) -> None:
        # Seed and brush belong to one face, not to settings that go to others.
        records = {
            name: request_record(replace(request, seed=0, strokes=()))
            for name, request in value.items()
        }
        self._store.setValue("presets", json.dumps(records))

    def _table(self, name: str) -> dict[str, object]:
        try:
            stored = json.loads(str(self._store.value(name, "{}")))
        except ValueError:
            return {}
        return stored if isinstance(stored, dict) else {}

    def _one_of(self, name: str, choices: tuple[str, ...]) -> str:
        value = str(self._store.value(name, choices[0]))
        return value if value in choices else choices[0]

    def _whole(self, name: str, default: int, low: int, high: int) -> int:
        try:
            value = int(str(self._store.value(name, default)))
        except ValueError:
            return default
        return min(high, max(low, value))


def forget_dialog_history() -> None:
    """Keep Qt's own file dialog from writing the folders it visited to the user's settings.

    Where the system has no dialog of its own, Qt's remembers the last folders in a file shared
    by all Qt programs; this points that file into nowhere for this process.
    """
    QSettings.setPath(QSettings.Format.NativeFormat, QSettings.Scope.UserScope, "/dev/null/nowhere")
