"""The whole way: every method, the search, the verdict on the finished picture, and what fails."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from samples import moved_face, scaled

from deid_desktop.core import mesh
from deid_desktop.core.analyse import TURNED
from deid_desktop.core.export import write_photo
from deid_desktop.core.geometry import procrustes
from deid_desktop.core.imaging import photo_from_pixels, read_photo
from deid_desktop.core.pipeline import Pipeline, choose_device, models, ranking, searching, studio
from deid_desktop.core.types import (
    Attributes,
    Cancelled,
    Company,
    DeidError,
    Face,
    FaceResult,
    Identity,
    Method,
    Request,
    Sitting,
    State,
    Verdict,
)
from deid_desktop.core.verify import BYSTANDER, THRESHOLD

MASKS = (Method.SOLID, Method.BLUR, Method.PIXELATE)
DRAWN = Identity((0, 20, 40, 60, 80), (0.2, 0.2, 0.2, 0.2, 0.2), 7)


@pytest.fixture(scope="module")
def small(portrait, portrait_face):
    """A small copy of the portrait with its face, numbered 0."""
    return scaled(portrait, replace(portrait_face, id=0), 0.5)


@pytest.fixture(scope="module")
def verified(pipeline, small):
    """The surrogate that a search finds."""
    return pipeline.redact(*small, Request())


@pytest.fixture
def short(monkeypatch):
    """A search of one candidate, for tests of what comes after it."""
    monkeypatch.setattr(searching, "ROUNDS", (ranking.Round(1, 1, 1),))


@pytest.fixture
def failing(monkeypatch, short):
    """A recogniser that always sees the original."""
    verdict = Verdict(State.ATTENTION, "Still alike.", 0.9, 0.1, THRESHOLD, detected_again=True)
    monkeypatch.setattr(studio, "judge", lambda *_: verdict)


# A surrogate


def test_a_search_ends_in_a_verified_surrogate(verified):
    verdict = verified.verdict
    assert verdict.state is State.VERIFIED
    assert verdict.similarity_to_original < THRESHOLD
    assert verdict.similarity_to_nearest_donor < THRESHOLD
    assert verdict.detected_again
    assert len(verified.identity.donors) == Request().k
    assert verified.attempts >= searching.ROUNDS[0].tried
    assert verified.attributes["gender"] < -0.5


@pytest.mark.parametrize("number", range(3))
def test_surrogates_are_verified_on_a_group_photo(pipeline, crew, crew_faces, number):
    result = pipeline.redact(crew, crew_faces[number], Request())
    assert result.verdict.state is State.VERIFIED
    pixels = pipeline.render(crew, [result])
    others = [face for face in crew_faces if face.id != number]
    for face in others:
        x, y, width, height = (int(v) for v in face.box)
        part = (slice(y, y + height), slice(x, x + width))
        np.testing.assert_array_equal(pixels[part], crew.pixels[part])


def test_the_photo_itself_is_never_written_to(pipeline, small, verified):
    photo = small[0]
    before = photo.pixels.copy()
    rendered = pipeline.render(photo, [verified])
    assert rendered is not photo.pixels
    assert (rendered != before).any()
    np.testing.assert_array_equal(photo.pixels, before)


def test_an_identity_is_replayed_bit_for_bit(pipeline, small, verified):
    photo, face = small
    again = pipeline.redact(photo, face, Request(), identity=verified.identity)
    assert again.identity == verified.identity
    assert again.verdict == verified.verdict
    fresh = Pipeline("cpu").redact(photo, face, Request(), identity=verified.identity)
    first, *others = (pipeline.render(photo, [r]) for r in (verified, again, fresh))
    for other in others:
        np.testing.assert_array_equal(first, other)


def test_a_search_is_repeated_by_its_seed(pipeline, small, verified, short):
    photo, face = small
    one, same, other = (
        pipeline.redact(photo, face, Request(seed=s), preview=True).identity for s in (4, 4, 5)
    )
    assert one == same
    assert set(one.donors) != set(other.donors)


def test_a_preview_is_quick_and_says_so(pipeline, small, verified):
    preview = pipeline.redact(*small, Request(), identity=verified.identity, preview=True)
    assert preview.verdict.state is State.ATTENTION
    assert preview.verdict.reason == "Not verified yet."
    assert preview.identity == verified.identity
    full, quick = (pipeline.render(small[0], [r]).astype(int) for r in (verified, preview))
    original = small[0].pixels.astype(int)
    changed = np.abs(full - original).max(2) > 12
    assert np.abs(full - quick)[changed].mean() < 0.6 * np.abs(full - original)[changed].mean()


def test_sliders_keep_the_identity_and_change_the_face(pipeline, small, verified):
    photo, face = small
    pictures = []
    for age in (25.0, 75.0):
        request = Request(attributes=Attributes(age=age, gender=-1.0))
        result = pipeline.redact(photo, face, request, identity=verified.identity, preview=True)
        assert result.identity == verified.identity
        assert result.attributes["age"] == age
        pictures.append(pipeline.render(photo, [result]))
    assert (pictures[0] != pictures[1]).any()


@pytest.mark.parametrize("k", [1, 500])
def test_an_impossible_k_is_an_error_that_says_what_to_do(pipeline, small, k):
    with pytest.raises(DeidError, match=f"k = {k}: "):
        pipeline.redact(*small, Request(k=k))


# Masks and keeping


@pytest.mark.parametrize("method", MASKS)
def test_masks_need_no_analysis(small, method):
    photo, face = small
    result = Pipeline("cpu").redact(photo, face, Request(method=method))
    assert result.verdict.state is State.MASKED
    assert method.value in result.verdict.reason
    pixels = Pipeline("cpu").render(photo, [result])
    x, y, width, height = (int(v) for v in face.box)
    part = (slice(y, y + height), slice(x, x + width))
    assert np.abs(pixels[part].astype(int) - photo.pixels[part]).mean() > 5


def test_a_kept_face_is_kept_on_purpose(pipeline, small):
    photo, face = small
    result = pipeline.redact(photo, face, Request(method=Method.KEEP))
    assert (result.verdict.state, result.layer) == (State.KEPT, None)
    np.testing.assert_array_equal(pipeline.render(photo, [result]), photo.pixels)


def test_masks_lie_over_surrogates(pipeline, small, verified):
    photo, face = small
    mask = pipeline.redact(photo, replace(face, id=1), Request(method=Method.SOLID))
    for order in ([verified, mask], [mask, verified]):
        pixels = pipeline.render(photo, order)
        x, y, width, height = face.box
        assert pixels[int(y + height / 2), int(x + width / 2)].std() == 0


# Faces of which no surrogate is made


def test_a_child_is_masked_unless_an_age_is_chosen(pipeline, small, monkeypatch, short):
    photo, face = small
    young = replace(pipeline.analyse(photo, face), childhood=0.8)
    monkeypatch.setattr(pipeline._studio, "analyse", lambda *_: young)
    result = pipeline.redact(photo, face, Request())
    assert result.verdict.state is State.MASKED
    assert result.request.method is Method.SOLID
    assert "child" in result.verdict.reason and "age" in result.verdict.reason
    x, y, width, height = face.box
    assert pipeline.render(photo, [result])[int(y + height / 2), int(x + width / 2)].std() == 0
    assert pipeline.cast([Sitting(photo, face)], Request()) is None
    chosen = pipeline.redact(photo, face, Request(attributes=Attributes(age=30.0)), preview=True)
    assert chosen.layer is not None


def test_an_unreliable_face_needs_attention(pipeline, small, monkeypatch):
    photo, face = small
    doubtful = replace(pipeline.analyse(photo, face), reliable=False, reason="Turned away.")
    monkeypatch.setattr(pipeline._studio, "analyse", lambda *_: doubtful)
    result = pipeline.redact(photo, face, Request(), identity=DRAWN)
    assert (result.verdict.state, result.verdict.reason) == (State.ATTENTION, "Turned away.")
    assert result.layer is None


@pytest.mark.parametrize(("degrees", "refused"), [(-65, True), (20, False), (65, True)])
def test_a_near_profile_needs_attention(pipeline, small, monkeypatch, degrees, refused):
    photo, face = small
    found = pipeline.analyse(photo, face)
    own, angle = procrustes(mesh.XYZ, found.mesh[: mesh.VERTICES]), np.radians(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    away = np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])
    turned = found.mesh.copy()
    turned[: mesh.VERTICES] = own.apply(mesh.XYZ @ away.T)
    key = replace(photo, key=f"turned {degrees}")
    monkeypatch.setattr(pipeline._studio, "analyse", lambda *_: replace(found, mesh=turned))
    assert pipeline.why_not(key, face, Request()) == (TURNED if refused else "")


def test_what_is_no_face_needs_attention(pipeline):
    noise = np.random.default_rng(0).integers(0, 255, (400, 400, 3)).astype(np.uint8)
    points = np.array([[160, 170], [240, 170], [200, 210], [170, 250], [230, 250]], np.float32)
    face = Face(0, (130.0, 120.0, 140.0, 170.0), points, 0.9)
    result = pipeline.redact(photo_from_pixels(noise, "noise.png"), face, Request())
    assert (result.verdict.state, result.layer) == (State.ATTENTION, None)


def test_a_region_takes_masks_only(pipeline, small):
    photo, face = small
    tag = replace(face, region=True, by_person=True)
    assert pipeline.redact(photo, tag, Request()).verdict.state is State.ATTENTION
    masked = pipeline.redact(photo, tag, Request(method=Method.SOLID))
    assert masked.verdict.state is State.MASKED


def test_a_box_on_a_face_finds_it(pipeline, small):
    photo, face = small
    x, y, width, height = face.box
    drawn = pipeline.mark(photo, (x + 6, y - 5, width, height + 9), face_id=4)
    assert (drawn.id, drawn.by_person) == (4, True)
    assert drawn.score > 0.5
    assert np.abs(drawn.points - face.points).max() < 0.2 * width


def test_a_box_without_a_face_takes_masks_only(pipeline, small):
    photo = small[0]
    drawn = pipeline.mark(photo, (5.0, 380.0, 40.0, 40.0), face_id=1)
    assert (drawn.score, drawn.by_person, drawn.box) == (0, True, (5.0, 380.0, 40.0, 40.0))
    assert drawn.points.shape == (5, 2)
    result = pipeline.redact(photo, drawn, Request())
    assert (result.verdict.state, result.layer) == (State.ATTENTION, None)
    assert pipeline.redact(photo, drawn, Request(method=Method.BLUR)).layer is not None


@pytest.mark.parametrize("factor", [0.05, 0.1])
def test_tiny_faces_end_in_a_verdict(pipeline, portrait, portrait_face, factor, short):
    photo, face = scaled(portrait, portrait_face, factor)
    result = pipeline.redact(photo, face, Request())
    assert result.verdict.state in (State.VERIFIED, State.MASKED, State.ATTENTION)
    assert (result.layer is None) == (result.verdict.state is State.ATTENTION)


def test_a_face_cut_by_the_border_ends_in_a_verdict(pipeline, portrait, portrait_face, short):
    x, y, width, _ = portrait_face.box
    left = int(x + 0.35 * width)
    photo = photo_from_pixels(portrait.pixels[int(y) :, left:].copy(), "cut.jpg")
    face = moved_face(portrait_face, np.array([[1.0, 0, -left], [0, 1, -int(y)]]))
    result = pipeline.redact(photo, face, Request())
    assert result.verdict.state in (State.VERIFIED, State.ATTENTION)
    assert pipeline.render(photo, [result]).shape == photo.pixels.shape


# A failed search


def test_a_failed_search_shows_no_surrogate(pipeline, small, failing):
    result = pipeline.redact(*small, Request())
    assert (result.verdict.state, result.layer) == (State.ATTENTION, None)
    assert result.verdict.reason == "Still alike."


def test_a_failed_search_says_how_near_it_came(pipeline, small, monkeypatch):
    likenesses = iter([0.6, 0.4, 0.5] * 20)

    def judge(*_):
        alike = next(likenesses)
        return Verdict(State.ATTENTION, "", alike, 0.1, THRESHOLD, detected_again=True)

    monkeypatch.setattr(searching, "ROUNDS", (ranking.Round(3, 3, 3),))
    monkeypatch.setattr(studio, "judge", judge)
    result = pipeline.redact(*small, Request())
    assert (result.verdict.similarity_to_original, result.layer) == (0.4, None)


@pytest.mark.parametrize(
    ("on_failure", "state"), [("block", State.ATTENTION), ("solid", State.MASKED)]
)
def test_a_failed_face_is_blocked_or_masked_as_asked(pipeline, small, failing, on_failure, state):
    photo = small[0]
    done = pipeline.redact_photo(photo, Request(), on_failure=on_failure)
    assert [r.verdict.state for r in done.results] == [state]
    assert len(done.faces) == 1
    if on_failure == "solid":
        assert done.results[0].request.method is Method.SOLID
        assert done.results[0].verdict.reason.startswith("Still alike.")
        assert (done.pixels != photo.pixels).any()
    else:
        np.testing.assert_array_equal(done.pixels, photo.pixels)


# Confirmation on the finished picture


def test_confirming_finds_a_good_surrogate_good(pipeline, small, verified):
    done = pipeline.confirm(small[0], [verified])
    (confirmed,) = done.results
    np.testing.assert_array_equal(done.pixels, pipeline.render(small[0], [verified]))
    assert confirmed.verdict.state is State.VERIFIED
    assert confirmed.layer is verified.layer


def test_what_was_judged_is_judged_again_only_if_anything_about_it_changed(
    pipeline, small, verified, monkeypatch
):
    photo, face = small
    judged = []
    spoilt = Verdict(State.ATTENTION, "Judged again.")

    def judge(*_):
        judged.append(1)
        return spoilt

    monkeypatch.setattr(studio, "judge", judge)

    def confirmed(photo=photo, result=verified, **options):
        judged.clear()
        (again,) = pipeline.confirm(photo, [result], **options).results
        assert (again.verdict == spoilt) == bool(judged)
        return bool(judged)

    assert not confirmed()
    pixels = photo.pixels.copy()
    pixels[2, 2] ^= 1
    beside = replace(photo, pixels=pixels, key="beside")
    assert confirmed(beside)
    stranger = np.eye(1, 128, dtype=np.float32)[0]
    assert confirmed(company={face.id: bystander(stranger)})
    assert confirmed(result=replace(verified, layer=replace(verified.layer, left=3)))
    assert confirmed(result=replace(verified, judged=b""))
    monkeypatch.setattr(pipeline._studio, "threshold", 0.3)
    assert confirmed()


def test_confirming_catches_a_face_that_is_still_the_original(pipeline, small, verified):
    layer = verified.layer
    nothing = replace(layer, alpha=0 * layer.alpha, colour=0 * layer.colour, field=0 * layer.field)
    (confirmed,) = pipeline.confirm(small[0], [replace(verified, layer=nothing)]).results
    assert confirmed.verdict.state is State.ATTENTION
    assert confirmed.verdict.similarity_to_original > 0.9


def test_confirming_catches_a_lost_layer(pipeline, small, verified):
    (confirmed,) = pipeline.confirm(small[0], [replace(verified, layer=None)]).results
    assert confirmed.verdict.state is State.ATTENTION


def test_confirming_catches_a_surrogate_that_another_layer_spoils(pipeline, small, verified):
    """A later layer that puts the original back must not go through."""
    photo, face = small
    back = replace(
        verified.layer,
        colour=photo.pixels[layer_part(verified.layer)].astype(np.float32),
        alpha=np.ones_like(verified.layer.alpha),
        field=0 * verified.layer.field,
    )
    spoiling = replace(verified, face=replace(face, id=1), layer=back)
    confirmed = pipeline.confirm(photo, [verified, spoiling]).results
    assert [c.verdict.state for c in confirmed] == [State.ATTENTION, State.ATTENTION]


def layer_part(layer):
    height, width = layer.alpha.shape
    return slice(layer.top, layer.top + height), slice(layer.left, layer.left + width)


def test_confirming_leaves_masks_and_kept_faces_as_they_are(pipeline, small):
    photo, face = small
    results = [
        pipeline.redact(photo, replace(face, id=i), Request(method=m))
        for i, m in enumerate((*MASKS, Method.KEEP))
    ]
    assert pipeline.confirm(photo, results).results == tuple(results)


def test_only_a_preview_works_in_one_thread(pipeline, small, verified, monkeypatch):
    used, composed = [], studio.Studio._compose

    def compose(*arguments, **named):
        used.append((torch.get_num_threads(), cv2.getNumThreads()))
        return composed(*arguments, **named)

    monkeypatch.setattr(studio.Studio, "_compose", compose)
    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(2)
    cv2.setNumThreads(2)
    for preview in (True, False):
        pipeline.redact(*small, Request(), identity=verified.identity, preview=preview)
    torch.set_num_threads(before[0])
    cv2.setNumThreads(before[1])
    assert used == [(1, 1), (2, 2)]


def test_a_preview_is_not_confirmed(pipeline, small, verified):
    preview = pipeline.redact(*small, Request(), identity=verified.identity, preview=True)
    (confirmed,) = pipeline.confirm(small[0], [preview]).results
    assert confirmed.verdict.state is State.ATTENTION


def test_what_is_masked_instead_is_confirmed_on_the_new_picture(pipeline, small, verified):
    """A surrogate that fails in the finished picture is masked; then all are looked at again."""
    photo = small[0]
    layer = verified.layer
    nothing = replace(layer, alpha=0 * layer.alpha, colour=0 * layer.colour, field=0 * layer.field)
    done = pipeline.confirm(photo, [replace(verified, layer=nothing)], on_failure="solid")
    assert [r.verdict.state for r in done.results] == [State.MASKED]
    np.testing.assert_array_equal(done.pixels, pipeline.render(photo, done.results))


def test_what_was_confirmed_is_what_is_written(pipeline, small, verified, tmp_path):
    done = pipeline.confirm(small[0], [verified])
    target = tmp_path / "out.png"
    write_photo(done.pixels, target, faces=[small[1]], results=done.results, sources=[])
    np.testing.assert_array_equal(read_photo(target).pixels, done.pixels)


# In company


def bystander(embedding):
    return Company(embedding[None], np.array([False]))


def themselves(embedding):
    return Company(embedding[None], np.array([True]))


def test_a_surrogate_that_looks_like_a_bystander_is_not_verified(pipeline, small, verified):
    photo, face = small
    pixels = pipeline.render(photo, [verified])
    double = pipeline.embed(photo_from_pixels(pixels, "after.png"), face)
    company = bystander(double)
    again = pipeline.redact(photo, face, Request(), identity=verified.identity, company=company)
    assert again.verdict.state is State.ATTENTION
    assert again.verdict.similarity_to_nearest_bystander > 0.9
    (confirmed,) = pipeline.confirm(photo, [verified], company={face.id: company}).results
    assert confirmed.verdict.state is State.ATTENTION


def test_the_search_keeps_away_from_a_bystander(pipeline, small, verified):
    photo, face = small
    pixels = pipeline.render(photo, [verified])
    double = pipeline.embed(photo_from_pixels(pixels, "after.png"), face)
    aside = np.random.default_rng(0).normal(size=128)
    aside -= (aside @ double) * double
    # Like the first choice; surrogates of one photo are too alike to keep away from its double.
    near = (0.55 * double + np.sqrt(1 - 0.55**2) * aside / np.linalg.norm(aside)).astype(np.float32)
    company = bystander(near)
    assert (
        pipeline.redact(photo, face, Request(), identity=verified.identity, company=company)
    ).verdict.state is State.ATTENTION
    found = pipeline.redact(photo, face, Request(), company=company)
    assert found.verdict.state is State.VERIFIED
    assert found.verdict.similarity_to_nearest_bystander < BYSTANDER
    assert found.identity != verified.identity


def test_other_photos_of_the_person_are_originals_too(pipeline, small, verified):
    photo, face = small
    double = pipeline.embed(
        photo_from_pixels(pipeline.render(photo, [verified]), "after.png"), face
    )
    company = themselves(double)
    again = pipeline.redact(photo, face, Request(), identity=verified.identity, company=company)
    assert again.verdict.state is State.ATTENTION
    assert again.verdict.similarity_to_original > 0.9


def test_everybody_in_a_photo_is_a_bystander_of_the_others(pipeline, crew, short):
    done = pipeline.redact_photo(crew, Request())
    near = [r.verdict.similarity_to_nearest_bystander for r in done.results if r.layer is not None]
    assert near and all(value is not None for value in near)
    count = len(done.faces)
    assert [r.person for r in done.results] == list(range(count))
    assert len({r.request.seed for r in done.results}) == count


def test_one_identity_is_cast_for_two_photos_of_a_person(pipeline, small, portrait, portrait_face):
    flipped = photo_from_pixels(portrait.pixels[:, ::-1].copy(), "flipped.jpg")
    (other,) = pipeline.detect(flipped)
    pictures = [small, (flipped, other)]
    embeddings = [pipeline.embed(*picture) for picture in pictures]
    sittings = [
        Sitting(*picture, themselves(own))
        for picture, own in zip(pictures, reversed(embeddings), strict=True)
    ]
    identity = pipeline.cast(sittings, Request())
    assert identity.look is not None
    results = [pipeline.wear(sitting, Request(), identity) for sitting in sittings]
    assert [r.verdict.state for r in results] == [State.VERIFIED] * 2
    assert {r.identity for r in results} == {identity}
    assert len({(r.attributes["gender"], r.attributes["age"]) for r in results}) == 1


def test_what_holds_for_most_is_cast_and_steered_only_where_it_may_be_better(
    pipeline, small, monkeypatch
):
    """Three faces: of five finalists the second and third fail once, the last nowhere."""
    steered = []

    def render(sitting, request, identity, **options):
        steered.append(identity.seed)
        state = State.ATTENTION if identity.seed == 0 else State.VERIFIED
        return FaceResult(sitting.face, request, Verdict(state, "So it is."), None, identity)

    def finalist(seed, failed):
        states = [State.ATTENTION] * failed + [State.VERIFIED] * (3 - failed)
        verdicts = [Verdict(state, "So it is.") for state in states]
        identity = replace(DRAWN, seed=seed)
        results = [FaceResult(small[1], Request(), verdict, None, identity) for verdict in verdicts]
        return ranking.Finalist(identity, 1, tuple(results))

    tries = [finalist(seed, failed) for seed, failed in enumerate((2, 1, 1, 0, 0))]
    monkeypatch.setattr(pipeline._studio, "render", render)
    monkeypatch.setattr(pipeline._search, "finalists", lambda *_: iter(tries))
    faces = [Sitting(*small)] * 3
    assert pipeline.cast(faces, Request()) == replace(DRAWN, seed=3)
    assert steered == []
    older = Request(attributes=Attributes(age=70))
    assert pipeline.cast(faces, older) == replace(DRAWN, seed=1)
    assert steered == [0, 0, 0, 1, 1, 1]


def test_the_finished_photo_is_judged_as_the_search_judged(pipeline, small):
    """Here the layer ends where the detector still looks, with the photo's other half beside it."""
    photo, face = small
    wide = photo_from_pixels(np.hstack([photo.pixels, photo.pixels[:, ::-1]]), "wide.png")
    result = pipeline.redact(wide, face, Request())
    (confirmed,) = pipeline.confirm(wide, [replace(result, judged=b"")]).results
    assert confirmed.verdict == result.verdict
    assert result.layer.left + result.layer.alpha.shape[1] < wide.pixels.shape[1]


def _likenesses(monkeypatch, values):
    """Have everything verified, with these likenesses to the subject; return what is left.

    All have the expression and the gender asked for.
    """
    likeness = iter(values)

    def judge(*_):
        return Verdict(State.VERIFIED, "So it is.", next(likeness), 0.1, THRESHOLD, True)

    monkeypatch.setattr(studio, "judge", judge)
    monkeypatch.setattr(studio.Studio, "_agreement", lambda *_: 1.0)
    monkeypatch.setattr(studio.Studio, "_mistaken", lambda *_: 0.0)
    return likeness


@pytest.mark.parametrize(
    ("in_full", "taken", "judged"),
    [((0.29, 0.288, 0.3), 0.288, 3), ((0.27, 0.26, 0.25), 0.27, 1), ((0.31, 0.28, 0.27), 0.28, 2)],
)
def test_others_are_judged_in_full_while_their_sketches_promise_better(
    pipeline, small, monkeypatch, in_full, taken, judged
):
    monkeypatch.setattr(searching, "ROUNDS", (ranking.Round(3, 3, 3),))
    left = _likenesses(monkeypatch, [0.28, 0.26, 0.285, *in_full])
    result = pipeline.redact(*small, Request())
    assert result.verdict.similarity_to_original == taken
    assert (result.attempts, len(list(left))) == (3, 3 - judged)


def test_what_holds_clearly_ends_the_search(pipeline, small, monkeypatch):
    monkeypatch.setattr(searching, "ROUNDS", (ranking.Round(3, 3, 3),))
    left = _likenesses(monkeypatch, [0.3, 0.3, 0.3, 0.2, 0.1])  # three sketches, then in full
    assert pipeline.redact(*small, Request()).verdict.similarity_to_original == 0.2
    assert list(left) == [0.1]


def test_of_two_who_hide_a_person_the_one_with_their_expression_comes_first():
    hidden = Verdict(State.VERIFIED, "So it is.", 0.28, 0.1, THRESHOLD, True)
    donors = np.zeros(2, np.float32)
    drafts = [ranking.Draft(DRAWN, (ranking.Seen(hidden, a, 0.0, donors),)) for a in (0.85, 0.95)]
    assert drafts[1].badness < drafts[0].badness
    plain = ranking.Seen(replace(hidden, similarity_to_original=0.36), 0.95, 0.0, donors)
    assert drafts[0].badness < ranking.Draft(DRAWN, (plain,)).badness


def test_of_two_who_hardly_hide_a_person_the_one_that_hides_more_comes_first():
    donors = np.zeros(2, np.float32)
    drafts = []
    for likeness, agreement in ((0.31, 0.9), (0.35, 0.97)):
        verdict = Verdict(State.VERIFIED, "So it is.", likeness, 0.1, THRESHOLD, True)
        drafts.append(ranking.Draft(DRAWN, (ranking.Seen(verdict, agreement, 0.0, donors),)))
    assert drafts[0].badness < drafts[1].badness


def test_expressions_are_compared_of_those_only_who_may_be_taken(pipeline, small, monkeypatch):
    monkeypatch.setattr(searching, "ROUNDS", (ranking.Round(4, 2, 1),))
    monkeypatch.setattr(searching, "PATIENCE", 2)
    likeness = iter([0.35, 0.1, 0.34, 0.1, 0.1])  # to donors: four sketches, then in full
    compared = []
    agreement = studio.Studio._agreement

    def counted(self, *seen):
        compared.append(seen)
        return agreement(self, *seen)

    def judge(*_):
        return Verdict(State.VERIFIED, "So it is.", 0.1, next(likeness), THRESHOLD, True)

    monkeypatch.setattr(studio, "judge", judge)
    monkeypatch.setattr(studio.Studio, "_agreement", counted)
    pipeline.redact(*small, Request())
    assert len(compared) == 2


def test_sketches_alone_tell_that_a_harder_push_is_needed(pipeline, small, monkeypatch):
    """Three narrow rounds: nothing is judged in full before the last, then the best of all."""
    monkeypatch.setattr(searching, "ROUNDS", (ranking.Round(1, 1, 1),) * 4)
    left = _likenesses(monkeypatch, [0.33, 0.31, 0.32, 0.3])
    result = pipeline.redact(*small, Request())
    assert (result.attempts, result.identity.push) == (3, 1)
    assert result.verdict.similarity_to_original == 0.3
    assert not list(left)


@pytest.mark.parametrize(("worn", "rounds"), [(True, 4), (False, 3)])
def test_glasses_stay_only_where_the_face_is_hidden_clearly(
    pipeline, small, monkeypatch, worn, rounds
):
    """The last round has others: what holds narrowly with the own ones is compared with it."""
    monkeypatch.setattr(searching, "ROUNDS", (ranking.Round(1, 1, 1),) * 4)
    monkeypatch.setattr(studio.Studio, "bespectacled", lambda *_: worn)
    left = _likenesses(monkeypatch, [*[0.34, 0.35, 0.33, 0.32][:rounds], 0.3])
    result = pipeline.redact(*small, Request())
    assert (result.attempts, result.identity.push) == (rounds, rounds - 1)
    assert not list(left)


def test_a_round_that_begins_badly_is_given_up_if_another_follows(pipeline, small, monkeypatch):
    monkeypatch.setattr(searching, "ROUNDS", (ranking.Round(9, 9, 1), ranking.Round(4, 4, 1)))
    left = _likenesses(monkeypatch, [0.35] * 4 + [0.36] * 4 + [0.1])
    result = pipeline.redact(*small, Request())
    assert result.attempts == 8
    assert not list(left)


@pytest.mark.parametrize(("first", "rounds"), [(0.34, 3), (0.29, 1)])
def test_what_holds_narrowly_is_compared_with_two_more_rounds(
    pipeline, small, monkeypatch, first, rounds
):
    monkeypatch.setattr(searching, "ROUNDS", (ranking.Round(1, 1, 1),) * 4)
    # In each round a sketch, and then in full.
    left = _likenesses(monkeypatch, [0.1, first, 0.1, 0.33, 0.1, 0.32])
    result = pipeline.redact(*small, Request())
    assert result.attempts == rounds
    assert result.verdict.similarity_to_original == min(first, 0.32)
    assert len(list(left)) == 6 - 2 * rounds


def test_nothing_is_cast_for_faces_of_which_no_surrogate_can_be_made(pipeline, small):
    photo, face = small
    tag = replace(face, region=True, by_person=True)
    assert pipeline.cast([Sitting(photo, tag)], Request()) is None


def test_an_identity_is_pushed_harder_until_it_holds(pipeline, small, verified, monkeypatch):
    asked = []

    def judge(*_):
        asked.append(None)
        state = State.VERIFIED if len(asked) > 2 else State.ATTENTION
        return Verdict(state, "So it is.", 0.1, 0.1, THRESHOLD, detected_again=True)

    monkeypatch.setattr(studio, "judge", judge)
    start = replace(verified.identity, push=0)
    result = pipeline.wear(Sitting(*small), Request(), start)
    assert result.identity == replace(start, push=2)
    monkeypatch.setattr(
        studio, "judge", lambda *_: Verdict(State.ATTENTION, "No.", 0.9, 0.1, THRESHOLD, True)
    )
    assert pipeline.wear(Sitting(*small), Request(), start).layer is None


# A whole photo


def test_a_photo_goes_all_the_way(pipeline, small, short):
    photo, steps = small[0], []
    done = pipeline.redact_photo(
        photo, Request(method=Method.PIXELATE), progress=lambda *step: steps.append(step)
    )
    assert steps == [(0, 1), (1, 1)]
    assert [r.face for r in done.results] == list(done.faces)
    np.testing.assert_array_equal(done.pixels, pipeline.render(photo, done.results))


def test_a_photo_without_faces_stays_as_it_is(pipeline):
    photo = photo_from_pixels(np.full((120, 160, 3), 140, np.uint8), "wall.png")
    done = pipeline.redact_photo(photo, Request())
    assert (done.faces, done.results) == ((), ())
    np.testing.assert_array_equal(done.pixels, photo.pixels)


@pytest.mark.parametrize("after", range(4))
def test_cancelling_stops_at_the_next_step(pipeline, small, short, after):
    asked = []

    def should_stop():
        asked.append(None)
        return len(asked) > after

    with pytest.raises(Cancelled):
        pipeline.redact(*small, Request(seed=9), should_stop=should_stop)
    assert len(asked) == after + 1


def test_cancelling_a_photo_stops_its_detection(pipeline, small):
    with pytest.raises(Cancelled):
        pipeline.redact_photo(small[0], Request(), should_stop=lambda: True)


# Devices


def test_a_stricter_limit_is_what_surrogates_are_held_against(small):
    strict = Pipeline("cpu", threshold=0.3)
    verdict = strict.redact(*small, Request()).verdict
    assert verdict.threshold == 0.3
    likeness = max(verdict.similarity_to_original, verdict.similarity_to_nearest_donor)
    assert (verdict.state is State.VERIFIED) == (likeness < 0.3)
    assert Pipeline("cpu", threshold=0.9).redact(*small, Request()).verdict.threshold == THRESHOLD


def test_the_device_is_chosen_or_taken_as_wished(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_device("auto") == "cpu"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("auto") == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == "cuda"
    assert choose_device("cpu") == "cpu"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), "out of memory"),
        (RuntimeError("CUDA error: device-side assert triggered"), "stopped answering"),
    ],
)
def test_a_card_that_fails_leaves_the_work_to_the_cpu(pipeline, small, monkeypatch, fault, words):
    """The graphics card is played by a generator that fails once."""
    photo, face = small
    expected = pipeline.redact(photo, face, Request(), identity=DRAWN, preview=True)
    real, calls = models.Generator.generate, []

    def full(self, *arguments, **options):
        calls.append(None)
        if len(calls) == 1:
            raise fault
        return real(self, *arguments, **options)

    monkeypatch.setattr(models.Generator, "generate", full)
    own = Pipeline("cpu")
    own._studio.device, own._studio.__dict__["_generator"] = "cuda", pipeline._studio._generator
    with pytest.warns(UserWarning, match=f"{words}; going on on the CPU"):
        result = own.redact(photo, face, Request(), identity=DRAWN, preview=True)
    assert own.device == "cpu"
    assert len(calls) == 3  # a failure, the sketch, the face
    np.testing.assert_array_equal(
        pipeline.render(photo, [result]), pipeline.render(photo, [expected])
    )


def test_warming_loads_every_model():
    own = Pipeline("cpu")
    assert not {"detector", "_analyser", "_generator"} & set(vars(own._studio))
    own.warm()
    assert {"detector", "_analyser", "_generator"} <= set(vars(own._studio))


def test_what_was_read_is_kept_and_told_apart(pipeline, small, portrait, portrait_face):
    photo, face = small
    assert pipeline.analyse(photo, face) is pipeline.analyse(photo, face)
    assert pipeline.analyse(portrait, portrait_face) is not pipeline.analyse(photo, face)


def likenesses_to_donors(monkeypatch, *values):
    """Have sketches judged as this much like a donor, and those that follow as unlike any."""
    left = iter(values)

    def judge(*_):
        to_donor = next(left, 0.1)
        return Verdict(State.VERIFIED, "So it is.", 0.3, to_donor, THRESHOLD, True)

    monkeypatch.setattr(ranking, "_EXPRESSION", 0.0)
    monkeypatch.setattr(studio, "judge", judge)


def test_what_looks_like_a_donor_is_not_drawn(pipeline, small, monkeypatch):
    likenesses_to_donors(monkeypatch, 0.35, 0.34, 0.31)
    third = pipeline.draw(*small, Request(seed=3))
    likenesses_to_donors(monkeypatch, 0.31)
    first = pipeline.draw(*small, Request(seed=3))
    assert first.donors != third.donors
    likenesses_to_donors(monkeypatch, 0.35, 0.34)
    assert pipeline.draw(*small, Request(seed=3)) == third


def test_the_least_like_a_donor_is_drawn_where_all_are(pipeline, small, monkeypatch):
    monkeypatch.setattr(searching, "ROUNDS", (ranking.Round(3, 1, 1),))
    likenesses_to_donors(monkeypatch, 0.5, 0.4, 0.45)
    least = pipeline.draw(*small, Request())
    likenesses_to_donors(monkeypatch, 0.5, 0.1)
    assert pipeline.draw(*small, Request()) == least


def test_sketches_like_donors_are_proposed_last(pipeline, small, monkeypatch):
    monkeypatch.setattr(searching, "ROUNDS", (ranking.Round(4, 2, 4),))
    monkeypatch.setattr(searching, "PATIENCE", 2)
    likenesses_to_donors(monkeypatch, 0.35, 0.2, 0.35, 0.2)
    looked, sketched = list[Identity](), studio.Studio.sketched

    def noted(self, sitting, request, drawn, should_stop):
        looked.extend(drawn)
        return sketched(self, sitting, request, drawn, should_stop)

    monkeypatch.setattr(studio.Studio, "sketched", noted)
    proposed = list(pipeline.finalists([Sitting(*small)], Request()))
    assert len(proposed) == 4
    assert set(proposed[:2]) == {looked[1], looked[3]}


def test_a_round_ends_with_the_batch_in_which_enough_stand_apart(pipeline, small, monkeypatch):
    monkeypatch.setattr(searching, "ROUNDS", (ranking.Round(9, 2, 9),))
    monkeypatch.setattr(searching, "PATIENCE", 4)
    likenesses_to_donors(monkeypatch)
    assert len(list(pipeline.finalists([Sitting(*small)], Request()))) == 4  # one, then three
    likenesses_to_donors(monkeypatch, 0.35, 0.35, 0.35, 0.2)
    assert len(list(pipeline.finalists([Sitting(*small)], Request()))) == 7


def test_a_batch_keeps_no_scene_of_a_face_that_is_done(pipeline, small):
    photo, face = small
    fresh = replace(photo, key="done and put away")
    assert pipeline.redact_photo(fresh, Request(), faces=[face]).results
    crew = [pipeline, *pipeline._twins]
    assert not any(key[0] == fresh.key for one in crew for key in one._studio._scenes)
