"""Loads the heavy libraries so that the window keeps moving meanwhile.

Python holds its lock while it loads a library, and the window's thread waits for that lock: with
torch it stood still for half a second, with ONNX Runtime for a tenth. A call through ctypes gives
the lock away, so the files are loaded by such calls first; importing the modules then finds them in
place.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

_LIBRARIES = {
    "cv2": ("cv2*.so",),
    "torch": ("lib/libc10.*", "lib/libtorch_cpu.*", "lib/libtorch_python.*"),
    "onnxruntime": ("capi/onnxruntime_pybind11_state*.so",),
}
"""Where in their packages the large ones are, in the order in which they need each other."""


def preload(*packages: str) -> None:
    """Bring the libraries of packages into memory, of all three unless some are named.

    A failure costs nothing: the import comes anyway.
    """
    if os.name == "nt":
        return  # Windows loads torch before the window
    with contextlib.suppress(OSError, AttributeError):
        load = ctypes.CDLL(None).dlopen
        load.restype, load.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_int)
        for package in packages or _LIBRARIES:
            for path in _files(package):
                load(os.fsencode(path), os.RTLD_NOW)


def _files(package: str) -> Iterator[Path]:
    """Yield the large libraries of a package that is not loaded yet."""
    spec = None if package in sys.modules else importlib.util.find_spec(package)
    if spec is not None and spec.origin is not None:
        for pattern in _LIBRARIES[package]:
            yield from Path(spec.origin).parent.glob(pattern)
