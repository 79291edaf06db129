"""The terminal program: the same pipeline and the same checks as the window, for files and folders.

Errors go to the standard error, one sentence each; names in them are shown with every control and
bidirectional character escaped.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from tqdm import tqdm

from deid_desktop import __version__
from deid_desktop.batch import Outcome, Settings, failure, make_folder, redact_files
from deid_desktop.clips import choose_sound, redact_clips, split
from deid_desktop.cluster import redact_on_cluster
from deid_desktop.core.captions import Words
from deid_desktop.core.detect import Detector
from deid_desktop.core.export import WRITABLE_SUFFIXES
from deid_desktop.core.imaging import ImageError, find_photos
from deid_desktop.core.inspection import described, without_place
from deid_desktop.core.naming import Planned, plan_targets, printable
from deid_desktop.core.people import fresh_seed
from deid_desktop.core.report import certificate, require_free_report, write_report
from deid_desktop.core.sandbox import Limits, Reader, limits_from, reader
from deid_desktop.core.types import (
    Attributes,
    DeidError,
    Keep,
    Method,
    Request,
)
from deid_desktop.core.weights import checksums, model_path
from deid_desktop.evaluation import command as evaluation
from deid_desktop.options import add_inspection, add_redaction
from deid_desktop.video import is_clip

COMMANDS = ("redact", "inspect", "models", "evaluate", "study")
_DESCRIPTION = """\
Replaces faces in photos with synthetic surrogates, verified, offline.
Without a command the window opens: deid-desktop [PHOTO…]
(a photo whose name is that of a command: deid-desktop ./redact)"""
_CLUSTER_NOTE = (
    "warning: a cluster treats every photo by itself: a person gets another surrogate in each"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the terminal program and return its exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # names may hold what the terminal lacks
        sys.stdout.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except DeidError as error:
        _tell(str(error))
        return 1
    except KeyboardInterrupt:
        _tell("stopped")
        return 1
    return status


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        super().error(printable(message))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="deid-desktop",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"deid-desktop {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    redact = commands.add_parser(
        "redact",
        help="replace or mask the faces in photos and folders",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_redaction(redact)
    redact.set_defaults(run=_redact)
    inspect = commands.add_parser("inspect", help="say what photos reveal beside the picture")
    add_inspection(inspect)
    inspect.set_defaults(run=_inspect)
    models = commands.add_parser("models", help="list the models and check that they are unaltered")
    models.set_defaults(run=_models)
    evaluation.add_evaluate(
        commands.add_parser("evaluate", help="measure how well people are recognised afterwards")
    )
    evaluation.add_study(commands.add_parser("study", help="make and score a test with people"))
    return parser


def _models(options: argparse.Namespace) -> int:
    faults = 0
    for name in checksums():
        try:
            size = model_path(name).stat().st_size
        except DeidError as error:
            faults += 1
            _tell(str(error))
        else:
            print(f"{name}  {size / 1e6:.1f} MB  unaltered")
    return 1 if faults else 0


def _inspect(options: argparse.Namespace) -> int:
    limits = _limits(options)
    found, faults = [], 0
    detector = None if options.no_faces else Detector()
    _say_what_is_open(limits)
    for given in options.inputs:
        try:
            for path in find_photos([given]):
                found.append(_reveal(path, reader(limits), detector, location=options.location))
                if not options.json:
                    print(described(found[-1]))
        except ImageError as error:
            faults += 1
            _tell(str(error))
    if options.json:
        print(json.dumps(found, indent=2))
    return 1 if faults else 0


def _reveal(
    path: Path, own: Reader, detector: Detector | None, *, location: bool
) -> dict[str, Any]:
    found = own.inspect(path)
    found = found if location else without_place(found)
    if detector is not None:
        found["faces"] = len(detector.detect(own.decode(path).photo.pixels))
    return found


def _say_what_is_open(limits: Limits) -> None:
    with contextlib.suppress(DeidError):  # said for each photo
        if not reader(limits).confined_by():
            _tell(
                "note: this system cannot cut the process that reads photos off from files and "
                "network; open photos of strangers on a machine without either"
            )


def _limits(options: argparse.Namespace) -> Limits:
    return limits_from(
        os.environ,
        seconds=options.max_seconds,
        megabytes=options.max_megabytes,
        megapixels=options.max_megapixels,
    )


def _redact(options: argparse.Namespace) -> int:
    if options.report:
        require_free_report(options.report, overwrite=options.overwrite)
    _require_fitting(options)
    make_folder(options.out)
    clips, options.inputs = split(options.inputs)
    plan, lost = _plan(options)
    request = Request(
        method=Method(options.method),
        k=options.k,
        seed=fresh_seed() if options.seed is None else options.seed,
        attributes=Attributes(
            gender=options.gender,
            age=options.age,
            expression=options.expression,
            ancestry=options.ancestry,
        ),
    )
    if request.method in (Method.BLUR, Method.PIXELATE):
        _tell(f"warning: trained programs recognise faces under {request.method}; solid is safe")
    limits = _limits(options)
    with contextlib.suppress(OSError):  # said for each photo
        reader(limits).prepare()
    settings = Settings(
        request=request,
        folder=options.out,
        sources=tuple(item.source for item in plan),
        device=options.device,
        people=options.people,
        k_same=options.k_same,
        on_failure=options.on_failure,
        require_faces=options.require_faces,
        overwrite=options.overwrite,
        limits=limits,
        keep=Keep(options.colours == "keep", options.transparency == "keep"),
        words=Words(options.credit, options.caption),
        page=options.page - 1,
    )
    bar = tqdm(total=len(plan), unit="photo", disable=not sys.stderr.isatty(), leave=False)
    outcomes, device = _work(plan, settings, options, bar) if plan else (iter(()), options.device)
    done = _follow(outcomes, bar)
    shown = _redact_clips(clips, request, options) if clips else []
    stopped = [
        failure(item.source.name, "stopped before it was finished; run it again")
        for item in plan[len(done) :]
    ]
    records = [outcome.record for outcome in [*lost, *done, *stopped]]
    certified = certificate(records, options.k_same) if options.k_same else None
    if options.report:
        write_report(
            options.report,
            records,
            k_same=certified,
            version=__version__,
            device=device,
            seed=request.seed,
            overwrite=options.overwrite,
            clips=shown,
        )
    photos = [record.status for record in records]
    videos = [record["status"] for record in shown]
    for kind, states in (("photo", photos), ("clip", videos)):
        if states or (kind == "photo" and not clips):
            _sum_up(kind, states)
    if certified is not None:
        print(_certified(certified))
        if not certified["holds"]:
            return 1
    return 0 if set(photos + videos) == {"exported"} else 1


def _sum_up(kind: str, states: Sequence[str]) -> None:
    total = f"{len(states)} {kind}{'' if len(states) == 1 else 's'}"
    names = ("exported", "blocked", "failed")
    print(f"{total}: " + ", ".join(f"{states.count(name)} {name}" for name in names))


def _redact_clips(
    clips: Sequence[Path], request: Request, options: argparse.Namespace
) -> list[dict[str, Any]]:
    sound = choose_sound(options.audio, tell=_tell)
    from deid_desktop.core.pipeline import Pipeline

    return redact_clips(
        Pipeline(options.device), clips, options.out, request, any_seed=options.seed is None,
        sound=sound, overwrite=options.overwrite, tell=_tell,
    )  # fmt: skip


def _require_fitting(options: argparse.Namespace) -> None:
    """Check that nothing was asked for beside k-Same that would break its promise."""
    if options.k_same is None:
        return
    for wrong, given in (
        (options.method != Method.SURROGATE, f"--method {options.method}"),
        (options.people != "same", f"--people {options.people}"),
        (bool(options.dask), "--dask"),
        (any(map(is_clip, options.inputs)), "clips"),
    ):
        if wrong:
            raise DeidError(f"--k-same does not go with {given}; leave one of them out")


def _certified(found: dict[str, Any]) -> str:
    words = (
        f"k-Same, k = {found['k']}: {found['people']} people in {found['clusters']} clusters, the "
        f"smallest of {found['smallest_cluster']}, of whom {found['smallest_exported']} exported"
    )
    if found["holds"]:
        return words
    return f"{words}: too few for the guarantee; do not publish these photos, see the reasons above"


def _work(
    plan: list[Planned], settings: Settings, options: argparse.Namespace, bar: tqdm[Any]
) -> tuple[Iterator[Outcome], str]:
    """Return the outcomes to come, and the device that they come from."""
    if options.dask:
        if settings.request.method is Method.SURROGATE and settings.people == "same":
            _tell(_CLUSTER_NOTE)
        return redact_on_cluster(options.dask, plan, settings), settings.device
    # Loads torch, which takes seconds: not before the arguments are known to be good.
    from deid_desktop.core.pipeline import Pipeline

    pipeline = Pipeline(settings.device)
    _say_what_is_open(settings.limits)
    settings = replace(settings, device=pipeline.device)
    outcomes = redact_files(
        pipeline, plan, settings, jobs=options.jobs, step=bar.set_description_str
    )
    return outcomes, pipeline.device


def _plan(options: argparse.Namespace) -> tuple[list[Planned], list[Outcome]]:
    """Return what is to be done, and an outcome for every input that cannot be."""
    places: dict[Path, tuple[Path, Path]] = {}
    lost = []
    for given in options.inputs:
        try:
            for photo in find_photos([given], skip=options.out):
                place = Path(photo.name) if photo == given else photo.relative_to(given)
                places.setdefault(photo.resolve(), (photo, place))
        except ImageError as error:
            outcome = failure(given.name, str(error))
            lost.append(outcome)
            _tell(outcome.record.reason)
    return plan_targets(places.values(), options.out, writable=WRITABLE_SUFFIXES), lost


def _follow(outcomes: Iterable[Outcome], bar: tqdm[Any]) -> list[Outcome]:
    """Show progress and say what went wrong; on ^C return what is done so far."""
    done = []
    with bar:
        try:
            for outcome in outcomes:
                done.append(outcome)
                bar.update()
                for warning in outcome.warnings:
                    _tell(f"warning: {warning}")
                if outcome.record.reason:
                    _tell(f"{outcome.record.status}: {outcome.record.reason}")
        except KeyboardInterrupt:
            _tell("stopped")
    return done


def _tell(text: str) -> None:
    tqdm.write(printable(text), file=sys.stderr)
