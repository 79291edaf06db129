"""The texture basis: every donor as a few coefficients, and what attributes add to them.

A donor's texture is split into a coarse level (256 texels, colour) and a fine one (the octave up
to 512 texels, lightness only). From both the attribute base of the donor's gender, age and smile
is subtracted; a principal component analysis of what is left gives the basis, so that mixes of
coefficients are mixes of aligned textures.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from deid_desktop.core.attributes import Attribute, attribute_terms
from deid_desktop.core.generate import LARGE, SMALL, fringe, texels
from deid_desktop.core.geometry import blur, weighted_blur
from deid_desktop.core.regions import regions
from deid_desktop.core.types import Array
from deid_desktop.training import statistics
from deid_desktop.training.align import aligned, displacements, filled, skin_validity
from deid_desktop.training.dataset import ANCESTRIES, Sample

GENDERS = (-1.0, 1.0)


@dataclass(frozen=True, eq=False)
class DonorTexture:
    """A donor's normalised texture: ``coarse`` (256, 256, 3), ``fine`` (512, 512) lightness."""

    sample: Sample
    coarse: Array
    fine: Array


def donor_textures(samples: list[Sample]) -> list[DonorTexture]:
    """Align, fill and normalise the donors' pictures."""
    fields = displacements(samples)
    textures = [aligned(s, fields[s.person]) for s in samples]
    valid = [skin_validity(t) for t in textures]
    means = {}
    for key in {(s.gender, s.smiling) for s in samples}:
        members = [i for i, s in enumerate(samples) if (s.gender, s.smiling) == key]
        total = sum(textures[i] * valid[i][..., None] for i in members)
        weight = sum(valid[i] for i in members)
        means[key] = total / np.maximum(weight, 1e-3)[..., None]
    skin = regions(LARGE).skin
    made = []
    for sample, texture, seen in zip(samples, textures, valid, strict=True):
        clean = filled(texture, seen, means[sample.gender, sample.smiling])
        flat = statistics.normalise(clean, skin * np.clip(seen, 0.05, 1))
        coarse = cv2.resize(flat, (SMALL, SMALL), interpolation=cv2.INTER_AREA)
        back = cv2.resize(coarse, (LARGE, LARGE), interpolation=cv2.INTER_CUBIC)
        made.append(DonorTexture(sample, coarse, (flat - back).mean(2)))
    return made


@dataclass(frozen=True, eq=False)
class AttributeMaps:
    """What attributes do to the coarse texture, as maps (terms, 256, 256, 3); see ``generate``.

    ``maps`` weighted by ``attribute_terms`` give the face of the average person with these
    attributes.
    """

    maps: Array

    def base(self, attribute: Attribute) -> Array:
        """Return the average coarse texture (256, 256, 3)."""
        return np.tensordot(attribute_terms(attribute), self.maps, 1).astype(np.float32)


def attribute_maps(
    donors: list[DonorTexture], portraits: list[statistics.Portrait]
) -> AttributeMaps:
    """Fit the attribute maps: young faces from the donors, what age adds from the portraits.

    Donors are sharp but young; portraits are soft, lit otherwise, and 30 to 80 years old. So the
    donors' mean is the young end, and portraits are only held against younger portraits.
    """
    maps = []
    ageing = _ageing(portraits)
    for gender in GENDERS:
        young = {
            smile: np.mean(
                [d.coarse for d in donors
                 if d.sample.gender == gender and d.sample.smiling == bool(smile)
                 and d.sample.ancestry == "white"],
                axis=0,
            )
            for smile in (0, 1)
        }  # fmt: skip
        young = {k: _even(v) for k, v in young.items()}
        maps += [young[0], young[1] - young[0]]
        maps += ageing[gender]
    white = {
        gender: np.mean(
            [d.coarse for d in donors if d.sample.gender == gender and not d.sample.smiling
             and d.sample.ancestry == "white"], axis=0)
        for gender in GENDERS
    }  # fmt: skip
    for ancestry in ANCESTRIES[1:]:
        differences = [
            d.coarse - white[d.sample.gender]
            for d in donors
            if d.sample.ancestry == ancestry and not d.sample.smiling
        ]
        count = len(differences)
        shrunk = count / (count + 2.0)  # few donors: trust the difference a little less
        maps.append(_even(np.mean(differences, axis=0) * shrunk))
    return AttributeMaps(np.stack(maps).astype(np.float32))


_ANCHORS = (40.0, 60.0, 80.0)


def _ageing(portraits: list[statistics.Portrait]) -> dict[float, list[Array]]:
    """Return for each gender what each of ``_ANCHORS`` adds to a face of ``YOUNGEST``.

    Where women's hair hangs into the face, men's foreheads tell what age does. Brows and lips of
    different people do not lie on each other well enough, rims would show: lips change broadly,
    and brows as the skin around them does (``generate`` makes them paler).
    """
    brows, lips = (
        np.clip(1.5 * blur(part, 2), 0, 1)[..., None]
        for part in (regions(SMALL).brows, regions(SMALL).lips)
    )
    hair = fringe()[..., None]
    added: dict[float, list[Array]] = {}
    for gender in reversed(GENDERS):  # men first
        fitted = statistics.fit_base(portraits, gender)
        young = statistics.base(fitted, gender, statistics.YOUNGEST, 0.0)
        added[gender] = []
        for number, age in enumerate(_ANCHORS):
            covered = min(age, statistics.OLDEST[gender])
            ahead = (age - statistics.YOUNGEST) / (covered - statistics.YOUNGEST)
            change = ahead * (statistics.base(fitted, gender, covered, 0.0) - young)
            if gender < 0:
                change = change * (1 - hair) + added[1.0][number] * hair
            change = change + lips * (blur(change, 9) - change)
            beside, _ = weighted_blur(change, 1.001 - brows[..., 0], 9)
            change = change + brows * (beside - change)
            added[gender].append(change.astype(np.float32))
    return added


def _even(picture: NDArray[np.floating]) -> Array:
    return (0.5 * (picture + picture[:, ::-1])).astype(np.float32)


def attribute_of(sample: Sample) -> Attribute:
    """Return a donor's own attributes."""
    ancestry = [float(sample.ancestry == a) for a in ANCESTRIES]
    if not any(ancestry):
        ancestry[0] = 1.0
    return Attribute(sample.gender, sample.age, float(sample.smiling), tuple(ancestry))


@dataclass(frozen=True, eq=False)
class Basis:
    """Principal components of both levels, jointly; ``codes`` (samples, K) of the donors."""

    coarse: Array
    fine: Array
    codes: Array
    explained: float


def texture_basis(donors: list[DonorTexture], maps: AttributeMaps, components: int) -> Basis:
    """Return the basis: ``coarse`` (K, texels · 3), ``fine`` (K, texels)."""
    small, large = texels(SMALL), texels(LARGE)
    coarse = np.stack([(d.coarse - maps.base(attribute_of(d.sample)))[small] for d in donors])
    coarse = coarse.reshape(len(donors), -1)
    fine = np.stack([d.fine[large] for d in donors])
    joint = np.c_[coarse, fine]
    gram = joint.astype(np.float64) @ joint.T.astype(np.float64)
    values, vectors = np.linalg.eigh(gram)
    values, vectors = values[::-1][:components], vectors[:, ::-1][:, :components]
    # Codes of unit variance, which the network likes; codes @ basis is the texture again.
    codes = vectors * np.sqrt(len(donors))
    basis = codes.T @ joint / len(donors)
    split = coarse.shape[1]
    return Basis(
        basis[:, :split].astype(np.float32),
        basis[:, split:].astype(np.float32),
        codes.astype(np.float32),
        float(values.sum() / np.trace(gram)),
    )
