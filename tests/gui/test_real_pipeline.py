"""The window with the real pipeline: the main job on a photo that ships with the program."""

from pathlib import Path

import numpy as np
import pytest
from guards import nothing_outlives  # noqa: F401

from deid_desktop.core.imaging import read_photo
from deid_desktop.core.types import Method, State
from deid_desktop.gui.main_window import MainWindow
from deid_desktop.gui.theme import Theme
from deid_desktop.resources import resource
from deid_desktop.session.document import Document
from deid_desktop.session.model import Stage
from deid_desktop.session.render import Renderer
from deid_desktop.session.settings import Settings


@pytest.fixture
def window(qtbot, qapp, tmp_path):
    document = Document()
    renderer = Renderer(document)
    window = MainWindow(document, renderer, Theme("dark"), Settings(tmp_path / "window.ini"))
    qtbot.addWidget(window)
    window.show()
    yield window
    renderer.close()


def test_open_adjust_export(window, qtbot, tmp_path):
    def rest():
        qtbot.waitUntil(lambda: not window.renderer.busy, timeout=180_000)

    document = window.document
    source = resource("samples", "portrait.jpg")
    window.open_paths([source])
    rest()
    entry = document.current
    assert entry.stage is Stage.READY
    assert [s.state for s in entry.present()] == [State.VERIFIED]
    row = window.attributes.rows["Age"]
    row.slider.setSliderDown(True)
    row.slider.setValue(row.slider.value() + 8)
    qtbot.waitUntil(lambda: document.selected.previewed is not None, timeout=60_000)
    row.slider.setSliderDown(False)
    rest()
    if document.selected.state is State.ATTENTION:
        document.set_method(Method.SOLID)
        rest()
    target = Path(tmp_path / "out.png")
    with qtbot.waitSignal(window.renderer.exported, timeout=60_000):
        window.renderer.export(entry, target)
    written = read_photo(target).pixels
    shown = window.renderer.view.after.levels[0][..., 2::-1]
    assert np.array_equal(written, shown)
    original = entry.photo.pixels
    x, y, w, h = (int(v) for v in entry.present()[0].face.box)
    inside = np.abs(written[y : y + h, x : x + w].astype(int) - original[y : y + h, x : x + w])
    assert inside.mean() > 5
    far = np.ones(written.shape[:2], bool)
    far[max(0, y - 2 * h) : y + 3 * h, max(0, x - 2 * w) : x + 3 * w] = False
    assert np.array_equal(written[far], original[far])
