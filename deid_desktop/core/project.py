"""Reads and writes projects: what a person decided about the faces of several photos, as JSON.

Stands beside the flow. A project holds paths relative to itself, digests of the photos, boxes,
settings, identities and decisions: no pixels, no embeddings, no verdicts. What it says is never
trusted: every face is made and verified anew when it is opened, so that no edited file can let
a face through.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path, PureWindowsPath
from typing import Any, TypeVar

import numpy as np

from deid_desktop.core.files import new_file, publish, write_durably
from deid_desktop.core.types import (
    ANCESTRIES,
    EXPRESSIONS,
    FARTHEST,
    THICKEST,
    Attributes,
    DeidError,
    Face,
    Identity,
    Look,
    Method,
    Request,
    Stroke,
)

SUFFIX = ".deid"
FORMAT = "deid-project"
VERSION = 1
_LARGEST = 64 * 2**20
_TEXT = 4000
_LAST_PAGE = 100_000
_MOST_STROKES, _MOST_POINTS = 1000, 5000

_T = TypeVar("_T")


class ProjectError(DeidError):
    """A project cannot be read or written."""


@dataclass(frozen=True)
class Decision:
    """What a reviewer said of a face. ``about``: fingerprint of what was looked at.

    ``at``: date and time, ISO 8601 with offset. ``by``: the name the reviewer gave, may be empty.
    """

    approved: bool
    by: str
    at: str
    comment: str
    about: str


@dataclass(frozen=True, eq=False)
class SavedFace:
    """One face. ``identity`` is the surrogate last made for ``request``, if there is one.

    ``pin``: the person whom someone said this is.
    """

    face: Face
    located: bool
    present: bool
    request: Request
    identity: Identity | None
    decisions: tuple[Decision, ...]
    pin: int | None = None


@dataclass(frozen=True, eq=False)
class SavedPhoto:
    """One photo. ``path`` is relative to the project, with ``/``; ``sha256`` of the file or "".

    ``faces`` is ``None`` while nobody has looked for any. ``page``: which picture of a file with
    several, from 0.
    """

    path: str
    sha256: str
    faces: tuple[SavedFace, ...] | None
    page: int = 0


@dataclass(frozen=True, eq=False)
class Project:
    """All photos, whether an export asks for the approval of every face, and whether all faces of
    a person wear one identity."""

    photos: tuple[SavedPhoto, ...]
    approval_needed: bool = False
    same_people: bool = True


def relative_path(photo: Path, folder: Path) -> str:
    """Return where a photo is, seen from the project's folder; on another drive its name only."""
    try:
        return Path(os.path.relpath(photo, folder)).as_posix()
    except ValueError:
        return photo.name


def write_project(path: Path, project: Project, *, durable: bool = True) -> None:
    """Write a project in one step: whole or not at all.

    ``durable`` waits until it is on the disk itself.

    Raises:
        ProjectError: the disk is full, or the folder is missing or may not be written to.
    """
    content = {
        "format": FORMAT,
        "version": VERSION,
        "approval_needed": project.approval_needed,
        "same_people": project.same_people,
        "photos": [_photo_record(photo) for photo in project.photos],
    }
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    try:
        with new_file(path.parent) as temporary:
            write_durably(temporary, text.encode(errors="backslashreplace"), durable=durable)
            publish(temporary, path, overwrite=True, durable=durable)
    except OSError as error:
        raise ProjectError(
            f"{path.name}: the project cannot be saved ({error.strerror}); what was saved before "
            "is still there, free some space or choose another place"
        ) from error


def read_project(path: Path) -> Project:
    """Read a project.

    Raises:
        ProjectError: it is missing, foreign, newer than this program, or damaged.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise ProjectError(f"{path.name}: this is no project of Deid Desktop; choose another")
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise ProjectError(
            f"{path.name}: the project cannot be read ({error.strerror}); "
            "check that it is there and that you may read it"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ProjectError(
            f"{path.name}: this is no project of Deid Desktop, or it is damaged; "
            "open a copy of it or its autosave"
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ProjectError(f"{path.name}: this is no project of Deid Desktop; choose another file")
    version = content.get("version")
    if isinstance(version, int) and version > VERSION:
        raise ProjectError(
            f"{path.name}: a newer Deid Desktop has saved this project; update the program"
        )
    try:
        _expect(version == VERSION, "version")
        return Project(
            photos=_rows(content, "photos", _photo),
            approval_needed=_of(content, "approval_needed", bool),
            same_people="same_people" not in content or _of(content, "same_people", bool),
        )
    except _Damaged as error:
        raise ProjectError(
            f"{path.name}: the project is damaged (at “{error}”); open a copy of it or its autosave"
        ) from error


def request_record(request: Request) -> dict[str, Any]:
    """Return the settings of a face as JSON knows them."""
    return asdict(request)


def request_of(record: object, name: str) -> Request:
    """Return the settings of `request_record`; every value is looked at before it is used.

    Raises:
        ProjectError: something in it is not as it should be; ``name`` says where it comes from.
    """
    try:
        _expect(isinstance(record, dict), "request")
        return _request(record)  # type: ignore[arg-type]
    except _Damaged as error:
        raise ProjectError(f"{name}: these settings are damaged (at “{error}”)") from error


# Writing


def _photo_record(photo: SavedPhoto) -> dict[str, Any]:
    faces = None if photo.faces is None else [_face_record(face) for face in photo.faces]
    return {"path": photo.path, "sha256": photo.sha256, "page": photo.page, "faces": faces}


def _face_record(saved: SavedFace) -> dict[str, Any]:
    face = saved.face
    return {
        "id": face.id,
        "box": [float(value) for value in face.box],
        "points": [[float(x), float(y)] for x, y in face.points],
        "score": float(face.score),
        "by_person": face.by_person,
        "region": face.region,
        "angle": float(face.angle),
        "located": saved.located,
        "present": saved.present,
        "request": request_record(saved.request),
        "identity": asdict(saved.identity) if saved.identity else None,
        "decisions": [asdict(decision) for decision in saved.decisions],
        "pin": saved.pin,
    }


# Reading: every value is looked at before it is used


class _Damaged(Exception):
    """Holds the name of the field that is not as it should be."""


def _expect(holds: bool, field: str) -> None:
    if not holds:
        raise _Damaged(field)


def _of(record: dict[str, Any], field: str, kind: type[_T]) -> _T:
    value = record.get(field)
    # A bool is an int to Python, never to a reader of the file.
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        raise _Damaged(field)
    if isinstance(value, str):
        _expect(len(value) <= _TEXT, field)
    return value


def _number(value: Any, field: str, low: float = -1e6, high: float = 1e6) -> float:
    right = isinstance(value, int | float) and not isinstance(value, bool)
    _expect(right and low <= value <= high, field)  # false for NaN as well
    return float(value)


def _whole(record: dict[str, Any], field: str, low: int, high: int = 2**31 - 1) -> int:
    value = _of(record, field, int)
    _expect(low <= value <= high, field)
    return value


def _rows(
    record: dict[str, Any], field: str, read: Callable[[dict[str, Any]], _T]
) -> tuple[_T, ...]:
    rows = _of(record, field, list)
    _expect(all(isinstance(row, dict) for row in rows), field)
    return tuple(read(row) for row in rows)


def _numbers(record: dict[str, Any], field: str, count: int | None = None) -> tuple[float, ...]:
    values = _of(record, field, list)
    _expect(count is None or len(values) == count, field)
    return tuple(_number(value, field) for value in values)


def _photo(record: dict[str, Any]) -> SavedPhoto:
    path, digest = _of(record, "path", str), _of(record, "sha256", str)
    # Only below, beside or above the project: never a drive, a device or a computer elsewhere.
    windows = PureWindowsPath(path)
    _expect(bool(path) and not windows.drive and not windows.root and "\0" not in path, "path")
    _expect(digest == "" or re.fullmatch(r"[0-9a-f]{64}", digest) is not None, "sha256")
    faces = None if record.get("faces") is None else _rows(record, "faces", _face)
    if faces is not None:
        _expect(len({saved.face.id for saved in faces}) == len(faces), "id")
    page = _of(record, "page", int) if "page" in record else 0
    _expect(0 <= page <= _LAST_PAGE, "page")
    return SavedPhoto(path, digest, faces, page)


def _face(record: dict[str, Any]) -> SavedFace:
    left, top, width, height = _numbers(record, "box", 4)
    _expect(width > 0 and height > 0, "box")
    pairs = _of(record, "points", list)
    _expect(len(pairs) == 5 and all(isinstance(p, list) and len(p) == 2 for p in pairs), "points")
    points = np.array([[_number(v, "points") for v in pair] for pair in pairs], np.float32)
    face = Face(
        id=_whole(record, "id", 0, 100_000),
        box=(left, top, width, height),
        points=points,
        score=_number(record.get("score"), "score", 0, 1),
        by_person=_of(record, "by_person", bool),
        region=_of(record, "region", bool),
        angle=_number(record.get("angle", 0.0), "angle", -180, 180),
    )
    identity = record.get("identity")
    return SavedFace(
        face=face,
        located=_of(record, "located", bool),
        present=_of(record, "present", bool),
        request=_request(_of(record, "request", dict)),
        identity=None if identity is None else _identity(_of(record, "identity", dict)),
        decisions=_rows(record, "decisions", _decision),
        pin=None if record.get("pin") is None else _whole(record, "pin", 0),
    )


def _request(record: dict[str, Any]) -> Request:
    method = _of(record, "method", str)
    _expect(method in list(Method), "method")
    wish = _of(record, "attributes", dict)
    expression, ancestry = _of(wish, "expression", str), _of(wish, "ancestry", str)
    _expect(expression in EXPRESSIONS, "expression")
    _expect(ancestry in ANCESTRIES, "ancestry")
    gender, age, tone = wish.get("gender"), wish.get("age"), wish.get("skin_tone")
    attributes = Attributes(
        gender=None if gender is None else _number(gender, "gender", -1, 1),
        age=None if age is None else _number(age, "age", 18, 80),
        expression=expression,
        strength=_number(wish.get("strength"), "strength", 0, 1),
        ancestry=ancestry,
        skin_tone=None if tone is None else _number(tone, "skin_tone", -50, 60),
        keep_eyes=_flag(wish, "keep_eyes"),
        keep_mouth=_flag(wish, "keep_mouth"),
    )
    return Request(
        method=Method(method),
        k=_whole(record, "k", 1, 100),
        seed=_whole(record, "seed", 0, 2**63 - 1),
        attributes=attributes,
        shape_strength=_number(record.get("shape_strength"), "shape_strength", 0, 10),
        strokes=_strokes(record) if "strokes" in record else (),
    )


def _flag(record: dict[str, Any], field: str) -> bool:
    """Return a field that the first projects did not have yet."""
    return field in record and _of(record, field, bool)


def _strokes(record: dict[str, Any]) -> tuple[Stroke, ...]:
    strokes = _rows(record, "strokes", _stroke)
    _expect(len(strokes) <= _MOST_STROKES, "strokes")
    return strokes


def _stroke(record: dict[str, Any]) -> Stroke:
    points = _of(record, "points", list)
    _expect(0 < len(points) <= _MOST_POINTS, "points")
    _expect(all(isinstance(point, list) and len(point) == 2 for point in points), "points")
    return Stroke(
        into=_of(record, "into", bool),
        radius=_number(record.get("radius"), "radius", 1e-4, THICKEST),
        points=tuple(
            (_number(x, "points", -FARTHEST, FARTHEST), _number(y, "points", -FARTHEST, FARTHEST))
            for x, y in points
        ),
    )


def _identity(record: dict[str, Any]) -> Identity:
    donors = _of(record, "donors", list)
    _expect(all(type(donor) is int and donor >= 0 for donor in donors), "donors")
    weights = _numbers(record, "weights", len(donors))
    _expect(abs(sum(weights) - 1) < 1e-3 and min(weights) >= 0, "weights")
    return Identity(
        donors=tuple(donors),
        weights=weights,
        seed=_whole(record, "seed", 0, 2**63 - 1),
        push=_whole(record, "push", 0, 10),
        look=None if record.get("look") is None else _look(_of(record, "look", dict)),
    )


def _look(record: dict[str, Any]) -> Look:
    return Look(
        gender=_number(record.get("gender"), "gender", -1, 1),
        age=_number(record.get("age"), "age", -20, 150),
        skin_tone=_number(record.get("skin_tone"), "skin_tone", -90, 90),
    )


def _decision(record: dict[str, Any]) -> Decision:
    return Decision(
        approved=_of(record, "approved", bool),
        by=_of(record, "by", str),
        at=_of(record, "at", str),
        comment=_of(record, "comment", str),
        about=_of(record, "about", str),
    )
