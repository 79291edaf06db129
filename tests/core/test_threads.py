"""Torch and OpenCV use as few threads as anybody wants at the time."""

import cv2
import pytest
import torch

from deid_desktop.core.pipeline.threads import at_most


@pytest.fixture
def three_threads():
    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(3)
    cv2.setNumThreads(3)
    yield
    torch.set_num_threads(before[0])
    cv2.setNumThreads(before[1])


def numbers():
    return torch.get_num_threads(), cv2.getNumThreads()


@pytest.mark.usefixtures("three_threads")
def test_threads_come_back_when_nobody_wants_fewer_any_more():
    first, second = at_most(2), at_most(1)
    first.__enter__()
    assert numbers() == (2, 2)
    second.__enter__()
    assert numbers() == (1, 1)
    first.__exit__(None, None, None)
    assert numbers() == (1, 1)
    second.__exit__(None, None, None)
    assert numbers() == (3, 3)


@pytest.mark.usefixtures("three_threads")
def test_the_least_that_anybody_wants_holds():
    with at_most(1), at_most(8):
        assert numbers() == (1, 1)
    with at_most(8):
        assert numbers() == (3, 3)


@pytest.mark.usefixtures("three_threads")
def test_threads_come_back_after_a_fault():
    with pytest.raises(ZeroDivisionError), at_most(1):
        _ = 1 // 0
    assert numbers() == (3, 3)
