"""Draws the curves of a report as SVG; matplotlib comes with the extra ``evaluation``."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from deid_desktop.evaluation.experiment import Attack, MethodResult
from deid_desktop.evaluation.gallery import EvaluationError


def require_matplotlib() -> None:
    """Fail before long work if nothing can be drawn.

    Raises:
        EvaluationError: matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise EvaluationError(
            "The plots need matplotlib, which is not installed; install deid-desktop[evaluation]"
        ) from error


def draw(results: Sequence[MethodResult]) -> dict[str, str]:
    """Return SVG by name: ``cmc`` and ``roc``, one panel for each attacker and recogniser."""
    import matplotlib

    # Text as text: smaller, searchable, and readable aloud. The salt makes files repeatable.
    with matplotlib.rc_context(
        {"svg.fonttype": "none", "svg.hashsalt": "deid", "font.family": "sans-serif"}
    ):
        return {"cmc": _panels(results, _cmc), "roc": _panels(results, _roc)}


def _panels(results: Sequence[MethodResult], plot: Any) -> str:
    from matplotlib.figure import Figure

    attacks = [(result.name, attack) for result in results for attack in result.attacks]
    recognisers = sorted({attack.recogniser for _, attack in attacks}) or [""]
    attackers = list(dict.fromkeys(attack.attacker for _, attack in attacks)) or [""]
    size = (4.2 * len(attackers), 3.6 * len(recognisers))
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(recognisers), len(attackers), squeeze=False)
    for row, recogniser in zip(grid, recognisers, strict=True):
        for axes, attacker in zip(row, attackers, strict=True):
            axes.set_title(f"{attacker}, {recogniser}", fontsize=10)
            axes.grid(alpha=0.3)
            for name, attack in attacks:
                if (attack.recogniser, attack.attacker) == (recogniser, attacker):
                    plot(axes, name, attack)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=9)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def _cmc(axes: Any, name: str, attack: Attack) -> None:
    ranks = np.arange(1, len(attack.cmc) + 1)
    if not axes.lines:
        axes.plot(ranks, ranks / len(ranks), color="grey", linestyle=":", label="chance")
    axes.plot(ranks, attack.cmc, label=name)
    axes.set(xlabel="rank", ylabel="identification rate", xscale="log", ylim=(-0.02, 1.02))


def _roc(axes: Any, name: str, attack: Attack) -> None:
    if not axes.lines:
        rates = np.logspace(-4, 0, 50)
        axes.plot(rates, rates, color="grey", linestyle=":", label="chance")
    axes.step(attack.roc.far, attack.roc.tar, where="post", label=name)
    axes.set(xlabel="FAR", ylabel="TAR", xscale="log", xlim=(5e-4, 1), ylim=(-0.02, 1.02))
