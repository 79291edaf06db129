"""Who is who: faces are joined by likeness, kept apart within a photo, and pinned by hand."""

from itertools import combinations

import numpy as np
import pytest

from deid_desktop.core.detect import Detector
from deid_desktop.core.imaging import find_photos, read_photo
from deid_desktop.core.people import ALIKE, SEED_BITS, Sighting, fresh_seed, group, own_seed
from deid_desktop.core.recognise import Recogniser


def unit(vector):
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def crowd(people, photos, *, spread=0.5, seed=0):
    """Return sightings of ``people`` in each of ``photos``, alike within a person."""
    rng = np.random.default_rng(seed)
    centres = [unit(rng.normal(size=128)) for _ in range(people)]
    return [
        Sighting(photo, unit(centre + spread * unit(rng.normal(size=128))))
        for photo in range(photos)
        for centre in centres
    ]


def at_cosine(cosine, axis=1):
    """Return the embedding that has ``cosine`` to the first axis."""
    vector = np.zeros(128, np.float32)
    vector[0], vector[axis] = cosine, np.sqrt(1 - cosine**2)
    return vector


def test_a_seed_that_nobody_chose_is_of_too_many_to_try():
    drawn = [fresh_seed() for _ in range(200)]
    assert len(set(drawn)) == 200
    assert 2 ** (SEED_BITS - 8) < max(drawn) < 2**SEED_BITS


def test_people_of_a_run_have_seeds_that_do_not_tell_of_each_other():
    seeds = [own_seed(5, person) for person in range(200)]
    assert seeds[0] == 5 and len(set(seeds)) == 200
    assert 2 ** (SEED_BITS - 8) < max(seeds) < 2**SEED_BITS
    assert own_seed(6, 1) != seeds[1] == own_seed(5, 1)


def test_nobody_is_no_person():
    assert group([]) == []


def test_the_faces_of_each_person_are_found_in_order_of_appearance():
    assert group(crowd(5, 4)) == [tuple(range(first, 20, 5)) for first in range(5)]


def test_the_order_of_the_photos_does_not_matter():
    faces = crowd(6, 5, spread=0.9)
    order = np.random.default_rng(1).permutation(len(faces))
    shuffled = group([faces[index] for index in order])
    back = sorted(tuple(sorted(int(order[i]) for i in members)) for members in shuffled)
    assert back == group(faces)


def test_two_faces_of_one_photo_are_two_people():
    same = at_cosine(1.0)
    assert group([Sighting("a", same), Sighting("a", same)]) == [(0,), (1,)]
    assert group([Sighting("a", same), Sighting("b", same)]) == [(0, 1)]


def test_a_third_photo_does_not_join_two_faces_of_one():
    faces = [
        Sighting("a", at_cosine(1.0)),
        Sighting("a", at_cosine(0.8)),
        Sighting("b", at_cosine(0.9)),
    ]
    people = group(faces)
    assert not any({0, 1} <= set(members) for members in people)
    assert len(people) == 2


@pytest.mark.parametrize(("cosine", "people"), [(ALIKE + 0.01, 1), (ALIKE - 0.01, 2)])
def test_the_threshold_decides(cosine, people):
    faces = [Sighting("a", at_cosine(1.0)), Sighting("b", at_cosine(cosine))]
    assert len(group(faces)) == people


def test_the_mean_counts_not_the_nearest():
    """A chain of faces, each like the next, is not one person."""
    angles = np.radians([0, 50, 100])
    faces = [Sighting(n, at_cosine(np.cos(angle))) for n, angle in enumerate(angles)]
    assert group(faces, threshold=0.6) == [(0, 1), (2,)]


def test_the_result_is_that_of_trying_all_pairs():
    """The kept means and the kept best are only faster than looking at all pairs every time."""
    faces = crowd(8, 4, spread=1.2, seed=3)
    assert group(faces, threshold=0.3) == naive(faces, 0.3)


def naive(faces, threshold):
    groups = [[index] for index in range(len(faces))]
    while True:
        ways = [
            (np.mean([faces[i].embedding @ faces[j].embedding for i in a for j in b]), a, b)
            for a, b in combinations(groups, 2)
            if not {faces[i].photo for i in a} & {faces[j].photo for j in b}
        ]
        likeness, a, b = max(ways, key=lambda way: way[0], default=(-1, None, None))
        if likeness < threshold:
            return sorted(tuple(sorted(members)) for members in groups)
        groups = [g for g in groups if g is not a and g is not b] + [a + b]


# By hand


def pinned(faces, pins):
    return [Sighting(f.photo, f.embedding, pins.get(i)) for i, f in enumerate(faces)]


def test_faces_with_one_pin_are_one_person_even_in_one_photo():
    mirrored = [Sighting("a", at_cosine(1.0)), Sighting("a", at_cosine(0.9))]
    faces = [*mirrored, Sighting("b", at_cosine(0.95))]
    assert group(pinned(faces, {0: 7, 1: 7})) == [(0, 1, 2)]


def test_faces_with_different_pins_are_different_people():
    same = [Sighting(photo, at_cosine(1.0)) for photo in "abcd"]
    people = group(pinned(same, {0: 1, 3: 2}))
    assert len(people) == 2
    assert not any({0, 3} <= set(members) for members in people)


def test_unpinned_faces_join_the_pinned_person_they_are_like():
    faces = crowd(2, 3)
    assert group(pinned(faces, {0: 4, 1: 5})) == group(faces)


# Real photos


@pytest.mark.shared
def test_people_with_two_photos_are_found(shared):
    detector, recogniser = Detector(), Recogniser()
    names, faces = [], []
    for path in find_photos([shared / "photos" / "identity" / "nasa"]):
        pixels = read_photo(path).pixels
        face = max(detector.detect(pixels), key=lambda found: found.box[2])
        names.append(path.parent.name)
        faces.append(Sighting(path, recogniser.embed_face(pixels, face.points)))
    people = group(faces)
    joined = [pair for members in people for pair in combinations(members, 2)]
    right = [(i, j) for i, j in joined if names[i] == names[j]]
    truth = [(i, j) for i, j in combinations(range(len(names)), 2) if names[i] == names[j]]
    assert len(truth) >= 8
    assert len(right) >= 0.85 * len(truth)
    assert len(right) >= 0.85 * len(joined)
