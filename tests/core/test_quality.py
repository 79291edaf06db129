import numpy as np

from deid_desktop.core.export import write_photo


def test_a_lower_quality_makes_a_smaller_file_and_png_ignores_it(tmp_path):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (64, 64, 3), np.uint8)
    sizes = []
    for number, quality in enumerate((None, 60)):
        target = tmp_path / f"{number}.jpg"
        write_photo(pixels, target, faces=(), results=(), sources=(), quality=quality)
        write_photo(
            pixels, target.with_suffix(".png"), faces=(), results=(), sources=(), quality=quality
        )
        sizes.append((target.stat().st_size, target.with_suffix(".png").stat().st_size))
    assert sizes[1][0] < sizes[0][0]
    assert sizes[1][1] == sizes[0][1]
