"""The arguments of ``redact`` and ``inspect``: what the terminal program can be asked for."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from deid_desktop.clips import SOUNDS
from deid_desktop.core.sandbox import Limits
from deid_desktop.core.types import ANCESTRIES, EXPRESSIONS, Method, Request

_REDACT = """\
A photo is written only when every face found in it has a verified surrogate or a mask.
Originals are never changed."""
_REDACT_NOTES = """\
outputs:
  photo.jpg becomes DIR/photo.jpg; photos of a folder keep the structure below it.
  GIF, BMP, HEIC and RAW photos, which are not written as such, become PNG.
  PNG and TIFF keep 16 bits a channel. Colours become sRGB, unless --colours keep is given.
  PNG, WebP, TIFF and AVIF keep transparent parts in which no face is; else they become white.
  A clip (mp4, mov, mkv, webm, avi …; give the file itself) becomes DIR/clip.mp4, AV1 and Opus;
  a run that was stopped goes on where it was when it is started again.
  Of two inputs with the same output the second is refused; so is an output that exists,
  unless --overwrite is given. An output is never written over an input.

exit status:
  0 all photos exported, 1 some blocked or failed (each named with its reason), 2 usage"""


def add_redaction(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``redact``."""
    parser.description, parser.epilog = _REDACT, _REDACT_NOTES
    _add_files(parser)
    _add_faces(parser)


def _add_files(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("inputs", nargs="+", type=Path, metavar="INPUT", help="photos, clips and folders of photos")
    add("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    add("--audio", choices=SOUNDS, help="sound of clips (default: asked, else dropped)")
    add("--overwrite", action="store_true", help="replace outputs and a report that exist")
    add("--report", type=Path, metavar="FILE.json", help="write down what became of every face")
    add("--require-faces", action="store_true", help="block photos in which no face is found")
    add(
        "--on-failure",
        choices=("block", "solid"),
        default="block",
        help="a surrogate that fails its verification blocks the photo, or is masked instead",
    )
    add(
        "--page",
        type=_number(int, 1, 10_000),
        default=1,
        metavar="N",
        help="which picture of files with several, such as TIFF (default: the first)",
    )
    add("--credit", default="", metavar="TEXT", help="write this credit line into every photo")
    add("--caption", default="", metavar="TEXT", help="write this caption into every photo")
    add(
        "--colours",
        choices=("srgb", "keep"),
        default="srgb",
        help="keep Display P3, Adobe RGB and ProPhoto RGB instead of converting to sRGB",
    )
    add(
        "--transparency",
        choices=("keep", "white"),
        default="keep",
        help="keep transparent parts where the format has them, or make them white",
    )
    add("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")
    add("--jobs", type=_number(int, 1, 64), default=1, metavar="N", help="photos at a time")
    add("--dask", metavar="ADDRESS", help="work on a Dask cluster (tcp://host:8786), not here")
    _add_limits(parser)


def add_inspection(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``inspect``."""
    parser.description = (
        "Says what a photo reveals: camera, times, people, comments, an embedded "
        "thumbnail, content credentials, bytes after the end, and how many faces are found."
    )
    parser.epilog = (
        "exit status: 0 all files read, 1 some not (each named with its reason), 2 usage"
    )
    add = parser.add_argument
    add("inputs", nargs="+", type=Path, metavar="FILE", help="photos and folders of photos")
    add("--location", action="store_true", help="show where it was taken as well")
    add("--json", action="store_true", help="as JSON, one list of all files")
    add("--no-faces", action="store_true", help="do not look for faces")
    _add_limits(parser)


def _add_limits(parser: argparse.ArgumentParser) -> None:
    for name, unit, most in (
        ("seconds", "time", 86_400),
        ("megabytes", "memory", 1_000_000),
        ("megapixels", "size", 10_000),
    ):
        parser.add_argument(
            f"--max-{name}",
            type=_number(float, 0.001, most),
            metavar="N",
            help=f"{unit} that reading one photo may take "
            f"(default {getattr(Limits, name):g}, or DEID_MAX_{name.upper()})",
        )


def _add_faces(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    methods = [str(method) for method in Method if method is not Method.KEEP]
    add("--method", choices=methods, default=str(Method.SURROGATE))
    add(
        "--k",
        type=_number(int, 2, 50),
        default=Request.k,
        help="donors mixed into one surrogate, at least 2 (default %(default)s)",
    )
    add(
        "--seed",
        type=_number(int, 0, 2**53 - 1),
        metavar="N",
        help="the same seed gives the same surrogates (default: a secret one, told in the report)",
    )
    add(
        "--people",
        choices=("same", "each"),
        default="same",
        help="a person gets the same surrogate in all photos, or one of their own in each "
        "(default %(default)s)",
    )
    add(
        "--gender",
        type=_number(float, -1, 1),
        metavar="-1..1",
        help="from -1, female, to 1, male (default: as the person)",
    )
    add(
        "--age",
        type=_number(float, 18, 80),
        metavar="YEARS",
        help="18 to 80 (default: as the person)",
    )
    add("--expression", choices=EXPRESSIONS, default="keep")
    add("--ancestry", choices=ANCESTRIES, default="match")
    add(
        "--k-same",
        type=_number(int, 2, 1000),
        metavar="K",
        help="for a closed set of people: at least K of them share each surrogate; the report "
        "certifies it",
    )


def _number(kind: type[int] | type[float], low: float, high: float) -> Callable[[str], int | float]:
    """Return a parser of numbers from ``low`` to ``high``."""

    def parse(text: str) -> int | float:
        try:
            value = kind(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{text!r} is no number of this kind") from error
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text} is not between {low} and {high}")
        return value

    return parse
