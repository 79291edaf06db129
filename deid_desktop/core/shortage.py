"""Tells when the machine, not the program, is at fault: memory that ran out, a card that went away.

Stands beside the flow. Every library says it in its own way: Python and numpy with a
``MemoryError``, OpenCV, torch and ONNX Runtime with errors of their own.
"""

from __future__ import annotations

_NO_MEMORY = (
    *("can't allocate memory", "insufficient memory", "out of memory", "failed to allocate memory"),
    *(
        "bad_alloc",
        "could not create a primitive",
    ),  # of C++; of oneDNN in torch
    "can't start new thread",  # for which the stack has no room
    *("cannot allocate memory", "failed to map segment"),  # of a library that is loaded late
)
_NO_CARD = ("cuda error", "hip error", "mps backend", "device-side", "device lost")

MEMORY = "the memory is not enough; close other programs or use fewer jobs"
CARD = "the graphics card stopped answering; try again, or use the processor (--device cpu)"


def shortage(error: BaseException) -> str:
    """Return cause and remedy, ``MEMORY`` or ``CARD``; "" for every other fault."""
    name, words = type(error).__name__, str(error).lower()
    if isinstance(error, MemoryError) or name == "OutOfMemoryError":
        return MEMORY
    if name == "AcceleratorError":
        return CARD
    own = type(error).__module__.partition(".")[0] in ("cv2", "onnxruntime")
    if not own and not isinstance(error, RuntimeError | ImportError):
        return ""
    if any(sign in words for sign in _NO_MEMORY):
        return MEMORY
    return CARD if any(sign in words for sign in _NO_CARD) else ""
