"""Turns what a person asked for into what generator and composer take.

Sliders that are not set follow the subject.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from deid_desktop.core.analyse import BLENDSHAPES
from deid_desktop.core.attributes import Attribute, roughness
from deid_desktop.core.brush import painted
from deid_desktop.core.compose import Scene, Touch
from deid_desktop.core.compose.expression import expression_change, smile_of
from deid_desktop.core.compose.touch import skin_gain
from deid_desktop.core.pipeline.siding import usual_gender
from deid_desktop.core.types import Analysis, Array, Face, Identity, Look, Request

_PUSH = 1.2
"""What a step of ``Identity.push`` adds to the strength of the shape."""
_PLAINLY = 2.0
"""What doubt about the subject's gender is divided by: a face made half a man of a man in a bad
light looks like a woman as soon as it ages."""
_SMILE = [BLENDSHAPES.index("mouthSmileLeft"), BLENDSHAPES.index("mouthSmileRight")]


def wished_attribute(analysis: Analysis, request: Request, look: Look | None) -> Attribute:
    """Resolve the sliders: what is not set follows the person's look, or else this photo."""
    wish = request.attributes
    look = look or Look(analysis.gender, analysis.age, analysis.skin_tone)
    own_smile = float(analysis.blendshapes[_SMILE].mean())
    return Attribute(
        gender=_plain(look.gender)
        if wish.gender is None
        else usual_gender(wish.gender, analysis.gender),
        age=float(np.clip(look.age, 18, 80)) if wish.age is None else wish.age,
        smile=smile_of(wish.expression, wish.strength, own_smile),
        ancestry=_ancestry(
            wish.ancestry, look.skin_tone if wish.skin_tone is None else wish.skin_tone
        ),
    )


def wished_change(request: Request, scene: Scene) -> Array | None:
    """Return the change of expression (468, 3), ``None`` to keep the photo's."""
    wish = request.attributes
    return expression_change(wish.expression, wish.strength, scene.fit)


def wished_touch(
    analysis: Analysis, request: Request, *, face: Face | None = None, scene: Scene | None = None
) -> Touch:
    """Return what the person asked for besides the surrogate.

    Args:
        analysis: of the face.
        request: with the wishes.
        face: whose strokes of the brush are painted into its ``scene``; without, there are none.
        scene: of that face.
    """
    wish, brush = request.attributes, None
    if request.strokes and face is not None and scene is not None:
        corner = (scene.left, scene.top)
        brush = painted(request.strokes, face, corner=corner, shape=scene.shape)
    return Touch(
        brush=brush,
        skin=None if wish.skin_tone is None else skin_gain(analysis.skin_tone, wish.skin_tone),
        eyes=wish.keep_eyes,
        mouth=wish.keep_mouth,
        shaved=_shaved(analysis, request),
    )


def wished_strength(request: Request, identity: Identity) -> float:
    """Return the strength of the shape for an identity of any round of the search."""
    return request.shape_strength + _PUSH * identity.push


def _shaved(analysis: Analysis, request: Request) -> bool:
    """Say whether a woman is asked for in place of a man: she has no beard."""
    wish = request.attributes.gender
    return wish is not None and wish <= -0.25 and analysis.gender > 0


def wear_of(analysis: Analysis, attribute: Attribute) -> float:
    """Return how much rougher the surrogate's skin is than the subject's, by their ages."""
    return roughness(attribute.age) / roughness(analysis.age)


def described(attribute: Attribute, request: Request, *, skin: float) -> dict[str, Any]:
    """Return the resolved attributes as the report shows them."""
    wish = request.attributes
    touched = {
        "keep_eyes": wish.keep_eyes or None,
        "keep_mouth": wish.keep_mouth or None,
        "brush_strokes": len(request.strokes) or None,
    }
    return {
        "gender": round(attribute.gender if wish.gender is None else wish.gender, 3),
        "age": round(attribute.age, 1),
        "skin_tone": round(skin if wish.skin_tone is None else wish.skin_tone, 1),
        "expression": wish.expression,
        "strength": wish.strength,
        "smile": round(attribute.smile, 3),
        "ancestry": [round(a, 3) for a in attribute.ancestry],
        **{name: value for name, value in touched.items() if value is not None},
    }


def _plain(seen: float) -> float:
    """Return the gender to make of one that was seen: photos leave doubt, faces hardly do."""
    return float(np.clip(_PLAINLY * seen, -1, 1))


def _ancestry(wish: str, skin_tone: float) -> tuple[float, ...]:
    """Return ancestry weights; ``match`` follows the measured skin, never a guess at descent.

    From ITA 28° (tan) to −10° (brown) the share of the donors who call themselves Black rises.
    """
    if wish == "match":
        dark = float(np.interp(skin_tone, [-10, 28], [0.8, 0.0]))
        return (1 - dark, dark, 0.0, 0.0)
    chosen = ("white", "black", "east-asian", "west-asian").index(wish)
    return tuple(float(i == chosen) for i in range(4))
