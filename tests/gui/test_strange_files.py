"""Files that deceive or hold more than one picture, as the window shows them."""

import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QInputDialog, QLabel


def test_another_page_is_asked_for(window, document, settle, tmp_path, monkeypatch, qtbot):
    path = tmp_path / "pages.tif"
    second = Image.new("RGB", (80, 100), "grey")
    Image.new("RGB", (160, 100), "grey").save(path, save_all=True, append_images=[second])
    window.open_paths([path])
    settle()
    assert window.summary.page.isVisible()
    asked = []

    def answer(parent, title, words, value, least, most):
        asked.append((words, value, least, most))
        return 2, True

    monkeypatch.setattr(QInputDialog, "getInt", answer)
    qtbot.mouseClick(window.summary.page, Qt.MouseButton.LeftButton)
    settle()
    ((words, *numbers),) = asked
    assert words.startswith("pages.tif holds 2 pictures")
    assert numbers == [1, 1, 2]
    assert document.current.page == 1
    assert document.current.photo.pixels.shape == (100, 80, 3)


def test_a_photo_alone_offers_no_page(opened):
    assert not opened.summary.page.isVisible()


@pytest.mark.parametrize("good", [True, False])
def test_names_cannot_deceive(window, document, photo_file, settle, tmp_path, good):
    name = "a\n\u202egpj.<img src=x>.png"
    if good:
        photo_file("b.png")
        (tmp_path / "b.png").rename(tmp_path / name)
    else:
        (tmp_path / name).write_text("no photo")
    window.open_paths([tmp_path / name, photo_file("c.png")])
    settle()
    shown = document.entries[0].name
    assert shown == r"a\n\u202egpj.<img src=x>.png"
    document.show_photo(document.entries[0])
    texts = [label for label in window.findChildren(QLabel) if "gpj" in label.text()]
    if not good:
        assert texts
    for label in texts:
        assert "\u202e" not in label.text() and label.textFormat() == Qt.TextFormat.PlainText
    strip = window.filmstrip
    assert strip.item(0).text() == shown
    assert "<img" not in strip.item(0).toolTip()
    assert "\u202e" not in window.windowTitle() + strip.item(0).toolTip()
