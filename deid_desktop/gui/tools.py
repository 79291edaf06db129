"""The tools that take over the mouse: drawing a box, brushing a mask. One at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction

from deid_desktop.gui.compare_view import CompareView
from deid_desktop.session import brushing
from deid_desktop.session.document import Document
from deid_desktop.session.language import tr

_TOOLS = ("mark_face", "mark_region", "brush_in", "brush_out")


class Tools(QObject):
    """Keeps the checked action and what the mouse does in step."""

    said = Signal(str)  # for the status bar

    def __init__(
        self,
        actions: Mapping[str, QAction],
        compare: CompareView,
        document: Document,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._actions, self._compare, self._document = actions, compare, document
        compare.marking_ended.connect(self.put_away)
        compare.brush_put_away.connect(self.put_away)

    def handlers(self) -> dict[str, Callable[[], object]]:
        """Return what the actions of the tools do."""
        compare = self._compare
        return {
            **{key: partial(self._take, key) for key in _TOOLS},
            "brush_larger": partial(compare.resize_brush, brushing.STEP),
            "brush_smaller": partial(compare.resize_brush, 1 / brushing.STEP),
            "clear_brush": partial(brushing.clear, self._document),
        }

    def put_away(self) -> None:
        """Give the mouse back to selecting and panning."""
        for key in _TOOLS:
            self._actions[key].setChecked(False)
        self._compare.set_marking(False)
        self._compare.set_brush(None)
        self.said.emit("")

    def _take(self, key: str) -> None:
        wanted = self._actions[key].isChecked()
        self.put_away()
        if not wanted:
            return
        self._actions[key].setChecked(True)
        if key.startswith("mark"):
            self._compare.set_marking(True, region=key == "mark_region")
            self.said.emit(tr("Draw a box on the photo; Esc ends this."))
        else:
            self._compare.set_brush(key == "brush_in")
            self.said.emit(
                tr("Paint on the photo. [ and ] change the size, Esc puts the brush away.")
            )
