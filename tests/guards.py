"""Fixtures shared by the tests of session and window."""

from __future__ import annotations

import contextlib
import gc
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from doubles import FakePipeline
from PySide6.QtCore import QEvent, QThread, QTimer
from shiboken6 import isValid

from deid_desktop.session.document import Document
from deid_desktop.session.render import Renderer

__all__ = [
    "document",
    "nothing_outlives",
    "photo_file",
    "pipeline",
    "renderer",
    "settle",
]


def _alive():
    gc.unfreeze()  # a real pipeline puts what there is out of sight
    threads, timers = [], []
    for thing in gc.get_objects():
        kind = type(thing)
        if issubclass(kind, QThread | QTimer) and isValid(thing):
            if issubclass(kind, QThread) and thing.isRunning():
                threads.append(thing)
            elif issubclass(kind, QTimer) and thing.isActive() and thing.objectName() != "garbage":
                timers.append(thing)
    return threads, timers


@pytest.fixture(autouse=True)
def nothing_outlives(qapp):
    """Fail a test that leaves a thread or a timer running."""
    before = set(threading.enumerate())
    yield
    qapp.processEvents()
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    threads, timers = _alive()
    assert not threads, "a thread outlived the test"
    assert not timers, "a timer outlived the test"
    # A dummy stands for a QThread, and those were looked at already.
    dummy = threading._DummyThread
    left = {t for t in threading.enumerate() if not isinstance(t, dummy)} - before
    assert not left, f"{left} outlived the test"


@pytest.fixture
def photo_file(tmp_path: Path):
    """Return a function that writes a small photo and returns its path."""

    def write(name="a.png", size=(160, 100), level=120):
        pixels = np.full((size[1], size[0], 3), level, np.uint8)
        pixels[::2] += 20
        path = tmp_path / name
        cv2.imwrite(str(path), pixels)
        return path

    return write


@pytest.fixture
def pipeline():
    return FakePipeline()


@pytest.fixture
def document(qapp):
    return Document()


@pytest.fixture
def renderer(document, pipeline):
    renderer = Renderer(document, lambda: pipeline)
    yield renderer
    renderer.close()


@contextlib.contextmanager
def make_session(pipeline):
    """Give a second document with its renderer, as another window has them."""
    document = Document()
    renderer = Renderer(document, lambda: pipeline)
    try:
        yield document, renderer
    finally:
        renderer.close()


@pytest.fixture
def settle(qtbot, renderer):
    """Return a function that waits until there is nothing left to do."""

    def wait():
        qtbot.waitUntil(lambda: not renderer.busy, timeout=20_000)

    return wait
