"""Relighting: forms as hard as the photo's light makes them, no smudge above the lips."""

from dataclasses import replace

import numpy as np
import pytest

from deid_desktop.core import mesh
from deid_desktop.core.compose.forms import mould
from deid_desktop.core.compose.relight import _read_hue, continue_rim, read_light, relight
from deid_desktop.core.generate import SMALL
from deid_desktop.core.geometry import blur
from deid_desktop.core.pipeline import studio
from deid_desktop.core.regions import regions
from deid_desktop.core.types import Surrogate


@pytest.fixture(scope="module")
def light(pipeline, portrait, portrait_face):
    """The light of the sample portrait."""
    return pipeline._studio.scene(portrait, portrait_face, SMALL, studio._PREVIEW).light


@pytest.fixture(scope="module")
def bumpy():
    """Skin with forms of some twenty texels of 512."""
    noise = np.random.default_rng(0).normal(size=(SMALL, SMALL)).astype(np.float32)
    forms = blur(noise, 5)
    return np.repeat((1 + 0.05 * forms / forms.std())[..., None], 3, axis=2).astype(np.float32)


def lit_up(light, texture, *, tinted=False):
    """Light a texture on a face that looks into the camera."""
    surrogate = Surrogate(texture, mesh.XYZ, np.ones(3, np.float32), male=0.5, age=50, smile=0)
    return relight(light, surrogate, mesh.XYZ, tinted=tinted)


def read(photo, skin, **known):
    """Read the light of a texture that is seen from the front, all of it."""
    known = {"hair": np.zeros_like(skin), "frames": None} | known
    return read_light(photo, np.ones_like(skin), skin, vertices=mesh.XYZ, **known)


def test_forms_are_as_hard_as_the_photos_light_makes_them(light, bumpy):
    bare = regions(SMALL).skin > 0.99
    contrast = []
    for strength in (0.02, 0.06):
        made = replace(light, forms=np.full_like(light.forms, strength))
        lit = lit_up(made, bumpy)
        shade = lit_up(made, np.ones_like(bumpy))
        contrast.append((lit / np.maximum(shade, 1))[bare].std())
    assert contrast[1] > 1.25 * contrast[0]


def test_a_smudge_above_the_lips_fades(light):
    """The generator leaves hardly any; what form is left here gives way by half."""
    y, x = np.mgrid[:SMALL, :SMALL]
    left, top = (mesh.UV[164] * SMALL).tolist()
    smudge = np.exp(-(((x - left) / 20) ** 2) - ((y - top) / 6) ** 2)[..., None]
    clean = np.ones((SMALL, SMALL, 3), np.float32)
    smeared = (clean * (1 - 0.3 * smudge)).astype(np.float32)
    place = (round(top), round(left))
    even, left_over = (lit_up(light, t)[place].mean() for t in (clean, smeared))
    assert left_over / even > 0.78


@pytest.mark.parametrize("tinted", [True, False])
def test_grey_lips_of_a_mix_are_never_shown(light, tinted):
    """Untinted they were dark and greenish: a closed mouth looked open."""
    maps = regions(SMALL)
    mix = np.ones((SMALL, SMALL, 3), np.float32)
    mix[maps.lips > 0.3] = [0.55, 0.6, 0.58]
    lit = lit_up(light, mix, tinted=tinted)
    lips, skin = (
        np.median(lit[place], axis=0)
        for place in (maps.lips > 0.95, (maps.skin > 0.95) & (maps.centre > 0.5))
    )
    red, green, _ = lips / skin
    assert red > 1.05 * green
    assert green > 0.6


def test_a_fringe_over_a_brow_is_not_taken_for_the_brow():
    maps = regions(SMALL)
    skin = (maps.skin > 0.5).astype(np.float32)
    photo = np.full((SMALL, SMALL, 3), 180.0, np.float32)
    photo[maps.brows > 0.8] = 110
    fringe = np.zeros_like(skin)
    fringe[:, SMALL // 2 :] = maps.brows[:, SMALL // 2 :] > 0.05
    covered = np.where(fringe[..., None] > 0, np.float32(20), photo)
    bare, masked, mistaken = (
        read(picture, skin, hair=hair)
        for picture, hair in ((photo, 0 * fringe), (covered, fringe), (covered, 0 * fringe))
    )
    assert masked.brow_depth == pytest.approx(bare.brow_depth, rel=0.15)
    np.testing.assert_allclose(masked.brow_hair, bare.brow_hair, atol=0.05)
    assert mistaken.brow_depth > 1.5 * bare.brow_depth


@pytest.mark.parametrize("exposure", [1.0, 1.8, 3.0])
def test_an_overexposed_face_clips_as_its_photo_does(light, exposure):
    maps = regions(SMALL)
    skin = (maps.skin > 0.5).astype(np.float32)
    shade = np.linspace(0.5, 1, SMALL, dtype=np.float32)[:, None, None]
    scene = exposure * shade * np.array([180, 130, 110], np.float32) + np.zeros_like(light.low)
    photo = np.clip(scene, 0, 255)
    overexposed = read(photo, skin)
    lit = lit_up(overexposed, np.ones_like(photo))
    bare = (maps.skin * maps.core > 0.95) & (np.arange(SMALL)[:, None] > SMALL // 2)
    assert np.abs(lit - photo)[bare].mean() < 8


def test_what_is_not_clipped_is_read_as_it_is(light):
    skin = (regions(SMALL).skin > 0.5).astype(np.float32)
    photo = np.full_like(light.low, 200.0)
    assert np.array_equal(
        read(photo, skin).texture,
        photo,
    )


def test_what_is_mottled_beyond_the_photo_is_calmed_and_an_older_face_keeps_more(light):
    noise = np.random.default_rng(0).normal(size=(SMALL, SMALL)).astype(np.float32)
    fine = blur(noise, 1.5) - blur(noise, 4)
    mottled = np.repeat((1 + 0.15 * fine / fine.std())[..., None], 3, axis=2)
    flat, low = (100 * mottled).astype(np.float32), np.full((SMALL, SMALL, 3), 100, np.float32)
    bare = regions(SMALL).skin > 0.99
    calm, old = (
        (mottled[..., 0] + mould(flat, low, 0.1 * np.ones_like(light.forms) / 3, wear=w))[
            bare
        ].std()
        for w in (1.0, 2.0)
    )
    assert calm < 0.8 * mottled[bare].std()
    assert old > 1.1 * calm


def test_the_strength_of_forms_is_the_same_on_both_sides(light):
    np.testing.assert_allclose(light.forms, light.forms[:, ::-1], rtol=0.02)


@pytest.mark.parametrize("redder", [0.0, 0.3])
def test_shadows_are_as_red_as_the_photos(light, redder):
    """Half of the photo lies in shadow; how red that is, is how red shadows are elsewhere."""
    skin = (regions(SMALL).skin > 0.5).astype(np.float32)
    shade = (0.75 + 0.25 * np.sin(np.arange(SMALL) / 6)).astype(np.float32)
    colour = np.array([180.0, 130.0, 110.0], np.float32)
    photo = colour * shade[None, :, None] ** np.array([1 - redder, 1, 1], np.float32)
    photo = np.broadcast_to(photo, (SMALL, SMALL, 3)).astype(np.float32)
    seen = read(photo, skin)
    assert seen.redder[0] - seen.redder[1] == pytest.approx(-redder, abs=0.06)
    dark = np.ones_like(photo)
    dark[SMALL // 2 :] = 0.85
    lit = lit_up(seen, dark)
    bare = (regions(SMALL).skin > 0.99) & (np.abs(np.arange(SMALL) - SMALL / 2) < SMALL / 5)
    grey = lit.mean(2)
    hue = (lit[..., 0] / np.maximum(lit[..., 1], 1))[bare]
    slope = np.polyfit(np.log(grey[bare]), np.log(hue), 1)[0]
    assert slope == pytest.approx(-redder, abs=0.15)


@pytest.mark.parametrize("size", [128, 512])
def test_hues_are_read_from_skin_beside_what_has_none_of_a_colour(size):
    """A wide blur swings below black beside a hard edge: no logarithm may see that."""
    texture = np.zeros((size, size, 3), np.float32)
    texture[:, : size // 2] = [255, 0, 0]
    skin = np.zeros((size, size), np.float32)
    skin[::2, size // 4 :] = 1
    hue, redder = _read_hue(texture, texture - 8, skin)
    assert np.isfinite(hue).all() and np.isfinite(redder).all()
    assert hue.min() > 0


def _mask(size=200):
    """A round mask with a soft edge, and the distance of each pixel from its middle."""
    away = np.hypot(*(np.mgrid[:size, :size] - size / 2)).astype(np.float32)
    return np.clip((70 - away) / 16 + 0.5, 0, 1), away


def test_no_step_of_tone_is_left_along_the_edge_of_the_mask():
    alpha, away = _mask()
    photo, rendered = (np.full((200, 200, 3), level, np.float32) for level in (150, 120))
    joined = continue_rim(rendered, photo, np.ones_like(alpha), alpha, unit=1.0)
    edge = (alpha > 0.3) & (alpha < 0.7)
    assert np.abs(joined - photo)[edge].mean() < 3
    assert np.abs(joined - rendered)[away < 30].max() < 0.5


def test_where_something_is_half_in_front_nothing_of_the_photo_comes_back():
    """There the mask is half transparent, but has no edge: the photo's features are beneath it."""
    alpha = np.full((200, 200), 0.5, np.float32)
    photo = np.random.default_rng(0).uniform(0, 255, (200, 200, 3)).astype(np.float32)
    rendered = np.full_like(photo, 120)
    joined = continue_rim(rendered, photo, np.ones_like(alpha), alpha, unit=1.0)
    np.testing.assert_array_equal(joined, rendered)
