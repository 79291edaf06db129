"""Runs the program, or a script around it, as a person starts it."""

import subprocess
import sys


def ended(script, *arguments, environment=None):
    """Run a script in Python; return it as it ended, with what it wrote."""
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
