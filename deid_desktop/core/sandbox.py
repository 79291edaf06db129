"""Reads photos in a process of its own, so that a decoder that breaks costs one photo.

How the programs call ``imaging``. The process is started once and serves one file after another;
it is limited and confined as every `Cell`, and killed when a photo takes too long. It answers with
JSON and plain pixels; no pixel touches a disk.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, fields
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from deid_desktop.core.cell import (
    Cell,
    received_array,
    received_head,
    send_array,
    send_head,
    serve,
)
from deid_desktop.core.colour import PROFILES
from deid_desktop.core.decoders import Raster, warm_up
from deid_desktop.core.imaging import MEGAPIXELS, Decoded, ImageError, decode_stream, wrap
from deid_desktop.core.inspection import inspect_stream
from deid_desktop.core.types import SRGB, DeidError

_DECODE, _INSPECT = "decode", "inspect"
_PREFIX = "DEID_MAX_"
_NOT_STARTED = "the process that reads photos cannot be started; close other programs and try again"


@dataclass(frozen=True)
class Limits:
    """What one photo may cost: seconds, megabytes beside the program's own, megapixels."""

    seconds: float = 60.0
    megabytes: float = 4096.0
    megapixels: float = MEGAPIXELS


def limits_from(environment: Mapping[str, str], **wishes: float | None) -> Limits:
    """Return the limits: ``wishes`` first, then ``DEID_MAX_SECONDS`` and the like, then our own.

    Raises:
        DeidError: a variable of the environment is no positive number.
    """
    chosen = {}
    for field in fields(Limits):
        variable = _PREFIX + field.name.upper()
        wish = wishes.get(field.name)
        try:
            value = float(environment[variable] if wish is None else wish)
        except KeyError:
            continue
        except ValueError:
            value = 0
        if not 0 < value < 1e9:
            raise DeidError(f"{variable}: this is no positive number; correct or remove it")
        chosen[field.name] = value
    return Limits(**chosen)


class Reader(Cell):
    """Hands files to the process that reads them. Any thread may call; one photo at a time."""

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self.limits, self.seconds = limits, limits.seconds
        self._lock = threading.Lock()

    def _task(self, *, confined: bool) -> tuple[Any, Limits]:
        return (_serve if confined else _serve_open), self.limits

    def _fault(self, name: str, fault: str) -> DeidError:
        if not name:
            return DeidError(_NOT_STARTED)
        said = {
            "start": _NOT_STARTED,
            "late": f"reading it took longer than the {self.seconds:g} seconds "
            "that are allowed; make a smaller copy of it, or raise the limit",
            "broke": "the decoder broke down on this file, which is damaged or made "
            "to do so; get the file again from where it came",
        }
        return ImageError(f"{name}: {said[fault]}")

    def decode(self, path: Path, *, page: int = 0) -> Decoded:
        """Read one photo; also return what a person should know of how it was read.

        ``page``: which picture of a file with several, from 0.

        Raises:
            ImageError: as `imaging.decode`, or it broke a limit or the decoder.
        """
        with self._lock:
            connection = self._send(path, wish=_DECODE, page=page)
            with self._watched(path.name):
                head = _answered(connection)
                notes = tuple(map(str, head["notes"]))
                photo = wrap(_received(connection, head, self.limits), path.name)
                return Decoded(photo, notes, int(head["pages"]))

    def inspect(self, path: Path) -> dict[str, Any]:
        """Return what a file reveals, as `inspection.inspect_stream` does.

        Raises:
            ImageError: as `decode`.
        """
        with self._lock:
            connection = self._send(path, wish=_INSPECT)
            with self._watched(path.name):
                return dict(_answered(connection)["found"])

    def confined_by(self) -> tuple[str, ...]:
        """As `Cell.confined_by`, from any thread."""
        with self._lock:
            return super().confined_by()

    def close(self) -> None:
        """As `Cell.close`, from any thread."""
        with self._lock:
            super().close()


def _answered(connection: Connection) -> dict[str, Any]:
    head = received_head(connection)
    if "error" in head:
        raise ImageError(str(head["error"]))
    return head


def _received(connection: Connection, head: dict[str, Any], limits: Limits) -> Raster:
    """Receive what the header announces, whose space and sizes are held against what may be."""
    shape, depth = _shape(head, limits), np.uint16 if head["deep"] else np.uint8
    space = head.get("space", SRGB)
    if space not in PROFILES:
        raise ValueError("no known space")
    picture = received_array(connection, np.empty(shape, depth))
    pixels = None if space == SRGB else received_array(connection, np.empty(shape, np.uint8))
    alpha = None
    if head.get("alpha"):
        depth = np.uint16 if head["alpha"] == 16 else np.uint8
        alpha = received_array(connection, np.empty(shape[:2], depth))
    return Raster(picture, [], space, pixels, alpha)


def _shape(head: dict[str, Any], limits: Limits) -> tuple[int, int, int]:
    """Return the picture's shape; what the process says is held against the limits."""
    height, width = (int(side) for side in head["shape"])
    if min(height, width) < 1 or height * width > limits.megapixels * 1e6:
        raise ValueError("no possible picture")
    return height, width, 3


_reader: list[Reader] = []
_choice = threading.Lock()


def reader(limits: Limits | None = None) -> Reader:
    """Return this process's reader; ``limits`` given the first time hold for good."""
    with _choice:
        if not _reader:
            _reader.append(Reader(limits or limits_from(os.environ)))
        return _reader[0]


# What runs in the process of its own


def _serve_open(connection: Connection, limits: Limits) -> None:
    """Do the same without being cut off from files and network."""
    _serve(connection, limits, confine=False)


def _serve(connection: Connection, limits: Limits, *, confine: bool = True) -> None:
    """Answer one file after another until the other end closes."""

    def answer(connection: Connection, wish: dict[str, Any], file: BinaryIO) -> None:
        name = Path(wish["path"]).name
        try:
            if wish["wish"] == _INSPECT:
                send_head(
                    connection, found=inspect_stream(file, name, megapixels=limits.megapixels)
                )
            else:
                _decode(connection, file, name, limits, wish["page"])
        except ImageError as error:
            send_head(connection, error=str(error))

    serve(connection, limits.megabytes, warm_up=warm_up, answer=answer, confine=confine)


def _decode(connection: Connection, file: BinaryIO, name: str, limits: Limits, page: int) -> None:
    picture, notes, space, pixels, alpha, pages = decode_stream(
        file, name, megapixels=limits.megapixels, page=page
    )
    send_head(
        connection,
        shape=picture.shape[:2],
        deep=picture.dtype == np.uint16,
        space=space,
        alpha=0 if alpha is None else 8 * alpha.itemsize,
        notes=notes,
        pages=pages,
    )
    for array in (picture, pixels, alpha):
        if array is not None:
            send_array(connection, array)
