"""Do live values come from the distribution that the release was trained on, and how sure is the answer?

Distance: the population stability index over the release's own bins. Its uncertainty has two sources, the reference
sample and the live one. Under equal distributions PSI / (1/n + 1/m) is chi-squared with (bins - 1) degrees of freedom
(Yurdakul and Naranjo, "Statistical properties of the population stability index", Journal of Risk Model Validation
14(4), 2020); under a small true distance it is non-central chi-squared, whose non-centrality is that distance in the
same unit; under a large one the delta method applies. The interval covers both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import msgspec
import numpy as np
from scipy.optimize import brentq
from scipy.stats import ncx2, norm

from pipelines.decisions.findings import Finding, Part

SMOOTHING = 0.5
SMALLEST = 5.0
NORMAL_FROM = 2_000.0
PATIENCE = 20  # times the present rows, beyond which waiting for more is no advice


@dataclass(frozen=True, kw_only=True)
class Bins:
    """Counts of the same bins at reference and live; `ordered` bins are neighbours, others are values."""

    labels: tuple[str, ...]
    reference: np.ndarray
    live: np.ndarray
    ordered: bool


@dataclass(frozen=True, kw_only=True)
class Limits:
    """From which distance on a change matters, and how sure a verdict must be.

    `alpha` is the error probability of all verdicts of one watch together, `comparisons` their number.
    """

    distance: float
    missing: float
    minimum: int
    alpha: float
    comparisons: int = 1

    def each(self) -> float:
        """Error probability of one verdict (Bonferroni)."""
        return self.alpha / max(self.comparisons, 1)


def number_bins(
    edges: Sequence[float], reference: Sequence[int], live: Sequence[int], *, discrete: bool = False
) -> Bins:
    """Bins below, between and from the last of `edges` on; both counts have one item more than the edges.

    Edges that are all the values there are (`discrete`) name their bins.
    """
    bounds = [readable(edge) for edge in edges]
    inner = bounds[:-1] if discrete else [f"{low} to {high}" for low, high in pairwise(bounds)]
    labels = [f"below {bounds[0]}", *inner, f"from {bounds[-1]} on"] if bounds else ["all"]
    return Bins(labels=tuple(labels), reference=np.array(reference), live=np.array(live), ordered=True)


def readable(number: float) -> str:
    """A number with at most four digits that count, without an exponent where people would not write one."""
    return f"{float(f'{number:.4g}'):,.0f}" if 1e4 <= abs(number) < 1e12 else f"{number:.4g}"


def value_bins(reference: dict[str, int], live: dict[str, int]) -> Bins:
    """One bin for each value of either sample; a value that is new has a reference count of 0."""
    values = sorted({*reference, *live})
    return Bins(
        labels=tuple(values), ordered=False,
        reference=np.array([reference.get(value, 0) for value in values]),
        live=np.array([live.get(value, 0) for value in values]),
    )  # fmt: skip


def pooling(bins: Bins, size: float) -> list[list[int]]:
    """Which bins to put together because they are too small to be judged alone, neighbours when they are ordered.

    A bin stands alone when `size` live rows should fall into it five times, or did: an approximation by chi-squared
    needs that (Cochran 1954), and a value that is new and frequent must stay visible.
    """
    expected = bins.reference / max(bins.reference.sum(), 1) * size
    enough = np.maximum(expected, bins.live * size / max(bins.live.sum(), 1)) >= SMALLEST
    return neighbours(enough) if bins.ordered else rest(enough)


def pool(bins: Bins, size: float) -> Bins:
    """The bins, small ones put together."""
    return grouped(bins, pooling(bins, size))


def grouped(bins: Bins, groups: Sequence[Sequence[int]]) -> Bins:
    """The bins of each group as one."""
    return Bins(
        labels=tuple(merged_label([bins.labels[index] for index in group], bins.ordered) for group in groups),
        reference=np.array([bins.reference[list(group)].sum() for group in groups]),
        live=np.array([bins.live[list(group)].sum() for group in groups]),
        ordered=bins.ordered,
    )


def neighbours(enough: np.ndarray) -> list[list[int]]:
    """Groups of neighbouring bins, each with one bin that is large enough where there is any."""
    groups: list[list[int]] = []
    waiting: list[int] = []
    for index, alone in enumerate(enough):
        waiting.append(index)
        if alone:
            groups.append(waiting)
            waiting = []
    if waiting and groups:
        groups[-1] += waiting
    return groups or [waiting]


def rest(enough: np.ndarray) -> list[list[int]]:
    """Each large value alone, all others together."""
    small = [int(index) for index in np.flatnonzero(~enough)]
    return [[int(index)] for index in np.flatnonzero(enough)] + ([small] if small else [])


def merged_label(labels: list[str], ordered: bool) -> str:
    """What a person calls a group of bins."""
    if len(labels) == 1:
        return labels[0]
    if not ordered:
        return f"{len(labels)} rare values"
    low, high = labels[0].split(" to ")[0], labels[-1].split(" to ")[-1]
    if high.startswith("from"):
        return "all" if low.startswith("below") else f"from {low} on"
    return f"below {high}" if low.startswith("below") and " to " in labels[-1] else f"{low} to {high}"


def coarse(bins: Bins, most: int) -> Bins:
    """At most `most` bins for a reader: runs of neighbours, or the most frequent values and the rest."""
    count = len(bins.labels)
    if count <= most:
        return bins
    if bins.ordered:
        groups = [group.tolist() for group in np.array_split(np.arange(count), most)]
    else:
        order = np.argsort(-(shares(bins.reference) + shares(bins.live)), kind="stable").tolist()
        groups = [[index] for index in order[: most - 1]] + [order[most - 1 :]]
    return grouped(bins, groups)


def shares(counts: np.ndarray) -> np.ndarray:
    """Shares of bins, with half a row added to each so that an empty one has a logarithm."""
    smoothed = counts + SMOOTHING
    return smoothed / smoothed.sum()


def psi(reference: np.ndarray, live: np.ndarray) -> float:
    """Population stability index of two counts of the same bins; 0 for equal shares, without upper bound."""
    p, q = shares(reference), shares(live)
    return float(((q - p) * np.log(q / p)).sum())


def psi_interval(reference: np.ndarray, live: np.ndarray, *, size: float, alpha: float) -> tuple[float, float, float]:
    """(estimate, low, high) of the true PSI at level 1 - `alpha`, the bias of both finite samples removed.

    `size` is the number of independent live rows; it may be smaller than the live count.
    """
    counted = live * (size / max(live.sum(), 1))
    unit, degrees = 1 / max(size, 1) + 1 / max(int(reference.sum()), 1), len(reference) - 1
    if degrees < 1:
        return 0.0, 0.0, 0.0
    seen = psi(reference, counted)
    estimate = max(0.0, seen - degrees * unit)
    spread = float(norm.isf(alpha / 2)) * delta_error(reference, counted)
    low = min(noncentrality(seen / unit, degrees, 1 - alpha / 2) * unit, max(0.0, estimate - spread))
    high = max(noncentrality(seen / unit, degrees, alpha / 2) * unit, estimate + spread)
    return estimate, low, high


def noncentrality(statistic: float, degrees: int, probability: float) -> float:
    """The non-centrality at which a non-central chi-squared stays below `statistic` with `probability`; at least 0."""
    if statistic > NORMAL_FROM:
        z = float(norm.ppf(probability))
        deviation = 2 * (np.sqrt(z * z + statistic - degrees / 2) - z)  # of a normal with the same two moments
        return max(0.0, float(deviation**2 / 4 - degrees / 2))
    if ncx2.cdf(statistic, degrees, 1e-9) <= probability:
        return 0.0
    top = 4 * (statistic + degrees + 50)
    root: Any = brentq(lambda value: ncx2.cdf(statistic, degrees, value) - probability, 1e-9, top)
    return float(root)


def delta_error(reference: np.ndarray, live: np.ndarray) -> float:
    """Standard error of the PSI by the delta method for two multinomial samples."""
    p, q = shares(reference), shares(live)
    from_live, from_reference = np.log(q / p) + 1 - p / q, np.log(p / q) + 1 - q / p
    variance = weighted(from_live, q) / max(live.sum(), 1) + weighted(from_reference, p) / max(reference.sum(), 1)
    return float(np.sqrt(variance))


def weighted(values: np.ndarray, weights: np.ndarray) -> float:
    """Variance of `values` under `weights` that sum to 1."""
    return float((weights * values**2).sum() - (weights * values).sum() ** 2)


def judge_drift(
    kind: Literal["data-drift", "prediction-drift"], name: str, bins: Bins, *, size: float, limits: Limits
) -> Finding:
    """Drift of one column: `drift` when the distance is proven above the limit, `ok` when proven below.

    `size` is the number of independent live rows (entities); fewer than the minimum, or an interval on both sides of
    the limit, is `insufficient`.
    """
    rows = int(bins.live.sum())
    if size < limits.minimum:
        message = f"{name}: {size:.0f} independent rows, at least {limits.minimum} are needed to judge drift."
        return Finding(kind=kind, name=name, verdict="insufficient", message=message, rows=rows, limit=limits.distance)
    pooled = pool(bins, size)
    value, low, high = psi_interval(pooled.reference, pooled.live, size=size, alpha=limits.each())
    verdict = "drift" if low > limits.distance else "ok" if high <= limits.distance else "insufficient"
    _, part = strongest(name, pooled)
    finding = Finding(
        kind=kind, name=name, verdict=verdict, rows=rows, value=value, low=low, high=high, limit=limits.distance,
        part=part, message=f"{name}: PSI {value:.3f} [{low:.3f}, {high:.3f}], limit {limits.distance:.2f}",
    )  # fmt: skip
    return msgspec.structs.replace(finding, message=finding.message + addition(finding, part, size))


def addition(finding: Finding, part: Part, size: float) -> str:
    """What the verdict adds to the numbers: where the distance comes from, and how many rows would decide."""
    if finding.verdict == "ok":
        return "."
    where = f"most at {part.value}: {part.reference or 0:.1%} of the reference, {part.live or 0:.1%} live"
    if finding.verdict == "drift":
        return f"; {where}."
    value, low, high, limit = finding.value or 0.0, finding.low or 0.0, finding.high or 0.0, finding.limit or 0.0
    needed = more_rows(size, value, max(high - value, value - low), limit)
    wait = f"about {needed} more rows decide" if needed <= PATIENCE * size else "it lies at the limit"
    return f": undecided, {wait}; {where}."


def more_rows(size: float, value: float, half_width: float, limit: float) -> int:
    """How many more rows bring the half width of an interval, which falls with their root, below the distance."""
    gap = max(abs(value - limit), limit / 10)
    return max(1, round(size * ((half_width / gap) ** 2 - 1)))


def strongest(name: str, bins: Bins) -> tuple[int, Part]:
    """Number and description of the bin that contributes most to the distance, preferably by having grown."""
    p, q = shares(bins.reference), shares(bins.live)
    contribution = (q - p) * np.log(q / p)
    grown = np.where(q >= p, contribution, -1.0)
    index = int(grown.argmax() if grown.max() >= contribution.max() / 4 else contribution.argmax())
    return index, Part(
        column=name, value=bins.labels[index], rows=int(bins.live[index]),
        reference=float(bins.reference[index] / max(bins.reference.sum(), 1)),
        live=float(bins.live[index] / max(bins.live.sum(), 1)),
    )  # fmt: skip


def where(bins: Bins, size: float) -> list[int]:
    """The numbers of the bins that the finding's part consists of, to look up examples."""
    index, _ = strongest("", pool(bins, size))
    return pooling(bins, size)[index]


def judge_missing(
    name: str, *, reference: tuple[int, int], live: tuple[int, int], size: float, limits: Limits
) -> Finding:
    """Has the share of missing values changed by more than the limit? Pairs are (missing, rows).

    Interval: Newcombe's hybrid score interval for a difference of proportions (Statistics in Medicine 17, 1998,
    method 10), on the number of independent live rows.
    """
    if size < limits.minimum:
        message = f"{name}: {size:.0f} independent rows, at least {limits.minimum} are needed to judge missing values."
        return Finding(kind="missing", name=name, verdict="insufficient", message=message, rows=live[1])
    before, after = reference[0] / max(reference[1], 1), live[0] / max(live[1], 1)
    low, high = difference((after, size), (before, reference[1]), alpha=limits.each())
    beyond, within = low > limits.missing or high < -limits.missing, max(-low, high) <= limits.missing
    verdict = "drift" if beyond else "ok" if within else "insufficient"
    return Finding(
        kind="missing", name=name, verdict=verdict, rows=live[1], value=after - before, low=low, high=high,
        limit=limits.missing, expected=before,
        message=f"{name}: {before:.1%} missing at training, {after:.1%} live; "
        f"change [{low:+.1%}, {high:+.1%}], limit ±{limits.missing:.0%}.",
    )  # fmt: skip


def wilson(share: float, rows: float, alpha: float) -> tuple[float, float]:
    """Wilson's score interval (1927) of a proportion at level 1 - `alpha`."""
    if rows <= 0:
        return 0.0, 1.0
    z = float(norm.isf(alpha / 2))
    middle = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z / (1 + z * z / rows) * np.sqrt(share * (1 - share) / rows + z * z / (4 * rows**2))
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def difference(one: tuple[float, float], other: tuple[float, float], *, alpha: float) -> tuple[float, float]:
    """Newcombe's interval of (share of `one` - share of `other`), each a pair (share, rows)."""
    (p, _), (q, _) = one, other
    (p_low, p_high), (q_low, q_high) = wilson(*one, alpha), wilson(*other, alpha)
    return (
        p - q - float(np.hypot(p - p_low, q_high - q)),
        p - q + float(np.hypot(p_high - p, q - q_low)),
    )
