"""Loads the heavy libraries so that the window keeps moving meanwhile.

Python holds its lock while it loads a library, and the window's thread waits for that lock: with
torch it stood still for half a second. A call through ctypes gives the lock away, so the files
are loaded by such calls first; importing the modules then finds them in place.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import sys
from pathlib import Path

_TORCH = ("c10", "torch_cpu", "torch_python")


def preload() -> None:
    """Bring torch's libraries into memory. A failure costs nothing: the import comes anyway."""
    if os.name == "nt" or "torch" in sys.modules:
        return  # Windows loads torch before the window
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return
    ending = "dylib" if sys.platform == "darwin" else "so"
    with contextlib.suppress(OSError, AttributeError):
        load = ctypes.CDLL(None).dlopen
        load.restype, load.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_int)
        for name in _TORCH:
            path = Path(spec.origin).parent / "lib" / f"lib{name}.{ending}"
            load(os.fsencode(path), os.RTLD_NOW)
