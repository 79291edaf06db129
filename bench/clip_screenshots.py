"""Opens a clip in its window and saves what it shows, for the guide.

    QT_QPA_PLATFORM=offscreen python -m bench.clip_screenshots [--out docs/guide/images] [CLIP]

Without a clip a camera moves over the public-domain sample that ships with the program.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_API", "pyside6")

import cv2
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from bench.clips import record, shots
from deid_desktop.core.imaging import read_photo
from deid_desktop.core.types import Request
from deid_desktop.gui.clip_window import ClipWindow
from deid_desktop.gui.theme import Theme
from deid_desktop.resources import resource
from deid_desktop.session.worker import make_pipeline

WIDTH = 1180


def sample(folder: Path) -> Path:
    """Make a clip of three people, one of whom is out of focus for a moment."""
    photo = read_photo(resource("samples", "crew.jpg")).pixels
    pictures = [picture for picture, _ in shots(photo, 50, size=(854, 480), face=110.0)]
    for picture in pictures[22:32]:
        part = picture[:, 480:]
        part[:] = cv2.GaussianBlur(part, (0, 0), 14)
    return record(folder / "interview.mp4", pictures)


def wait(application: QApplication, done: Callable[[], bool], seconds: float = 300) -> None:
    """Run the event loop until ``done``."""
    end = time.monotonic() + seconds
    while not done() and time.monotonic() < end:
        application.processEvents()
        time.sleep(0.01)


def main() -> None:
    """Take the screenshot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", nargs="?", type=Path)
    images = Path(__file__).parents[1] / "docs" / "guide" / "images"
    parser.add_argument("--out", type=Path, default=images)
    options = parser.parse_args()
    application = QApplication([])
    application.setStyle("Fusion")
    with tempfile.TemporaryDirectory() as folder:
        clip = options.clip or sample(Path(folder))
        window = ClipWindow(clip, Request(), Theme("dark"), make_pipeline)
        window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        window.show()
        model = window.model

        def rest() -> None:
            wait(application, lambda: not model.doing)

        rest()
        model.play()
        rest()
        model.go(model.frames // 4)
        rest()
        wait(application, lambda: False, 0.3)
        picture = window.grab().toImage()
        if picture.width() > WIDTH:
            picture = picture.scaledToWidth(WIDTH, Qt.TransformationMode.SmoothTransformation)
        picture.save(str(options.out / "clip.jpg"), "JPG", 76)
        window.close()


if __name__ == "__main__":
    main()
