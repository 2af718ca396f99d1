"""Does a candidate answer too slowly? The ratio of 95th percentiles, between order statistics.

The bounds of a quantile are two of the sorted observations, chosen by the binomial distribution (Hahn & Meeker 1991,
Statistical Intervals, 5.2): no assumption about the distribution of answer times.
"""

import math
from typing import Any

import numpy as np

from pipelines.decisions.trial import ENOUGH, Evidence, Finding, Levels

QUANTILE = 0.95


def p95(milliseconds: np.ndarray, alpha: float) -> tuple[float, float]:
    """Bounds of the 95th percentile, each wrong with probability `alpha`; 0 and inf where there is no bound."""
    from scipy.stats import binom

    ordered = np.sort(milliseconds)
    below, above = (int(binom.ppf(level, len(ordered), QUANTILE)) for level in (alpha, 1 - alpha))
    low = float(ordered[below - 1]) if below >= 1 else 0.0
    high = float(ordered[above]) if above < len(ordered) else math.inf
    return low, high


def judge_latency(evidence: Evidence, *, ratio: float, floor: float, levels: Levels) -> Finding:
    """Back when it is proven slower than `ratio` times the stable release and than `floor` milliseconds.

    Go when either is excluded. The bounds of one answer share its level.
    """
    mine = evidence.candidate.milliseconds
    if evidence.mirror is not None:
        return Finding(metric="latency", verdict="unasked", message="nobody waits for a mirrored request.")
    if len(mine) < ENOUGH:
        message = f"{len(mine)} answers of the candidate are too few for a 95th percentile."
        needed = evidence.judged() - len(mine) + fewest(levels.go_next / 3)
        return Finding(metric="latency", verdict="hold", message=message, limit=ratio, needed=needed)
    slow, fast = bounds(evidence, levels.back / 3)[0], bounds(evidence, levels.go / 3)[1]
    slowest, fastest = p95(mine, levels.go / 3)[1], p95(mine, levels.back / 3)[0]
    value = center(evidence)
    high = fast if math.isfinite(fast) else None
    values: dict[str, Any] = {"value": value, "low": slow, "high": high, "limit": ratio}
    text = f"the 95th percentile is {np.quantile(mine, QUANTILE):.0f} ms, {shown(value)} times the stable release's"
    if slow > ratio and fastest > floor:
        message = f"{text}: at least {slow:.1f} times is proven, {ratio:g} times is tolerated above {floor:g} ms."
        return Finding(metric="latency", verdict="back", message=message, **values)
    if fast < ratio or slowest < floor:
        message = f"{text}: it is within {ratio:g} times or below {floor:g} ms."
        return Finding(metric="latency", verdict="go", message=message, needed=evidence.judged(), **values)
    message = f"{text}: neither within nor beyond {ratio:g} times and {floor:g} ms is proven."
    return Finding(metric="latency", verdict="hold", message=message, needed=enough(evidence, ratio, levels), **values)


def stable_p95(evidence: Evidence, alpha: float) -> tuple[float, float] | None:
    """Bounds for the stable release, of this step or the one before; None when it was seen in neither."""
    if len(evidence.stable.milliseconds) >= ENOUGH:
        return p95(evidence.stable.milliseconds, alpha)
    return evidence.before.p95 if evidence.before is not None else None


def bounds(evidence: Evidence, alpha: float) -> tuple[float, float]:
    """Bounds of the ratio of percentiles."""
    low, high = p95(evidence.candidate.milliseconds, alpha)
    stable = stable_p95(evidence, alpha)
    if stable is None:
        return 0.0, math.inf
    return low / stable[1] if stable[1] else 0.0, high / stable[0] if stable[0] else math.inf


def center(evidence: Evidence) -> float | None:
    """The ratio of percentiles, each in the middle of what is known; None without a stable release."""
    stable = stable_p95(evidence, 0.5)
    middle = sum(stable) / 2 if stable is not None else 0.0
    return float(np.quantile(evidence.candidate.milliseconds, QUANTILE)) / middle if middle else None


def shown(ratio: float | None) -> str:
    """A ratio for a message."""
    return "an unknown number of" if ratio is None else f"{ratio:.1f}"


def enough(evidence: Evidence, ratio: float, levels: Levels) -> int | None:
    """How many judged requests would decide at these percentiles: a bound closes in with the root of their number."""
    answers, judged, value = len(evidence.candidate.milliseconds), evidence.judged(), center(evidence)
    if value is None or value >= ratio:
        return None
    high = bounds(evidence, levels.go_next / 3)[1]
    if math.isinf(high):
        return max(judged + ENOUGH, judged - answers + fewest(levels.go_next / 3))
    return max(judged + 1, math.ceil(judged * ((high - value) / (ratio - value)) ** 2))


def fewest(alpha: float) -> int:
    """The fewest observations with an upper bound of their 95th percentile."""
    return math.ceil(math.log(alpha) / math.log(QUANTILE))
