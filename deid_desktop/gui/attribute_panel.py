"""Method and attributes of the selected face. Every change is one undo step per gesture."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from deid_desktop.core.types import ANCESTRIES, EXPRESSIONS, Attributes, Method, Request
from deid_desktop.gui.alternatives_strip import AlternativesStrip
from deid_desktop.gui.choice import Choice
from deid_desktop.gui.slider_row import Control, SliderRow
from deid_desktop.gui.theme import METHOD_ICONS, Theme
from deid_desktop.session.alternatives import Alternatives
from deid_desktop.session.document import Document
from deid_desktop.session.language import later, tr
from deid_desktop.session.words import method_name, method_tip, method_warning

_STANDARD = Request()


def _with(request: Request, name: str, value: Any) -> Request:
    return replace(request, attributes=replace(request.attributes, **{name: value}))


def _attribute(name: str) -> dict[str, Any]:
    return {
        "read": lambda request: getattr(request.attributes, name),
        "write": lambda request, value: _with(request, name, value),
    }


GENDER = Control(
    later("Gender"),
    low=-1.0,
    high=1.0,
    step=0.05,
    default=None,
    tip=later("How female or male the surrogate looks; matches the person unless set"),
    ends=(later("female"), later("male")),
    **_attribute("gender"),
)
AGE = Control(
    later("Age"),
    low=18,
    high=80,
    step=1,
    default=None,
    tip=later("Apparent age of the surrogate in years; matches the person unless set"),
    suffix=later(" y"),
    rest=40,
    **_attribute("age"),
)
STRENGTH = Control(
    later("Expression strength"),
    low=0.0,
    high=1.0,
    step=0.05,
    default=1.0,
    tip=later("How strongly the chosen expression shows"),
    scale=100,
    suffix=" %",
    **_attribute("strength"),
)
DONORS = Control(
    later("Donors mixed (k)"),
    low=2,
    high=10,
    step=1,
    default=float(_STANDARD.k),
    tip=later(
        "How many donor faces are mixed in near-equal parts: more is safer, fewer is sharper"
    ),
    read=lambda request: float(request.k),
    write=lambda request, value: replace(request, k=round(value or _STANDARD.k)),
)
SHAPE = Control(
    later("Shape change"),
    low=0.0,
    high=_STANDARD.shape_strength,
    step=_STANDARD.shape_strength / 60,
    default=_STANDARD.shape_strength,
    tip=later(
        "How far the face's shape moves from the person's. Low values can leave it recognisable"
    ),
    scale=100 / _STANDARD.shape_strength,
    suffix=" %",
    read=lambda request: request.shape_strength,
    write=lambda request, value: replace(
        request, shape_strength=_STANDARD.shape_strength if value is None else value
    ),
)
CONTROLS = (GENDER, AGE, STRENGTH, DONORS, SHAPE)


_CHOICES = {
    "keep": later("Match the person"),
    "match": later("Match the person"),
    "neutral": later("Neutral"),
    "happy": later("Happy"),
    "sad": later("Sad"),
    "angry": later("Angry"),
    "surprised": later("Surprised"),
    "afraid": later("Afraid"),
    "disgusted": later("Disgusted"),
    "contemptuous": later("Contemptuous"),
    "closed-eyes": later("Closed eyes"),
    "white": later("White"),
    "black": later("Black"),
    "east-asian": later("East Asian"),
    "west-asian": later("West Asian"),
}


class MethodPicker(QWidget):
    """Five exclusive buttons."""

    chosen = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.buttons: dict[Method, QToolButton] = {}
        self._group = QButtonGroup(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(3)
        for method in Method:
            button = QToolButton()
            button.setText(method_name(method))
            button.setToolTip(method_tip(method))
            button.setAccessibleName(tr("Method: {method}", method=method_name(method)))
            button.setAccessibleDescription(method_tip(method))
            button.setCheckable(True)
            button.setIconSize(QSize(20, 20))
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            button.clicked.connect(partial(self.chosen.emit, method))
            self._group.addButton(button)
            self.buttons[method] = button
            row.addWidget(button, 1)
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
            theme, tr("Expression"), [tr(_CHOICES[choice]) for choice in EXPRESSIONS]
        )
        self.ancestry = Choice(
            theme, tr("Ancestry"), [tr(_CHOICES[choice]) for choice in ANCESTRIES]
        )
        self.rows = {control.title: SliderRow(control, theme) for control in CONTROLS}
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
        column.addWidget(self._surrogate)
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
        inner.addWidget(self._section(tr("Anonymity")))
        inner.addWidget(self.rows[DONORS.title])
        inner.addWidget(self.rows[SHAPE.title])

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
        self._document.edit(tr(name.capitalize()), lambda request: _with(request, name, choice))

    def copy_settings(self) -> None:
        """Remember the selected face's settings."""
        if (subject := self._document.selected) is not None:
            self.copied = subject.request
            self._document.selection_changed.emit()  # pasting is possible from now on

    def paste_settings(self) -> None:
        """Give the remembered settings to the selected faces; each keeps its own seed."""
        if (copied := self.copied) is not None:
            self._document.edit(
                tr("Paste settings"), lambda request: replace(copied, seed=request.seed)
            )

    def _apply_everywhere(self) -> None:
        entry, subject = self._document.current, self._document.selected
        if entry is not None and subject is not None:
            model = subject.request
            self._document.edit_faces(
                entry,
                entry.present(),
                tr("Same settings for all faces"),
                lambda request: replace(model, seed=request.seed),
            )

    def _refresh(self) -> None:
        subject = self._document.selected
        self.setEnabled(subject is not None)
        request = subject.request if subject else _STANDARD
        attributes: Attributes = request.attributes
        self.methods.show_method(request.method)
        region = subject is not None and subject.face.region
        self.methods.buttons[Method.SURROGATE].setEnabled(not region)
        self.warning.setText(method_warning(request.method))
        self.warning.setVisible(bool(self.warning.text()))
        self._surrogate.setVisible(request.method is Method.SURROGATE)
        self.expression.setCurrentIndex(EXPRESSIONS.index(attributes.expression))
        self.ancestry.setCurrentIndex(ANCESTRIES.index(attributes.ancestry))
        shown = subject.shown if subject else None
        measured = shown.attributes if shown else {}
        for control in CONTROLS:
            own = measured.get(control.title.lower())
            self.rows[control.title].show_request(
                request, float(own) if isinstance(own, int | float) else None
            )
        self.rows[STRENGTH.title].setEnabled(attributes.expression != "keep")

    def _style(self) -> None:
        self.another.setIcon(self._theme.icon("mdi6.dice-multiple-outline"))
