import subprocess
import sys

import pytest

CODE = """
import sys
from deid_desktop.session.preload import preload
preload()
assert "torch" not in sys.modules
print("libtorch_cpu" in open("/proc/self/maps").read())
import torch
print(float(torch.ones(3).sum()))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory map of Linux")
def test_torchs_libraries_are_in_memory_before_torch_is_imported():
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.split() == ["True", "3.0"], done.stderr
