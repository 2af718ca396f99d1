"""Does the model treat groups of people differently by more than the contract allows?

The value is Fairlearn's: the largest difference of a metric between two groups. It is biased upwards on few rows, so a
gate on it would refuse fair models; here a difference fails only when some pair of groups is proven to differ by more
than the limit, all pairs of all declarations judged jointly (`statistics.joint`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from pipelines.contract import Fairness
from pipelines.decisions.gates import Finding, finding, shown
from pipelines.decisions.statistics import Estimate, Interval, Statistic, joint, missing
from pipelines.decisions.weighted import ratio


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """What the model did with the rows: true and decided class [rows] (its index), and the main score [rows]."""

    y: np.ndarray
    decided: np.ndarray
    score: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Group:
    """The rows of one group that a metric looks at: what is averaged over them, and how many they are."""

    name: str
    values: np.ndarray
    counts: np.ndarray

    @property
    def sample(self) -> int:
        return int(self.counts.sum())

    def statistic(self) -> Statistic:
        """The group's metric under row weights."""
        values, counts = self.values * self.counts, self.counts.astype(np.float64)
        return lambda weights: ratio(weights @ values, weights @ counts)


def groups(declared: Fairness, sensitive: np.ndarray, outcomes: Outcomes) -> list[Group]:
    """The groups of one sensitive column, by name; people of whom it is not known are no group."""
    values, counts = averaged(declared, outcomes)
    known = ~missing(sensitive)
    names = np.array([str(value) for value in sensitive.tolist()])
    return [
        Group(name=name, values=values, counts=counts & known & (names == name))
        for name in sorted(set(names[known].tolist()))
    ]


def averaged(declared: Fairness, outcomes: Outcomes) -> tuple[np.ndarray, np.ndarray]:
    """What the metric averages per row, and over which rows."""
    chosen, every = (outcomes.decided == 1).astype(np.float64), np.ones(len(outcomes.y), dtype=bool)
    return {
        "selection_rate": (chosen, every),
        "true_positive_rate": (chosen, outcomes.y == 1),
        "false_positive_rate": (chosen, outcomes.y == 0),
        "accuracy": ((outcomes.decided == outcomes.y).astype(np.float64), every),
        "mean_prediction": (outcomes.score.astype(np.float64), every),
    }[declared.metric]


def difference(judged: Sequence[Group]) -> float:
    """Fairlearn's largest difference of the metric between two of the groups."""
    from fairlearn.metrics import MetricFrame, mean_prediction

    names = np.concatenate([np.full(group.sample, group.name, dtype=object) for group in judged])
    values = np.concatenate([group.values[group.counts] for group in judged])
    frame: Any = MetricFrame(metrics=mean_prediction, y_true=values, y_pred=values, sensitive_features=names)
    return float(frame.difference(method="between_groups"))


def judge(
    declared: Sequence[tuple[Fairness, Sequence[Group]]], estimates: Mapping[tuple[int, str], Estimate], *, alpha: float
) -> list[Finding]:
    """A finding per declaration and one per group that is too small; `estimates` by (index of declaration, group)."""
    findings: list[Finding] = []
    pairs: list[tuple[int, str, str]] = []
    for index, (one, all_groups) in enumerate(declared):
        large = [group.name for group in all_groups if group.sample >= one.minimum]
        pairs += [(index, first, second) for first, second in combinations(large, 2)]
        findings += [too_small(one, group) for group in all_groups if group.sample < one.minimum]
        if len(large) < 2:
            findings.append(alone(one, len(large)))
    bounds = joint([estimates[index, first] - estimates[index, second] for index, first, second in pairs], alpha)
    for index, (one, all_groups) in enumerate(declared):
        own = [(pair, interval) for pair, interval in zip(pairs, bounds, strict=True) if pair[0] == index]
        if own:
            findings.append(largest(one, [group for group in all_groups if group.sample >= one.minimum], own))
    return findings


def largest(
    declared: Fairness, judged: Sequence[Group], pairs: Sequence[tuple[tuple[int, str, str], Interval]]
) -> Finding:
    """The finding on the largest difference between two groups: its bounds are the largest of the pairs' bounds."""
    low = max(max(one.low, -one.high, 0.0) for _, one in pairs)
    high = max(max(-one.low, one.high) for _, one in pairs)
    interval = Interval(value=difference(judged), low=low, high=high)
    (_, first, second), _ = max(pairs, key=lambda pair: abs(pair[1].value))
    refused = low > declared.limit
    text = (
        f"{declared.metric} by {declared.column}: largest difference {shown(interval)}, between {first} and {second}; "
        f"proven above {declared.limit:g} is refused."
    )
    way_out = " Weigh the rows of the group that loses, or leave out what stands for the group, and train again."
    return finding(
        "fairness", "fail" if refused else "pass", text + (way_out if refused else ""), interval,
        metric=declared.metric, subject=declared.column, limit=declared.limit,
        rows=min(group.sample for group in judged),
    )  # fmt: skip


def too_small(declared: Fairness, group: Group) -> Finding:
    """What is said about a group that cannot be judged."""
    subject = f"{declared.column} = {group.name}"
    message = (
        f"{declared.metric} for {subject}: {group.sample} rows, the contract asks for {declared.minimum}. "
        "Ingest more data, or lower 'minimum' in model.toml if so few are enough."
    )
    more: dict[str, Any] = {"metric": declared.metric, "subject": subject, "limit": declared.limit}
    return finding("fairness", "insufficient", message, rows=group.sample, **more)


def alone(declared: Fairness, large: int) -> Finding:
    """What is said when fewer than two groups are left to compare."""
    message = f"{declared.metric} by {declared.column}: {large} groups are large enough, a difference needs two."
    return finding(
        "fairness", "insufficient", message, metric=declared.metric, subject=declared.column, limit=declared.limit
    )
