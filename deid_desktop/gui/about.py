"""What the program is, and what it does not promise."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from deid_desktop import __version__

_ABOUT = f"""<h3>Deid Desktop {__version__}</h3>
<p>Replaces faces in photos with synthetic surrogates, verified, offline. Apache-2.0.</p>
<p>A verified surrogate means that a face recogniser no longer links the face to the person.
Hair, ears, clothes, tattoos, name tags and places still can: look at them before you publish.</p>
"""


def show_about(parent: QWidget) -> None:
    """Show it without blocking the window."""
    box = QMessageBox(parent)
    box.setWindowTitle("About Deid Desktop")
    box.setText(_ABOUT)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()
