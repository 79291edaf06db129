"""All actions of the window as one table; menus, toolbar and shortcuts are built from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence

from deid_desktop.gui.theme import Theme
from deid_desktop.session.language import later, tr


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
    Entry("open_photos", later("&Open photos …"), "mdi6.image-plus", "Ctrl+O",
          later("Open one or more photos")),
    Entry("open_folder", later("Open &folder …"), "mdi6.folder-open-outline", "Ctrl+Shift+O",
          later("Open every photo of a folder")),
    Entry("paste_photos", later("Open from clip&board"), "mdi6.clipboard-outline", "Ctrl+V",
          later("Open photo files that were copied in a file manager")),
    Entry("close_photo", later("&Close photo"), "mdi6.close-box-outline", "Ctrl+W",
          later("Take the selected photos out of the session; their files stay")),
    Entry("open_project", later("Open pro&ject …"), "mdi6.briefcase-outline", "Ctrl+Shift+P",
          later("Open a project: photos, boxes, settings and decisions")),
    Entry("save_project", later("&Save project"), "mdi6.content-save-outline", "Ctrl+S",
          later("Save boxes, settings and decisions; no pixels of any face")),
    Entry("save_project_as", later("Save project &as …"), "mdi6.content-save-edit-outline",
          "Ctrl+Shift+S", later("Save the project at another place")),
    Entry("export_photo", later("&Export …"), "mdi6.export-variant", "Ctrl+E",
          later("Check every face again and write new files without metadata")),
    Entry("quit", later("&Quit"), "mdi6.power", "Ctrl+Q",
          later("Close the window; what is in no project is forgotten")),
    Entry("undo", later("&Undo"), "mdi6.undo", "Ctrl+Z", later("Take the last change back")),
    Entry("redo", later("&Redo"), "mdi6.redo", "Ctrl+Shift+Z", later("Make the change again")),
    Entry("show_history", later("&History"), "mdi6.history", "Ctrl+H",
          later("List all changes; click one to go back to it"), checkable=True),
    Entry("mark_face", later("&Mark a missed face"), "mdi6.selection-drag", "M",
          later("Draw a box around a face that was not found"), checkable=True),
    Entry("mark_region", later("Mark a re&gion"), "mdi6.card-account-details-outline", "G",
          later("Draw a box around a name tag, a tattoo or a screen to hide it"), checkable=True),
    Entry("not_a_face", later("&Not a face"), "mdi6.selection-remove", "Del",
          later("Remove the selected box: it holds no face")),
    Entry("brush_in", later("Brush &into the mask"), "mdi6.brush-variant", "I",
          later("Paint over what is to be replaced or hidden too"), checkable=True),
    Entry("brush_out", later("Brush &out of the mask"), "mdi6.eraser-variant", "O",
          later("Paint over what is to stay: a hand, hair, a microphone"), checkable=True),
    Entry("brush_larger", later("&Larger brush"), "mdi6.circle-outline", "]",
          later("Make the brush larger")),
    Entry("brush_smaller", later("&Smaller brush"), "mdi6.circle-small", "[",
          later("Make the brush smaller")),
    Entry("clear_brush", later("&Clear the brush"), "mdi6.layers-remove", "Ctrl+Backspace",
          later("Take back all strokes on the selected face")),
    Entry("another_face", later("&Another face"), "mdi6.dice-multiple-outline", "R",
          later("Another surrogate for the selected face")),
    Entry("copy_settings", later("&Copy settings"), "mdi6.content-copy", "Ctrl+Shift+C",
          later("Remember method and sliders of the selected face")),
    Entry("paste_settings", later("&Paste settings"), "mdi6.content-paste", "Ctrl+Shift+V",
          later("Give the remembered settings to the selected faces")),
    Entry("select_all", later("Select a&ll faces"), "mdi6.select-all", "Ctrl+A",
          later("Select every face of the photo, to change them together")),
    Entry("next_face", later("Ne&xt face"), "mdi6.chevron-down", "N",
          later("Select the next face")),
    Entry("previous_face", later("&Previous face"), "mdi6.chevron-up", "P",
          later("Select the previous face")),
    Entry("next_blocked", later("Next face that &blocks"), "mdi6.alert-outline", "B",
          later("Select the next face that blocks the export")),
    Entry("next_photo", later("Next p&hoto"), "mdi6.chevron-right", "Ctrl+Right",
          later("Show the next photo")),
    Entry("previous_photo", later("Previous ph&oto"), "mdi6.chevron-left", "Ctrl+Left",
          later("Show the previous photo")),
    Entry("show_people", later("Peopl&e"), "mdi6.account-group-outline", "W",
          later("Who is who over all photos: merge, split, one surrogate for each person"),
          checkable=True),
    Entry("show_review", later("&Review"), "mdi6.account-check-outline", "Ctrl+R",
          later("Approve or reject face by face, with a comment"), checkable=True),
    Entry("approve", later("A&pprove"), "mdi6.check", "A",
          later("Approve the selected face as it is now")),
    Entry("reject", later("Re&ject"), "mdi6.close", "X",
          later("Reject the selected face as it is now; it then blocks the export")),
    Entry("view_side", later("&Side by side"), "mdi6.view-split-vertical", "1",
          later("Original and result side by side"), checkable=True),
    Entry("view_result", later("&Result"), "mdi6.image-check-outline", "2",
          later("The result alone"), checkable=True),
    Entry("view_split", later("S&plit"), "mdi6.compare", "3",
          later("One photo with a divider: original left, result right"), checkable=True),
    Entry("view_original", later("&Original"), "mdi6.image-outline", "4",
          later("The original alone"), checkable=True),
    Entry("view_blink", later("&Blink"), "mdi6.swap-horizontal", "5",
          later("Original and result in turns, at the same place"), checkable=True),
    Entry("zoom_fit", later("&Fit"), "mdi6.fit-to-screen-outline", "F",
          later("Show the whole photo")),
    Entry("zoom_actual", later("&100 %"), "mdi6.numeric-1-box-outline", "0",
          later("One photo pixel is one screen pixel")),
    Entry("zoom_face", later("Zoom to fa&ce"), "mdi6.face-recognition", "Z",
          later("Bring the selected face to the middle")),
    Entry("zoom_in", later("Zoom &in"), "mdi6.magnify-plus-outline", "+", later("Larger")),
    Entry("zoom_out", later("Zoom ou&t"), "mdi6.magnify-minus-outline", "-", later("Smaller")),
    Entry("show_outlines", later("Face out&lines"), "mdi6.vector-square", "H",
          later("Show or hide the outlines of the faces"), checkable=True),
    Entry("cycle_theme", later("Colours: syste&m, light, dark"), "mdi6.theme-light-dark", "Ctrl+T",
          later("Switch between the system's colours, light and dark")),
    Entry("settings", later("Se&ttings …"), "mdi6.cog-outline", "Ctrl+,",
          later("Language, text size, standard method, device, shortcuts")),
    Entry("cancel_work", later("Cancel &work"), "mdi6.close-circle-outline", "Ctrl+.",
          later("Stop; unfinished faces block the export")),
    Entry("first_steps", later("&First steps"), "mdi6.school-outline", "Shift+F1",
          later("A few sentences on how the work goes")),
    Entry("about", later("&About Deid Desktop"), "mdi6.information-outline", "F1",
          later("Version, licence, and what the program does not promise")),
)  # fmt: skip

MENUS = {
    later("&File"): (
        "open_photos", "open_folder", "paste_photos", "close_photo", "",
        "open_project", "save_project",
        "save_project_as", "", "export_photo", "", "settings", "quit",
    ),
    later("&Edit"): (
        "undo", "redo", "show_history", "", "mark_face", "mark_region", "not_a_face",
        "another_face", "", "select_all", "copy_settings", "paste_settings", "", "cancel_work",
    ),
    later("&Mask"): ("brush_in", "brush_out", "", "brush_larger", "brush_smaller", "",
                     "clear_brush"),
    later("&Go"): (
        "next_face", "previous_face", "next_blocked", "", "next_photo", "previous_photo",
    ),
    later("&Review"): ("show_review", "approve", "reject"),
    later("&View"): (
        "view_side", "view_result", "view_split", "view_original", "view_blink", "",
        "zoom_fit", "zoom_actual", "zoom_face", "zoom_in", "zoom_out", "",
        "show_outlines", "show_people", "cycle_theme",
    ),
    later("&Help"): ("first_steps", "about"),
}  # fmt: skip

TOOLBAR = (
    "open_photos", "save_project", "", "undo", "redo", "", "mark_face", "mark_region",
    "not_a_face", "", "brush_in", "brush_out", "",
    "view_side", "view_result", "view_split", "view_original", "view_blink", "",
    "zoom_out", "zoom_fit", "zoom_actual", "zoom_in", "zoom_face", "",
    "show_outlines", "show_review", ">", "cycle_theme", "export_photo",
)  # fmt: skip
"""Keys in order; ``""`` is a separator, ``">"`` pushes the rest to the right."""

PHOTO_MENU = ("export_photo", "close_photo")
"""What a right click on a photo of the filmstrip offers."""

FACE_MENU = ("another_face", "not_a_face", "zoom_face", "copy_settings", "paste_settings",
             "approve", "reject")  # fmt: skip
"""What a right click on a face of the list offers."""

VIEWS = ("view_side", "view_result", "view_split", "view_original", "view_blink")
"""Of these one is always checked."""


def build_actions(parent: QObject, shortcuts: Mapping[str, str]) -> dict[str, QAction]:
    """Return key → action, still without icons; ``shortcuts`` are those the person changed."""
    actions: dict[str, QAction] = {}
    for entry in ACTIONS:
        action = QAction(tr(entry.text), parent)
        action.setObjectName(entry.key)
        action.setIconText(plain(tr(entry.text)).removesuffix("…").strip())
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        action.setStatusTip(tr(entry.tip))
        action.setCheckable(entry.checkable)
        actions[entry.key] = action
    bind_shortcuts(actions, shortcuts)
    return actions


def plain(text: str) -> str:
    """Return an action's text without its mnemonic, also where that stands in brackets."""
    return re.sub(r"\(&\w\)", "", text).replace("&", "")


def bind_shortcuts(actions: Mapping[str, QAction], shortcuts: Mapping[str, str]) -> None:
    """Give every action its key: the person's, or the one of the table."""
    for entry in ACTIONS:
        keys = QKeySequence(shortcuts.get(entry.key, entry.shortcut))
        actions[entry.key].setShortcut(keys)
        shown = keys.toString(QKeySequence.SequenceFormat.NativeText)
        actions[entry.key].setToolTip(f"{tr(entry.tip)} ({shown})" if shown else tr(entry.tip))


def style_actions(actions: Mapping[str, QAction], theme: Theme) -> None:
    """Give every action its icon in the theme's colours."""
    for entry in ACTIONS:
        actions[entry.key].setIcon(theme.icon(entry.icon))
