"""Redacts many files with the same settings: what the terminal program does with its inputs.

Each photo goes through the whole flow by itself and ends as one `Outcome`; whatever happens to
one does not touch the others. With several processes the outcomes and their order stay the same.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import TYPE_CHECKING

from deid_desktop.core.export import ExportBlocked, ExportError, write_photo
from deid_desktop.core.hardening import forbid_core_dumps
from deid_desktop.core.imaging import ImageError
from deid_desktop.core.naming import Planned
from deid_desktop.core.report import PhotoRecord, Status, face_record
from deid_desktop.core.sandbox import Limits, reader
from deid_desktop.core.types import DeidError, Request

if TYPE_CHECKING:
    from deid_desktop.core.pipeline import PhotoResult, Pipeline


@dataclass(frozen=True)
class Settings:
    """What holds for every photo of a run. ``sources`` are the originals, never written over."""

    request: Request
    folder: Path
    sources: tuple[Path, ...]
    device: str = "auto"
    on_failure: str = "block"
    require_faces: bool = False
    overwrite: bool = False
    limits: Limits = field(default_factory=Limits)


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


def redact_file(pipeline: Pipeline, item: Planned, settings: Settings) -> Outcome:
    """Take one photo through the whole flow. Nothing is raised: every fault is an outcome."""
    name = item.source.name
    if item.reason:
        return failure(name, item.reason)
    done: PhotoResult | None = None
    try:
        decoded = reader(settings.limits).decode(item.source)
        warnings = [f"{name}: {note}" for note in decoded.notes]
        done = pipeline.redact_photo(
            decoded.photo, settings.request, on_failure=settings.on_failure
        )
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
        )
    except Exception as error:  # whatever it is, it must cost this photo only
        return _stopped(name, error, done)
    if item.target.name != name:
        warnings.append(f"{name}: written as {item.target.name}, its own format is read only")
    output = item.target.relative_to(settings.folder).as_posix()
    faces = [face_record(result) for result in done.results]
    return Outcome(PhotoRecord(name, output, "exported", "", faces), tuple(warnings))


def _stopped(name: str, error: Exception, done: PhotoResult | None) -> Outcome:
    match error:
        case DeidError():
            reason = str(error)
        case MemoryError():
            reason = "the memory is not enough; close other programs or use fewer jobs"
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
    pipeline: Pipeline, plan: Sequence[Planned], settings: Settings, *, jobs: int = 1
) -> Iterator[Outcome]:
    """Yield one outcome for each item of ``plan``, in order, from up to ``jobs`` processes.

    Closing the iterator ends the work after the photos at hand; nothing half-written stays.
    """
    jobs = min(jobs, len(plan))
    if jobs > 1:
        yield from _redact_in_processes(plan, settings, jobs)
    else:
        for item in plan:
            yield redact_file(pipeline, item, settings)


def _redact_in_processes(
    plan: Sequence[Planned], settings: Settings, jobs: int
) -> Iterator[Outcome]:
    with _pool(settings, jobs) as pool:
        with _uninterrupted():
            futures = [pool.submit(_redact_in_worker, item) for item in plan]
        for item, future in zip(plan, futures, strict=True):
            try:
                outcome = future.result()
            except BrokenProcessPool:
                # One photo took the process down, and the others with it: try each by itself.
                outcome = _redact_alone(item, settings)
            yield outcome


def _redact_alone(item: Planned, settings: Settings) -> Outcome:
    with _pool(settings, 1) as pool:
        with _uninterrupted():
            future = pool.submit(_redact_in_worker, item)
        try:
            return future.result()
        except BrokenProcessPool:
            return failure(
                item.source.name,
                "the process that worked on it died; close other programs and try it again",
                "blocked",
            )


@contextlib.contextmanager
def _pool(settings: Settings, jobs: int) -> Iterator[ProcessPoolExecutor]:
    """Give a pool of workers; when it is left early they finish the photo at hand, no other."""
    # A fresh interpreter for each: torch and OpenCV do not survive a fork of their threads.
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    pool = ProcessPoolExecutor(jobs, context, _start_worker, (settings, jobs, stop))
    try:
        yield pool
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Start processes that do not hear ^C, which reaches them all: the parent decides for them."""
    heard = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, heard)


@dataclass(frozen=True)
class _Worker:
    pipeline: Pipeline
    settings: Settings
    stop: Event


_worker: list[_Worker] = []
"""What this process works with, if it is a worker."""


def _start_worker(settings: Settings, jobs: int, stop: Event) -> None:
    # Not every system hands the parent's choice down.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    forbid_core_dumps()
    reader(settings.limits).prepare()
    threads = max(1, (os.cpu_count() or 1) // jobs)
    # Before torch loads, as its libraries read this only once.
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(threads)
    import cv2
    import torch

    from deid_desktop.core.pipeline import Pipeline

    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    _worker[:] = [_Worker(Pipeline(settings.device), settings, stop)]


def _redact_in_worker(item: Planned) -> Outcome:
    (own,) = _worker
    if own.stop.is_set():  # the pool hands out more than it can take back
        return failure(item.source.name, "stopped before it was begun; run it again")
    return redact_file(own.pipeline, item, own.settings)
