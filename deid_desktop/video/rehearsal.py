"""Tries surrogates on in several frames of a person, drawn as for video, before one is taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

import cv2
import numpy as np

from deid_desktop.core.analyse import Landmarker
from deid_desktop.core.compose import Scene, SurrogateLayer
from deid_desktop.core.pipeline import Pipeline
from deid_desktop.core.pipeline.costume import Costume
from deid_desktop.core.pipeline.crew import shared_out
from deid_desktop.core.pipeline.threads import shared_by
from deid_desktop.core.recognise import Recogniser
from deid_desktop.core.types import (
    Array,
    Cancelled,
    Face,
    Identity,
    Pixels,
    Request,
    ShouldStop,
    Sitting,
    State,
)
from deid_desktop.core.verify import THRESHOLD, judge

_FINALISTS = 4
"""Identities that are tried on, as long as none holds in all frames with the margin …"""
_MORE = 7
"""… and as long as none holds in all frames at all."""
_FEW = 0.1
"""Share of the frames in which an identity may miss the margin, pushed as hard as it can be."""
REHEARSED = 10
"""Frames of a person that the surrogate is tried on before it is taken."""
PUSHES = 4
"""How hard an identity can be pushed, see ``Identity.push``."""
WORK = (160.0, 420.0)
"""Smallest and largest size in pixels at which a face of a clip is composed."""
THREADS = 2
"""That work on frames at once, here and when all are drawn; more would wait for the longest."""
_MARGIN = 0.05
"""What a similarity should stay below the threshold by, since frames differ."""


def rehearse(
    sittings: Sequence[Sitting], request: Request, originals: Array, others: Array,
    pipeline: Pipeline, should_stop: ShouldStop,
) -> tuple[Identity, Costume] | None:  # fmt: skip
    """Return the identity that fails in the fewest frames looked at, and how it is drawn.

    Among those that fail as seldom, the one that misses the margin least often. The search looks
    at the best frame alone; here all are looked at. Each is pushed until it holds in all: small and
    turned faces hold less well, and a surrogate that only holds in most frames would flicker
    between face and mask.

    Args:
        sittings: of one person, the most telling first; a surrogate must be possible for each.
        request: what it should look like.
        originals: embeddings (n, 128) of the person.
        others: embeddings (m, 128) of everybody else in the clip.
        pipeline: that searches.
        should_stop: asked between steps.

    Raises:
        Cancelled: ``should_stop`` answered yes.
    """
    shown, taken = sittings[:REHEARSED], None
    best = (len(shown), 0)  # what fails in all is no surrogate
    few = (0, int(_FEW * len(shown)))
    audience = _Audience(shown, originals, others)
    finalists = pipeline.finalists(sittings[:1], request, should_stop=should_stop)
    for number, identity in enumerate(islice(finalists, _MORE)):
        if number >= _FINALISTS and not best[0]:
            break
        for push in range(identity.push, PUSHES):
            if should_stop():
                raise Cancelled
            tried = replace(identity, push=push)
            costume = pipeline.costume(sittings[0], request, tried)
            # What can be pushed harder need not be known better than that it must be.
            most = best if push + 1 == PUSHES else min(best, few)
            failed = audience.failures(costume.scaled(256), most)
            if failed < best and failed <= most:
                taken, best = (tried, costume), failed
            if failed == (0, 0):
                return taken
        if best <= few:
            break
    return taken


def worn(recogniser: Recogniser, layer: SurrogateLayer, pixels: Pixels, face: Face) -> Array:
    """Return the embedding (128,) of a face that wears a surrogate in a frame."""
    points = face.points - np.array([layer.left, layer.top], np.float32)
    return recogniser.embed_face(layer.changed(pixels), points)


@dataclass(frozen=True, eq=False)
class _Critic:
    """What one thread looks at frames with."""

    landmarker: Landmarker
    recogniser: Recogniser

    def read(self, sitting: Sitting, costume: Costume) -> Scene:
        """Read the scene of a frame, which is the same whatever the person wears."""
        pixels = sitting.photo.pixels
        return costume.scene(
            pixels, self.landmarker.settled(pixels, sitting.face.points), work=WORK
        )

    def embed(self, sitting: Sitting, scene: Scene, costume: Costume) -> Array:
        """Return the embedding (128,) of a costume in a frame."""
        return worn(self.recogniser, costume.layer(scene), sitting.photo.pixels, sitting.face)


class _Audience:
    """Looks at costumes in the same frames, in as many threads as draw a clip."""

    def __init__(self, shown: Sequence[Sitting], originals: Array, others: Array) -> None:
        self._shown, self._originals, self._others = shown, originals, others
        self._scenes = list[Scene]()
        count = min(THREADS, cv2.getNumThreads())
        self._critics = [_Critic(Landmarker(), Recogniser()) for _ in range(count)]

    def failures(self, costume: Costume, most: tuple[int, int]) -> tuple[int, int]:
        """Return in how many frames a costume, drawn as for video, does not hide the person.

        First without the margin, then with it; no more are counted once there are more than
        ``most``.
        """
        failed = near = 0
        with shared_by(THREADS):
            self._scenes = self._scenes or list(
                shared_out(self._critics, self._shown, lambda critic, s: critic.read(s, costume))
            )
            for found in shared_out(
                self._critics, zip(self._shown, self._scenes, strict=True),
                lambda critic, take: critic.embed(*take, costume),
            ):  # fmt: skip
                failed += not self._holds(found, costume, THRESHOLD)
                near += not self._holds(found, costume, THRESHOLD - _MARGIN)
                if (failed, near) > most:
                    break
        return failed, near

    def _holds(self, found: Array, costume: Costume, threshold: float) -> bool:
        verdict = judge(self._originals, found[None], costume.donors, self._others, threshold)
        return verdict.state is State.VERIFIED
