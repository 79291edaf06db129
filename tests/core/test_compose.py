"""What composing promises: it changes the face and nothing else, keeps the photo's character."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from samples import moved_face, scaled

from deid_desktop.core import mesh
from deid_desktop.core.analyse import BLENDSHAPES, Analyser
from deid_desktop.core.attributes import Attribute
from deid_desktop.core.compose import (
    GlassesModel,
    MaskLayer,
    OcclusionModel,
    ShapeModel,
    SurrogateLayer,
    compose,
    landmarks,
    prepare,
    sketch,
)
from deid_desktop.core.compose.detail import match_detail
from deid_desktop.core.compose.expression import expression_change, smile_of
from deid_desktop.core.compose.eyewear import Eyewear, draw_eyewear, other_eyewear
from deid_desktop.core.compose.glasses import dark_lenses
from deid_desktop.core.compose.relight import toning
from deid_desktop.core.compose.shape import _spreading
from deid_desktop.core.generate import SMALL, Generator
from deid_desktop.core.recognise import Recogniser
from deid_desktop.core.regions import regions
from deid_desktop.core.types import Face, Method
from deid_desktop.core.verify import THRESHOLD

WOMAN = Attribute(-1.0, 45.0)
STRENGTH = 3.0


class Workshop:
    """What composing needs, loaded once."""

    def __init__(self):
        self.generator = Generator()
        self.shapes = ShapeModel(self.generator.tensors("shape."))
        self.glasses = GlassesModel(self.generator.tensors("glasses."))
        self.occlusion = OcclusionModel()
        self.analyser = Analyser(Recogniser())

    def scene(self, pixels, face, work=(150.0, 190.0)):
        return prepare(
            pixels, self.analyser.analyse(pixels, face), shapes=self.shapes,
            glasses=self.glasses, occlusion=self.occlusion, size=SMALL, work=work,
        )  # fmt: skip

    def surrogate(self, seed=0, attribute=WOMAN):
        identity = self.generator.draw_identity(attribute, k=5, seed=seed)
        return self.generator.generate([identity], [attribute], size=SMALL)[0]

    def layer(self, scene, seed=0, **options):
        return compose(scene, self.surrogate(seed), shape_strength=STRENGTH, **options)

    def shapes_of(self, pixels, face):
        """Return the blendshapes of a face by name."""
        values = self.analyser.analyse(pixels, face).blendshapes
        return dict(zip(BLENDSHAPES, values.tolist(), strict=True))


@pytest.fixture(scope="module")
def workshop():
    return Workshop()


@pytest.fixture(scope="module")
def scene(workshop, portrait, portrait_face):
    return workshop.scene(portrait.pixels, portrait_face)


@pytest.fixture(scope="module")
def layer(workshop, scene):
    return workshop.layer(scene)


def applied(layer, pixels):
    changed = pixels.copy()
    layer.apply(changed)
    return changed


# What changes, and what does not


def test_pixels_outside_the_layer_are_identical(layer, portrait):
    changed = applied(layer, portrait.pixels)
    touched = np.zeros(changed.shape[:2], bool)
    height, width = layer.alpha.shape
    moved = (layer.alpha > 0) | (np.abs(layer.field).max(2) > 0.02)
    touched[layer.top : layer.top + height, layer.left : layer.left + width] = moved
    np.testing.assert_array_equal(changed[~touched], portrait.pixels[~touched])
    assert 0.02 < touched.mean() < 0.5


def test_the_face_itself_is_replaced(layer, portrait, portrait_face):
    changed = applied(layer, portrait.pixels)
    x, y, width, height = (int(v) for v in portrait_face.box)
    part = (slice(y + height // 4, y + 3 * height // 4), slice(x + width // 4, x + 3 * width // 4))
    assert np.abs(changed[part].astype(int) - portrait.pixels[part]).mean() > 4
    assert layer.alpha.max() > 0.95


def test_a_layer_without_coverage_changes_nothing(layer, portrait):
    nothing = replace(layer, alpha=0 * layer.alpha, colour=0 * layer.colour, field=0 * layer.field)
    np.testing.assert_array_equal(applied(nothing, portrait.pixels), portrait.pixels)


def test_a_sketch_shows_the_recogniser_what_the_photo_will(
    workshop, scene, layer, portrait, portrait_face
):
    seen = sketch(scene, workshop.surrogate(), portrait_face.points, shape_strength=STRENGTH)
    recogniser = Recogniser()
    before = recogniser.embed_face(portrait.pixels, portrait_face.points)
    after = recogniser.embed_face(applied(layer, portrait.pixels), portrait_face.points)
    looked_at = recogniser.embed_face(seen.picture, seen.points)
    assert looked_at @ after > 0.8
    assert looked_at @ before == pytest.approx(after @ before, abs=0.1)


def test_the_source_is_not_written_to(workshop, scene, portrait):
    before = portrait.pixels.copy()
    crop = scene.crop.copy()
    workshop.layer(scene)
    np.testing.assert_array_equal(portrait.pixels, before)
    np.testing.assert_array_equal(scene.crop, crop)


def test_composing_twice_gives_the_same_layer(workshop, scene, layer):
    again = workshop.layer(scene)
    for name in ("left", "top", "field", "colour", "alpha"):
        np.testing.assert_array_equal(getattr(again, name), getattr(layer, name))


def test_the_field_is_nothing_at_the_border_of_the_layer(layer):
    rim = np.ones(layer.alpha.shape, bool)
    rim[2:-2, 2:-2] = False
    assert np.abs(layer.field[rim]).max() < 0.3
    assert (layer.alpha[rim] == 0).all()


def test_tone_and_light_are_the_photos(layer, portrait, scene):
    """Cheeks and forehead keep their mean colour."""
    changed = applied(layer, portrait.pixels).astype(float)
    for vertex in (50, 280, 151):
        x, y = on_face(scene, [vertex])[0].astype(int)
        part = (slice(y - 8, y + 9), slice(x - 8, x + 9))
        difference = changed[part].mean((0, 1)) - portrait.pixels[part].mean((0, 1))
        assert np.abs(difference).max() < 30


def test_the_colour_of_the_irises_stays_within_the_eyes(workshop, scene, portrait):
    dark = replace(workshop.surrogate(), iris=np.float32([0.2, 0.2, 0.2]))
    light = replace(dark, iris=np.float32([0.5, 0.8, 1.0]))
    made = [compose(scene, s, shape_strength=STRENGTH) for s in (dark, light)]
    shown = [applied(one, portrait.pixels).astype(float) for one in made]
    change = np.abs(shown[1] - shown[0]).max(2)
    assert change.max() > 10
    eyes = on_face(scene, [*mesh.LEFT_EYE, *mesh.RIGHT_EYE])
    low, high = eyes.min(0) - 12, eyes.max(0) + 12
    rows, columns = np.nonzero(change > 0.3 * change.max())
    assert low[0] < columns.min() and columns.max() < high[0]
    assert low[1] < rows.min() and rows.max() < high[1]


# Grey and toned photos


def grey_of(pixels):
    return np.repeat(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)


def test_a_grey_photo_stays_grey(workshop, portrait, portrait_face):
    pixels = grey_of(portrait.pixels)
    changed = applied(workshop.layer(workshop.scene(pixels, portrait_face)), pixels).astype(int)
    assert np.ptp(changed, axis=2).max() <= 2
    assert (changed != pixels).any()


def test_a_sepia_photo_keeps_its_tone(workshop, portrait, portrait_face):
    grey = grey_of(portrait.pixels).astype(np.float32) / 255
    sepia = np.clip(255 * grey ** np.float32([0.75, 1.0, 1.35]), 0, 255).astype(np.uint8)
    changed = applied(workshop.layer(workshop.scene(sepia, portrait_face)), sepia)
    lut = {}
    for level in range(256):
        chosen = sepia[sepia[..., 1] == level]
        if len(chosen) > 50:
            lut[level] = chosen.mean(0)
    errors = [
        np.abs(changed[changed[..., 1] == level] - mean).mean() for level, mean in lut.items()
    ]
    assert np.mean(errors) < 6


def test_a_colour_photo_has_no_toning(portrait):
    assert toning(portrait.pixels) is None
    assert toning(grey_of(portrait.pixels)) is not None


# Neighbours


def flat_layer(left, top, shape, colour, field=0.0):
    alpha = np.zeros(shape, np.float32)
    alpha[5:-5, 5:-5] = 1
    offsets = np.full((*shape, 2), field, np.float32)
    return SurrogateLayer(left, top, offsets, alpha[..., None] * np.float32(colour), alpha)


def test_a_later_layer_bends_the_neighbour_as_it_is_now():
    """The second layer must not bring back what the first one replaced."""
    photo = np.full((80, 120, 3), 200, np.uint8)
    first = flat_layer(10, 10, (60, 60), (40, 40, 40))
    second = flat_layer(50, 10, (60, 60), (90, 90, 90), field=3.0)
    changed = applied(second, applied(first, photo))
    overlap = changed[20:60, 50:54]  # under the second layer's rim: only bent by it
    assert (overlap == 40).all()


def test_neighbours_stay_replaced_when_layers_overlap(workshop, portrait, portrait_face):
    small, face = scaled(portrait, portrait_face, 0.6)
    x, _, width, _ = face.box
    part = small.pixels[:, int(x - 0.25 * width) : int(x + 1.25 * width)]
    pair = np.hstack([part, part[:, ::-1]])
    shift = np.array([[1.0, 0, -int(x - 0.25 * width)], [0, 1, 0]])
    left = moved_face(face, shift)
    flip = np.array([[-1.0, 0, pair.shape[1] - 1], [0, 1, 0]])
    right = moved_face(left, flip)
    right = replace(right, id=1, points=right.points[[1, 0, 2, 4, 3]])
    layers = [workshop.layer(workshop.scene(pair, f), seed=f.id) for f in (left, right)]
    assert layers[0].left + layers[0].alpha.shape[1] > layers[1].left + 20  # they do overlap
    alone = [applied(part, pair) for part in layers]
    both = applied(layers[1], alone[0])
    recogniser = Recogniser()
    for face, single in ((left, alone[0]), (right, alone[1])):
        with_neighbour, by_itself, original = (
            recogniser.embed_face(p, face.points) for p in (both, single, pair)
        )
        assert with_neighbour @ by_itself > 0.9
        assert with_neighbour @ original < by_itself @ original + 0.05


# Difficult faces


@pytest.mark.parametrize("height", [14, 30, 60])
def test_tiny_faces_are_composed(workshop, portrait, portrait_face, height):
    small, face = scaled(portrait, portrait_face, height / portrait_face.box[3])
    changed = applied(workshop.layer(workshop.scene(small.pixels, face)), small.pixels)
    assert changed.shape == small.pixels.shape
    assert (changed != small.pixels).any()


@pytest.mark.parametrize("cut", ["left", "right", "top", "bottom"])
def test_faces_cut_by_the_border_are_composed(workshop, portrait, portrait_face, cut):
    x, y, width, height = portrait_face.box
    middle = int(x + width / 2), int(y + height / 2)
    rows, columns, shift = {
        "left": (slice(None), slice(middle[0], None), (middle[0], 0)),
        "right": (slice(None), slice(None, middle[0]), (0, 0)),
        "top": (slice(middle[1], None), slice(None), (0, middle[1])),
        "bottom": (slice(None, middle[1]), slice(None), (0, 0)),
    }[cut]
    pixels = np.ascontiguousarray(portrait.pixels[rows, columns])
    face = moved_face(portrait_face, np.array([[1.0, 0, -shift[0]], [0, 1, -shift[1]]]))
    changed = applied(workshop.layer(workshop.scene(pixels, face)), pixels)
    assert changed.shape == pixels.shape
    assert np.isfinite(changed).all()


@pytest.mark.filterwarnings("ignore:overflow")  # of a distance to a face that is nowhere
def test_faces_wholly_beyond_the_border_do_not_fail(workshop, portrait, portrait_face):
    away = moved_face(portrait_face, np.array([[1.0, 0, 2000], [0, 1, 0]]))
    changed = applied(workshop.layer(workshop.scene(portrait.pixels, away)), portrait.pixels)
    assert changed.shape == portrait.pixels.shape


def on_face(scene, vertices):
    """Return where vertices lie in the photo."""
    return (scene.mesh[vertices, :2] + 0.5) / scene.scale - 0.5 + [scene.left, scene.top]


def test_hair_in_front_of_the_face_stays(workshop, portrait, portrait_face, scene):
    pixels = portrait.pixels.copy()
    brow = on_face(scene, [105])[0]
    x, y, width, _ = portrait_face.box
    lock = (slice(int(y - 10), int(brow[1]) - 12), slice(int(x), int(x + 0.38 * width)))
    pixels[lock] = (35, 25, 20)
    fringe = workshop.scene(pixels, portrait_face)
    shown = regions(SMALL).blend
    assert (fringe.hair * shown).sum() > (scene.hair * shown).sum() + 20
    changed = applied(workshop.layer(fringe), pixels)
    rows = slice(lock[0].stop - 18, lock[0].stop - 8)
    columns = slice(int(x + 0.15 * width), int(x + 0.3 * width))
    assert changed[rows, columns].mean() < 70


def with_glasses(pixels, scene, *, dark):
    """Draw spectacles, or sunglasses."""
    drawn = pixels.copy()
    for contour in (mesh.LEFT_EYE, mesh.RIGHT_EYE):
        eye = on_face(scene, contour)
        centre = np.round(eye.mean(0)).astype(int).tolist()
        width = np.ptp(eye[:, 0])
        axes = (round(0.95 * width), round(0.72 * width))
        thickness = -1 if dark else max(3, round(0.09 * width))
        cv2.ellipse(drawn, centre, axes, 0, 0, 360, (12, 12, 14), thickness, cv2.LINE_AA)
    inner = np.round(on_face(scene, [133, 362])).astype(int).tolist()
    cv2.line(drawn, inner[0], inner[1], (12, 12, 14), 4, cv2.LINE_AA)
    return drawn


def test_a_bare_face_wears_no_glasses(scene):
    assert scene.frames is None
    assert scene.lenses is None


def test_frames_stay_the_photos_own(workshop, portrait, portrait_face, scene):
    pixels = with_glasses(portrait.pixels, scene, dark=False)
    worn = workshop.scene(pixels, portrait_face)
    assert worn.frames is not None
    assert worn.frames.shape == (SMALL, SMALL)
    assert worn.frames.min() >= 0 and 0.5 < worn.frames.max() <= 1
    maps = regions(SMALL)
    assert worn.frames[maps.eyes > 0.9].max() < 0.2  # the eyes themselves are drawn
    changed = applied(workshop.layer(worn), pixels)
    rim = np.round(on_face(scene, mesh.LEFT_EYE).mean(0)).astype(int)
    width = np.ptp(on_face(scene, mesh.LEFT_EYE)[:, 0])
    rows = slice(rim[1] + int(0.5 * width), rim[1] + int(0.95 * width))
    assert changed[rows, rim[0] : rim[0] + 6].min() < 90


def test_sunglasses_stay_whole_unless_they_give_the_person_away(
    workshop, portrait, portrait_face, scene
):
    pixels = with_glasses(portrait.pixels, scene, dark=True)
    worn = workshop.scene(pixels, portrait_face)
    assert worn.lenses is not None
    eye = np.round(on_face(scene, mesh.LEFT_EYE).mean(0)).astype(int)
    part = (slice(eye[1] - 4, eye[1] + 5), slice(eye[0] - 4, eye[0] + 5))
    kept = applied(workshop.layer(worn), pixels)
    harder = applied(workshop.layer(worn, cover=2), pixels)
    others = applied(workshop.layer(worn, cover=3), pixels)
    assert kept[part].mean() < 40
    assert harder[part].mean() < 40
    assert others[part].mean() < 70  # taken off, their arms would stay beside the face


def test_flushed_cheeks_do_not_make_dark_lenses_of_clear_eyes(scene):
    flushed = scene.texture.copy()
    y, x = np.mgrid[: scene.size, : scene.size]
    for left, top in mesh.UV[[50, 280, 205, 425]] * scene.size:
        near = np.exp(-((x - left) ** 2 + (y - top) ** 2) / (0.03 * scene.size) ** 2)[..., None]
        flushed *= 1 - near * np.float32([-0.1, 0.4, 0.4])
    assert dark_lenses(flushed) is None


def test_drawn_sunglasses_hide_both_eyes_and_nothing_below_the_nose(scene):
    rendered = np.full((*scene.crop.shape[:2], 3), 150, np.float32)
    dark = np.full(3, 30, np.float32)
    draw_eyewear(rendered, scene.mesh, Eyewear(dark, 0.02, dark))
    for eye in (mesh.LEFT_EYE, mesh.RIGHT_EYE):
        x, y = np.round(scene.mesh[eye, :2].mean(0)).astype(int)
        assert rendered[y, x].max() < 60
    below = int(scene.mesh[4, 1])
    assert (rendered[below:] == 150).all()


def test_drawn_frames_go_around_the_eyes(scene):
    rendered = np.full((*scene.crop.shape[:2], 3), 150, np.float32)
    draw_eyewear(rendered, scene.mesh, Eyewear(np.zeros(3, np.float32), 0.02, None))
    x, y = np.round(scene.mesh[mesh.LEFT_EYE, :2].mean(0)).astype(int)
    assert np.abs(rendered[y, x] - 150).max() < 10  # a faint stripe is mirrored
    assert rendered[y:, x].min() < 100 and rendered[:y, x].min() < 100


def test_other_glasses_take_their_colour_from_the_photos():
    texture, where = np.full((8, 8, 3), 60, np.float32), np.ones((8, 8), np.float32)
    texture[..., 2] = 20
    clear = other_eyewear(texture, frames=where, lenses=None, seed=1)
    assert clear.tint is None and not clear.metal
    np.testing.assert_allclose(clear.frame, [37.3, 37.3, 23.3], atol=0.1)
    dark = other_eyewear(3 * texture, frames=None, lenses=where, seed=1)
    np.testing.assert_allclose(dark.tint, [48.7, 48.7, 44.7], atol=0.1)


def test_glasses_of_which_little_is_seen_become_thin_metal():
    texture, where = np.full((8, 8, 3), 180, np.float32), np.ones((8, 8), np.float32)
    drawn = [other_eyewear(texture, frames=where, lenses=None, seed=seed) for seed in range(9)]
    assert all(each.metal and each.frame.max() < 90 for each in drawn)
    assert len({tuple(each.frame) for each in drawn}) == 3


def test_drawn_arms_meet_the_subjects_own(scene):
    """Beside the face the subject's own arms go on: drawn ones end where those leave it."""
    for height in (0.30, 0.42):
        frames = np.zeros((SMALL, SMALL), np.float32)
        row = round(height * SMALL)
        frames[row - 2 : row + 3, : SMALL // 5] = 1
        glasses = other_eyewear(scene.texture, frames=frames, lenses=None, seed=1)
        left, right = glasses.arms
        assert right is None  # nothing is seen there
        assert left[1] == pytest.approx(height, abs=0.01)
        rendered = np.full((*scene.crop.shape[:2], 3), 150, np.float32)
        draw_eyewear(rendered, scene.mesh, glasses)
        places = mesh.uv_grid(128).interpolate(scene.mesh[: mesh.VERTICES, :2])
        x, y = places[int(128 * left[1]), int(128 * left[0])].astype(int)
        assert rendered[y - 2 : y + 3, x - 2 : x + 3].min() < 110


# Expression


@pytest.fixture(scope="module")
def calm(workshop, crew, crew_faces):
    """A scene in which nobody's mouth is wide open."""
    return workshop.scene(crew.pixels, crew_faces[0]), crew_faces[0]


def expressed(workshop, scene, name, strength=1.0):
    """Return the blendshapes of the photo's mesh with another expression."""
    change = expression_change(name, strength, scene.fit)
    moved = scene.mesh.copy()
    moved[: mesh.VERTICES] += scene.fit.pose.turn(change).astype(np.float32)
    values = workshop.analyser.blendshapes(moved)
    return dict(zip(BLENDSHAPES, values.tolist(), strict=True))


UNITS = {
    "happy": ("mouthSmileLeft", "mouthSmileRight"),
    "angry": ("browDownLeft", "browDownRight"),
    "surprised": ("browInnerUp", "jawOpen"),
    "sad": ("browInnerUp", "mouthFrownLeft", "mouthFrownRight"),
    "afraid": ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    "disgusted": ("browDownLeft", "browDownRight", "mouthShrugUpper"),
    "contemptuous": ("mouthSmileLeft", "mouthDimpleLeft", "mouthPressLeft"),
    "closed-eyes": ("eyeBlinkLeft", "eyeBlinkRight"),
}


@pytest.mark.parametrize("name", UNITS)
def test_an_expression_raises_its_own_units_of_the_mesh(workshop, calm, name):
    neutral = expressed(workshop, calm[0], "neutral")
    half, full = (expressed(workshop, calm[0], name, strength) for strength in (0.5, 1.0))
    none, some, much = (sum(values[u] for u in UNITS[name]) for values in (neutral, half, full))
    assert none - 0.02 < some < much + 0.02
    assert much > none + 0.05


def test_a_smile_is_seen_in_the_finished_picture(workshop, calm, crew):
    scene, face = calm
    smiles = []
    for name, strength in (("neutral", 1.0), ("happy", 0.4), ("happy", 1.0)):
        change = expression_change(name, strength, scene.fit)
        attribute = Attribute(1.0, 40.0, smile_of(name, strength, 0.0))
        layer = compose(
            scene, workshop.surrogate(1, attribute), shape_strength=STRENGTH, expression=change
        )
        found = workshop.shapes_of(applied(layer, crew.pixels), face)
        smiles.append(found["mouthSmileLeft"] + found["mouthSmileRight"])
    assert smiles[0] < smiles[2]
    assert smiles[2] > 0.8
    assert smiles == sorted(smiles)


@pytest.mark.parametrize("narrow", [1.0, 0.7, 0.4])
def test_lids_that_shut_meet_and_go_no_farther(workshop, calm, narrow):
    """Eyes that a smile narrows already have less far to go."""
    scene, _ = calm
    squinting = scene.mesh.copy()
    for eye in (mesh.LEFT_EYE, mesh.RIGHT_EYE):
        apart, down = mesh.lids_apart(squinting, eye)
        squinting[eye[1:8], :2] += (1 - narrow) * apart[:, None] * down
    fit = scene.shapes.fit(squinting)
    worn = replace(scene, mesh=squinting, fit=fit)
    change = expression_change("closed-eyes", 1.0, fit)
    shut = landmarks(worn, workshop.surrogate(1), shape_strength=STRENGTH, expression=change)
    for eye in (mesh.LEFT_EYE, mesh.RIGHT_EYE):
        width = mesh.eye_axis(shut, eye)[1]
        apart = mesh.lids_apart(shut, eye)[0] / width
        assert apart.min() > -1e-3
        assert apart.mean() < 0.03


@pytest.mark.parametrize(
    ("name", "units"),
    [("closed-eyes", ("eyeBlinkLeft", "eyeBlinkRight")), ("surprised", ("jawOpen", "browInnerUp"))],
)
def test_shut_eyes_and_open_mouths_are_seen_in_the_finished_picture(
    workshop, calm, crew, name, units
):
    scene, face = calm
    surrogate, seen = workshop.surrogate(1), []
    for wish in ("neutral", name):
        change = expression_change(wish, 1.0, scene.fit)
        layer = compose(scene, surrogate, shape_strength=STRENGTH, expression=change)
        found = workshop.shapes_of(applied(layer, crew.pixels), face)
        seen.append(sum(found[u] for u in units))
    assert seen[1] > seen[0] + 0.15


def test_the_brows_of_an_older_face_are_paler(workshop, calm):
    scene, face = calm
    surrogate = workshop.surrogate(2, replace(WOMAN, gender=1.0))
    seen = [
        sketch(scene, surrogate, face.points, shape_strength=STRENGTH, wear=wear)
        for wear in (1.0, 1.8)
    ]
    brows = np.zeros(seen[0].picture.shape[:2], np.uint8)
    for chain in (mesh.LEFT_BROW, mesh.RIGHT_BROW):
        hull = cv2.convexHull(np.round(seen[0].mesh[chain, :2]).astype(np.int32))
        cv2.fillConvexPoly(brows, hull, 1)
    young, old = (one.picture[brows > 0].mean() for one in seen)
    assert old > young + 2


def test_a_laugh_goes_on_where_happiness_is_asked_for(scene):
    laugh = expression_change("happy", 1.0, scene.fit) + scene.fit.expression
    laughing = replace(scene.fit, expression=(1.6 * laugh).astype(np.float32))
    np.testing.assert_allclose(expression_change("happy", 1.0, laughing), 0, atol=1e-5)


def test_keeping_the_expression_changes_nothing(scene):
    assert expression_change("keep", 1.0, scene.fit) is None
    assert expression_change("happy", 0.0, scene.fit) is None


def test_neutral_takes_the_photos_own_expression_away(scene):
    np.testing.assert_allclose(
        expression_change("neutral", 1.0, scene.fit), -scene.fit.expression, atol=1e-5
    )


def test_strength_goes_straight_from_the_photo_to_the_expression(scene):
    full = expression_change("sad", 1.0, scene.fit)
    np.testing.assert_allclose(expression_change("sad", 0.3, scene.fit), 0.3 * full, atol=1e-5)
    assert full.shape == (mesh.VERTICES, 3)


def test_expressions_move_the_face_evenly(scene):
    for name in UNITS.keys() - {"contemptuous", "closed-eyes"}:  # one-sided; each eye its own way
        change = expression_change(name, 1.0, scene.fit) + scene.fit.expression
        mirrored = (change * [-1, 1, 1])[mesh.MIRROR]
        assert np.abs(change - mirrored).mean() < 0.02


@pytest.mark.parametrize(
    ("name", "strength", "own", "smile"),
    [
        ("keep", 1.0, 0.7, 0.7),
        ("happy", 1.0, 0.2, 1.0),
        ("happy", 0.5, 0.2, 0.6),
        ("sad", 1.0, 0.9, 0.0),
        ("sad", 0.0, 0.9, 0.9),
    ],
)
def test_the_texture_smiles_as_much_as_the_mesh(name, strength, own, smile):
    assert smile_of(name, strength, own) == pytest.approx(smile)


# Shape


def test_a_fit_explains_a_face_of_the_model(workshop):
    tensors = workshop.generator.tensors("shape.")
    basis = tensors["basis"].reshape(-1, mesh.VERTICES, 3)
    own = tensors["mean"] + basis[0] - 0.5 * basis[2]
    fit = workshop.shapes.fit((30 * own + [400, 300, 0]).astype(np.float32))
    assert fit.residual < 0.03
    assert np.linalg.norm(fit.identity - own, axis=1).mean() < 0.1
    assert fit.pose.scale == pytest.approx(30, rel=0.02)
    assert max(abs(a) for a in fit.pose.degrees()) < 1


def test_a_fit_does_not_depend_on_place_size_and_turn(workshop, scene):
    turn = cv2.Rodrigues(np.float64([0.1, 0.2, 0.3]))[0]
    moved = 2.5 * scene.mesh[: mesh.VERTICES] @ turn.T + [100, -50, 7]
    fit = workshop.shapes.fit(moved)
    np.testing.assert_allclose(fit.identity, scene.fit.identity, atol=1e-3)
    assert fit.residual == pytest.approx(scene.fit.residual, rel=0.01)


def test_what_is_no_face_fits_badly(workshop, scene):
    noise = np.random.default_rng(0).normal(scale=12, size=(mesh.VERTICES, 3))
    broken = scene.mesh[: mesh.VERTICES] + noise
    assert workshop.shapes.fit(broken.astype(np.float32)).residual > 3 * scene.fit.residual


def test_a_change_of_identity_holds_little_expression(workshop, scene):
    fit = scene.fit
    change = workshop.shapes.identity_change(fit, workshop.surrogate().shape, male=0.0)
    assert np.abs(change).max() > 0.1
    vertices = scene.mesh.copy()
    seen = []
    for shape in (fit.identity, fit.identity + change):
        vertices[: mesh.VERTICES] = fit.pose.apply(shape)
        values = workshop.analyser.blendshapes(vertices)
        seen.append([values[BLENDSHAPES.index(unit)] for unit in UNITS["happy"]])
    assert np.abs(np.subtract(*seen)).max() < 0.15


def test_a_change_of_identity_is_the_same_on_both_sides(workshop, scene):
    """One eye higher than the other is mostly an error of landmarks: exaggerated, it deforms."""
    lopsided = scene.fit.identity.copy()
    lopsided[mesh.LEFT_EYE, 1] += 0.3
    fit = replace(scene.fit, identity=lopsided)
    change = workshop.shapes.identity_change(fit, workshop.surrogate().shape, male=0.0)
    np.testing.assert_allclose(change, (change * [-1, 1, 1])[mesh.MIRROR], atol=1e-4)


def test_skin_between_features_is_not_torn():
    """Brows stay near their eyes while a forehead rises: what lies between goes part of the way."""
    fair = _spreading().fair
    np.testing.assert_allclose(fair.sum(1), 1, atol=1e-4)  # what moves as a whole does so still
    above, brows = mesh.XYZ[:, 1] < mesh.XYZ[9, 1] + 0.1, [*mesh.LEFT_BROW, *mesh.RIGHT_BROW]
    rising = above.astype(np.float32)
    rising[brows] = 0
    smooth = fair @ rising

    def steepest(change):
        return max(
            np.abs(change[mesh.TRIANGLES[:, one]] - change[mesh.TRIANGLES[:, one - 1]]).max()
            for one in range(3)
        )

    assert steepest(rising) == 1
    assert steepest(smooth) < 0.85
    assert np.abs(smooth[brows]).mean() < 0.25
    assert smooth[10] > 0.8


def test_more_strength_hides_more(workshop, portrait, portrait_face, scene):
    surrogate = workshop.surrogate(3)
    original = workshop.analyser.analyse(portrait.pixels, portrait_face).embedding
    recogniser, likeness = Recogniser(), []
    for strength in (0.5, 5.0):
        changed = applied(compose(scene, surrogate, shape_strength=strength), portrait.pixels)
        likeness.append(recogniser.embed_face(changed, portrait_face.points) @ original)
    assert likeness[1] < likeness[0]
    assert likeness[0] < 0.9 and likeness[1] < 2 * THRESHOLD


# Detail


def smooth(seed, sigma, amplitude):
    noise = np.random.default_rng(seed).normal(size=(160, 160, 3)).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), sigma) if sigma else noise
    return (128 + amplitude * noise / noise.std()).astype(np.float32)


def matched(rendered, photo, *, seed=0, wear=1.0):
    skin, features = np.ones((160, 160), np.float32), np.zeros((160, 160), np.float32)
    return match_detail(
        rendered, photo, skin=skin, features=features, shaven=features, enlarged=1.0, wear=wear,
        seed=seed,
    )  # fmt: skip


def fine(picture):
    grey = picture.mean(2)
    return float((grey - cv2.GaussianBlur(grey, (0, 0), 1.0))[8:-8, 8:-8].std())


def test_a_noisy_photo_gets_grain_and_a_soft_one_loses_sharpness():
    rendered = smooth(0, 1.2, 8)
    assert fine(matched(rendered, smooth(1, 0, 6))) > 1.1 * fine(rendered)
    assert fine(matched(rendered, smooth(1, 6, 8))) < 0.8 * fine(rendered)


def test_wear_makes_the_relief_of_skin_stronger_or_weaker_than_the_photos():
    rendered, photo = smooth(0, 1.2, 8), smooth(1, 1.2, 8)
    worn, even, fresh = (fine(matched(rendered, photo, wear=wear)) for wear in (1.3, 1.0, 0.7))
    assert worn > 1.15 * even > 1.3 * fresh


def test_an_unshaven_chin_is_rougher_than_the_cheeks():
    rendered, photo = smooth(0, 1.2, 8), smooth(1, 1.2, 8)
    photo[80:] = 128 + 1.6 * (photo[80:] - 128)
    skin, none = np.ones((160, 160), np.float32), np.zeros((160, 160), np.float32)
    chin = none.copy()
    chin[80:] = 1
    result = match_detail(
        rendered, photo, skin=skin, features=none, shaven=chin, enlarged=1.0, wear=1.0, seed=0
    )
    assert fine(result[80:]) > 1.2 * fine(matched(rendered, photo)[80:])


def test_detail_is_measured_not_copied():
    rendered, photo = smooth(0, 1.2, 6), smooth(1, 0, 6)
    result = matched(rendered, photo)
    np.testing.assert_allclose(result, matched(rendered, np.roll(photo, 40, 1)), atol=1.5)
    added = (result - rendered).mean(2).ravel()
    assert abs(np.corrcoef(added, photo.mean(2).ravel())[0, 1]) < 0.05


def test_grain_follows_its_seed():
    rendered, photo = smooth(0, 1.2, 6), smooth(1, 0, 6)
    first = matched(rendered, photo, seed=1)
    np.testing.assert_array_equal(first, matched(rendered, photo, seed=1))
    assert np.abs(first - matched(rendered, photo, seed=2)).mean() > 0.5


def test_without_skin_to_measure_nothing_is_matched():
    rendered, none = smooth(0, 1.2, 8), np.zeros((160, 160), np.float32)
    result = match_detail(
        rendered, smooth(1, 0, 9), skin=none, features=none, shaven=none, enlarged=1.0, wear=1.0,
        seed=0,
    )  # fmt: skip
    np.testing.assert_array_equal(result, rendered)


# Masks

BOXES = {
    "inside": (40.0, 30.0, 50.0, 60.0),
    "left": (-20.5, 30.0, 50.0, 60.0),
    "top": (40.0, -25.0, 50.0, 60.0),
    "corner": (120.3, 90.7, 50.0, 60.0),
    "whole": (-30.0, -30.0, 220.0, 180.0),
    "tiny": (70.2, 50.1, 3.0, 4.0),
    "flat": (20.0, 50.0, 90.0, 8.0),
}
MASKS = (Method.SOLID, Method.BLUR, Method.PIXELATE)


def covered(box, shape, *, region):
    """Return the pixels a mask must hide: the box of a region, the ellipse in that of a face."""
    x, y, width, height = box
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]]
    if region:
        return (columns >= x) & (columns < x + width) & (rows >= y) & (rows < y + height)
    a, b = (columns - x - width / 2) / (width / 2), (rows - y - height / 2) / (height / 2)
    return a**2 + b**2 <= 1


@pytest.mark.parametrize("region", [False, True])
@pytest.mark.parametrize("box", BOXES.values(), ids=BOXES)
def test_a_solid_mask_covers_its_face_also_at_the_border(box, region):
    photo = np.random.default_rng(0).integers(60, 255, (120, 150, 3)).astype(np.uint8)
    face = Face(0, box, np.zeros((5, 2), np.float32), 1.0, region=region)
    changed = applied(MaskLayer(face, Method.SOLID), photo)
    hidden = covered(box, photo.shape, region=region)
    assert hidden.any()
    assert len(np.unique(changed[hidden])) == 1


@pytest.mark.parametrize("method", MASKS)
@pytest.mark.parametrize("box", BOXES.values(), ids=BOXES)
def test_masks_leave_no_detail(box, method):
    photo = np.random.default_rng(0).integers(0, 255, (120, 150, 3)).astype(np.uint8)
    face = Face(0, box, np.zeros((5, 2), np.float32), 1.0)
    changed = applied(MaskLayer(face, method), photo)
    hidden = covered(box, photo.shape, region=False)
    assert changed[hidden].std() < 0.5 * photo[hidden].std()


@pytest.mark.parametrize("method", MASKS)
def test_masks_make_people_unrecognisable(workshop, portrait, portrait_face, method):
    changed = applied(MaskLayer(portrait_face, method), portrait.pixels)
    before, after = (
        workshop.analyser.analyse(p, portrait_face).embedding for p in (portrait.pixels, changed)
    )
    assert before @ after < THRESHOLD


def test_a_layer_covers_no_more_than_it_changes(layer, portrait, scene):
    height, width = layer.alpha.shape
    assert height < scene.shape[0]
    assert width < scene.shape[1]
    grown = SurrogateLayer(
        layer.left - 3,
        layer.top - 5,
        np.pad(layer.field, ((5, 2), (3, 4), (0, 0))),
        np.pad(layer.colour, ((5, 2), (3, 4), (0, 0))),
        np.pad(layer.alpha, ((5, 2), (3, 4))),
    )
    cropped = grown.cropped()
    assert (cropped.left, cropped.top) == (layer.left, layer.top)
    assert cropped.alpha.shape == layer.alpha.shape
    off = applied(cropped, portrait.pixels).astype(int) - applied(grown, portrait.pixels)
    # Bending looks up 1/32 of a pixel, and other columns round to another one here and there.
    assert np.abs(off).max() <= 1
    assert (off != 0).mean() < 1e-4
