"""Which columns and scores of a release's live rows drifted, and where? Binds the log to the drift decision."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import msgspec

from environments.declaration import Monitor
from pipelines.decisions.drift import Bins, Limits, judge_drift, judge_missing, number_bins, value_bins, where
from pipelines.decisions.findings import Finding
from pipelines.decisions.profile import Histogram, NumberSketch, Profile, TextSketch
from pipelines.live import Counted, Log
from serving.release import Schema

Sketch = NumberSketch | TextSketch
DriftKind = Literal["data-drift", "prediction-drift"]


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A column or score with its bins at reference and live."""

    kind: DriftKind
    name: str
    bins: Bins


def drift_findings(log: Log, schema: Schema, profile: Profile, live: Counted, rules: Monitor) -> list[Finding]:
    """The findings on inputs, their missing values, scores and decisions; `log` has selected the rows of `live`."""
    inputs = list(compared_inputs(schema, profile, live.profile))
    gaps = missing_pairs(profile, live.profile)
    answers = [*compared_scores(schema, profile, live.profile), *compared_decisions(profile, live.profile)]
    inputs_limits, answers_limits = limits(rules, len(inputs) + len(gaps)), limits(rules, len(answers))
    found = [judge_drift(one.kind, one.name, one.bins, size=live.size, limits=inputs_limits) for one in inputs]
    found = [
        with_examples(log, finding, live.profile.features[one.name], one.bins, live.size)
        for finding, one in zip(found, inputs, strict=True)
    ]
    found += [
        judge_missing(name, reference=reference, live=now, size=live.size, limits=inputs_limits)
        for name, (reference, now) in gaps.items()
    ]
    found += [judge_drift(one.kind, one.name, one.bins, size=live.size, limits=answers_limits) for one in answers]
    return found


def limits(rules: Monitor, comparisons: int) -> Limits:
    """The declared limits for a family of questions."""
    return Limits(
        distance=rules.drift, missing=rules.missing, minimum=rules.minimum_rows, alpha=rules.alpha,
        comparisons=comparisons,
    )  # fmt: skip


def compared_inputs(schema: Schema, profile: Profile, live: Profile) -> Iterator[Compared]:
    """Each input's values, missing ones aside."""
    for column in schema.columns:
        reference, now = profile.features.get(column.name), live.features.get(column.name)
        if isinstance(reference, NumberSketch) and isinstance(now, NumberSketch):
            yield Compared(
                kind="data-drift", name=column.name,
                bins=number_bins(
                    reference.edges, reference.counts, now.counts, discrete=discrete(reference.edges, column.values)
                ),
            )  # fmt: skip
        elif isinstance(reference, TextSketch) and isinstance(now, TextSketch):
            yield Compared(kind="data-drift", name=column.name, bins=value_bins(reference.values, now.values))


def discrete(edges: list[float], values: list[str | float] | None) -> bool:
    """Are the bins' edges the values themselves that the schema allows?"""
    return values is not None and set(edges) <= set(values)


def missing_pairs(profile: Profile, live: Profile) -> dict[str, tuple[tuple[int, int], tuple[int, int]]]:
    """(missing, rows) at reference and live of each input that has a missing value in either."""
    pairs = {
        name: ((sketch.missing, profile.rows), (live.features[name].missing, live.rows))
        for name, sketch in profile.features.items()
        if name in live.features
    }
    return {name: pair for name, pair in pairs.items() if pair[0][0] or pair[1][0]}


def compared_scores(schema: Schema, profile: Profile, live: Profile) -> Iterator[Compared]:
    """Each score; the first one of a binary task says nothing beyond the second."""
    for index, (reference, now) in enumerate(zip(profile.scores, live.scores, strict=True)):
        if schema.task != "binary" or index == 1:
            name = f"score of {schema.classes[index]}" if schema.classes else "score"
            yield Compared(kind="prediction-drift", name=name, bins=score_bins(reference, now))


def score_bins(reference: Histogram, live: Histogram) -> Bins:
    """A score's bins."""
    return number_bins(reference.edges, reference.counts, live.counts)


def compared_decisions(profile: Profile, live: Profile) -> Iterator[Compared]:
    """The decisions of a classifier."""
    if profile.decisions:
        yield Compared(kind="prediction-drift", name="decisions", bins=value_bins(profile.decisions, live.decisions))


def with_examples(log: Log, finding: Finding, live: Sketch, bins: Bins, size: float) -> Finding:
    """The finding with requests that show the drift."""
    if finding.verdict != "drift" or finding.part is None:
        return finding
    numbers, column = where(bins, size), finding.part.column
    if isinstance(live, NumberSketch):
        examples = log.between(column, live.edges, numbers)
    else:
        examples = log.among(column, [bins.labels[number] for number in numbers])
    return msgspec.structs.replace(finding, part=msgspec.structs.replace(finding.part, examples=examples))
