"""Fixtures of these tests."""

from guards import *  # noqa: F403
