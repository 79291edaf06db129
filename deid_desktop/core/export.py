"""Writes pictures: the last stage of the flow and the only place that does.

`write_photo` fails closed. It first asks for a decision on every face, then encodes from the array
alone, takes the file apart again (``scan``) and only then gives it its name. Until that moment the
file has a random hidden name in the target folder; whatever goes wrong, that file is removed.

PNG and TIFF keep 16 bits a channel where the picture has them. A picture with an opacity comes
lying on white, as it was looked at; what lay hidden under transparency is not in it any more.
"""

from __future__ import annotations

import contextlib
import errno
import os
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from deid_desktop.core import scan
from deid_desktop.core.captions import Words, packet
from deid_desktop.core.decoders import to_8_bit
from deid_desktop.core.encoders import (
    DEEP,
    FORMATS,
    LARGEST_SIDE,
    SEE_THROUGH,
    encode,
    shows,
    straight,
)
from deid_desktop.core.files import new_file, publish, sweep, write_durably
from deid_desktop.core.types import SRGB, Deep, DeidError, Face, FaceResult, Method, Pixels, State

_NO_WORDS = Words()
_MASKS = (Method.SOLID, Method.BLUR, Method.PIXELATE)
WRITABLE_SUFFIXES = frozenset(FORMATS)
"""Suffixes (lower case) that `write_photo` takes; write anything else as PNG."""


class ExportBlocked(DeidError):
    """A face has no verified, masked or wanted result; nothing was written."""


class ExportError(DeidError):
    """The picture cannot be written where it should go; nothing was written."""


def write_photo(
    pixels: Pixels | Deep,
    target: Path,
    *,
    faces: Sequence[Face],
    results: Sequence[FaceResult],
    sources: Sequence[Path],
    overwrite: bool = False,
    quality: int | None = None,
    space: str = SRGB,
    words: Words = _NO_WORDS,
) -> None:
    """Write RGB ``pixels`` (height, width, 3) to ``target``, in the format of its suffix.

    16-bit pixels stay so in PNG and TIFF and are rounded to 8 bits for the other formats. A fourth
    channel is the opacity of what lies on white; a format that has none gets the white.

    ``faces`` are all faces found or marked in the photo, ``results`` what became of them.
    ``sources`` are the original files: none is ever written over, under whatever name.
    ``quality``: 1…100 for formats that lose something; ``None`` for ``types.QUALITY``.
    ``space``: a name of ``colour.PROFILES``, that of the pixels. ``words``: the only text that
    goes into the file.

    Raises:
        ExportBlocked: a face lacks its one result that is verified, masked or kept on purpose.
        ExportError: the target is a source, exists, cannot be written, or would not be clean.
    """
    require_decisions(faces, results, name=target.name)
    with _errors(target):  # a name that is too long
        require_free(target, sources=sources, overwrite=overwrite)
    pixels = _fitted(pixels, target)
    sweep(target.parent)
    with _errors(target), new_file(target.parent) as temporary:
        text = packet(words)
        write_durably(temporary, _encode(pixels, target, quality, space, text))
        _check(temporary.read_bytes(), pixels, target, text)
        publish(temporary, target, overwrite=overwrite)


def require_decisions(faces: Sequence[Face], results: Sequence[FaceResult], *, name: str) -> None:
    """Let pass only a photo in which every face was dealt with: the gate of every export.

    Raises:
        ExportBlocked: with the first reason found.
    """
    by_id: dict[int, list[FaceResult]] = {face.id: [] for face in faces}
    if len(by_id) != len(faces):
        raise ExportBlocked(f"{name}: two faces share one number; open the photo again")
    for result in results:
        if result.face.id not in by_id:
            raise ExportBlocked(
                f"{name}: a result belongs to no face of this photo; open the photo again"
            )
        by_id[result.face.id].append(result)
    for face in faces:
        own = by_id[face.id]
        reason = (
            _objection(face, own[0])
            if len(own) == 1
            else "it was not processed"
            if not own
            else "it has more than one result"
        )
        if reason:
            raise ExportBlocked(
                f"{name}: face {face.id + 1} blocks the export: {reason}; "
                "choose another face, a mask, or keep it on purpose"
            )


def _objection(face: Face, result: FaceResult) -> str:
    """Return why this result must not be exported, or nothing."""
    method, verdict = result.request.method, result.verdict
    if tuple(result.face.box) != tuple(face.box):
        return "its result was made for another place in the photo"
    match verdict.state:
        case State.KEPT if method is Method.KEEP:
            return ""
        case State.MASKED if method in _MASKS and result.layer is not None:
            return ""
        case State.VERIFIED if method is Method.SURROGATE and result.layer is not None:
            near, limit = verdict.similarity_to_nearest_bystander, verdict.bystander_threshold
            for measured, threshold, whom in (
                (verdict.similarity_to_original, verdict.threshold, "the person"),
                (verdict.similarity_to_nearest_donor, verdict.threshold, "a donor"),
                (near, verdict.threshold if limit is None else limit, "somebody else"),
            ):
                if measured is None or threshold is None:
                    continue
                # Written so that a similarity that is no number blocks as well.
                if not measured <= threshold:
                    return f"its surrogate is still too similar to {whom}"
            return ""
        case State.ATTENTION:
            return verdict.reason.rstrip(".") or "it needs attention"
    return f"the state “{verdict.state}” does not fit the method “{method}”"


def require_free(target: Path, *, sources: Sequence[Path], overwrite: bool) -> None:
    """Check that ``target`` names a writable kind of file and none that must stay as it is.

    Raises:
        ExportError: unknown suffix, missing folder, one of ``sources``, or in the way.
    """
    if target.suffix.lower() not in WRITABLE_SUFFIXES:
        raise ExportError(
            f"{target.name}: this kind of file is not written; "
            "choose a name that ends in .jpg, .png, .webp, .tif or .avif"
        )
    if not target.parent.is_dir():
        raise ExportError(f"{target.name}: the output folder does not exist; create it first")
    if is_source(target, sources):
        raise ExportError(
            f"{target.name}: this would write over an original; choose another output folder"
        )
    if os.path.lexists(target):
        if not overwrite:
            raise ExportError(
                f"{target.name}: the output exists already; "
                "choose another folder or allow overwriting"
            )
        if not target.is_file():
            raise ExportError(f"{target.name}: something that is no file has this name; move it")


def is_source(target: Path, sources: Sequence[Path]) -> bool:
    """Tell whether ``target`` is one of ``sources``, by link or by name in any case."""
    wanted = folded(target)
    exists = target.exists()
    return any(
        folded(source) == wanted or (exists and source.exists() and target.samefile(source))
        for source in sources
    )


def folded(path: Path) -> str:
    """Return the path as a disk sees it that ignores case and Unicode composition."""
    return unicodedata.normalize("NFC", os.path.realpath(path)).casefold()


def _fitted(pixels: Pixels | Deep, target: Path) -> Pixels | Deep:
    """Return the pixels with the depth and the opacity that the target's format can hold."""
    rgb = pixels.ndim == 3 and pixels.shape[2] in (3, 4) and pixels.size > 0
    if not rgb or pixels.dtype not in (np.uint8, np.uint16):
        raise ExportError(f"{target.name}: the picture is not an RGB array; open the photo again")
    kind = FORMATS[target.suffix.lower()]
    if kind not in DEEP:
        pixels = to_8_bit(pixels)
    opaque = pixels.shape[2] == 3 or bool((pixels[..., 3] == np.iinfo(pixels.dtype).max).all())
    if opaque or kind not in SEE_THROUGH:  # AVIF would drop an opacity that hides nothing
        return pixels[..., :3]
    return straight(pixels)


def _encode(
    pixels: Pixels | Deep, target: Path, quality: int | None, space: str, words: bytes
) -> bytes:
    kind = FORMATS[target.suffix.lower()]
    side = max(pixels.shape[:2])
    if side > LARGEST_SIDE.get(kind, side):
        raise ExportError(
            f"{target.name}: {kind} holds at most {LARGEST_SIDE[kind]} pixels a side, "
            f"this picture has {side}; write it as PNG"
        )
    return encode(pixels, kind, quality, space=space, words=words)


@contextlib.contextmanager
def _errors(target: Path) -> Iterator[None]:
    """Turn what the disk says into a sentence."""
    try:
        yield
    except FileExistsError as error:
        raise ExportError(
            f"{target.name}: the output exists already; choose another folder or allow overwriting"
        ) from error
    except OSError as error:
        remedy = (
            "free some space"
            if error.errno in (errno.ENOSPC, errno.EDQUOT)
            else "check that the output folder is there and may be written to"
        )
        raise ExportError(
            f"{target.name}: the picture cannot be written ({error.strerror or error}); {remedy}"
        ) from error


def _check(data: bytes, pixels: Pixels | Deep, target: Path, words: bytes) -> None:
    """Prove, from the bytes on the disk, that the file is this picture and nothing else."""
    try:
        foreign = scan.foreign_parts(data, words=words)
        same = shows(data, pixels)
    except (scan.StructureError, OSError) as error:
        raise ExportError(
            f"{target.name}: the written file cannot be read back and was removed; "
            "check the disk and try again"
        ) from error
    if foreign or not same:
        held = ", ".join(foreign) or "another picture"
        raise ExportError(
            f"{target.name}: the written file held {held} and was removed; report this as a fault"
        )
