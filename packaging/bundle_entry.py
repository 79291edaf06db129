"""Where the frozen programs start; the same as ``python -m deid_desktop``."""

import sys

from deid_desktop.__main__ import main

sys.exit(main())
