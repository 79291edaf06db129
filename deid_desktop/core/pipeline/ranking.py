"""How hard the search tries, and which candidate is better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deid_desktop.core.types import Array, FaceResult, Identity, State, Verdict
from deid_desktop.core.verify import TARGET, THRESHOLD


@dataclass(frozen=True)
class Round:
    """One round of the search: of ``drawn`` identities, the farthest from the subject first,
    sketches are looked at until ``tried`` stand apart from all donors, or twice as many were looked
    at; the best ``finalists`` are judged in full, and the best of these is taken."""

    drawn: int
    tried: int
    finalists: int


ROUNDS = (Round(18, 6, 2), Round(64, 8, 3), Round(200, 16, 5), Round(400, 16, 6))
"""The first round tries identities as they are drawn, so that most surrogates do not depend on the
subject; the later ones are for the few that stay recognisable."""
PATIENCE = 2
"""Sketches looked at, for each that is wanted, before those too near to donors are taken, too."""
CLEAR = 0.25
"""Badness up to which nothing better is looked for."""
NARROW = 0.3
"""Badness from which a finalist that holds is still compared with those of the next rounds: below,
other recognisers find a subject hardly more often than anybody else, above it two to six times."""
COMPARED = 2
"""How many rounds more these may be."""
_ALOOF = 0.05
"""Margin to the likeness of a bystander that the search keeps."""
_UNLIKE_DONORS = 0.08
"""The same to the donors."""
_APART = 0.043
"""How far below the threshold a sketch must be to all donors for its identity to be proposed. With
.033, of 210 and 217 such ones 98.6 % and all were below it in the preview, too, of all 320 drawn
86 % (40 portraits)."""
_OWN = 0.3
"""How far the likeness of the donors who are mixed to a donor goes over to the surrogate. Ordered
with that by what six sketches show, of the next twelve 62 % stand apart instead of 49 % (11
portraits)."""

_EXPRESSION = 0.6
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
    # A stricter threshold asks for more than the usual target.
    target = min(TARGET, 0.7 * threshold)
    beyond = max(0.0, verdict.similarity_to_nearest_donor - (threshold - _UNLIKE_DONORS))
    near, limit = verdict.similarity_to_nearest_bystander, verdict.bystander_threshold
    if near is not None and limit is not None:
        beyond = max(beyond, near - (limit - _ALOOF))
    return max(target, verdict.similarity_to_original) + beyond


@dataclass(frozen=True, eq=False)
class Seen:
    """What a sketch of an identity shows on one face: the verdict, how far it has the photo's
    expression (0…1; 1 where it need not), how far it passes for the other gender (0…1), and its
    similarities to the donors (n,)."""

    verdict: Verdict
    agreement: float
    mistaken: float
    donors: Array

    @property
    def badness(self) -> float:
        """How bad it is, its expression and gender counted."""
        astray = _EXPRESSION * (1 - self.agreement) + _MISTAKEN * self.mistaken
        return badness(self.verdict) + astray


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
    def apart(self) -> bool:
        """Whether it stands apart from all donors on every face."""
        return all(stands_apart(sketch.verdict) for sketch in self.seen)


def stands_apart(verdict: Verdict) -> bool:
    """Tell whether a sketch is so unlike all donors that the finished face will be."""
    near = verdict.similarity_to_nearest_donor
    return near is not None and near < (verdict.threshold or THRESHOLD) - _APART


def likely_apart(
    waiting: Sequence[Identity], drafts: Sequence[Draft], donors: Array
) -> list[Identity]:
    """Order identities by how unlike all donors they will probably be.

    Which donors a surrogate resembles hangs on the photo more than on whose faces were mixed: hair,
    light and outline stay. So the sketches of a few tell for the next.

    Args:
        waiting: to order.
        drafts: of other identities, on the same faces.
        donors: embeddings (n, d).
    """
    alike = donors @ donors.T

    def mixed(identity: Identity) -> Array:
        own = np.array(identity.weights, np.float32) @ alike[list(identity.donors)]
        return np.asarray(_OWN * own, np.float32)

    shared = np.mean(
        [sketch.donors - mixed(draft.identity) for draft in drafts for sketch in draft.seen], axis=0
    )
    return sorted(waiting, key=lambda identity: float((shared + mixed(identity)).max()))


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
