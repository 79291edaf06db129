import pytest
from PySide6.QtCore import QPoint, Qt

from deid_desktop.core.types import Method, Request, State


def drag(qtbot, slider, fractions):
    """Take the handle, move it to fractions of the width, let go."""
    from PySide6.QtWidgets import QStyle, QStyleOptionSlider

    option = QStyleOptionSlider()
    slider.initStyleOption(option)
    handle = slider.style().subControlRect(
        QStyle.ComplexControl.CC_Slider, option, QStyle.SubControl.SC_SliderHandle, slider
    )
    qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=handle.center())
    for fraction in fractions:
        spot = QPoint(round(fraction * slider.width()), handle.center().y())
        qtbot.mouseMove(slider, spot)
    qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=spot)


def test_dragging_a_slider_previews_then_verifies_in_one_undo_step(
    opened, document, pipeline, qtbot, settle
):
    pipeline.calls.clear()
    drag(qtbot, opened.attributes.rows["Age"].slider, (0.5, 0.6, 0.7, 0.8))
    settle()
    age = document.selected.request.attributes.age
    assert age > 60
    assert {call[0] for call in pipeline.calls} <= {"preview", "redact"}
    assert pipeline.calls[-1][0] == "redact"
    assert document.selected.state is State.VERIFIED
    assert document.undo_stack.count() == 1
    qtbot.keyClick(opened, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert document.selected.request == Request()


@pytest.mark.parametrize(
    ("title", "typed", "read", "expected"),
    [
        ("Gender", "-0.5", lambda r: r.attributes.gender, -0.5),
        ("Age", "71", lambda r: r.attributes.age, 71),
        ("Donors mixed (k)", "8", lambda r: r.k, 8),
        ("Shape change", "50", lambda r: r.shape_strength, Request().shape_strength / 2),
    ],
)
def test_values_are_typed(opened, document, qtbot, settle, title, typed, read, expected):
    number = opened.attributes.rows[title].number
    number.selectAll()
    qtbot.keyClicks(number, typed)
    qtbot.keyClick(number, Qt.Key.Key_Return)
    settle()
    assert read(document.selected.request) == pytest.approx(expected)
    assert document.selected.state is State.VERIFIED


def test_arrow_keys_step_and_merge_and_double_click_resets(opened, document, qtbot, settle):
    row = opened.attributes.rows["Gender"]
    row.slider.setFocus()
    for _ in range(4):
        qtbot.keyClick(row.slider, Qt.Key.Key_Right)
    settle()
    assert document.selected.request.attributes.gender == pytest.approx(0.2)
    assert document.undo_stack.count() == 1
    assert row.reset_button.isVisible()
    qtbot.mouseDClick(row.slider, Qt.MouseButton.LeftButton)
    settle()
    assert document.selected.request.attributes.gender is None
    assert not row.reset_button.isVisible()
    assert document.undo_stack.count() == 2


def test_the_reset_button_returns_to_the_default(opened, document, qtbot, settle):
    row = opened.attributes.rows["Donors mixed (k)"]
    row.number.setValue(9)
    row.reset_button.click()
    settle()
    assert document.selected.request.k == Request().k


def test_every_method_has_a_button_and_the_weak_ones_a_warning(opened, document, settle):
    panel = opened.attributes
    for method in Method:
        panel.methods.buttons[method].click()
        settle()
        assert document.selected.request.method is method
        assert panel.warning.isVisible() == (method in (Method.BLUR, Method.PIXELATE, Method.KEEP))
        assert document.selected.state in (State.VERIFIED, State.MASKED, State.KEPT)
    panel.methods.buttons[Method.BLUR].click()
    assert "71 %" in panel.warning.text()
    assert "0.19 %" in panel.warning.text()


def test_expression_strength_counts_only_with_an_expression(opened, document, settle):
    panel = opened.attributes
    assert not panel.rows["Expression strength"].isEnabled()
    panel.expression.setCurrentIndex(2)
    panel.expression.activated.emit(2)
    settle()
    assert document.selected.request.attributes.expression == "happy"
    assert panel.rows["Expression strength"].isEnabled()
    panel.rows["Expression strength"].number.setValue(40)
    assert document.selected.request.attributes.strength == pytest.approx(0.4)


def test_another_face_changes_the_seed_and_all_faces_can_get_the_settings(opened, document, settle):
    panel = opened.attributes
    panel.another.click()
    panel.rows["Age"].number.setValue(66)
    panel.everywhere.click()
    settle()
    first, second = document.current.present()
    assert (first.request.seed, second.request.seed) == (1, 0)
    assert second.request.attributes.age == 66
    assert second.state is State.VERIFIED


def test_the_panel_follows_selection_and_undo(opened, document):
    panel = opened.attributes
    panel.rows["Age"].number.setValue(66)
    document.select(1)
    assert panel.rows["Age"].control.read(document.selected.request) is None
    assert panel.rows["Age"].slider.property("following") is True
    document.select(0)
    assert panel.rows["Age"].number.value() == 66
    document.undo_stack.undo()
    assert panel.rows["Age"].slider.property("following") is True


def test_the_wheel_never_changes_a_slider_in_passing(opened, document, qtbot):
    from PySide6.QtCore import QPointF
    from PySide6.QtGui import QWheelEvent
    from PySide6.QtWidgets import QApplication

    for widget in (opened.attributes.rows["Age"].slider, opened.attributes.ancestry):
        event = QWheelEvent(
            QPointF(5, 5),
            QPointF(5, 5),
            QPoint(0, 0),
            QPoint(0, 120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(widget, event)
    assert document.selected.request == Request()


def test_alternatives_are_made_in_the_background_and_one_is_taken(
    opened, document, settle, pipeline
):
    strip = opened.attributes.alternatives
    pipeline.calls.clear()
    strip.open.click()
    settle()
    made = [call for call in pipeline.calls if call[0] == "preview"]
    assert [call[2].seed for call in made] == [1, 2, 3, 4, 5, 6]
    assert all(button.isEnabled() for button in strip.buttons)
    strip.buttons[3].click()
    assert document.selected.request.seed == 4
    assert not any(button.isEnabled() for button in strip.buttons), "those were of another face"
    settle()
    assert document.selected.state is State.VERIFIED
    assert any(button.isEnabled() for button in strip.buttons)


def test_no_alternatives_are_made_unless_looked_at_nor_for_masks(
    opened, document, settle, pipeline
):
    pipeline.calls.clear()
    document.another_face()
    settle()
    assert not [call for call in pipeline.calls if call[0] == "preview"]
    opened.attributes.alternatives.open.click()
    document.set_method(Method.SOLID)
    pipeline.calls.clear()
    settle()
    assert not [call for call in pipeline.calls if call[0] == "preview"]
