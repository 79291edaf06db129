"""Text of twice the size: nothing is cut off, and the photo keeps some of the window."""

import pytest
from PySide6.QtCore import QRect
from PySide6.QtWidgets import QApplication, QPushButton, QToolBar, QToolButton, QVBoxLayout, QWidget

from deid_desktop.gui.main_window import MainWindow
from deid_desktop.gui.panels import broken_in_two
from deid_desktop.gui.wrapping import WrappingRow
from deid_desktop.session.language import use_language, use_words
from deid_desktop.session.settings import Settings


@pytest.fixture(params=["en", "de", "zh"])
def large(request, qtbot, document, renderer, theme, tmp_path, photo_file, settle):
    """The window as a small screen shows it, in one of the languages."""
    before = QApplication.font()
    font = QApplication.font()
    font.setPointSizeF(before.pointSizeF() * 2)
    QApplication.setFont(font)
    use_language(request.param)
    window = MainWindow(document, renderer, theme, Settings(tmp_path / "window.ini"))
    qtbot.addWidget(window)
    window.resize(1264, 752)
    window.show()
    window.open_paths([photo_file()])
    settle()
    yield window
    QApplication.setFont(before)
    use_words({})


def test_all_columns_are_in_the_window(large):
    places = [large.columns.widget(n).geometry() for n in range(3)]
    assert places[2].right() < large.columns.width() <= large.width()
    assert places[1].width() > 300, "the photo is what it is about"


def test_nothing_in_the_right_column_is_cut_off(large):
    for key in ("show_review", "show_people"):
        large.actions_by_key[key].trigger()
    QApplication.processEvents()
    inner = large.right.widget()
    assert inner.width() <= large.right.viewport().width()
    for widget in inner.findChildren(QWidget):
        if widget.isVisible() and widget.parent().layout() is not None:
            corner = widget.mapTo(inner, widget.rect().bottomRight())
            assert corner.x() <= inner.width(), widget


def test_tools_that_do_not_fit_are_behind_an_arrow(large):
    arrow = large.findChild(QToolBar).findChild(QToolButton, "qt_toolbar_ext_button")
    assert arrow.isVisible()
    assert arrow.accessibleName()


class TestWrappingRow:
    @pytest.fixture
    def row(self, qtbot):
        def make(width, texts=("one", "two", "three", "four", "five")):
            holder = QWidget()
            qtbot.addWidget(holder)
            column = QVBoxLayout(holder)
            column.setContentsMargins(0, 0, 0, 0)
            buttons = [QPushButton(text) for text in texts]
            for button in buttons:
                button.setFixedHeight(20)
                button.setMinimumWidth(100)
            layout = WrappingRow(buttons, spacing=6)
            column.addLayout(layout)
            holder.resize(width, layout.heightForWidth(width))
            holder.show()
            qtbot.waitExposed(holder)
            return layout, buttons, holder  # else Python takes it away

        return make

    def test_one_row_where_there_is_room_and_all_of_it_is_used(self, row):
        _, buttons, _holder = row(600)
        assert {button.y() for button in buttons} == {0}
        assert buttons[-1].geometry().right() == pytest.approx(599, abs=1)

    def test_columns_where_there_is_less(self, row):
        layout, buttons, _holder = row(330)
        assert [button.y() for button in buttons] == [0, 0, 0, 26, 26]
        assert buttons[0].x() == buttons[3].x()
        assert layout.heightForWidth(330) == 46

    def test_one_below_the_other_where_there_is_hardly_any(self, row):
        _, buttons, _holder = row(110)
        assert [button.y() for button in buttons] == [0, 26, 52, 78, 104]

    def test_hidden_widgets_take_no_room(self, row):
        layout, buttons, _holder = row(330)
        for button in buttons[1:4]:
            button.hide()
        layout.setGeometry(QRect(0, 0, 330, 46))
        assert buttons[4].y() == 0
        assert layout.heightForWidth(330) == 20


def test_words_are_broken_near_their_middle_where_they_are_too_wide(qtbot):
    button = QPushButton("Mark a missed face")
    qtbot.addWidget(button)
    broken_in_two(button, 10_000)
    assert button.text() == "Mark a missed face"
    broken_in_two(button, 20)
    assert button.text() == "Mark a\nmissed face"
