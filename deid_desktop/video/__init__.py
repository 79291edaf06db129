"""Video: the same flow as for photos, frame after frame, with one surrogate for each person.

Stands on the core and joins its stages anew for pictures that move; knows neither window nor
terminal. Needs the extra ``video`` (PyAV): `require` says so where it is missing.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from deid_desktop.core.types import DeidError

CLIP_SUFFIXES = {
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts"),
    *(".3gp", ".wmv", ".flv", ".ogv"),
}
"""What counts as a clip, lower case."""


class VideoError(DeidError):
    """A clip cannot be read or written."""


def is_clip(path: Path) -> bool:
    """Tell whether a file is a clip, by its name."""
    return path.suffix.lower() in CLIP_SUFFIXES


def require(name: str) -> None:
    """Check that clips can be opened at all.

    Raises:
        VideoError: PyAV is not installed.
    """
    if find_spec("av") is None:
        raise VideoError(
            f"{name}: video needs PyAV, which is not installed; "
            "install it with: pip install 'deid-desktop[video]'"
        )
