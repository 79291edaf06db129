"""Runs jobs one after the other in a thread of its own and reports what came of them.

A job travels with a token. ``stop`` makes the running job leave at its next look at
``should_stop``; the renderer compares the token again when a report arrives. An exception never
leaves the thread: it arrives as a ``Failure`` with a sentence a person can read.
"""

from __future__ import annotations

import contextlib
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt, QThread, Signal, Slot

from deid_desktop.core.shortage import CARD, MEMORY, shortage
from deid_desktop.core.types import Cancelled, DeidError
from deid_desktop.core.verify import THRESHOLD
from deid_desktop.session.garbage import collect_here, loading
from deid_desktop.session.jobs import Job, Redactor
from deid_desktop.session.preload import preload

SHARE = 0.0005
"""Seconds after which the worker hands Python's lock to the window's thread when that asks for it.

A frame may have to wait for several of the usual five milliseconds: beside a worker that never
rests a timer of one was 36–40 ms late with those (99th percentile), and 16 ms with this."""


@dataclass(frozen=True)
class Failure:
    """A job that ended in an error. ``trace`` names functions and lines only, no values."""

    reason: str
    expected: bool
    trace: str = ""


@dataclass(frozen=True)
class Stopped:
    """A job that left early because nobody wants its outcome any more."""


def trace_of(error: BaseException) -> str:
    """Return the error's type and the lines it passed, without its text, paths or values."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = (
        f"{frame.filename.replace(chr(92), '/').rsplit('/', 1)[-1]}:{frame.lineno} in {frame.name}"
        for frame in frames
    )
    return "\n".join((*lines, type(error).__name__))


def make_pipeline(device: str = "auto", threads: int = 0, threshold: float = THRESHOLD) -> Redactor:
    """Import and build the pipeline; called in the worker's thread. 0 threads: as many as fit."""
    with loading("the models' libraries"):
        preload("cv2")
        from deid_desktop.core.sandbox import reader

        with contextlib.suppress(OSError, DeidError):  # said when the first photo is read
            reader().prepare()  # while the models' libraries load
        preload()
        import cv2
        import torch

        from deid_desktop.core.pipeline import Pipeline

    if threads:
        torch.set_num_threads(threads)
        cv2.setNumThreads(threads)
    return Pipeline(device, threshold=threshold)


class _Hands(QObject):
    """Lives in the thread; the only object there."""

    reported = Signal(int, object)
    device_changed = Signal(str)

    def __init__(self, factory: Callable[[], Redactor]) -> None:
        super().__init__()
        self._device = ""
        self._factory = factory
        self._pipeline: Redactor | None = None
        self.stopped_token = 0

    @Slot(int, object)
    def work(self, token: int, job: Job) -> None:
        """Run one job and report its outcome."""
        outcome = self._outcome(token, job)
        if self._pipeline is not None and self._pipeline.device != self._device:
            self._device = self._pipeline.device
            self.device_changed.emit(self._device)
        self.reported.emit(token, outcome)

    def _outcome(self, token: int, job: Job) -> object:
        def should_stop() -> bool:
            return self.stopped_token >= token

        try:
            if should_stop():
                return Stopped()
            if self._pipeline is None:
                self._pipeline = self._factory()
            return job.run(self._pipeline, should_stop)
        except Cancelled:
            return Stopped()
        except DeidError as error:
            return Failure(str(error), expected=True)
        except Exception as error:
            if shortage(error):
                return Failure(_SHORT[shortage(error)], expected=True)
            name = type(error).__name__
            return Failure(
                f"This step failed inside the program ({name}); try again, or use a solid mask.",
                expected=False,
                trace=trace_of(error),
            )


_SHORT = {
    MEMORY: "There is not enough memory for this step; close other programs and try again.",
    CARD: "The graphics card stopped answering; try again, or start the program anew.",
}


class Worker(QObject):
    """The thread's handle in the window's thread."""

    reported = Signal(int, object)
    device_changed = Signal(str)  # cpu, cuda or mps; again when the memory of the card is full
    _posted = Signal(int, object)

    def __init__(
        self, factory: Callable[[], Redactor] = make_pipeline, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._thread = QThread(self)
        self._thread.setObjectName("pipeline")
        self._hands = _Hands(factory)
        self._hands.moveToThread(self._thread)
        self._posted.connect(self._hands.work, Qt.ConnectionType.QueuedConnection)
        self._hands.reported.connect(self.reported, Qt.ConnectionType.QueuedConnection)
        queued = Qt.ConnectionType.QueuedConnection
        self._hands.device_changed.connect(self.device_changed, queued)
        self._token = 0
        sys.setswitchinterval(SHARE)
        collect_here()
        self._thread.start()

    def post(self, job: Job) -> int:
        """Hand over a job and return its token; the caller posts one at a time."""
        self._token += 1
        self._posted.emit(self._token, job)
        return self._token

    def stop(self, token: int) -> None:
        """Make the job with this token leave early. A plain integer write: no lock is needed."""
        self._hands.stopped_token = token

    def close(self) -> None:
        """Stop the running job and end the thread; returns when it has ended."""
        self.stop(self._token)
        self._thread.quit()
        self._thread.wait()
