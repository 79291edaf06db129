"""Reads the weights out of an ONNX file, for networks that torch runs.

An ONNX file is a Protocol Buffers message (``onnx.proto3``, https://onnx.ai); only the fields that
hold weights are read, so no library is needed for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from deid_desktop.core.types import Array

_GRAPH, _INITIALIZER = 7, 5
"""Fields of ModelProto and of GraphProto."""
_DIMS, _FLOATS, _NAME, _RAW = 1, 4, 8, 9
"""Fields of TensorProto."""
_VARINT, _BYTES, _FIXED = 0, 2, {1: 8, 5: 4}
"""Kinds of fields, the last ones with their lengths."""


def weights_of(path: Path) -> dict[str, Array]:
    """Return name → float32 array of all initializers of a model that is known to be sound."""
    model = memoryview(path.read_bytes())
    graph = next(value for field, value in _fields(model) if field == _GRAPH)
    assert isinstance(graph, memoryview)
    return dict(
        _tensor(value)
        for field, value in _fields(graph)
        if field == _INITIALIZER and isinstance(value, memoryview)
    )


def _tensor(message: memoryview) -> tuple[str, Array]:
    """Return the name and the values of one TensorProto of floats."""
    dims: list[int] = []
    name, values = "", np.zeros(0, np.float32)
    for field, value in _fields(message):
        if field == _DIMS:
            dims += [value] if isinstance(value, int) else list(_varints(value))
        elif isinstance(value, memoryview) and field == _NAME:
            name = bytes(value).decode()
        elif isinstance(value, memoryview) and field in (_FLOATS, _RAW):
            values = np.frombuffer(value, "<f4").astype(np.float32)
    return name, values.reshape(dims)


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield number and value of each field: a number, or the bytes of text or of a message."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            length, at = _varint(message, at)
        else:
            length = _FIXED[kind]
        yield key >> 3, message[at : at + length]
        at += length


def _varints(packed: memoryview) -> Iterator[int]:
    at = 0
    while at < len(packed):
        value, at = _varint(packed, at)
        yield value


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Return the number that begins at a byte, seven bits in each, and where the next one does."""
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at
