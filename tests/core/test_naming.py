"""Names: outputs that never collide, and text that cannot deceive."""

from pathlib import Path

from deid_desktop.core.naming import plan_targets, printable

WRITABLE = {".jpg", ".png"}


def plan(*pairs):
    photos = [(Path(source), Path(place)) for source, place in pairs]
    return plan_targets(photos, Path("out"), writable=WRITABLE)


def test_stem_and_folders_are_kept():
    targets = [item.target for item in plan(("/a/x.jpg", "x.jpg"), ("/b/c/x.jpg", "c/x.jpg"))]
    assert targets == [Path("out/x.jpg"), Path("out/c/x.jpg")]


def test_what_cannot_be_written_becomes_png():
    (item,) = plan(("/a/x.y.GIF", "x.y.GIF"))
    assert item.target == Path("out/x.y.png")
    (item,) = plan(("/a/X.JPG", "X.JPG"))
    assert item.target == Path("out/X.JPG")


def test_the_second_photo_of_one_name_is_refused():
    first, second, third = plan(("/a/x.gif", "x.gif"), ("/b/X.PNG", "X.PNG"), ("/c/y.png", "y.png"))
    assert first.reason == ""
    assert "x.gif" in second.reason
    assert "same output" in second.reason
    assert third.reason == ""


def test_control_and_bidirectional_characters_are_escaped():
    assert printable("a\nb\x1b[31m") == "a\\nb\\x1b[31m"
    assert printable("photo\u202egpj.exe") == "photo\\u202egpj.exe"
    assert printable("a\u2066b\u2028c\ufeff") == "a\\u2066b\\u2028c\\ufeff"
    assert printable("\udcff") == "\\udcff"
    assert printable("Zoë – Ärger, 写真.jpg") == "Zoë – Ärger, 写真.jpg"
