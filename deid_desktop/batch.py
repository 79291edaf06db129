"""Redacts many files with the same settings: what the terminal program does with its inputs.

Each photo goes through the whole flow by itself and ends as one `Outcome`; whatever happens to
one does not touch the others. With several processes the outcomes and their order stay the same.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from deid_desktop.core.captions import Words
from deid_desktop.core.export import ExportBlocked, ExportError, write_photo
from deid_desktop.core.imaging import ImageError
from deid_desktop.core.naming import Planned
from deid_desktop.core.report import PhotoRecord, Status, face_record
from deid_desktop.core.run import NOTHING, Casting, Run, Survey
from deid_desktop.core.sandbox import Limits, reader
from deid_desktop.core.shortage import shortage
from deid_desktop.core.types import DeidError, Identity, Keep, Method, Photo, Request, Role, Sitting
from deid_desktop.crew import Alone, Crew, Dead

if TYPE_CHECKING:
    from deid_desktop.core.pipeline import PhotoResult, Pipeline

_T = TypeVar("_T")
_DIED = "the process that worked on it died; close other programs and try it again"


@dataclass(frozen=True)
class Settings:
    """What holds for every photo of a run. ``sources`` are the originals, never written over.

    ``people``: ``same`` gives all faces of a person one identity, ``each`` every face its own.
    ``k_same``: at least so many people share one.
    """

    request: Request
    folder: Path
    sources: tuple[Path, ...]
    device: str = "auto"
    people: str = "same"
    k_same: int | None = None
    on_failure: str = "block"
    require_faces: bool = False
    overwrite: bool = False
    limits: Limits = field(default_factory=Limits)
    keep: Keep = field(default_factory=Keep)
    words: Words = field(default_factory=Words)
    page: int = 0


@dataclass(frozen=True, eq=False)
class Part:
    """What one photo plays in a run: what was seen in it, and the roles of its faces."""

    survey: Survey
    roles: Mapping[int, Role]


@dataclass(frozen=True)
class Outcome:
    """What became of one photo, for the report, and what its person should know."""

    record: PhotoRecord
    warnings: tuple[str, ...] = ()


def make_folder(folder: Path) -> None:
    """Make the output folder where it is missing.

    Raises:
        ExportError: it cannot be made or not be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExportError(
            f"{folder.name}: the output folder cannot be made ({error.strerror}); choose another"
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ExportError(f"{folder.name}: you may not write to the output folder; choose another")


def failure(name: str, reason: str, status: Status = "failed") -> Outcome:
    """Return the outcome of a photo of which nothing was written."""
    if not reason.startswith(f"{name}: "):
        reason = f"{name}: {reason}"
    return Outcome(PhotoRecord(name, "", status, reason))


def redact_file(
    pipeline: Pipeline, item: Planned, settings: Settings, part: Part | None = None
) -> Outcome:
    """Take one photo through the whole flow. Nothing is raised: every fault is an outcome.

    ``part``: what the photo plays in a run; without it, it is treated by itself.
    """
    name = item.source.name
    if item.reason:
        return failure(name, item.reason)
    done: PhotoResult | None = None
    try:
        decoded = reader(settings.limits).decode(item.source, page=settings.page)
        warnings = [f"{name}: {note}" for note in decoded.notes]
        if part is not None:
            _require_same(decoded.photo, part.survey)
        done = pipeline.redact_photo(
            decoded.photo,
            settings.request,
            faces=part.survey.faces if part else None,
            roles=part.roles if part else None,
            on_failure=settings.on_failure,
            keep=settings.keep,
        )
        warnings += [f"{name}: {note}" for note in done.notes]
        if not done.faces:
            if settings.require_faces:
                raise ExportBlocked(f"{name}: no face was found; mark the faces in the window")
            warnings.append(f"{name}: no face was found; look at it with your own eyes")
        make_folder(item.target.parent)
        write_photo(
            done.pixels,
            item.target,
            faces=done.faces,
            results=done.results,
            sources=settings.sources,
            overwrite=settings.overwrite,
            space=done.space,
            words=settings.words,
        )
    except Exception as error:  # whatever it is, it must cost this photo only
        return _stopped(name, error, done)
    if item.target.name != name:
        warnings.append(f"{name}: written as {item.target.name}, its own format is read only")
    output = item.target.relative_to(settings.folder).as_posix()
    faces = [face_record(result) for result in done.results]
    return Outcome(PhotoRecord(name, output, "exported", "", faces), tuple(warnings))


def survey_file(pipeline: Pipeline, item: Planned, settings: Settings) -> Survey | Outcome:
    """Look at one photo; the outcome of one that cannot be read is known already."""
    name = item.source.name
    if item.reason:
        return failure(name, item.reason)
    try:
        return pipeline.survey(
            reader(settings.limits).decode(item.source, page=settings.page).photo
        )
    except Exception as error:  # whatever it is, it must cost this photo only
        return _stopped(name, error, None)


def cast_files(
    pipeline: Pipeline,
    items: Sequence[tuple[Planned, Survey]],
    casting: Casting,
    settings: Settings,
) -> Identity | None:
    """Find one identity for several faces; ``None`` where there is none, or a photo fails."""
    try:
        sittings = []
        for (item, survey), (_, face, company) in zip(items, casting.sitters, strict=True):
            photo = reader(settings.limits).decode(item.source, page=settings.page).photo
            _require_same(photo, survey)
            sittings.append(Sitting(photo, face, company))
        return pipeline.cast(sittings, casting.request)
    except Exception:  # the photos tell what is wrong with them when they are treated
        return None


def _require_same(photo: Photo, survey: Survey) -> None:
    if photo.key != survey.key:
        raise ExportBlocked(f"{photo.name}: the file changed meanwhile; run it again")


def _stopped(name: str, error: Exception, done: PhotoResult | None) -> Outcome:
    match error:
        case DeidError():
            reason = str(error)
        case _ if shortage(error):
            reason = shortage(error)
        case _:  # its text may hold anything, its type tells enough
            reason = f"an unexpected fault ({type(error).__name__}) stopped it; report it please"
    # A photo that was read but not dealt with is held back; the rest are troubles with files.
    held_back = isinstance(error, ExportBlocked) or (
        done is None and not isinstance(error, ImageError)
    )
    record = failure(name, reason, "blocked" if held_back else "failed").record
    if done is not None:
        record.faces.extend(face_record(result) for result in done.results)
    return Outcome(record)


def redact_files(
    pipeline: Pipeline, plan: Sequence[Planned], settings: Settings, *, jobs: int = 1,
    step: Callable[[str], None] = lambda words: None,
) -> Iterator[Outcome]:  # fmt: skip
    """Yield one outcome for each item of ``plan``, in order, from up to ``jobs`` processes.

    Several photos get their surrogates as a run: first all are looked at, then it is settled who
    is who and who gets which identity, then they are treated. ``step`` is told what is going on.

    Closing the iterator ends the work after the photos at hand; nothing half-written stays.

    Raises:
        TooFewPeople: k-Same is asked for and the photos show fewer people.
    """
    jobs = min(jobs, len(plan))
    crew = Crew(settings.device, settings.limits, jobs) if jobs > 1 else Alone(pipeline)
    with contextlib.closing(crew):
        alone = len(plan) < 2 and not settings.k_same
        if alone or settings.request.method is not Method.SURROGATE:
            yield from _outcomes(plan, crew.map(redact_file, [(item, settings) for item in plan]))
            return
        step("looking at the photos")
        surveys = list(_outcomes(plan, crew.map(survey_file, [(item, settings) for item in plan])))
        known = [s if isinstance(s, Survey) else NOTHING for s in surveys]
        same = settings.people == "same"
        run = Run(known, settings.request, same=same, k_same=settings.k_same)
        step("finding a surrogate for everybody")
        castings = run.castings()
        identities = crew.map(
            cast_files,
            [([(plan[at], known[at]) for at, *_ in c.sitters], c, settings) for c in castings],
        )
        roles = run.roles([None if isinstance(i, Dead) else i for i in identities])
        step("replacing faces")
        todo = [
            (item, settings, Part(survey, own))
            for item, survey, own in zip(plan, surveys, roles, strict=True)
            if isinstance(survey, Survey)
        ]
        done = _outcomes([item for item, *_ in todo], crew.map(redact_file, todo))
        for survey in surveys:
            yield survey if isinstance(survey, Outcome) else next(done)


def _outcomes(plan: Sequence[Planned], found: Iterable[_T | Dead]) -> Iterator[_T | Outcome]:
    """Put an outcome in place of what took its process down."""
    for item, one in zip(plan, found, strict=True):
        yield failure(item.source.name, _DIED, "blocked") if isinstance(one, Dead) else one
