"""Measures what an attacker learns who knows the program: whom a surrogate avoids, what is around.

    python -m bench.informed PORTRAITS [--limit 200] [--probes 60] [--seed 0] [--json FILE]

The search takes, of a few identities, the one that is least like the subject. Whoever has the
program can turn that around: of the candidates, the subject is one whom the donors' share in the
surrogate avoids. And he can replace the surrogate again, at random, many times, and take the mean:
what stays is what lies around the face. SFace, the recogniser in the loop; the gallery holds the
very pictures that were redacted, and of its people those of the estimated gender are candidates.

``avoided, mix known``   needs the identity, which stays in the program's own project files
``avoided, mix guessed`` takes for the donors' share how the surrogate differs from other ones
``surroundings``         the mean of the other surrogates
``all, guessed``         the surrogate's likeness without the guessed share, and whom it avoids

Chance is an AUC of .5 and, at rank 1, one of the candidates.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from deid_desktop.core.imaging import find_photos, read_photo
from deid_desktop.core.pipeline import Pipeline
from deid_desktop.core.pipeline.forecast import effects, mixed
from deid_desktop.core.pipeline.studio import Studio
from deid_desktop.core.types import Array, Face, Photo, Request, Sitting, State, never

_AGAIN = 16
"""Surrogates that the attacker makes of each surrogate."""
_DIRECTIONS = 40
"""Directions, of the embedding's 128, in which donors differ most: the guess is made in these."""


@dataclass(frozen=True, eq=False)
class Probe:
    """A surrogate of person ``index``: its embedding, the weights of its donors, and the mean
    embedding of what the attacker makes of it, all without a donor's share."""

    index: int
    embedding: Array
    weights: Array
    around: Array


def main(arguments: list[str] | None = None) -> None:
    """Run the bench and print its table."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.informed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("portraits", type=Path)
    parser.add_argument("--limit", type=int, default=200, help="people in the gallery")
    parser.add_argument("--probes", type=int, default=60, help="of these, whom to redact")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    figures = measure(options.portraits, options.limit, options.probes, options.seed)
    for name, value in figures.items():
        print(f"{name:<32}{value:>8.3f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2))


def measure(folder: Path, limit: int, probes: int, seed: int) -> dict[str, float]:
    """Return AUC and rank-1 of each attack."""
    pipeline, studio = Pipeline("cpu"), Studio("cpu")
    gallery, genders, found = list[Array](), list[float](), list[Probe]()
    paths = find_photos([folder])[:limit]
    every = max(1, len(paths) // probes)
    for path in paths:
        photo = read_photo(path)
        faces = studio.detector.detect(photo.pixels)
        if not faces:
            continue
        face = _largest(faces)
        analysis = studio.analyse(photo, face)
        gallery.append(analysis.embedding)
        genders.append(float(np.sign(analysis.gender)))
        if len(gallery) % every == 0:
            probe = _probe(pipeline, studio, photo, face, len(gallery) - 1, seed)
            found += [probe] if probe else []
    return dict(_figures(np.stack(gallery), np.array(genders), found))


def _probe(
    pipeline: Pipeline, studio: Studio, photo: Photo, face: Face, index: int, seed: int
) -> Probe | None:
    """Redact a face and attack it; ``None`` where the program refuses it."""
    result = pipeline.redact(photo, face, Request(seed=seed + index))
    if result.verdict.state is not State.VERIFIED or result.identity is None:
        return None
    redacted = replace(photo, pixels=pipeline.render(photo, [result]), key=f"redacted {index}")
    faces = studio.detector.detect(redacted.pixels)
    if not faces or studio.doubt(redacted, _largest(faces)):
        return None
    again, donors = _largest(faces), len(studio.donor_embeddings)
    request = Request(seed=10_000 + seed + index)  # the attacker does not know the seed
    drawn = studio.drawn([Sitting(redacted, again)], request, range(_AGAIN))
    seen = studio.sketched(Sitting(redacted, again), request, drawn, never)
    shown = np.stack([one.embedding for one in seen])
    around = (shown - mixed(drawn, donors) @ effects()).mean(0)
    return Probe(index, studio.embed(redacted, again), mixed([result.identity], donors)[0], around)


def _largest(faces: Sequence[Face]) -> Face:
    return max(faces, key=lambda face: face.box[3])


def _figures(gallery: Array, genders: Array, probes: list[Probe]) -> Iterator[tuple[str, float]]:
    ranks: dict[str, list[tuple[float, bool]]] = {}
    usual = {
        side: np.mean([p.weights for p in probes if genders[p.index] == side], axis=0)
        for side in {float(genders[p.index]) for p in probes}
    }
    directions = np.linalg.svd(effects() - effects().mean(0), full_matrices=False)[2][:_DIRECTIONS]
    candidates = []
    for probe in probes:
        alike = np.flatnonzero(genders == genders[probe.index])
        candidates.append(len(alike))
        own = int(np.flatnonzero(alike == probe.index)[0])
        people = gallery[alike] - gallery[alike].mean(0)
        middle = usual[float(genders[probe.index])]
        share = (probe.weights - middle) @ effects()
        guess = (probe.embedding - probe.around - middle @ effects()) @ directions.T @ directions
        for name, score in {
            "naive": people @ probe.embedding,
            "avoided, mix known": -people @ share,
            "avoided, mix guessed": -people @ guess,
            "surroundings": people @ probe.around,
            "all, guessed": people @ (probe.embedding - 1.5 * guess),
        }.items():
            others = np.delete(score, own)
            rank = float((others < score[own]).mean()), bool((others < score[own]).all())
            ranks.setdefault(name, []).append(rank)
    yield "probes", float(len(probes))
    yield "rank-1 of a guess", float(np.mean([1 / count for count in candidates]))
    for name, found in ranks.items():
        yield f"{name}: AUC", float(np.mean([auc for auc, _ in found]))
        yield f"{name}: rank-1", float(np.mean([first for _, first in found]))


if __name__ == "__main__":
    main()
