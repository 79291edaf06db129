"""Cyclic garbage beside a worker: collected in the window's thread, and only there."""

import gc
import threading
import weakref

from doubles import FakePipeline
from guards import make_session

from deid_desktop.session import garbage


class _Knot:
    """Something only the cyclic collector can free."""

    def __init__(self) -> None:
        self.me = self


def _tie(where: list[str]) -> None:
    knot = _Knot()
    weakref.finalize(knot, lambda: where.append(threading.current_thread().name))


def _allocate_in_a_thread(count: int) -> None:
    def allocate():
        kept = [[] for _ in range(count)]
        assert len(kept) == count

    thread = threading.Thread(target=allocate, name="pipeline")
    thread.start()
    thread.join()


def test_the_workers_thread_collects_nothing(qapp, qtbot):
    where: list[str] = []
    with make_session(FakePipeline()):
        _tie(where)
        _allocate_in_a_thread(200_000)
        assert where == []
        gc.collect(0)  # nothing has aged since, so the youngest generation holds the knot
        assert where == [threading.main_thread().name]


def test_the_timer_collects(qapp, qtbot):
    where: list[str] = []
    with make_session(FakePipeline()):
        _tie(where)
        kept = [[] for _ in range(gc.get_threshold()[0] + 1)]
        qtbot.waitUntil(lambda: bool(where), timeout=10 * garbage.PAUSE)
        assert kept
    assert where == [threading.main_thread().name]


def test_every_generation_gets_its_turn(qapp):
    with make_session(FakePipeline()):
        where: list[str] = []
        knot = _Knot()
        weakref.finalize(knot, lambda: where.append("collected"))
        gc.collect(1)  # now it belongs to the oldest generation
        del knot
        kept = []
        for _ in range(200):
            kept.append([[] for _ in range(gc.get_threshold()[0] + 1)])
            garbage.sweep()
        assert where == ["collected"]


def test_what_a_library_brings_is_never_looked_at(qapp):
    with make_session(FakePipeline()):
        before = gc.get_freeze_count()
        with garbage.loading("a library"):
            library = [[] for _ in range(50_000)]
            count = gc.get_count()[0]
            garbage.sweep()  # not meanwhile either
            assert gc.get_count()[0] >= count
        assert gc.get_freeze_count() >= before + len(library)
        gc.unfreeze()
