"""Attributes of a surrogate as numbers, and as the generator's maps and network take them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from deid_desktop.core.types import Array

ANCESTRIES = 4
_YOUNG, _AGES = 22.0, (40.0, 60.0, 80.0)
YOUNG_WOMEN, YOUNG_MEN = 0, 2 + len(_AGES)
"""Rows of the attribute maps."""
_AGEING = (2.2, 1.5)
"""Women, men: least squares over faces that do not age alike shrinks what age does, and make-up
hides it; this gives it back."""
_OLDEST = 36.0
"""Age up to which the donors say what age does to a face."""


@dataclass(frozen=True)
class Attribute:
    """Attributes of a surrogate as numbers.

    ``gender`` −1…1 and ``age`` years, 18…80, both farther out a caricature (see
    ``attribute_terms``), ``smile`` 0…1, ``ancestry`` weights over White, Black, East Asian, West
    Asian (the groups that the donors named for themselves), sum 1.
    """

    gender: float
    age: float
    smile: float = 0.0
    ancestry: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0)


def attribute_terms(attribute: Attribute) -> Array:
    """Return the weights of the attribute maps.

    For women, then men: the young average, what a smile adds, what 40, 60 and 80 years add
    (linear in between); then what Black, East Asian and West Asian ancestry add. A gender beyond
    −1…1 adds more of what young men and women differ in; ages beyond 22…80 go on in the same way.
    """
    knots = (_YOUNG, *_AGES)
    ages = np.array([np.interp(attribute.age, knots, row) for row in np.eye(len(knots))[1:]])
    ages[0] += min(0.0, attribute.age - _YOUNG) / (_AGES[0] - _YOUNG)
    ages[-1] *= max(1.0, attribute.age / _AGES[-1])
    male = male_share(attribute)
    woman, man = (np.r_[1.0, attribute.smile, ageing * ages] for ageing in _AGEING)
    terms = np.r_[(1 - male) * woman, male * man, attribute.ancestry[1:]]
    beyond = (attribute.gender + 1) / 2 - male
    terms[0] -= beyond
    terms[len(woman)] += beyond
    return terms.astype(np.float32)


def male_share(attribute: Attribute) -> float:
    """Return the men's share, 0…1, in what is learned of men and women apart."""
    return float(np.clip((attribute.gender + 1) / 2, 0, 1))


def roughness(age: float) -> float:
    """Return the contrast of skin's fine relief at an age in years, relative to 40."""
    return float(np.interp(age, [10, 25, 40, 60, 80, 120], [0.7, 0.8, 1.0, 1.25, 1.5, 1.9]))


def network_inputs(attributes: list[Attribute]) -> Tensor:
    """Return the attributes as the network takes them (n, 7), each about −1…1.

    Most donors are younger than 36: beyond, the network would extrapolate, so older age comes
    from the maps and the atlas alone.
    """
    rows = [
        (2 * male_share(a) - 1, (np.clip(a.age, 18, _OLDEST) - 27) / 9, a.smile, *a.ancestry)
        for a in attributes
    ]
    return torch.tensor(rows, dtype=torch.float32)
