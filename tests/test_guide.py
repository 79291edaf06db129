"""The guide: its pictures exist and are small, its keys are those of the table."""

import re
from pathlib import Path

from deid_desktop.gui.actions import ACTIONS

GUIDE = Path(__file__).resolve().parent.parent / "docs" / "guide"
TEXT = (GUIDE / "README.md").read_text(encoding="utf-8")


def test_every_picture_is_there_is_used_and_is_small():
    named = set(re.findall(r"\(images/([^)]+)\)", TEXT))
    files = {path.name: path.stat().st_size for path in (GUIDE / "images").iterdir()}
    assert named == set(files)
    assert max(files.values()) <= 150_000


def test_shortcuts_are_those_of_the_program():
    keys = {entry.shortcut for entry in ACTIONS}
    arrows = {"Ctrl+→": "Ctrl+Right", "Ctrl+←": "Ctrl+Left"}
    (table,) = re.findall(r"## Shortcuts\n(.*?)\n## ", TEXT, re.DOTALL)
    named = set(re.findall(r"`([^`]+)`", table))
    assert {arrows.get(key, key) for key in named} <= keys
