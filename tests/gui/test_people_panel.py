"""The panel of the people: it shows who is who, and every correction can be undone."""

import pytest
from PySide6.QtCore import Qt

FIRST = (10.0, 10.0, 40.0, 50.0)


@pytest.fixture
def panel(window, document, pipeline, photo_file, settle):
    """The panel over two photos of two faces; the first face of both is the same person."""
    pipeline.who = {("a.png", FIRST): 1, ("b.png", FIRST): 1, ("x", FIRST): 0, ("y", FIRST): 0}
    window.open_paths([photo_file("a.png", level=100), photo_file("b.png", level=110)])
    settle()
    window.actions_by_key["show_people"].trigger()
    return window.people


def rows(panel):
    return [panel.tree.topLevelItem(n).text(0) for n in range(panel.tree.topLevelItemCount())]


def pick(panel, *places):
    """Select people (number,) and faces (number, place)."""
    panel.tree.clearSelection()
    for number, *place in places:
        item = panel.tree.topLevelItem(number)
        (item.child(place[0]) if place else item).setSelected(True)


def test_people_are_shown_with_their_faces(panel):
    assert rows(panel) == ["Person 1: 2 faces", "Person 2: 1 face", "Person 3: 1 face"]
    first = panel.tree.topLevelItem(0)
    assert [first.child(n).text(0) for n in range(2)] == ["Face 1, a.png", "Face 1, b.png"]
    assert not first.icon(0).isNull()
    assert not panel.merge.isEnabled() and not panel.split.isEnabled()


def test_two_people_become_one_and_undo_parts_them(panel, document, settle):
    pick(panel, (1,), (2,))
    assert panel.merge.isEnabled() and not panel.split.isEnabled()
    panel.merge.click()
    settle()
    assert rows(panel) == ["Person 1: 2 faces", "Person 2: 2 faces"]
    document.undo_stack.undo()
    settle()
    assert len(rows(panel)) == 3


def test_a_face_is_split_off(panel, document, settle):
    pick(panel, (0, 1))
    assert panel.split.isEnabled() and not panel.merge.isEnabled()
    panel.split.click()
    settle()
    assert len(rows(panel)) == 4
    pick(panel, (0,))
    assert not panel.split.isEnabled()


def test_same_or_each_is_chosen_and_undone(panel, document, settle):
    panel.wears.setCurrentIndex(1)
    panel.wears.activated.emit(1)
    settle()
    assert not document.people.same
    document.undo_stack.undo()
    settle()
    assert document.people.same and panel.wears.currentIndex() == 0


def test_enter_goes_to_the_face(panel, document, qtbot):
    panel.tree.topLevelItem(0).setExpanded(True)
    panel.tree.setCurrentItem(panel.tree.topLevelItem(0).child(1))
    panel.tree.setFocus()
    qtbot.keyClick(panel.tree, Qt.Key.Key_Return)
    assert document.current.name == "b.png"
    assert document.selected_id == 0


def test_the_selection_survives_a_change_elsewhere(panel, document, settle):
    pick(panel, (0, 1))
    document.show_photo(document.entries[0])
    document.select(1)
    document.another_face()
    settle()
    assert panel.split.isEnabled()


def test_the_warning_of_a_reroll_is_shown(panel, window, document, renderer, qtbot, tmp_path):
    with qtbot.waitSignal(renderer.exported):
        renderer.export(document.current, tmp_path / "out.png")
    document.another_face()
    assert "can be linked" in window.notice.words.text()
    assert window.notice.isVisible()
