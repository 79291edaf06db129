"""All actions of the window as one table; menus, toolbar and shortcuts are built from it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence

from deid_desktop.gui.theme import Theme


@dataclass(frozen=True)
class Entry:
    """One action; the window maps ``key`` to what it does."""

    key: str
    text: str
    icon: str
    shortcut: str
    tip: str
    checkable: bool = False


ACTIONS = (
    Entry("open_photos", "&Open photos …", "mdi6.image-plus", "Ctrl+O", "Open one or more photos"),
    Entry("open_folder", "Open &folder …", "mdi6.folder-open-outline", "Ctrl+Shift+O",
          "Open every photo of a folder"),
    Entry("export_photo", "&Export …", "mdi6.export-variant", "Ctrl+E",
          "Check every face again and write a new file without metadata"),
    Entry("quit", "&Quit", "mdi6.power", "Ctrl+Q", "Close the window; nothing is remembered"),
    Entry("undo", "&Undo", "mdi6.undo", "Ctrl+Z", "Take the last change back"),
    Entry("redo", "&Redo", "mdi6.redo", "Ctrl+Shift+Z", "Make the change again"),
    Entry("mark_face", "&Mark a missed face", "mdi6.selection-drag", "M",
          "Draw a box around a face that was not found", checkable=True),
    Entry("not_a_face", "&Not a face", "mdi6.selection-remove", "Del",
          "Remove the selected box: it holds no face"),
    Entry("another_face", "&Another face", "mdi6.dice-multiple-outline", "R",
          "Another surrogate for the selected face"),
    Entry("next_face", "Ne&xt face", "mdi6.chevron-down", "N", "Select the next face"),
    Entry("previous_face", "&Previous face", "mdi6.chevron-up", "P", "Select the previous face"),
    Entry("next_blocked", "Next face that &blocks", "mdi6.alert-outline", "B",
          "Select the next face that blocks the export"),
    Entry("next_photo", "Next p&hoto", "mdi6.chevron-right", "Ctrl+Right", "Show the next photo"),
    Entry("previous_photo", "Previous ph&oto", "mdi6.chevron-left", "Ctrl+Left",
          "Show the previous photo"),
    Entry("view_side", "&Side by side", "mdi6.view-split-vertical", "1",
          "Original and result side by side", checkable=True),
    Entry("view_result", "&Result", "mdi6.image-check-outline", "2",
          "The result alone", checkable=True),
    Entry("view_split", "S&plit", "mdi6.compare", "3",
          "One photo with a divider: original left, result right", checkable=True),
    Entry("view_original", "&Original", "mdi6.image-outline", "4",
          "The original alone", checkable=True),
    Entry("zoom_fit", "&Fit", "mdi6.fit-to-screen-outline", "F", "Show the whole photo"),
    Entry("zoom_actual", "&100 %", "mdi6.numeric-1-box-outline", "0",
          "One photo pixel is one screen pixel"),
    Entry("zoom_face", "Zoom to fa&ce", "mdi6.face-recognition", "Z",
          "Bring the selected face to the middle"),
    Entry("zoom_in", "Zoom &in", "mdi6.magnify-plus-outline", "+", "Larger"),
    Entry("zoom_out", "Zoom ou&t", "mdi6.magnify-minus-outline", "-", "Smaller"),
    Entry("show_outlines", "Face out&lines", "mdi6.vector-square", "H",
          "Show or hide the outlines of the faces", checkable=True),
    Entry("cycle_theme", "&Colours: system, light, dark", "mdi6.theme-light-dark", "Ctrl+T",
          "Switch between the system's colours, light and dark"),
    Entry("cancel_work", "&Cancel work", "mdi6.close-circle-outline", "Ctrl+.",
          "Stop; unfinished faces block the export"),
    Entry("about", "&About Deid Desktop", "mdi6.information-outline", "F1",
          "Version, licence, and what the program does not promise"),
)  # fmt: skip

MENUS = {
    "&File": ("open_photos", "open_folder", "", "export_photo", "", "quit"),
    "&Edit": ("undo", "redo", "", "mark_face", "not_a_face", "another_face", "", "cancel_work"),
    "&Go": ("next_face", "previous_face", "next_blocked", "", "next_photo", "previous_photo"),
    "&View": (
        "view_side", "view_result", "view_split", "view_original", "",
        "zoom_fit", "zoom_actual", "zoom_face", "zoom_in", "zoom_out", "",
        "show_outlines", "cycle_theme",
    ),
    "&Help": ("about",),
}  # fmt: skip

TOOLBAR = (
    "open_photos", "", "undo", "redo", "", "mark_face", "not_a_face", "",
    "view_side", "view_result", "view_split", "view_original", "",
    "zoom_out", "zoom_fit", "zoom_actual", "zoom_in", "zoom_face", "",
    "show_outlines", ">", "cycle_theme", "export_photo",
)  # fmt: skip
"""Keys in order; ``""`` is a separator, ``">"`` pushes the rest to the right."""


def build_actions(parent: QObject) -> dict[str, QAction]:
    """Return key → action, still without icons."""
    actions: dict[str, QAction] = {}
    for entry in ACTIONS:
        action = QAction(entry.text, parent)
        action.setObjectName(entry.key)
        action.setShortcut(QKeySequence(entry.shortcut))
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        action.setToolTip(f"{entry.tip} ({entry.shortcut})")
        action.setStatusTip(entry.tip)
        action.setCheckable(entry.checkable)
        actions[entry.key] = action
    return actions


def style_actions(actions: dict[str, QAction], theme: Theme) -> None:
    """Give every action its icon in the theme's colours."""
    for entry in ACTIONS:
        actions[entry.key].setIcon(theme.icon(entry.icon))
