"""Redacts many files on the machines of a Dask cluster: the same batch, the same outcomes.

One task is one photo; only paths and outcomes travel, never pixels, so scheduler, workers and the
caller must see the same folders under the same names. A photo whose worker is lost is done again by
another one; one that costs more workers in a row than Dask allows (3) is blocked.

Needs the extra ``cluster``. How to set a cluster up, and what it costs: ``docs/scale.md``.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from deid_desktop import __version__
from deid_desktop.batch import Outcome, Settings, failure, redact_file
from deid_desktop.core.export import ExportError, folded, require_free
from deid_desktop.core.hardening import forbid_core_dumps
from deid_desktop.core.naming import Planned
from deid_desktop.core.sandbox import reader
from deid_desktop.core.types import DeidError

if TYPE_CHECKING:
    from deid_desktop.core.pipeline import Pipeline

AHEAD = 1000
"""So many photos are handed out at a time: a scheduler keeps about 10 kB for each."""
PATIENCE = 120.0
"""Seconds without any worker after which the cluster counts as lost."""
_STEP = 5.0
"""Seconds between two looks at whether there are workers."""


class ClusterError(DeidError):
    """The cluster cannot be used."""


def redact_on_cluster(
    address: str, plan: Sequence[Planned], settings: Settings
) -> Iterator[Outcome]:
    """Yield one outcome for each item of ``plan``, in order, from the workers at ``address``.

    Closing the iterator takes back what no worker has begun.

    Raises:
        ClusterError: the extra is not installed, nobody answers at ``address``, or no worker does.
    """
    with closing(_connect(address)) as client:
        waiting: deque[tuple[Planned, Any]] = deque()
        tasks = enumerate(_tasks(plan, settings))
        while True:
            for number, (item, own) in itertools.islice(tasks, AHEAD - len(waiting)):
                if isinstance(own, Outcome):
                    waiting.append((item, own))
                    continue
                # The key goes into logs and onto dashboards: a number, no name.
                key = f"redact-{os.getpid()}-{number}"
                future = client.submit(_redact_here, item, own, __version__, key=key, pure=False)
                waiting.append((item, future))
            if not waiting:
                return
            item, future = waiting.popleft()
            yield future if isinstance(future, Outcome) else _outcome(client, item, future)


def _connect(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        raise ClusterError("--dask needs the extra: pip install 'deid-desktop[cluster]'") from error
    try:
        client = Client(address, timeout=10, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise ClusterError(
            f"{address}: no Dask scheduler answers there; start one with dask scheduler"
        ) from error
    try:
        client.wait_for_workers(1, timeout=30)
    except TimeoutError as error:
        client.close()
        raise ClusterError(
            f"{address}: the scheduler has no worker; start some with dask worker {address}"
        ) from error
    return client


def _tasks(
    plan: Sequence[Planned], settings: Settings
) -> Iterator[tuple[Planned, Settings | Outcome]]:
    """Yield what a worker needs for each photo, or why none should try.

    Whether an output is in the way is decided here and once: a photo that is done again must not
    stumble over what its lost worker wrote. Of all originals a worker is told only those that its
    output could be, lest a million tasks carry a million names each.
    """
    folder = settings.folder.absolute()
    names = {folded(source): source for source in settings.sources}
    files = {_identity(source): source for source in settings.sources}
    files.pop(None, None)
    for item in plan:
        item = replace(item, source=item.source.absolute(), target=item.target.absolute())
        near = (item.source, names.get(folded(item.target)), files.get(_identity(item.target)))
        sources = tuple(source.absolute() for source in near if source)
        try:
            if not item.reason and os.path.lexists(item.target):
                require_free(item.target, sources=sources, overwrite=settings.overwrite)
        except ExportError as error:
            yield item, failure(item.source.name, str(error))
        else:
            yield item, replace(settings, folder=folder, sources=sources, overwrite=True)


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what two names of one file have in common, ``None`` where there is no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _outcome(client: Any, item: Planned, future: Any) -> Outcome:
    """Wait for one photo. Nothing is raised: whatever happens to it is an outcome."""
    from distributed import CancelledError, KilledWorker

    name = item.source.name
    last_seen = time.monotonic()
    while True:
        try:
            return future.result(timeout=_STEP)
        except KilledWorker:
            return failure(
                name, "every worker that took it died; give workers more memory", "blocked"
            )
        except (CancelledError, OSError) as error:  # TimeoutError is an OSError too
            if isinstance(error, TimeoutError) and _workers(client):
                last_seen = time.monotonic()
            elif time.monotonic() - last_seen > PATIENCE or not isinstance(error, TimeoutError):
                return failure(name, "the cluster was lost; look after it and run this again")
        except Exception as error:  # of the worker: another version, a package that is missing
            return failure(name, f"its worker could not begin ({type(error).__name__}: {error})")


def _workers(client: Any) -> int:
    return len(client.scheduler_info(n_workers=-1)["workers"])


_alone = Lock()
"""Held while a photo is worked on: the pipeline is for one thread."""


def _redact_here(item: Planned, settings: Settings, version: str) -> Outcome:
    """Take one photo through the flow; runs in a worker."""
    if version != __version__:
        raise ClusterError(f"it has Deid Desktop {__version__}, not {version}")
    with _alone:
        return redact_file(_pipeline(settings.device, settings.limits), item, settings)


@cache
def _pipeline(device: str, limits: Any) -> Pipeline:
    forbid_core_dumps()
    # Dask calls its workers daemons, and Python lets those have no children; photos are read in
    # one. It ends with its worker all the same, when its pipe closes.
    multiprocessing.process.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
    reader(limits).prepare()
    import cv2
    import torch

    from deid_desktop.core.pipeline import Pipeline

    # One worker a core is the rule; who starts fewer says so with OMP_NUM_THREADS.
    threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    return Pipeline(device)
