"""Labels of faces never hide the faces: what is told of each depends on its size on screen."""

import pytest

from deid_desktop.gui.face_items import Detail, FaceItem

LABEL = 40.0


@pytest.fixture
def item(opened, settle):
    """The second face, which is not selected, and a function that sets its width on screen."""
    canvas = opened.compare.result
    item = canvas._faces[1]

    def show(width):
        canvas.look_at(item.box.center(), width / item.box.width())
        return item

    return show


@pytest.mark.parametrize(
    ("width", "detail"), [(60, Detail.LABEL), (20, Detail.SYMBOL), (10, Detail.OUTLINE)]
)
def test_as_much_as_there_is_room_for(item, width, detail):
    assert item(width).detail(LABEL) is detail


def test_a_face_that_blocks_keeps_its_symbol_at_any_size(item, document, pipeline, settle):
    document.select(1)
    pipeline.fail_seeds = (1,)
    document.another_face()
    settle()
    document.select(0)
    assert item(5).detail(LABEL) is Detail.SYMBOL


def test_the_selected_and_the_one_pointed_at_tell_all(item, document):
    small = item(5)
    assert small.detail(LABEL) is Detail.OUTLINE
    small.hoverEnterEvent(None)
    assert small.detail(LABEL) is Detail.LABEL
    small.hoverLeaveEvent(None)
    assert small.detail(LABEL) is Detail.OUTLINE
    document.select(1)
    assert small.detail(LABEL) is Detail.LABEL


def test_a_change_of_one_face_paints_no_other(opened, document, monkeypatch):
    asked = []
    monkeypatch.setattr(FaceItem, "update", lambda self: asked.append(self.face_id))
    document.subject_changed.emit(document.current, 1)
    assert asked == []
    document.select(1)
    assert set(asked) == {0, 1}


def test_another_theme_paints_all(opened, document, theme, qtbot):
    item = opened.compare.result._faces[1]
    before = item.colour()
    theme.choose("light")
    qtbot.wait(20)
    assert item.colour() != before
    seen = opened.compare.result.grab().toImage()
    theme.choose("dark")
    qtbot.wait(20)
    assert opened.compare.result.grab().toImage() != seen
