"""Measures how well faces are told apart as people: precision and recall over pairs of photos.

    python -m bench.people FOLDER...     (for each person a sub-folder, or a name before "_")

Every photo counts as one face, the largest. Prints, for several thresholds, the share of pairs
that were joined rightly (precision), the share of pairs of one person that were joined (recall),
the people found, and those in several parts. Recogniser: SFace, the one in the loop.
"""

from __future__ import annotations

import sys
from itertools import combinations
from pathlib import Path

import numpy as np

from deid_desktop.core.detect import Detector
from deid_desktop.core.imaging import find_photos, read_photo
from deid_desktop.core.people import ALIKE, Sighting, group
from deid_desktop.core.recognise import Recogniser

THRESHOLDS = {0.30, 0.363, 0.40, 0.45, 0.5, ALIKE}


def main(folders: list[Path]) -> None:
    """Print the figures for all folders together."""
    detector, recogniser = Detector(), Recogniser()
    names, sightings = [], []
    for folder in folders:
        for path in find_photos([folder]):
            pixels = read_photo(path).pixels
            faces = detector.detect(pixels)
            if not faces:
                print(f"{path.name}: no face found; left out")
                continue
            face = max(faces, key=lambda found: found.box[2] * found.box[3])
            alone = path.parent == folder
            own = path.stem.rsplit("_", 1)[0] if alone else path.parent.name
            names.append(f"{folder.name}/{own}")
            sightings.append(Sighting(path, recogniser.embed_face(pixels, face.points)))
    truth = {
        pair for pair in combinations(range(len(names)), 2) if names[pair[0]] == names[pair[1]]
    }
    print(
        f"{len(names)} photos of {len(set(names))} people, {len(truth)} pairs of one person, SFace"
    )
    for threshold in sorted(THRESHOLDS):
        people = group(sightings, threshold=threshold)
        joined = {pair for members in people for pair in combinations(members, 2)}
        right = len(joined & truth)
        parts = [len({i for i, m in enumerate(people) if any(names[j] == n for j in m)})
                 for n in set(names)]  # fmt: skip
        print(
            f"threshold {threshold:.3f}: precision {right / max(len(joined), 1):.3f}, recall "
            f"{right / max(len(truth), 1):.3f}, {len(people)} people found, "
            f"{int(np.sum(np.array(parts) > 1))} in several parts"
        )


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
