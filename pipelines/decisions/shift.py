"""Do a candidate's live predictions differ from the stable release's as they did at validation?

A better model does shift predictions; what counts is the distance between the live shift and the validated one, in
standard deviations of the stable release's scores.
"""

import math
from dataclasses import dataclass
from typing import Any

from pipelines.decisions.trial import ENOUGH, Evidence, Finding, Levels, Shift


@dataclass(frozen=True, kw_only=True)
class Distance:
    """The distance in one score column, with its standard error, both in standard deviations."""

    column: int
    value: float
    error: float

    def bounds(self, width: float) -> tuple[float, float]:
        """The smallest and the largest absolute distance within `width` standard errors."""
        reach = width * self.error
        return max(0.0, abs(self.value) - reach), abs(self.value) + reach


def judge_shift(evidence: Evidence, *, tolerance: float, levels: Levels) -> Finding:
    """Back when some column is proven farther off than `tolerance`, go when every one is proven nearer."""
    shift = evidence.shift
    if shift is None:
        return without(evidence, tolerance)
    if shift.clusters < ENOUGH:
        message = f"{shift.clusters} entities or requests are too few to compare predictions."
        needed = evidence.judged() + ENOUGH - shift.clusters
        return Finding(metric="shift", verdict="hold", message=message, limit=tolerance, needed=needed)
    found = distances(shift)
    far = student(1 - levels.back / (2 * len(found)), shift.clusters)
    near = student(1 - levels.go, shift.clusters)
    proven = max(found, key=lambda one: one.bounds(far)[0])
    worst = max(found, key=lambda one: one.bounds(near)[1])
    low, high = proven.bounds(far)[0], worst.bounds(near)[1]
    chosen = proven if low > tolerance else worst
    text = f"predictions are {abs(chosen.value):.2f} standard deviations from the validated shift{where(chosen, found)}"
    values: dict[str, Any] = {"value": abs(chosen.value), "low": chosen.bounds(far)[0], "high": high}
    values["limit"] = tolerance
    if low > tolerance:
        message = f"{text}: at least {low:.2f} is proven, {tolerance:g} is tolerated."
        return Finding(metric="shift", verdict="back", message=message, **values)
    if high < tolerance:
        message = f"{text}: more than {high:.2f} is excluded, {tolerance:g} is tolerated."
        return Finding(metric="shift", verdict="go", message=message, needed=evidence.judged(), **values)
    message = f"{text}: {values['low']:.2f} to {high:.2f} is possible, {tolerance:g} is tolerated."
    needed = enough(evidence.judged(), worst, student(1 - levels.go_next, shift.clusters), tolerance)
    return Finding(metric="shift", verdict="hold", message=message, needed=needed, **values)


def without(evidence: Evidence, tolerance: float) -> Finding:
    """No shift to judge: nothing is left to compare with, or nobody measured what to expect."""
    if evidence.percent == 100:
        message = "the stable release answers nothing any more; predictions were compared in the steps before."
        return Finding(metric="shift", verdict="unasked", message=message)
    message = "no shift against the present stable release is attested. Run `mlops validate` on the candidate here."
    return Finding(metric="shift", verdict="hold", message=message, limit=tolerance)


def distances(shift: Shift) -> list[Distance]:
    """One distance per column. Two probabilities of one row add up to 1, so that the second says it all."""
    columns = range(1, 2) if len(shift.live) == 2 else range(len(shift.live))
    scales = {column: shift.scale[column] or 1.0 for column in columns}
    return [
        Distance(
            column=column,
            value=(shift.live[column] - shift.expected[column]) / scales[column],
            error=shift.error[column] / scales[column],
        )
        for column in columns
    ]


def student(level: float, clusters: int) -> float:
    """The quantile of Student's distribution for a mean of so many clusters."""
    from scipy.stats import t

    return float(t.ppf(level, clusters - 1))


def where(chosen: Distance, found: list[Distance]) -> str:
    """Which column, when there are several."""
    return f" in score {chosen.column}" if len(found) > 1 else ""


def enough(judged: int, distance: Distance, width: float, tolerance: float) -> int | None:
    """How many judged requests would prove this distance tolerable: the error shrinks with the root of their number."""
    room = tolerance - abs(distance.value)
    if room <= 0:
        return None
    return max(judged + 1, math.ceil(judged * (width * distance.error / room) ** 2))
