"""Drives the real window through a session and saves what it shows.

    xvfb-run -s "-screen 0 1600x1000x24" python bench/screenshots.py [--out docs/screenshots]
                                                                    [PHOTO …]

Without photos it uses the public-domain samples that ship with the program; only pictures made of
those belong into the repository.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("QT_API", "pyside6")

from PySide6.QtWidgets import QApplication, QWidget

from deid_desktop.core.types import Method
from deid_desktop.gui.main_window import MainWindow
from deid_desktop.gui.theme import Theme
from deid_desktop.resources import resource
from deid_desktop.session.document import Document
from deid_desktop.session.render import Renderer
from deid_desktop.session.settings import Settings, forget_dialog_history

SAMPLES = ("crew.jpg", "portrait.jpg")


class Session:
    """A window and the means to wait for it and to photograph it."""

    def __init__(self, out: Path, settings: Settings) -> None:
        self.out = out
        self.application = QApplication([])
        self.application.setStyle("Fusion")
        self.theme = Theme("dark")
        self.document = Document()
        self.renderer = Renderer(self.document)
        self.window = MainWindow(self.document, self.renderer, self.theme, settings)
        self.window.resize(1440, 900)
        self.window.show()

    def wait(self, done: Callable[[], bool], seconds: float = 600) -> None:
        """Run the event loop until ``done``."""
        end = time.monotonic() + seconds
        while not done() and time.monotonic() < end:
            self.application.processEvents()
            time.sleep(0.01)

    def rest(self) -> None:
        """Wait until nothing is left to do and thumbnails are drawn."""
        self.wait(lambda: not self.renderer.busy)
        pause = time.monotonic() + 0.3
        self.wait(lambda: time.monotonic() > pause)

    def shoot(self, name: str, widget: QWidget | None = None) -> None:
        """Save what a widget shows."""
        pause = time.monotonic() + 0.2
        self.wait(lambda: time.monotonic() > pause)
        (widget or self.window).grab().save(str(self.out / f"{name}.png"))
        print(name, flush=True)

    def trigger(self, key: str) -> None:
        """Perform an action of the table."""
        self.window.actions_by_key[key].trigger()


def run(session: Session, photos: list[Path]) -> None:
    """Go through the main job."""
    document, window = session.document, session.window
    session.shoot("welcome")
    window.open_paths(photos)
    session.wait(lambda: bool(document.current and document.current.present()))
    session.shoot("working")
    session.rest()
    session.shoot("side-by-side")
    session.trigger("zoom_face")
    session.shoot("face")
    ages = window.attributes.rows["Age"].slider
    ages.setSliderDown(True)
    ages.setValue(ages.maximum() - 6)
    session.wait(lambda: document.selected is not None and document.selected.previewed is not None)
    session.shoot("preview")
    ages.setSliderDown(False)
    session.rest()
    session.shoot("older")
    session.trigger("view_split")
    session.shoot("split")
    session.trigger("view_side")
    session.trigger("zoom_fit")
    session.trigger("next_face")
    document.set_method(Method.PIXELATE)
    session.rest()
    session.shoot("pixelate")
    session.trigger("next_face")
    # A surrogate with hardly any change of shape often stays recognisable.
    document.edit("Shape change", lambda request: replace(request, shape_strength=0.0))
    session.rest()
    session.trigger("export_photo")
    assert window.export_dialog is not None
    session.shoot("export", window.export_dialog)
    window.export_dialog.close()
    session.theme.choose("light")
    session.shoot("light")
    if len(document.entries) > 1:
        session.trigger("next_photo")
        session.rest()
        session.shoot("second-photo")


def main() -> None:
    """Take the screenshots."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", nargs="*", type=Path)
    folder = Path(__file__).parents[1] / "docs" / "screenshots"
    parser.add_argument("--out", type=Path, default=folder)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    forget_dialog_history()
    with tempfile.TemporaryDirectory() as folder:
        session = Session(options.out, Settings(Path(folder) / "window.ini"))
        run(session, options.photos or [resource("samples", name) for name in SAMPLES])
        session.window.close()


if __name__ == "__main__":
    main()
