"""Measurements of speed, quality and anonymity; never part of the tests."""

# Before NumPy, as the program does: it says how many threads NumPy may use.
import deid_desktop  # noqa: F401
