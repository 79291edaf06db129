"""Verification: is the original person gone, and is nobody else in their place?

Last stage before export. The numbers are cosines of SFace embeddings; what they mean is measured,
not assumed: ``docs/anonymity.md`` has the figures and the commands that print them.
"""

from __future__ import annotations

import numpy as np

from deid_desktop.core.types import Array, Company, State, Verdict

THRESHOLD = 0.363
"""Cosine from which SFace takes two pictures for one person (model card, OpenCV Zoo).

Over 94,395 pairs of 435 different people it accepts 0.25 %; at 0.387 it would accept 0.1 %
(``python -m bench.threshold`` on the public portraits). Lower is stricter here."""

BYSTANDER = 0.45
"""Cosine from which a surrogate is taken for somebody else in the photo or the run.

Above ``THRESHOLD``, for there are many of them: among a hundred strangers the most alike reaches
0.363 in one of five cases by chance alone. It is where faces are joined to one person, too
(``people.ALIKE``); over the pairs above it accepts 0.004 %."""

STRICTEST = 0.2
"""The lowest threshold that is offered: below, hardly any surrogate passes."""

TARGET = 0.2
"""What the search aims for, so that a verdict does not hang on a hair."""


def similarity(embeddings: Array, others: Array) -> float:
    """Return the highest cosine between unit ``embeddings`` (n, d) and ``others`` (m, d)."""
    return float((embeddings @ others.T).max())


def limit_to_others(threshold: float) -> float:
    """Return from which similarity a surrogate is taken for a bystander."""
    return BYSTANDER - (THRESHOLD - threshold)


def holds(found: Array, company: Company, threshold: float) -> bool:
    """Tell whether a surrogate that was verified holds in a company that has grown since.

    Args:
        found: (n, d) embeddings of the face found in the result.
        company: the originals that are known now.
        threshold: the one that the surrogate was verified with.
    """
    same, others = company.same, company.others
    if len(same) and similarity(found, same) >= threshold:
        return False
    return not len(others) or similarity(found, others) < limit_to_others(threshold)


def judge(
    originals: Array,
    found: Array | None,
    donors: Array,
    bystanders: Array | None = None,
    threshold: float = THRESHOLD,
) -> Verdict:
    """Judge a finished surrogate.

    Args:
        originals: (d,) embedding of the face in the photo, or (n, d) of the person in all photos.
        found: (n, d) embeddings of the face found in the result, one for each way to align it;
            ``None`` if no face was found there.
        donors: (m, d) embeddings of the donors.
        bystanders: (m, d) embeddings of all other original faces, if there are any.
        threshold: similarity from which two pictures count as one person; ``THRESHOLD`` or, to be
            stricter, less. More is never taken. That for bystanders is lowered by as much.
    """
    threshold = min(threshold, THRESHOLD)
    to_others = limit_to_others(threshold)
    if found is None:
        return Verdict(
            State.ATTENTION,
            "No face is found any more where the surrogate should be; look at it or mask it.",
            threshold=threshold,
            detected_again=False,
        )
    to_original = similarity(found, np.atleast_2d(originals))
    to_donor = similarity(found, donors)
    to_bystander = None
    if bystanders is not None and len(bystanders) > 0:
        to_bystander = similarity(found, bystanders)
    likeness = [to_original, to_donor, *([] if to_bystander is None else [to_bystander])]
    state, reason = State.VERIFIED, "The recogniser no longer takes this face for the original."
    if not np.isfinite(likeness).all():
        state, reason = State.ATTENTION, "The recogniser gave no usable answer for this face."
    elif to_original >= threshold:
        state, reason = State.ATTENTION, "The recogniser still takes this face for the original."
    elif to_donor >= threshold:
        state, reason = State.ATTENTION, "The surrogate looks too much like one of its donors."
    elif to_bystander is not None and to_bystander >= to_others:
        state, reason = State.ATTENTION, "The surrogate looks too much like somebody else here."
    return Verdict(
        state, reason, to_original, to_donor, threshold,
        detected_again=True, similarity_to_nearest_bystander=to_bystander,
        bystander_threshold=None if to_bystander is None else to_others,
    )  # fmt: skip
