"""Named settings: saved from the selected face, given to the selected faces, deleted."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QToolButton, QVBoxLayout, QWidget

from deid_desktop.gui.choice import Choice
from deid_desktop.gui.theme import Theme, icon_side
from deid_desktop.session.brushing import with_settings
from deid_desktop.session.document import Document
from deid_desktop.session.language import tr
from deid_desktop.session.settings import Settings

_LONGEST = 60


class PresetBar(QWidget):
    """A list to apply from; beside it a button that saves and one that deletes."""

    def __init__(
        self, document: Document, theme: Theme, settings: Settings, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._document, self._theme, self._settings = document, theme, settings
        self.choice = Choice(theme, tr("Presets"))
        self.choice.setPlaceholderText(tr("Choose a preset"))
        self.choice.setToolTip(tr("Give the selected faces the settings saved under a name"))
        self.choice.activated.connect(self._apply)
        self.add = self._button(tr("Save these settings as a preset"))
        self.add.setCheckable(True)
        self.remove = self._button(tr("Delete the chosen preset"))
        self.remove.clicked.connect(self._remove)
        self.name = QLineEdit()
        self.name.setPlaceholderText(tr("Name of the preset, then Enter"))
        self.name.setAccessibleName(tr("Name of the preset"))
        self.name.setMaxLength(_LONGEST)
        self.name.returnPressed.connect(self._save)
        self.name.hide()
        self.add.toggled.connect(self._ask)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.choice, 1)
        row.addWidget(self.add)
        row.addWidget(self.remove)
        column.addLayout(row)
        column.addWidget(self.name)
        theme.changed.connect(self._style)
        document.selection_changed.connect(self._refresh)
        self._style()
        self._refill("")

    def _button(self, words: str) -> QToolButton:
        button = QToolButton()
        side = icon_side(self.font())
        button.setIconSize(QSize(side, side))
        button.setToolTip(words)
        button.setAccessibleName(words)
        return button

    def _refill(self, chosen: str) -> None:
        names = sorted(self._settings.presets, key=str.casefold)
        self.choice.clear()
        self.choice.addItems(names)
        self.choice.setCurrentIndex(names.index(chosen) if chosen in names else -1)
        self._refresh()

    def _refresh(self) -> None:
        self.choice.setEnabled(self.choice.count() > 0)
        self.add.setEnabled(self._document.selected is not None)
        self.remove.setEnabled(self.choice.currentIndex() >= 0)

    def _apply(self, row: int) -> None:
        name = self.choice.itemText(row)
        model = self._settings.presets[name]
        text = tr("Preset: {name}", name=name)
        self._document.edit(text, lambda request: with_settings(model, request))
        self._refresh()

    def _ask(self, wanted: bool) -> None:
        self.name.setVisible(wanted)
        if wanted:
            self.name.setText(self.choice.currentText())
            self.name.selectAll()
            self.name.setFocus()

    def _save(self) -> None:
        name, subject = self.name.text().strip(), self._document.selected
        if name and subject is not None:
            self._settings.presets = {**self._settings.presets, name: subject.request}
            self.add.setChecked(False)
            self._refill(name)

    def _remove(self) -> None:
        name = self.choice.currentText()
        self._settings.presets = {
            other: request for other, request in self._settings.presets.items() if other != name
        }
        self._refill("")

    def _style(self) -> None:
        self.add.setIcon(self._theme.icon("mdi6.content-save-plus-outline"))
        self.remove.setIcon(self._theme.icon("mdi6.delete-outline"))
