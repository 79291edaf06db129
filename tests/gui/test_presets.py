"""Presets, and the settings that follow the person unless they are set."""

from PySide6.QtCore import Qt

from deid_desktop.core.types import Method, Request, Stroke
from deid_desktop.session.settings import Settings


def save(bar, qtbot, name):
    bar.add.click()
    bar.name.setText(name)
    qtbot.keyClick(bar.name, Qt.Key.Key_Return)


def test_a_preset_is_saved_applied_and_deleted(opened, document, qtbot):
    bar = opened.attributes.presets
    opened.attributes.rows["Age"].number.setValue(61)
    document.another_face()
    save(bar, qtbot, "Elders")
    assert bar.choice.currentText() == "Elders"
    document.select(1)
    bar.choice.activated.emit(0)
    other = document.selected.request
    assert other.attributes.age == 61
    assert other.seed == 0
    assert "Elders" in opened.actions_by_key["undo"].text()
    bar.remove.click()
    assert bar.choice.count() == 0
    assert opened.settings.presets == {}
    document.undo_stack.setClean()


def test_presets_hold_neither_seed_nor_brush_and_survive_damage(tmp_path, qapp):
    settings = Settings(tmp_path / "window.ini")
    stroke = Stroke(into=True, radius=0.1, points=((0.0, 0.0),))
    settings.presets = {"a": Request(method=Method.BLUR, seed=7, strokes=(stroke,))}
    assert settings.presets == {"a": Request(method=Method.BLUR)}
    settings._store.setValue("presets", '{"a": {"method": "none"}, "b": 3}')
    assert settings.presets == {}
    settings._store.setValue("presets", "[1")
    assert settings.presets == {}


def test_skin_tone_and_own_parts_are_asked_for_and_reset(opened, document, settle):
    panel = opened.attributes
    panel.rows["Skin tone"].number.setValue(-20)
    panel.keeps["keep_eyes"].click()
    wish = document.selected.request.attributes
    assert (wish.skin_tone, wish.keep_eyes, wish.keep_mouth) == (-20, True, False)
    panel.rows["Skin tone"].reset()
    panel.keeps["keep_eyes"].click()
    assert document.selected.request.attributes == Request().attributes
    settle()
    document.undo_stack.setClean()


def test_what_sliders_say_is_the_same_after_a_project_was_opened(opened, document):
    opened.attributes.rows["Age"].slider.setValue(30)
    age = document.selected.request.attributes.age
    assert isinstance(age, float)
    opened.attributes.rows["Age"].reset()
    document.undo_stack.setClean()
