"""The people of the session over all photos: who is who, to be corrected, and who wears what."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon, QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from deid_desktop.gui.choice import Choice
from deid_desktop.gui.qimage import pixmap_of
from deid_desktop.gui.theme import Theme
from deid_desktop.gui.wrapping import WrappingRow
from deid_desktop.session.document import Document
from deid_desktop.session.language import tr
from deid_desktop.session.model import Subject
from deid_desktop.session.people import Member
from deid_desktop.session.words import faces_words, title

_SIDE = 44
_MEMBERS = Qt.ItemDataRole.UserRole


class PeoplePanel(QFrame):
    """A tree of people and their faces; what is selected can be merged or split."""

    def __init__(self, document: Document, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._document, self._people, self._theme = document, document.people, theme
        self.wears = Choice(
            theme,
            tr("Surrogates of a person"),
            (tr("The same in all photos"), tr("Another one in each photo")),
        )
        self.tree = QTreeWidget()
        self.tree.setAccessibleName(tr("People"))
        self.tree.setHeaderHidden(True)
        self.tree.setIconSize(QSize(_SIDE, _SIDE))
        self.tree.setMinimumHeight(260)
        self.tree.setSelectionMode(QTreeWidget.SelectionMode.ExtendedSelection)
        self.tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.tree.setToolTip(tr("Enter goes to a face; the arrow keys open and close a person"))
        self.merge = QPushButton(tr("One person"))
        self.merge.setToolTip(tr("Take the selected people for one"))
        self.split = QPushButton(tr("Somebody else"))
        self.split.setToolTip(tr("Take the selected faces for another person"))
        self._lay_out()
        self.wears.activated.connect(lambda index: self._people.set_same(index == 0))
        self.merge.clicked.connect(lambda: self._people.merge(self._selected()))
        self.split.clicked.connect(lambda: self._people.split(self._selected()))
        self.tree.itemActivated.connect(self._go_to)
        self.tree.itemSelectionChanged.connect(self._allow)
        self._people.changed.connect(self._refresh)
        theme.changed.connect(self._style)
        self._style()
        self._refresh()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 12, 14, 12)
        column.setSpacing(8)
        heading = QLabel(tr("People"))
        heading.setProperty("role", "section")
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setProperty("role", "faint")
        buttons = WrappingRow((self.merge, self.split))
        for widget in (heading, self.wears, self.tree, self.words):
            column.addWidget(widget)
        column.addLayout(buttons)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Catch up with what changed while nobody looked."""
        super().showEvent(event)
        self._refresh()

    def _refresh(self) -> None:
        if self.isHidden():
            return
        self.wears.setCurrentIndex(0 if self._people.same else 1)
        open_before = {id(m) for item in self._tops() if item.isExpanded() for m in _subjects(item)}
        chosen = {id(subject) for subject in self._selected()}
        self.tree.blockSignals(True)
        self.tree.clear()
        for number, members in enumerate(self._people.all()):
            top = self._item(members, self._person_words(number, members))
            self.tree.addTopLevelItem(top)
            for member in members:
                child = self._item([member], f"{title(member[1])}, {member[0].name}")
                top.addChild(child)
                child.setSelected(id(member[1]) in chosen)
            top.setExpanded(any(id(subject) in open_before for _, subject in members))
        self.tree.blockSignals(False)
        self._allow()

    def _item(self, members: list[Member], words: str) -> QTreeWidgetItem:
        item = QTreeWidgetItem([words])
        item.setData(0, _MEMBERS, members)
        item.setSizeHint(0, QSize(0, _SIDE + 6))
        item.setToolTip(0, words)
        item.setData(0, Qt.ItemDataRole.AccessibleTextRole, words)
        seen = members[0][1].seen
        if seen is not None and seen.crop is not None:
            square = pixmap_of(seen.crop).scaled(
                _SIDE,
                _SIDE,
                Qt.AspectRatioMode.KeepAspectRatioByExpanding,
                Qt.TransformationMode.SmoothTransformation,
            )
            icon = QIcon(square)
            icon.addPixmap(square, QIcon.Mode.Selected)  # the style would tint it
            item.setIcon(0, icon)
        return item

    def _person_words(self, number: int, members: list[Member]) -> str:
        words = tr("Person {number}", number=number + 1)
        return f"{words}: {faces_words(len(members))}"

    def _tops(self) -> list[QTreeWidgetItem]:
        items = (self.tree.topLevelItem(n) for n in range(self.tree.topLevelItemCount()))
        return [item for item in items if item is not None]

    def _selected(self) -> list[Subject]:
        found = {id(s): s for item in self.tree.selectedItems() for s in _subjects(item)}
        return list(found.values())

    def _allow(self) -> None:
        """Offer what makes sense of the selection."""
        selected = self._selected()
        numbers = {self._people.number(subject) for subject in selected}
        whole = len(self._people.members(selected[0])) if selected else 0
        self.merge.setEnabled(len(numbers) > 1)
        self.split.setEnabled(len(numbers) == 1 and len(selected) < whole)
        count = len(self._people.all())
        self.words.setText(
            tr("Select two people to take them for one, or some faces of one to split them off.")
            if count
            else tr("Faces appear here as soon as they were looked at; masked ones need no look.")
        )

    def _go_to(self, item: QTreeWidgetItem) -> None:
        entry, subject = item.data(0, _MEMBERS)[0]
        self._document.show_photo(entry)
        self._document.select(subject.face.id)

    def _style(self) -> None:
        colours = self._theme.colours
        self.merge.setIcon(self._theme.icon("mdi6.account-multiple-check-outline", colours.text))
        self.split.setIcon(self._theme.icon("mdi6.account-multiple-minus-outline", colours.text))


def _subjects(item: QTreeWidgetItem) -> list[Subject]:
    return [subject for _, subject in item.data(0, _MEMBERS)]
