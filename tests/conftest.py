"""What every test may rely on: Qt without a screen, and the photos beside the repository."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder ``../shared``; skip where it is missing."""
    if not (SHARED / "photos").is_dir():
        pytest.skip("the photos of ../shared are not on this machine")
    return SHARED
