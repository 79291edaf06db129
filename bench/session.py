"""Works through twenty photos as a person does, with mouse and keys, and photographs every step.

    xvfb-run -s "-screen 0 1600x1000x24" python -m bench.session --out FOLDER [--language de]
        [--text-size 200] [--theme light] [--photos FOLDER]

Open, detect, adjust, brush, turn, mask, review, export, reopen. Without photos of one's own, twenty
are cut from the public-domain samples that ship with the program. Exit status 1: something was
not exported, or did not come back from the project.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
import traceback
from pathlib import Path

os.environ.setdefault("QT_API", "pyside6")

import numpy as np
from PIL import Image
from PySide6.QtCore import (
    QMessageLogContext,
    QMimeData,
    QPointF,
    Qt,
    QtMsgType,
    QUrl,
    qInstallMessageHandler,
)
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QScrollArea, QWidget

from bench.screenshots import SAMPLES, Session
from deid_desktop.core.types import Method, State
from deid_desktop.gui.canvas import Canvas
from deid_desktop.gui.main_window import MainWindow
from deid_desktop.resources import resource
from deid_desktop.session.document import Document
from deid_desktop.session.language import LANGUAGES, use_language
from deid_desktop.session.render import Renderer
from deid_desktop.session.settings import Settings, forget_dialog_history

COUNT = 20
COMPLAINTS: list[str] = []
"""What Qt warned of on the way."""
Spot = tuple[float, float]


def note(kind: QtMsgType, _context: QMessageLogContext, words: str) -> None:
    """Keep a warning of Qt and where it came from."""
    if kind != QtMsgType.QtDebugMsg:
        places = [f"{Path(f.filename).name}:{f.lineno}" for f in traceback.extract_stack()[-4:-1]]
        COMPLAINTS.append(f"{words} ({' > '.join(places)})")


def cut_photos(folder: Path, count: int) -> None:
    """Write so many photos: the samples in other crops, mirrored, lighter and darker."""
    folder.mkdir()
    chance = np.random.default_rng(0)
    pictures = [Image.open(resource("samples", name)).convert("RGB") for name in SAMPLES]
    for number in range(count):
        picture = pictures[number % 2]
        width, height = picture.size
        trim = 0.08 * chance.random(4)
        box = (trim[0] * width, trim[1] * height, (1 - trim[2]) * width, (1 - trim[3]) * height)
        cut = picture.crop(tuple(round(side) for side in box))  # type: ignore[arg-type]
        if number % 4 > 1:
            cut = cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        light = 0.8 + 0.35 * chance.random()
        cut.point(lambda value, light=light: min(255, round(value * light))).save(
            folder / f"{'assembly' if number % 2 == 0 else 'portrait'}-{number:02d}.jpg", quality=93
        )


class Person(Session):
    """Someone with a mouse, a keyboard and a camera."""

    def __init__(self, out: Path, settings: Settings, text_size: float, theme: str) -> None:
        super().__init__(out, settings, text_size)
        self.theme.choose(theme)
        self._number = 0
        self.others: tuple[object, ...] = ()

    def shoot(self, name: str, widget: QWidget | None = None) -> None:
        """Save what a widget shows, at full size, numbered in order."""
        pause = time.monotonic() + 0.25
        self.wait(lambda: time.monotonic() > pause)
        self._number += 1
        file = self.out / f"{self._number:02d}-{name}.png"
        (widget or self.window).grab().toImage().save(str(file))
        print(file.name, flush=True)

    def drop(self, *paths: Path) -> None:
        """Drag files onto the window."""
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
        event = QDropEvent(
            QPointF(400, 300),
            Qt.DropAction.CopyAction,
            data,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
        self.window.dropEvent(event)

    def drag(self, canvas: Canvas, *way: Spot) -> None:
        """Drag the mouse over a photo, from point to point."""
        spots = [canvas.mapFromScene(QPointF(*point)) for point in way]
        QTest.mousePress(canvas.viewport(), Qt.MouseButton.LeftButton, pos=spots[0])
        for spot in spots[1:]:
            QTest.mouseMove(canvas.viewport(), spot)
        QTest.mouseRelease(canvas.viewport(), Qt.MouseButton.LeftButton, pos=spots[-1])


def opening(person: Person, photos: Path) -> None:
    """Start, try the sample with its first steps, then drop the folder."""
    document, window = person.document, person.window
    person.shoot("welcome")
    window._sample.trigger()
    person.wait(lambda: bool(document.current and document.current.present()))
    person.rest()
    person.shoot("first-steps")
    window.notice.answers[-1].click()
    document.undo_stack.setClean()
    document.replace_all([], approval_needed=False)
    person.drop(photos)
    count = sum(1 for _file in photos.iterdir())
    person.wait(lambda: len(document.entries) == count)
    person.wait(lambda: bool(document.current and document.current.present()))
    person.shoot("detecting")
    person.rest()
    person.shoot("all-found")


def adjusting(person: Person) -> None:
    """Slider, alternatives, brush, turn, settings for others, history."""
    document, window = person.document, person.window
    person.trigger("zoom_face")
    person.trigger("view_result")
    person.rest()
    ages = window.attributes.rows["Age"].slider
    ages.setFocus()
    for _ in range(4):
        QTest.keyClick(ages, Qt.Key.Key_PageUp)
    person.rest()
    person.shoot("older")
    window.attributes.alternatives.open.click()
    pictures = window.renderer.alternatives.pictures
    person.wait(lambda: len(pictures()) == 6, seconds=60)
    person.shoot("alternatives")
    window.attributes.alternatives.open.click()
    canvas, face = window.compare.result, document.selected.face  # type: ignore[union-attr]
    x, y, w, h = face.box
    person.trigger("brush_out")
    person.drag(canvas, (x, y + 0.9 * h), (x + 0.5 * w, y + 1.02 * h), (x + w, y + 0.9 * h))
    person.shoot("brushing")
    person.trigger("brush_out")
    person.rest()
    handle = (x + w / 2, y - 0.22 * max(w, h))
    person.drag(canvas, handle, (handle[0] + 0.3 * h, handle[1] + 0.04 * h))
    person.rest()
    window.attributes.rows["Skin tone"].number.setValue(20)
    window.attributes.keeps["keep_mouth"].click()
    person.rest()
    person.trigger("show_history")
    area = window.findChildren(QScrollArea)[0]
    area.verticalScrollBar().setValue(area.verticalScrollBar().maximum())
    person.shoot("turned-history")
    person.trigger("show_history")
    area.verticalScrollBar().setValue(0)
    person.trigger("zoom_fit")
    person.trigger("view_side")


def masking(person: Person) -> None:
    """Mask what failed, hide a name tag, everywhere."""
    document, window = person.document, person.window
    for entry in list(document.entries):
        document.show_photo(entry)
        person.rest()
        for subject in entry.blocked():
            document.select(subject.face.id)
            document.set_method(Method.SOLID)
        person.rest()
    document.show_photo(document.entries[0])
    person.rest()
    person.trigger("mark_region")
    canvas = window.compare.original
    x, y, w, h = document.entries[0].present()[0].face.box
    person.drag(canvas, (x, y + 1.8 * h), (x + w, y + 2.2 * h))
    person.rest()
    person.shoot("region")
    person.trigger("next_face")
    document.set_method(Method.BLUR)
    person.rest()
    person.shoot("blur-warning")
    document.set_method(Method.SURROGATE)
    person.rest()


def reviewing(person: Person, project: Path) -> None:
    """Approve all faces but one, which is rejected, changed, approved."""
    document, window = person.document, person.window
    window.opening.save_to(project)
    document.set_approval_needed(True)
    person.trigger("show_review")
    window.review.reviewer.setText("Ada Réka")
    document.show_photo(document.entries[0])
    person.rest()
    window.review.comment.setText("The ear can still be recognised; brush it in.")
    window.review.decide(approved=False)
    document.step_face(-1)
    person.rest()
    person.shoot("rejected")
    for entry in document.entries:
        document.show_photo(entry)
        person.rest()
        for subject in entry.present():
            document.select(subject.face.id)
            window.review.decide(approved=True)
    person.rest()
    person.shoot("approved")
    person.trigger("show_review")


def exporting(person: Person, folder: Path) -> int:
    """Export all with a report; return how many files were written."""
    folder.mkdir()
    person.trigger("export_photo")
    dialog = person.window.export_dialog
    assert dialog is not None
    dialog.scope.setCurrentIndex(2)
    dialog.report.setChecked(True)
    dialog.folder.setText(str(folder))
    person.shoot("export", dialog)
    dialog.write.click()
    person.wait(lambda: not dialog._waiting)
    dialog.folder.setText("~/published")
    person.shoot("exported", dialog)
    dialog.close()
    person.shoot("strip")
    return len(list(folder.glob("*-deid.jpg")))


def dialogs(person: Person) -> None:
    """Look at the settings in both pages, and at the other theme."""
    person.window.show_settings()
    person.shoot("settings", person.window.settings_dialog)
    person.window.settings_dialog.close()
    person.theme.choose("light" if person.theme.dark else "dark")
    person.shoot("other-theme")


def reopening(person: Person, project: Path, settings: Settings) -> list[str]:
    """Open the project in a second window; return what did not come back as it was."""
    document = Document()
    renderer = Renderer(document)
    window = MainWindow(document, renderer, person.theme, settings)
    window.resize(1440, 900)
    window.show()
    window.open_paths([project])
    person.wait(lambda: bool(document.entries) and not renderer.busy)
    lost = [
        f"{entry.name}, face {subject.number}: {subject.state}, approved: {subject.approved}"
        for entry in document.entries
        for subject in entry.present()
        if not subject.approved or subject.state is State.ATTENTION
    ]
    person.shoot("reopened", window)
    document.undo_stack.setClean()
    window.close()
    person.others = (document, renderer, window)  # they live as long as the application
    return lost


def main() -> None:
    """Go through the session."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--photos", type=Path, help="folder of twenty photos")
    parser.add_argument("--count", type=int, default=COUNT, help="of photos that are cut")
    parser.add_argument("--language", default="en", choices=list(LANGUAGES))
    parser.add_argument("--text-size", type=int, default=100, help="per cent")
    parser.add_argument("--theme", default="dark", choices=("dark", "light"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    forget_dialog_history()
    qInstallMessageHandler(note)
    use_language(options.language)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = Settings(folder / "window.ini")
        person = Person(options.out, settings, options.text_size / 100, options.theme)
        photos = options.photos or folder / "photos"
        if options.photos is None:
            cut_photos(photos, options.count)
        count = sum(1 for _file in photos.iterdir())
        start = time.monotonic()
        opening(person, photos)
        adjusting(person)
        masking(person)
        reviewing(person, folder / "case.deid")
        written = exporting(person, folder / "out")
        dialogs(person)
        person.window.opening.save_to(folder / "case.deid")
        person.document.undo_stack.setClean()
        person.window.close()
        lost = reopening(person, folder / "case.deid", settings)
        spent = time.monotonic() - start
        print(f"{written} of {count} exported, {len(lost)} faces lost by reopening, {spent:.0f} s")
        print(*lost, sep="\n")
        print(f"Qt complained {len(COMPLAINTS)} times", *sorted(set(COMPLAINTS)), sep="\n  ")
        raise SystemExit(0 if not lost and written == count else 1)


if __name__ == "__main__":
    main()
