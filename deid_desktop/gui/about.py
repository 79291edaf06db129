"""What the program is, and what it does not promise."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from deid_desktop import __version__
from deid_desktop.session.language import later, tr

_ABOUT = (
    later("Replaces faces in photos with synthetic surrogates, verified, offline. Apache-2.0."),
    later(
        "A verified surrogate means that a face recogniser no longer links the face to the person. "
        "Hair, ears, clothes, tattoos, name tags and places still can: look at them before you "
        "publish."
    ),
)


def show_about(parent: QWidget) -> None:
    """Show it without blocking the window."""
    box = QMessageBox(parent)
    box.setWindowTitle(tr("About Deid Desktop"))
    words = "".join(f"<p>{tr(text)}</p>" for text in _ABOUT)
    box.setText(f"<h3>Deid Desktop {__version__}</h3>{words}")
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()
