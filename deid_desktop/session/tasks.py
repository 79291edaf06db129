"""What the renderer keeps in mind: the task in hand, the exports asked for, the pictures shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deid_desktop.core.types import FaceResult
from deid_desktop.session.jobs import Finish, Job
from deid_desktop.session.language import later
from deid_desktop.session.model import PhotoEntry
from deid_desktop.session.picture import Picture

CANCELLED = later("Cancelled before this face was finished. Try again, or use a solid mask.")


@dataclass(frozen=True)
class Order:
    """An export the person asked for."""

    entry: PhotoEntry
    target: Path
    overwrite: bool = False
    finish: Finish = field(default_factory=Finish)


@dataclass(frozen=True, eq=False)
class Task:
    """A job with its place in the document. Lower ``rank`` is more urgent.

    A task with an ``order`` is an export: only the person stops it.
    """

    rank: int
    words: str
    job: Job
    accept: Callable[[Any], None]
    fail: Callable[[str], None]
    wanted: Callable[[], bool] = lambda: True
    order: Order | None = None


@dataclass(eq=False)
class View:
    """The pictures of the photo on screen, whose pixels had the digest ``key``.

    ``painted``: the results that ``after`` shows.
    """

    entry: PhotoEntry
    key: str
    before: Picture
    after: Picture
    painted: dict[int, FaceResult] = field(default_factory=dict)
