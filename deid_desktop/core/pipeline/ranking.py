"""How hard the search tries, and which candidate is better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deid_desktop.core.types import Array, FaceResult, Identity, State, Verdict
from deid_desktop.core.verify import TARGET, THRESHOLD


@dataclass(frozen=True)
class Round:
    """One round of the search: of ``drawn`` identities, those first of which most is hoped,
    sketches are looked at, a few together, until ``tried`` stand apart from all donors, or
    ``PATIENCE`` times as many were looked at; the best ``finalists`` are judged in full."""

    drawn: int
    tried: int
    finalists: int


ROUNDS = (Round(24, 5, 1), Round(48, 6, 1), Round(96, 8, 2), Round(200, 10, 5))
"""The later ones push harder, for the few that stay recognisable. Few are drawn, on purpose: the
larger the choice, the more a surrogate tells of who it is not (``docs/anonymity.md``)."""
PATIENCE = 1.6
"""Sketches looked at, for each that is wanted, before those too near to donors are taken, too."""
CLEAR = 0.25
"""Badness up to which nothing better is looked for."""
NARROW = 0.3
"""Badness from which a finalist that holds is still compared with those of the next rounds: below,
other recognisers find a subject hardly more often than anybody else, above it two to six times."""
COMPARED = 2
"""How many rounds more these may be, of faces without glasses; those whose sketches are narrow or
fail count."""
_GLIMPSE, _HOPELESS = 3, 0.34
"""Sketches after which a round is given up for the next, and the likeness above which all of them
are then. Of 71 such rounds (60 portraits) 2 would have come below ``NARROW``."""
ALOOF = 0.05
"""Margin to the likeness of a bystander that the search keeps."""
_UNLIKE_DONORS = 0.08
"""The same to the donors."""
APART = 0.043
"""How far below the threshold a sketch must be to all donors for its identity to be proposed. With
.033, of 210 and 217 such ones 98.6 % and all were below it in the preview, too, of all 320 drawn
86 % (40 portraits)."""

_EXPRESSION = 0.9
"""What a sketch whose expression has nothing of the photo's is held to be worse by: identities that
hide a person equally well differ by 0.03 in agreement."""
_MISTAKEN = 0.1
"""The same of one that passes for the other gender."""


def badness(verdict: Verdict) -> float:
    """Order candidates: likeness to the subject above the target, then to donor and bystander.

    Likeness to these counts only near its limit: there are many, and somebody is always alike.
    """
    if verdict.similarity_to_original is None or verdict.similarity_to_nearest_donor is None:
        return 2.0
    threshold = verdict.threshold or THRESHOLD
    beyond = max(0.0, verdict.similarity_to_nearest_donor - (threshold - _UNLIKE_DONORS))
    near, limit = verdict.similarity_to_nearest_bystander, verdict.bystander_threshold
    if near is not None and limit is not None:
        beyond = max(beyond, near - (limit - ALOOF))
    return max(target(threshold), verdict.similarity_to_original) + beyond


def target(threshold: float) -> float:
    """Return the likeness to the subject below which nothing is gained.

    A stricter threshold asks for more than the usual target.
    """
    return min(TARGET, 0.7 * threshold)


@dataclass(frozen=True, eq=False)
class Seen:
    """What a sketch of an identity shows on one face: the verdict, how far it has the photo's
    expression (0…1; 1 where it need not), how far it passes for the other gender (0…1), and its
    unit embedding (128,)."""

    verdict: Verdict
    agreement: float
    mistaken: float
    embedding: Array

    @property
    def badness(self) -> float:
        """How bad it is, its expression and gender counted; what is narrow counts twice."""
        astray = _EXPRESSION * (1 - self.agreement) + _MISTAKEN * self.mistaken
        plain = badness(self.verdict)
        return plain + max(0.0, plain - NARROW) + astray


@dataclass(frozen=True, eq=False)
class Draft:
    """An identity as its sketches show it, one for each face."""

    identity: Identity
    seen: tuple[Seen, ...]

    @property
    def badness(self) -> float:
        """How bad it is on its worst face."""
        return max(sketch.badness for sketch in self.seen)

    @property
    def likeness(self) -> float:
        """What its badness in full will be, give or take 0.03 (49 portraits, 172 finalists)."""
        return max(badness(sketch.verdict) for sketch in self.seen)

    @property
    def apart(self) -> bool:
        """Whether it stands apart from all donors on every face."""
        return all(stands_apart(sketch.verdict) for sketch in self.seen)


def hopeless(drafts: Sequence[Draft]) -> bool:
    """Tell whether a round that began with these will hardly come to what holds clearly."""
    return len(drafts) >= _GLIMPSE and min(one.likeness for one in drafts) > _HOPELESS


def stands_apart(verdict: Verdict) -> bool:
    """Tell whether a sketch is so unlike all donors that the finished face will be."""
    near = verdict.similarity_to_nearest_donor
    return near is not None and near < (verdict.threshold or THRESHOLD) - APART


@dataclass(frozen=True, eq=False)
class Finalist:
    """An identity after ``attempts`` candidates, with what it came to in full on each face."""

    identity: Identity
    attempts: int
    results: tuple[FaceResult, ...]

    @property
    def failed(self) -> int:
        """The number of faces that it does not hide."""
        return sum(result.verdict.state is not State.VERIFIED for result in self.results)

    @property
    def badness(self) -> float:
        """How bad it is on its worst face."""
        return max(badness(result.verdict) for result in self.results)
