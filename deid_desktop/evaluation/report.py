"""Writes an experiment down: tables on the terminal, JSON, CSV and one HTML page that stands alone.

With every number go the model, the threshold or false-accept rate, and the size of the sample.
Nothing written here holds a picture, an embedding or a path.
"""

from __future__ import annotations

import csv
import html
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deid_desktop.core.naming import printable
from deid_desktop.evaluation import plots
from deid_desktop.evaluation.averaging import AveragingResult
from deid_desktop.evaluation.experiment import Attack, MethodResult
from deid_desktop.evaluation.gallery import Gallery, Problem
from deid_desktop.evaluation.metrics import FARS, Figure
from deid_desktop.evaluation.recognisers import Recogniser
from deid_desktop.evaluation.utility import UNITS

Row = list[str]
Table = tuple[str, Row, list[Row]]
"""Title, heads, rows."""


@dataclass(frozen=True, eq=False)
class Report:
    """Everything that one run measured."""

    version: str
    gallery: Gallery
    results: list[MethodResult]
    averaging: list[AveragingResult]
    recognisers: Sequence[Recogniser]
    settings: dict[str, Any]

    def notes(self) -> list[str]:
        """Return what a reader must know to read the numbers."""
        gallery = self.gallery
        source = (
            "The gallery shows the originals of the very pictures that were de-identified, so "
            "clothes, hair, light and expression are the same: harder to hide than other pictures "
            "of the same people. A parrot that holds the same picture under a method without "
            "randomness recognises it trivially, and surrogates, too, where it knows the seed."
            if gallery.same_pictures
            else "Gallery and probes are different pictures of the same people."
        )
        return [
            f"{len(gallery.subjects)} people, {len(gallery.probes)} probes, "
            f"{len(gallery.problems)} pictures or people set aside (named below). {source}",
            "Intervals are 95 %, from a bootstrap over people; exact binomial for shares of "
            "pictures and where nobody or everybody was recognised.",
            *(
                f"{r.name}: {r.model}, score is {r.measure}, "
                f"{'in' if r.in_loop else 'outside'} the loop that makes surrogates. Fixed "
                "thresholds from 102 people of the London set, neutral against smiling: "
                + ", ".join(f"{t:g} at FAR {far:g}" for far, t in r.thresholds.items())
                + "."
                for r in self.recognisers
            ),
            "TAR at FAR uses the threshold at which this table itself reaches the FAR, that is, "
            "an attacker who adapts; “accepted” uses the fixed threshold.",
            "Gender, age, pose and expression are estimates of the program's own analysis models.",
        ]

    def tables(self) -> list[Table]:
        """Return all tables with their numbers as text."""
        tables = [self._attacks(), self._verdicts(), self._kept(), self._averages()]
        return [table for table in tables if table[2]]

    def problems(self) -> list[Problem]:
        """Return everything that was set aside or blocked."""
        blocked = [
            Problem(f"{result.name}: {problem.name}", problem.reason)
            for result in self.results
            for problem in result.blocked
        ]
        return [*self.gallery.problems, *blocked]

    def _attacks(self) -> Table:
        heads = ["method", "recogniser", "attacker", "people", "probes", "left out", "chance",
                 "rank-1", "AUC", "EER", *(f"TAR @ FAR {far:g}" for far in FARS),
                 *(f"accepted @ FAR {far:g}" for far in FARS)]  # fmt: skip
        rows = [
            [result.name, attack.recogniser, attack.attacker, str(attack.people),
             str(attack.probes), str(attack.excluded), percent(attack.chance),
             with_interval(attack.figures["rank-1"]),
             number_with_interval(attack.figures["auc"]), with_interval(attack.figures["eer"]),
             *(with_interval(attack.figures[f"tar@{far:g}"]) for far in FARS),
             *(with_interval(attack.accepted[far]) for far in FARS)]
            for result in self.results
            for attack in result.attacks
        ]  # fmt: skip
        return "Recognition after de-identification", heads, rows

    def _verdicts(self) -> Table:
        heads = ["verified", "threshold (sface)", "to original: mean", "largest",
                 "to nearest donor: mean", "largest", "rounds"]  # fmt: skip
        rows = [
            [f"{loop['verified']} of {loop['made']}", f"{loop['threshold']:.3f}",
             f"{loop['similarity to original, mean']:.3f}",
             f"{loop['similarity to original, largest']:.3f}",
             f"{loop['similarity to nearest donor, mean']:.3f}",
             f"{loop['similarity to nearest donor, largest']:.3f}",
             ", ".join(f"{n} in round {int(p) + 1}" for p, n in sorted(loop["rounds"].items()))]
            for loop in (result.loop for result in self.results) if loop
        ]  # fmt: skip
        return "The program's own verdicts on its surrogates (probes)", heads, rows

    def _kept(self) -> Table:
        heads = ["method", "pictures", "exported", "face found again", *UNITS]
        rows = [
            [result.name, str(result.pictures), str(result.pictures - len(result.blocked)),
             with_interval(result.detected) if result.detected else "–",
             *(number_with_interval(result.utility[name]) if name in result.utility else "–"
               for name in UNITS)]
            for result in self.results
        ]  # fmt: skip
        return "What was kept (means over the faces found again)", heads, rows

    def _averages(self) -> Table:
        heads = ["recogniser", "exports", "people", "threshold", "picture: mean", "largest",
                 "embeddings: mean", "largest", "people over"]  # fmt: skip
        rows = [
            [r.recogniser, str(r.exports), str(r.people), f"{r.threshold:.3f} (FAR {r.far:g})",
             f"{r.pixels_mean:.3f}", f"{r.pixels_largest:.3f}", f"{r.embeddings_mean:.3f}",
             f"{r.embeddings_largest:.3f}", str(r.over)]
            for r in self.averaging
        ]  # fmt: skip
        return "Averaging attack: many exports of one photo, likeness to the subject", heads, rows

    def document(self) -> dict[str, Any]:
        """Return everything as JSON knows it."""
        return {
            "version": self.version,
            "settings": self.settings,
            "people": len(self.gallery.subjects),
            "probes": len(self.gallery.probes),
            "same pictures in gallery and probes": self.gallery.same_pictures,
            "notes": self.notes(),
            "methods": [
                {
                    "method": result.name,
                    "pictures": result.pictures,
                    "blocked": len(result.blocked),
                    "detected": result.detected and vars(result.detected),
                    "utility": {name: vars(value) for name, value in result.utility.items()},
                    "verdicts": result.loop,
                    "attacks": [_attack_record(attack) for attack in result.attacks],
                }
                for result in self.results
            ],
            "averaging": [vars(result) for result in self.averaging],
            "units": UNITS,
            "set aside": [vars(problem) for problem in self.problems()],
        }


def write(report: Report, folder: Path) -> None:
    """Write ``report.json``, ``report.csv``, the plots and ``report.html``; old ones give way."""
    text = json.dumps(_plain(report.document()), indent=2, ensure_ascii=False, allow_nan=False)
    (folder / "report.json").write_text(text + "\n", encoding="utf-8")
    with (folder / "report.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(_csv_rows(report))
    pictures = plots.draw(report.results)
    for name, svg in pictures.items():
        (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
    (folder / "report.html").write_text(_html(report, pictures), encoding="utf-8")


def as_text(report: Report) -> str:
    """Return notes and tables for a terminal."""
    parts = ["\n".join(report.notes())]
    for title, heads, rows in report.tables():
        widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in (heads, *rows)
        ]
        parts.append("\n".join([title, *lines]))
    problems = report.problems()
    if problems:
        lines = [f"  {printable(p.name)}: {printable(p.reason)}" for p in problems]
        parts.append("\n".join([f"Set aside or blocked: {len(problems)}", *lines]))
    return "\n\n".join(parts)


def percent(value: float) -> str:
    """Return a share as text."""
    return f"{100 * value:.1f} %"


def with_interval(figure: Figure) -> str:
    """Return a share and its interval in percent."""
    return f"{100 * figure.value:.1f} % [{100 * figure.low:.1f}, {100 * figure.high:.1f}]"


def number_with_interval(figure: Figure) -> str:
    """Return a number and its interval."""
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"


def _attack_record(attack: Attack) -> dict[str, Any]:
    record = {
        name: value for name, value in vars(attack).items() if name not in ("cmc", "roc", "figures")
    }
    return record | {
        "chance": attack.chance,
        "figures": {name: vars(figure) for name, figure in attack.figures.items()},
        "accepted": {far: vars(figure) for far, figure in attack.accepted.items()},
        "cmc": attack.cmc.tolist(),
        "roc": {"far": attack.roc.far.tolist(), "tar": attack.roc.tar.tolist()},
    }


def _csv_rows(report: Report) -> list[list[Any]]:
    """One number a row: easier to filter than wide tables."""
    rows: list[list[Any]] = [
        ["method", "recogniser", "attacker", "people", "probes", "figure", "value", "low", "high"]
    ]
    for result in report.results:
        for attack in result.attacks:
            accepted = {f"accepted@{far:g}": value for far, value in attack.accepted.items()}
            for name, value in (attack.figures | accepted).items():
                rows.append([result.name, attack.recogniser, attack.attacker, attack.people,
                             attack.probes, name, value.value, value.low, value.high])  # fmt: skip
        found = {"face found again": result.detected} if result.detected else {}
        for name, value in (found | result.utility).items():
            rows.append([result.name, "", "", len(report.gallery.subjects), result.pictures, name,
                         value.value, value.low, value.high])  # fmt: skip
    return rows


def _html(report: Report, pictures: dict[str, str]) -> str:
    body = [f"<p>{html.escape(note)}</p>" for note in report.notes()]
    settings = ", ".join(f"{name}: {value}" for name, value in report.settings.items())
    body.insert(0, f"<p>Deid Desktop {html.escape(report.version)}; {html.escape(settings)}</p>")
    for title, heads, rows in report.tables():
        body.append(f"<h2>{html.escape(title)}</h2><table>{_html_rows(heads, rows)}</table>")
    body += [svg[svg.index("<svg") :] for svg in pictures.values()]
    problems = report.problems()
    if problems:
        cells = [[p.name, p.reason] for p in problems]
        body.append(f"<h2>Set aside or blocked: {len(problems)}</h2>")
        body.append(f"<table>{_html_rows(['what', 'why'], cells)}</table>")
    return _PAGE.replace("BODY", "\n".join(body))


def _html_rows(heads: Row, rows: list[Row]) -> str:
    def line(cells: Row, tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    return line(heads, "th") + "".join(line(row, "td") for row in rows)


_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Anonymity report</title>
<style>
body { font: 15px/1.5 sans-serif; margin: 2em auto; max-width: 100em; padding: 0 1em }
table { border-collapse: collapse; display: block; overflow-x: auto }
td, th { border-bottom: 1px solid #ccc; padding: .2em .7em; text-align: left; white-space: nowrap }
svg { max-width: 100%; height: auto }
</style>
<h1>Anonymity report</h1>
BODY
</html>
"""


def _plain(value: Any) -> Any:
    """Return ``value`` as JSON knows it: short numbers, infinities as null."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return round(value, 5) if math.isfinite(value) else None
    return value
