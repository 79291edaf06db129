"""Commands of the training code.

    python -m deid_desktop.training unwrap   --data ../shared/data --work runs
    python -m deid_desktop.training build    --work runs [--tiny] [--out FILE]
    python -m deid_desktop.training sheets   --out DIR [--work runs]
    python -m deid_desktop.training occlusion --data ../shared/data [--crowds PHOTO...] [--out FILE]
    python -m deid_desktop.training anatomy  --data ../shared/data [--skip 200] [--out FILE]
    python -m deid_desktop.training shading  --data ../shared/data [--skip 200] [--out FILE]
    python -m deid_desktop.training proportions --data ../shared/data [--skip 200] [--out FILE]
    python -m deid_desktop.training bands    --data ../shared/data [--skip 200] [--out FILE]
    python -m deid_desktop.training effects  --data ../shared/data [--skip 200] [--out FILE]

``unwrap`` takes every picture into texture space (two minutes), ``build`` computes the weights and
trains the network (ten minutes on two cores; goes on from its checkpoint), ``sheets`` draws mixes
and slider sweeps of the weights in place. ``occlusion`` trains the network that sees what lies in
front of a face (three minutes of one core). ``anatomy`` prints how far apart the features of people
are and learns how their shapes differ (five minutes), ``shading`` learns what mixes lack in the
light of photos (two minutes), ``proportions`` what composed faces have too much of (five minutes),
``bands`` how light and dark skin is in people and not in finished surrogates (a quarter of an hour
of one core), ``effects`` what donors bring to an embedding.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from deid_desktop.core.weights import checksums
from deid_desktop.resources import resource

_FOLDERS = ("portraits", "portraits_astronauts", "donors")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(
        prog="python -m deid_desktop.training",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    unwrap = commands.add_parser("unwrap")
    unwrap.add_argument("--data", type=Path, default=Path("../shared/data"))
    unwrap.add_argument("--work", type=Path, default=Path("runs"))
    build = commands.add_parser("build")
    build.add_argument("--work", type=Path, default=Path("runs"))
    build.add_argument("--out", type=Path, default=resource("models", "generator.safetensors"))
    build.add_argument("--tiny", action="store_true", help="a minute, for tests")
    build.add_argument("--seed", type=int, default=0)
    sheets = commands.add_parser("sheets")
    sheets.add_argument("--out", type=Path, required=True)
    sheets.add_argument("--work", type=Path, help="of unwrap: also show donors beside their copies")
    occlusion = commands.add_parser("occlusion")
    occlusion.add_argument("--data", type=Path, default=Path("../shared/data"))
    occlusion.add_argument("--out", type=Path, default=resource("models", "occlusion.safetensors"))
    occlusion.add_argument("--crowds", type=Path, nargs="*", default=[], help="photos of many")
    occlusion.add_argument("--steps", type=int, default=1_500)
    occlusion.add_argument("--seed", type=int, default=0)
    anatomy = commands.add_parser("anatomy")
    anatomy.add_argument("--data", type=Path, default=Path("../shared/data"))
    anatomy.add_argument("--out", type=Path, default=resource("models", "population.safetensors"))
    anatomy.add_argument("--skip", type=int, default=200, help="portraits to leave out")
    shading = commands.add_parser("shading")
    shading.add_argument("--data", type=Path, default=Path("../shared/data"))
    shading.add_argument("--out", type=Path, default=resource("models", "shading.safetensors"))
    shading.add_argument("--skip", type=int, default=200, help="portraits to leave out")
    proportions = commands.add_parser("proportions")
    proportions.add_argument("--data", type=Path, default=Path("../shared/data"))
    proportions.add_argument(
        "--out", type=Path, default=resource("models", "proportions.safetensors")
    )
    proportions.add_argument("--skip", type=int, default=200, help="portraits to leave out")
    bands = commands.add_parser("bands")
    bands.add_argument("--data", type=Path, default=Path("../shared/data"))
    bands.add_argument("--out", type=Path, default=resource("models", "bands.safetensors"))
    bands.add_argument("--skip", type=int, default=200, help="portraits to leave out")
    effects = commands.add_parser("effects")
    effects.add_argument("--data", type=Path, default=Path("../shared/data"))
    effects.add_argument("--out", type=Path, default=resource("models", "effects.safetensors"))
    effects.add_argument("--skip", type=int, default=200, help="portraits to leave out")
    effects.add_argument("--jobs", type=int, help="processes")
    options = parser.parse_args(arguments)
    commands_by_name = {
        "unwrap": _unwrap, "build": _build, "sheets": _sheets, "occlusion": _occlusion,
        "anatomy": _anatomy, "shading": _shading, "proportions": _proportions,
        "bands": _bands, "effects": _effects,
    }  # fmt: skip
    commands_by_name[options.command](options)
    return 0


def _unwrap(options: argparse.Namespace) -> None:
    from deid_desktop.training.dataset import Reader, save_samples

    options.work.mkdir(parents=True, exist_ok=True)
    reader = Reader()
    donors = list(reader.donors(options.data / "donors"))
    portraits = list(reader.portraits(options.data / "portraits"))
    portraits += list(reader.unlabelled(options.data / "portraits_astronauts"))
    save_samples(donors, options.work / "donors.npz")
    save_samples(portraits, options.work / "portraits.npz")
    logging.info("%d pictures of donors, %d portraits", len(donors), len(portraits))


def _build(options: argparse.Namespace) -> None:
    from dataclasses import replace

    from deid_desktop.training.dataset import load_samples
    from deid_desktop.training.fit import (
        TINY,
        Settings,
        build_tensors,
        train_network,
        write_weights,
    )

    settings = replace(TINY if options.tiny else Settings(), seed=options.seed)
    donors = load_samples(options.work / "donors.npz")
    portraits = load_samples(options.work / "portraits.npz")
    tensors, (targets, attributes) = build_tensors(donors, portraits, settings)
    checkpoint = options.work / f"network-{settings.seed}-{settings.steps}.pt"
    network, _ = train_network(targets, attributes, settings, checkpoint=checkpoint)
    write_weights(tensors | network, options.out)
    _shipped(options.out)
    logging.info("%s: %.1f MB", options.out.name, options.out.stat().st_size / 1e6)


def _shipped(path: Path) -> None:
    """Put the SHA-256 of new weights into the table of models, if they were written beside it."""
    import hashlib

    if path.parent != resource("models"):
        return
    table = checksums() | {path.name: hashlib.sha256(path.read_bytes()).hexdigest()}
    lines = [f"{digest}  {name}\n" for name, digest in sorted(table.items())]
    path.with_name("SHA256SUMS").write_text("".join(lines))


def _occlusion(options: argparse.Namespace) -> None:
    from deid_desktop.training.occlusion import read_crowds, read_examples, save, train

    folders = ("donors", "portraits", "portraits_astronauts")
    examples, patches = read_examples([options.data / folder for folder in folders])
    examples += read_crowds(options.crowds)
    logging.info("%d faces", len(examples))
    save(train(examples, patches, steps=options.steps, seed=options.seed), options.out)
    _shipped(options.out)


def _anatomy(options: argparse.Namespace) -> None:
    from deid_desktop.core.compose import opposite
    from deid_desktop.training.anatomy import look
    from deid_desktop.training.portraits import portraits

    folders = [options.data / folder for folder in _FOLDERS]
    people = look(portraits(folders, skip=options.skip))
    for line in people.measures():
        logging.info("%s", line)
    opposite.save(opposite.measured(people.women, people.men), options.out)
    _shipped(options.out)


def _portraits(options: argparse.Namespace) -> list[Path]:
    return [options.data / folder for folder in _FOLDERS[:2]]


def _shading(options: argparse.Namespace) -> None:
    from deid_desktop.training.portraits import look
    from deid_desktop.training.shading import learn, save

    learned, report = learn(list(look(_portraits(options), skip=options.skip)))
    save(learned, options.out)
    _shipped(options.out)
    off = ", ".join(f"{value:.4f}" for value in report.off)
    logging.info("%d portraits, %.4f; mixes are off by %s", report.portraits, report.photos, off)


def _proportions(options: argparse.Namespace) -> None:
    from deid_desktop.training.portraits import look
    from deid_desktop.training.proportions import learn, save

    excess, report = learn(list(look(_portraits(options), skip=options.skip)))
    save(excess, options.out)
    _shipped(options.out)
    off = ", ".join(f"{value:.4f}" for value in report.off)
    logging.info("%d women, %d men; surrogates are off by %s", report.women, report.men, off)


def _bands(options: argparse.Namespace) -> None:
    from deid_desktop.core.compose.bands import save
    from deid_desktop.core.generate import LARGE
    from deid_desktop.training.bands import NOTHING, ROUNDS, WORK, learn
    from deid_desktop.training.portraits import look

    statistics = NOTHING
    for _ in range(ROUNDS):
        seen = look(_portraits(options)[:1], skip=options.skip, size=LARGE, work=WORK)
        statistics, report = learn(seen, statistics)
        logging.info("%d portraits; surrogates are off by %.4f", report.portraits, report.off)
        save(statistics, options.out)
    _shipped(options.out)


def _effects(options: argparse.Namespace) -> None:
    from deid_desktop.training.effects import fit, look, save

    looks = look(_portraits(options), skip=options.skip, jobs=options.jobs)
    table, told = fit(looks)
    save(table, options.out)
    _shipped(options.out)
    logging.info("%d sketches tell %.2f of the variance within photos", len(looks.group), told)


def _sheets(options: argparse.Namespace) -> None:
    from deid_desktop.training.dataset import load_samples
    from deid_desktop.training.sheets import write_sheets

    donors = load_samples(options.work / "donors.npz") if options.work else None
    write_sheets(options.out, donors)


if __name__ == "__main__":
    sys.exit(main())
