#!/usr/bin/env python3
"""Makes docs/images/before-after.jpg, the picture in the README, from the sample photo."""

from pathlib import Path

import numpy as np
from PIL import Image

from deid_desktop.core.imaging import read_photo
from deid_desktop.core.pipeline import Pipeline
from deid_desktop.core.types import Request
from deid_desktop.resources import resource

TARGET = Path(__file__).resolve().parent.parent / "docs" / "images" / "before-after.jpg"
TOP, BOTTOM = 60, 660  # rows of the crew's heads, with some room


def main() -> None:
    """Redact the crew with the defaults and show both versions, one above the other."""
    photo = read_photo(resource("samples", "crew.jpg"))
    done = Pipeline("cpu").redact_photo(photo, Request())
    both = np.concatenate([photo.pixels[TOP:BOTTOM], done.pixels[TOP:BOTTOM]])
    picture = Image.fromarray(both)
    TARGET.parent.mkdir(exist_ok=True)
    picture.resize((960, 960 * picture.height // picture.width)).save(TARGET, quality=88)


if __name__ == "__main__":
    main()
