"""Which actions make sense now."""

from __future__ import annotations

from deid_desktop.gui.actions import VIEWS
from deid_desktop.session import brushing
from deid_desktop.session.document import Document
from deid_desktop.session.model import Stage

_LOOKING = (*VIEWS, "zoom_fit", "zoom_actual", "zoom_in", "zoom_out", "show_outlines")


def enabled_actions(document: Document, *, copied: bool) -> dict[str, bool]:
    """Return action → whether it can be used; those that always can are left out.

    ``copied``: settings of a face were copied.
    """
    entry = document.current
    ready = entry is not None and entry.stage is Stage.READY
    selected = document.selected
    chosen = ready and selected is not None
    brushable = chosen and brushing.brushable(selected)
    several = entry is not None and bool(entry.present())
    stack = document.undo_stack
    return {
        "export_photo": ready,
        "mark_face": ready,
        "mark_region": ready,
        "save_project": entry is not None,
        "save_project_as": entry is not None,
        "copy_settings": chosen,
        "paste_settings": chosen and copied,
        "select_all": chosen,
        "brush_in": brushable,
        "brush_out": brushable,
        "brush_larger": brushable,
        "brush_smaller": brushable,
        "clear_brush": brushable and selected is not None and bool(selected.request.strokes),
        "approve": chosen,
        "reject": chosen,
        "not_a_face": chosen,
        "another_face": chosen,
        "zoom_face": chosen,
        "close_photo": entry is not None,
        **dict.fromkeys(_LOOKING, entry is not None),
        "next_face": several,
        "previous_face": several,
        "next_blocked": entry is not None,
        "next_photo": len(document.entries) > 1,
        "previous_photo": len(document.entries) > 1,
        "undo": stack.canUndo(),
        "redo": stack.canRedo(),
    }
