"""Where the program starts: the terminal program for commands and options, else the window."""

import multiprocessing
import os
import sys

from deid_desktop.core.hardening import forbid_core_dumps


def main() -> int:
    """Run what the command line asks for and return the exit status."""
    multiprocessing.freeze_support()
    forbid_core_dumps()
    # Read when OpenCV loads; its warnings on the choice of backend are no concern of a person.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    arguments = sys.argv[1:]
    from deid_desktop import cli

    if arguments and (arguments[0] in cli.COMMANDS or arguments[0].startswith("-")):
        return cli.main(arguments)
    if sys.platform == "win32":
        import torch  # noqa: F401  # its libraries must load before those of Qt
    from pathlib import Path

    from deid_desktop.app import run

    return run([Path(argument) for argument in arguments])


if __name__ == "__main__":
    sys.exit(main())
