"""The commands ``evaluate`` and ``study`` of the terminal program: arguments, then the work.

Loads nothing heavy until a command runs.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Sequence
from pathlib import Path

from deid_desktop import __version__
from deid_desktop.core.naming import printable

_METHODS = "none,blur,pixelate:16,pixelate:8,solid,k-same-pixel,surrogate"


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``evaluate``."""
    add = parser.add_argument
    add("gallery", type=Path, metavar="GALLERY",
        help="one sub-folder for each person, or one picture of each")  # fmt: skip
    add("--out", type=Path, required=True, metavar="DIR", help="folder for report and surrogates")
    add("--probes", type=Path, metavar="DIR", help="other pictures of the same people")
    add("--methods", default=_METHODS, metavar="LIST",
        help="of none, blur[:N], pixelate[:N], solid, k-same-pixel[:K], surrogate, "
             "k-same[:K] (default %(default)s)")  # fmt: skip
    add("--recognisers", default="sface,dlib", metavar="LIST", help="default %(default)s")
    add("--attackers", default="naive,reverse,parrot", metavar="LIST", help="default %(default)s")
    add("--inside", action="store_true",
        help="attackers see only the face of every picture, grey beside it")  # fmt: skip
    add("--limit", type=positive, metavar="N", help="only the first N people")
    add("--averaging", type=positive, metavar="N", help="average N exports of one photo")
    add("--averaging-people", type=positive, default=5, metavar="N",
        help="of so many people (default %(default)s)")  # fmt: skip
    add("--seed", type=int, default=0, metavar="N")
    add("--jobs", type=positive, default=1, metavar="N", help="processes that make surrogates")
    add("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")
    parser.set_defaults(run=evaluate)


def positive(text: str) -> int:
    """Parse a whole number from 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def evaluate(options: argparse.Namespace) -> int:
    """Run the experiment, print the tables and write the report.

    Raises:
        DeidError: the gallery, a name in a list or the folder is no good.
    """
    from deid_desktop.core.detect import Detector
    from deid_desktop.core.pipeline import Pipeline
    from deid_desktop.core.sandbox import Limits
    from deid_desktop.crew import Alone, Crew
    from deid_desktop.evaluation import averaging, plots, report
    from deid_desktop.evaluation.experiment import ATTACKERS, Experiment
    from deid_desktop.evaluation.gallery import read_gallery
    from deid_desktop.evaluation.methods import SurrogateMaker, make_method
    from deid_desktop.evaluation.recognisers import RECOGNISERS

    pipeline, detector = Pipeline(options.device), Detector()
    several = options.jobs > 1
    crew = Crew(options.device, Limits(), options.jobs) if several else Alone(pipeline)
    maker = SurrogateMaker(pipeline, options.out / "surrogates", crew)
    methods = {
        name: make_method(name, maker=maker) for name in dict.fromkeys(options.methods.split(","))
    }
    recognisers = [RECOGNISERS[name]() for name in _names(options.recognisers, [*RECOGNISERS])]
    attackers = _names(options.attackers, ATTACKERS)
    plots.require_matplotlib()
    make_folder(options.out)
    gallery = read_gallery(options.gallery, detector, probes=options.probes, limit=options.limit)
    experiment = Experiment(
        gallery, recognisers, attackers, detector, seed=options.seed, inside=options.inside
    )
    with contextlib.closing(crew):
        results = [experiment.run(name, hide) for name, hide in methods.items()]
        averages = (
            averaging.attack(
                gallery, maker, recognisers, detector,
                exports=options.averaging, people=options.averaging_people,
            )
            if options.averaging
            else []
        )  # fmt: skip
    settings = {
        "methods": list(methods),
        "attackers": attackers,
        "seed": options.seed,
        "limit": options.limit,
        "inside": options.inside,
    }
    found = report.Report(__version__, gallery, results, averages, recognisers, settings)
    report.write(found, options.out)
    print(report.as_text(found))
    return 0


def _names(text: str, known: Sequence[str]) -> list[str]:
    from deid_desktop.evaluation.gallery import EvaluationError

    names = list(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in known:
            raise EvaluationError(f"{name}: no such name; choose from {', '.join(known)}")
    return names


def make_folder(folder: Path) -> None:
    """Make the folder for the results.

    Raises:
        EvaluationError: it cannot be made.
    """
    from deid_desktop.evaluation.gallery import EvaluationError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EvaluationError(
            f"{folder.name}: the folder cannot be made ({error.strerror}); choose another"
        ) from error


def add_study(parser: argparse.ArgumentParser) -> None:
    """Declare ``study make`` and ``study score``."""
    commands = parser.add_subparsers(required=True, metavar="make|score")
    made = commands.add_parser("make", help="write an offline page with questions, and its key")
    add = made.add_argument
    add("gallery", type=Path, metavar="GALLERY",
        help="one sub-folder for each person, or one picture of each")  # fmt: skip
    add("--out", type=Path, required=True, metavar="DIR", help="folder for page and key")
    add("--limit", type=positive, metavar="N", help="only the first N people")
    add("--seed", type=int, default=0, metavar="N")
    add("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")
    made.set_defaults(run=study_make)
    scored = commands.add_parser("score", help="compare answers with the key")
    scored.add_argument("answers", nargs="+", type=Path, metavar="ANSWERS.csv")
    scored.add_argument("key", type=Path, metavar="KEY")
    scored.set_defaults(run=study_score)


def study_make(options: argparse.Namespace) -> int:
    """Make the page and its key.

    Raises:
        DeidError: the gallery is no good or too small.
    """
    from deid_desktop.core.detect import Detector
    from deid_desktop.core.pipeline import Pipeline
    from deid_desktop.evaluation import study
    from deid_desktop.evaluation.gallery import read_gallery
    from deid_desktop.evaluation.methods import SurrogateMaker

    make_folder(options.out)
    gallery = read_gallery(options.gallery, Detector(), limit=options.limit)
    maker = SurrogateMaker(Pipeline(options.device), options.out / "surrogates")
    problems = study.make(gallery, maker, options.out, seed=options.seed)
    for problem in [*gallery.problems, *problems]:
        print(f"left out: {printable(problem.name)}: {printable(problem.reason)}")
    print(
        "study.html shows original faces: keep it as safe as the photos. Keep key.json to yourself."
    )
    return 0


def study_score(options: argparse.Namespace) -> int:
    """Print accuracy against chance.

    Raises:
        DeidError: answers and key do not fit.
    """
    from deid_desktop.evaluation import study

    titles = {"who": "who is it?", "real": "real or synthetic?"}
    for found in study.score(options.answers, options.key):
        accuracy = f"{100 * found.right / found.answered:.1f} %" if found.answered else "–"
        print(
            f"{titles[found.kind]}  {found.right} of {found.answered} right, {accuracy} "
            f"[{100 * found.low:.1f}, {100 * found.high:.1f}], chance {100 * found.chance:.1f} %, "
            f"p = {found.p:.3g} (one-sided exact binomial), {found.unanswered} unanswered"
        )
    if len(options.answers) > 1:
        print("Several people judged the same pictures: the interval takes them as independent.")
    return 0
