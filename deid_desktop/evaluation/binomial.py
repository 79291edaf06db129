"""Exact statistics of counted successes, for small samples and for shares of none or all."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, lgamma, log, log1p


def tail(successes: int, trials: int, chance: float) -> float:
    """Return the probability of at least ``successes`` in ``trials`` at ``chance`` each."""
    if successes <= 0:
        return 1.0
    if chance <= 0:
        return 0.0
    if chance >= 1:
        return 1.0
    terms = (
        lgamma(trials + 1) - lgamma(n + 1) - lgamma(trials - n + 1)
        + n * log(chance) + (trials - n) * log1p(-chance)
        for n in range(successes, trials + 1)
    )  # fmt: skip
    return min(1.0, sum(exp(term) for term in terms))


def interval(successes: int, trials: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return the exact confidence interval of a share (Clopper and Pearson 1934)."""
    rest = (1 - level) / 2
    low = _solve(lambda chance: tail(successes, trials, chance), rest) if successes else 0.0
    if successes == trials:
        return low, 1.0
    return low, _solve(lambda chance: tail(successes + 1, trials, chance), 1 - rest)


def _solve(rising: Callable[[float], float], wanted: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < wanted else (low, middle)
    return (low + high) / 2
