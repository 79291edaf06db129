"""A row that becomes two or three where large text leaves no room for one."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QRect, QSize
from PySide6.QtWidgets import QLayout, QLayoutItem, QWidget


class WrappingRow(QLayout):
    """Widgets beside each other where they fit; else in rows of equally wide columns."""

    def __init__(self, widgets: Iterable[QWidget] = (), *, spacing: int = 6) -> None:
        super().__init__()
        self._items: list[QLayoutItem] = []
        self.setContentsMargins(0, 0, 0, 0)
        self.setSpacing(spacing)
        for widget in widgets:
            self.addWidget(widget)

    def addItem(self, item: QLayoutItem) -> None:  # noqa: N802
        """Take one more item."""
        self._items.append(item)

    def count(self) -> int:
        """Return how many items there are, hidden ones included."""
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:  # noqa: N802
        """Return an item, ``None`` beyond the last."""
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:  # noqa: N802
        """Remove and return an item."""
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the size of a single row."""
        sizes = [item.sizeHint() for item in self._shown()]
        gaps = max(0, len(sizes) - 1) * self.spacing()
        return QSize(sum(s.width() for s in sizes) + gaps, self._height(sizes))

    def minimumSize(self) -> QSize:  # noqa: N802
        """Return the size of the largest widget: narrower than that makes no sense."""
        sizes = [item.minimumSize() for item in self._shown()]
        return QSize(max((s.width() for s in sizes), default=0), self._height(sizes))

    def hasHeightForWidth(self) -> bool:  # noqa: N802
        """Return that fewer columns need more rows."""
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802
        """Return the height of all rows."""
        rows = self._rows(width)
        heights = [self._height([item.sizeHint() for item in row]) for row in rows]
        return sum(heights) + max(0, len(rows) - 1) * self.spacing()

    def setGeometry(self, rect: QRect) -> None:  # noqa: N802
        """Place the widgets."""
        super().setGeometry(rect)
        top = rect.top()
        rows = self._rows(rect.width())
        columns = max(map(len, rows), default=1)
        room = rect.width() - (columns - 1) * self.spacing()
        spare = (room - sum(item.sizeHint().width() for item in self._shown())) / columns
        for row in rows:
            height = self._height([item.sizeHint() for item in row])
            left = float(rect.left())
            for item in row:
                own = item.sizeHint().width() + spare if len(rows) == 1 else room / columns
                item.setGeometry(QRect(round(left), top, round(own), height))
                left += own + self.spacing()
            top += height + self.spacing()

    def _shown(self) -> list[QLayoutItem]:
        return [item for item in self._items if not item.isEmpty()]

    def _rows(self, width: int) -> list[list[QLayoutItem]]:
        items = self._shown()
        if self.sizeHint().width() <= width:
            return [items] if items else []
        widest = max((item.sizeHint().width() for item in items), default=1)
        fit = max(1, (width + self.spacing()) // (widest + self.spacing()))
        count = -(-len(items) // fit)
        columns = -(-len(items) // count) if count else 1
        return [items[start : start + columns] for start in range(0, len(items), columns)]

    def _height(self, sizes: list[QSize]) -> int:
        return max((size.height() for size in sizes), default=0)
