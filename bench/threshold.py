"""Measures what the verification threshold means: its false-accept rate over different people.

    python -m bench.threshold FOLDER        (one picture of each person)

Prints the share of pairs of different people above the threshold, and the threshold for a
false-accept rate of 1e-2 and 1e-3. Recogniser: SFace, the one in the loop.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from deid_desktop.core.detect import Detector
from deid_desktop.core.imaging import find_photos, read_photo
from deid_desktop.core.recognise import Recogniser
from deid_desktop.core.verify import BYSTANDER, THRESHOLD

STRICT = 0.387
"""Cosine that one in a thousand pairs of different people exceeds: what ``main`` printed for 435
public portraits. The program asks for less, see ``core/verify.py``."""


def main(folder: Path) -> None:
    """Print the figures for one folder."""
    detector, recogniser = Detector(), Recogniser()
    embeddings = []
    for path in find_photos([folder]):
        pixels = read_photo(path).pixels
        height, width = pixels.shape[:2]
        face = detector.detect_near(pixels, (0.2 * width, 0.2 * height, 0.6 * width, 0.6 * height))
        if face is None:
            print(f"{path.name}: no face found in the middle; left out")
            continue
        embeddings.append(recogniser.embed_face(pixels, face.points))
    cosines = np.stack(embeddings) @ np.stack(embeddings).T
    pairs = cosines[np.triu_indices(len(cosines), 1)]
    print(f"{len(embeddings)} people, {len(pairs)} pairs, SFace")
    for threshold in (THRESHOLD, BYSTANDER):
        print(f"false-accept rate at {threshold}: {(pairs > threshold).mean():.5f}")
    for rate in (1e-2, 1e-3):
        print(f"threshold at a false-accept rate of {rate:g}: {np.quantile(pairs, 1 - rate):.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
