"""The values of a clip: what is known of it, and its frames. Plain and frozen, like core types.

Time is counted in ticks of ``Clip.tick`` seconds, as the file does; frames are told apart by their
tick, which stays the same whether a clip is read from its start or from the middle.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from deid_desktop.core.types import Deep, Pixels

MEGAPIXELS = 40.0
"""Largest frame that is read, above the 33 megapixels of 8K."""


@dataclass(frozen=True)
class Colours:
    """How YUV means colours, as the numbers of ITU-T H.273; 2 is "not said".

    ``full`` is true where luma reaches from 0 to 255 instead of 16 to 235.
    """

    matrix: int = 2
    primaries: int = 2
    transfer: int = 2
    full: bool = False


@dataclass(frozen=True)
class Clip:
    """What a file says of its picture. ``width``, ``height``: pixels of the upright picture.

    ``rate``: frames a second, on average. ``seconds``: length as the file declares it, 0 where it
    does not. ``aspect``: width of a pixel over its height. ``deep``: more than 8 bits. ``turn``:
    (2, 2) entries of the file's display matrix, row by row, by which `upright` turns.
    ``start``: tick at which the file begins, where its sound may begin as well.
    """

    name: str
    width: int
    height: int
    tick: Fraction
    rate: Fraction
    seconds: float
    start: int
    colours: Colours
    aspect: Fraction = Fraction(1)
    deep: bool = False
    turn: tuple[int, int, int, int] = (1, 0, 0, 1)
    sound: bool = False

    def written(self) -> dict[str, Any]:
        """Return the clip, without its name, as JSON knows it."""
        said = {
            name: [value.numerator, value.denominator] if isinstance(value, Fraction) else value
            for name, value in vars(self).items()
        }
        del said["name"]
        return said | {"colours": vars(self.colours)}

    @staticmethod
    def read(said: dict[str, Any], name: str) -> Clip:
        """Return what `written` gave, of the clip with this name.

        Raises:
            ValueError: no clip is like that.
            LookupError, TypeError: the same.
        """
        known = {key: said[key] for key in Clip.__dataclass_fields__ if key != "name"}
        for key in ("tick", "rate", "aspect"):
            over, under = (int(number) for number in known[key])
            known[key] = Fraction(over, max(1, under))
        own = known["colours"]
        levels = {key: int(own[key]) & 255 for key in ("matrix", "primaries", "transfer")}
        known["colours"] = Colours(**levels, full=bool(own["full"]))
        known["turn"] = tuple(int(number) for number in known["turn"])
        clip = Clip(name=name, **known)
        size = int(clip.width) * int(clip.height)
        possible = min(clip.width, clip.height) > 0 and size <= MEGAPIXELS * 1e6
        possible &= clip.tick > 0 and clip.rate > 0 and clip.aspect > 0
        if not possible or not 0 <= float(clip.seconds) < 1e9 or abs(int(clip.start)) > 1 << 62:
            raise ValueError("no possible clip")
        return clip


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a clip, upright, RGB in the clip's own matrix and transfer.

    ``at``: its tick. ``length``: ticks until the next, 0 where the file does not say. ``deep``:
    the same at 16 bits where the clip has more than 8. ``broken``: the file is damaged here, and
    the pixels are a grey that stands for what could not be read.
    """

    at: int
    length: int
    pixels: Pixels
    deep: Deep | None = None
    broken: bool = False
