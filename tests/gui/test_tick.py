"""A ticked box shows a tick, in both themes."""

import pytest

from deid_desktop.gui.tick import Tick


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_checked_and_unchecked_differ_by_more_than_a_filling(qtbot, theme, scheme):
    theme.choose(scheme)
    box = Tick(theme, "Words")
    qtbot.addWidget(box)
    box.show()
    box.setChecked(True)
    picture = box.grab().toImage()
    height = picture.height()
    filling, mark = theme.colours.accent, theme.colours.on_accent
    colours = {picture.pixelColor(x, y).name() for x in range(2, 24) for y in range(height)}
    assert {filling, mark} <= colours
    box.setChecked(False)
    picture = box.grab().toImage()
    colours = {picture.pixelColor(x, y).name() for x in range(2, 24) for y in range(height)}
    assert filling not in colours
