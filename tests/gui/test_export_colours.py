import numpy as np
import pytest

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
