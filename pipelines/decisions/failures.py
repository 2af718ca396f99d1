"""Does a candidate fail more often than the stable release, by more than is tolerated?

Wilson's score interval for a rate (Wilson 1927), and from two of them the hybrid score interval for their difference
(Newcombe 1998, Statistics in Medicine 17:873, method 10). It holds its level at rates near zero, where failures live.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from pipelines.decisions.trial import ENOUGH, Evidence, Finding, Levels

MOST = 1 << 30


@dataclass(frozen=True, kw_only=True)
class Rate:
    """A rate between two one-sided bounds."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Failures among judged requests. With `share`, `judged` were to be mirrored, of which `failures` are missing."""

    judged: float
    failures: float
    share: float = 1.0

    def rate(self, alpha: float) -> Rate:
        """The failure rate, each bound wrong with probability `alpha`; nothing judged is taken for no failure."""
        if not self.judged:
            return Rate(value=0.0, low=0.0, high=0.0)
        if self.share == 1.0:
            return wilson(self.failures, self.judged, alpha)
        seen = wilson(self.judged - self.failures, self.judged, alpha)
        low, value, high = (max(0.0, 1.0 - one / self.share) for one in (seen.high, seen.value, seen.low))
        return Rate(value=value, low=low, high=high)

    def times(self, factor: float) -> "Counts":
        """The same rates after so many times as many requests."""
        return Counts(judged=self.judged * factor, failures=self.failures * factor, share=self.share)


def wilson(events: float, trials: float, alpha: float) -> Rate:
    """The rate of `events` among `trials` between its one-sided score bounds."""
    z = NormalDist().inv_cdf(1 - alpha)
    rate, spread = events / trials, z * z / trials
    middle = (rate + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(rate * (1 - rate) / trials + spread / (4 * trials))
    return Rate(value=rate, low=min(rate, max(0.0, middle - half)), high=max(rate, min(1.0, middle + half)))


def difference(one: Rate, other: Rate) -> Rate:
    """`one` minus `other` between one-sided bounds of the same level."""
    value = one.value - other.value
    low = value - math.hypot(one.value - one.low, other.high - other.value)
    high = value + math.hypot(one.high - one.value, other.value - other.low)
    return Rate(value=value, low=low, high=high)


def judge_failures(evidence: Evidence, *, tolerance: float, levels: Levels) -> Finding:
    """Back when the lower bound of the excess is above `tolerance`, go when its upper bound is not."""
    candidate, stable = counts_of(evidence), baseline(evidence)
    judged = int(evidence.judged())
    low = difference(candidate.rate(levels.back), stable.rate(levels.back)).low
    excess = difference(candidate.rate(levels.go), stable.rate(levels.go))
    text = (
        f"{candidate.rate(0.5).value:.1%} of {judged} requests failed, {stable.rate(0.5).value:.1%} of the stable "
        f"release's {int(stable.judged)}"
    )
    values: dict[str, Any] = {"value": excess.value, "low": low, "high": excess.high, "limit": tolerance}
    if judged >= ENOUGH and low > tolerance:
        message = f"{text}: an excess of at least {low:.1%} is proven, {tolerance:.1%} is tolerated."
        return Finding(metric="failures", verdict="back", message=message, **values)
    if judged >= ENOUGH and excess.high < tolerance:
        message = f"{text}: an excess above {excess.high:.1%} is excluded, {tolerance:.1%} is tolerated."
        return Finding(metric="failures", verdict="go", message=message, needed=judged, **values)
    needed = enough(candidate, stable, tolerance, levels.go_next)
    possible = f"{max(low, 0.0):.1%} to {excess.high:.1%}"
    message = f"{text}: an excess of {possible} is possible, {tolerance:.1%} is tolerated."
    return Finding(metric="failures", verdict="hold", message=message, needed=needed, **values)


def counts_of(evidence: Evidence) -> Counts:
    """The candidate's failures: those of its own requests, or the mirrored ones that it did not answer."""
    mirror = evidence.mirror
    if mirror is None:
        return Counts(judged=evidence.candidate.judged, failures=evidence.candidate.failures)
    return Counts(judged=mirror.answered, failures=mirror.answered - mirror.mirrored, share=mirror.share)


def baseline(evidence: Evidence) -> Counts:
    """The stable release's failures, of this step or the one before; a release that never was seen fails never."""
    if evidence.stable.judged < ENOUGH and evidence.before is not None:
        return Counts(judged=evidence.before.judged, failures=evidence.before.failures)
    return Counts(judged=evidence.stable.judged, failures=evidence.stable.failures)


def enough(candidate: Counts, stable: Counts, tolerance: float, alpha: float) -> int | None:
    """How many judged requests would exclude an excess above `tolerance` at these rates; None when none would."""
    judged = candidate.judged * candidate.share

    def excluded(number: float) -> bool:
        if not judged:
            return Counts(judged=number, failures=0).rate(alpha).high < tolerance
        factor = number / judged
        return difference(candidate.times(factor).rate(alpha), stable.times(factor).rate(alpha)).high < tolerance

    return first(excluded, low=max(ENOUGH, math.ceil(judged)))


def first(true: Callable[[float], bool], low: int) -> int | None:
    """The smallest number from `low` on for which `true` holds, as it does for all larger ones; None beyond MOST."""
    high = low
    while not true(high):
        high *= 2
        if high > MOST:
            return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if true(middle) else (middle + 1, high)
    return low
