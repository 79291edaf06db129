import numpy as np
import pytest

from deid_desktop.session.picture import depth, duplicate, paste, patch_of, picture_of, thumbnail


@pytest.mark.parametrize("size", [(300, 200), (1501, 1003), (2050, 700)])
def test_patching_a_region_gives_the_picture_of_the_changed_photo(size):
    rng = np.random.default_rng(0)
    width, height = size
    pixels = rng.integers(0, 255, (height, width, 3), np.uint8)
    picture = duplicate(picture_of(pixels))
    box = (width * 0.4, height * 0.3, 60.0, 50.0)
    changed = pixels.copy()
    x, y, w, h = (int(v) for v in box)
    changed[y : y + h, x : x + w] = (250, 10, 30)
    paste(picture, patch_of(changed, box))
    for ours, whole in zip(picture.levels, picture_of(changed).levels, strict=True):
        assert np.array_equal(ours, whole)


def test_patch_at_the_border_stays_inside():
    pixels = np.zeros((1100, 1300, 3), np.uint8)
    picture = picture_of(pixels)
    changed = np.full_like(pixels, 200)
    for box in ((-20.0, -30.0, 80.0, 80.0), (1260.0, 1060.0, 80.0, 80.0)):
        paste(picture, patch_of(changed, box))
    assert picture.levels[0][0, 0, 0] == 200
    assert picture.levels[0][-1, -1, 0] == 200
    assert picture.levels[0][500, 600, 0] == 0


def test_levels_halve_until_small_and_duplicates_are_independent():
    picture = picture_of(np.zeros((3000, 4000, 3), np.uint8))
    assert [level.shape[1] for level in picture.levels] == [4000, 2000, 1000, 500]
    assert depth(4000, 3000) == 4
    copy = duplicate(picture)
    copy.levels[0][:] = 9
    assert picture.levels[0].max() == 255  # alpha only
    assert picture.levels[0][..., :3].max() == 0
    assert max(thumbnail(picture).size) == 160
