"""The values of a clip: what is known of it, and its frames. Plain and frozen, like core types.

Time is counted in ticks of ``Clip.tick`` seconds, as the file does; frames are told apart by their
tick, which stays the same whether a clip is read from its start or from the middle.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from deid_desktop.core.types import Deep, Pixels


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
