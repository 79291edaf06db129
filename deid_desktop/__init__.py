"""Deid Desktop replaces faces in photos with synthetic surrogates."""

import os

__version__ = "0.1.0"

# Read when NumPy loads. Its matrices are small here: threads of its own win nothing, and wait for
# work in loops that take a third of the processor from the threads that have some.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
