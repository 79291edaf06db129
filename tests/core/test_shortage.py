"""Memory that runs out and a graphics card that goes away: no picture, and a reason that helps."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from onnxruntime.capi.onnxruntime_pybind11_state import RuntimeException
from PIL import Image

from deid_desktop import batch
from deid_desktop.core import export
from deid_desktop.core.naming import Planned
from deid_desktop.core.pipeline import Pipeline, models, studio
from deid_desktop.core.shortage import CARD, MEMORY, shortage
from deid_desktop.core.types import Method, Request
from deid_desktop.resources import resource

OPENCV = cv2.error("OpenCV(5.0.0) alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate")
FAULTS = {
    "Python": (MemoryError(), MEMORY),
    "OpenCV": (OPENCV, MEMORY),
    "torch": (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried …"), MEMORY),
    "oneDNN": (RuntimeError("could not create a primitive"), MEMORY),
    "ONNX Runtime": (RuntimeException("Failed to allocate memory for requested buffer"), MEMORY),
    "a library loaded late": (
        ImportError("a.so: failed to map segment from shared object"),
        MEMORY,
    ),
    "a card that is full": (torch.OutOfMemoryError("CUDA out of memory"), MEMORY),
    "a lost card": (torch.AcceleratorError("CUDA error: unspecified launch failure"), CARD),
    "an older torch": (RuntimeError("CUDA error: device-side assert triggered"), CARD),
    "a Mac": (RuntimeError("MPS backend: command buffer exited with error status"), CARD),
}
STAGES = {
    "detect": (models.Detector, "detect"),
    "analyse": (models.Analyser, "analyse"),
    "generate": (models.Generator, "generate"),
    "compose": (studio, "compose"),
    "verify": (studio, "judge"),
    "confirm": (Pipeline, "confirm"),
    "encode": (export, "_encode"),
}


@pytest.fixture(scope="module")
def engine():
    return Pipeline("cpu")


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "in" / "portrait.png"
    path.parent.mkdir()
    with Image.open(resource("samples", "portrait.jpg")) as image:
        image.thumbnail((360, 360))
        Image.fromarray(np.asarray(image)).save(path)
    return path


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_shortage_at_any_stage_blocks_with_its_reason(
    engine, source, tmp_path, monkeypatch, stage, fault
):
    error, reason = FAULTS[fault]

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(*STAGES[stage], fail)
    engine._studio._analyses.clear()
    engine._studio._embeddings.clear()
    settings = batch.Settings(Request(), tmp_path / "out", (source,))
    if stage == "encode":
        settings = batch.Settings(Request(method=Method.SOLID), tmp_path / "out", (source,))
    outcome = batch.redact_file(engine, Planned(source, tmp_path / "out" / source.name), settings)
    assert outcome.record.status in ("blocked", "failed")
    assert outcome.record.reason == f"portrait.png: {reason}"
    assert not list(tmp_path.glob("out/*"))


def test_other_faults_are_not_excused():
    for error in (ValueError("out of memory"), RuntimeError("shape"), cv2.error("(-215) empty")):
        assert shortage(error) == ""


STARVED = """
import json, resource, sys
from pathlib import Path
from deid_desktop import batch
from deid_desktop.core.naming import Planned
from deid_desktop.core.pipeline import Pipeline
from deid_desktop.core.sandbox import reader
from deid_desktop.core.types import Request

if __name__ == "__main__":
    source, out, room = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    pipeline = Pipeline("cpu")
    pipeline.warm()
    reader().decode(source)
    own = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (own + room * 2**20,) * 2)
    settings = batch.Settings(Request(), out, (source,))
    record = batch.redact_file(pipeline, Planned(source, out / source.name), settings).record
    print(json.dumps([record.status, record.reason]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds to a limit of memory")
@pytest.mark.parametrize("room", [1, 8, 40])
def test_with_real_memory_running_out_nothing_half_written_stays(source, tmp_path, room):
    script = tmp_path / "starved.py"
    script.write_text(STARVED)
    out = tmp_path / "out"
    done = subprocess.run(
        [sys.executable, str(script), str(source), str(out), str(room)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).resolve().parents[2],
        env={"PYTHONPATH": str(Path(__file__).resolve().parents[2]), "OMP_NUM_THREADS": "1"},
        timeout=240,
    )
    left = sorted(out.glob("**/*")) if out.exists() else []
    assert done.returncode == 0, done.stderr[-2000:]
    status, reason = json.loads(done.stdout)
    if status == "exported":
        assert [path.name for path in left] == ["portrait.png"]
    else:
        assert left == []
        assert "memory" in reason, reason
