"""Searches a surrogate: draws identities, looks at sketches, judges the best in full, tries harder.

The search is what anonymity rests on: the first surrogate that is drawn often still resembles
the subject, the best of several hardly ever does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest

from deid_desktop.core.pipeline.forecast import effects, most_hoped_of
from deid_desktop.core.pipeline.ranking import (
    CLEAR,
    COMPARED,
    NARROW,
    PATIENCE,
    ROUNDS,
    Draft,
    Finalist,
    badness,
    hopeless,
)
from deid_desktop.core.pipeline.steering import asks
from deid_desktop.core.pipeline.studio import Studio
from deid_desktop.core.types import (
    FaceResult,
    Identity,
    Request,
    ShouldStop,
    Sitting,
    State,
)

_BATCH = 3
"""Candidates that are looked at before the next are chosen by what they show; at first, one."""


class Search:
    """Finds identities for faces; ``studio`` makes and judges what they come to."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def find(
        self, sitting: Sitting, request: Request, *, preview: bool, should_stop: ShouldStop
    ) -> FaceResult:
        """Find a surrogate for one face; a preview shows the best of the first sketches.

        Where all fail, the verdict is that of the one which came nearest.
        """
        if preview:
            identity = self._rank([sitting], request, 0, should_stop, [])[0].identity
            return self._studio.render(
                sitting, request, identity, preview=True, should_stop=should_stop
            )
        failed = list[FaceResult]()
        for tried in self.finalists([sitting], request, should_stop):
            result = tried.results[0]
            if result.verdict.state is State.VERIFIED and asks(request.attributes):
                result = self._studio.render(
                    sitting, request, tried.identity, preview=False, should_stop=should_stop
                )
            if result.verdict.state is State.VERIFIED:
                return replace(result, attempts=tried.attempts)
            failed.append(replace(result, layer=None))
        nearest = min(failed, key=lambda result: badness(result.verdict))
        return replace(nearest, attempts=tried.attempts)

    def draw(self, sitting: Sitting, request: Request, should_stop: ShouldStop) -> Identity:
        """Return the first identity of the seed that stands apart from all donors.

        The least like anybody, if none of those that are looked at does.
        """
        drafts = list[Draft]()
        for batch in self._drafts([sitting], request, 0, should_stop, [], blind=True):
            for draft in batch:
                if draft.apart:
                    return draft.identity
            drafts += batch
        return min(drafts, key=lambda one: one.badness).identity

    def cast(
        self, sittings: Sequence[Sitting], request: Request, *, should_stop: ShouldStop
    ) -> Identity | None:
        """Find one identity for several faces: it holds for all, or else for as many as it can."""
        best, fewest = None, len(sittings)
        for tried in self.finalists(sittings, request, should_stop):
            if tried.failed >= fewest:  # no better than what was found before
                continue
            failed = tried.failed
            if asks(request.attributes):
                failed = self._failing(sittings, request, tried.identity, fewest, should_stop)
            if failed < fewest:
                best, fewest = tried.identity, failed
            if fewest == 0:
                break
        return best

    def _failing(
        self, sittings: Sequence[Sitting], request: Request, identity: Identity, most: int,
        should_stop: ShouldStop,
    ) -> int:  # fmt: skip
        """Return for how many faces an identity fails; no more than ``most`` are counted."""
        failed = 0
        for sitting in sittings:
            result = self._studio.render(
                sitting, request, identity, preview=False, should_stop=should_stop
            )
            failed += result.verdict.state is not State.VERIFIED
            if failed == most:
                break
        return failed

    def finalists(
        self, sittings: Sequence[Sitting], request: Request, should_stop: ShouldStop
    ) -> Iterator[Finalist]:
        """Try identities in sketches, the best of them in full, and push harder.

        What holds clearly ends a round. What holds narrowly is compared with those of the next
        ones, which push harder: to recognisers that take no part as well, the best of several is
        less like the subject than the first that passes. A sketch is enough to tell that they are
        needed. Whoever wears glasses is compared with all rounds: the last one has others.
        """
        worn = any(self._studio.bespectacled(one.photo, one.face) for one in sittings)
        compare = len(ROUNDS) if worn else COMPARED
        attempts, waiting, compared = 0, list[Finalist](), 0
        promising, looked = list[Draft](), list[Draft]()
        for push, search_round in enumerate(ROUNDS):
            more = compared < compare and push + 1 < len(ROUNDS)
            ranked = self._rank(sittings, request, push, should_stop, looked, thorough=not more)
            attempts += len(ranked)
            promising += ranked[: search_round.finalists]
            if more and min(one.likeness for one in promising) > NARROW:
                compared += 1
                continue
            promising.sort(key=_by_merit)
            for draft, rival in zip_longest(promising, promising[1:]):
                tried = self._audition(sittings, request, draft.identity, attempts, should_stop)
                waiting.append(tried)
                hoped = rival.likeness if rival else 0.0
                if tried.failed == 0 and tried.badness <= max(CLEAR, hoped):
                    break
            promising = []
            waiting.sort(key=lambda finalist: (finalist.failed, finalist.badness))
            narrow = waiting[0].failed == 0 and waiting[0].badness > NARROW
            if narrow and more:
                compared += 1
                continue
            yield from waiting
            waiting = []

    def sketched(
        self, sittings: Sequence[Sitting], request: Request, should_stop: ShouldStop
    ) -> Iterator[Identity]:
        """Yield the best of each round by their sketches alone, for who judges them otherwise.

        One more of each than are judged in full here: what is asked for otherwise is more.
        """
        looked = list[Draft]()
        for push, search_round in enumerate(ROUNDS):
            ranked = self._rank(sittings, request, push, should_stop, looked)
            for draft in ranked[: search_round.finalists + 1]:
                yield draft.identity

    def _audition(
        self, sittings: Sequence[Sitting], request: Request, identity: Identity, attempts: int,
        should_stop: ShouldStop,
    ) -> Finalist:  # fmt: skip
        """Judge an identity in full, with sliders as they are on average: steering costs more."""
        results = [
            self._studio.render(
                sitting, request, identity, preview=False, should_stop=should_stop, steered=False
            )
            for sitting in sittings
        ]
        if len(results) > 1:  # layers are large, and only those of a single face are shown
            results = [replace(result, layer=None) for result in results]
        return Finalist(identity, attempts, tuple(results))

    def _rank(
        self, sittings: Sequence[Sitting], request: Request, push: int, should_stop: ShouldStop,
        looked: list[Draft], *, thorough: bool = True,
    ) -> list[Draft]:  # fmt: skip
        """Return what a round tries, the least like anybody who is there first.

        What looks like a donor is not proposed: it comes last, for want of others. ``looked``, what
        was looked at on these faces, tells what to hope for, and grows. Where there is another
        round, and this need not be ``thorough``, it ends once nothing is to be hoped of it.
        """
        drafts = list[Draft]()
        for batch in self._drafts(sittings, request, push, should_stop, looked):
            drafts += batch
            if sum(one.apart for one in drafts) >= ROUNDS[push].tried:
                break
            if not thorough and hopeless(drafts):
                break
        return sorted(drafts, key=_by_merit)

    def _drafts(
        self, sittings: Sequence[Sitting], request: Request, push: int, should_stop: ShouldStop,
        looked: list[Draft], *, blind: bool = False,
    ) -> Iterator[list[Draft]]:  # fmt: skip
        """Yield some identities of a round with what their sketches show; add them to ``looked``.

        ``blind``: the subject has no say in which are looked at.
        """
        studio = self._studio
        before = sum(earlier.drawn for earlier in ROUNDS[:push])
        attempts = range(before, before + ROUNDS[push].drawn)
        waiting = studio.drawn(sittings, request, attempts, push=push)
        left = min(len(waiting), round(PATIENCE * ROUNDS[push].tried))
        while left:
            if looked:
                waiting = most_hoped_of(
                    waiting, looked, shifts=effects(), donors=studio.donor_embeddings,
                    originals=None if blind else [studio.originals(s) for s in sittings],
                    company=[s.company for s in sittings], threshold=studio.threshold,
                )  # fmt: skip
            some = waiting[: min(left, _BATCH if looked else 1)]
            waiting, left = waiting[len(some) :], left - len(some)
            sketched = [studio.sketched(s, request, some, should_stop) for s in sittings]
            drafts = [
                Draft(identity, tuple(seen))
                for identity, *seen in zip(some, *sketched, strict=True)
            ]
            looked += drafts
            yield drafts


def _by_merit(draft: Draft) -> tuple[bool, float]:
    """Order drafts, those that are proposed for want of others last."""
    return not draft.apart, draft.badness
