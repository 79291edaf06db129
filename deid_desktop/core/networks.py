"""Opens the networks that ONNX Runtime runs: small ones take half the time there.

OpenCV runs the others, as ONNX Runtime cannot read TensorFlow Lite, and torch runs SFace: ONNX
Runtime takes twice as long for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from deid_desktop.core.weights import model_path

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


def open_network(name: str, *, free: tuple[bytes, bytes] | None = None) -> InferenceSession:
    """Open a shipped model; several threads may run it, each on one core.

    Args:
        name: of its file.
        free: a passage of the file and what takes its place, to free a size that is fixed there.

    Raises:
        ModelError: the model file is missing or altered.
    """
    import onnxruntime  # a tenth of a second that a window need not wait for

    onnxruntime.disable_telemetry_events()
    model = model_path(name).read_bytes()
    if free is not None:
        model = model.replace(*free, 1)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
