"""Where the frozen programs start; the same as ``python -m deid_desktop``."""

import multiprocessing
import sys

from deid_desktop.__main__ import main

if __name__ == "__main__":
    # Worker processes of a batch are started as copies of this program.
    multiprocessing.freeze_support()
    sys.exit(main())
