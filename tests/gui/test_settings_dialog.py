import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from test_main_window import nameless

from deid_desktop.core.types import Method
from deid_desktop.session.settings import Settings


@pytest.fixture
def dialog(window, qtbot):
    window.actions_by_key["settings"].trigger()
    dialog = window.settings_dialog
    qtbot.addWidget(dialog)
    return dialog


def stored(window):
    """Read the settings as the next start does."""
    window.settings._store.sync()
    return Settings(window.settings._store.fileName())


def test_choices_are_stored_for_the_next_start(dialog, window, qtbot):
    dialog.language.setCurrentIndex(2)
    dialog.language.activated.emit(2)
    dialog.text_size.activated.emit(4)
    dialog.method.activated.emit(list(Method).index(Method.SOLID))
    dialog.donors.setValue(7)
    dialog.device.activated.emit(1)
    dialog.threads.setValue(3)
    again = stored(window)
    assert (again.language, again.text_size, again.device, again.threads) == ("de", 200, "cpu", 3)
    assert (again.standard.method, again.standard.k) == (Method.SOLID, 7)


def test_a_shortcut_is_bound_anew_works_and_can_be_restored(dialog, opened, document, qtbot):
    dialog.keys["another_face"].setKeySequence(QKeySequence("J"))
    opened.activateWindow()
    qtbot.waitUntil(opened.isActiveWindow)
    qtbot.keyClick(opened, Qt.Key.Key_J)
    assert document.selected.request.seed == 1
    assert "J" in opened.actions_by_key["another_face"].toolTip()
    assert stored(opened).shortcuts == {"another_face": "J"}
    dialog.standard.click()
    assert opened.actions_by_key["another_face"].shortcut() == QKeySequence("R")
    assert stored(opened).shortcuts == {}


def test_a_shortcut_that_is_taken_is_refused_with_the_name_of_its_owner(dialog, window):
    dialog.keys["another_face"].setKeySequence(QKeySequence("N"))
    assert "Next face" in dialog.conflict.text()
    assert window.actions_by_key["another_face"].shortcut() == QKeySequence("R")


def test_every_action_is_listed_and_every_control_has_a_name(dialog, window):
    assert dialog.keys.keys() == window.actions_by_key.keys()
    assert nameless(dialog) == []


def test_nonsense_in_the_file_falls_back(tmp_path):
    path = tmp_path / "window.ini"
    path.write_text(
        "[General]\nscheme=pink\nlanguage=xx\ntext_size=huge\nthreads=-4\nk=99\nshortcuts=[1\n"
    )
    settings = Settings(path)
    assert (settings.scheme, settings.language, settings.text_size) == ("system", "system", 100)
    assert (settings.threads, settings.standard.k, settings.shortcuts) == (0, 10, {})
