import numpy as np
import pytest

from deid_desktop.core import scan
from deid_desktop.core.captions import Words, packet
from deid_desktop.core.encoders import encode
from deid_desktop.core.imaging import read_photo


@pytest.mark.parametrize(("index", "space"), [(0, "sRGB"), (1, "Display P3")])
def test_a_wide_space_is_kept_on_request(window, document, settle, qtbot, tmp_path, index, space):
    path = tmp_path / "a.png"
    path.write_bytes(encode(np.full((100, 160, 3), 120, np.uint8), "PNG", space="Display P3"))
    window.open_paths([path])
    settle()
    window.export_photo()
    dialog = window.export_dialog
    dialog.colours.setCurrentIndex(index)
    dialog.label.setChecked(True)
    dialog.write.click()
    qtbot.waitUntil(lambda: not dialog._waiting, timeout=20_000)
    assert read_photo(tmp_path / "a-deid.png").space == space


def test_credit_and_caption_go_into_the_file_and_into_no_settings(
    window, document, photo_file, settle, qtbot, tmp_path
):
    window.open_paths([photo_file()])
    settle()
    window.export_photo()
    dialog = window.export_dialog
    dialog.credit.setText("A. Source-Name")
    dialog.caption.setText("Two people")
    dialog.write.click()
    qtbot.waitUntil(lambda: not dialog._waiting, timeout=20_000)
    words = packet(Words("A. Source-Name", "Two people"))
    assert scan.foreign_parts((tmp_path / "a-deid.png").read_bytes(), words=words) == []
    dialog.close()
    window.export_photo()
    assert window.export_dialog.credit.text() == window.export_dialog.caption.text() == ""
