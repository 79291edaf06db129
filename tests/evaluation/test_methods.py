"""The methods hide what they should and nothing else; surrogates pass the gate of the export."""

import json
from dataclasses import replace

import numpy as np
import pytest

from deid_desktop.core.imaging import read_photo
from deid_desktop.core.people import k_same_groups
from deid_desktop.core.types import Confirmed, Face, FaceResult, Identity, Method, State, Verdict
from deid_desktop.crew import Alone
from deid_desktop.evaluation.gallery import EvaluationError, read_gallery
from deid_desktop.evaluation.methods import SurrogateMaker, make_method


class Paint:
    def __init__(self, level):
        self.level = level

    def apply(self, pixels):
        pixels[:] = self.level


class FakePipeline:
    """Paints the picture in the grey of the seed; seed 13 fails its verification."""

    def __init__(self):
        self.requests, self.casts, self.castable = [], [], True

    def redact(self, photo, face, request, *, identity=None):
        self.requests.append(request)
        if identity is not None:
            request = replace(request, seed=identity.seed)
        if request.method is Method.SOLID:
            return FaceResult(face, request, Verdict(State.MASKED, "Hidden."), Paint(7))
        state = State.ATTENTION if request.seed == 13 else State.VERIFIED
        verdict = Verdict(state, "So it is.", 0.1, 0.2, 0.4, True)
        return FaceResult(face, request, verdict, Paint(request.seed), attempts=8)

    def embed(self, photo, face):
        return np.eye(128, dtype=np.float32)[int(photo.pixels.mean()) % 128]

    def cast(self, sittings, request):
        self.casts.append(len(sittings))
        return Identity((1, 2), (0.5, 0.5), 40 + len(self.casts)) if self.castable else None

    def surrogates(self):
        return [request for request in self.requests if request.method is Method.SURROGATE]

    def confirm(self, photo, results, **_):
        return Confirmed(tuple(results), self.render(photo, results))

    def render(self, photo, results):
        pixels = photo.pixels.copy()
        for result in results:
            result.layer.apply(pixels)
        return pixels


@pytest.fixture
def pictures(crew, detector):
    known = read_gallery(crew, detector).known
    return [replace(picture, others=()) for picture in known]


def hide(name, pictures, tmp_path, pipeline=None):
    method = make_method(name, maker=SurrogateMaker(pipeline, tmp_path / "kept"))
    return list(method(pictures, range(len(pictures))))


@pytest.mark.parametrize("name", ["solid", "blur", "blur:12", "pixelate", "pixelate:16"])
def test_masks_change_the_face_and_leave_the_rest(pictures, tmp_path, name):
    for picture, outcome in zip(pictures, hide(name, pictures, tmp_path), strict=True):
        assert (outcome.before == picture.load().pixels).all()
        changed = (outcome.after != outcome.before).any(axis=2)
        x, y = picture.face.points[2].round().astype(int)
        assert changed[y - 5 : y + 5, x - 5 : x + 5].mean() > 0.6
        left, top, width, height = picture.face.box
        rows, columns = np.nonzero(changed)
        assert rows.min() >= top - 0.2 * height and columns.min() >= left - 0.2 * width


def test_coarser_blocks_hide_more(pictures, tmp_path):
    fine, coarse = (hide(f"pixelate:{n}", pictures[:1], tmp_path)[0].after for n in (32, 4))
    x, y, width, height = (round(value) for value in pictures[0].face.box)
    inside = np.s_[y : y + height, x : x + width]
    colours = [len(np.unique(picture[inside].reshape(-1, 3), axis=0)) for picture in (fine, coarse)]
    assert colours[1] < colours[0] / 4


def test_none_changes_nothing(pictures, tmp_path):
    for outcome in hide("none", pictures, tmp_path):
        assert (outcome.after == outcome.before).all()


@pytest.mark.parametrize(
    "name", ["swirl", "none:3", "solid:2", "surrogate:4", "blur:x", "blur:1", "pixelate:-3"]
)
def test_unknown_methods_are_refused(tmp_path, name):
    with pytest.raises(EvaluationError, match=name):
        make_method(name, maker=SurrogateMaker(None, tmp_path))


def test_k_same_groups_hold_at_least_k_and_everyone_once():
    vectors = np.random.default_rng(0).normal(size=(23, 4))
    for k in (2, 3, 5, 10):
        groups = k_same_groups(vectors, k)
        assert sorted(n for group in groups for n in group) == list(range(23))
        assert min(map(len, groups)) >= k
        assert max(map(len, groups)) < 2 * k


def test_k_same_groups_are_of_neighbours():
    vectors = np.array([[0.0], [9.0], [0.1], [9.1]])
    assert k_same_groups(vectors, 2) == [[0, 2], [1, 3]]


def test_k_same_shows_one_picture_to_each_group(pictures, tmp_path):
    shown = [outcome.after for outcome in hide("k-same-pixel:2", pictures, tmp_path)]
    same = [[np.array_equal(a, b) for b in shown] for a in shown]
    assert min(map(sum, same)) >= 2
    chips = np.stack([o.before for o in hide("k-same-pixel:2", pictures, tmp_path)])
    group = np.array(same[0])
    assert np.abs(chips[group].mean(axis=0) - shown[0]).max() <= 0.51


def test_k_same_needs_k_people(pictures, tmp_path):
    with pytest.raises(EvaluationError, match="fewer than k = 5"):
        hide("k-same-pixel:5", pictures, tmp_path)


def test_surrogates_are_made_once_and_with_the_default_settings(pictures, tmp_path):
    pipeline = FakePipeline()
    first = hide("surrogate", pictures, tmp_path, pipeline)
    requests = pipeline.surrogates()
    assert [request.k for request in requests] == [5] * 4
    assert [request.seed for request in requests] == list(range(4))
    second = hide("surrogate", pictures, tmp_path, pipeline)
    assert len(pipeline.surrogates()) == 4
    for seed, (a, b) in enumerate(zip(first, second, strict=True)):
        assert (a.after == seed).all() and (b.after == seed).all()
        assert b.facts["similarity_to_original"] == 0.1


def test_the_crew_makes_what_is_shown(pictures, tmp_path):
    there, here = FakePipeline(), FakePipeline()
    maker = SurrogateMaker(here, tmp_path / "kept", Alone(there))
    outcomes = list(maker(pictures, range(len(pictures))))
    assert [outcome.after.max() for outcome in outcomes] == [0, 1, 2, 3]
    assert len(there.surrogates()) == 4
    assert here.surrogates() == []


def test_a_failed_surrogate_is_blocked_and_leaves_no_picture(pictures, tmp_path):
    maker = SurrogateMaker(FakePipeline(), tmp_path / "kept")
    for _ in range(2):
        outcome = maker.make(pictures[0], 13)
        assert outcome.after is None
        assert outcome.reason == "So it is."
    (notes,) = (tmp_path / "kept").iterdir()
    assert json.loads(notes.read_text())["state"] == "needs attention"


def test_neighbours_are_masked_before_anything_is_kept(pictures, tmp_path):
    picture = pictures[0]
    neighbour = Face(0, (0.0, 0.0, 9.0, 9.0), np.zeros((5, 2), np.float32), 0.9)
    picture = replace(picture, others=(neighbour,))
    pipeline = FakePipeline()
    SurrogateMaker(pipeline, tmp_path / "kept").make(picture, 3)
    assert [request.method for request in pipeline.requests] == [Method.SURROGATE, Method.SOLID]
    (kept,) = (tmp_path / "kept").glob("*.png")
    assert (read_photo(kept).pixels == 7).all()


def test_other_pictures_and_seeds_are_other_files(pictures, tmp_path):
    maker = SurrogateMaker(FakePipeline(), tmp_path / "kept")
    for picture, seed in ((pictures[0], 1), (pictures[0], 2), (pictures[1], 1)):
        maker.make(picture, seed)
    assert len(list((tmp_path / "kept").glob("*.png"))) == 3


# k-Same


def people_of(pictures, count):
    """Return ``count`` people, of whom the first has two pictures."""
    several = [replace(pictures[n % len(pictures)], subject=n) for n in range(count)]
    return [*several, replace(pictures[1], subject=0)]


def test_k_same_gives_one_identity_to_k_people_over_all_their_pictures(pictures, tmp_path):
    pipeline = FakePipeline()
    outcomes = hide("k-same:2", people_of(pictures, 5), tmp_path, pipeline)
    assert sorted(pipeline.casts) == [2, 3]
    shades = [int(outcome.after[0, 0, 0]) for outcome in outcomes]
    assert set(shades) == {41, 42}
    assert min(shades[:5].count(shade) for shade in set(shades)) >= 2
    assert shades[5] == shades[0]


def test_k_same_refuses_fewer_people_than_k(pictures, tmp_path):
    with pytest.raises(EvaluationError, match="5 people are fewer than k = 6"):
        hide("k-same:6", people_of(pictures, 5), tmp_path, FakePipeline())


def test_a_cluster_that_nothing_hides_is_blocked(pictures, tmp_path):
    pipeline = FakePipeline()
    pipeline.castable = False
    outcomes = hide("k-same:5", people_of(pictures, 5), tmp_path, pipeline)
    assert all(outcome.after is None for outcome in outcomes)
    assert "hides this cluster" in outcomes[0].reason
