import subprocess
import sys

import pytest

CODE = """
import sys
from deid_desktop.session.preload import preload
preload()
assert not {"torch", "onnxruntime", "cv2"} & set(sys.modules)
loaded = open("/proc/self/maps").read()
print(all(name in loaded for name in ("libtorch_cpu", "onnxruntime_pybind11_state", "/cv2")))
import cv2
import onnxruntime
import torch
print(float(torch.ones(3).sum()))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory map of Linux")
def test_large_libraries_are_in_memory_before_they_are_imported():
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.split() == ["True", "3.0"], done.stderr
