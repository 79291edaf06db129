"""Several faces of a photo at once."""

import threading

import pytest

from deid_desktop.core.pipeline.crew import shared_out


@pytest.mark.parametrize("workers", [1, 3])
def test_answers_keep_the_order_and_no_worker_does_two_things_at_once(workers):
    locks = [threading.Lock() for _ in range(workers)]

    def work(lock, item):
        assert lock.acquire(blocking=False)
        threading.Event().wait(0.002 * (item % 3))
        lock.release()
        return item * item

    assert list(shared_out(locks, range(20), work)) == [n * n for n in range(20)]


@pytest.mark.parametrize("workers", [1, 2])
def test_nothing_begins_after_an_error(workers):
    begun = []

    def work(_, item):
        begun.append(item)
        if item == 1:
            raise ValueError(item)
        threading.Event().wait(0.01)

    with pytest.raises(ValueError):
        list(shared_out(list(range(workers)), range(50), work))
    assert len(begun) < 10
