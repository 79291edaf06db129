"""What the program remembers between two starts, to look at and to change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QKeySequenceEdit,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from deid_desktop.core.types import Method
from deid_desktop.core.verify import STRICTEST, THRESHOLD
from deid_desktop.gui.actions import ACTIONS, bind_shortcuts, plain
from deid_desktop.gui.choice import Choice
from deid_desktop.gui.theme import Theme
from deid_desktop.session.language import LANGUAGES, tr
from deid_desktop.session.settings import DEVICES, MOST_THREADS, TEXT_SIZES, Settings
from deid_desktop.session.words import method_name


class SettingsDialog(QDialog):
    """Two pages: general, and shortcuts. Every change is stored at once."""

    def __init__(
        self,
        settings: Settings,
        actions: Mapping[str, QAction],
        theme: Theme,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Settings"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumSize(560, 520)
        self._settings, self._actions, self._theme = settings, actions, theme
        self.keys: dict[str, QKeySequenceEdit] = {}
        self.conflict = QLabel()
        self.conflict.setWordWrap(True)
        pages = QTabWidget()
        pages.setAccessibleName(tr("Pages"))
        pages.addTab(self._general(), tr("General"))
        pages.addTab(self._shortcuts(), tr("Shortcuts"))
        close = QPushButton(tr("Close"))
        close.setDefault(True)
        close.clicked.connect(self.close)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.addWidget(pages, 1)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(close)
        column.addLayout(row)

    def _general(self) -> QWidget:
        settings = self._settings
        page = QWidget()
        form = QFormLayout(page)
        form.setVerticalSpacing(10)
        form.setHorizontalSpacing(16)
        names = [name or tr("Language of the system") for name in LANGUAGES.values()]
        self.language = Choice(self._theme, tr("Language"), names)
        self.language.setCurrentIndex(list(LANGUAGES).index(settings.language))
        self.language.activated.connect(
            lambda row: setattr(settings, "language", list(LANGUAGES)[row])
        )
        self.text_size = Choice(self._theme, tr("Text size"), [f"{size} %" for size in TEXT_SIZES])
        nearest = min(TEXT_SIZES, key=lambda size: abs(size - settings.text_size))
        self.text_size.setCurrentIndex(TEXT_SIZES.index(nearest))
        self.text_size.activated.connect(
            lambda row: setattr(settings, "text_size", TEXT_SIZES[row])
        )
        self.method = Choice(self._theme, tr("Method"), [method_name(method) for method in Method])
        self.method.setCurrentIndex(list(Method).index(settings.standard.method))
        self.method.activated.connect(lambda row: self._set_standard(method=list(Method)[row]))
        self.donors = self._number(tr("Donors mixed (k)"), 2, 10, settings.standard.k)
        self.donors.valueChanged.connect(lambda value: self._set_standard(k=value))
        self.threshold = QDoubleSpinBox()
        self.threshold.setRange(STRICTEST, THRESHOLD)
        self.threshold.setDecimals(3)
        self.threshold.setSingleStep(0.01)
        self.threshold.setValue(settings.threshold)
        self.threshold.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
        self.threshold.setAccessibleName(tr("Limit of similarity"))
        self.threshold.setToolTip(
            tr(
                "A surrogate must stay below. Lower is stricter; higher than measured is not "
                "offered."
            )
        )
        self.threshold.valueChanged.connect(lambda value: setattr(settings, "threshold", value))
        words = [tr("Automatic"), "CPU", "CUDA", "MPS"]
        self.device = Choice(self._theme, tr("Compute on"), words)
        self.device.setCurrentIndex(DEVICES.index(settings.device))
        self.device.activated.connect(lambda row: setattr(settings, "device", DEVICES[row]))
        self.threads = self._number(tr("Threads"), 0, MOST_THREADS, settings.threads)
        self.threads.setSpecialValueText(tr("Automatic"))
        self.threads.valueChanged.connect(lambda value: setattr(settings, "threads", value))
        for title, widget in (
            (tr("Language"), self.language),
            (tr("Text size"), self.text_size),
            (tr("New faces start with"), self.method),
            (tr("Donors mixed (k)"), self.donors),
            (tr("Limit of similarity"), self.threshold),
            (tr("Compute on"), self.device),
            (tr("Threads"), self.threads),
        ):
            form.addRow(title, widget)
        note = QLabel(
            tr(
                "Changes hold from the next start. No file name, folder or list of recent files is "
                "ever stored."
            )
        )
        note.setProperty("role", "faint")
        note.setWordWrap(True)
        form.addRow(note)
        return page

    def _shortcuts(self) -> QWidget:
        rows = QWidget()
        form = QFormLayout(rows)
        for entry in ACTIONS:
            edit = QKeySequenceEdit(self._actions[entry.key].shortcut())
            edit.setMaximumSequenceLength(1)
            edit.setClearButtonEnabled(True)
            name = plain(tr(entry.text))
            edit.setAccessibleName(tr("Shortcut: {name}", name=name))
            for inner in edit.findChildren(QLineEdit):
                inner.setAccessibleName(tr("Shortcut: {name}", name=name))
            edit.keySequenceChanged.connect(lambda keys, key=entry.key: self._bind(key, keys))
            self.keys[entry.key] = edit
            form.addRow(name, edit)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setAccessibleName(tr("Shortcuts"))
        area.setWidget(rows)
        self.standard = QPushButton(tr("All as they came"))
        self.standard.clicked.connect(self._restore)
        page = QWidget()
        column = QVBoxLayout(page)
        column.addWidget(area, 1)
        column.addWidget(self.conflict)
        column.addWidget(self.standard)
        return page

    def _number(self, name: str, low: int, high: int, value: int) -> QSpinBox:
        box = QSpinBox()
        box.setRange(low, high)
        box.setValue(value)
        box.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
        box.setAccessibleName(name)
        return box

    def _set_standard(self, **values: object) -> None:
        self._settings.standard = replace(self._settings.standard, **values)  # type: ignore[arg-type]

    def _bind(self, key: str, keys: QKeySequence) -> None:
        """Store a shortcut, unless another action has it already."""
        if not keys.isEmpty():
            for other, action in self._actions.items():
                if other != key and action.shortcut() == keys:
                    name = plain(action.text())
                    self.conflict.setText(
                        tr("{keys} belongs to “{name}” already.", keys=keys.toString(), name=name)
                    )
                    return
        self.conflict.clear()
        standard = next(entry.shortcut for entry in ACTIONS if entry.key == key)
        changed = {**self._settings.shortcuts, key: keys.toString()}
        if changed[key] == QKeySequence(standard).toString():
            del changed[key]
        self._settings.shortcuts = changed
        bind_shortcuts(self._actions, changed)

    def _restore(self) -> None:
        self._settings.shortcuts = {}
        bind_shortcuts(self._actions, {})
        for key, edit in self.keys.items():
            edit.blockSignals(True)
            edit.setKeySequence(self._actions[key].shortcut())
            edit.blockSignals(False)
