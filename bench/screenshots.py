"""Drives the real window through a session and saves what it shows.

    xvfb-run -s "-screen 0 1600x1000x24" python -m bench.screenshots [--out docs/guide/images]
                                                                       [--language de] [PHOTO …]

Without photos it uses the public-domain samples that ship with the program; only pictures made of
those belong into the repository.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_API", "pyside6")

from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QApplication, QWidget

from deid_desktop.core.types import Method
from deid_desktop.gui.main_window import MainWindow
from deid_desktop.gui.theme import Theme
from deid_desktop.resources import resource
from deid_desktop.session import brushing
from deid_desktop.session.document import Document
from deid_desktop.session.language import LANGUAGES, use_language
from deid_desktop.session.render import Renderer
from deid_desktop.session.settings import Settings, forget_dialog_history

SAMPLES = ("crew.jpg", "portrait.jpg")
WIDTH = 1280
"""Pixels of the widest picture: enough to read, small enough for the repository."""


class Session:
    """A window and the means to wait for it and to photograph it."""

    def __init__(self, out: Path, settings: Settings, text_size: float = 1.0) -> None:
        self.out = out
        self.application = QApplication([])
        self.application.setStyle("Fusion")
        font = self.application.font()
        font.setPointSizeF(font.pointSizeF() * text_size)
        self.application.setFont(font)
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
        picture = (widget or self.window).grab().toImage()
        if picture.width() > WIDTH:
            smooth = Qt.TransformationMode.SmoothTransformation
            picture = picture.scaledToWidth(WIDTH, smooth)
        picture.save(str(self.out / f"{name}.jpg"), "JPG", 82)
        print(name, flush=True)

    def trigger(self, key: str) -> None:
        """Perform an action of the table."""
        self.window.actions_by_key[key].trigger()


def run(session: Session, photos: list[Path], folder: Path) -> None:
    """Go through the main job, the review and the export."""
    document, window = session.document, session.window
    session.shoot("welcome")
    window.open_paths(photos)
    session.wait(lambda: bool(document.current and document.current.present()))
    session.shoot("working")
    session.rest()
    session.shoot("side-by-side")
    adjust(session)
    protect(session)
    review(session, folder)
    session.theme.choose("light")
    session.trigger("zoom_fit")
    session.shoot("light")
    window.show_settings()
    session.shoot("settings", window.settings_dialog)
    window.settings_dialog.close()


def adjust(session: Session) -> None:
    """Move a slider, look at alternatives, compare."""
    document, window = session.document, session.window
    session.trigger("zoom_face")
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
    brush(session)
    session.trigger("view_side")
    session.trigger("zoom_fit")


def brush(session: Session) -> None:
    """Brush the collar free and turn the box, with the history in view; take both back."""
    document, compare = session.document, session.window.compare
    session.trigger("view_result")
    session.trigger("zoom_face")
    session.trigger("brush_out")
    assert document.selected is not None
    face = document.selected.face
    x, y, w, h = face.box
    way = [(x + t * w / 20, y + (0.96 + 0.05 * (t - 10) ** 2 / -100) * h) for t in range(21)]
    stroke = brushing.stroke_of(way, face, into=False, radius=brushing.STANDARD)
    brushing.brush(document, stroke)
    document.move_face(face.id, face.box, angle=12.0)
    session.trigger("show_history")
    session.rest()
    compare.result.brush.hover(QPointF(x + w, y + 0.9 * h))
    session.shoot("brush")
    session.trigger("show_history")
    session.trigger("brush_out")
    for _ in range(2):
        session.trigger("undo")
    session.rest()


def protect(session: Session) -> None:
    """Use a mask that is weak, and hide something that is no face."""
    document = session.document
    session.trigger("next_face")
    document.set_method(Method.PIXELATE)
    session.rest()
    session.shoot("pixelate")
    assert document.selected is not None
    x, y, w, h = document.selected.face.box
    document.add_face((x + 0.2 * w, y + 2.0 * h, 0.8 * w, 0.4 * h), region=True)
    session.rest()
    session.trigger("zoom_face")
    session.shoot("region")
    session.trigger("zoom_fit")


def review(session: Session, folder: Path) -> None:
    """Save a project, decide on faces, look at what holds the export back."""
    document, window = session.document, session.window
    window.opening.save_to(folder / "crew.deid")
    session.trigger("show_review")
    window.review.reviewer.setText("Ada")
    document.select(0)
    window.review.decide(approved=True)
    window.review.comment.setText("The name tag can be read")
    window.review.decide(approved=False)
    document.select(1)
    session.rest()
    session.shoot("review")
    session.trigger("show_review")
    session.trigger("export_photo")
    assert window.export_dialog is not None
    window.export_dialog.folder.setText("~/published")
    session.shoot("export", window.export_dialog)
    window.export_dialog.close()
    window.file.close()


def main() -> None:
    """Take the screenshots."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", nargs="*", type=Path)
    images = Path(__file__).parents[1] / "docs" / "guide" / "images"
    parser.add_argument("--out", type=Path, default=images)
    parser.add_argument("--language", default="en", choices=list(LANGUAGES))
    parser.add_argument("--text-size", type=int, default=100, help="per cent")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    forget_dialog_history()
    with tempfile.TemporaryDirectory() as folder:
        use_language(options.language)
        session = Session(
            options.out, Settings(Path(folder) / "window.ini"), options.text_size / 100
        )
        photos = options.photos or [resource("samples", name) for name in SAMPLES]
        run(session, photos, Path(folder))
        session.document.undo_stack.setClean()  # else it asks what becomes of the work
        session.window.close()


if __name__ == "__main__":
    main()
