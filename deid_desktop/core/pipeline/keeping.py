"""Keeps what was read of faces, the latest used, so that a slider only pays for what it changes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any, TypeVar

import numpy as np

from deid_desktop.core.compose import Scene

_CACHED = 48
_lock = Lock()

_T = TypeVar("_T")


def weight(scene: Scene) -> int:
    """Return the bytes of a scene's own arrays."""
    arrays = [*vars(scene).values(), *vars(scene.light).values()]
    return sum(value.nbytes for value in arrays if isinstance(value, np.ndarray))


def remember(cache: OrderedDict[Any, _T], key: Any, make: Callable[[], _T]) -> _T:
    """Return what ``cache`` holds for ``key``; made if it is not there. Threads may share it."""
    with _lock:
        if key in cache:
            cache.move_to_end(key)
            return cache[key]
    made = make()
    with _lock:
        cache[key] = made
        if len(cache) > _CACHED:
            cache.popitem(last=False)
    return made
