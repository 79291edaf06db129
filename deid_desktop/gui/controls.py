"""The settings of a face as tables: what each control reads, writes and says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from deid_desktop.core.types import Request
from deid_desktop.gui.slider_row import Control
from deid_desktop.session.language import later

STANDARD = Request()


def with_attribute(request: Request, name: str, value: Any) -> Request:
    """Return the request with one attribute changed."""
    return replace(request, attributes=replace(request.attributes, **{name: value}))


def _attribute(name: str) -> dict[str, Any]:
    return {
        "read": lambda request: getattr(request.attributes, name),
        "write": lambda request, value: with_attribute(request, name, value),
    }


GENDER = Control(
    later("Gender"),
    low=-1.0,
    high=1.0,
    step=0.05,
    default=None,
    tip=later("How female or male the surrogate looks; matches the person unless set"),
    ends=(later("female"), later("male")),
    **_attribute("gender"),
)
AGE = Control(
    later("Age"),
    low=18,
    high=80,
    step=1,
    default=None,
    tip=later("Apparent age of the surrogate in years; matches the person unless set"),
    suffix=later(" y"),
    rest=40,
    **_attribute("age"),
)
STRENGTH = Control(
    later("Expression strength"),
    low=0.0,
    high=1.0,
    step=0.05,
    default=1.0,
    tip=later("How strongly the chosen expression shows"),
    scale=100,
    suffix=" %",
    **_attribute("strength"),
)
DONORS = Control(
    later("Donors mixed (k)"),
    low=2,
    high=10,
    step=1,
    default=float(STANDARD.k),
    tip=later(
        "How many donor faces are mixed in near-equal parts: more is safer, fewer is sharper"
    ),
    read=lambda request: float(request.k),
    write=lambda request, value: replace(request, k=round(value or STANDARD.k)),
)
SHAPE = Control(
    later("Shape change"),
    low=0.0,
    high=STANDARD.shape_strength,
    step=STANDARD.shape_strength / 60,
    default=STANDARD.shape_strength,
    tip=later(
        "How far the face's shape moves from the person's. Low values can leave it recognisable"
    ),
    scale=100 / STANDARD.shape_strength,
    suffix=" %",
    read=lambda request: request.shape_strength,
    write=lambda request, value: replace(
        request, shape_strength=STANDARD.shape_strength if value is None else value
    ),
)
SKIN = Control(
    later("Skin tone"),
    low=-50.0,
    high=60.0,
    step=1.0,
    default=None,
    tip=later(
        "Typology angle of the skin in degrees; neck and ears in the face's surroundings follow, "
        "hands and arms keep their own"
    ),
    suffix="°",
    ends=(later("dark"), later("light")),
    rest=30.0,
    **_attribute("skin_tone"),
)
CONTROLS = (GENDER, AGE, SKIN, STRENGTH, DONORS, SHAPE)
KEEPS = {
    "keep_eyes": (
        later("Keep own eyes"),
        later("Eyes stay the person's; the verification says whether that is too much"),
    ),
    "keep_mouth": (
        later("Keep own mouth"),
        later("Lips and teeth stay the person's; the verification says whether that is too much"),
    ),
}

CHOICES = {
    "keep": later("Match the person"),
    "match": later("Match the person"),
    "neutral": later("Neutral"),
    "happy": later("Happy"),
    "sad": later("Sad"),
    "angry": later("Angry"),
    "surprised": later("Surprised"),
    "afraid": later("Afraid"),
    "disgusted": later("Disgusted"),
    "contemptuous": later("Contemptuous"),
    "closed-eyes": later("Closed eyes"),
    "white": later("White"),
    "black": later("Black"),
    "east-asian": later("East Asian"),
    "west-asian": later("West Asian"),
}
