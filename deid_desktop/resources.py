"""Finds the files that ship with the program: models, mesh, samples.

The same call works in the source tree, an installed wheel and a frozen bundle.
"""

import sys
from pathlib import Path


def resource_root() -> Path:
    """Return the folder that holds ``models/``, ``mesh/`` and ``samples/``."""
    bundle = getattr(sys, "_MEIPASS", None)
    if bundle is not None:
        return Path(bundle) / "resources"
    package = Path(__file__).parent
    installed = package / "_resources"
    return installed if installed.is_dir() else package.parent / "resources"


def resource(*parts: str) -> Path:
    """Return the path of one shipped file, for example ``resource("models", "age-v1.onnx")``."""
    return resource_root().joinpath(*parts)
