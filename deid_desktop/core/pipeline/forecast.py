"""Foretells what sketches of identities would show, from the sketches of a few.

How a surrogate is embedded hangs on the photo, the same for all identities, and on the donors who
are mixed, nearly the same in all photos. The table of the latter was measured on photos of others
(``python -m deid_desktop.training effects``); what a photo brings, one sketch tells. On photos that
the table has not seen it tells half of the variance between the surrogates of one face.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from safetensors.numpy import load_file

from deid_desktop.core.pipeline.ranking import ALOOF, APART, Draft, target
from deid_desktop.core.types import Array, Company, Identity
from deid_desktop.core.verify import limit_to_others
from deid_desktop.core.weights import model_path

_WASTED = 2.0
"""What likeness to donors beyond what a sketch may show counts for, beside that to the subject: an
identity that does not stand apart is looked at in vain."""
_NEARER = 0.012
"""By how much the nearest donor is nearer than foretold: the nearest of many is it by chance, too
(130 portraits)."""


@cache
def effects() -> Array:
    """Return by how much a whole donor shifts the embedding of a finished face (donors, 128).

    Raises:
        ModelError: the table is missing or altered.
    """
    table = load_file(model_path("effects.safetensors"))["effects"]
    return np.asarray(table, np.float32)


def mixed(identities: Sequence[Identity], donors: int) -> Array:
    """Return the weights (n, ``donors``) of the donors in each identity."""
    weights = np.zeros((len(identities), donors), np.float32)
    for row, identity in zip(weights, identities, strict=True):
        row[list(identity.donors)] = identity.weights
    return weights


def most_hoped_of(
    waiting: Sequence[Identity],
    drafts: Sequence[Draft],
    *,
    shifts: Array,
    donors: Array,
    originals: Sequence[Array] | None,
    company: Sequence[Company],
    threshold: float,
) -> list[Identity]:
    """Order identities by how bad they will probably be on their worst face, the best first.

    Args:
        waiting: to order.
        drafts: others that were looked at on the same faces, at least one.
        shifts: what donors bring (m, d), see `effects`.
        donors: embeddings of the donors (m, d).
        originals: embeddings (n, d) of the subject of each face; ``None`` to order by donors and
            bystanders alone.
        company: of each face.
        threshold: of the verdicts.
    """
    weights = mixed(waiting, len(donors))
    looked = mixed([draft.identity for draft in drafts], len(donors)) @ shifts
    worst = np.zeros(len(waiting), np.float32)
    for number, around in enumerate(company):
        seen = np.stack([draft.seen[number].embedding for draft in drafts])
        embedding = (seen - looked).mean(0) + weights @ shifts
        beyond = (embedding @ donors.T).max(1) + _NEARER - (threshold - APART)
        if len(around.others):
            near = (embedding @ around.others.T).max(1)
            beyond = np.maximum(beyond, near - (limit_to_others(threshold) - ALOOF))
        bad = _WASTED * np.maximum(0, beyond)
        if originals is not None:
            bad += np.maximum(target(threshold), (embedding @ originals[number].T).max(1))
        worst = np.maximum(worst, bad)
    return [waiting[index] for index in np.argsort(worst, kind="stable")]
