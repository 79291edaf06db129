"""The values that travel along the pipeline cannot be changed on their way."""

from dataclasses import FrozenInstanceError, fields, replace

import pytest

from deid_desktop.core.compose.expression import expression_change
from deid_desktop.core.compose.shape import ShapeFit
from deid_desktop.core.geometry import Pose3D
from deid_desktop.core.mesh import XYZ
from deid_desktop.core.types import (
    ANCESTRIES,
    EXPRESSIONS,
    Attributes,
    Cancelled,
    DeidError,
    Identity,
    Method,
    Request,
    State,
    Verdict,
    never,
)

VALUES = [
    Attributes(), Request(), Identity((1, 2), (0.5, 0.5), 0), Verdict(State.KEPT, "Kept."),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda v: type(v).__name__)
def test_values_are_frozen_and_compare_by_content(value):
    name = fields(value)[0].name
    with pytest.raises(FrozenInstanceError):
        setattr(value, name, None)
    assert replace(value) == value
    assert hash(replace(value)) == hash(value)


def test_requests_tell_settings_apart():
    assert Request(seed=1) != Request(seed=2)
    assert Request(attributes=Attributes(age=30)) != Request()
    assert Request().method is Method.SURROGATE and Request().k >= 2


def test_every_expression_is_known_to_the_composer():
    fit = ShapeFit(XYZ, 0 * XYZ, Pose3D(1.0, XYZ[:3, :3], XYZ[0]), 0.0)
    for name in EXPRESSIONS:
        change = expression_change(name, 1.0, fit)
        assert (change is None) == (name == "keep")


def test_the_defaults_follow_the_subject():
    wish = Attributes()
    assert (wish.gender, wish.age) == (None, None)
    assert wish.expression == EXPRESSIONS[0] == "keep"
    assert wish.ancestry == ANCESTRIES[0] == "match"


def test_cancelling_is_no_error_to_show():
    assert not issubclass(Cancelled, DeidError)
    assert never() is False
