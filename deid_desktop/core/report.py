"""Writes down what became of each photo: the machine-readable record of an export, as JSON.

It is made from the results alone. Of the input it holds the name and the face boxes: no path, no
pixels, no embeddings.
"""

from __future__ import annotations

import json
import math
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from deid_desktop.core.files import new_file, publish, sweep, write_durably
from deid_desktop.core.types import DeidError, FaceResult, State

Status = Literal["exported", "blocked", "failed"]


class ReportError(DeidError):
    """The report cannot be written."""


@dataclass(frozen=True)
class PhotoRecord:
    """What became of one photo. ``output`` is relative to the output folder, "" if none."""

    input: str
    output: str
    status: Status
    reason: str = ""
    faces: list[dict[str, Any]] = field(default_factory=list)


def face_record(result: FaceResult) -> dict[str, Any]:
    """Return one face of the report."""
    request, verdict = result.request, result.verdict
    return {
        "id": result.face.id,
        "person": None if result.person is None else result.person + 1,
        "cluster": None if result.cluster is None else result.cluster + 1,
        "box": [round(float(value), 1) for value in result.face.box],
        "method": str(request.method),
        "k": request.k,
        "seed": request.seed,
        "attributes": _plain(result.attributes),
        "similarity_to_original": _plain(verdict.similarity_to_original),
        "similarity_to_nearest_donor": _plain(verdict.similarity_to_nearest_donor),
        "similarity_to_nearest_bystander": _plain(verdict.similarity_to_nearest_bystander),
        "threshold": _plain(verdict.threshold),
        "bystander_threshold": _plain(verdict.bystander_threshold),
        "verified": verdict.state is State.VERIFIED,
        "attempts": result.attempts,
    }


def certificate(records: Sequence[PhotoRecord], k: int) -> dict[str, Any]:
    """Return what k-Same guarantees for these photos: numbers of people and clusters.

    ``smallest_exported`` counts only people who are shown with their cluster's surrogate in a photo
    that was exported; ``holds`` where that is at least ``k`` in every cluster that was exported.
    """
    everybody: defaultdict[int, set[int]] = defaultdict(set)
    shown: defaultdict[int, set[int]] = defaultdict(set)
    for record in records:
        for face in record.faces:
            if face["cluster"] is not None:
                everybody[face["cluster"]].add(face["person"])
                if record.status == "exported" and face["verified"]:
                    shown[face["cluster"]].add(face["person"])
    smallest = min(map(len, shown.values()), default=0)
    return {
        "k": k,
        "people": sum(map(len, everybody.values())),
        "clusters": len(everybody),
        "smallest_cluster": min(map(len, everybody.values()), default=0),
        "smallest_exported": smallest,
        "holds": smallest >= k,
    }


def write_report(
    path: Path, records: Sequence[PhotoRecord], *, version: str, device: str, overwrite: bool,
    seed: int | None = None, k_same: Mapping[str, Any] | None = None,
    clips: Sequence[dict[str, Any]] = (),
) -> None:  # fmt: skip
    """Write the report in one step: whole or not at all.

    ``seed``: of the run, if it had one for all; with it the run can be repeated. ``k_same``: its
    `certificate`. ``clips``: told of as they are.

    Raises:
        ReportError: the file exists and ``overwrite`` is false, or the disk refuses.
    """
    facts = {"version": version, "device": device} | ({} if seed is None else {"seed": seed})
    certified = {} if k_same is None else {"k_same": k_same}
    told = {"clips": list(clips)} if clips else {}
    document = {**facts, **certified, "photos": [vars(item) for item in records], **told}
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    require_free_report(path, overwrite=overwrite)
    sweep(path.parent)
    try:
        with new_file(path.parent) as temporary:
            write_durably(temporary, text.encode(errors="backslashreplace"))
            publish(temporary, path, overwrite=overwrite)
    except OSError as error:
        raise ReportError(
            f"{path.name}: the report cannot be written ({error.strerror}); "
            "choose another place for it"
        ) from error


def require_free_report(path: Path, *, overwrite: bool) -> None:
    """Check, before long work, that the report has a place to go.

    Raises:
        ReportError: no JSON file, no such folder, or the name is taken.
    """
    if path.suffix.lower() != ".json":
        raise ReportError(f"{path.name}: the report is a JSON file; choose a name ending in .json")
    if not path.parent.is_dir():
        raise ReportError(f"{path.name}: the folder for the report does not exist; create it first")
    if os.path.lexists(path) and not (overwrite and path.is_file()):
        raise ReportError(
            f"{path.name}: the report exists already; choose another name or allow overwriting"
        )


def _plain(value: Any) -> Any:
    """Return ``value`` as JSON knows it; numbers that are none become null."""
    match value:
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case None | str() | bool() | int():
            return value
        case _:
            number = float(value)
            return round(number, 4) if math.isfinite(number) else None
