"""Method and attributes of the selected face. Every change is one undo step per gesture."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QFormLayout,
    QLabel,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from deid_desktop.core.types import ANCESTRIES, EXPRESSIONS, Attributes, Method, Request
from deid_desktop.gui.alternatives_strip import AlternativesStrip
from deid_desktop.gui.brush_row import BrushRow
from deid_desktop.gui.choice import Choice
from deid_desktop.gui.controls import (
    AGE,
    CHOICES,
    CONTROLS,
    DONORS,
    GENDER,
    KEEPS,
    SHAPE,
    SKIN,
    STANDARD,
    STRENGTH,
    with_attribute,
)
from deid_desktop.gui.preset_bar import PresetBar
from deid_desktop.gui.slider_row import Control, SliderRow
from deid_desktop.gui.theme import METHOD_ICONS, Theme, icon_side
from deid_desktop.gui.tick import Tick
from deid_desktop.gui.wrapping import WrappingRow
from deid_desktop.session.alternatives import Alternatives
from deid_desktop.session.brushing import with_settings
from deid_desktop.session.document import Document
from deid_desktop.session.language import tr
from deid_desktop.session.settings import Settings
from deid_desktop.session.words import method_name, method_tip, method_warning


class MethodPicker(QWidget):
    """Five exclusive buttons."""

    chosen = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.buttons: dict[Method, QToolButton] = {}
        self._group = QButtonGroup(self)
        row = WrappingRow(spacing=3)
        self.setLayout(row)
        side = icon_side(self.font())
        for method in Method:
            button = QToolButton()
            button.setText(method_name(method))
            button.setToolTip(method_tip(method))
            button.setAccessibleName(tr("Method: {method}", method=method_name(method)))
            button.setAccessibleDescription(method_tip(method))
            button.setCheckable(True)
            button.setIconSize(QSize(side, side))
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            button.clicked.connect(partial(self.chosen.emit, method))
            self._group.addButton(button)
            self.buttons[method] = button
            row.addWidget(button)
        theme.changed.connect(self._style)
        self._style()

    def show_method(self, method: Method) -> None:
        """Follow the document."""
        self.buttons[method].setChecked(True)

    def _style(self) -> None:
        for method, button in self.buttons.items():
            button.setIcon(self._theme.icon(METHOD_ICONS[method]))


class AttributePanel(QWidget):
    """Builds its controls from the tables above and keeps them in step with the document."""

    moving = Signal()
    settled = Signal()

    def __init__(
        self,
        document: Document,
        alternatives: Alternatives,
        theme: Theme,
        settings: Settings,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._document = document
        self._theme = theme
        self.alternatives = AlternativesStrip(alternatives, theme)
        self._gesture = 0
        self.copied: Request | None = None
        self.methods = MethodPicker(theme)
        self.warning = QLabel()
        self.warning.setProperty("role", "warning")
        self.warning.setWordWrap(True)
        self.another = QPushButton(tr("Another face"))
        self.another.setToolTip(tr("Mix other donors with the same settings (R)"))
        self.everywhere = QPushButton(tr("Use these settings for all faces"))
        self.everywhere.setProperty("flat", "true")
        self.expression = Choice(
            theme, tr("Expression"), [tr(CHOICES[choice]) for choice in EXPRESSIONS]
        )
        self.ancestry = Choice(
            theme, tr("Ancestry"), [tr(CHOICES[choice]) for choice in ANCESTRIES]
        )
        self.rows = {control.title: SliderRow(control, theme) for control in CONTROLS}
        self.keeps = {name: self._keep(name, *words) for name, words in KEEPS.items()}
        self.brush = BrushRow(document, theme)
        self.presets = PresetBar(document, theme, settings)
        self._surrogate = QWidget()
        self._lay_out()
        for row in self.rows.values():
            row.edited.connect(partial(self._edit_row, row.control))
            row.moving.connect(self.moving)
            row.settled.connect(self.settled)
        self.methods.chosen.connect(document.set_method)
        self.another.clicked.connect(document.another_face)
        self.everywhere.clicked.connect(self._apply_everywhere)
        self.expression.activated.connect(lambda i: self._choose("expression", EXPRESSIONS[i]))
        self.ancestry.activated.connect(lambda i: self._choose("ancestry", ANCESTRIES[i]))
        document.selection_changed.connect(self._refresh)
        document.faces_changed.connect(self._refresh)
        document.subject_changed.connect(self._refresh)
        theme.changed.connect(self._style)
        self._style()
        self._refresh()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(self._section(tr("Method")))
        column.addWidget(self.methods)
        column.addWidget(self.warning)
        column.addWidget(self.brush)
        column.addWidget(self._surrogate)
        column.addWidget(self._section(tr("Presets")))
        column.addWidget(self.presets)
        column.addWidget(self.everywhere)
        column.addStretch(1)
        inner = QVBoxLayout(self._surrogate)
        inner.setContentsMargins(0, 4, 0, 0)
        inner.setSpacing(10)
        inner.addWidget(self.another)
        inner.addWidget(self.alternatives)
        inner.addWidget(self._section(tr("Appearance")))
        inner.addWidget(self.rows[GENDER.title])
        inner.addWidget(self.rows[AGE.title])
        form = QFormLayout()
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(8)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(tr("Ancestry"), self.ancestry)
        form.addRow(tr("Expression"), self.expression)
        inner.addLayout(form)
        inner.addWidget(self.rows[STRENGTH.title])
        inner.addWidget(self.rows[SKIN.title])
        for box in self.keeps.values():
            inner.addWidget(box)
        inner.addWidget(self._section(tr("Anonymity")))
        inner.addWidget(self.rows[DONORS.title])
        inner.addWidget(self.rows[SHAPE.title])

    def _keep(self, name: str, title: str, tip: str) -> Tick:
        """Return the box that leaves a part of the face the person's own."""
        box = Tick(self._theme, tr(title))
        box.setToolTip(tr(tip))
        box.setAccessibleDescription(tr(tip))
        box.clicked.connect(
            lambda checked: self._document.edit(
                tr(title), lambda request: with_attribute(request, name, checked)
            )
        )
        return box

    def _section(self, text: str) -> QLabel:
        label = QLabel(text)
        label.setProperty("role", "section")
        return label

    def _edit_row(self, control: Control, value: float | None, fresh: bool) -> None:
        if fresh:
            self._gesture = self._document.new_gesture()
        self._document.edit(
            tr(control.title), lambda request: control.write(request, value), gesture=self._gesture
        )

    def _choose(self, name: str, choice: str) -> None:
        self._document.edit(
            tr(name.capitalize()), lambda request: with_attribute(request, name, choice)
        )

    def copy_settings(self) -> None:
        """Remember the selected face's settings."""
        if (subject := self._document.selected) is not None:
            self.copied = subject.request
            self._document.selection_changed.emit()  # pasting is possible from now on

    def paste_settings(self) -> None:
        """Give the remembered settings to the selected faces; each keeps its own seed."""
        if (copied := self.copied) is not None:
            self._document.edit(
                tr("Paste settings"), lambda request: with_settings(copied, request)
            )

    def _apply_everywhere(self) -> None:
        entry, subject = self._document.current, self._document.selected
        if entry is not None and subject is not None:
            model = subject.request
            self._document.edit_faces(
                entry,
                entry.present(),
                tr("Same settings for all faces"),
                lambda request: with_settings(model, request),
            )

    def _refresh(self) -> None:
        subject = self._document.selected
        self.setEnabled(subject is not None)
        request = subject.request if subject else STANDARD
        attributes: Attributes = request.attributes
        self.methods.show_method(request.method)
        region = subject is not None and subject.face.region
        self.methods.buttons[Method.SURROGATE].setEnabled(not region)
        self.warning.setText(method_warning(request.method))
        self.warning.setVisible(bool(self.warning.text()))
        self._surrogate.setVisible(request.method is Method.SURROGATE)
        self.expression.setCurrentIndex(EXPRESSIONS.index(attributes.expression))
        self.ancestry.setCurrentIndex(ANCESTRIES.index(attributes.ancestry))
        for name, box in self.keeps.items():
            box.setChecked(getattr(attributes, name))
        shown = subject.shown if subject else None
        measured = shown.attributes if shown else {}
        for control in CONTROLS:
            own = measured.get(control.title.lower().replace(" ", "_"))
            self.rows[control.title].show_request(
                request, float(own) if isinstance(own, int | float) else None
            )
        self.rows[STRENGTH.title].setEnabled(attributes.expression != "keep")

    def _style(self) -> None:
        self.another.setIcon(self._theme.icon("mdi6.dice-multiple-outline"))
