"""Is the release as good on live rows as was attested at its release? Labels come late; this judges those there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any, Literal

from pipelines.decisions.findings import Finding, Part, Verdict
from pipelines.decisions.statistics import Estimate, Interval, joint


@dataclass(frozen=True, kw_only=True)
class Promise:
    """What was attested about a metric: its value on the validation rows, between two bounds."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, attested: Mapping[str, Any]) -> "Promise":
        """The promise in an attestation's `{value, low, high}`; a bound that is not there is the value."""
        value = float(attested["value"])
        low, high = attested.get("low"), attested.get("high")
        return cls(value=value, low=value if low is None else float(low), high=value if high is None else float(high))


@dataclass(frozen=True, kw_only=True)
class Question:
    """A metric, which direction is good, how far it may fall below the promise, and how large a sample decides.

    `minimum` and every `sample` here count what the release's gates count (`gates.sample`), named by `counted`.
    """

    metric: str
    direction: Literal["higher", "lower"]
    tolerance: float
    minimum: int
    promise: Promise | None
    counted: str = "rows"

    def limit(self) -> float | None:
        """The value from which on the promise is broken: the bad end of the promised interval, less the tolerance."""
        if self.promise is None:
            return None
        if self.direction == "higher":
            return self.promise.low - self.tolerance
        return self.promise.high + self.tolerance

    def broken(self, value: float) -> bool:
        """Is `value` on the bad side of the limit?"""
        limit = self.limit()
        return limit is not None and (value < limit if self.direction == "higher" else value > limit)

    def good_end(self, live: Interval) -> float:
        """The end of an interval that has to be bad before a loss is proven."""
        return live.high if self.direction == "higher" else live.low

    def shortfall(self, value: float) -> float:
        """How much worse than promised `value` is; negative when it is better."""
        expected = self.promise.value if self.promise else value
        return expected - value if self.direction == "higher" else value - expected


@dataclass(frozen=True, kw_only=True)
class Group:
    """Labelled rows of one slice: which, how many, their metric with its draws, and requests to look at."""

    column: str
    name: str
    question: Question
    rows: int
    sample: int
    estimate: Estimate
    examples: tuple[str, ...] = ()


def judge_quality(question: Question, live: Interval, *, rows: int, sample: int) -> Finding:
    """`worse` when even the good end of the live interval breaks the promise.

    `insufficient` with a sample below the minimum, without a promise, or when only the value itself breaks it.
    """
    verdict = judged(question, live, rows=rows, sample=sample, name=question.metric)
    return Finding(kind="quality", name=question.metric, rows=rows, **verdict)


def judge_slices(groups: Sequence[Group], *, alpha: float) -> list[Finding]:
    """The findings, the worst first; the intervals of slices that are large enough hold jointly at 1 - `alpha`."""
    large = [index for index, group in enumerate(groups) if shortfall(group) > float("-inf")]
    bounds = dict(zip(large, joint([groups[index].estimate for index in large], alpha), strict=True))
    findings = [
        slice_finding(group, bounds.get(index) or group.estimate.interval(alpha)) for index, group in enumerate(groups)
    ]
    shortfalls = [shortfall(group) for group in groups]
    order = sorted(range(len(groups)), key=lambda index: (findings[index].verdict != "worse", -shortfalls[index]))
    return [findings[index] for index in order]


def shortfall(group: Group) -> float:
    """What the group lost against its promise; groups too small to say come last."""
    value = group.estimate.value
    if isnan(value) or group.sample < group.question.minimum:
        return float("-inf")
    return group.question.shortfall(value)


def slice_finding(group: Group, live: Interval) -> Finding:
    """What is to be said about one slice."""
    part = Part(
        column=group.column, value=group.name, rows=group.rows, examples=list(group.examples),
        metric=None if isnan(group.estimate.value) else group.estimate.value,
    )  # fmt: skip
    name = f"{group.question.metric} where {group.name}"
    verdict = judged(group.question, live, rows=group.rows, sample=group.sample, name=name)
    return Finding(kind="slice", name=group.name, rows=group.rows, part=part, **verdict)


def judged(question: Question, live: Interval, *, rows: int, sample: int, name: str) -> dict[str, Any]:
    """The verdict on one metric, and everything that a finding says about it."""
    numbers = {key: None if isnan(value) else value for key, value in vars(live).items()}
    known = numbers | {
        "limit": question.limit(), "expected": question.promise.value if question.promise else None
    }  # fmt: skip
    if sample < question.minimum:
        have = f"{name}: {rows} labelled rows, {sample} {question.counted}"
        return known | say("insufficient", f"{have}; {question.minimum - sample} more are needed.")
    if isnan(live.value):
        return known | say("insufficient", f"{name} is not defined on these {rows} rows (a class may be missing).")
    text = f"{name}: {live.value:.4f} [{live.low:.4f}, {live.high:.4f}] on {rows} labelled rows"
    if question.promise is None:
        return known | say("insufficient", f"{text}; nothing was attested to compare it with. Run `mlops validate`.")
    promise = question.promise
    text += f", promised {promise.value:.4f} [{promise.low:.4f}, {promise.high:.4f}], limit {question.limit():.4f}"
    if question.broken(question.good_end(live)):
        return known | say("worse", f"{text}: proven worse than promised.")
    if question.broken(live.value):
        return known | say("insufficient", f"{text}: below the promise, not proven; more labels decide.")
    return known | say("ok", f"{text}.")


def say(verdict: Verdict, message: str) -> dict[str, Any]:
    """A verdict and its sentence, as fields of a finding."""
    return {"verdict": verdict, "message": message}
