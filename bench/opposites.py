"""Measures what an attacker learns from shape alone, who knows that surrogates have opposite ones.

    python -m bench.opposites PORTRAITS... [--skip 200] [--draws 2]

Mixes are drawn and sketched on each portrait; none is chosen. Every person's shape is a place among
people's, in standard deviations from the mean of their gender. A surrogate is taken for whose place
is nearest to its own in direction (``like``), or to its opposite (``opposite``). ``read`` is what
the landmark network sees of the sketch, ``known`` the very mesh that was drawn: more than anybody
has who was given the photo. The gallery holds the shapes of the very photos.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from deid_desktop.core.analyse import Analyser
from deid_desktop.core.compose import ShapeModel, opposite, sketch
from deid_desktop.core.generate import Generator
from deid_desktop.core.recognise import Recogniser
from deid_desktop.core.types import Array, Request
from deid_desktop.evaluation.metrics import Scores, evaluate
from deid_desktop.training.portraits import Seen, look, mixes


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--skip", type=int, default=200, help="portraits of the first to leave out")
    parser.add_argument("--draws", type=int, default=2, help="mixes on each portrait")
    options = parser.parse_args()
    generator, analyser = Generator("cpu"), Analyser(Recogniser())
    gallery, known, read, subjects = [], [], [], []
    for number, seen in enumerate(look(options.folders, skip=options.skip)):
        gallery.append(place(seen.scene.shapes, seen.analysis.mesh, seen.scene.male))
        for mesh_known, mesh_read in sketched(
            seen, generator, analyser, draws=options.draws, seed=number
        ):
            known.append(place(seen.scene.shapes, mesh_known, seen.scene.male))
            read.append(place(seen.scene.shapes, mesh_read, seen.scene.male))
            subjects.append(number)
    print(f"{len(subjects)} sketches of {len(gallery)} people")
    for name, probes in (("known", known), ("read", read)):
        for side, sign in (("like", 1), ("opposite", -1)):
            report(f"{side}, {name}", sign * np.stack(probes), np.stack(gallery), subjects)


def place(shapes: ShapeModel, vertices: Array, male: float) -> Array:
    """Return where a mesh (478, 3) lies among people's shapes, as a unit vector (n,)."""
    where = opposite.learned().place(shapes.fit(vertices).identity, male)
    return np.asarray(where / np.linalg.norm(where))


def sketched(
    seen: Seen, generator: Generator, analyser: Analyser, *, draws: int, seed: int
) -> Iterator[tuple[Array, Array]]:
    """Yield the mesh (478, 3) of each mix on a portrait, and what the network reads of it."""
    request = Request()
    for surrogate in mixes(seen, generator, seed=seed, draws=draws):
        drawn = sketch(
            seen.scene, surrogate, seen.face.points, shape_strength=request.shape_strength
        )
        yield drawn.mesh, analyser.drawn_mesh(drawn.picture, drawn.mesh)


def report(name: str, probes: Array, gallery: Array, subjects: Sequence[int]) -> None:
    """Print how well probes (m, n) find their subjects in a gallery (p, n)."""
    figures = evaluate(Scores(probes @ gallery.T, np.array(subjects)))
    told = ", ".join(
        f"{key} {figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"
        for key, figure in figures.items()
    )
    print(f"  {name:16s} {told}")


if __name__ == "__main__":
    main()
